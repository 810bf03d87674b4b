"""Picture `saturation`: generator losses, their slopes in the score, and their pull on fakes far from the data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.networks import gradient_by_autograd
from gan_core.objectives import AnyObjective, LeastSquares, Minimax, NonSaturating, Wasserstein
from gan_core.shapes import CriticOutput
from studies.numbers import format_tick
from studies.reporting.figures.axes import use_log_scale
from studies.reporting.figures.canvas import SHEET_WIDTH, SMALL, DrawnFigure, add_legend, finish, panels, set_title
from studies.reporting.figures.themes import THEMES, Theme, ThemeName

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES = tuple(step / 10 for step in range(-60, 61))
DISTANCES = tuple(step / 10 for step in range(1, 101))
"""Distances of the mean of the fakes from that of the real samples; both have the standard deviation 1."""
LEAST_PULL = 1e-12
"""Lower end of the axis of pulls, which fall below it."""
_STYLES = ("--", "-.", "-", ":")
_ABOVE = (4, 3, 2, 3)
"""Order of the curves: those of `minimax` and least squares meet."""
_LINEAR = (0, (5, 1, 1, 1, 1, 1))

CriticOfDistance = Callable[[Float[Tensor, "distances one"], Float[Tensor, "distances"]], Float[Tensor, "distances"]]
"""A critic: maps a sample and the distances of the fakes from the data to its scores there, one per distance."""


@dataclass(frozen=True, kw_only=True)
class Pull:
    """Loss of the generator under one objective.

    loss      at each score
    gradient  absolute derivative of the loss with respect to the score, at each score
    pull      absolute derivative of the loss with respect to the sample, at the mean of the fakes, for each distance,
              with the critic that is optimal for the objective
    """

    loss: Float[np.ndarray, "scores"]
    gradient: Float[np.ndarray, "scores"]
    pull: Float[np.ndarray, "distances"]


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """Losses of generators and their gradients.

    score          score of a fake; D is its sigmoid
    distance       distance of the fakes' mean from that of the real samples, in standard deviations of both
    pulls          losses and gradients, by name of the loss
    linear_critic  pull of the least-squares loss with the best critic of the form a + b x, for each distance
    """

    score: Float[np.ndarray, "scores"]
    distance: Float[np.ndarray, "distances"]
    pulls: Mapping[str, Pull]
    linear_critic: Float[np.ndarray, "distances"]

    @property
    def numbers(self) -> Mapping[str, float]:
        """Gradient at the score of least value, and pull at the largest distance, for each objective."""
        rejected = {
            f"{name}, gradient at score {self.score[0]:g}": float(p.gradient[0]) for name, p in self.pulls.items()
        }
        far = {f"{name}, pull at distance {self.distance[-1]:g}": float(p.pull[-1]) for name, p in self.pulls.items()}
        return (
            rejected
            | far
            | {f"LSGAN, linear critic, pull at distance {self.distance[-1]:g}": float(self.linear_critic[-1])}
        )


@torch.no_grad()
def saturation() -> Saturation:
    """Losses and gradients of four objectives in float64."""
    score = torch.tensor(SCORES, dtype=torch.float64)
    distance = torch.tensor(DISTANCES, dtype=torch.float64)
    rows: Mapping[str, tuple[AnyObjective, CriticOfDistance]] = {
        "log(1 - D)": (Minimax(), optimal_logit),
        "-log D": (NonSaturating(), optimal_logit),
        "LSGAN": (LeastSquares(), optimal_regression),
        "Wasserstein": (Wasserstein(), optimal_lipschitz),
    }
    pulls = {}
    for name, (objective, critic) in rows.items():
        pulls[name] = Pull(
            loss=_losses(objective, score).numpy(),
            gradient=_gradient(objective, score).numpy(),
            pull=pull(objective, critic, distance).numpy(),
        )
    return Saturation(
        score=score.numpy(),
        distance=distance.numpy(),
        pulls=pulls,
        linear_critic=pull(LeastSquares(), best_line, distance).numpy(),
    )


def pull(
    objective: AnyObjective, critic: CriticOfDistance, distance: Float[Tensor, "distances"]
) -> Float[Tensor, "distances"]:
    """Absolute derivative of the generator's loss with respect to a fake at the mean of all fakes."""
    at_mean = gradient_by_autograd(lambda x: _losses(objective, critic(x, distance)), distance[:, None])
    return at_mean.abs().squeeze(-1)


