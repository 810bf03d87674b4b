"""Mode metrics, for data whose distribution is a known mixture: modes covered, high quality, divergence over modes."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import one_hot

from gan_core.data import Modes

HIGH_QUALITY = 3
"""Largest distance of a sample of high quality from its mode, in standard deviations: 98.889 % of a 2-D Gaussian."""


def mode_metrics(fake: Float[Tensor, "*seeds n dim"], modes: Modes) -> dict[str, Float[Tensor, "*seeds"]]:
    """Three metrics of n fakes and K modes of equal weight, per seed; NaN for a seed with a nonfinite fake.

    modes_covered  number of modes that are nearest to at least n/(10 K) fakes of high quality
    high_quality   share of the fakes within 3 sigma of their nearest mode
    mode_kl        KL(fakes || true weights) over the nearest modes of all fakes, in nats, minus (K-1)/(2n)

    For n >> K a perfect sampler has a mean divergence of about (K-1)/(2n), so its `mode_kl` is about 0 on average and
    can be negative. Read the three together, since a generator can score well on each one alone.

    Source: Srivastava et al. 2017, arXiv:1705.07761 (VEEGAN), for 3 sigma; there a single sample covers a mode, so
    uniform noise covers most of them. The subtracted term is the bias of an entropy in Miller 1955.
    """
    centers = torch.from_numpy(modes.centers).to(fake.device, torch.float64)
    count, n = len(centers), fake.shape[-2]
    # with matrix products, small distances would be lost in the rounding of squared coordinates
    distances = torch.cdist(fake.double(), centers, compute_mode="donot_use_mm_for_euclid_dist")
    distance, nearest = distances.min(-1)
    high_quality, in_mode = distance <= HIGH_QUALITY * modes.sigma, one_hot(nearest, count)
    share = in_mode.double().mean(-2)
    values = {
        "modes_covered": ((in_mode * high_quality[..., None]).sum(-2) >= n / (10 * count)).double().sum(-1),
        "high_quality": high_quality.double().mean(-1),
        "mode_kl": torch.xlogy(share, share * count).sum(-1) - (count - 1) / (2 * n),
    }
    finite = fake.isfinite().flatten(-2).all(-1)
    return {name: torch.where(finite, value, torch.nan) for name, value in values.items()}
