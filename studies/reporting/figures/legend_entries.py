"""Legend entries of outcomes and of reference distances."""

from collections.abc import Iterable, Mapping
from typing import Any

from gan_core.outcomes import OUTCOMES
from studies.ledger.unfinished import WITHOUT_RESULT
from studies.reporting.figures.canvas import marker_style
from studies.reporting.figures.themes import REFERENCE_STYLES, Theme

FAILED: tuple[str, ...] = (*OUTCOMES[1:], *WITHOUT_RESULT)
"""All outcomes but stable, and the ends without a result."""


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
