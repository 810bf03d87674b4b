"""Exact Wasserstein-1 in any dimension: the linear program over transport plans, solved by POT."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

MOST_ITERATIONS = 100_000_000
"""Of the network simplex, which ends by itself: a few thousand for 512 samples against as many."""


@dataclass(frozen=True, kw_only=True)
class TransportPlan:
    """Which earth goes where: `mass[k]` between the real sample `real[k]` and the fake one `fake[k]`.

    Every real sample has 1/m in all, every fake one 1/n. `distance` is the sum of mass times Euclidean distance:
    Wasserstein-1, as no plan has a smaller one.
    """

    distance: float
    real: Int[np.ndarray, "pairs"]
    fake: Int[np.ndarray, "pairs"]
    mass: Float[np.ndarray, "pairs"]


def transport_plan(real: Float[np.ndarray, "m dim"], fake: Float[np.ndarray, "n dim"]) -> TransportPlan:
    """The cheapest way to make one distribution of the other, every sample weighing the same on its side.

    Errors: `ValueError` for samples that are not finite.

    Source: Villani 2009, "Optimal Transport", Definition 6.1, order 1; POT's network simplex (Bonneel et al. 2011).
    """
    from ot import emd
    from scipy.spatial.distance import cdist

    cost = cdist(real.astype(np.float64), fake.astype(np.float64))
    if not np.isfinite(cost).all():
        raise ValueError("real, fake: must be finite")
    scale = cost.max() or 1.0  # the solver's tolerances are absolute
    weights = (np.full(len(samples), 1 / len(samples)) for samples in (real, fake))
    plan = emd(*weights, cost / scale, numItermax=MOST_ITERATIONS, center_dual=False)
    of_real, of_fake = np.nonzero(plan)
    mass = plan[of_real, of_fake]
    return TransportPlan(distance=float(mass @ cost[of_real, of_fake]), real=of_real, fake=of_fake, mass=mass)


def wasserstein_1(real: Float[np.ndarray, "m dim"], fake: Float[np.ndarray, "n dim"]) -> float:
    """Wasserstein-1 between samples, exactly; NaN where fakes are not finite."""
    return transport_plan(real, fake).distance if np.isfinite(fake).all() else float("nan")
