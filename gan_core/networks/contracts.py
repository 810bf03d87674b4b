"""Abstract base classes of generators and critics.

A network is a frozen dataclass without parameters: `initial` draws the parameters of one seed, and its other methods
are pure functions of the parameters of S seeds, with a leading seed axis in every tensor.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.shapes import CriticForm, CriticOutput, Parameters, SampleShape


class AnyGenerator(ABC):
    """Abstract base class of every generator.

    latent       number of coordinates of z
    only_on      the only kind of data that it can be trained on, None for any
    only_images  True if its samples must be images
    chunk        number of z from which an evaluation generates at once, None for all; see `generate_in_chunks`
    label_width  number of coordinates of the label that follow those of z in its input; 0 for an unconditional one
    """

    kind: str
    latent: int
    only_on: ClassVar[str | None] = None
    only_images: ClassVar[bool] = False
    chunk: ClassVar[int | None] = None
    label_width: int = 0

    def couples_fakes(self, shape: SampleShape) -> bool:
        """True if a fake depends on the other z of its batch, as it does with batch normalisation."""
        return False

    @abstractmethod
    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        """Draw one seed's initial parameters from `generator`, for samples of this shape."""

    @abstractmethod
    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        """Flattened fakes of S generators, one for each z."""


class AnyCritic(ABC):
    """Abstract base class of every critic. The output for a sample must depend on no other sample of the batch.

    form         `score` (high on real samples) or `energy` (low on real samples)
    has_code     True if the output holds a code, as that of an autoencoder does
    only_on      the only kind of data that it can be trained on, None for any
    only_images  True if its samples must be images
    label_width  number of coordinates of the label that follow those of a sample in its input; 0 for an unconditional
                 one
    """

    kind: str
    form: CriticForm
    has_code: ClassVar[bool] = False
    only_on: ClassVar[str | None] = None
    only_images: ClassVar[bool] = False
    label_width: int = 0

    @abstractmethod
    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        """Draw one seed's initial parameters from `generator`, for samples of this shape."""

    @abstractmethod
    def call(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> CriticOutput:
        """Outputs of S critics for their batches."""

    @abstractmethod
    def gradient(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        """Gradient of each value with respect to its own sample; differentiable where gradients are enabled."""


class AutogradCritic(AnyCritic):
    """A critic whose gradient is computed by autograd. A gradient penalty then differentiates twice."""

    def gradient(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        return gradient_by_autograd(lambda points: self.call(parameters, points, shape).value, samples)


class CriticAt:
    """S critics at fixed parameters, as functions of the samples.

    labels  one-hot labels of a batch, for conditional critics; None for others. Samples are that batch, or several of
            it one after the other: sample i of each has label i
    """

    def __init__(
        self,
        critic: AnyCritic,
        parameters: Parameters,
        shape: SampleShape,
        labels: Float[Tensor, "seeds batch classes"] | None = None,
    ):
        self._critic, self._parameters, self._shape, self._labels = critic, parameters, shape, labels

    def call(self, samples: Float[Tensor, "seeds batch dim"]) -> CriticOutput:
        return self._critic.call(self._parameters, self._inputs(samples), self._shape)

    def value(self, samples: Float[Tensor, "seeds batch dim"]) -> Float[Tensor, "seeds batch"]:
        return self.call(samples).value

    def gradient(self, samples: Float[Tensor, "seeds batch dim"]) -> Float[Tensor, "seeds batch dim"]:
        return self._critic.gradient(self._parameters, self._inputs(samples), self._shape)

    def _inputs(self, samples: Float[Tensor, "seeds batch dim"]) -> Float[Tensor, "seeds batch inputs"]:
        if self._labels is None:
            return samples
        batches, rest = divmod(samples.shape[-2], self._labels.shape[-2])
        if rest:
            raise ValueError(
                f"a conditional critic must get whole batches of {self._labels.shape[-2]} samples, one for each label, "
                f"but gets {samples.shape[-2]}"
            )
        return torch.cat([samples, self._labels.repeat(1, batches, 1)], dim=-1)


def with_labels(
    z: Float[Tensor, "*seeds batch latent"], labels: Float[Tensor, "*seeds batch classes"] | None
) -> Float[Tensor, "*seeds batch inputs"]:
    """The input of generators: z, followed by the one-hot labels of conditional ones."""
    return z if labels is None else torch.cat([z, labels], dim=-1)


def gradient_by_autograd(
    value: Callable[[Float[Tensor, "*seeds batch dim"]], Float[Tensor, "*seeds batch"]],
    samples: Float[Tensor, "*seeds batch dim"],
) -> Float[Tensor, "*seeds batch dim"]:
    """Gradient of each value with respect to its own sample; differentiable where gradients are enabled.

    Computed as the gradient of the sum of all values, since each value depends on its own sample alone.
    """
    differentiable = torch.is_grad_enabled()
    with torch.enable_grad():
        samples = samples.detach().requires_grad_()
        return torch.autograd.grad(value(samples).sum(), samples, create_graph=differentiable)[0]


def generate_in_chunks(
    generator: AnyGenerator, parameters: Parameters, z: Float[Tensor, "seeds count latent"], shape: SampleShape
) -> Float[Tensor, "seeds count dim"]:
    """Fakes of an evaluation, generated from `generator.chunk` latents at once, which bounds the memory.

    If the generator couples the fakes of a batch, an incomplete last chunk is completed with fixed latents, whose fakes
    are left out: every fake comes from a chunk of the same size, also that of a single z.
    """
    if generator.chunk is None:
        return generator.generate(parameters, z, shape)
    missing = -z.shape[1] % generator.chunk if generator.couples_fakes(shape) else 0
    inputs = generator.latent + generator.label_width
    fixed = torch.randn((generator.chunk, inputs), generator=torch.Generator().manual_seed(0))
    completed = torch.cat([z, fixed[:missing].to(z).expand(len(z), -1, -1)], dim=1)
    chunks = completed.split(generator.chunk, dim=1)
    fakes = [generator.generate(parameters, chunk, shape) for chunk in chunks]
    return torch.cat(fakes, dim=1)[:, : z.shape[1]]


def try_network(network: AnyGenerator | AnyCritic, shape: SampleShape) -> None:
    """Check the shape of a network's output, for one seed and a batch of two.

    Errors: `ValueError` unless a generator returns one sample per z, and a critic one value per sample; exceptions of
    the network itself are passed on.
    """
    generator = torch.Generator().manual_seed(0)
    parameters = {name: value[None] for name, value in network.initial(shape, generator).items()}
    if isinstance(network, AnyGenerator):
        z = torch.randn((1, 2, network.latent + network.label_width), generator=generator, dtype=torch.float64)
        output, expected = network.generate(parameters, z, shape), [1, 2, shape.dim]
    else:
        samples = torch.randn((1, 2, shape.dim + network.label_width), generator=generator, dtype=torch.float64)
        output, expected = network.call(parameters, samples, shape).value, [1, 2]
    if list(output.shape) != expected:
        raise ValueError(
            f"the output must have the shape {expected} for one seed and a batch of two, but has {list(output.shape)}"
        )
