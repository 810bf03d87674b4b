"""Random numbers of the training steps, drawn in blocks of steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gan_core.training.randomness import for_each_seed, stream

BLOCK = 32
"""Number of steps per random stream; after a resume inside a block, the whole block is drawn again."""
NOISE_AT_ONCE = 2**20
"""Largest number of uniform numbers per seed that are kept, unless a step needs more: 4 MB."""


@dataclass(frozen=True, kw_only=True)
class DrawShapes:
    """Sizes of the random numbers of a step.

    batch   number of samples
    latent  number of coordinates of z
    noise   number of coordinates of the penalty's noise
    real    number of training samples, from which indices are drawn
    dim     number of coordinates of a sample
    """

    batch: int
    latent: int
    noise: int
    real: int
    dim: int


@dataclass(frozen=True)
class CriticDraw:
    """Random numbers of one critic step.

    index  indices of the real samples, uniform with replacement
    z      latents of the fakes, standard normal
    noise  noise of the penalty, uniform in [0, 1)
    """

    index: Int[Tensor, "seeds batch"]
    z: Float[Tensor, "seeds batch latent"]
    noise: Float[Tensor, "seeds batch noise"]


@dataclass(frozen=True)
class GeneratorDraw:
    """Random numbers of one generator step.

    index  indices of the real samples, for objectives whose generator loss or state depends on them
    z      latents of the fakes, standard normal
    """

    index: Int[Tensor, "seeds batch"]
    z: Float[Tensor, "seeds batch latent"]


class Draws:
    """Random numbers of training steps, by the number of the step; critic and generator steps have different z."""

    def __init__(self, seeds: Sequence[int], shapes: DrawShapes, device: torch.device, dtype: torch.dtype):
        self._seeds, self._shapes = seeds, shapes
        self._device, self._dtype = device, dtype
        self._blocks: dict[str, tuple[int, Tensor]] = {}
        self._noise = SequentialNoise(seeds, shapes, device, dtype)

    def critic(self, step: int) -> CriticDraw:
        """Random numbers of critic step `step`, counted from 0 over the whole training without pre-training."""
        return CriticDraw(
            index=self._index("critic_index", step),
            z=self._normal("critic_z", step),
            noise=self._noise.at(step),
        )

    def generator(self, step: int) -> GeneratorDraw:
        """Random numbers of generator step `step`, counted from 0."""
        return GeneratorDraw(index=self._index("generator_index", step), z=self._normal("generator_z", step))

    def pretraining(self, step: int) -> Int[Tensor, "seeds batch"]:
        """Indices into the training samples, for pre-training step number `step` (the first one is 0)."""
        return self._index("pretraining_index", step)

    def flips(self, purpose: str, step: int) -> Bool[Tensor, "seeds batch"]:
        """True for each real sample of a step that is mirrored; `purpose` names the kind of step."""
        shape = (BLOCK, self._shapes.batch)
        return self._at_step(f"{purpose}_flips", step, lambda generator: torch.rand(shape, generator=generator)) < 0.5

    def grey_noise(self, purpose: str, step: int) -> Float[Tensor, "seeds batch dim"]:
        """Uniform numbers in [0, 1) for every coordinate of the real samples of a step.

        Each step has a stream of its own: a block of steps would take a hundred MB per seed for images.
        """
        shape = (1, self._shapes.batch, self._shapes.dim)
        draw = for_each_seed(
            self._seeds, f"{purpose}_grey_noise", step, lambda generator: torch.rand(shape, generator=generator)
        )
        return draw[0].to(self._device, self._dtype)

    def _normal(self, purpose: str, step: int) -> Tensor:
        shape = (BLOCK, self._shapes.batch, self._shapes.latent)
        return self._at_step(purpose, step, lambda generator: torch.randn(shape, generator=generator))

    def _index(self, purpose: str, step: int) -> Tensor:
        shape, count = (BLOCK, self._shapes.batch), self._shapes.real
        return self._at_step(purpose, step, lambda generator: torch.randint(count, shape, generator=generator))

    def _at_step(self, purpose: str, step: int, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        block, offset = divmod(step, BLOCK)
        cached_block, numbers = self._blocks.get(purpose, (-1, None))
        if cached_block != block or numbers is None:
            numbers = for_each_seed(self._seeds, purpose, block, draw).to(self._device)
            numbers = numbers.to(self._dtype) if numbers.is_floating_point() else numbers
            self._blocks[purpose] = (block, numbers)
        return numbers[offset]


class SequentialNoise:
    """Uniform noise of critic steps, a few steps of a block at once.

    DRAGAN's noise has as many numbers as the samples have coordinates: for 64 images of 3 x 64 x 64 a block would take
    100 MB per seed. Uniform numbers are drawn one after the other, so the parts of a block have the bits of the whole.
    """

    def __init__(self, seeds: Sequence[int], shapes: DrawShapes, device: torch.device, dtype: torch.dtype):
        self._device, self._dtype = device, dtype
        self._seeds, self._step_shape = seeds, (shapes.batch, shapes.noise)
        per_step = max(1, shapes.batch * shapes.noise)
        self._steps = min(BLOCK, max(1, NOISE_AT_ONCE // per_step))
        self._block, self._first, self._drawn = -1, 0, torch.empty(0)

    def at(self, step: int) -> Float[Tensor, "seeds batch noise"]:
        """Noise of critic step `step`; fastest for steps in ascending order."""
        block, offset = divmod(step, BLOCK)
        if block != self._block or offset < self._first:
            self._block, self._first, self._drawn = block, 0, torch.empty(0)
            self._generators = [stream(seed, "critic_noise", block) for seed in self._seeds]
        while offset >= self._first + len(self._drawn):
            self._first += len(self._drawn)
            shape = (min(self._steps, BLOCK - self._first), *self._step_shape)
            drawn = torch.stack([torch.rand(shape, generator=generator) for generator in self._generators], dim=1)
            self._drawn = drawn.to(self._device, self._dtype)
        return self._drawn[offset - self._first]
