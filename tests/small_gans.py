"""Small GANs and data for the tests: one iteration takes about a millisecond."""

from dataclasses import fields, replace
from typing import Literal, get_args

import numpy as np
import torch

from gan_core.constraints import Constraint, GradientPenalty, Location
from gan_core.data import Dataset
from gan_core.evaluation import EvaluationSettings, Evaluator, applicable_metrics
from gan_core.metrics import Fakes, RealSamples
from gan_core.networks import AutoencoderCritic, Critic, MLPCritic, MLPGenerator, NetworkPair
from gan_core.objectives import EnergyMargin, LeastSquares, LossSensitive, Objective
from gan_core.presets import PRESETS
from gan_core.shapes import CriticOutput
from gan_core.training import Optimizer, Trainer, Training

OBJECTIVES = [kind() for kind in get_args(Objective) if kind is not LossSensitive] + [
    LossSensitive(margin=0.5),  # with three coordinates the default margin is next to nothing
    LeastSquares(fake_target=-1.0, real_target=1.0, generator_target=0.0),
    EnergyMargin(margin=2.0, pull_away_weight=0.1),
    LossSensitive(margin=0.5, slope=-1.0, real_weight=1.0),
]
TARGETS_AND_SIDES: list[tuple[Literal[0, 1], Literal["one", "two"]]] = [(1, "two"), (1, "one"), (0, "two")]
PENALTIES = [
    GradientPenalty(location=location, target=target, sides=sides)
    for location in get_args(Location)
    for target, sides in TARGETS_AND_SIDES
] + [GradientPenalty(location="around_real", noise="gaussian")]
CONSTRAINTS = [kind() for kind in get_args(Constraint) if kind is not GradientPenalty] + PENALTIES
SMALL_CRITICS = {
    "score": MLPCritic(width=8, depth=2),
    "energy": AutoencoderCritic(width=8, depth=1, code=2),
}
SMALL_EVALUATION = EvaluationSettings(samples=64, directions=16, cells=4)


def kind_of(description):
    """The kind and every value that is not the default: the name of a test case."""
    changed = [getattr(description, field.name) for field in fields(description) if field.name != "kind"]
    defaults = [field.default for field in fields(description) if field.name != "kind"]
    return "-".join(
        [description.kind, *(str(value) for value, usual in zip(changed, defaults, strict=True) if value != usual)]
    )


def blob(points=200, dim=3):
    """A normal cloud that no rotation and no reflection maps onto itself."""
    normal = np.random.default_rng(7).standard_normal((points + 160, dim))
    cloud = (normal * np.linspace(0.3, 0.9, dim) + np.linspace(-0.5, 0.4, dim)).astype(np.float32)
    train, validation, test = np.split(cloud, [points, points + 80])
    return Dataset(name="blob", train=train, validation=validation, test=test, shape=(dim,), bounded=False)


def small_networks(critic_form):
    """A generator, and a critic of this form."""
    return NetworkPair(generator=MLPGenerator(width=8, depth=2, latent=4), critic=SMALL_CRITICS[critic_form])


def described(union, table):
    """The description that a table states: the class of the union with its `kind`, with its values."""
    (kind,) = [kind for kind in get_args(union) if kind.kind == table["kind"]]
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})


def preset_training(name, **changes):
    """Training settings of a preset, with changes."""
    table = dict(PRESETS[name].table["training"])
    for field in ("critic_optimizer", "generator_optimizer"):
        table[field] = described(Optimizer, table[field])
    return Training(**table | changes)


def preset_trainer(name, seeds=(3, 4, 5), *, training=None, **changes):
    """A trainer of a preset with its authors' settings, with small networks and a small batch on `blob`."""
    table = PRESETS[name].table
    critic = described(Critic, table.get("networks", {}).get("critic", {"kind": "mlp"}))
    small = {"width": 8, "depth": 1, "code": 2} if critic.has_code else {"width": 8, "depth": 2}
    settings = {
        "objective": described(Objective, table["objective"]),
        "constraint": described(Constraint, table["constraint"]),
        "networks": NetworkPair(generator=MLPGenerator(width=8, depth=2, latent=4), critic=replace(critic, **small)),
        "training": preset_training(name, **{"batch": 8} | (training or {})),
        "data": blob(),
        "seeds": seeds,
    }
    return Trainer(**settings | changes)


def evaluator_of(trainer, data=None, *, settings=SMALL_EVALUATION, split="validation"):
    """The evaluator of a trainer's generators; `data` are those it is trained on, `blob` if left out."""
    return Evaluator(
        trainer.networks.generator,
        blob() if data is None else data,
        settings=settings,
        split=split,
        device=str(trainer.device),
        dtype=trainer.training.dtype,
    )


def evaluate(trainer, data=None, **settings):
    """Every metric of every member of a trainer at its last evaluation, by name, those of the training included."""
    health = {name: value.detach().numpy().astype(np.float64) for name, value in trainer.health().items()}
    average = None if trainer.average is None else trainer.generator.views(trainer.average)
    evaluator = evaluator_of(trainer, data, **settings)
    return health | evaluator.evaluate(trainer.generator.frozen, last=True, average=average)


def real_samples(data, settings=SMALL_EVALUATION, split="validation", dtype=torch.float64):
    """The real samples of a split, on the CPU."""
    return RealSamples(data, split, settings, device=torch.device("cpu"), dtype=dtype)


def measure(real, fakes):
    """Every metric of the library that applies to the data, by name, from fakes (members, n, dim)."""
    fake = Fakes(fakes)
    metrics = applicable_metrics(real.settings, real.data).values()
    return {metric.name: metric.measure(real, fake) for metric in metrics}


def critic_output(value, samples=None, code=None):
    """A critic's output with these values; samples and codes that are not given differ from sample to sample."""
    generator = torch.Generator().manual_seed(11)
    if samples is None:
        samples = torch.randn((*value.shape, 3), generator=generator, dtype=value.dtype)
    if code is None:
        code = torch.randn((*value.shape, 5), generator=generator, dtype=value.dtype)
    return CriticOutput(value=value, samples=samples, code=code)


def added_by(penalty, critic, real, fake, noise) -> torch.Tensor:
    """The term that a gradient penalty adds to the critic's loss."""
    value = penalty.penalty(critic, real, fake, noise)
    assert value is not None
    return value


def stacked(parameters):
    """Parameters of several seeds, stacked along a leading seed axis."""
    return {name: torch.stack([seed[name] for seed in parameters]) for name in parameters[0]}


def drawn(network, shape, seeds=(0, 1), dtype=torch.float64):
    """Parameters of a network for several seeds, in general position: initial biases are 0."""
    parameters = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        initial = network.initial(shape, generator)
        parameters.append({n: v + 0.1 * torch.randn(v.shape, generator=generator) for n, v in initial.items()})
    return {name: value.to(dtype) for name, value in stacked(parameters).items()}
