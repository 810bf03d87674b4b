"""The random numbers of a game, drawn a block of steps at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.randomness import for_each_seed

BLOCK = 32
"""Steps of a kind whose random numbers come from one stream: who resumes in mid-block draws it again from its start."""


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Samples of a step, coordinates of z and of the penalty's noise, and real samples to choose from."""

    batch: int
    latent: int
    noise: int
    real: int


@dataclass(frozen=True)
class CriticDraw:
    """What one critic step draws."""

    index: Int[Tensor, "seeds batch"]
    z: Float[Tensor, "seeds batch latent"]
    noise: Float[Tensor, "seeds batch noise"]


@dataclass(frozen=True)
class GeneratorDraw:
    """What one generator step draws; the real samples are looked up only for an objective that reads them."""

    index: Int[Tensor, "seeds batch"]
    z: Float[Tensor, "seeds batch latent"]


class Draws:
    """The draws of every step by its number; each player has its own z."""

    def __init__(self, seeds: Sequence[int], shapes: Shapes, device: torch.device, dtype: torch.dtype):
        self._seeds, self._shapes = seeds, shapes
        self._device, self._dtype = device, dtype
        self._blocks: dict[str, tuple[int, Tensor]] = {}

    def critic(self, step: int) -> CriticDraw:
        """Of critic step number `step` of the game, counted over all rounds."""
        return CriticDraw(
            index=self._real("critic_index", step),
            z=self._normal("critic_z", step),
            noise=self._uniform("critic_noise", step),
        )

    def generator(self, step: int) -> GeneratorDraw:
        return GeneratorDraw(index=self._real("generator_index", step), z=self._normal("generator_z", step))

    def pretraining(self, step: int) -> Int[Tensor, "seeds batch"]:
        """The real samples of a critic step before the game."""
        return self._real("pretraining_index", step)

    def _normal(self, purpose: str, step: int) -> Tensor:
        shape = (BLOCK, self._shapes.batch, self._shapes.latent)
        return self._drawn(purpose, step, lambda generator: torch.randn(shape, generator=generator))

    def _uniform(self, purpose: str, step: int) -> Tensor:
        shape = (BLOCK, self._shapes.batch, self._shapes.noise)
        return self._drawn(purpose, step, lambda generator: torch.rand(shape, generator=generator))

    def _real(self, purpose: str, step: int) -> Tensor:
        shape, real = (BLOCK, self._shapes.batch), self._shapes.real
        return self._drawn(purpose, step, lambda generator: torch.randint(real, shape, generator=generator))

    def _drawn(self, purpose: str, step: int, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        block, at = divmod(step, BLOCK)
        held, numbers = self._blocks.get(purpose, (-1, None))
        if held != block or numbers is None:
            numbers = for_each_seed(self._seeds, purpose, block, draw).to(self._device)
            numbers = numbers.to(self._dtype) if numbers.is_floating_point() else numbers
            self._blocks[purpose] = (block, numbers)
        return numbers[at]
