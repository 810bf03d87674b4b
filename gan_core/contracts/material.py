"""Base class of the contract tests, and the batches, networks and small GANs that they use."""

from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, fields
from inspect import isabstract
from io import BytesIO
from math import prod
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from gan_core.constraints import AnyConstraint, Unconstrained
from gan_core.data import Dataset
from gan_core.evaluation import EvaluationSettings, Evaluator
from gan_core.networks import (
    AnyCritic,
    AnyGenerator,
    AutoencoderCritic,
    MLPCritic,
    MLPGenerator,
    NetworkPair,
    gradient_by_autograd,
)
from gan_core.objectives import AnyObjective, EnergyMargin, Wasserstein
from gan_core.shapes import CriticForm, CriticOutput, Parameters, SampleShape
from gan_core.training import Trainer, Training

SEEDS, BATCH, DIM, CODE = 3, 6, 3, 5
CRITICS: dict[CriticForm, AnyCritic] = {
    "score": MLPCritic(width=8, depth=2),
    "energy": AutoencoderCritic(width=8, depth=1, code=2),
}
OBJECTIVES: dict[CriticForm, AnyObjective] = {"score": Wasserstein(), "energy": EnergyMargin()}

Kind = TypeVar("Kind")


class Description(Generic[Kind]):
    """Base class of the contract tests, with the test that every `subject` must pass."""

    subject: Kind

    def test_it_is_a_frozen_dataclass_without_abstract_methods(self) -> None:
        subject: Any = self.subject
        own = "__dataclass_params__" in vars(type(subject))  # its base class has them too
        assert own, "must be a @dataclass(frozen=True): its fields are its hyperparameters"
        assert not isabstract(type(subject)), "must define every abstract method"
        name = next((field.name for field in fields(subject)), "anything")
        try:
            setattr(subject, name, getattr(subject, name, None))
        except FrozenInstanceError:
            return
        raise AssertionError("must be frozen: @dataclass(frozen=True)")


class Field:
    """A function of the samples and its gradient; penalties accept it in place of a critic."""

    def __init__(self, value: Callable[[Tensor], Tensor]):
        self.value = value

    def gradient(self, points: Tensor) -> Tensor:
        return gradient_by_autograd(self.value, points)


SHAPE = SampleShape(shape=(DIM,), bounded=False)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    """Uniform numbers on [0, 1) that depend on shape and seed alone."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers that depend on shape and seed alone."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def streams() -> list[torch.Generator]:
    """One random number generator per seed."""
    return [torch.Generator().manual_seed(seed) for seed in range(SEEDS)]


def global_random_states() -> list[Any]:
    """States of the global random number generators of numpy and torch."""
    _, keys, *rest = np.random.get_state()
    return [np.asarray(keys).tolist(), rest, torch.get_rng_state().tolist()]


def critic_output(value: Tensor, seed: int = 4) -> CriticOutput:
    """A critic's output with these values, which require gradients, and with random samples and codes."""
    samples, code = normal(*value.shape, DIM, seed=seed), normal(*value.shape, CODE, seed=seed + 1)
    return CriticOutput(value=value.requires_grad_(), samples=samples.to(value.dtype), code=code.to(value.dtype))


def select_seeds(output: CriticOutput, seeds: slice) -> CriticOutput:
    """The output for some of the seeds."""
    return _map_tensors(output, lambda tensor: tensor[seeds])


def reorder(output: CriticOutput, order: Tensor) -> CriticOutput:
    """The output with the samples of each batch in another order."""
    return _map_tensors(output, lambda tensor: tensor[:, order])


def _map_tensors(output: CriticOutput, function: Callable[[Tensor], Tensor]) -> CriticOutput:
    code = None if output.code is None else function(output.code)
    return CriticOutput(value=function(output.value), samples=function(output.samples), code=code)


def gradients_of(loss: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Gradient of the sum of the losses with respect to each input, 0 for an input without effect."""
    return torch.autograd.grad(loss.sum(), inputs, retain_graph=True, materialize_grads=True)


def initial(network: Any, shape: SampleShape, global_seed: int) -> Parameters:
    """One seed's initial parameters from a fixed generator, with torch's global generator seeded by `global_seed`."""
    torch.manual_seed(global_seed)
    return network.initial(shape, torch.Generator().manual_seed(7))


def drawn(network: Any, shape: SampleShape = SHAPE) -> Parameters:
    """Parameters of a network for all seeds: initial values plus noise, so that biases are not 0."""
    per_seed = []
    for generator in streams():
        initial = network.initial(shape, generator)
        per_seed.append({n: v + 0.1 * torch.randn(v.shape, generator=generator) for n, v in initial.items()})
    return {name: torch.stack([seed[name] for seed in per_seed]).double() for name in per_seed[0]}


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """Shape of each tensor by name."""
    return {name: value.shape for name, value in tensors.items()}


def copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy of each tensor by name."""
    return {name: value.clone() for name, value in tensors.items()}


def after_checkpoint(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors after saving and loading."""
    file = BytesIO()
    torch.save(dict(tensors), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def assert_equal(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Assert that both hold the same names with the same numbers, bit for bit."""
    assert expected.keys() == tensors.keys()
    for name, value in expected.items():
        assert torch.equal(value, tensors[name]), f"{name} has changed"


def train(
    *,
    objective: AnyObjective | None = None,
    constraint: AnyConstraint | None = None,
    generator: AnyGenerator | None = None,
    critic: AnyCritic | None = None,
    shape: SampleShape = SHAPE,
) -> None:
    """Train small GANs for three iterations; assert finite numbers, and that both networks have changed."""
    data = cloud(*shape.shape, bounded=shape.bounded)
    trainer = Trainer(
        objective=objective or Wasserstein(),
        constraint=constraint or Unconstrained(),
        networks=NetworkPair(
            generator=generator or MLPGenerator(width=8, depth=1, latent=4), critic=critic or CRITICS["score"]
        ),
        training=Training(batch=BATCH),
        data=data,
        seeds=range(SEEDS),
    )
    settings = EvaluationSettings(samples=64, directions=16, cells=4)
    evaluator = Evaluator(trainer.networks.generator, data, settings=settings)
    networks = {"generator": trainer.generator, "critic": trainer.critic}
    before = {name: parameters.flat.clone() for name, parameters in networks.items()}
    trainer.advance(3)
    for name, parameters in networks.items():
        assert parameters.flat.isfinite().all(), f"after three iterations a parameter of the {name} is not finite"
        assert (parameters.flat != before[name]).any(), f"after three iterations no parameter of the {name} has changed"
    health = {name: value.detach().numpy() for name, value in trainer.health().items()}
    for name, values in (health | evaluator.evaluate(trainer.generator.frozen, last=True)).items():
        assert np.isfinite(values).all(), f"after three iterations the metric {name} is not finite"


def cloud(*shape: int, bounded: bool = False) -> Dataset:
    """Normal samples of this shape, with a different standard deviation in each coordinate.

    Those outside [-1, 1] are clamped if `bounded`.
    """
    dim = prod(shape)
    points = (normal(360, dim, seed=8) * torch.linspace(0.3, 0.9, dim)).float().numpy()
    train, validation, test = np.split(points.clip(-1, 1) if bounded else points, [200, 280])
    return Dataset(name="cloud", train=train, validation=validation, test=test, shape=shape, bounded=bounded)
