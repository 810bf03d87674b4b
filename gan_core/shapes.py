"""Types shared by data, networks, objectives, constraints and training."""

from dataclasses import dataclass
from math import prod
from typing import Literal

from jaxtyping import Float
from torch import Tensor

Parameters = dict[str, Tensor]
"""Parameters of a network by name; those of S networks have a leading seed axis."""
State = dict[str, Tensor]
"""Tensors of an objective or a constraint that change from step to step, by name, each with a leading seed axis."""
CriticForm = Literal["score", "energy"]
"""A score is high on real samples, an energy is low on real samples."""


@dataclass(frozen=True, kw_only=True)
class SampleShape:
    """The shape of one sample, and whether its coordinates are bounded.

    shape    (channels, height, width) of an image, (2,) of a point of the plane
    bounded  True if every coordinate lies in [-1, 1]
    """

    shape: tuple[int, ...]
    bounded: bool

    @property
    def dim(self) -> int:
        """Number of coordinates of a flattened sample."""
        return prod(self.shape)

    @property
    def of_images(self) -> bool:
        """True if a sample is an image: channels, height and width."""
        return len(self.shape) == 3


@dataclass(frozen=True, kw_only=True)
class CriticOutput:
    """Output of a critic for one batch.

    value    score (high on real) or energy (low on real) of each sample
    samples  the samples themselves, flattened
    code     output of the encoder if the critic is an autoencoder, else None
    """

    value: Float[Tensor, "*seeds batch"]
    samples: Float[Tensor, "*seeds batch dim"]
    code: Float[Tensor, "*seeds batch code"] | None = None

    def detach(self) -> "CriticOutput":
        """A copy detached from the autograd graph."""
        code = None if self.code is None else self.code.detach()
        return CriticOutput(value=self.value.detach(), samples=self.samples.detach(), code=code)

    def halves(self) -> tuple["CriticOutput", "CriticOutput"]:
        """The outputs for the first and for the second half of the batch."""
        half = self.value.shape[-1] // 2
        codes = (None, None) if self.code is None else self.code.split(half, dim=-2)
        parts = zip(self.value.split(half, dim=-1), self.samples.split(half, dim=-2), codes, strict=True)
        first, second = (CriticOutput(value=value, samples=samples, code=code) for value, samples, code in parts)
        return first, second
