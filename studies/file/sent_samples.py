"""Samples of a user's data class, passed between processes in a file of arrays, so that only one imports the class."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_core.data import PARTS, Augmentation, Dataset, Modes, Pairs

_received: dict[str, Dataset] = {}
_PLAIN = ("name", "shape", "bounded", "classes", "recorded_fingerprint", "notes")


def receive_samples(table: Mapping[str, Any], path: Path) -> None:
    """Read the samples of a study's table `[data]` from a file, for all that this process does with that table."""
    _received[_key(table)] = read_samples(path)


def received_samples(table: Mapping[str, Any]) -> Dataset | None:
    """The samples that this process has received for a table `[data]`; None if it has to import the user's class."""
    return _received.get(_key(table))


def _key(table: Mapping[str, Any]) -> str:
    return json.dumps(table, sort_keys=True)


def write_samples(samples: Dataset, path: Path) -> None:
    """Write samples into a file; `read_samples` reads it."""
    arrays: dict[str, Any] = {part: getattr(samples, part) for part in PARTS}
    arrays |= {f"labels.{part}": labels for part, labels in samples.labels.items()}
    for split, pairs in samples.pairs.items():
        arrays |= {f"pairs.{split}.latent": pairs.latent, f"pairs.{split}.target": pairs.target}
    described: dict[str, Any] = {name: getattr(samples, name) for name in _PLAIN}
    described["augmentation"] = vars(samples.augmentation)
    if samples.modes is not None:
        arrays["modes"], described["sigma"] = samples.modes.centers, samples.modes.sigma
    with path.open("wb") as file:
        np.savez(file, description=np.array(json.dumps(described)), **arrays)


def read_samples(path: Path) -> Dataset:
    """The samples in a file that `write_samples` wrote; nothing in it is unpickled.

    Errors: `ValueError`, `KeyError` or `OSError` for another file.
    """
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    described = json.loads(str(arrays.pop("description")))
    sigma, augmentation = described.pop("sigma", None), described.pop("augmentation")
    splits = {name.split(".")[1] for name in arrays if name.startswith("pairs.")}
    pairs = {
        split: Pairs(latent=arrays[f"pairs.{split}.latent"], target=arrays[f"pairs.{split}.target"])
        for split in sorted(splits)
    }
    given: dict[str, Any] = {name: tuple(part) if isinstance(part, list) else part for name, part in described.items()}
    return Dataset(
        **given,
        **{part: arrays[part] for part in PARTS},
        modes=None if sigma is None else Modes(centers=arrays["modes"], sigma=float(sigma)),
        pairs=pairs,
        labels={part: arrays[f"labels.{part}"] for part in PARTS if f"labels.{part}" in arrays},
        augmentation=Augmentation(**augmentation),
    )
