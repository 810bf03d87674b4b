"""Studies and tables to draw, and ways to read a drawn figure."""

from pathlib import Path

import numpy as np
import pandas as pd
from invented import STEPS, results_of
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

import studies.reporting.figures as figures
from studies.reporting.figures import THEMES, DrawnFigure, ThemeName
from studies.tables.results import Results

_FAILURES: dict[int, tuple[str, int | None]] = {0: ("relapsed", 40), 1: ("nonfinite", 70), 2: ("collapsed", None)}


def mixed_outcomes(condition: str, phase: str, trial: int, seed: int) -> tuple[str, int | None]:
    """Explore trial 0 fails with every seed, each in another way; every third confirmed seed becomes nonfinite."""
    if phase == "explore":
        return _FAILURES[seed % 3] if trial == 0 else ("stable", None)
    return _FAILURES[1] if seed % 3 == 2 else ("stable", None)


def mixed_distances(condition: str, phase: str, trial: int, seed: int) -> np.ndarray:
    """Falling distances; those of a nonfinite member end in NaN."""
    distances = 0.1 + 0.013 * (seed % 5) + 0.5 * np.exp(-STEPS / (20 + trial))
    is_nonfinite = mixed_outcomes(condition, phase, trial, seed)[0] == "nonfinite"
    return np.where((STEPS >= 70) & is_nonfinite, np.nan, distances)


def two_conditions(folder: Path) -> Results:
    """Conditions "one" and "other" on the ring, with outcomes of every kind and six confirmed seeds each."""
    return results_of(
        folder, "one", "other", confirm=6, outcomes=mixed_outcomes, distances=mixed_distances, data="ring"
    )


def one_nonfinite_condition(folder: Path) -> Results:
    """Condition "lost", whose members are all nonfinite from step 0."""
    return results_of(
        folder,
        "lost",
        outcomes=lambda *_: ("nonfinite", 0),
        distances=lambda *_: np.full(len(STEPS), np.nan),
        data="ring",
    )


def images_of_two_conditions(folder: Path) -> Results:
    """Two of six confirmed seeds of "one" and "other" are nonfinite; only those of "one" have distances of NaN."""

    def distances(condition: str, phase: str, trial: int, seed: int) -> np.ndarray:
        falling = 0.4 + 0.013 * (seed % 5) + 0.5 * np.exp(-STEPS / 20)
        return mixed_distances(condition, phase, trial, seed) if condition == "one" else falling

    return results_of(folder, "one", "other", confirm=6, outcomes=mixed_outcomes, distances=distances)


def long_names(count: int) -> list[str]:
    """Names of conditions, some of which do not fit above a panel."""
    return [f"condition-{index}-{'with-a-long-name-' * (index % 4)}" for index in range(count)]


_REACHED = {  # tau, progress, reached, volume_low, volume_high, seeds_share
    "one": [(0.14, 0.75, 4, 0.2, 0.8, 0.6), (0.08, 0.9, 2, 0.1, 0.6, 0.3), (0.06, 0.95, 0, 0.0, 0.3, 0.1)],
    "other": [(0.14, 0.75, 5, 0.6, 1.0, 1.0), (0.08, 0.9, 1, 0.0, 0.6, 0.2), (0.06, 0.95, 0, 0.0, 0.4, 0.0)],
}
_CONFIGURATIONS = {"one": 8, "other": 5}
VOLUMES = pd.DataFrame(
    [
        {
            **{"condition": name, "tau": tau, "progress": progress},
            **{"planned": 8, "configurations": _CONFIGURATIONS[name]},
            **{"reached": reached, "volume": reached / _CONFIGURATIONS[name], "volume_low": low, "volume_high": high},
            "seeds_share": share,
        }
        for name, rows in _REACHED.items()
        for tau, progress, reached, low, high, share in rows
    ]
)
CHANCES = pd.DataFrame(
    [
        [name, tau, n, 1 - (1 - v) ** n, 1 - (1 - v / 2) ** n, 1 - (1 - v) ** (2 * n)]
        for name, v in (("one", 0.5), ("other", 0.2))
        for tau in (0.14, 0.08)
        for n in range(1, 5)
    ],
    columns=["condition", "tau", "n", "chance", "chance_low", "chance_high"],
)


TUNING_CURVES = pd.DataFrame(
    [
        [name, n, best * n / (n + 1), best * n / (n + 3), min(1.1, best * n / (n + 0.5)), 16]
        for name, best in (("one", 1.0), ("other", 0.8))
        for n in range(1, 9)
    ],
    columns=["condition", "n", "score", "score_low", "score_high", "configurations"],
)


