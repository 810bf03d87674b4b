"""Global random states of Python, numpy and torch, one set for each training that draws from them."""

import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class GlobalRandomness:
    """Global random states of one training, seeded from (seed, purpose).

    Within `active()` they are those of Python, numpy and torch (also of the GPU, for a training there); what is drawn
    there changes them, and nothing outside.
    """

    def __init__(self, seed: int, purpose: str, device: torch.device):
        self._device = device
        words = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())]).generate_state(3)
        with _kept(device):
            random.seed(int(words[0]))
            np.random.seed(int(words[1]))
            torch.default_generator.manual_seed(int(words[2]))
            if device.type == "cuda":
                torch.cuda.manual_seed(int(words[2]))
            self._states = _read(device)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Context in which the global random states are those of this training."""
        with _kept(self._device):
            _write(self._states, self._device)
            try:
                yield
            finally:
                self._states = _read(self._device)

    def state(self) -> dict[str, Any]:
        """The random states, for a checkpoint."""
        return dict(self._states)

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self._states = dict(state)


@contextmanager
def _kept(device: torch.device) -> Iterator[None]:
    """Context after which the global random states are what they were before."""
    before = _read(device)
    try:
        yield
    finally:
        _write(before, device)


def _read(device: torch.device) -> dict[str, Any]:
    _, keys, *rest = np.random.get_state()
    states = {
        "python": random.getstate(),
        "numpy": (torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest),
        "torch": torch.get_rng_state(),
    }
    return states | ({"cuda": torch.cuda.get_rng_state()} if device.type == "cuda" else {})


def _write(states: dict[str, Any], device: torch.device) -> None:
    keys, *rest = states["numpy"]
    random.setstate(states["python"])
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(states["torch"].cpu())
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"].cpu())
