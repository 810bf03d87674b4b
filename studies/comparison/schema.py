"""What every table of a comparison is made with: rows, and the types of its columns."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

Schema = Mapping[str, str]
"""The type of each column, by its name, in the order of the columns."""


def table_of(rows: Iterable[Mapping[str, Any]], schema: Schema) -> pd.DataFrame:
    """The rows as a table with exactly these columns and types, also where there is no row."""
    return pd.DataFrame(list(rows), columns=list(schema)).astype(dict(schema))
