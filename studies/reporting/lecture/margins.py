"""Margin of the loss-sensitive GAN, which grows with the distance from real samples, beside EBGAN's constant one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from gan_core.constraints import Unconstrained
from gan_core.data import Dataset
from gan_core.networks import AutoencoderCritic, Critic, MLPCritic, NetworkPair, SegmentGenerator, gradient_by_autograd
from gan_core.objectives import AnyObjective, EnergyMargin, LossSensitive
from gan_core.shapes import CriticOutput
from studies.numbers import format_distance
from studies.reporting.figures.canvas import SHEET_WIDTH, SMALL, DrawnFigure, add_legend, finish, panels, set_title
from studies.reporting.figures.themes import THEMES, ThemeName
from studies.reporting.lecture.trained_critics import trained_critics

MARGIN = 3.0
"""Margin of both objectives: per unit of distance for the loss-sensitive GAN, of the energy itself for EBGAN."""
SHOWN_DISTANCES = (0.2, 0.5, 1.0)
"""Distances of the fakes whose loss is drawn."""
ENERGY = 1.5
"""Energy of the fakes whose push is drawn; that of the real sample is 0."""
STEPS = 600
OBJECTIVES: Mapping[str, tuple[AnyObjective, Critic]] = {
    "loss-sensitive": (LossSensitive(margin=MARGIN), MLPCritic(width=32, depth=2, form="energy")),
    "EBGAN": (EnergyMargin(margin=MARGIN), AutoencoderCritic(width=32, depth=2, code=2, energy="euclidean_norm")),
}
_GAPS = tuple(step / 50 for step in range(-20, 201))
_POSITIONS = tuple(step / 200 for step in range(201))
_STYLES = ("-", "--", "-.")


@dataclass(frozen=True, kw_only=True)
class Margins:
    """Losses and critics for one real sample at 0 and fakes at distances from 0 to 1.

    gap       energy of the fake minus that of the real sample
    cost      loss of the loss-sensitive critic for a fake at each of `SHOWN_DISTANCES`, at each gap
    distance  distance of the fake from the real sample, in the unit of the data
    push      how strongly the critic's loss raises the energy of a fake at `ENERGY`, by distance, for each objective
    energy    energy that a trained critic gives a fake, minus that of the real sample, by distance, for each objective
    """

    gap: Float[np.ndarray, "gaps"]
    cost: Mapping[float, Float[np.ndarray, "gaps"]]
    distance: Float[np.ndarray, "distances"]
    push: Mapping[str, Float[np.ndarray, "distances"]]
    energy: Mapping[str, Float[np.ndarray, "distances"]]

    def near(self, name: str) -> float:
        """The critic's energy at the nearest of the shown fakes, `SHOWN_DISTANCES[0]` away from the data."""
        return float(self.energy[name][np.searchsorted(self.distance, SHOWN_DISTANCES[0])])

    @property
    def numbers(self) -> Mapping[str, float]:
        """Distance of the farthest fake that is left alone, and energies of a near and of the farthest fake."""
        alone = self.distance[self.push["loss-sensitive"] == 0]
        near = {f"{name}, energy at distance {SHOWN_DISTANCES[0]:g}": self.near(name) for name in self.energy}
        last = {f"{name}, energy at distance {self.distance[-1]:g}": float(e[-1]) for name, e in self.energy.items()}
        return {"farthest fake that is left alone": float(alone.max())} | near | last


def margins(*, steps: int = STEPS) -> Margins:
    """Costs and pushes of the objectives, and the energies of critics trained against fakes at all distances."""
    gap, distance = (torch.tensor(values, dtype=torch.float64) for values in (_GAPS, _POSITIONS))
    at_energy = torch.full_like(distance, ENERGY)
    return Margins(
        gap=gap.numpy(),
        cost={
            shown: costs(OBJECTIVES["loss-sensitive"][0], gap, torch.full_like(gap, shown)).numpy()
            for shown in SHOWN_DISTANCES
        },
        distance=distance.numpy(),
        push={name: push(objective, at_energy, distance).numpy() for name, (objective, _) in OBJECTIVES.items()},
        energy={name: _energy(objective, critic, steps) for name, (objective, critic) in OBJECTIVES.items()},
    )


