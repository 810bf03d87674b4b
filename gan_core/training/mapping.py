"""Objectives and constraints of a pack, whose members have their own numbers.

The mathematics of one member runs for all of them under `torch.vmap`, with each number as a tensor. Inside it every
batch has a leading axis of length 1, as in the training of a single seed. A method that reads no number is called as
it is, on all members at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor

from gan_core.constraints import AnyConstraint
from gan_core.fields import numbers, with_numbers
from gan_core.objectives import AnyObjective
from gan_core.shapes import CriticOutput, Parameters, State

Described = TypeVar("Described")


class Mapped(Generic[Described]):
    """One description per member, equal in structure; `call` evaluates a method for all members.

    first    description of the first member
    numbers  the numbers of all members by name, each (members,) or a tuple of such tensors
    """

    def __init__(self, members: Sequence[Described], names: Sequence[str], device: torch.device, dtype: torch.dtype):
        self.first = members[0]
        self._numberless = _without_numbers(members[0], names)
        self._reads_numbers: dict[str, bool] = {}
        self.numbers = {name: _stacked([getattr(member, name) for member in members], device, dtype) for name in names}

    def call(self, method: str, *arguments: Any) -> Any:
        """`method` of each member's description; tensors in arguments and result have a leading member axis."""
        if method not in self._reads_numbers:
            self._reads_numbers[method] = self._fails_without_numbers(method, arguments)
        if not self._reads_numbers[method]:
            return getattr(self._numberless, method)(*arguments)
        results: list[Any] = []

        def one_member(values: dict[str, Any], *tensors: Tensor) -> tuple[Tensor, ...]:
            description = with_numbers(self.first, values)
            results.append(getattr(description, method)(*with_tensors(arguments, tensors)))
            return tuple(tensors_in(results[0]))

        tensors = [tensor.unsqueeze(1) for tensor in tensors_in(arguments)]
        returned = torch.vmap(one_member)(self.numbers, *tensors)
        return with_tensors(results[0], [tensor.squeeze(1) for tensor in returned])

    def _fails_without_numbers(self, method: str, arguments: tuple[Any, ...]) -> bool:
        copies = with_tensors(arguments, [tensor.clone() for tensor in tensors_in(arguments)])
        try:
            getattr(self._numberless, method)(*copies)
        except _NumberReadError:
            return True
        return False


class _NumberReadError(Exception):
    """A number that differs between members was read where one description stands for all."""


def _without_numbers(description: Described, names: Sequence[str]) -> Described:
    """A copy of which these fields cannot be read."""

    def refuse(_: Any) -> None:
        raise _NumberReadError

    kind = type(description)
    unreadable = type(kind.__name__, (kind,), {name: property(refuse) for name in names})
    copy: Any = object.__new__(unreadable)
    for field in fields(cast(Any, kind)):
        if field.name not in names:
            object.__setattr__(copy, field.name, getattr(description, field.name))
    return copy


def _stacked(values: Sequence[Any], device: torch.device, dtype: torch.dtype) -> Any:
    if isinstance(values[0], tuple):
        return tuple(_stacked(part, device, dtype) for part in zip(*values, strict=True))
    return torch.tensor(values, device=device, dtype=dtype)


def tensors_in(value: Any) -> list[Tensor]:
    """Tensors in tuples, tables and a critic's outputs, in one order."""
    match value:
        case Tensor():
            return [value]
        case tuple():
            return [tensor for part in value for tensor in tensors_in(part)]
        case dict():
            return tensors_in(tuple(value.values()))
        case CriticOutput():
            return tensors_in((value.value, value.samples, value.code))
        case _:
            return []


def with_tensors(value: Any, tensors: Iterable[Tensor]) -> Any:
    """The same tuples, tables and critic's outputs with other tensors, in the order of `tensors_in`."""
    remaining = iter(tensors)
    match value:
        case Tensor():
            return next(remaining)
        case tuple():
            return tuple(with_tensors(part, remaining) for part in value)
        case dict():
            return {name: with_tensors(part, remaining) for name, part in value.items()}
        case CriticOutput():
            score, samples, code = with_tensors((value.value, value.samples, value.code), remaining)
            return CriticOutput(value=score, samples=samples, code=code)
        case _:
            return value


class MemberObjectives:
    """The objectives of a pack: methods as in `AnyObjective`, with a leading member axis."""

    def __init__(self, members: Sequence[AnyObjective], device: torch.device, dtype: torch.dtype):
        self._members, self._mapped = members, Mapped(members, list(numbers(members[0])), device, dtype)

    def critic_loss(self, real: CriticOutput, fake: CriticOutput, state: State) -> Tensor:
        return self._mapped.call("critic_loss", real, fake, state)

    def generator_loss(self, real: CriticOutput | None, fake: CriticOutput, state: State) -> Tensor:
        return self._mapped.call("generator_loss", real, fake, state)

    def initial_state(self, members: int) -> State:
        return _joined([objective.initial_state(1) for objective in self._members])

    def next_state(self, real: CriticOutput, fake: CriticOutput, state: State) -> State:
        return self._mapped.call("next_state", real, fake, state)

    def metrics(self, real: CriticOutput, fake: CriticOutput, state: State) -> dict[str, Tensor]:
        return self._mapped.call("metrics", real, fake, state)


class MemberConstraints(AnyConstraint):
    """The constraints of a pack."""

    def __init__(self, members: Sequence[AnyConstraint], device: torch.device, dtype: torch.dtype):
        self._members, self._mapped = members, Mapped(members, list(numbers(members[0])), device, dtype)
        self.kind = getattr(members[0], "kind", type(members[0]).__name__)
        self.every = members[0].every

    def initial_state(self, parameters: Parameters, generators: list[torch.Generator]) -> State:
        states = []
        for member, (constraint, generator) in enumerate(zip(self._members, generators, strict=True)):
            own = {name: value[member : member + 1] for name, value in parameters.items()}
            states.append(constraint.initial_state(own, [generator]))
        return _joined(states)

    def next_state(self, parameters: Parameters, state: State) -> State:
        return self._mapped.call("next_state", parameters, state)

    def map_parameters(self, parameters: Parameters, state: State) -> Parameters:
        return self._mapped.call("map_parameters", parameters, state)

    def noise_width(self, dim: int) -> int:
        return self._members[0].noise_width(dim)

    def points(self, real: Tensor, fake: Tensor, noise: Tensor) -> Tensor | None:
        return self._mapped.call("points", real, fake, noise)

    def cost(self, gradient: Tensor) -> Tensor:
        return self._mapped.call("cost", gradient)

    def project_(self, parameters: Tensor) -> None:
        self._mapped.call("project_", parameters)


def _joined(states: Sequence[State]) -> State:
    return {name: torch.cat([state[name] for state in states]) for name in states[0]}
