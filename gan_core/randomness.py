"""Seed -> independent random streams.

A stream is named by (seed, purpose, block): who draws it, what for, and for which block of steps. Nothing has to be
carried along: whoever knows the three names draws the same numbers again, on any device and in any order.
"""

import zlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def stream(seed: int, purpose: str, block: int = 0) -> torch.Generator:
    """The CPU generator of one (seed, purpose, block); different names give independent streams."""
    entropy = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), block])
    return torch.Generator().manual_seed(int(entropy.generate_state(1, np.uint64)[0] >> 1))


def for_each_seed(seeds: Sequence[int], purpose: str, block: int, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
    """Draw for every seed from its own stream, stacked along the axis after the first: (draws, seeds, ...)."""
    return torch.stack([draw(stream(seed, purpose, block)) for seed in seeds], dim=1)
