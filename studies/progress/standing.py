"""Standing: what the listeners of a run learn about the study's trials, without the design that determines them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studies.design import TrialSpec


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The trials of a study at the start or the end of a run.

    root            path of the ledger
    ended           trials that have ended, lost ones included
    pending         number of known trials that have not ended and are not lost
    begun           number of these that were begun before; some may have no checkpoint yet
    without_result  True if trials ended without a result
    """

    root: Path
    ended: tuple[TrialSpec, ...]
    pending: int
    begun: int
    without_result: bool


@dataclass(frozen=True, kw_only=True)
class Needed:
    """The number of trials that a study is known to need.

    trials  number of trials if no pair of conditions needs more fresh seeds than are known to be needed
    groups  number of confirm trials of each condition that are known so far: the groups of fresh seeds, if a setting
            can have several
    """

    trials: int
    groups: Mapping[str, int]
