"""Abstract base class of features, and the map from samples to features that each makes for one data set."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Num
from torch import Tensor

from gan_core.data import Dataset, coordinates
from gan_core.fields import check_fields
from gan_core.reference_cache import ReferenceCache

FEATURES_VERSION = 1
"""Increased by hand with every change of the code that changes features."""
ROWS = 250
"""Number of samples whose features are computed together; limits the memory needed."""


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """The map from samples of one data set to their features.

    name           kind of the features
    hash           hash of everything that determines them, 12 hexadecimal digits
    extract        features of flattened samples, in their floating-point type
    probabilities  probability of each class given the features, for those of a classifier; None for others
    accuracy       share of the validation split that the classifier gives its class; None for other features
    weights        hash of the weights, 12 hexadecimal digits; empty for pixels
    """

    name: str
    hash: str
    extract: Callable[[Float[Tensor, "n dim"]], Float[Tensor, "n features"]]
    probabilities: Callable[[Float[Tensor, "n features"]], Float[Tensor, "n classes"]] | None = None
    accuracy: float | None = None
    weights: str = ""

    def of_stored(self, samples: Num[Tensor, "n dim"], dtype: torch.dtype) -> Float[Tensor, "n features"]:
        """Features of stored samples, which are floats, or grey levels as uint8, first scaled to [-1, 1]."""
        return torch.cat([self.extract(coordinates(rows, dtype)) for rows in samples.split(4 * ROWS)])

    @property
    def key(self) -> dict[str, str]:
        """Hashes of what determines the features and of their weights, for keys of caches."""
        return {"hash": self.hash, "weights": self.weights}

    def facts(self) -> dict[str, Any]:
        """Name and hash, and for weights their hash and the classifier's accuracy, as a JSON-serialisable table."""
        known = {"name": self.name, "hash": self.hash, "weights": self.weights, "accuracy": self.accuracy}
        return {name: value for name, value in known.items() if value not in (None, "")}


class AnyFeatures(ABC):
    """Abstract base class of features; its fields are their settings.

    not_hashed  names of the fields that do not determine the features
    """

    kind: str
    not_hashed: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_fields(self)

    @abstractmethod
    def map(self, data: Dataset, cache: ReferenceCache) -> FeatureMap:
        """The map for a data set.

        Errors: `ValueError` as `check`, and for a file that cannot be used.
        """

    def check(self, data: Dataset) -> None:
        """Check that the data have these features.

        Errors: `ValueError("features: ...")` if they do not.
        """
        if not data.of_images:
            raise ValueError(f"features: must be of kind pixels for data that are not images, but is {self.kind}")

    def determined_by(self, data: Dataset) -> Mapping[str, Any]:
        """JSON-serialisable values that determine the features besides the fields and the shape of a sample."""
        return {} if data.bounded else {"data": data.fingerprint}

    def hash(self, data: Dataset) -> str:
        """Hash of everything that determines the features, 12 hexadecimal digits; nothing is computed or read."""
        settings = {name: value for name, value in asdict(self).items() if name not in self.not_hashed}  # type: ignore[call-overload]
        described = {
            **settings,
            "kind": self.kind,
            "shape": data.shape,
            "version": FEATURES_VERSION,
            "of_data": dict(self.determined_by(data)),
        }
        return sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]


def images(samples: Float[Tensor, "n dim"], shape: tuple[int, ...]) -> Float[Tensor, "n channels height width"]:
    """Flattened samples as images."""
    return samples.unflatten(1, shape)


def in_blocks(
    extract: Callable[[Float[Tensor, "n dim"]], Tensor],
) -> Callable[[Float[Tensor, "n dim"]], Tensor]:
    """The function applied to blocks of at most `ROWS` samples, without gradients."""

    def blockwise(samples: Float[Tensor, "n dim"]) -> Tensor:
        with torch.no_grad():
            return torch.cat([extract(rows) for rows in samples.split(ROWS)])

    return blockwise


def hash_of_weights(weights: Mapping[str, Tensor]) -> str:
    """Hash of named weights, 12 hexadecimal digits."""
    digest = sha256()
    for name, value in sorted(weights.items()):
        digest.update(repr((name, tuple(value.shape), str(value.dtype))).encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