def _gradient(objective: AnyObjective, score: Float[Tensor, "fakes"]) -> Float[Tensor, "fakes"]:
    """Absolute derivative of the generator's loss for each fake alone, with respect to its score."""
    by_score = gradient_by_autograd(lambda s: _losses(objective, s.squeeze(-1)), score[:, None])
    return by_score.abs().squeeze(-1)


def _losses(objective: AnyObjective, score: Float[Tensor, "fakes"]) -> Float[Tensor, "fakes"]:
    """The generator's loss for each fake alone."""
    fake = CriticOutput(value=score[:, None], samples=score[:, None, None])
    return objective.generator_loss(None, fake, {})


def optimal_logit(
    x: Float[Tensor, "distances one"], distance: Float[Tensor, "distances"]
) -> Float[Tensor, "distances"]:
    """Logit of the optimal critic between N(0, 1) and N(distance, 1): the logarithm of the ratio of the densities."""
    return distance**2 / 2 - distance * x.squeeze(-1)


def optimal_regression(
    x: Float[Tensor, "distances one"], distance: Float[Tensor, "distances"]
) -> Float[Tensor, "distances"]:
    """Score of the critic with the least squared error, with targets 1 and 0: the probability that x is real."""
    return optimal_logit(x, distance).sigmoid()


def optimal_lipschitz(
    x: Float[Tensor, "distances one"], distance: Float[Tensor, "distances"]
) -> Float[Tensor, "distances"]:
    """Score of the critic of slope at most 1 with the largest difference of mean scores."""
    return -x.squeeze(-1)


def best_line(x: Float[Tensor, "distances one"], distance: Float[Tensor, "distances"]) -> Float[Tensor, "distances"]:
    """Score a + b x with the least squared error: b is the covariance of x and target over the variance of x."""
    return 0.5 - distance / (4 + distance**2) * (x.squeeze(-1) - distance / 2)


def draw_saturation(computed: Saturation, theme_name: ThemeName = "light") -> DrawnFigure:
    """The losses and their gradients over the score, and the pull on a fake over its distance."""
    theme = THEMES[theme_name]
    figure, axes = panels(theme, 3, height=2.3, most=3, width=SHEET_WIDTH)
    set_title(axes[0], theme, "generator's loss", "of one fake", length=40)
    set_title(axes[1], theme, "its gradient", "size, by the score", length=40)
    set_title(axes[2], theme, "pull on a far fake", "size of its gradient", length=40)
    use_log_scale(axes[2].yaxis, LEAST_PULL, 100.0)
    handles = []
    for index, (name, shown) in enumerate(computed.pulls.items()):
        look: dict[str, Any] = {"color": theme.several[index], "ls": _STYLES[index], "lw": 1.6, "zorder": _ABOVE[index]}
        handles += axes[0].plot(computed.score, shown.loss, label=name, **look)
        axes[1].plot(computed.score, shown.gradient, **look)
        axes[2].plot(computed.distance, shown.pull, **look)
    label, color = "LSGAN, linear", theme.several[2]
    handles += axes[2].plot(computed.distance, computed.linear_critic, color=color, ls=_LINEAR, lw=1.2, label=label)
    axes[0].set_ylim(-6.5, 8)
    axes[1].set_ylim(-0.2, 5)
    for axis in axes[:2]:
        _label_score(axis, theme)
    axes[2].set_xlabel("distance, in standard deviations", fontsize=SMALL, color=theme.ink)
    add_legend(figure, theme, handles)
    return finish(
        figure,
        "saturation",
        "Loss of the generator for one fake (left) and the size of its derivative (middle) by the fake's score. Right: "
        "size of the gradient that a fake receives at the mean of fakes N(theta, 1), by their distance theta from real "
        "samples N(0, 1), with the critic that is optimal for each loss; for LSGAN also with the best critic "
        "that is linear in the sample.",
        "; ".join(_said(computed, name) for name in computed.pulls)
        + f"; LSGAN with a linear critic: pull {format_tick(float(computed.linear_critic[-1]), 2)}",
    )


def _label_score(axis: "Axes", theme: Theme) -> None:
    axis.set_xlabel("score (critic: fake ← 0 → real)", fontsize=SMALL, color=theme.ink)
    axis.set_xticks([-6, -3, 0, 3, 6])


def _said(computed: Saturation, name: str) -> str:
    shown = computed.pulls[name]
    return (
        f"{name}: gradient {format_tick(float(shown.gradient[0]), 2)} at score {computed.score[0]:g}, pull "
        f"{format_tick(float(shown.pull[-1]), 2)} at distance {computed.distance[-1]:g}"
    )
