"""What every metric means that a `Trainer` measures: its unit, which way is better, where it is measured.

The names are those of `Trainer.measure()`, of the curves of a study and of its runs in MLflow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

AVERAGE = "_of_average"
"""The ending of a metric that was taken of the generator's average (`training.generator_average`)."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """One metric in words.

    unit    of the value; "data" is the unit of the samples' coordinates
    better  which way a better generator moves it; "neither" where it tells a cause and not a quality
    where   on which data, or with which objective, it is measured
    """

    unit: str
    better: Literal["lower", "higher", "neither"]
    where: str
    says: str

    @property
    def of_samples(self) -> bool:
        """Whether it is taken of generated samples alone, as the `Ruler` does."""
        return self.where in (_SPREAD, _PLANE, _MODES, _IMAGES)


_ALWAYS, _SPREAD, _PLANE, _MODES = "always", "data with spread", "points of the plane", "known modes"
_IMAGES = "images"
_BALANCED = "`boundary_equilibrium`"

MEANINGS: Mapping[str, Meaning] = {
    "sliced_wasserstein": Meaning(
        unit="data",
        better="lower",
        where=_SPREAD,
        says="mean over fixed directions of the exact 1-D Wasserstein-1 between fakes and the real reference; "
        "the distance that decides, read beside its floor",
    ),
    "distance_to_equilibrium": Meaning(
        unit="parameters",
        better="lower",
        where="`dirac`",
        says="norm of (theta, psi), which is 0 at the equilibrium; the distance that decides there",
    ),
    "cells": Meaning(
        unit="count",
        better="higher",
        where=_SPREAD,
        says="cells of the data (known modes, else k-means cells) that hold at least n / (10 cells) of the n fakes; "
        "as many as real data occupy is best",
    ),
    "spread": Meaning(
        unit="ratio",
        better="neither",
        where=_SPREAD,
        says="root of the fakes' total variance over the real data's: 1 is right, 0 is a single point",
    ),
    "wasserstein_1": Meaning(
        unit="data",
        better="lower",
        where=_PLANE,
        says="exact Wasserstein-1 between `exact_points` fakes and as many real samples",
    ),
    "jensen_shannon": Meaning(
        unit="nats",
        better="lower",
        where=_PLANE,
        says="between histograms over the box of the real data: log 2 = 0.693 where the supports do not overlap, "
        "however far apart they are",
    ),
    "modes_covered": Meaning(
        unit="count",
        better="higher",
        where=_MODES,
        says="modes that are nearest to enough fakes of high quality",
    ),
    "high_quality": Meaning(
        unit="share",
        better="higher",
        where=_MODES,
        says="fakes within 3 sigma of their nearest mode; 0.98889 for a perfect sampler",
    ),
    "mode_kl": Meaning(
        unit="nats",
        better="lower",
        where=_MODES,
        says="KL(generated || true weights) of the fakes over their nearest modes, less its mean for a perfect "
        "sampler, so that it may be negative",
    ),
    "precision": Meaning(
        unit="share",
        better="higher",
        where=_IMAGES,
        says="fakes that look like real ones: no farther from some real sample than its `neighbours`-th nearest other "
        "one is, in pixels; says nothing of variety",
    ),
    "coverage": Meaning(
        unit="share",
        better="higher",
        where=_IMAGES,
        says="real samples with a fake that is no farther from them than their `neighbours`-th nearest other one, in "
        "pixels; read beside its floor",
    ),
    "critic_loss": Meaning(
        unit="objective's",
        better="neither",
        where=_ALWAYS,
        says="what the critic minimises, the constraint's penalty included",
    ),
    "generator_loss": Meaning(
        unit="objective's",
        better="neither",
        where=_ALWAYS,
        says="what the generator minimises; not comparable between objectives",
    ),
    "critic_on_real": Meaning(
        unit="critic's",
        better="neither",
        where=_ALWAYS,
        says="mean score (high on real) or energy (low on real) of real samples",
    ),
    "critic_on_fake": Meaning(
        unit="critic's",
        better="neither",
        where=_ALWAYS,
        says="the same of fakes; its gap to `critic_on_real` is what the critic can tell apart",
    ),
    "critic_slope": Meaning(
        unit="critic's / data",
        better="neither",
        where=_ALWAYS,
        says="mean norm of the critic's gradient by the sample, at points between real and fake",
    ),
    "critic_gradient_norm": Meaning(
        unit="loss / parameters",
        better="neither",
        where=_ALWAYS,
        says="norm of the gradient of the critic's loss by its parameters",
    ),
    "generator_gradient_norm": Meaning(
        unit="loss / parameters",
        better="neither",
        where=_ALWAYS,
        says="norm of the gradient of the generator's loss by its parameters; near 0 the generator learns nothing",
    ),
    "balance": Meaning(
        unit="ratio",
        better="neither",
        where=_BALANCED,
        says="k, the weight of the fakes in the critic's loss, between 0 and 1",
    ),
    "convergence": Meaning(
        unit="energy",
        better="lower",
        where=_BALANCED,
        says="M = U(real) + |gamma U(real) - U(fake)|",
    ),
}
"""Every metric by its name."""
