"""Real samples of one split and fakes of some members, as metrics compare them."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gan_core.data import Dataset, Part, Split, coordinates
from gan_core.features import FeatureMap, PixelFeatures, resolved
from gan_core.metrics.sample_settings import SampleSettings
from gan_core.reference_cache import ReferenceCache

Prepared = TypeVar("Prepared")
CPU = torch.device("cpu")


class RealSamples:
    """The real samples of one split on one device, and what metrics prepare from them.

    data      the data set, with all its splits
    split     the split that fakes are compared with
    settings  numbers of samples, directions, ... of the evaluation
    samples   the real samples that fakes are compared with
    labels    label of each of `samples`, for metrics of conditional generators; None for data without classes
    of_split  True if they are those of the split, False if others stand in their place
    targets   the real sample that belongs to each fake, for paired metrics; None if the data have no pairs
    cache     cache on disk for what takes long to prepare
    """

    def __init__(
        self,
        data: Dataset,
        split: Split,
        settings: SampleSettings,
        *,
        device: torch.device = CPU,
        dtype: torch.dtype = torch.float32,
    ):
        self.data, self.split, self.settings = data, split, settings
        self.device, self.dtype = device, dtype
        self.samples: Float[Tensor, "m dim"] = self.tensor(data.held_out(split))
        known = data.condition_classes is not None and (not data.labels or split in data.labels)
        self.labels = torch.from_numpy(data.labels_of(split)).to(device) if known else None
        self.of_split = True
        pairs = data.pairs.get(split)
        self.targets: Float[Tensor, "pairs dim"] | None = None if pairs is None else self.tensor(pairs.target)
        self.cache = ReferenceCache(data=data, dtype=str(dtype), device=device.type)
        self._of_samples: dict[Callable[..., Any], Any] = {}
        self._of_data: dict[Callable[..., Any], Any] = {}

    def tensor(self, array: np.ndarray) -> Tensor:
        """The coordinates of an array on this device, in this floating-point type."""
        return coordinates(torch.from_numpy(np.ascontiguousarray(array)).to(self.device), self.dtype)

    @property
    def feature_map(self) -> FeatureMap:
        """The map from samples to the features of the settings."""
        return self.once_for_data(_feature_map)

    @property
    def features(self) -> Float[Tensor, "m features"]:
        """Features of `samples`."""
        return self.once(_real_features)

    def stored_features(self, part: Part) -> Float[Tensor, "n features"]:
        """Features of a part of the data set, cached on disk unless they are the pixels."""
        stored = torch.from_numpy(np.ascontiguousarray(getattr(self.data, part)))

        def extracted() -> Float[Tensor, "n features"]:
            return self.feature_map.of_stored(stored.to(self.device), self.dtype)

        if self.feature_map.name == PixelFeatures.kind:
            return extracted()
        key = {"part": part, **self.feature_map.key}
        arrays = self.cache.arrays("features", key, lambda: {"features": extracted().cpu().numpy()})
        return torch.from_numpy(arrays["features"]).to(self.device)

    def once(self, prepare: "Callable[[RealSamples], Prepared]") -> Prepared:
        """`prepare(self)`, computed once for these real samples."""
        if prepare not in self._of_samples:
            self._of_samples[prepare] = prepare(self)
        return self._of_samples[prepare]

    def once_for_data(self, prepare: "Callable[[RealSamples], Prepared]") -> Prepared:
        """`prepare(self)`, computed once for the data set: it must not depend on `samples` or `targets`."""
        if prepare not in self._of_data:
            self._of_data[prepare] = prepare(self)
        return self._of_data[prepare]

    @property
    def known_labels(self) -> Int[Tensor, "m"]:
        """`labels`, which metrics of conditional generators need."""
        assert self.labels is not None
        return self.labels

    def replaced(self, samples: Float[Tensor, "m dim"], labels: Int[Tensor, "m"] | None = None) -> "RealSamples":
        """The same data and settings with other real samples, and their labels, in place of the split's."""
        other = RealSamples.__new__(RealSamples)
        other.__dict__.update(self.__dict__)
        other.samples, other.labels, other.of_split, other._of_samples = samples, labels, False, {}
        return other

    def part(self, index: Int[Tensor, "part"]) -> "RealSamples":
        """The same data and settings with these rows of `samples`; their features are not computed again."""
        other = self.replaced(self.samples[index], None if self.labels is None else self.labels[index])
        other._of_samples[_real_features] = self.features[index]
        return other


class Fakes:
    """Fakes of some members, with what metrics of one family compute together.

    samples  fakes of each member; for a paired metric one for each of `RealSamples.targets`, else from random latents
    labels   label of each fake, the same for all members; None for those of unconditional generators
    """

    def __init__(self, samples: Float[Tensor, "members n dim"], labels: Int[Tensor, "n"] | None = None):
        self.samples, self.labels = samples, labels
        self._computed: dict[tuple[Any, Any], Any] = {}

    @property
    def known_labels(self) -> Int[Tensor, "n"]:
        """`labels`, which metrics of conditional generators need."""
        assert self.labels is not None
        return self.labels

    @cached_property
    def finite(self) -> Bool[Tensor, "members"]:
        """True for each member whose fakes are all finite."""
        return self.samples.isfinite().flatten(-2).all(-1)

    def once(self, compute: "Callable[[RealSamples, Fakes], Prepared]", real: RealSamples) -> Prepared:
        """`compute(real, self)`, computed once for these fakes and these real samples."""
        key = (compute, real)
        if key not in self._computed:
            self._computed[key] = compute(real, self)
        return self._computed[key]

    def features(self, real: RealSamples) -> Float[Tensor, "members n features"]:
        """Features of the fakes, as those of the real samples, computed once for all metrics."""
        key = (_fake_features, real.feature_map)  # other real samples of the same data have the same map
        if key not in self._computed:
            self._computed[key] = _fake_features(real, self)
        return self._computed[key]

    def finite_or_nan(self, values: Float[Tensor, "members"]) -> Float[Tensor, "members"]:
        """The values, NaN for a member with a fake that is not finite.

        Errors: `ValueError` unless there is a value for each member.
        """
        members = self.samples.shape[:-2]
        if values.shape != members:
            raise ValueError(
                f"a metric must have a value for each member, the shape {tuple(members)}, but has the shape "
                f"{tuple(values.shape)}"
            )
        return torch.where(self.finite, values, torch.nan)


def _feature_map(real: RealSamples) -> FeatureMap:
    return resolved(real.settings.features, real.data).map(real.data, real.cache)


def _real_features(real: RealSamples) -> Float[Tensor, "m features"]:
    return real.stored_features(real.split) if real.of_split else real.feature_map.extract(real.samples)


def _fake_features(real: RealSamples, fake: Fakes) -> Float[Tensor, "members n features"]:
    return torch.stack([real.feature_map.extract(member) for member in fake.samples])
