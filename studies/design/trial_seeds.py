"""Seeds of the members of a trial, and the real samples that it is measured on."""

from collections.abc import Mapping

from gan_core.data import Split
from studies.design.specification import CONFIRMING, Phase
from studies.file.condition import Condition
from studies.file.study import Study

FIRST_SEED: Mapping[Phase, int] = {
    "explore": 0,
    "exploit": 1_000_000,
    "confirm": 2_000_000,
    "authors": 2_000_000,
    "profile": 3_000_000,
    "path_choice": 4_000_000,
    "path": 2_000_000,
}
EQUAL_SEEDS: tuple[Phase, ...] = ("path_choice", "path")
"""Phases all of whose trials have the same seeds, those of path trials being the seeds of the first confirm trial."""
SEEDS_PER_REPLICATE = 10_000_000
"""Distance between the first seeds of two consecutive replicates, large enough for the seeds of all phases."""


def split_of(phase: Phase) -> Split:
    """Split that the trials of a phase are measured on."""
    return "test" if phase in CONFIRMING else "validation"


def members_of(study: Study, phase: Phase) -> int:
    """Number of GANs that each trial of a phase trains, one for each seed."""
    return study.search.confirm.seeds if phase in CONFIRMING else study.seeds


def seeds_of(study: Study, condition: Condition, phase: Phase, index: int) -> list[int]:
    """Seeds of a trial's members."""
    count = members_of(study, phase)
    before = 0 if phase in EQUAL_SEEDS else index * count
    first = FIRST_SEED[phase] + condition.replicate * SEEDS_PER_REPLICATE + before
    return list(range(first, first + count))
