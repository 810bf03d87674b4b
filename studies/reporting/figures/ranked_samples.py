"""Figure of samples in the order of the ranking: fakes of one seed of each setting found, beside real samples."""

from typing import TYPE_CHECKING

import numpy as np

from studies.reporting.figures.canvas import DrawnFigure, finish
from studies.reporting.figures.image_grid import PER_LINE, ImageRow, image_grid
from studies.reporting.figures.image_pixels import colours, real_colours
from studies.reporting.figures.median_member import MedianMember, median_member
from studies.reporting.figures.sample_sheets import confirmed_labels, scatters
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.wording import shortened
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LABEL_LENGTH = 15
"""Characters of a condition's name that fit next to its images."""


def ranked_samples(results: Results, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Fakes of the median member of each confirmed condition, in the order of the ranking.

    Images: a row of real samples, then a row per condition. Points of the plane: a scatter per condition of its fakes
    and real points. None before a condition is confirmed, and for other kinds of data.
    """
    theme = THEMES[theme_name]
    if not (results.data.planar or results.data.of_images):
        return None
    found = {name: median_member(results, name) for name in results.ranking["condition"]}
    shown = {name: member for name, member in found.items() if member is not None}
    if not shown:
        return None
    labels = {name: confirmed_labels(results, name)[member.index].split("\n") for name, member in shown.items()}
    draw, real = (_scatters, "Real points are grey.") if results.data.planar else (_rows, "Above: real images.")
    return finish(
        draw(results, shown, {name: label for name, (_, label) in labels.items()}, theme),
        "ranked-samples",
        "Fakes of the setting found for each condition, in the order of the ranking: of its seed with the median late "
        f"distance (of an even number of seeds, the nearer of the two in the middle), with its outcome and late "
        f"distance. No seed or fake was selected by eye. {real}",
        "; ".join(f"{name}: {', '.join(label)}" for name, label in labels.items()),
    )


def _rows(results: Results, shown: dict[str, MedianMember], labels: dict[str, str], theme: Theme) -> "Figure":
    """The first images of each member; the fakes of a trial are in the order in which they were generated."""
    rows = [ImageRow(real_colours(results.data, PER_LINE), "real images")]
    for name, member in shown.items():
        fakes = results.samples(name)[member.index][:PER_LINE]
        rows.append(ImageRow(colours(results.data, fakes), f"{shortened(name, _LABEL_LENGTH)}\n{labels[name]}"))
    return image_grid(rows, theme)


def _scatters(results: Results, shown: dict[str, MedianMember], labels: dict[str, str], theme: Theme) -> "Figure":
    fakes = np.stack([results.samples(name)[member.index] for name, member in shown.items()])
    return scatters(results.data, [f"{shortened(name, _LABEL_LENGTH)}\n{labels[name]}" for name in shown], fakes, theme)
