"""Bytes that a study's results take on disk, and the check that those of a stability map fit."""

import shutil
from math import prod

import torch

from gan_core.data import Dataset
from gan_core.metrics import METRICS
from gan_core.shapes import SampleShape
from studies.design import CONFIRMING, counts
from studies.errors import InputError
from studies.execution.kept_samples import SNAPSHOT_IMAGES, SNAPSHOT_POINTS, generator_evaluations
from studies.file.condition import Condition, Setting
from studies.file.map_settings import ExploreMap
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.numbers import format_bytes

BYTES = 4
"""Size of a number in float32, in which generators are kept."""
FACTS_BYTES = 4000
"""Size of a trial's facts, log and checksums: about 3 kB, and more for settings with many fields."""


def check_space(study: Study, ledger: Ledger) -> None:
    """Check that the disk of the ledger has room for all cells of the stability maps of a study that is not begun yet.

    Errors: `InputError` with the bytes that are needed and free.
    """
    if not isinstance(study.search.explore, ExploreMap) or study.name in ledger.studies():
        return
    cells = study.search.explore.trials * len(study.conditions)
    needed = cells * max(explore_bytes(study, condition) for condition in study.conditions)
    place = next(folder for folder in (ledger.root, *ledger.root.parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise InputError(
            f"search.explore.map.resolution: must leave room for the results, but {cells} cells need about "
            f"{format_bytes(needed)} and {place} has {format_bytes(free)}"
        )


def explore_bytes(study: Study, condition: Condition) -> int:
    """Largest number of bytes that an explore trial of a condition takes in the ledger, before compression."""
    data = load_samples(study.data)
    numbers = max(kept_numbers(setting, data.sample_shape) for setting in condition.extreme_settings())
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
    members = {
        phase: study.search.confirm.seeds if phase in CONFIRMING else study.seeds
        for condition in study.conditions
        for phase in counts(study, condition)
    }
    numbers = 0
    for condition in study.conditions:
        authors = _authors_numbers(condition, shape)
        searched = max(kept_numbers(setting, shape) for setting in condition.extreme_settings())
        for phase, trials in counts(study, condition).items():
            of_trial = authors if phase == "authors" else searched
            of_trial = max(authors, searched) if phase in ("path_choice", "path") else of_trial
            numbers += trials * members[phase] * of_trial
    return numbers * len(kept_evaluations(study)) * BYTES


def kept_evaluations(study: Study) -> list[int]:
    """Indices of the evaluations whose generators are kept."""
    return generator_evaluations(study.evaluation.measurements, study.checkpoint.snapshots)


def _authors_numbers(condition: Condition, shape: SampleShape) -> int:
    return 0 if condition.authors is None else kept_numbers(condition.authors_setting(), shape)


def kept_numbers(setting: Setting, shape: SampleShape) -> int:
    """Numbers that are kept of one generator at one evaluation: its parameters and, if there is one, their average."""
    parameters = setting.networks.generator.initial(shape, torch.Generator())
    versions = 2 if setting.training.generator_average else 1
    return versions * sum(values.numel() for values in parameters.values())
