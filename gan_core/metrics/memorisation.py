"""Memorisation: fakes that are nearer to training samples than new real samples are."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.metric_description import Direction
from gan_core.metrics.any_metric import IMAGES, AnyMetric, Applicability
from gan_core.metrics.samples import Fakes, RealSamples

ROWS = 256
"""Number of fakes whose distances to all training samples are computed together; limits the memory needed."""


@dataclass(frozen=True, kw_only=True)
class Memorisation(AnyMetric):
    """Share of the fakes that are nearest to a training sample, not to a sample of the split, above chance.

    (share - chance) / (1 - chance),  chance = training samples / (training samples + samples of the split)

    0 for a generator that makes new samples: its fakes are as near to real samples that it never saw. 1 if every fake
    is nearest to a training sample, as copies are. The value of real samples is that of the other held-out split;
    negative values are possible, and one fake repeated gives 1 or the smallest value. Distances are those of the
    features. NaN if one of them is not finite.

    Source: Meehan et al. 2020, arXiv:2004.05675, who compare the same distances by a rank test.
    """

    name: ClassVar[str] = "memorisation"
    unit: ClassVar[str] = "share"
    direction: ClassVar[Direction] = "neither"
    description: ClassVar[str] = (
        "share of the fakes that are nearer, in the study's features, to a training sample than to any real sample of "
        "the split, less what chance gives: about 0 for a generator that makes new samples, 1 for copies of training "
        'samples; measured at the last evaluation alone, unless `evaluation.exact = "every"`'
    )
    applies_to: ClassVar[Applicability] = IMAGES
    costly: ClassVar[bool] = True
    of_training: ClassVar[bool] = True

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        train = real.once_for_data(_train_features)
        values = [memorised(train, real.features, member) for member in fake.features(real)]
        return fake.finite_or_nan(torch.stack(values))


def memorised(
    train: Float[Tensor, "train features"], held_out: Float[Tensor, "m features"], fake: Float[Tensor, "n features"]
) -> Float[Tensor, ""]:
    """Excess of the n fakes that are nearer to a training sample than to any held-out sample, see `Memorisation`."""
    to_train, to_held_out = nearest(train, fake), nearest(held_out, fake)
    chance = len(train) / (len(train) + len(held_out))
    # a sample that both hold says nothing
    share = (to_train < to_held_out).double().mean() + chance * (to_train == to_held_out).double().mean()
    finite = to_train.isfinite().all() & to_held_out.isfinite().all()
    return torch.where(finite, (share - chance) / (1 - chance), torch.nan)


def nearest(samples: Float[Tensor, "m features"], fake: Float[Tensor, "n features"]) -> Float[Tensor, "n"]:
    """Squared distance of each fake from the nearest sample."""
    squares = samples.square().sum(1)
    products = [torch.addmm(squares, rows, samples.T, alpha=-2).amin(1) for rows in fake.split(ROWS)]
    return torch.cat(products) + fake.square().sum(1)


def _train_features(real: RealSamples) -> Float[Tensor, "train features"]:
    return real.stored_features("train")