def figures_of_study(results: Results, theme: ThemeName, condition: str) -> list[DrawnFigure | None]:
    """The figures that need no table of a comparison."""
    of_study = (figures.learning_curves, figures.confirmed, figures.tuning, figures.survival, figures.modes)
    of_condition = (figures.outcome_map, figures.hyperparameter_pairs, figures.gradients)
    return [draw(results, theme) for draw in of_study] + [draw(results, condition, theme) for draw in of_condition]


def figures_of_tables(theme: ThemeName) -> list[DrawnFigure | None]:
    """The figures of `VOLUMES`, `CHANCES` and `TUNING_CURVES`."""
    return [
        figures.stable_volume(VOLUMES, theme),
        figures.chance_of_success(CHANCES, theme),
        figures.tuning_curves(TUNING_CURVES, theme),
    ]


# --- reading a figure


def lines_of(axis: Axes, *, thick: float = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """x and y of every line that is at least so thick."""
    lines = [line for line in axis.lines if line.get_linewidth() >= thick and line.get_linestyle() != "None"]
    return [(np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)) for line in lines]


def markers_of(axis: Axes, marker: str | None = None) -> list[tuple[float, float]]:
    """x and y of every marker without a line, or of those of one shape."""
    points = [line for line in axis.lines if line.get_linestyle() == "None" and marker in (None, line.get_marker())]
    return [point for line in points for point in points_of(line)]


def points_of(line: Line2D) -> list[tuple[float, float]]:
    """x and y of every point of a line."""
    x, y = (np.asarray(data, float) for data in (line.get_xdata(), line.get_ydata()))
    return list(zip(x.tolist(), y.tolist(), strict=True))


def texts_of(figure: Figure) -> list[Text]:
    """Every visible text."""
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for panel in figure.axes:
        texts += [panel.title, panel._left_title, panel.xaxis.label, panel.yaxis.label, *panel.texts]  # type: ignore[attr-defined]
        for axis, (low, high) in ((panel.xaxis, panel.get_xlim()), (panel.yaxis, panel.get_ylim())):
            ticks = [tick for tick in axis.get_major_ticks() if min(low, high) <= tick.get_loc() <= max(low, high)]
            texts += [tick.label1 for tick in ticks if tick.label1.get_visible()]
    return [text for text in texts if text.get_text().strip()]


def words_of(drawn: DrawnFigure) -> set[str]:
    return {text.get_text() for text in texts_of(drawn.figure)}


def title_of(panel: Axes) -> str:
    return panel._left_title.get_text()  # type: ignore[attr-defined]


# --- legibility


def is_whole(figure: Figure) -> bool:
    """True if nothing reaches beyond the figure's edges."""
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return box.x0 > -0.01 and box.y0 > -0.01 and box.x1 < width + 0.01 and box.y1 < height + 0.01


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that overlap by more than a pixel in both directions."""
    texts = texts_of(figure)
    boxes = [text.get_window_extent() for text in texts]
    return [
        (texts[i].get_text(), texts[j].get_text())
        for i in range(len(texts))
        for j in range(i)
        if min(boxes[i].x1, boxes[j].x1) - max(boxes[i].x0, boxes[j].x0) > 1
        and min(boxes[i].y1, boxes[j].y1) - max(boxes[i].y0, boxes[j].y0) > 1
    ]


def contrast(color: str, background: str) -> float:
    """Contrast ratio of two colours, as the Web Content Accessibility Guidelines 2.1 define it."""

    def luminance(color: str) -> float:
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
        return float(np.dot([0.2126, 0.7152, 0.0722], parts))

    low, high = sorted((luminance(color), luminance(background)))
    return (high + 0.05) / (low + 0.05)


def assert_legible(drawn: DrawnFigure | None, theme: ThemeName) -> None:
    """The figure is complete, no texts overlap, and every text has enough size and contrast."""
    assert drawn is not None
    background = THEMES[theme].background
    drawn.figure.draw_without_rendering()  # which places the texts of the legend
    assert to_hex(drawn.figure.get_facecolor(), keep_alpha=True).upper() == f"{background}FF"
    assert is_whole(drawn.figure), drawn.name
    assert overlaps(drawn.figure) == [], drawn.name
    for text in texts_of(drawn.figure):
        assert contrast(to_hex(text.get_color()), background) > 4.5, text.get_text()
        assert float(text.get_fontsize()) >= 7
    assert drawn.caption.endswith(".")
    assert drawn.alternative