def costs(
    objective: AnyObjective, energy: Float[torch.Tensor, "fakes"], distance: Float[torch.Tensor, "fakes"]
) -> Float[torch.Tensor, "fakes"]:
    """The critic's loss for each fake alone; the real sample is at 0 and has the energy 0."""
    nothing = torch.zeros_like(energy)[:, None]
    real = CriticOutput(value=nothing, samples=nothing[..., None])
    fake = CriticOutput(value=energy[:, None], samples=distance[:, None, None])
    return objective.critic_loss(real, fake, {})


def push(
    objective: AnyObjective, energy: Float[torch.Tensor, "fakes"], distance: Float[torch.Tensor, "fakes"]
) -> Float[torch.Tensor, "fakes"]:
    """Minus the derivative of the critic's loss with respect to the energy of a fake."""
    with torch.no_grad():  # a gradient that is not differentiated again
        return -gradient_by_autograd(lambda e: costs(objective, e.squeeze(-1), distance), energy[:, None]).squeeze(-1)


def _energy(objective: AnyObjective, critic: Critic, steps: int) -> Float[np.ndarray, "distances"]:
    """Energy by distance after the training: the real sample is (0, 0), the fakes are uniform on {0} x [0, 1]."""
    point = np.zeros((1, 2), np.float32)
    data = Dataset(name="point", train=point, validation=point, test=point, shape=(2,), bounded=False)
    networks = NetworkPair(generator=SegmentGenerator(theta=0.0), critic=critic)
    trainer = trained_critics(
        (Unconstrained(),), objective=objective, networks=networks, data=data, steps=steps, lr=1e-3
    )
    along = np.stack([np.zeros(len(_POSITIONS)), _POSITIONS], axis=1)
    values = trainer.critic_values(along)[0].astype(np.float64)
    return values - values[0]


def draw_margins(computed: Margins, theme_name: ThemeName = "light") -> DrawnFigure:
    """The loss of near and far fakes, the push on a fake by its distance, and the energies of trained critics."""
    theme = THEMES[theme_name]
    figure, axes = panels(theme, 3, height=2.3, most=3, width=SHEET_WIDTH)
    set_title(axes[0], theme, "loss for one fake", "loss-sensitive, by distance of the fake", length=40)
    for distance, cost in computed.cost.items():
        axes[0].plot(computed.gap, cost, color=theme.several[0], lw=1.6)
        beside: dict[str, Any] = {"textcoords": "offset points", "fontsize": SMALL, "color": theme.muted}
        axes[0].annotate(f"{distance:g}", (computed.gap[0], cost[0]), (-3, 0), ha="right", va="center", **beside)
    axes[0].set_xlim(-1.2, computed.gap[-1])
    axes[0].set_xlabel("energy of fake minus real", fontsize=SMALL, color=theme.ink)
    set_title(axes[1], theme, "push on a fake", f"of energy {ENERGY:g}, by the critic's loss", length=40)
    set_title(axes[2], theme, "trained critics", "energy, minus the real sample's", length=40)
    handles = []
    for index, name in enumerate(computed.push):
        look: dict[str, Any] = {"color": theme.several[index], "ls": _STYLES[index], "lw": 1.8}
        handles += axes[1].plot(computed.distance, computed.push[name], label=name, drawstyle="steps-mid", **look)
        axes[2].plot(computed.distance, computed.energy[name], **look)
    axes[1].set_ylim(-0.05, 1.1)
    axes[2].plot([0, 1], [0, MARGIN], color=theme.ink, lw=0.7)
    axes[2].plot([0, 1], [MARGIN, MARGIN], color=theme.ink, lw=0.7)
    axes[2].set_ylim(-0.1 * MARGIN, 2 * MARGIN)
    for axis in axes[1:]:
        axis.set_xlabel("distance from the real sample", fontsize=SMALL, color=theme.ink)
    add_legend(figure, theme, handles)
    return finish(
        figure,
        "margins",
        "The loss-sensitive critic raises the energy of a fake until it exceeds that of a real sample by the margin "
        "times their distance, EBGAN's until it is the margin. Left: the loss of fakes at three distances. Middle: the "
        f"push on fakes of energy {ENERGY:g}, by distance. Right: energies of critics trained against fakes at all "
        "distances; thin: margin times distance, and margin.",
        f"fakes of energy {ENERGY:g} up to a distance of "
        f"{format_distance(computed.numbers['farthest fake that is left alone'])} are left alone; "
        + "; ".join(
            f"{name}: energy {format_distance(computed.near(name))} at distance {SHOWN_DISTANCES[0]:g} and "
            f"{format_distance(float(energy[-1]))} at distance {computed.distance[-1]:g}"
            for name, energy in computed.energy.items()
        ),
    )
