"""Small games for the tests: a round of them takes a millisecond."""

from dataclasses import fields, replace
from typing import get_args

import numpy as np
import torch

from gan_core.constraints import Constraint, GradientPenalty, Location
from gan_core.data import Dataset
from gan_core.metrics import Measures
from gan_core.networks import AutoencoderCritic, Critic, MLPCritic, MLPGenerator, NetworkPair
from gan_core.objectives import Critique, EnergyMargin, LeastSquares, LossSensitive, Objective
from gan_core.optimizers import Optimizer
from gan_core.presets import PRESETS
from gan_core.training import Trainer, Training

OBJECTIVES = [kind() for kind in get_args(Objective) if kind is not LossSensitive] + [
    LossSensitive(margin=0.5),  # on three coordinates the default asks for next to nothing
    LeastSquares(fake_target=-1.0, real_target=1.0, generator_target=0.0),
    EnergyMargin(margin=2.0, pull_away_weight=0.1),
    LossSensitive(margin=0.5, slope=-1.0, real_weight=1.0),
]
PENALTIES = [
    GradientPenalty(location=location, target=target, sides=sides)
    for location in get_args(Location)
    for target, sides in ((1, "two"), (1, "one"), (0, "two"))
] + [GradientPenalty(location="around_real", noise="gaussian")]
CONSTRAINTS = [kind() for kind in get_args(Constraint) if kind is not GradientPenalty] + PENALTIES
SMALL_CRITICS = {
    "score": MLPCritic(width=8, depth=2),
    "energy": AutoencoderCritic(width=8, depth=1, code=2),
}
SMALL_MEASURES = Measures(samples=64, directions=16, cells=4)


def kind_of(description):
    """The kind, and whatever field is not at its default: a name for a test."""
    changed = [getattr(description, field.name) for field in fields(description) if field.name != "kind"]
    defaults = [field.default for field in fields(description) if field.name != "kind"]
    return "-".join(
        [description.kind, *(str(value) for value, usual in zip(changed, defaults, strict=True) if value != usual)]
    )


def blob(points=200, dim=3):
    """A cloud that no rotation and no mirror maps onto itself."""
    normal = np.random.default_rng(7).standard_normal((points + 160, dim))
    cloud = (normal * np.linspace(0.3, 0.9, dim) + np.linspace(-0.5, 0.4, dim)).astype(np.float32)
    train, search, confirm = np.split(cloud, [points, points + 80])
    return Dataset(name="blob", train=train, search=search, confirm=confirm, shape=(dim,), bounded=False)


def small_networks(critic_form):
    """A pair that plays any objective that reads this form."""
    return NetworkPair(generator=MLPGenerator(width=8, depth=2, latent=4), critic=SMALL_CRITICS[critic_form])


def described(union, table):
    """The member of a union that a table names by its kind."""
    (description,) = [member for member in get_args(union) if member.kind == table["kind"]]
    return description(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})


def preset_training(name, **changes):
    table = dict(PRESETS[name].table["training"])
    for player in ("critic_optimizer", "generator_optimizer"):
        table[player] = described(Optimizer, table[player])
    return Training(**table | changes)


def preset_game(name, seeds=(3, 4, 5), *, training=None, **changes):
    """A trainer of a preset at its authors' settings, with small networks on the blob."""
    table = PRESETS[name].table
    critic = described(Critic, table.get("networks", {}).get("critic", {"kind": "mlp"}))
    small = {"width": 8, "depth": 1, "code": 2} if critic.has_code else {"width": 8, "depth": 2}
    game = {
        "objective": described(Objective, table["objective"]),
        "constraint": described(Constraint, table["constraint"]),
        "networks": NetworkPair(generator=MLPGenerator(width=8, depth=2, latent=4), critic=replace(critic, **small)),
        "training": preset_training(name, **{"batch": 8} | (training or {})),
        "data": blob(),
        "measures": SMALL_MEASURES,
        "seeds": seeds,
    }
    return Trainer(**game | changes)


def critique_of(value, points=None, code=None):
    """What a critic said, with points and codes that differ from sample to sample where none are given."""
    generator = torch.Generator().manual_seed(11)
    if points is None:
        points = torch.randn((*value.shape, 3), generator=generator, dtype=value.dtype)
    if code is None:
        code = torch.randn((*value.shape, 5), generator=generator, dtype=value.dtype)
    return Critique(value=value, points=points, code=code)


def stacked(parameters):
    """One seed's parameters from each of several, as a network takes them: with a leading seed axis."""
    return {name: torch.stack([one[name] for one in parameters]) for name in parameters[0]}


def drawn(network, space, seeds=(0, 1), dtype=torch.float64):
    """Parameters of a network for several seeds, in general position: initial biases are 0."""
    one_each = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        initial = network.initial(space, generator)
        one_each.append({n: v + 0.1 * torch.randn(v.shape, generator=generator) for n, v in initial.items()})
    return {name: value.to(dtype) for name, value in stacked(one_each).items()}
