"""Weights of a critic under weight clipping and under a gradient penalty, and gradients in its layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import leaky_relu

from gan_core.constraints import AnyConstraint, GradientPenalty, WeightClipping
from gan_core.data import SwissRoll
from gan_core.networks import MLPCritic, MLPGenerator, NetworkPair
from gan_core.networks.dense import LEAK, affine
from gan_core.objectives import Wasserstein
from gan_core.shapes import Parameters, SampleShape
from gan_core.training import stream
from studies.numbers import format_share, format_tick
from studies.reporting.figures.axes import use_log_scale
from studies.reporting.figures.canvas import SHEET_WIDTH, SMALL, DrawnFigure, add_legend, finish, panels, set_title
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.reporting.lecture.trained_critics import trained_critics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CRITIC = MLPCritic(width=64, depth=5)
CLIP_VALUES = (0.01, 0.1, 0.35)
SHOWN_CLIP = CLIP_VALUES[-1]
"""Clip value whose weights are drawn: it exceeds almost all initial weights, so that the training has moved them."""
AT_CLIP = 0.99
"""A weight counts as at the clip value from this share of it on."""
PENALTY = GradientPenalty(gp_weight=10.0)
STEPS = 400
_BINS, _WIDEST = 41, 0.6
_MARKERS, _STYLES = ("o", "v", "s", "D"), (":", "-.", "--", "-")


@dataclass(frozen=True, kw_only=True)
class LayerGradients:
    """A critic trained under one constraint.

    clip_value  of weight clipping, None for the gradient penalty
    weights     all its weights, without the biases
    gradients   mean norm of the gradient of the score with respect to the input, then to the output of each hidden
                layer, from the first to the last
    """

    clip_value: float | None
    weights: Float[np.ndarray, "weights"]
    gradients: Float[np.ndarray, "layers"]

    @property
    def name(self) -> str:
        """Name of the constraint for legends."""
        return "gradient penalty" if self.clip_value is None else f"clip_value {self.clip_value:g}"

    @property
    def clipped_share(self) -> float:
        """Share of the weights that are at clip_value or -clip_value; 0 for the gradient penalty."""
        return share_at(self.weights, self.clip_value or np.inf)


@dataclass(frozen=True, kw_only=True)
class Clipping:
    """Critics of one structure, trained against the same fakes under several constraints.

    critics  the critics, by name of the constraint; the last one has the gradient penalty
    initial  the weights of all of them before the training and before the first projection
    """

    critics: Mapping[str, LayerGradients]
    initial: Float[np.ndarray, "weights"]

    @property
    def numbers(self) -> Mapping[str, float]:
        """Share of clipped weights, and gradient with respect to the sample, under each constraint."""
        shares = {f"share at {one.name}": one.clipped_share for one in self.critics.values() if one.clip_value}
        shares[f"share at clip_value {SHOWN_CLIP:g}, untrained"] = share_at(self.initial, SHOWN_CLIP)
        return shares | {f"slope, {one.name}": float(one.gradients[0]) for one in self.critics.values()}


def clipping(*, steps: int = STEPS) -> Clipping:
    """Critics of samples of the swiss roll against the fakes of an untrained generator, for each constraint."""
    clips = tuple(WeightClipping(clip_value=value) for value in CLIP_VALUES)
    trained = _trained(clips, steps) + _trained((PENALTY,), steps)
    initial = CRITIC.initial(SampleShape(shape=(2,), bounded=False), stream(0, "critic_parameters"))
    weights = _weights({name: value[None] for name, value in initial.items()})[0]
    return Clipping(critics={one.name: one for one in trained}, initial=weights)


def _trained(constraints: tuple[AnyConstraint, ...], steps: int) -> list[LayerGradients]:
    data = SwissRoll(train=2000, held_out=200).load()
    networks = NetworkPair(generator=MLPGenerator(width=32, depth=2, latent=2), critic=CRITIC)
    trainer = trained_critics(constraints, objective=Wasserstein(), networks=networks, data=data, steps=steps, lr=2e-3)
    points = torch.from_numpy(data.first("test")).expand(len(constraints), -1, -1)
    gradients = layer_gradients(trainer.critic.frozen, points, CRITIC.depth).double().numpy()
    weights = _weights(trainer.critic.frozen)
    return [
        LayerGradients(
            clip_value=getattr(constraint, "clip_value", None),
            weights=weights[index],
            gradients=gradients[index],
        )
        for index, constraint in enumerate(constraints)
    ]


def _weights(parameters: Parameters) -> Float[np.ndarray, "seeds weights"]:
    matrices = [value.flatten(1) for name, value in parameters.items() if name.endswith("weight")]
    return torch.cat(matrices, dim=1).double().numpy()


def share_at(weights: Float[np.ndarray, "weights"], clip_value: float) -> float:
    """Share of the weights whose absolute value is at least `AT_CLIP` times clip_value."""
    return float((np.abs(weights) >= AT_CLIP * clip_value).mean())


def layer_gradients(
    parameters: Parameters, points: Float[Tensor, "seeds batch dim"], depth: int
) -> Float[Tensor, "seeds layers"]:
    """Norm of the gradient of an MLP critic's score with respect to its input and to each hidden layer's output.

    The mean over the points, from the input to the last of `depth` hidden layers.
    """
    signals = [points.detach().requires_grad_()]
    for layer in range(depth):
        before = affine(parameters[f"{layer}.weight"], parameters[f"{layer}.bias"], signals[-1])
        signals.append(leaky_relu(before, LEAK))
    value = affine(parameters[f"{depth}.weight"], parameters[f"{depth}.bias"], signals[-1])
    gradients = torch.autograd.grad(value.sum(), signals)
    return torch.stack([torch.linalg.vector_norm(gradient, dim=-1).mean(-1) for gradient in gradients], dim=1)


def largest_gradients(clip_value: float, critic: MLPCritic, dim: int) -> Float[np.ndarray, "layers"]:
    """The largest possible gradients under weight clipping: those of a critic whose weights are all clip_value.

    Last hidden layer: clip_value width^(1/2); each layer before: width clip_value times as much; input of `dim`
    coordinates: clip_value (dim width)^(1/2) times that of the first hidden layer.
    """
    last = clip_value * critic.width**0.5
    hidden = last * (critic.width * clip_value) ** np.arange(critic.depth - 1, -1, -1.0)
    return np.append(hidden[0] * clip_value * (dim * critic.width) ** 0.5, hidden)


def draw_clipping(computed: Clipping, theme_name: ThemeName = "light") -> DrawnFigure:
    """Histograms of the weights under clipping and penalty, and the gradients by layer under each constraint."""
    theme = THEMES[theme_name]
    figure, axes = panels(theme, 3, height=2.3, most=3, width=SHEET_WIDTH)
    critics = list(computed.critics.values())
    *clipped, penalised = critics
    for axis, one, color in zip(axes, (clipped[-1], penalised), theme.several[2:], strict=False):
        _draw_weights(axis, theme, one.weights, computed.initial, color)
    note = f"{format_share(clipped[-1].clipped_share)} of them at ±{SHOWN_CLIP:g}"
    set_title(axes[0], theme, "weights, clipped", note, length=40)
    set_title(axes[1], theme, "weights, penalty", "outline: before training", length=40)
    _draw_gradients(axes[2], theme, critics)
    set_title(axes[2], theme, "gradient by layer", "of the score, mean norm", length=40)
    add_legend(figure, theme, axes[2].lines)
    return finish(
        figure,
        "clipping",
        f"Critics with {CRITIC.depth} hidden layers of {CRITIC.width} units, trained on the swiss roll against the "
        f"fakes of an untrained generator. Left: shares of the weights by value with clip_value {SHOWN_CLIP:g}, and in "
        f"the middle under a gradient penalty; outlines: before the training. Right: norm of the gradient of the score "
        "with respect to the output of each layer (0: the sample).",
        "; ".join(_said(one) for one in critics),
    )


def _draw_weights(axis: "Axes", theme: Theme, weights: np.ndarray, initial: np.ndarray, color: str) -> None:
    """Draw histograms of the weights, and as a line of the initial weights."""
    same: dict[str, Any] = {
        "bins": _BINS,
        "range": (-_WIDEST, _WIDEST),
        "weights": np.full(len(weights), 1 / len(weights)),
    }
    axis.hist(weights, color=color, **same)
    axis.hist(initial, histtype="step", color=theme.ink, lw=0.9, **same)
    axis.yaxis.set_major_formatter(lambda value, _: format_share(value))
    axis.xaxis.set_major_formatter(lambda value, _: format_tick(value))
    axis.set_xlabel("weight", fontsize=SMALL, color=theme.ink)
    axis.locator_params(axis="x", nbins=5)


def _draw_gradients(axis: "Axes", theme: Theme, critics: list[LayerGradients]) -> None:
    every = np.concatenate([one.gradients for one in critics])
    use_log_scale(axis.yaxis, float(every[every > 0].min()) / 3, float(every.max()) * 3)
    for one, marker, style, color in zip(critics, _MARKERS, _STYLES, theme.several, strict=False):
        axis.plot(one.gradients, color=color, marker=marker, ls=style, ms=3.5, lw=1.4, label=one.name)
    axis.set_xlabel("layer (0: the sample)", fontsize=SMALL, color=theme.ink)


def _said(one: LayerGradients) -> str:
    share = f"{format_share(one.clipped_share)} of the weights at the clip value, " if one.clip_value else ""
    return f"{one.name}: {share}slope at the sample {format_tick(float(one.gradients[0]))}"
