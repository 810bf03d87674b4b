"""Optimizers and learning-rate schedules, as frozen dataclasses.

They describe torch's optimizers of the same names, which `member_optimizers` computes. A schedule multiplies the
learning rate by a factor that depends on the number of generator steps so far, also for the critic.
"""

from dataclasses import dataclass
from math import cos, pi
from typing import Annotated, Literal

from annotated_types import Gt, Lt

from gan_core.fields import Count, Fraction, NonNegative, Positive, Whole, check_fields


@dataclass(frozen=True, kw_only=True)
class Constant:
    """Constant learning rate: the factor is 1."""

    kind: Literal["constant"] = "constant"

    def factor(self, step: int) -> float:
        """Factor of the learning rate after `step` generator steps."""
        return 1.0


@dataclass(frozen=True, kw_only=True)
class _Ramp:
    """Factor that changes from 1 to `final` within `steps` generator steps."""

    steps: Count
    start: Whole = 0
    final: NonNegative = 0.0

    def __post_init__(self) -> None:
        check_fields(self)

    def share(self, step: int) -> float:
        """Share of the change that is complete at generator step `step`, between 0 and 1."""
        return min(max((step - self.start) / self.steps, 0.0), 1.0)


@dataclass(frozen=True, kw_only=True)
class Linear(_Ramp):
    """Learning rate whose factor changes linearly from 1 to `final`, and stays there.

    steps  number of generator steps that the change takes
    start  generator step at which the change begins
    final  factor at the end; 0 stops the training of the network

    Source: Gulrajani et al. 2017, arXiv:1704.00028, appendix F: to 0 over the whole training.
    """

    kind: Literal["linear"] = "linear"

    def factor(self, step: int) -> float:
        """Factor of the learning rate after `step` generator steps."""
        return 1 + (self.final - 1) * self.share(step)


@dataclass(frozen=True, kw_only=True)
class Cosine(_Ramp):
    """Learning rate whose factor follows half a period of a cosine from 1 to `final`, and stays there.

    steps  number of generator steps that the change takes
    start  generator step at which the change begins
    final  factor at the end; 0 stops the training of the network

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.
    """

    kind: Literal["cosine"] = "cosine"

    def factor(self, step: int) -> float:
        """Factor of the learning rate after `step` generator steps."""
        return self.final + (1 - self.final) * (1 + cos(pi * self.share(step))) / 2


@dataclass(frozen=True, kw_only=True)
class Halving:
    """Learning rate that is halved at equal intervals; the authors of BEGAN halve it whenever convergence stalls.

    every  number of generator steps between two halvings
    """

    kind: Literal["halving"] = "halving"
    every: Count

    def __post_init__(self) -> None:
        check_fields(self)

    def factor(self, step: int) -> float:
        """Factor of the learning rate after `step` generator steps."""
        return 0.5 ** (step // self.every)


Schedule = Constant | Linear | Cosine | Halving


class _Scheduled:
    lr: float
    schedule: Schedule

    def learning_rate(self, generator_step: int) -> float:
        """Learning rate after this many generator steps."""
        return self.lr * self.schedule.factor(generator_step)


@dataclass(frozen=True, kw_only=True)
class Adam(_Scheduled):
    """Adam. The default learning rate and first beta are those of DCGAN.

    lr        learning rate
    betas     decay rates of the averages of the gradient and of its square, each in [0, 1)
    eps       number added to the denominator
    schedule  factor of the learning rate, by generator steps

    Source: Kingma & Ba 2015, arXiv:1412.6980.
    """

    kind: Literal["adam"] = "adam"
    lr: Positive = 2e-4
    betas: tuple[Fraction, Fraction] = (0.5, 0.999)
    eps: Positive = 1e-8
    schedule: Schedule = Constant()

    def __post_init__(self) -> None:
        check_fields(self)
        for beta in self.betas:
            if not 0 <= beta < 1:
                raise ValueError(f"betas: must lie in [0, 1), but one is {beta}")


@dataclass(frozen=True, kw_only=True)
class RMSProp(_Scheduled):
    """RMSProp, with torch's default smoothing constant.

    lr        learning rate; the default is that of WGAN
    alpha     decay rate of the average of the squared gradient
    eps       number added to the denominator
    schedule  factor of the learning rate, by generator steps

    Source: Tieleman & Hinton 2012, "Lecture 6.5 - RMSProp".
    """

    kind: Literal["rmsprop"] = "rmsprop"
    lr: Positive = 5e-5
    alpha: Annotated[float, Gt(0), Lt(1)] = 0.99
    eps: Positive = 1e-8
    schedule: Schedule = Constant()

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class SGD(_Scheduled):
    """Stochastic gradient descent, optionally with momentum.

    lr        learning rate
    momentum  factor of the previous step's velocity; 0: none
    schedule  factor of the learning rate, by generator steps
    """

    kind: Literal["sgd"] = "sgd"
    lr: Positive = 1e-2
    momentum: Fraction = 0.0
    schedule: Schedule = Constant()

    def __post_init__(self) -> None:
        check_fields(self)


Optimizer = Adam | RMSProp | SGD
