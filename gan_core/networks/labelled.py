"""Conditional networks: a generator and a critic that also get the label of each sample, as a one-hot vector."""

from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.networks.contracts import AnyCritic, AnyGenerator
from gan_core.shapes import CriticOutput, LabelledShape, Parameters, SampleShape


@dataclass(frozen=True, kw_only=True)
class ConditionalGenerator(AnyGenerator):
    """A generator whose input is z followed by the one-hot vector of a label.

    network  the generator, described as without labels; its `latent` is the number of random coordinates of z
    classes  number of classes

    It is `network` with `latent + classes` inputs, so the first layer's weights are also drawn for that many inputs.

    Source: Mirza & Osindero 2014, arXiv:1411.1784, section 3.2.
    """

    network: AnyGenerator
    classes: int

    def __post_init__(self) -> None:
        _copy_attributes(self, ("latent", "only_on", "only_images", "chunk"))
        try:
            inner = replace(cast(Any, self.network), latent=self.network.latent + self.classes)
        except (TypeError, ValueError):
            must = "must have a field `latent` that sets the number of its inputs, to which the labels are added"
            raise ValueError(f"generator: {must}") from None
        object.__setattr__(self, "_inner", inner)

    def couples_fakes(self, shape: SampleShape) -> bool:
        return self._widened.couples_fakes(shape)

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        return self._widened.initial(shape, generator)

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        return self._widened.generate(parameters, z, shape)

    @property
    def _widened(self) -> AnyGenerator:
        return cast(AnyGenerator, self.__dict__["_inner"])


@dataclass(frozen=True, kw_only=True)
class ConditionalCritic(AnyCritic):
    """A critic whose input is a sample followed by the one-hot vector of its label.

    network  the critic, described as without labels
    classes  number of classes

    Points get the vector as further coordinates, images as further channels, each constant over the image. The output
    holds the samples alone, and the gradient is that with respect to the sample alone. An autoencoder encodes the
    labels too and reconstructs the sample.

    Source: Mirza & Osindero 2014, arXiv:1411.1784, section 3.2; constant channels as in Perarnau et al. 2016,
    arXiv:1611.06355, section 3.2.
    """

    network: AnyCritic
    classes: int

    def __post_init__(self) -> None:
        _copy_attributes(self, ("form", "has_code", "only_on", "only_images"))

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        return self.network.initial(self._labelled(shape), generator)

    def call(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch inputs"], shape: SampleShape
    ) -> CriticOutput:
        output = self.network.call(parameters, self._inputs(samples, shape), self._labelled(shape))
        return CriticOutput(value=output.value, samples=samples[..., : shape.dim], code=output.code)

    def gradient(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch inputs"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        of_inputs = self.network.gradient(parameters, self._inputs(samples, shape), self._labelled(shape))
        return of_inputs[..., : shape.dim]

    def _labelled(self, shape: SampleShape) -> LabelledShape:
        return LabelledShape.of(shape, self.classes)

    def _inputs(self, samples: Float[Tensor, "seeds batch inputs"], shape: SampleShape) -> Tensor:
        """Samples with their labels as the network takes them: those of images as channels."""
        if not shape.of_images:
            return samples
        pixels = shape.dim // shape.shape[0]
        image, label = samples.split([shape.dim, self.classes], dim=-1)
        channels = label[..., None].expand(*label.shape, pixels).flatten(-2)
        return torch.cat([image, channels], dim=-1)


def _copy_attributes(network: ConditionalGenerator | ConditionalCritic, names: tuple[str, ...]) -> None:
    """Give a conditional network the attributes of the one that it is made of; a user's may lack a kind."""
    described: Any = network.network
    kind = getattr(described, "kind", type(described).__name__)
    values = {"kind": kind, "label_width": network.classes, **{name: getattr(described, name) for name in names}}
    for name, value in values.items():
        object.__setattr__(network, name, value)
