"""Rows of a table of tests, with p-values that are adjusted for their number."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from studies.statistics.permutation import LEVEL, holm


def adjusted(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows with `p_adjusted`, by Holm's method over the `p_value` of all, and `decided`: p_adjusted < `LEVEL`."""
    p_values = holm(np.array([row["p_value"] for row in rows]))
    for row, p_adjusted in zip(rows, p_values.tolist(), strict=True):
        yield {**row, "p_adjusted": p_adjusted, "decided": p_adjusted < LEVEL}
