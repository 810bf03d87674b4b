"""Energy of a pre-trained EBGAN critic over the plane before the game starts, and BEGAN's balance over training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gan_core.constraints import Unconstrained
from gan_core.data import Dataset, TwoMoons
from gan_core.metrics import Box
from gan_core.networks import AutoencoderCritic, MLPGenerator, NetworkPair
from gan_core.objectives import BoundaryEquilibrium, EnergyMargin
from gan_core.training import Adam, Member, Trainer, Training
from studies.numbers import format_distance, format_share, format_tick
from studies.reporting.figures.canvas import (
    SHEET_WIDTH,
    SMALL,
    DrawnFigure,
    add_legend,
    empty_figure,
    finish,
    set_title,
    style_axes,
)
from studies.reporting.figures.themes import THEMES, Theme, ThemeName

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GENERATOR = MLPGenerator(width=32, depth=2, latent=2)
CRITIC = AutoencoderCritic(width=32, depth=2, code=1)
"""A critic that cannot copy every point of the plane, since its code has one coordinate."""
MARGIN = 0.3
PRETRAIN_STEPS = 1000
GAMMAS = (0.3, 0.5, 0.7)
BALANCE_RATE = 0.02
"""Step size of BEGAN's k: 20 times its authors', for a training that is as many times shorter."""
ITERATIONS, EVERY = 1000, 10
"""Iterations of BEGAN, and those between two measurements."""
AVERAGED = 10
"""Measurements whose mean energies are divided in a ratio that is drawn."""
FAKES = 100
_RESOLUTION = 60
_STYLES = ("-", "--", "-.")


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """Energy of an EBGAN critic over the plane, before and after its pre-training, and the fakes of the first step.

    untrained, pretrained  energy at the center of each cell of `box`, in the order of its `centers`
    on_real_before         energy of the real samples before the pre-training
    on_fake_before         energy of the untrained generator's fakes before it
    on_real, on_fake       both after it
    real, fake             the samples
    """

    box: Box
    untrained: Float[np.ndarray, "cells"]
    pretrained: Float[np.ndarray, "cells"]
    on_real_before: Float[np.ndarray, "points"]
    on_fake_before: Float[np.ndarray, "fakes"]
    on_real: Float[np.ndarray, "points"]
    on_fake: Float[np.ndarray, "fakes"]
    real: Float[np.ndarray, "points 2"]
    fake: Float[np.ndarray, "fakes 2"]


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Course of BEGAN training for several values of gamma: the balance k and the mean energies at each measurement.

    iteration  iterations at the measurements
    gamma      of each member
    k          weight of the fakes in the critic's loss
    on_real    mean energy of real samples
    on_fake    mean energy of fakes
    """

    iteration: Float[np.ndarray, "times"]
    gamma: Float[np.ndarray, "members"]
    k: Float[np.ndarray, "members times"]
    on_real: Float[np.ndarray, "members times"]
    on_fake: Float[np.ndarray, "members times"]

    @property
    def late_ratio(self) -> Float[np.ndarray, "members"]:
        """Ratio of the mean energies of fakes and real samples over the second half of the training."""
        late = slice(len(self.iteration) // 2, None)
        return self.on_fake[:, late].mean(1) / self.on_real[:, late].mean(1)

    @property
    def ratio_in_theory(self) -> Float[np.ndarray, "members"]:
        """The ratio that the change of k implies, for a k that stays between 0 and 1.

        k changes by balance_rate (gamma U(real) - U(fake)) per iteration, so the ratio is gamma minus the change of k
        per iteration over balance_rate and the mean of U(real): it tends to gamma.
        """
        first = len(self.iteration) // 2
        change = (self.k[:, -1] - self.k[:, first]) / (self.iteration[-1] - self.iteration[first])
        return self.gamma - change / (BALANCE_RATE * self.on_real[:, first:].mean(1))


@dataclass(frozen=True, kw_only=True)
class Energies:
    """The landscape of EBGAN's critic, and BEGAN's balance."""

    landscape: Landscape
    balance: Balance

    @property
    def numbers(self) -> Mapping[str, float]:
        """Mean energies before the game, share of fakes above the margin, and late ratio of the energies by gamma."""
        shown = self.landscape
        return {
            "energy of real samples before pre-training": float(shown.on_real_before.mean()),
            "energy of real samples after pre-training": float(shown.on_real.mean()),
            "energy of fakes after pre-training": float(shown.on_fake.mean()),
            "share of fakes above the margin": float((shown.on_fake > MARGIN).mean()),
            "share of pairs told apart before pre-training": told_apart(shown.on_real_before, shown.on_fake_before),
            "share of pairs told apart after pre-training": told_apart(shown.on_real, shown.on_fake),
        } | {
            f"late ratio of energies, gamma {gamma:g}": float(ratio)
            for gamma, ratio in zip(self.balance.gamma, self.balance.late_ratio, strict=True)
        }


def energies() -> Energies:
    """Both, on two half moons."""
    data = TwoMoons(train=2000, held_out=500).load()
    return Energies(landscape=landscape(data), balance=balance(data))


def landscape(data: Dataset, *, pretrain_steps: int = PRETRAIN_STEPS) -> Landscape:
    """Energies of an EBGAN critic before and after its pre-training on points of the plane."""
    trainer = Trainer(
        objective=EnergyMargin(margin=MARGIN),
        constraint=Unconstrained(),
        networks=NetworkPair(generator=GENERATOR, critic=CRITIC),
        training=Training(pretrain_steps=pretrain_steps, critic_optimizer=Adam(lr=3e-3)),
        data=data,
        seeds=[0],
    )
    real, fake = data.first("test"), trainer.generate(FAKES)[0].numpy()
    box = Box.around(np.concatenate([real, fake]), resolution=_RESOLUTION, margin=0.1)
    untrained, real_before, fake_before = (trainer.critic_values(points)[0] for points in (box.centers, real, fake))
    trainer.advance(pretrain_steps)
    pretrained, on_real, on_fake = (trainer.critic_values(points)[0] for points in (box.centers, real, fake))
    return Landscape(
        box=box,
        untrained=untrained,
        pretrained=pretrained,
        on_real_before=real_before,
        on_fake_before=fake_before,
        on_real=on_real,
        on_fake=on_fake,
        real=real,
        fake=fake,
    )


def told_apart(on_real: Float[np.ndarray, "points"], on_fake: Float[np.ndarray, "fakes"]) -> float:
    """Share of the pairs of a real sample and a fake in which the real sample has the lower energy."""
    return float((on_real[:, None] < on_fake).mean())


def balance(data: Dataset, *, iterations: int = ITERATIONS) -> Balance:
    """k and the ratio of the energies of BEGANs with the values of gamma in `GAMMAS`, trained in one pack."""
    training = Training(critic_optimizer=Adam(lr=1e-3), generator_optimizer=Adam(lr=1e-3))
    members = [
        Member(
            objective=BoundaryEquilibrium(gamma=gamma, balance_rate=BALANCE_RATE),
            constraint=Unconstrained(),
            training=training,
            seed=0,
        )
        for gamma in GAMMAS
    ]
    critic = AutoencoderCritic(width=32, depth=2, code=1, energy="absolute_error_mean")
    trainer = Trainer.of_pack(members, networks=NetworkPair(generator=GENERATOR, critic=critic), data=data)
    measured: dict[str, list[np.ndarray]] = {"balance": [], "critic_on_real": [], "critic_on_fake": []}
    for _ in range(iterations // EVERY):
        trainer.advance(EVERY)
        health = trainer.health()
        for name, values in measured.items():
            values.append(health[name].detach().numpy())
    k, on_real, on_fake = (np.stack(values, axis=1) for values in measured.values())
    return Balance(
        iteration=np.arange(1.0, k.shape[1] + 1) * EVERY,
        gamma=np.array(GAMMAS),
        k=k,
        on_real=on_real,
        on_fake=on_fake,
    )


def draw_energies(computed: Energies, theme_name: ThemeName = "light") -> DrawnFigure:
    """The energy over the plane before and after the pre-training; k and the ratio of the energies over training."""
    theme, shown = THEMES[theme_name], computed.landscape
    figure = empty_figure(theme, width=SHEET_WIDTH, height=5.0)
    axes = figure.subplots(2, 2).ravel()
    for axis in axes:
        style_axes(axis, theme)
    _draw_landscapes(axes[:2], theme, shown)
    _draw_balance(axes[2:], theme, computed.balance)
    before, after = (
        f"real samples {format_distance(float(on_real.mean()))}, fakes {format_distance(float(on_fake.mean()))}"
        for on_real, on_fake in ((shown.on_real_before, shown.on_fake_before), (shown.on_real, shown.on_fake))
    )
    set_title(axes[0], theme, "EBGAN, untrained critic", f"mean energy: {before}", length=40)
    set_title(axes[1], theme, "EBGAN, pre-trained critic", f"mean energy: {after}", length=40)
    pairs = told_apart(shown.on_real, shown.on_fake)
    return finish(
        figure,
        "energies",
        "Above: energy (mean squared error of the reconstruction) of an EBGAN critic before and after "
        f"{PRETRAIN_STEPS} pre-training steps on real samples alone (dots), with the fakes of the untrained generator "
        f"(crosses). Line: the margin, {MARGIN:g}. Below: BEGAN's balance k over training, and the ratio of the "
        "energies of fakes and real samples, which k steers to gamma (thin lines).",
        f"mean energy before the pre-training: {before}; after it: {after}, and in {format_share(pairs)} of the pairs "
        "of a real sample and a fake the real one has the lower energy; late ratio of energies "
        + ", ".join(
            f"{format_distance(float(ratio))} with gamma {gamma:g}"
            for gamma, ratio in zip(computed.balance.gamma, computed.balance.late_ratio, strict=True)
        ),
    )


def _draw_landscapes(axes: Any, theme: Theme, shown: Landscape) -> None:
    """Draw both maps on one logarithmic scale, with the samples and the line at the margin."""
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter

    box, side = shown.box, shown.box.resolution
    extent = (float(box.low[0]), float(box.high[0]), float(box.low[1]), float(box.high[1]))
    high = float(max(shown.untrained.max(), shown.pretrained.max()))
    x, y = box.centers.reshape(side, side, 2).transpose(2, 0, 1)
    for axis, values in zip(axes, (shown.untrained, shown.pretrained), strict=True):
        axis.grid(visible=False)
        grid = values.reshape(side, side)
        style: dict[str, Any] = {"origin": "lower", "extent": extent, "cmap": "cividis", "norm": LogNorm(1e-3, high)}
        image = axis.imshow(grid, aspect="auto", interpolation="nearest", **style)
        axis.contour(x, y, grid, levels=[MARGIN], colors="white", linewidths=1.2)
        axis.plot(*shown.real[:200].T, ".", ms=2, color="#DDDDDD", mew=0)
        axis.plot(*shown.fake.T, "x", ms=3.5, color="#FF7F50", mew=0.9)
    numbers = FuncFormatter(lambda value, _: format_tick(value))
    bar = axes[0].figure.colorbar(image, ax=list(axes), aspect=25, pad=0.02, format=numbers)
    bar.minorticks_off()
    bar.set_label("energy", fontsize=SMALL, color=theme.ink)
    bar.ax.tick_params(which="both", colors=theme.ink, labelsize=SMALL)
    bar.outline.set_visible(False)


def _draw_balance(axes: "tuple[Axes, Axes]", theme: Theme, shown: Balance) -> None:
    handles = []
    for index, gamma in enumerate(shown.gamma):
        look: dict[str, Any] = {"color": theme.several[index], "ls": _STYLES[index], "lw": 1.4}
        handles += axes[0].plot(shown.iteration, shown.k[index], label=f"gamma {gamma:g}", **look)
        ratio = [_means(energy) for energy in (shown.on_fake[index], shown.on_real[index])]
        axes[1].plot(shown.iteration[: len(ratio[0])] + AVERAGED * EVERY / 2, ratio[0] / ratio[1], **look)
        axes[1].axhline(gamma, color=look["color"], lw=0.7)
    set_title(axes[0], theme, "BEGAN, balance", "k, weight of the fakes in the critic's loss", length=40)
    set_title(
        axes[1],
        theme,
        "BEGAN, ratio of energies",
        f"of fakes to real samples, means of {AVERAGED * EVERY} iterations",
        length=40,
    )
    axes[1].set_ylim(0, 1)
    for axis in axes:
        axis.set_xlim(0, shown.iteration[-1])
        axis.set_xlabel("iterations", fontsize=SMALL, color=theme.ink)
    add_legend(axes[0].figure, theme, handles, side="lower")  # type: ignore[arg-type]


def _means(energy: Float[np.ndarray, "times"]) -> Float[np.ndarray, "means"]:
    """Running means of `AVERAGED` measurements."""
    return np.convolve(energy, np.full(AVERAGED, 1 / AVERAGED), mode="valid")
