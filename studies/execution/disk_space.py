"""Bytes that a study's results take on disk, and the check that they fit."""

import shutil
import sys
from math import prod
from pathlib import Path

from gan_core.data import Dataset
from gan_core.metrics import METRICS
from gan_core.networks import parameter_count
from gan_core.shapes import SampleShape
from studies.design import counts, members_of
from studies.errors import InputError
from studies.execution.kept_samples import SNAPSHOT_IMAGES, SNAPSHOT_POINTS, generator_evaluations
from studies.file.condition import Condition, Setting
from studies.file.map_settings import ExploreMap
from studies.file.messages import count_noun
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.numbers import format_bytes

GIGABYTE = 10**9
BYTES = 4
"""Size of a number in float32, in which generators are kept."""
FACTS_BYTES = 4000
"""Size of a trial's facts, log and checksums: about 3 kB, and more for settings with many fields."""


def check_space(study: Study, ledger: Ledger) -> None:
    """Check that the disk of the ledger has the free space that the limits keep, and room for a study's results.

    The results are not checked once the study has begun, since a part of them is there already.

    Errors: `InputError` with the bytes that are needed and free.
    """
    free, kept = free_bytes(ledger.root), int(study.limits.disk_free_gb * GIGABYTE)
    place = _existing(ledger.root)
    if free < kept:
        raise InputError(
            f"limits.disk_free_gb: must leave {format_bytes(kept)} free on the disk of the ledger, but {place} has "
            f"{format_bytes(free)}; free some space, or set it lower"
        )
    if study.name in ledger.studies():
        return
    needed = {condition.name: condition_bytes(study, condition) for condition in study.conditions}
    total = sum(needed.values())
    if total > free - kept:
        trials = sum(sum(counts(study, condition).values()) for condition in study.conditions)
        raise InputError(
            f"{key_with_most_gans(study)}: must leave room for the results, but {count_noun(trials, 'trial')} need "
            f"about {format_bytes(total)} and {place} has {format_bytes(max(0, free - kept))} to spare"
        )


def free_bytes(folder: Path) -> int:
    """Bytes that a user may still write on the disk of a folder, which need not exist.

    A file system without a size, as /proc, is not taken for a full one: writing there fails with its own reason.
    """
    usage = shutil.disk_usage(_existing(folder))
    return usage.free if usage.total else sys.maxsize


def _existing(folder: Path) -> Path:
    return next(above for above in (folder, *folder.parents) if above.is_dir())


def key_with_most_gans(study: Study) -> str:
    """Path of the number in `search` that asks for most GANs."""
    search = study.search
    if isinstance(search.explore, ExploreMap):
        return "search.explore.map.resolution"
    members = {
        "search.explore": search.explore_trials * study.seeds,
        "search.exploit.trials": search.exploit.trials * study.seeds,
        "search.confirm.seeds": search.confirm.best * search.confirm.seeds,
        "search.profile": search.profile * study.seeds,
    }
    return max(members, key=lambda path: members[path])


def condition_bytes(study: Study, condition: Condition) -> int:
    """Largest number of bytes that all trials of a condition take in the ledger, before compression."""
    explore = explore_bytes(study, condition)
    of_member = -(-(explore - FACTS_BYTES) // study.seeds)
    return sum(
        trials * (FACTS_BYTES + of_member * members_of(study, phase))
        for phase, trials in counts(study, condition).items()
    )


def explore_bytes(study: Study, condition: Condition) -> int:
    """Largest number of bytes that an explore trial of a condition takes in the ledger, before compression."""
    data = load_samples(study.data)
    numbers = _searched_numbers(condition, data.sample_shape)
    evaluations = study.evaluation.measurements + 1
    curves = 8 * evaluations * (len(METRICS) + len(study.evaluation.metrics))
    return FACTS_BYTES + study.seeds * (BYTES * numbers * len(kept_evaluations(study)) + curves + _sample_bytes(data))


def _sample_bytes(data: Dataset) -> int:
    return 2 * prod(data.shape) * (SNAPSHOT_POINTS if data.planar else SNAPSHOT_IMAGES)


def snapshot_bytes(study: Study) -> int:
    """Largest number of bytes that the generators kept by all trials of a study can take before compression.

    Sum over the trials of (numbers of one generator) x (seeds) x (kept evaluations) x 4 bytes.
    """
    shape = load_samples(study.data).sample_shape
    numbers = 0
    for condition in study.conditions:
        authors = _authors_numbers(condition, shape)
        searched = _searched_numbers(condition, shape)
        for phase, trials in counts(study, condition).items():
            of_trial = authors if phase == "authors" else searched
            of_trial = max(authors, searched) if phase in ("path_choice", "path") else of_trial
            numbers += trials * members_of(study, phase) * of_trial
    return numbers * len(kept_evaluations(study)) * BYTES


def kept_evaluations(study: Study) -> list[int]:
    """Indices of the evaluations whose generators are kept."""
    return generator_evaluations(study.evaluation.measurements, study.checkpoint.snapshots)


def _authors_numbers(condition: Condition, shape: SampleShape) -> int:
    return 0 if condition.authors is None else kept_numbers(condition.authors_setting(), shape)


def _searched_numbers(condition: Condition, shape: SampleShape) -> int:
    """Largest number of numbers that are kept of one generator; 0 for a user's loop, whose generators are unknown."""
    return max((kept_numbers(setting, shape) for setting in condition.extreme_settings()), default=0)


def kept_numbers(setting: Setting, shape: SampleShape) -> int:
    """Numbers that are kept of one generator at one evaluation: its parameters and, if there is one, their average."""
    versions = 2 if setting.training.generator_average else 1
    return versions * parameter_count(setting.networks.generator, shape)
