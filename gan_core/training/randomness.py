"""Independent random streams, keyed by (seed, purpose, block of steps).

The same key gives the same numbers on any device and in any order of calls, so no random state has to be stored.
"""

import math
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.fields import check_integer

EVALUATION_SEED = 20_140_610
"""Seed of all random numbers of an evaluation (latents, directions, splits); the same for every study."""


def stream(seed: int, purpose: str, block: int = 0) -> torch.Generator:
    """The CPU generator for the key (seed, purpose, block); different keys give independent streams."""
    entropy = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), block])
    return torch.Generator().manual_seed(int(entropy.generate_state(1, np.uint64)[0] >> 1))


def for_each_seed(seeds: Sequence[int], purpose: str, block: int, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
    """Draw from the stream of each seed and stack along the second axis.

    `draw` returns a tensor (draws, ...) from a generator; the result is (draws, seeds, ...).
    """
    return torch.stack([draw(stream(seed, purpose, block)) for seed in seeds], dim=1)


def sample_latents(count: int, latent: int, seed: int) -> Float[Tensor, "count latent"]:
    """Latent vectors of the samples that a trained generator returns: the first `count` of this seed.

    Errors: `ValueError` for a count that is no integer >= 1, and for a seed that is no integer >= 0.
    """
    check_integer("count", count, 1)
    check_integer("seed", seed, 0)
    return _first_latents(count, latent, stream(seed, "results_z"))


def one_hot(labels: Int[np.ndarray, "count"], classes: int) -> Float[Tensor, "count classes"]:
    """The one-hot vector of each label."""
    return torch.eye(classes)[torch.from_numpy(labels)]


def evaluation_latents(count: int, latent: int) -> Float[Tensor, "count latent"]:
    """The first `count` latent vectors from which fakes are evaluated; the same for every member of every study."""
    return _first_latents(count, latent, stream(EVALUATION_SEED, "samples_z"))


def _first_latents(count: int, latent: int, generator: torch.Generator) -> Float[Tensor, "count latent"]:
    # torch.randn draws an incomplete last block of 16 numbers differently: latents would depend on `count`
    rows = 16 * math.ceil(count / 16)
    return torch.randn((rows, latent), generator=generator)[:count]
