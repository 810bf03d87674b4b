"""Optimizers, as frozen descriptions of torch's own; all of them treat every coordinate, hence every seed, alone."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from gan_core.fields import Fraction, Positive, check_fields


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (Kingma & Ba 2015). The defaults are DCGAN's learning rate and first beta."""

    kind: Literal["adam"] = "adam"
    lr: Positive = 2e-4
    betas: tuple[Fraction, Fraction] = (0.5, 0.999)
    eps: Positive = 1e-8

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

    def __post_init__(self) -> None:
        check_fields(self)

    def build(self, parameters: Tensor) -> torch.optim.Optimizer:
        return torch.optim.RMSprop([parameters], lr=self.lr, alpha=self.alpha, eps=self.eps)


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Plain gradient descent, with momentum where it is asked for."""

    kind: Literal["sgd"] = "sgd"
    lr: Positive = 1e-2
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.0

    def __post_init__(self) -> None:
        check_fields(self)

    def build(self, parameters: Tensor) -> torch.optim.Optimizer:
        return torch.optim.SGD([parameters], lr=self.lr, momentum=self.momentum)


Optimizer = Adam | RMSProp | SGD
