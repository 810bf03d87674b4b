"""The trials of a study, phase by phase, and their addresses."""

from studies.design.map_cells import Cell, cell_order
from studies.design.places import Packs
from studies.design.profile_settings import profile_settings
from studies.design.provenance import FINGERPRINTS, NUMERICS_VERSION, Provenance
from studies.design.specification import (
    CONFIRMING,
    PHASES,
    Configuration,
    Phase,
    Place,
    TrialSpec,
    canonical,
    content_address,
    evaluation_address,
    payload,
    trial_key,
)
from studies.design.suggestions import suggest
from studies.design.trial_counts import counts, least, most_groups, total
from studies.design.trial_seeds import FIRST_SEED, SEEDS_PER_REPLICATE, members_of, seeds_of, split_of
from studies.design.trials import Design

__all__ = [
    "CONFIRMING",
    "FINGERPRINTS",
    "FIRST_SEED",
    "NUMERICS_VERSION",
    "PHASES",
    "SEEDS_PER_REPLICATE",
    "Cell",
    "Configuration",
    "Design",
    "Packs",
    "Phase",
    "Place",
    "Provenance",
    "TrialSpec",
    "canonical",
    "cell_order",
    "content_address",
    "counts",
    "evaluation_address",
    "least",
    "members_of",
    "most_groups",
    "payload",
    "profile_settings",
    "seeds_of",
    "split_of",
    "suggest",
    "total",
    "trial_key",
]
