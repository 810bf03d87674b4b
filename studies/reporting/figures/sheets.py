"""Files with pictures of a study's samples."""

from pathlib import Path

from studies.reporting.figures.interpolations import interpolation_sheet
from studies.reporting.figures.nearest_images import nearest_sheet
from studies.reporting.figures.sample_sheets import sample_sheet
from studies.tables.results import Results


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
