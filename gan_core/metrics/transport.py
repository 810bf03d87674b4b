"""Exact Wasserstein-1 distance in any dimension: the linear program over transport plans, solved by POT."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.metric_description import Direction
from gan_core.metrics.any_metric import PLANAR, AnyMetric, Applicability
from gan_core.metrics.samples import Fakes, RealSamples

MOST_ITERATIONS = 100_000_000
"""Limit of the network simplex, never reached in practice: 512 against 512 samples take a few thousand iterations."""


@dataclass(frozen=True, kw_only=True)
class Wasserstein1(AnyMetric):
    """Exact Wasserstein-1 distance between the first `exact_points` real samples and fakes, in the unit of the data.

    NaN if the distance of any real sample to any fake is not finite; finite samples can cause this by overflow. It
    costs about 20 ms per member, so it is measured at the last evaluation alone unless `exact = "every"`.

    Source: Villani 2009, "Optimal Transport", Definition 6.1, order 1; POT's network simplex (Bonneel et al. 2011).
    """

    name: ClassVar[str] = "wasserstein_1"
    unit: ClassVar[str] = "data"
    direction: ClassVar[Direction] = "lower"
    description: ClassVar[str] = (
        "exact Wasserstein-1 distance between `exact_points` fakes and as many real samples; measured at the last "
        'evaluation alone, unless `evaluation.exact = "every"`'
    )
    applies_to: ClassVar[Applicability] = PLANAR
    costly: ClassVar[bool] = True

    def measure(self, real: RealSamples, fake: Fakes) -> Float[Tensor, "members"]:
        count = real.settings.exact_points
        first_real = real.samples[:count].cpu().numpy()
        distances = [wasserstein_1(first_real, member[:count]) for member in fake.samples.cpu().numpy()]
        return torch.tensor(distances, dtype=torch.float64)


@dataclass(frozen=True, kw_only=True)
class TransportPlan:
    """An optimal transport plan between two samples: `mass[k]` goes from sample `real[k]` to sample `fake[k]`.

    The masses at each real sample add up to 1/m, those at each fake to 1/n. `distance` is the sum of mass times
    Euclidean distance, in the unit of the data: the Wasserstein-1 distance, since no plan has a smaller sum.
    """

    distance: float
    real: Int[np.ndarray, "pairs"]
    fake: Int[np.ndarray, "pairs"]
    mass: Float[np.ndarray, "pairs"]


def transport_plan(real: Float[np.ndarray, "m dim"], fake: Float[np.ndarray, "n dim"]) -> TransportPlan:
    """An optimal transport plan between real samples of weight 1/m and fakes of weight 1/n.

    Errors: `ValueError` if a distance between a real sample and a fake is not finite: a sample is NaN or infinite, or
    the square of a difference overflows (coordinates from about 1e154 on).

    Source: Villani 2009, "Optimal Transport", Definition 6.1, order 1; POT's network simplex (Bonneel et al. 2011).
    """
    cost = _distances(real, fake)
    if not np.isfinite(cost).all():
        raise ValueError("real, fake: must be finite, with finite distances between them, but some are not")
    return _optimal_plan(cost)


def wasserstein_1(real: Float[np.ndarray, "m dim"], fake: Float[np.ndarray, "n dim"]) -> float:
    """Exact Wasserstein-1 distance between samples, in the unit of the data.

    NaN if the distance of any real sample to any fake is not finite; finite samples can cause this by overflow.
    """
    cost = _distances(real, fake)
    return _optimal_plan(cost).distance if np.isfinite(cost).all() else float("nan")


def _distances(real: Float[np.ndarray, "m dim"], fake: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "m n"]:
    from scipy.spatial.distance import cdist

    return cdist(real.astype(np.float64), fake.astype(np.float64))


def _optimal_plan(cost: Float[np.ndarray, "m n"]) -> TransportPlan:
    from ot import emd

    scale = cost.max() or 1.0  # the solver's tolerances are absolute
    weights = (np.full(count, 1 / count) for count in cost.shape)
    plan = emd(*weights, cost / scale, numItermax=MOST_ITERATIONS, center_dual=False)
    of_real, of_fake = np.nonzero(plan)
    mass = plan[of_real, of_fake]
    return TransportPlan(distance=float(mass @ cost[of_real, of_fake]), real=of_real, fake=of_fake, mass=mass)
