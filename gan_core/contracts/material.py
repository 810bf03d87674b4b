"""What every contract asks, and the numbers and small games that all of them ask it with."""

from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, fields, is_dataclass
from inspect import isabstract
from io import BytesIO
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from gan_core.constraints import AnyConstraint, Parameters, Unconstrained, gradient_by_autograd
from gan_core.data import Dataset
from gan_core.metrics import Measures
from gan_core.networks import (
    AnyCritic,
    AnyGenerator,
    AutoencoderCritic,
    MLPCritic,
    MLPGenerator,
    NetworkPair,
    SampleSpace,
)
from gan_core.objectives import AnyObjective, CriticForm, Critique, EnergyMargin, Wasserstein
from gan_core.training import Trainer, Training

SEEDS, BATCH, DIM, CODE = 3, 6, 3, 5
CRITICS: dict[CriticForm, AnyCritic] = {
    "score": MLPCritic(width=8, depth=2),
    "energy": AutoencoderCritic(width=8, depth=1, code=2),
}
OBJECTIVES: dict[CriticForm, AnyObjective] = {"score": Wasserstein(), "energy": EnergyMargin()}

Kind = TypeVar("Kind")


class Description(Generic[Kind]):
    """What is asked of every description."""

    subject: Kind

    def test_it_is_a_frozen_dataclass_that_is_complete(self) -> None:
        subject: Any = self.subject
        assert is_dataclass(subject), "must be a dataclass: its fields are its knobs"
        assert not isabstract(type(subject)), "must define every abstract method"
        name = next((field.name for field in fields(subject)), "anything")
        try:
            setattr(subject, name, getattr(subject, name, None))
        except FrozenInstanceError:
            return
        raise AssertionError("must be frozen: @dataclass(frozen=True)")


class Field:
    """A function of the point, as a penalty asks a critic: for its value, and for the gradient of the value."""

    def __init__(self, value: Callable[[Tensor], Tensor]):
        self.value = value

    def gradient(self, points: Tensor) -> Tensor:
        return gradient_by_autograd(self.value, points)


SPACE = SampleSpace(dim=DIM, bounded=False)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    """Uniform numbers, the same every time."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers, the same every time."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def streams() -> list[torch.Generator]:
    """A generator for each seed."""
    return [torch.Generator().manual_seed(seed) for seed in range(SEEDS)]


def global_random_states() -> list[Any]:
    """What numpy and torch would draw next where nobody hands a generator in."""
    _, keys, *rest = np.random.get_state()
    return [np.asarray(keys).tolist(), rest, torch.get_rng_state().tolist()]


def critique(value: Tensor, seed: int = 4) -> Critique:
    """What a critic said: values that can be differentiated to, at points and with codes in general position."""
    points, code = normal(*value.shape, DIM, seed=seed), normal(*value.shape, CODE, seed=seed + 1)
    return Critique(value=value.requires_grad_(), points=points.to(value.dtype), code=code.to(value.dtype))


def part_of(critique: Critique, which: slice) -> Critique:
    """What was said about some of the seeds."""
    return picked(critique, lambda part: part[which])


def ordered(critique: Critique, order: Tensor) -> Critique:
    """What was said about a batch in another order."""
    return picked(critique, lambda part: part[:, order])


def picked(critique: Critique, pick: Callable[[Tensor], Tensor]) -> Critique:
    """A part of everything that was said."""
    code = None if critique.code is None else pick(critique.code)
    return Critique(value=pick(critique.value), points=pick(critique.points), code=code)


def gradients_of(loss: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    """The gradient of the seeds' sum by each input, 0 where the loss does not reach it."""
    return torch.autograd.grad(loss.sum(), inputs, retain_graph=True, materialize_grads=True)


def initial(network: Any, space: SampleSpace, global_seed: int) -> Parameters:
    """One seed's parameters, drawn beside a global generator in this state."""
    torch.manual_seed(global_seed)
    return network.initial(space, torch.Generator().manual_seed(7))


def drawn(network: Any, space: SampleSpace = SPACE) -> Parameters:
    """Parameters of a network for all seeds, in general position: initial biases are 0."""
    each = []
    for generator in streams():
        initial = network.initial(space, generator)
        each.append({n: v + 0.1 * torch.randn(v.shape, generator=generator) for n, v in initial.items()})
    return {name: torch.stack([one[name] for one in each]).double() for name in each[0]}


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """The shapes under the names."""
    return {name: value.shape for name, value in tensors.items()}


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of their own with these numbers."""
    return {name: value.clone() for name, value in tensors.items()}


def after_checkpoint(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as a checkpoint gives them back."""
    file = BytesIO()
    torch.save(dict(tensors), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def assert_untouched(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> None:
    """Every name is there, with the very numbers."""
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert torch.equal(value, after[name]), f"{name} is not what it was"


def play(
    *,
    objective: AnyObjective | None = None,
    constraint: AnyConstraint | None = None,
    generator: AnyGenerator | None = None,
    critic: AnyCritic | None = None,
    dim: int = DIM,
) -> None:
    """Three rounds, after which the numbers of every seed are finite, and both players have moved in some."""
    trainer = Trainer(
        objective=objective or Wasserstein(),
        constraint=constraint or Unconstrained(),
        networks=NetworkPair(
            generator=generator or MLPGenerator(width=8, depth=1, latent=4), critic=critic or CRITICS["score"]
        ),
        training=Training(batch=BATCH),
        data=cloud(dim),
        seeds=range(SEEDS),
        measures=Measures(samples=64, directions=16, cells=4),
    )
    players = trainer.generator, trainer.critic
    before = [player.flat.clone() for player in players]
    trainer.advance(3)
    for player, first in zip(players, before, strict=True):
        assert player.flat.isfinite().all(), "after three rounds a parameter is not finite"
        assert (player.flat != first).any(), "after three rounds a player has not moved in any seed"
    assert all(np.isfinite(values).all() for values in trainer.measure().values()), "a measurement is not finite"


def cloud(dim: int) -> Dataset:
    """Data that no rotation maps onto itself."""
    points = (normal(360, dim, seed=8) * torch.linspace(0.3, 0.9, dim)).float().numpy()
    train, search, confirm = np.split(points, [200, 280])
    return Dataset(name="cloud", train=train, search=search, confirm=confirm, shape=(dim,), bounded=False)
