"""Packs: GANs of one structure that train together, each with its own numbers."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.constraints import AnyConstraint
from gan_core.fields import is_exactly, numbers
from gan_core.networks import Networks, parameter_shapes
from gan_core.objectives import AnyObjective
from gan_core.shapes import SampleShape
from gan_core.training.mapping import MemberConstraints, MemberObjectives
from gan_core.training.member_optimizers import MemberOptimizers
from gan_core.training.optimizers import Optimizer, Schedule
from gan_core.training.settings import Training


@dataclass(frozen=True, kw_only=True)
class Member:
    """Settings and seed of one GAN of a pack."""

    objective: AnyObjective
    constraint: AnyConstraint
    training: Training
    seed: int


CONVOLUTION_KERNEL = 4
"""Axes of a convolution's kernel: channels out and in, height and width."""
ON_PROCESSOR = ((100, 192), (6_000, 48), (100_000, 24))
"""Numbers of members of a pack on a processor, each with the largest number of parameters of one GAN that it is for.

Small networks have the larger packs, since a call then takes more time than its arithmetic: multilayer perceptrons of
width 16 and 32 have 48 members, those of width 64 and 128 have 24, the Dirac pair has 192. With larger networks a pack
gains nothing over the seeds of a trial.
"""
ON_ACCELERATOR = 192
"""Number of members of a pack on an accelerator.

On an H200 packs of 24, 96, 384 and 1,536 members (width 64, without evaluations) train 20, 61, 132 and 174 times as
many GANs per second as one process for each GAN; places without a trial cost less, the smaller the pack.
"""


def pack_members(networks: Networks, shape: SampleShape, device: str) -> int:
    """Number of members of a pack of these networks on this kind of device; 1: they train without a pack.

    It depends on the size of the networks alone. Convolutions on a processor are computed for one member after the
    other, so a pack gains nothing.
    """
    by_name = [parameter_shapes(network, shape) for network in (networks.generator, networks.critic)]
    shapes = [sizes for shapes_of in by_name for sizes in shapes_of.values()]
    if torch.device(device).type != "cpu":
        return ON_ACCELERATOR
    if any(len(sizes) == CONVOLUTION_KERNEL for sizes in shapes):
        return 1
    count = sum(math.prod(sizes) for sizes in shapes)
    return next((members for most, members in ON_PROCESSOR if count <= most), 1)


Structure = tuple[tuple[str, Any], ...]
"""Everything in which the members of a pack must agree, as pairs (dotted path, value)."""


def structure(member: Member) -> Structure:
    """Everything in which a member must agree with the others of its pack; two members fit if theirs are equal.

    Left out are the seed, numbers (learning rates, betas, weights, margins, ...), and schedules, whose factor is
    computed for each member by itself. A number at which the mathematics takes another branch (`special_values`: a
    weight of 0, a slope of 1) belongs to the structure.
    """
    parts = {"objective": member.objective, "constraint": member.constraint, "training": member.training}
    return tuple(pair for path, part in parts.items() for pair in _structure(path, part))


def _structure(path: str, description: Any) -> Structure:
    free = numbers(description)
    special = getattr(description, "special_values", {})
    pairs: list[tuple[str, Any]] = [(f"{path}.kind", type(description))]
    for field in fields(description):
        name, value = f"{path}.{field.name}", getattr(description, field.name)
        if isinstance(value, get_args(Optimizer)):
            pairs += _structure(name, value)
        elif field.name in special:
            at_special = is_exactly(value, special[field.name])
            pairs.append((name, f"{'' if at_special else 'not '}{special[field.name]:g}"))
        elif field.name not in (*free, "kind") and not isinstance(value, get_args(Schedule)):
            pairs.append((name, _hashable(value)))
    return tuple(pairs)


def _hashable(value: Any) -> Hashable:
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def check_alike(members: Sequence[Member]) -> None:
    """Check that members can form a pack.

    Errors: `ValueError` that opens with the path of the first setting in which two members differ.
    """
    if not members:
        raise ValueError("members: must have at least one, but is empty")
    first = dict(structure(members[0]))
    for number, member in enumerate(members):
        other = dict(structure(member))
        for path in first | other:
            if first.get(path) != other.get(path):
                raise ValueError(
                    f"{path}: must be equal for all members of a pack, but is {_shown(first.get(path))} for member 0 "
                    f"and {_shown(other.get(path))} for member {number}"
                )


def _shown(value: Any) -> str:
    return getattr(value, "kind", value.__name__) if isinstance(value, type) else str(value)


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Settings of GANs that differ in their seed alone."""

    objective: AnyObjective
    constraint: AnyConstraint
    training: Training
    seeds: tuple[int, ...]

    @property
    def objectives(self) -> AnyObjective:
        """The losses of all members."""
        return self.objective

    @property
    def constraints(self) -> AnyConstraint:
        """The constraint of all members."""
        return self.constraint

    @property
    def critic_optimizers(self) -> MemberOptimizers:
        """The optimizers of the critics."""
        return MemberOptimizers((self.training.critic_optimizer,) * len(self.seeds))

    @property
    def generator_optimizers(self) -> MemberOptimizers:
        """The optimizers of the generators."""
        return MemberOptimizers((self.training.generator_optimizer,) * len(self.seeds))

    def average_weight(self, generator_step: int) -> float:
        """Weight of the generators' new parameters in their moving average."""
        return self.training.average_weight(generator_step)


class Pack:
    """Settings of a pack.

    objective, constraint, training            those of the first member, with the structure of all
    objectives, constraints                    losses and constraint of all members, mapped over their numbers
    critic_optimizers, generator_optimizers    optimizers with the numbers of all members

    Errors: `ValueError` if the members differ in more than numbers.
    """

    def __init__(self, members: Sequence[Member], device: torch.device):
        check_alike(members)
        first = members[0]
        self.objective, self.constraint, self.training = first.objective, first.constraint, first.training
        self.seeds = tuple(member.seed for member in members)
        self._trainings, self._device = [member.training for member in members], device
        self._dtype = getattr(torch, first.training.dtype)
        self.objectives = MemberObjectives([member.objective for member in members], device, self._dtype)
        self.constraints = MemberConstraints([member.constraint for member in members], device, self._dtype)
        self.critic_optimizers = MemberOptimizers(tuple(training.critic_optimizer for training in self._trainings))
        self.generator_optimizers = MemberOptimizers(
            tuple(training.generator_optimizer for training in self._trainings)
        )

    def average_weight(self, generator_step: int) -> Float[Tensor, "members 1"]:
        """Weight of each generator's new parameters in their moving average."""
        weights = [training.average_weight(generator_step) for training in self._trainings]
        return torch.tensor(weights, dtype=self._dtype)[:, None].to(self._device, non_blocking=True)
