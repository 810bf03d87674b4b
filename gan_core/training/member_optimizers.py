"""Optimizers of several members: torch's Adam, RMSProp and SGD, where each member may have its own numbers.

Each update follows torch's own formula in its order of operations, on tensors (members, parameters) with numbers
(members, 1). A member's update depends on its own row alone, also if another row holds infinity or NaN.
They do not inherit `torch.optim.Optimizer`, whose first instance imports torch's compiler for 3 s.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.training.optimizers import SGD, Adam, Optimizer, RMSProp, Schedule

Described = TypeVar("Described")


@dataclass(frozen=True)
class MemberOptimizers:
    """One optimizer per member, all of one kind; their numbers and schedules may differ."""

    members: tuple[Optimizer, ...]

    @cached_property
    def _initial(self) -> Float[Tensor, "members 1"]:
        return _column([member.lr for member in self.members])

    @cached_property
    def _schedules(self) -> list[Schedule]:
        return list(dict.fromkeys(member.schedule for member in self.members))

    @cached_property
    def _schedule_of_member(self) -> Int[Tensor, "members 1"]:
        numbers = {schedule: number for number, schedule in enumerate(self._schedules)}
        return torch.tensor([numbers[member.schedule] for member in self.members])[:, None]

    def learning_rate(self, generator_step: int) -> Float[Tensor, "members 1"]:
        """Learning rate of each member after this many generator steps, in float64 on the processor."""
        factors = [schedule.factor(generator_step) for schedule in self._schedules]
        if len(factors) == 1:
            return self._initial if factors[0] == 1 else self._initial * factors[0]
        return self._initial * torch.tensor(factors, dtype=torch.float64)[self._schedule_of_member]

    def build(self, parameters: Float[Tensor, "members row"]) -> "BuiltOptimizer":
        """The optimizer that updates `parameters` in place, one row per member."""
        kind: type[BuiltOptimizer]
        match self.members[0]:
            case Adam():
                # measured at 24 members: the kernel takes half the time of the formula on a processor, but on an
                # accelerator one launch per member would take the longer, the more members there are
                one_launch = len(set(self.members)) == 1
                kind = _KernelAdam if parameters.device.type == "cpu" or one_launch else _Adam
            case RMSProp():
                kind = _RMSProp
            case SGD():
                kind = _SGD
        return kind(parameters, self.members)


def runs_of_equals(members: Iterable[Described]) -> list[tuple[Described, int]]:
    """Neighbours that are equal, as one of them and their number: the seeds of a trial have the same optimizer."""
    return [(member, len(list(equal))) for member, equal in groupby(members)]


def _column(numbers: Sequence[float]) -> Float[Tensor, "members 1"]:
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def _temporary(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensors for each step to write in: new memory of this size would cost more than the arithmetic."""
    return torch.empty_like(parameters), torch.empty_like(parameters)


class BuiltOptimizer(ABC):
    """Optimizer of the rows of a tensor, one row per member; numbers are combined in float64 and rounded once.

    averages  tensors like the parameters that an update carries to the next one, by name
    """

    averages: dict[str, Tensor]

    @abstractmethod
    def __init__(self, parameters: Float[Tensor, "members row"], members: Sequence[Any]):
        """An optimizer of members that are all of its kind."""

    def _start(self, parameters: Float[Tensor, "members row"], averages: Iterable[str]) -> None:
        self._parameters, self._step = parameters, 0
        self.averages = {name: torch.zeros_like(parameters) for name in averages}

    def step(self, gradient: Float[Tensor, "members row"], lr: Float[Tensor, "members 1"]) -> None:
        """One update of the parameters in place, with the learning rate of each member."""
        self._step += 1
        self._update(gradient, lr)

    @abstractmethod
    def _update(self, gradient: Tensor, lr: Float[Tensor, "members 1"]) -> None:
        """Update number `_step`, from 1, in place."""

    def state(self) -> dict[str, Any]:
        """Copies of all that an update carries to the next one besides the parameters."""
        return {"step": self._step, **{name: average.clone() for name, average in self.averages.items()}}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self._step = state["step"]
        for name, average in self.averages.items():
            average.copy_(state[name])

    def _number(self, numbers: Float[Tensor, "*kinds members 1"]) -> Float[Tensor, "*kinds members 1"]:
        # without waiting for the device: numbers in ordinary memory are copied before the call returns
        return numbers.to(self._parameters, non_blocking=True)


