"""Segments: rows are read back bit for bit, and a damaged file is refused before its values are used."""

import random
from io import BytesIO

import numpy as np
import pytest
from ledger_contents import check_sentence, row

from studies.errors import DamagedError, InputError
from studies.ledger import segments
from studies.ledger.entries import checked_row
from studies.ledger.segments import Row, Segment, segment_name, to_segment

ROWS = [row(index) for index in range(3)]


def opened(content: bytes, name: str | None = None) -> Segment:
    return Segment(BytesIO(content), name or segment_name(content), "place")


def bits(rows: list[Row]) -> list[tuple[object, ...]]:
    return [(row.key, row.facts, row.values.tobytes(), row.generators.tobytes(), row.samples, row.log) for row in rows]


def read(content: bytes, name: str | None = None) -> list[tuple[object, ...]]:
    segment = opened(content, name)
    return bits([checked_row(segment, light) for light in segment.light_rows()])


@pytest.mark.parametrize("group_bytes", [1, 2**22])
def test_rows_are_read_back_whether_in_one_row_group_or_in_several(
    group_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "GROUP_BYTES", group_bytes)
    content = to_segment(ROWS)
    assert opened(content)._parquet.metadata.num_row_groups == (3 if group_bytes == 1 else 1)
    assert opened(content).keys == tuple(row.key for row in ROWS)
    assert read(content) == bits(ROWS)


def test_equal_rows_give_equal_bytes_and_one_name() -> None:
    first, second = to_segment(ROWS), to_segment([row(index) for index in range(3)])
    assert first == second
    assert segment_name(first) == segment_name(second) != segment_name(to_segment(ROWS[:2]))
    assert len(segment_name(first)) == 32


def test_a_row_with_empty_columns_is_read_back() -> None:
    nothing = np.empty(0, dtype=np.float32)
    empty = Row("k", "{}", np.empty(0), nothing, b"", "")
    segment = opened(to_segment([empty, empty]))
    assert [light.values.size for light in segment.light_rows()] == [0, 0]
    assert segment.heavy(1, "generators").size == 0
    assert (segment.heavy(1, "samples"), segment.heavy(1, "log")) == (b"", "")


def test_many_trials_share_the_cost_of_a_file() -> None:
    alone, together = len(to_segment([row(0)])), len(to_segment([row(index) for index in range(24)]))
    assert together / 24 < 0.6 * alone


@pytest.mark.parametrize("seed", range(4))
def test_fifty_flipped_bytes_never_change_a_row(seed: int) -> None:
    content, rng = to_segment(ROWS), random.Random(seed)
    name, expected = segment_name(content), bits(ROWS)
    for _ in range(50):
        damaged = bytearray(content)
        damaged[rng.randrange(len(damaged))] ^= rng.randrange(1, 256)
        try:
            assert read(bytes(damaged), name) == expected
        except DamagedError as error:
            check_sentence(error)


@pytest.mark.parametrize("end", [0, 1, 7, 8, 100, -1])
def test_a_cut_segment_is_refused(end: int) -> None:
    content = to_segment(ROWS)
    with pytest.raises(DamagedError, match=r"it is empty" if end == 0 else r"Parquet|footer"):
        opened(content[:end], segment_name(content))


def test_a_renamed_segment_is_refused() -> None:
    with pytest.raises(DamagedError, match="its name is not the checksum of its footer"):
        opened(to_segment(ROWS[:1]), segment_name(to_segment(ROWS[1:])))


def test_a_segment_of_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "FORMAT", 99)
    content = to_segment(ROWS)
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"^place: was written by another version of gan-studies \(format 99, "):
        opened(content)


def test_a_row_beyond_the_last_is_refused() -> None:
    with pytest.raises(DamagedError, match="it has no row 3"):
        opened(to_segment(ROWS)).heavy(3, "log")


def parquet(columns: dict[str, object], metadata: str | None, **options: object) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = BytesIO()
    table = pa.table(columns)
    with pq.ParquetWriter(sink, table.schema, **options) as writer:
        if metadata is not None:
            writer.add_key_value_metadata({b"gan_studies": metadata})
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize(
    "metadata",
    [None, "", "[]", "{}", '{"format": 3}', '{"format": 3, "keys": 1}', '{"format": 3, "keys": [[]]}', "[" * 9999],
)
def test_a_parquet_file_of_others_is_refused(metadata: str | None) -> None:
    with pytest.raises(DamagedError):
        opened(parquet({"a": [1]}, metadata, use_dictionary=False))


def test_a_parquet_file_with_other_columns_is_refused_when_it_is_read() -> None:
    segment = opened(parquet({"key": [1]}, '{"format": 3, "keys": ["k"]}', use_dictionary=False))
    with pytest.raises(DamagedError):
        segment.light_rows()
    with pytest.raises(DamagedError):
        segment.heavy(0, "samples")


def test_text_that_is_not_utf8_is_refused() -> None:
    import pyarrow as pa

    text = pa.array([b"\xff"], pa.binary()).view(pa.string())
    columns = {"key": text, "facts": text, "checksum": text, "values": pa.array([[1.0]])}
    with pytest.raises(DamagedError):
        opened(parquet(columns, '{"format": 3, "keys": ["k"]}', use_dictionary=False)).light_rows()


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """Ten million equal numbers in less than 100 kB."""
    import pyarrow as pa

    many = pa.array(np.zeros(10_000_000), pa.float64())
    content = parquet({"values": many}, '{"format": 3, "keys": ["k"]}', compression="zstd")
    assert len(content) < 100_000
    with pytest.raises(DamagedError, match=r"row groups are larger|not encoded"):
        opened(content)
