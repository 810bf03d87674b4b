"""Optimizers and how their learning rates go on, as frozen descriptions.

The optimizers are torch's own; all of them treat every coordinate, hence every seed, alone. A schedule multiplies the
learning rate by a factor that depends on the number of generator steps taken, for the critic too.
"""

from dataclasses import dataclass
from math import cos, pi
from typing import Annotated, Literal

import torch
from annotated_types import Gt, Lt
from torch import Tensor

from gan_core.fields import Count, Fraction, NonNegative, Positive, Whole, check_fields


@dataclass(frozen=True, kw_only=True)
class Constant:
    """The learning rate stays what it is."""

    kind: Literal["constant"] = "constant"

    def factor(self, step: int) -> float:
        return 1.0


@dataclass(frozen=True, kw_only=True)
class _Ramp:
    """From `start` on the factor goes from 1 to `final` within `steps`, and stays there."""

    steps: Count
    start: Whole = 0
    final: NonNegative = 0.0

    def __post_init__(self) -> None:
        check_fields(self)

    def share(self, step: int) -> float:
        """How much of the way is done."""
        return min(max((step - self.start) / self.steps, 0.0), 1.0)


@dataclass(frozen=True, kw_only=True)
class Linear(_Ramp):
    """From `start` on the factor goes in a straight line from 1 to `final` within `steps`, and stays there.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, appendix F: to 0 over the whole training.
    """

    kind: Literal["linear"] = "linear"

    def factor(self, step: int) -> float:
        return 1 + (self.final - 1) * self.share(step)


@dataclass(frozen=True, kw_only=True)
class Cosine(_Ramp):
    """From `start` on the factor goes along half a cosine from 1 to `final` within `steps`, and stays there.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.
    """

    kind: Literal["cosine"] = "cosine"

    def factor(self, step: int) -> float:
        return self.final + (1 - self.final) * (1 + cos(pi * self.share(step))) / 2


@dataclass(frozen=True, kw_only=True)
class Halving:
    """The learning rate is halved after every so many steps: BEGAN's authors do it where convergence stalls."""

    kind: Literal["halving"] = "halving"
    every: Count

    def __post_init__(self) -> None:
        check_fields(self)

    def factor(self, step: int) -> float:
        return 0.5 ** (step // self.every)


Schedule = Constant | Linear | Cosine | Halving


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (Kingma & Ba 2015). The defaults are DCGAN's learning rate and first beta."""

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

    def build(self, parameters: Tensor) -> torch.optim.Optimizer:
        return torch.optim.Adam([parameters], lr=self.lr, betas=self.betas, eps=self.eps, fused=True)


@dataclass(frozen=True, kw_only=True)
class RMSProp:
    """RMSProp (Tieleman & Hinton 2012), with torch's smoothing constant."""

    kind: Literal["rmsprop"] = "rmsprop"
    lr: Positive = 5e-5
    alpha: Annotated[float, Gt(0), Lt(1)] = 0.99
    eps: Positive = 1e-8
    schedule: Schedule = Constant()

    def __post_init__(self) -> None:
        check_fields(self)

    def build(self, parameters: Tensor) -> torch.optim.Optimizer:
        return torch.optim.RMSprop([parameters], lr=self.lr, alpha=self.alpha, eps=self.eps)


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Plain gradient descent, with momentum where it is asked for."""

    kind: Literal["sgd"] = "sgd"
    lr: Positive = 1e-2
    momentum: Fraction = 0.0
    schedule: Schedule = Constant()

    def __post_init__(self) -> None:
        check_fields(self)

    def build(self, parameters: Tensor) -> torch.optim.Optimizer:
        return torch.optim.SGD([parameters], lr=self.lr, momentum=self.momentum)


Optimizer = Adam | RMSProp | SGD
