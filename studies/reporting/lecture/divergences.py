"""Jensen-Shannon divergence and earth mover's distance of two parallel segments, over their distance theta."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float

from gan_core.metrics import Box, TransportPlan, jensen_shannon, transport_plan, wasserstein_1
from gan_core.networks import SegmentGenerator
from gan_core.shapes import SampleShape
from studies.reporting.figures.canvas import SHEET_WIDTH, SMALL, DrawnFigure, finish, panels, set_title
from studies.reporting.figures.themes import THEMES, Theme, ThemeName

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THETAS = tuple(step / 20 for step in range(-20, 21))
"""Positions of the fakes' segment at which both are computed."""
POINTS, SHOWN_POINTS = 200, 16
"""Points on each segment, for the curves and for the plan that is drawn."""
SHOWN_THETA = 0.6
CELLS = 32
"""Cells of the histograms along each side of the box around the real points."""
_PLANE = SampleShape(shape=(2,), bounded=False)


@dataclass(frozen=True, kw_only=True)
class Divergences:
    """Distances of the real segment {0} x [0, 1] from the segment {theta} x [0, 1].

    theta           position of the fakes, in the unit of the data
    jensen_shannon  divergence in nats at each theta; in theory log 2 for every theta but 0
    wasserstein_1   earth mover's distance at each theta, in the unit of the data; in theory |theta|
    real, fake      points of both segments at `SHOWN_THETA`
    """

    theta: Float[np.ndarray, "thetas"]
    jensen_shannon: Float[np.ndarray, "thetas"]
    wasserstein_1: Float[np.ndarray, "thetas"]
    real: Float[np.ndarray, "points 2"]
    fake: Float[np.ndarray, "points 2"]

    @cached_property
    def plan(self) -> TransportPlan:
        """An optimal transport plan between the points that are drawn."""
        return transport_plan(self.real, self.fake)

    @property
    def numbers(self) -> Mapping[str, float]:
        """Smallest and largest divergence at a theta other than 0, that at 0, and the largest error of |theta|."""
        apart = self.theta != 0
        return {
            "jensen_shannon_least": float(self.jensen_shannon[apart].min()),
            "jensen_shannon_most": float(self.jensen_shannon[apart].max()),
            "jensen_shannon_at_0": float(self.jensen_shannon[~apart].max()),
            "log_2": float(np.log(2)),
            "wasserstein_1_error": float(np.abs(self.wasserstein_1 - np.abs(self.theta)).max()),
            "plan_distance": self.plan.distance,
        }


def divergences() -> Divergences:
    """Both distances at `THETAS`, of points that are equally spaced along the segments."""
    real = segment(0.0, POINTS)
    fakes = [segment(theta, POINTS) for theta in THETAS]
    box = Box.around(real, resolution=CELLS)
    return Divergences(
        theta=np.array(THETAS),
        jensen_shannon=jensen_shannon(torch.from_numpy(real), torch.from_numpy(np.stack(fakes)), box).numpy(),
        wasserstein_1=np.array([wasserstein_1(real, fake) for fake in fakes]),
        real=segment(0.0, SHOWN_POINTS),
        fake=segment(SHOWN_THETA, SHOWN_POINTS),
    )


def segment(theta: float, count: int) -> Float[np.ndarray, "count 2"]:
    """Fakes of the segment generator at `theta`, of equally spaced quantiles of z."""
    generator = SegmentGenerator(theta=theta)
    parameters = generator.initial(_PLANE, torch.Generator())
    z = torch.special.ndtri((torch.arange(count, dtype=torch.float64) + 0.5) / count)
    stacked = {name: value[None] for name, value in parameters.items()}
    return generator.generate(stacked, z[None, :, None], _PLANE)[0].numpy()


def draw_divergences(computed: Divergences, theme_name: ThemeName = "light") -> DrawnFigure:
    """The transport plan between the segments, and both distances over theta."""
    theme = THEMES[theme_name]
    figure, axes = panels(theme, 3, height=2.3, most=3, width=SHEET_WIDTH)
    _draw_plan(axes[0], theme, computed)
    set_title(axes[1], theme, "Jensen-Shannon", "divergence in nats", length=40)
    for side in (computed.theta < 0, computed.theta > 0):
        axes[1].plot(computed.theta[side], computed.jensen_shannon[side], color=theme.main, lw=1.8)
    at_0 = computed.theta == 0
    axes[1].plot(computed.theta[at_0], computed.jensen_shannon[at_0], "o", ms=4, color=theme.main)
    axes[1].annotate("log 2", (1, np.log(2)), (0, 4), textcoords="offset points", ha="right", **_small(theme))
    set_title(axes[2], theme, "earth mover's", "distance in the unit of the data", length=40)
    axes[2].plot(computed.theta, computed.wasserstein_1, color=theme.main, lw=1.8)
    axes[2].annotate("|theta|", (0.45, 0.45), (-4, 4), textcoords="offset points", ha="right", **_small(theme))
    for axis in axes[1:]:
        axis.set_ylim(-0.04, 1.04)
        axis.set_xlabel("theta, position of the fakes", fontsize=SMALL, color=theme.ink)
    numbers = computed.numbers
    return finish(
        figure,
        "divergences",
        "Two parallel segments, the real one at 0, the fakes at theta. Left: the transport plan of least total "
        "distance. Middle: their Jensen-Shannon divergence, whose derivative is 0 wherever it has one. Right: their "
        "earth mover's distance, whose derivative is 1 or -1.",
        f"Jensen-Shannon divergence {numbers['jensen_shannon_most']:.4f} nats at every theta but 0, log 2 is "
        f"{numbers['log_2']:.4f}; earth mover's distance |theta| with an error of at most "
        f"{numbers['wasserstein_1_error']:.1g}",
    )


def _draw_plan(axis: "Axes", theme: Theme, computed: Divergences) -> None:
    """Draw a line from each fake to the real points that its mass goes to."""
    from matplotlib.collections import LineCollection

    set_title(axis, theme, "the moving plan", f"mean distance {computed.plan.distance:.2f}", length=40)
    lines = np.stack([computed.fake[computed.plan.fake], computed.real[computed.plan.real]], axis=1)
    axis.add_collection(LineCollection(list(lines), colors=theme.muted, linewidths=0.8))
    axis.plot(*computed.real.T, "o", ms=4, mfc="none", mec=theme.ink, mew=0.8)
    axis.plot(*computed.fake.T, "x", ms=4, color=theme.several[1], mew=1)
    axis.set(xlim=(-0.15, 0.75), ylim=(-0.05, 1.12), xticks=[0, SHOWN_THETA], yticks=[0, 0.5, 1])
    axis.set_xticklabels(["0", f"theta = {SHOWN_THETA:g}"])
    axis.annotate("real", (0, 1.03), ha="center", **_small(theme))
    axis.annotate("fakes", (SHOWN_THETA, 1.03), ha="center", **_small(theme))


def _small(theme: Theme) -> dict[str, Any]:
    return {"fontsize": SMALL, "color": theme.muted}
