"""Stability maps: a panel per condition with the outcome of each cell."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.analysis.stability_map import ENDS, NOT_TRAINED, StabilityMap
from studies.file.messages import count_noun
from studies.numbers import format_setting, format_share, format_shares
from studies.reporting.figures.canvas import DrawnFigure, add_legend, finish, set_title
from studies.reporting.figures.map_panels import draw_cells, map_panels, mark_authors, other_handles
from studies.reporting.figures.themes import THEMES, Theme, ThemeName

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def stability_map(
    maps: Sequence[StabilityMap], areas: pd.DataFrame, theme_name: ThemeName = "light"
) -> DrawnFigure | None:
    """The commonest outcome of each cell of each condition's map, paler the fewer of its seeds have it.

    areas  the table `stable_areas` of the maps

    None without a cell that was trained.
    """
    theme = THEMES[theme_name]
    if not any(of_condition.trained.any() for of_condition in maps):
        return None
    figure, axes = map_panels(theme, maps)
    for panel, of_condition in zip(axes, maps, strict=True):
        set_title(panel, theme, of_condition.condition, _area_in_words(areas, of_condition.condition))
        _draw_outcomes(panel, theme, of_condition)
        mark_authors(panel, theme, of_condition)
    add_legend(figure, theme, _outcome_handles(theme, maps))
    seeds = maps[0].seeds
    paler = f" The paler a cell, the fewer of its {seeds} seeds have this outcome." if seeds > 1 else ""
    return finish(
        figure,
        "stability-map",
        f"Stability map: the outcome of {'the GAN' if seeds == 1 else f'most of the {seeds} GANs'} trained in each "
        f"cell, whose setting is the cell's middle.{paler} Percentages: share of the map that is stable, with its 95% "
        f"interval for other seeds.{_authors_in_words(maps)}",
        "; ".join(_map_in_words(of_condition, areas) for of_condition in maps),
    )


def _draw_outcomes(panel: "Axes", theme: Theme, of_condition: StabilityMap) -> None:
    dominant, largest = of_condition.dominant, of_condition.counts.max(axis=-1)
    for index in np.unique(dominant[dominant != NOT_TRAINED]):
        for count in np.unique(largest[dominant == index]):
            look = {**_look(theme, index), "alpha": 0.3 + 0.7 * count / of_condition.seeds}
            draw_cells(panel, of_condition, (dominant == index) & (largest == count), look)


def _look(theme: Theme, index: int) -> dict[str, Any]:
    """Colour and a sparse hatching of an outcome, which no reader must tell by its colour alone."""
    style = theme.outcomes[ENDS[index]]
    return {"fc": style.color, "ec": theme.background, "hatch": style.hatch[:2], "lw": 0}


def _outcome_handles(theme: Theme, maps: Sequence[StabilityMap]) -> list[Any]:
    from matplotlib.patches import Patch

    present = {int(index) for of_condition in maps for index in np.unique(of_condition.dominant)} - {NOT_TRAINED}
    patches = [Patch(label=ENDS[index], **_look(theme, index)) for index in sorted(present)]
    return [*patches, *other_handles(theme, maps)]


def _area_in_words(areas: pd.DataFrame, condition: str) -> str:
    for row in areas[areas["condition"] == condition].to_dict("records"):
        return f"{format_share(row['stable_area'])} stable ({format_shares(row['stable_low'], row['stable_high'])})"
    return ""


def _authors_in_words(maps: Sequence[StabilityMap]) -> str:
    if any(of_condition.authors_setting is not None for of_condition in maps):
        return " Star: the authors' values of the axes, where their other settings may differ from those here."
    return ""


def _map_in_words(of_condition: StabilityMap, areas: pd.DataFrame) -> str:
    dominant = of_condition.dominant
    cells = [f"{(dominant == index).sum()} {end}" for index, end in enumerate(ENDS) if (dominant == index).any()]
    setting = of_condition.authors_setting
    authors = "" if setting is None else f", the authors' setting at {', '.join(map(format_setting, setting))}"
    return (
        f"{of_condition.condition}: {_area_in_words(areas, of_condition.condition) or 'no cell counts yet'}; of "
        f"{count_noun(int(of_condition.trained.sum()), 'cell')} {', '.join(cells)}{authors}"
    )