class _Adam(BuiltOptimizer):
    def __init__(self, parameters: Tensor, members: Sequence[Any]):
        self._start(parameters, ["exp_avg", "exp_avg_sq"])
        self._products, self._quotients = _temporary(parameters)
        self._betas = [_column([member.betas[i] for member in members]) for i in (0, 1)]
        self._rests, self._second = [self._number(1 - beta) for beta in self._betas], self._number(self._betas[1])
        self._eps = _column([member.eps for member in members])

    def _update(self, gradient: Tensor, lr: Float[Tensor, "members 1"]) -> None:
        first, second = ((1 - beta**self._step) for beta in self._betas)  # corrections of the initial zeros
        # lr (mean / first) / (root(square / second) + eps), with numerator and denominator times root(second)
        rate, eps = self._number(torch.stack([lr * second.sqrt() / first, self._eps * second.sqrt()])).unbind()
        mean, square = self.averages.values()
        mean.lerp_(gradient, self._rests[0])
        # no `lerp_` here: between infinity and a number it gives NaN, where torch's Adam keeps infinity
        square.mul_(self._second).addcmul_(torch.mul(gradient, self._rests[1], out=self._products), gradient)
        torch.sqrt(square, out=self._quotients).add_(eps)
        torch.mul(mean, rate, out=self._products)
        self._parameters.addcdiv_(self._products, self._quotients, value=-1)


class _KernelAdam(BuiltOptimizer):
    """Adam by torch's fused kernel, for equal members at once: the bits of `torch.optim.Adam(fused=True)`."""

    def __init__(self, parameters: Tensor, members: Sequence[Any]):
        self._start(parameters, ["exp_avg", "exp_avg_sq"])
        runs = runs_of_equals(members)
        self._members, self._counts = [member for member, _ in runs], [count for _, count in runs]
        self._first = torch.tensor(self._counts).cumsum(0) - torch.tensor(self._counts)
        self._steps = [torch.zeros((), device=parameters.device)]  # the kernel takes the number of the step as a tensor
        rows = (parameters, *self.averages.values())
        self._rows = list(zip(*(tensor.split(self._counts) for tensor in rows), strict=True))

    def _update(self, gradient: Tensor, lr: Float[Tensor, "members 1"]) -> None:
        self._steps[0].fill_(self._step)
        rates = lr[self._first, 0].tolist()
        runs = zip(self._members, self._rows, gradient.split(self._counts), rates, strict=True)
        for member, (rows, means, squares), slopes, rate in runs:
            torch._fused_adam_(
                [rows],
                [slopes],
                [means],
                [squares],
                [],
                self._steps,
                lr=rate,
                beta1=member.betas[0],
                beta2=member.betas[1],
                weight_decay=0.0,
                eps=member.eps,
                amsgrad=False,
                maximize=False,
            )


class _RMSProp(BuiltOptimizer):
    def __init__(self, parameters: Tensor, members: Sequence[Any]):
        self._start(parameters, ["square_avg"])
        self._products, self._quotients = _temporary(parameters)
        alpha = _column([member.alpha for member in members])
        self._alpha, self._rest = self._number(alpha), self._number(1 - alpha)
        self._eps = self._number(_column([member.eps for member in members]))

    def _update(self, gradient: Tensor, lr: Float[Tensor, "members 1"]) -> None:
        (square,) = self.averages.values()
        square.mul_(self._alpha).addcmul_(torch.mul(gradient, self._rest, out=self._products), gradient)
        torch.sqrt(square, out=self._quotients).add_(self._eps)
        torch.mul(gradient, self._number(lr), out=self._products)
        self._parameters.addcdiv_(self._products, self._quotients, value=-1)


class _SGD(BuiltOptimizer):
    def __init__(self, parameters: Tensor, members: Sequence[Any]):
        self._start(parameters, ["momentum_buffer"])
        self._momentum = self._number(_column([member.momentum for member in members]))

    def _update(self, gradient: Tensor, lr: Float[Tensor, "members 1"]) -> None:
        velocity = self.averages["momentum_buffer"].mul_(self._momentum).add_(gradient)
        self._parameters.addcmul_(velocity, self._number(lr), value=-1)
