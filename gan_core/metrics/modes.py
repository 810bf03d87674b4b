"""Mode metrics, for data whose distribution is a known mixture: modes covered, high quality, divergence over modes."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.data import Modes
from gan_core.metric_description import Direction
from gan_core.metrics.any_metric import KNOWN_MODES, AnyMetric, Applicability
from gan_core.metrics.samples import Fakes, RealSamples

HIGH_QUALITY = 3
"""Largest distance of a sample of high quality from its mode, in standard deviations: 98.889 % of a 2-D Gaussian."""


@dataclass(frozen=True, kw_only=True)
class ModesCovered(AnyMetric):
    """Number of modes that are nearest to at least n/(10 K) of n fakes, counting fakes of high quality only.

    K is the number of modes. A fake is of high quality within 3 sigma of its nearest mode. Read it together with
    `high_quality` and `mode_kl`, since a generator can score well on each one alone. NaN with a nonfinite fake.

    Source: Srivastava et al. 2017, arXiv:1705.07761 (VEEGAN), for 3 sigma; there a single sample covers a mode, so
    uniform noise covers most of them.
    """

    name: ClassVar[str] = "modes_covered"
    unit: ClassVar[str] = "count"
    direction: ClassVar[Direction] = "higher"
    description: ClassVar[str] = (
        "number of the K modes that are nearest to at least n / (10 K) of the n fakes, counting fakes of high quality "
        "only"
    )
    applies_to: ClassVar[Applicability] = KNOWN_MODES

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        return fake.once(_mode_metrics, real)[self.name]


@dataclass(frozen=True, kw_only=True)
class HighQuality(AnyMetric):
    """Share of the fakes within 3 sigma of their nearest mode; NaN with a nonfinite fake.

    Source: Srivastava et al. 2017, arXiv:1705.07761 (VEEGAN).
    """

    name: ClassVar[str] = "high_quality"
    unit: ClassVar[str] = "share"
    direction: ClassVar[Direction] = "higher"
    description: ClassVar[str] = (
        "share of the fakes within 3 sigma of their nearest mode; 0.98889 for a perfect sampler"
    )
    applies_to: ClassVar[Applicability] = KNOWN_MODES

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        return fake.once(_mode_metrics, real)[self.name]


@dataclass(frozen=True, kw_only=True)
class ModeKL(AnyMetric):
    """KL(fakes || true weights) over the nearest modes of all n fakes, in nats, minus (K-1)/(2n) for K modes.

    For n >> K a perfect sampler has a mean divergence of about (K-1)/(2n), so its `mode_kl` is about 0 on average and
    can be negative. NaN with a nonfinite fake.

    Source: the subtracted term is the bias of an entropy in Miller 1955.
    """

    name: ClassVar[str] = "mode_kl"
    unit: ClassVar[str] = "nats"
    direction: ClassVar[Direction] = "lower"
    description: ClassVar[str] = (
        "KL(fakes || true weights) over the nearest modes, minus its mean for a perfect sampler: 0 on "
        "average for a perfect sampler, and sometimes negative"
    )
    applies_to: ClassVar[Applicability] = KNOWN_MODES

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        return fake.once(_mode_metrics, real)[self.name]


def _mode_metrics(real: RealSamples, fake: Fakes) -> dict[str, Float[Tensor, "members"]]:
    assert real.data.modes is not None
    return mode_metrics(fake.samples, real.data.modes)


def nearest_modes(fake: Float[Tensor, "*seeds n dim"], modes: Modes) -> Int[Tensor, "*seeds n"]:
    """Number of the nearest mode of each fake."""
    return _distances(fake, modes).argmin(-1)


def _distances(fake: Float[Tensor, "*seeds n dim"], modes: Modes) -> Float[Tensor, "*seeds n modes"]:
    centers = torch.from_numpy(modes.centers).to(fake.device, torch.float64)
    # with matrix products, small distances would be lost in the rounding of squared coordinates
    return torch.cdist(fake.double(), centers, compute_mode="donot_use_mm_for_euclid_dist")


def mode_metrics(fake: Float[Tensor, "*seeds n dim"], modes: Modes) -> dict[str, Float[Tensor, "*seeds"]]:
    """The metrics `modes_covered`, `high_quality` and `mode_kl` of n fakes, per seed; NaN with a nonfinite fake."""
    count, n = len(modes.centers), fake.shape[-2]
    distance, nearest = _distances(fake, modes).min(-1)
    high_quality = (distance <= HIGH_QUALITY * modes.sigma).double()
    none = torch.zeros((*nearest.shape[:-1], count), dtype=torch.float64, device=fake.device)
    share = none.scatter_add(-1, nearest, torch.ones_like(high_quality)) / n
    covering = none.scatter_add(-1, nearest, high_quality)
    values = {
        "modes_covered": (covering >= n / (10 * count)).double().sum(-1),
        "high_quality": high_quality.mean(-1),
        "mode_kl": torch.xlogy(share, share * count).sum(-1) - (count - 1) / (2 * n),
    }
    finite = fake.isfinite().flatten(-2).all(-1)
    return {name: torch.where(finite, value, torch.nan) for name, value in values.items()}
