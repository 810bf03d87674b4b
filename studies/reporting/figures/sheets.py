"""Files with pictures of a study's samples and of its stability maps."""

from pathlib import Path

from studies.analysis.comparison import Comparison
from studies.reporting.figures.canvas import write_png
from studies.reporting.figures.growth_map import growth_map
from studies.reporting.figures.interpolations import interpolation_sheet
from studies.reporting.figures.metric_map import metric_map
from studies.reporting.figures.nearest_images import nearest_sheet
from studies.reporting.figures.sample_sheets import sample_sheet
from studies.reporting.figures.stability_figure import stability_map
from studies.tables.results import Results


def write_maps(comparison: Comparison, folder: Path) -> list[Path]:
    """Write PNG files of the figures of a study of stability maps; return their paths, none for another study."""
    results, maps = comparison.results, comparison.maps
    second = growth_map(results, maps) or metric_map(results, maps)
    drawn = [figure for figure in (stability_map(maps, comparison.stable_areas), second) if figure is not None]
    return [write_png(figure.figure, folder / f"{figure.name}.png") for figure in drawn]


def write_sheets(results: Results, folder: Path) -> dict[str, Path]:
    """Write PNG files of the samples of every confirmed condition; return the path of each condition's sample sheet.

    For a condition gan there are gan.png (`sample_sheet`) and, for images, nearest/gan.png (`nearest_sheet`) and
    interpolations/gan.png (`interpolation_sheet`). Data that are neither images nor points of the plane have none.
    """
    sheets = {}
    for condition in results.study.conditions:
        name = condition.name
        sheet = sample_sheet(results, name, folder / f"{name}.png")
        nearest_sheet(results, name, folder / "nearest" / f"{name}.png")
        interpolation_sheet(results, name, folder / "interpolations" / f"{name}.png")
        if sheet is not None:
            sheets[name] = sheet
    return sheets
