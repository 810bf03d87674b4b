"""Files with the pictures that a run leaves: ranking, samples, stability maps."""

import shutil
from pathlib import Path
from threading import Lock

from studies.analysis.comparison import Comparison
from studies.reporting.figures.canvas import write_png
from studies.reporting.figures.class_samples import class_sheet
from studies.reporting.figures.confirmed_distances import ranking_picture
from studies.reporting.figures.drawn_pictures import RunPictures
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


class SampleSheets:
    """PNG files of the samples of a study's confirmed conditions in one folder, drawn once for the same trials.

    Two threads may ask for them: the one that records the run in MLflow, and the one that prints the run's summary.
    """

    def __init__(self, folder: Path):
        self._folder, self._lock = folder, Lock()
        self._drawn_of: list[tuple[str, str]] | None = None
        self._files: dict[str, list[Path]] = {}
        self._sheets: dict[str, Path] = {}

    def draw(self, results: Results) -> dict[str, Path]:
        """Draw the files, or keep those of the same confirm trials; return the path of each condition's sample sheet.

        For a condition gan there are gan.png (`sample_sheet`) and, for images, nearest/gan.png (`nearest_sheet`) and
        interpolations/gan.png (`interpolation_sheet`); for conditional GANs also classes/gan.png (`class_sheet`). Data
        that are neither images nor points of the plane have none.
        """
        with self._lock:
            confirmed = _confirmed(results)
            if confirmed != self._drawn_of:
                self._draw(results)
                self._drawn_of = confirmed
            return dict(self._sheets)

    @property
    def files(self) -> list[Path]:
        """Paths of all sample sheets in the folder after `draw`, those that it left unchanged among them."""
        return [path for paths in self._files.values() for path in paths]

    def copy(self, results: Results, folder: Path) -> None:
        """Copy the drawn files into another folder, with the same names."""
        self.draw(results)
        for path in self.files:
            target = folder / path.relative_to(self._folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)

    def _draw(self, results: Results) -> None:
        self._sheets, self._files = {}, {}
        for condition in results.study.conditions:
            name = condition.name
            sheet = sample_sheet(results, name, self._folder / f"{name}.png")
            nearest = nearest_sheet(results, name, self._folder / "nearest" / f"{name}.png")
            between = interpolation_sheet(results, name, self._folder / "interpolations" / f"{name}.png")
            by_class = class_sheet(results, name, self._folder / "classes" / f"{name}.png")
            self._files[name] = [path for path in (sheet, nearest, between, by_class) if path is not None]
            if sheet is not None:
                self._sheets[name] = sheet


def write_pictures(comparison: Comparison, folder: Path, samples: SampleSheets) -> RunPictures:
    """Write the pictures that a run leaves in a study's folder: ranking.png, `samples` and maps/.

    Those that were drawn from the same results are kept.

    samples  of the folder samples in the study's
    """
    results = comparison.results
    if pictures := RunPictures.drawn(folder, results):
        return pictures
    ranking = ranking_picture(results, folder / "ranking.png")
    pictures = RunPictures(ranking, samples.draw(results), write_maps(comparison, folder / "maps"))
    pictures.record(folder, results, samples.files)
    return pictures


def _confirmed(results: Results) -> list[tuple[str, str]]:
    """Condition and key of every finished confirm trial: all that the sheets are drawn from."""
    return [
        (trial.spec.condition, trial.spec.key)
        for trial in results.trial_records
        if trial.finished and trial.spec.phase == "confirm"
    ]
