"""Configurations of a large study as shaded cells, in place of a marker for each of them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from gan_core.outcomes import OUTCOMES
from studies.reporting.figures.hyperparameter_scale import HyperparameterScale
from studies.reporting.figures.legend_entries import FAILED
from studies.reporting.figures.themes import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_MARKERS = 200
"""Largest number of configurations of a condition that are drawn as a marker each."""
CELLS = 16
"""Number of cells along the axis of a hyperparameter with a range."""
SHADES = 5
"""Number of shades: a share is drawn as the next multiple of one in this many."""


def cell_edges(scale: HyperparameterScale) -> Float[np.ndarray, "edges"]:
    """Edges of the cells along the axis of a hyperparameter; a listed value has a cell of its own."""
    if scale.values is not None:
        return np.arange(len(scale.values) + 1) - 0.5
    spaced = np.geomspace if scale.log else np.linspace
    return spaced(scale.low, scale.high, CELLS + 1)


def column_shares(
    x: Float[np.ndarray, "configurations"],
    y: Float[np.ndarray, "configurations"],
    outcomes: Sequence[str],
    edges: tuple[Float[np.ndarray, "columns"], Float[np.ndarray, "rows"]],
) -> pd.DataFrame:
    """Cells whose `share` is that of their configurations among those of the same column, see `_cells`."""
    cells = _cells(x, y, outcomes, edges)
    return cells.assign(share=cells["count"] / cells.groupby("column")["count"].transform("sum"))


def outcome_shares(
    x: Float[np.ndarray, "configurations"],
    y: Float[np.ndarray, "configurations"],
    outcomes: Sequence[str],
    edges: tuple[Float[np.ndarray, "columns"], Float[np.ndarray, "rows"]],
) -> pd.DataFrame:
    """Cells whose `share` is that of the configurations with the cell's outcome among all in the cell, see `_cells`."""
    cells = _cells(x, y, outcomes, edges)
    return cells.assign(share=cells["commonest"] / cells["count"])


def _cells(x: np.ndarray, y: np.ndarray, outcomes: Sequence[str], edges: tuple[np.ndarray, np.ndarray]) -> pd.DataFrame:
    """A row per cell that holds a configuration: `column`, `row`, its sides, `outcome`, `commonest` and `count`.

    outcome    commonest outcome of the configurations in the cell, in a tie the first in the order of the legend
    commonest  number of configurations with that outcome
    count      number of all configurations in the cell
    """
    columns, rows = (
        np.clip(np.searchsorted(along, values, side="right") - 1, 0, len(along) - 2)
        for along, values in zip(edges, (x, y), strict=True)
    )
    order = [OUTCOMES[0], *FAILED]
    codes = [order.index(outcome) for outcome in outcomes]
    counts = pd.DataFrame({"column": columns, "row": rows, "code": codes}).value_counts().rename("commonest")
    order_in_cell = {"by": ["column", "row", "commonest", "code"], "ascending": [True, True, False, True]}
    table = counts.reset_index().sort_values(**order_in_cell)
    table["count"] = table.groupby(["column", "row"])["commonest"].transform("sum")
    table = table.drop_duplicates(["column", "row"]).reset_index(drop=True)
    sides = {
        "left": edges[0][table["column"]],
        "right": edges[0][table["column"] + 1],
        "bottom": edges[1][table["row"]],
        "top": edges[1][table["row"] + 1],
    }
    return table.assign(outcome=[order[code] for code in table["code"]], **sides)


def shade(axis: "Axes", theme: Theme, cells: pd.DataFrame) -> None:
    """Draw cells in the colours of their outcomes, the stronger the larger their share; equal ones as one shape."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    shades = np.ceil(SHADES * cells["share"].to_numpy() - 1e-9).astype(int)
    for (outcome, shade), group in cells.groupby(["outcome", shades]):
        corners = group[["left", "bottom", "right", "top"]].to_numpy()
        paths = [Path(_corners(*cell), closed=True) for cell in corners]
        color = theme.outcomes[outcome].color
        axis.add_patch(PathPatch(Path.make_compound_path(*paths), fc=color, lw=0, alpha=shade / SHADES))


def _corners(left: float, bottom: float, right: float, top: float) -> list[tuple[float, float]]:
    return [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]


def handles(theme: Theme, outcomes: Iterable[str]) -> list[Any]:
    """Legend entries of the outcomes that occur, in the order of the legend."""
    from matplotlib.patches import Patch

    present = set(outcomes)
    return [
        Patch(fc=theme.outcomes[outcome].color, lw=0, label="stable" if outcome == OUTCOMES[0] else f"mostly {outcome}")
        for outcome in (OUTCOMES[0], *FAILED)
        if outcome in present
    ]
