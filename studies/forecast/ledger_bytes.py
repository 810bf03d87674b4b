"""Bytes that the entries of trials take in a ledger, before compression."""

from math import prod

from gan_core.data import Dataset
from gan_core.evaluation import applicable_metrics
from gan_core.training.health import HEALTH_METRICS
from studies.design import CONFIRMING
from studies.execution.disk_space import BYTES, FACTS_BYTES, kept_evaluations
from studies.execution.kept_samples import (
    IMAGES,
    POINTS,
    SNAPSHOT_IMAGES,
    SNAPSHOT_POINTS,
    SURFACE_RESOLUTION,
    picture_evaluations,
)
from studies.file.study import Study
from studies.forecast.pack_work import Work

HALF = 2
"""Size of a number in float16, in which fakes are kept."""


def bytes_of(work: Work, study: Study, data: Dataset) -> int:
    """Bytes of the entries of a pack's trials.

    Of each trial its facts; of each member the kept generators, the curves in float64 and the fakes, and of a confirm
    trial on 2-D data the critic's outputs.
    """
    conditional = study.condition(work.condition).classes > 0
    metrics = len(applicable_metrics(study.evaluation, data, conditional=conditional)) + len(HEALTH_METRICS) - 1
    generators = BYTES * work.kept_numbers * len(kept_evaluations(study))
    curves = 2 * BYTES * metrics * work.evaluations
    confirming = work.phase in CONFIRMING
    member = generators + curves + (_confirm_samples(study, data) if confirming else _samples(data))
    return work.trials * (FACTS_BYTES + work.seeds * member)


def _samples(data: Dataset) -> int:
    return HALF * prod(data.shape) * (SNAPSHOT_POINTS if data.planar else SNAPSHOT_IMAGES)


def _confirm_samples(study: Study, data: Dataset) -> int:
    last = HALF * prod(data.shape) * (POINTS if data.planar else IMAGES)
    surface = BYTES * SURFACE_RESOLUTION**2 if data.planar else 0
    return last + surface + len(picture_evaluations(study.evaluation.measurements)) * _samples(data)
