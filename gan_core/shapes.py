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

    @property
    def unlabelled(self) -> "SampleShape":
        """The shape without labels: itself."""
        return self

    def without_labels(self, inputs: Float[Tensor, "*any dim"]) -> Float[Tensor, "*any sample"]:
        """The samples in a critic's inputs of this shape: all coordinates."""
        return inputs


@dataclass(frozen=True, kw_only=True)
class LabelledShape(SampleShape):
    """The shape of the input of a conditional critic: a sample, followed by the one-hot vector of its label.

    classes  number of classes: of the last channels of an image, each constant over the image, else of the last
             coordinates; `bounded` is that of the sample
    """

    classes: int

    @classmethod
    def of(cls, shape: SampleShape, classes: int) -> "LabelledShape":
        """The shape of samples of this shape with their labels: more channels of images, else more coordinates.

        Errors: `ValueError` for samples that are neither images nor points.
        """
        if len(shape.shape) not in (1, 3):
            raise ValueError(f"samples with labels must be points or images, but have the shape {shape.shape}")
        first, *others = shape.shape
        return cls(shape=(first + classes, *others), bounded=shape.bounded, classes=classes)

    @property
    def unlabelled(self) -> SampleShape:
        """The shape of the sample alone."""
        first, *others = self.shape
        return SampleShape(shape=(first - self.classes, *others), bounded=self.bounded)

    def without_labels(self, inputs: Float[Tensor, "*any dim"]) -> Float[Tensor, "*any sample"]:
        """The samples in a critic's inputs of this shape: their first coordinates."""
        return inputs[..., : self.unlabelled.dim]


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
