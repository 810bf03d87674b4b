"""Torch modules as networks: what they compute is what the networks written with a seed axis do."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gan_core import (
    Adam,
    GradientPenalty,
    LeastSquares,
    MLPCritic,
    MLPGenerator,
    ModuleCritic,
    ModuleGenerator,
    NetworkPair,
    SampleSpace,
    SpectralNorm,
    Trainer,
    Training,
    Wasserstein,
    try_network,
)
from gan_core.contracts import CriticContract, GeneratorContract
from gan_core.contracts.material import cloud, drawn
from gan_core.networks import CriticAt

SPACE = SampleSpace(dim=5, bounded=False)


class Residual(nn.Module):
    """A block whose frequencies are a buffer."""

    def __init__(self, width: int):
        super().__init__()
        self.linear, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.register_buffer("frequencies", torch.linspace(1, 2, width))

    def forward(self, x):
        return x + torch.nn.functional.silu(self.norm(self.linear(x)) * self.frequencies)


@dataclass(frozen=True, kw_only=True)
class ResidualCritic(ModuleCritic):
    width: int = 6
    form = "score"

    def module(self, space):
        return nn.Sequential(nn.Linear(space.dim, self.width), Residual(self.width), nn.Linear(self.width, 1))


@dataclass(frozen=True, kw_only=True)
class Convolutional(ModuleCritic):
    form = "energy"

    def module(self, space):
        kernel = nn.Conv1d(1, 4, 3, padding=1)
        last = nn.Linear(4 * space.dim, 1)
        return nn.Sequential(nn.Unflatten(1, (1, space.dim)), kernel, nn.Tanh(), nn.Flatten(), last, nn.Softplus())


@dataclass(frozen=True, kw_only=True)
class ResidualGenerator(ModuleGenerator):
    width: int = 6
    latent: int = 3

    def module(self, space):
        return nn.Sequential(nn.Linear(self.latent, self.width), Residual(self.width), nn.Linear(self.width, space.dim))


class TestResidualCritic(CriticContract):
    subject = ResidualCritic()


class TestConvolutionalCritic(CriticContract):
    subject = Convolutional()


class TestResidualGenerator(GeneratorContract):
    subject = ResidualGenerator()


def layers(widths, activation):
    """What `MLPGenerator` and `MLPCritic` are, as a module."""
    return nn.Sequential(
        *[one for inputs, outputs in pairwise(widths) for one in (nn.Linear(inputs, outputs), activation)][:-1]
    )


def transposed(parameters):
    """Our names and shapes in those of a module, whose layers stand at every second place."""
    return {
        f"{2 * int(layer)}.{kind}": value.mT if kind == "weight" else value.squeeze(-2)
        for (layer, kind), value in ((name.split("."), value) for name, value in parameters.items())
    }


@dataclass(frozen=True, kw_only=True)
class TorchGenerator(ModuleGenerator):
    latent: int = 3

    def module(self, space):
        return layers([self.latent, 8, 8, space.dim], nn.ReLU())

    def initial(self, space, generator):
        return transposed(MLPGenerator(width=8, depth=2, latent=self.latent).initial(space, generator))


@dataclass(frozen=True, kw_only=True)
class TorchCritic(ModuleCritic):
    form = "score"

    def module(self, space):
        return layers([space.dim, 8, 8, 1], nn.LeakyReLU(0.2))

    def initial(self, space, generator):
        return transposed(MLPCritic(width=8, depth=2).initial(space, generator))


def test_a_module_says_what_the_same_network_with_a_seed_axis_says():
    own = drawn(MLPCritic(width=8, depth=2), SPACE)
    points = torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ours = CriticAt(MLPCritic(width=8, depth=2), own, SPACE)
    theirs = CriticAt(TorchCritic(), transposed(own), SPACE)
    assert_close(theirs.value(points), ours.value(points), rtol=1e-12, atol=1e-12)
    assert_close(theirs.gradient(points), ours.gradient(points), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("constraint", [GradientPenalty(), GradientPenalty(location="real", target=0)])
def test_a_penalised_game_of_modules_is_the_game_of_the_same_networks(constraint):
    """Penalties differentiate twice, through `vmap` on one side and through the written-out chain rule on the other."""
    ours = NetworkPair(generator=MLPGenerator(width=8, depth=2, latent=3), critic=MLPCritic(width=8, depth=2))
    theirs = NetworkPair(generator=TorchGenerator(), critic=TorchCritic())
    measured = []
    for networks in (ours, theirs):
        trainer = Trainer(
            objective=Wasserstein(),
            constraint=constraint,
            networks=networks,
            training=Training(batch=6, dtype="float64", n_critic=2, critic_optimizer=Adam(lr=1e-2)),
            data=cloud(5),
            seeds=range(3),
        )
        trainer.advance(20)
        measured.append(trainer.measure())
    assert measured[0].keys() == measured[1].keys()
    for name, values in measured[0].items():
        assert_close(measured[1][name], values, rtol=1e-7, atol=1e-9)


def test_a_module_is_drawn_as_torch_draws_it_and_differently_for_each_seed():
    critic = ResidualCritic(width=400)
    one, other = (critic.initial(SPACE, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    assert not torch.equal(one["0.weight"], other["0.weight"])
    assert one["0.weight"].abs().max() <= 5**-0.5 + 1e-9  # torch.nn.Linear: uniform in +-1/sqrt(inputs)
    assert one["0.weight"].std().item() == pytest.approx((1 / 15) ** 0.5, rel=0.05)
    assert all(value.dtype == torch.float64 for value in one.values())


def test_spectral_normalisation_bounds_the_slope_of_a_module():
    trainer = Trainer(
        objective=Wasserstein(),
        constraint=SpectralNorm(),
        networks=NetworkPair(generator=TorchGenerator(), critic=TorchCritic()),
        training=Training(batch=16, n_critic=5, critic_optimizer=Adam(lr=1e-3)),
        data=cloud(5),
        seeds=range(2),
    )
    trainer.advance(40)
    slopes = trainer.critic_slope(torch.randn(2, 200, 5, generator=torch.Generator().manual_seed(1)))
    assert 0.5 < slopes.max() <= 1.001


def test_a_game_of_modules_leaves_torchs_own_random_numbers_alone():
    before = torch.get_rng_state()
    try_network(ResidualCritic(), SPACE)
    try_network(ResidualGenerator(), SPACE)
    assert torch.equal(torch.get_rng_state(), before)


def linear(*between, outputs=1):
    return lambda space: nn.Sequential(nn.Linear(space.dim, 4), *between, nn.Linear(4, outputs))


UNFIT = {
    "batch norm": (linear(nn.BatchNorm1d(4)), "BatchNorm1d mixes the samples of a batch"),
    "running mean": (linear(nn.InstanceNorm1d(4, track_running_stats=True)), "must have track_running_stats=False"),
    "dropout": (linear(nn.Dropout(0.5)), "Dropout draws random numbers of its own"),
    "own spectral norm": (
        lambda space: nn.utils.parametrizations.spectral_norm(nn.Linear(space.dim, 1)),
        'must be left to constraint = {kind = "spectral_norm"}',
    ),
    "lazy": (lambda space: nn.LazyLinear(1), "a lazy layer has none before its first call"),
    "empty": (lambda space: nn.Flatten(), "must have parameters, but has none"),
    "no module": (lambda space: torch.sin, "must return a torch.nn.Module, but returns builtin_function_or_method"),
    "two values": (linear(outputs=2), "must give one number a sample"),
}


@pytest.mark.parametrize(("build", "sentence"), UNFIT.values(), ids=UNFIT)
def test_a_module_that_cannot_be_lifted_is_refused(build, sentence):
    @dataclass(frozen=True, kw_only=True)
    class Unfit(ModuleCritic):
        form: ClassVar = "score"

        def module(self, space):
            return build(space)

    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        try_network(Unfit(), SPACE)


def test_a_generator_whose_samples_have_another_size_is_refused():
    @dataclass(frozen=True, kw_only=True)
    class Short(ModuleGenerator):
        latent: int = 3

        def module(self, space):
            return nn.Linear(self.latent, space.dim - 1)

    with pytest.raises(ValueError, match="must give 5 numbers a sample, but gives 4"):
        try_network(Short(), SPACE)


def test_energies_of_a_module_play_with_objectives_that_read_energies():
    with pytest.raises(ValueError, match=r"networks\.critic: Convolutional gives energies"):
        Trainer(
            objective=LeastSquares(),
            constraint=GradientPenalty(),
            networks=NetworkPair(generator=TorchGenerator(), critic=Convolutional()),
            training=Training(),
            data=cloud(5),
            seeds=[0],
        )
