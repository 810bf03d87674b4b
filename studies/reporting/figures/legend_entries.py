"""Legend entries of outcomes, of reference distances and of conditions that share one panel."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gan_core.outcomes import OUTCOMES
from studies.reporting.figures.canvas import marker_style
from studies.reporting.figures.themes import REFERENCE_STYLES, Theme
from studies.reporting.figures.wording import shortened
from studies.tables.columns import WITHOUT_RESULT

FAILED: tuple[str, ...] = (*OUTCOMES[1:], *WITHOUT_RESULT)
"""All outcomes but stable, and the ends without a result."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
"""Markers of conditions that share one panel."""


def outcome_handles(theme: Theme, labels: Mapping[str, str]) -> list[Any]:
    """A line with a marker for each outcome; `labels` holds the text of the legend by outcome."""
    from matplotlib.lines import Line2D

    handles = []
    for outcome, label in labels.items():
        style = theme.outcomes[outcome]
        keywords = {**marker_style(style, theme), "ls": style.line}
        handles.append(Line2D([], [], color=style.color, lw=0.9, label=label, **keywords))
    return handles


def reference_handles(theme: Theme, names: Iterable[str]) -> list[Any]:
    """A line for each reference distance, and its label."""
    from matplotlib.lines import Line2D

    styles = (REFERENCE_STYLES[name] for name in names)
    return [Line2D([], [], color=theme.muted, lw=0.9, ls=line, label=label) for label, line in styles]


def condition_style(theme: Theme, index: int, *, filled: bool) -> dict[str, Any]:
    """Colour and marker of members of a study's condition number `index`, hollow for failed members."""
    color = theme.several[index % len(theme.several)]
    return {
        "ls": "none",
        "marker": MARKERS[index % len(MARKERS)],
        "ms": 5.5,
        "mfc": color if filled else "none",
        "mec": theme.background if filled else color,
        "mew": 0.6 if filled else 1.2,
        "clip_on": False,
    }


def condition_handles(theme: Theme, names: Sequence[str], *, failed: bool) -> list[Any]:
    """A marker for each condition, and one that says what hollow markers are if any member has failed."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], **condition_style(theme, index, filled=True), label=shortened(name))
        for index, name in enumerate(names)
    ]
    hollow: dict[str, Any] = {"ls": "none", "marker": "o", "mfc": "none", "mec": theme.muted, "mew": 1.2, "ms": 5.5}
    return handles + ([Line2D([], [], **hollow, label="hollow: failed seed")] if failed else [])
