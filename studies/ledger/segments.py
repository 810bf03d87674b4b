"""Segments: Parquet files with the entries of trials that were committed together, one row per entry.

    key         addresses of the training and of the evaluation, see `entries.key_of`
    facts       what is known of the entry as JSON: identity, evaluation, costs, reference values, axes of the arrays,
                and the checksums of the other columns
    checksum    of `facts`
    values      value of each metric, seed and step
    generators  parameters of the generators at each snapshot, float32
    samples     arrays of samples for pictures, as .npz
    log         one line for each start, resume and end

The name of a segment is a checksum of its footer, which says where every page lies; it is compared before the footer is
used. The pages have checksums of their own, which pyarrow compares when it reads them.
"""

import json
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np

from studies.errors import DamagedError, GanStudyError
from studies.ledger.sealed import FORMAT, checksum, refuse_other_format

LIGHT = ("key", "facts", "checksum", "values")
"""Columns that every table of results is made from."""
HEAVY = ("generators", "samples", "log")
"""Columns that are read for one entry at a time."""
LARGEST_GROUP = 2**33
"""Largest number of bytes of a row group that is read."""
GROUP_BYTES = 2**22
"""Size from which a further row group is begun; a column is read one row group at a time."""
_METADATA = b"gan_studies"
_TAIL = 8
"""Bytes at the end of a Parquet file: length of the footer, and `PAR1`."""


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a segment; the columns have their names, and `facts` is JSON."""

    key: str
    facts: str
    values: np.ndarray
    generators: np.ndarray
    samples: bytes
    log: str

    @property
    def size(self) -> int:
        """Number of bytes without compression."""
        return len(self.facts) + self.values.nbytes + self.generators.nbytes + len(self.samples) + len(self.log)


@dataclass(frozen=True, eq=False)
class LightRow:
    """The light columns of one row, and the number of the row in its segment."""

    number: int
    key: str
    facts: str
    checksum: str
    values: np.ndarray


def to_segment(rows: Sequence[Row]) -> bytes:
    """The segment of these rows; equal rows give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "key": pa.array([row.key for row in rows], pa.string()),
        "facts": pa.array([row.facts for row in rows], pa.string()),
        "checksum": pa.array([checksum(row.facts.encode()) for row in rows], pa.string()),
        "values": _lists([row.values for row in rows], np.float64),
        "generators": _lists([row.generators for row in rows], np.float32),
        "samples": pa.array([row.samples for row in rows], pa.binary()),
        "log": pa.array([row.log for row in rows], pa.string()),
    }
    metadata = json.dumps({"format": FORMAT, "keys": [row.key for row in rows]})
    table, sink = pa.table(columns), BytesIO()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        use_dictionary=False,
        # bytes of equal significance lie together: the low bytes of a double that was a float are 0
        column_encoding={f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in ("values", "generators")},
        write_statistics=False,
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        writer.add_key_value_metadata({_METADATA: metadata})
        writer.write_table(table, row_group_size=max(1, GROUP_BYTES // max(row.size for row in rows)))
    return sink.getvalue()


def segment_name(segment: bytes) -> str:
    """Name of a segment: the checksum of its footer, 32 hexadecimal digits."""
    return checksum(_footer(BytesIO(segment), "segment"))[:32]


class Segment:
    """A segment that was opened for reading.

    file   its content, open for reading at any position; it is closed with the segment
    name   its name, without the ending
    place  its path or address for messages

    Errors of the constructor and of every method: `DamagedError` if it is not what `to_segment` wrote under this name;
    `InputError` for a segment of another format.
    """

    def __init__(self, file: BinaryIO, name: str, place: str):
        self._file, self.place = file, place
        weakref.finalize(self, file.close)
        if checksum(self._checked(lambda: _footer(file, place)))[:32] != name:
            raise DamagedError(place, "its name is not the checksum of its footer")
        self._parquet = self._checked(self._open)
        self.keys: tuple[str, ...] = self._checked(self._keys)
        self._checked(self._check_size)

    def _keys(self) -> tuple[str, ...]:
        metadata = json.loads((self._parquet.metadata.metadata or {})[_METADATA])
        refuse_other_format(metadata["format"], self.place)
        keys = metadata["keys"]
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise DamagedError(self.place, "its footer lists no keys")
        return tuple(keys)

    def _check_size(self) -> None:
        """Check that reading takes no more memory than the columns of a trial can: a foreign file may be a bomb."""
        footer = self._parquet.metadata
        for group in map(footer.row_group, range(footer.num_row_groups)):
            if group.num_rows > len(self.keys) or group.total_byte_size > LARGEST_GROUP:
                raise DamagedError(self.place, "its row groups are larger than those that are written")
            for column in map(group.column, range(group.num_columns)):
                if column.num_values > LARGEST_GROUP // 4 or "RLE_DICTIONARY" in column.encodings:
                    raise DamagedError(self.place, "its columns are not encoded as those that are written")

    def _open(self) -> Any:
        import pyarrow.parquet as pq

        return pq.ParquetFile(self._file, page_checksum_verification=True)

    def light_rows(self) -> list[LightRow]:
        """The light columns of all rows."""
        return self._checked(self._light_rows)

    def _light_rows(self) -> list[LightRow]:
        table = self._parquet.read(list(LIGHT), use_threads=False)
        columns = [list(_arrays(table["values"])), *(table[name].to_pylist() for name in ("key", "facts", "checksum"))]
        if tuple(columns[1]) != self.keys:
            raise DamagedError(self.place, "its rows are not those that its footer lists")
        return [
            LightRow(number, key, facts, digest, values)
            for number, (values, key, facts, digest) in enumerate(zip(*columns, strict=True))
        ]

    def heavy(self, number: int, column: str) -> Any:
        """A heavy column of one row: an array of float32, bytes, or text."""
        return self._checked(lambda: self._heavy(number, column))

    def _heavy(self, number: int, column: str) -> Any:
        group, first = self._group_of(number)
        values = self._parquet.read_row_group(group, [column], use_threads=False)[column].combine_chunks()
        if column == "generators":
            return list(_arrays(values))[number - first]
        return values[number - first].as_py()

    def _group_of(self, number: int) -> tuple[int, int]:
        """Number of the row group that holds a row, and the number of its first row."""
        first = 0
        for group in range(self._parquet.metadata.num_row_groups):
            rows = self._parquet.metadata.row_group(group).num_rows
            if number < first + rows:
                return group, first
            first += rows
        raise DamagedError(self.place, f"it has no row {number}")

    def _checked(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except GanStudyError:
            raise
        except Exception as error:  # pyarrow raises many kinds
            first_line = str(error).partition("\n")[0][:120]
            printable = "".join(each if each.isprintable() else "?" for each in first_line)
            raise DamagedError(self.place, f"it cannot be read: {printable}") from None


def _footer(file: BinaryIO, place: str) -> bytes:
    """The footer of a Parquet file with its length and the mark at the end."""
    end = file.seek(0, 2)
    file.seek(max(0, end - _TAIL))
    tail = file.read(_TAIL)
    length = int.from_bytes(tail[:4], "little")
    if len(tail) < _TAIL or tail[4:] != b"PAR1" or length > end - _TAIL:
        raise DamagedError(place, "it is no whole Parquet file" if end else "it is empty")
    file.seek(end - _TAIL - length)
    return file.read(length) + tail


def _lists(rows: Sequence[np.ndarray], dtype: type) -> Any:
    import pyarrow as pa

    offsets = np.cumsum([0, *(row.size for row in rows)])
    values: np.ndarray = np.concatenate([np.empty(0, dtype), *(row.reshape(-1) for row in rows)]).astype(
        dtype, copy=False
    )
    return pa.LargeListArray.from_arrays(offsets, values).cast(pa.list_(pa.from_numpy_dtype(dtype)))


def _arrays(column: Any) -> Iterator[np.ndarray]:
    import pyarrow as pa

    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        offsets, values = chunk.offsets.to_numpy(), chunk.values.to_numpy()
        yield from (values[start:end] for start, end in pairwise(offsets))
