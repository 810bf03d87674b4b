"""Points of any dimension from a table of numbers: CSV or Parquet."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from jaxtyping import Float, Int

from gan_core.data.dataset import PARTS, AnyData, Dataset, Sizes, Units
from gan_core.fields import check_fields

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST = 10
"""Smallest number of rows of a study."""
AUTO_HELD_OUT = 2500
"""Largest number of rows in each held-out split for `held_out = "auto"`."""


@dataclass(frozen=True, kw_only=True)
class Table(AnyData):
    """Points of any dimension: the rows of a CSV or Parquet file of numbers.

    path         a .csv, .tsv or .parquet file. The first line of a CSV file names the columns, unless it holds numbers
                 alone. A relative path begins at the folder of the study file
    columns      names of the columns that are used; empty: all columns but that of `label`
    label        name of the column of classes, text or whole numbers, for conditional GANs (`networks.classes`); empty:
                 there are none
    standardise  true: each column has mean 0 and standard deviation 1 over the training split; false: the numbers as
                 they are
    limit        number of rows that are used, chosen by a fixed permutation; `all`: every row
    held_out     rows in each of validation and test split; `auto`: a fifth of all, at most 2500

    The rows are split by a fixed permutation.
    """

    kind: Literal["table"] = "table"
    path: str
    columns: tuple[str, ...] = ()
    label: str = ""
    standardise: bool = True
    limit: Annotated[int, Ge(10)] | Literal["all"] = "all"
    held_out: Annotated[int, Ge(2)] | Literal["auto"] = "auto"
    unaddressed: ClassVar[tuple[str, ...]] = ("path", "label")

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.path:
            raise ValueError("path: must name a file, but is empty")
        if self.label in self.columns:
            raise ValueError(f"label: must be none of the columns, but {self.label} is one")

    @property
    def sizes(self) -> Sizes:
        return self._sizes(len(self._rows()[0]))

    def load(self) -> Dataset:
        labels, classes = self._labels()
        rows, names = self._rows()
        sizes = self._sizes(len(rows))
        train, validation, test = np.split(rows, [sizes.train, sizes.train + sizes.held_out])
        spread = train.std(0)
        for name, deviation in zip(names, spread, strict=True):
            if self.standardise and not deviation:
                raise ValueError(
                    f"columns: must leave out {name}, which has the same value in all {len(train)} training rows"
                )
        mean = train.mean(0) if self.standardise else np.zeros_like(spread)
        scale = spread if self.standardise else np.ones_like(spread)
        scaled = [((part - mean) / scale).astype(np.float32) for part in (train, validation, test)]
        notes = (f"columns {', '.join(names)}, {'standardised' if self.standardise else 'as they are'}",)
        return Dataset(
            name=Path(self.path).name,
            train=scaled[0],
            validation=scaled[1],
            test=scaled[2],
            shape=(len(names),),
            bounded=False,
            labels=dict(zip(PARTS, np.split(labels, [sizes.train, sizes.train + sizes.held_out]), strict=True))
            if classes
            else {},
            classes=classes,
            notes=notes,
        )

    def _labels(self) -> tuple[Int[np.ndarray, "rows"], tuple[str, ...]]:
        """The number of the class of each row that is used, in the rows' permutation, and the names of the classes."""
        if not self.label:
            return np.empty(0, np.int64), ()
        import pyarrow as pa

        table = self._read()
        if self.label not in table.column_names:
            held = ", ".join(table.column_names[:12])
            raise ValueError(f"label: must name a column of {self.path}, which has {held}, but is {self.label}")
        column = table.column(self.label)
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_boolean(kind) or _is_text(kind)) or column.null_count:
            held = f"{column.null_count} missing values" if column.null_count else str(kind)
            raise ValueError(f"label: must name a column of text or whole numbers, but {self.label} holds {held}")
        values = column.to_pylist()
        known = sorted(set(values))
        numbers = {value: number for number, value in enumerate(known)}
        labels = np.array([numbers[value] for value in values])[self._order(len(values))]
        return labels, tuple(str(value) for value in known)

    def units(self) -> Units | None:
        """Means and standard deviations by which the columns were standardised; None if they are as they are."""
        if not self.standardise:
            return None
        rows, names = self._rows()
        train = rows[: self._sizes(len(rows)).train]
        return Units(columns=tuple(names), offset=tuple(train.mean(0).tolist()), scale=tuple(train.std(0).tolist()))

    def columns_by_use(self) -> tuple[list[str], list[str]]:
        """Names of the columns that hold finite numbers, not all equal, and of the others, both without `label`.

        `columns` is ignored.

        Errors: `ValueError` for a file that cannot be read, or without a column of the first kind.
        """
        table, usable, others = self._read(), list[str](), list[str]()
        for name in table.column_names:
            if name == self.label:
                continue
            try:
                numbers = _numbers(table, name, self.path)
                differ = len(numbers) > 0 and bool((numbers != numbers[0]).any())
            except ValueError:
                differ = False
            (usable if differ else others).append(str(name))
        if not usable:
            raise ValueError(f"path: must hold a column of finite numbers that differ, but {self.path} has none")
        return usable, others

    def portable(self) -> tuple[str, bytes]:
        """Name and content of one file from which the same rows are loaded."""
        import pyarrow.parquet as pq

        buffer = BytesIO()
        pq.write_table(self._read(), buffer)
        return "table.parquet", buffer.getvalue()

    def _rows(self) -> tuple[Float[np.ndarray, "rows columns"], list[str]]:
        """All rows that are used in their fixed permutation, and the names of the columns."""
        table = self._read()
        names = [str(name) for name in self.columns or table.column_names if name != self.label]
        columns = []
        for name in names:
            if name not in table.column_names:
                held = ", ".join(table.column_names[:12])
                raise ValueError(f"columns: must name columns of {self.path}, which has {held}, but names {name}")
            columns.append(_numbers(table, name, self.path))
        rows = np.stack(columns, axis=1)
        if len(rows) < FEWEST:
            raise ValueError(f"path: must hold at least {FEWEST} rows, but {self.path} holds {len(rows)}")
        return rows[self._order(len(rows))], names

    def _order(self, count: int) -> Int[np.ndarray, "rows"]:
        """Numbers of the rows that are used, in their fixed permutation."""
        order = np.random.default_rng(0).permutation(count)
        return order if self.limit == "all" else order[: self.limit]

    def _sizes(self, count: int) -> Sizes:
        held_out = min(AUTO_HELD_OUT, count // 5) if self.held_out == "auto" else self.held_out
        if 2 * held_out >= count:
            raise ValueError(f"held_out: must be <= {(count - 1) // 2} of the {count} rows, but is {held_out}")
        return Sizes(train=count - 2 * held_out, held_out=held_out)

    def _read(self) -> "pa.Table":
        import pyarrow as pa
        import pyarrow.csv as csv
        import pyarrow.parquet as pq

        path, suffix = Path(self.path), Path(self.path).suffix.lower()
        if suffix not in (".csv", ".tsv", ".parquet"):
            raise ValueError(f"path: must be a .csv, .tsv or .parquet file, but is {self.path}")
        if not path.is_file():
            raise ValueError(f"path: must be a file, but {self.path} {'is not' if path.exists() else 'does not exist'}")
        try:
            if suffix == ".parquet":
                return pq.read_table(path)
            parsed = csv.ParseOptions(delimiter="\t" if suffix == ".tsv" else ",")
            table = csv.read_csv(path, parse_options=parsed)
            if all(_is_number(name) for name in table.column_names):  # a file without names of columns
                unnamed = csv.ReadOptions(autogenerate_column_names=True)
                table = csv.read_csv(path, read_options=unnamed, parse_options=parsed)
            return table
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())[:160]
            raise ValueError(f"path: must be a table that can be read, but {self.path} is not ({reason})") from None


def _is_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(values) or pa.types.is_large_string(values)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(table: "pa.Table", name: str, path: str) -> Float[np.ndarray, "rows"]:
    """The numbers of a column.

    Errors: `ValueError` for a column of something else, and for missing or infinite numbers.
    """
    import pyarrow as pa

    column = table.column(name)
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        hint = "; its columns may be separated by something else than commas" if table.num_columns == 1 else ""
        raise ValueError(f"columns: must name columns of numbers, but {name} of {path} holds {kind}{hint}")
    if column.null_count:
        raise ValueError(f"path: must hold a number in every row, but column {name} has {column.null_count} missing")
    numbers = column.cast(pa.float64(), safe=False).to_numpy()
    if not np.isfinite(numbers).all():
        row = int(np.argmin(np.isfinite(numbers)))
        raise ValueError(f"path: must hold finite numbers, but column {name} holds {numbers[row]} in row {row + 1}")
    return numbers
