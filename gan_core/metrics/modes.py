"""Where the real distribution is a known mixture: which of its modes the fakes reach, and how evenly."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import one_hot

from gan_core.data import Modes

HIGH_QUALITY = 3
"""A sample is of high quality within this many standard deviations of its mode: 98.889 % of a plane's Gaussian are."""


def mode_measures(fake: Float[Tensor, "*seeds n dim"], modes: Modes) -> dict[str, Float[Tensor, "*seeds"]]:
    """What belongs together, since each of them alone is easily deceived; NaN for fakes that are not finite.

    modes_covered  how many of the K modes are nearest to at least n/(10 K) fakes of high quality
    high_quality   share of the fakes within 3 sigma of their nearest mode
    mode_kl        KL(generated || true weights) in nats, of all fakes over their nearest modes, minus (K-1)/(2n)

    What is subtracted is the mean of a perfect sampler, whose `mode_kl` so is 0 on average and may be negative.

    Source: Srivastava et al. 2017, arXiv:1705.07761 (VEEGAN): 3 sigma; there one sample covers a mode, so that uniform
    noise covers most of them. What is subtracted is Miller 1955's bias of an entropy.
    """
    centers = torch.from_numpy(modes.centers).to(fake.device, torch.float64)
    count, n = len(centers), fake.shape[-2]
    # with matrix products, small distances would drown in the rounding of squared coordinates
    apart = torch.cdist(fake.double(), centers, compute_mode="donot_use_mm_for_euclid_dist")
    distance, nearest = apart.min(-1)
    good, in_mode = distance <= HIGH_QUALITY * modes.sigma, one_hot(nearest, count)
    share = in_mode.double().mean(-2)
    measured = {
        "modes_covered": ((in_mode * good[..., None]).sum(-2) >= n / (10 * count)).double().sum(-1),
        "high_quality": good.double().mean(-1),
        "mode_kl": torch.xlogy(share, share * count).sum(-1) - (count - 1) / (2 * n),
    }
    finite = fake.isfinite().flatten(-2).all(-1)
    return {name: torch.where(finite, value, torch.nan) for name, value in measured.items()}
