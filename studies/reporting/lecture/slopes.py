"""Slope of a critic along the line between a real sample and a fake, under each constraint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float

from gan_core.constraints import AnyConstraint, GradientPenalty, SpectralNorm, WeightClipping, slope
from gan_core.data import Dirac
from gan_core.networks import AnyCritic, DiracGenerator, MLPCritic, NetworkPair
from gan_core.objectives import Wasserstein
from studies.numbers import format_tick
from studies.reporting.figures.canvas import SHEET_WIDTH, SMALL, DrawnFigure, add_legend, finish, panels, set_title
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.lecture.trained_critics import trained_critics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAKE = 2.0
"""Position of the fake; the real sample is at 0."""
CRITIC = MLPCritic(width=64, depth=2)
PACKS: tuple[tuple[AnyConstraint, ...], ...] = (
    (GradientPenalty(gp_weight=10.0),),
    (SpectralNorm(),),
    (WeightClipping(clip_value=0.1), WeightClipping(clip_value=0.01)),
)
"""Constraints whose critics are trained, those that differ in numbers alone together."""
STEPS = 400
_POINTS = 141
_STYLES = ("-", "--", "-.", ":")


@dataclass(frozen=True, kw_only=True)
class Slope:
    """A critic trained under one constraint, along the line through the real sample and the fake.

    name    constraint in words
    value   score at each point of `Slopes.x`, minus that at the real sample
    slope   norm of the critic's gradient at each point
    theory  slope in theory: of the optimal critic under a gradient penalty, else the largest possible one
    """

    name: str
    value: Float[np.ndarray, "points"]
    slope: Float[np.ndarray, "points"]
    theory: float


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """Critics along the line from a real sample at 0 to a fake.

    x       points of the line, in the unit of the data
    fake    position of the fake
    curves  the critics, by name of the constraint
    """

    x: Float[np.ndarray, "points"]
    fake: float
    curves: Mapping[str, Slope]

    def between(self, name: str) -> Float[np.ndarray, "inside"]:
        """Slopes of a critic at the points between the real sample and the fake."""
        return self.curves[name].slope[(self.x > 0) & (self.x < self.fake)]

    @property
    def numbers(self) -> Mapping[str, float]:
        """Mean slope between the real sample and the fake under each constraint, and the slope in theory."""
        means = {name: float(self.between(name).mean()) for name in self.curves}
        return means | {f"{name}, in theory": curve.theory for name, curve in self.curves.items()}


def slopes(critic: AnyCritic = CRITIC, *, steps: int = STEPS, lr: float = 1e-2) -> Slopes:
    """The slopes of critics trained by Wasserstein's loss under each of the constraints in `PACKS`."""
    x = np.linspace(-0.25 * FAKE, 1.25 * FAKE, _POINTS)
    data = Dirac().load()
    curves: dict[str, Slope] = {}
    for constraints in PACKS:
        networks = NetworkPair(generator=DiracGenerator(theta=FAKE), critic=critic)
        trainer = trained_critics(
            constraints, objective=Wasserstein(), networks=networks, data=data, steps=steps, lr=lr
        )
        points = torch.tensor(x, dtype=torch.float32)[None, :, None].expand(len(constraints), -1, -1)
        with torch.no_grad():
            found = trainer.critic_now()
            values = found.value(points) - found.value(torch.zeros_like(points[:, :1]))
            steepness = slope(found, points)
        for index, constraint in enumerate(constraints):
            name = in_words(constraint)
            curves[name] = Slope(
                name=name,
                value=values[index].double().numpy(),
                slope=steepness[index].double().numpy(),
                theory=slope_in_theory(constraint, FAKE, critic),
            )
    return Slopes(x=x, fake=FAKE, curves=curves)


def in_words(constraint: AnyConstraint) -> str:
    """Name of a constraint for legends."""
    match constraint:
        case GradientPenalty():
            return f"gp_weight {constraint.gp_weight:g}"
        case WeightClipping():
            return f"clip_value {constraint.clip_value:g}"
        case _:
            return "spectral norm"


def slope_in_theory(constraint: AnyConstraint, distance: float, critic: AnyCritic) -> float:
    """Slope of the optimal critic between two points under a penalty, or the largest slope under another constraint.

    penalty        1 + distance / (2 gp_weight): the s that minimises -distance s + gp_weight (s - 1)^2
    clipping       width^depth clip_value^(depth + 1): all weights are clip_value, samples have one coordinate
    spectral norm  1: the product of the largest singular values of the layers
    """
    match constraint:
        case GradientPenalty():
            return 1 + distance / (2 * constraint.gp_weight)
        case WeightClipping():
            width, depth = (critic.width, critic.depth) if isinstance(critic, MLPCritic) else (1, 0)
            return float(width**depth * constraint.clip_value ** (depth + 1))
        case _:
            return 1.0


def draw_slopes(computed: Slopes, theme_name: ThemeName = "light") -> DrawnFigure:
    """The scores of the critics along the line, and their slopes with those in theory."""
    theme = THEMES[theme_name]
    figure, axes = panels(theme, 2, height=2.5, width=SHEET_WIDTH)
    set_title(axes[0], theme, "score", "critic's score, minus that of the real sample", length=40)
    set_title(axes[1], theme, "slope", "score per unit of the data; thin: in theory", length=40)
    for axis in axes:
        _draw_line(axis, theme, computed)
    handles = []
    for style, color, curve in zip(_STYLES, theme.several, computed.curves.values(), strict=False):
        look: dict[str, Any] = {"color": color, "ls": style, "lw": 1.8, "label": curve.name}
        handles += axes[0].plot(computed.x, curve.value, **look)
        axes[1].plot(computed.x, curve.slope, **look)
        axes[1].plot([0, computed.fake], [curve.theory] * 2, color=color, lw=0.7)
    add_legend(figure, theme, handles)
    return finish(
        figure,
        "slopes",
        "Critics trained against one real sample and one fake. Between them a gradient penalty gives the slope "
        "1 + distance / (2 gp_weight), which tends to 1 for large weights, spectral normalisation a slope of at most "
        "1, and weight clipping a slope that depends on clip value, width and depth. Shaded: the line between them; no "
        "training sample lies elsewhere.",
        "; ".join(_said(computed, curve) for curve in computed.curves.values()),
    )


def _draw_line(axis: "Axes", theme: Theme, computed: Slopes) -> None:
    axis.axvspan(0, computed.fake, color=theme.faint, alpha=0.4, lw=0)
    axis.set_xlim(computed.x[0], computed.x[-1])
    axis.set_xticks(
        [0, computed.fake / 2, computed.fake], ["real: 0", f"{computed.fake / 2:g}", f"fake: {computed.fake:g}"]
    )
    axis.set_xlabel("position on the line through both", fontsize=SMALL, color=theme.ink)


def _said(computed: Slopes, curve: Slope) -> str:
    mean = float(computed.between(curve.name).mean())
    return f"{curve.name}: mean slope {format_tick(mean)} between them, {format_tick(curve.theory)} in theory"
