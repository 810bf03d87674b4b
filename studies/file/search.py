"""Settings of the search: trials per condition in each phase, sampler, confirm phase."""

from dataclasses import dataclass
from typing import Any, Literal

from gan_core.fields import Count, Whole
from studies.file.map_settings import ExploreMap

LEAST_FOR_PACKS = 8
"""Number of explore trials of a condition from which they train in packs by default: those of a block of draws."""
MOST_GROUPS = 20
"""Largest number of groups of fresh seeds: each has a share of the level, with more of them too small to decide."""
Sampler = Literal["tpe", "gp", "random"]


@dataclass(frozen=True, kw_only=True)
class Exploit:
    """The exploit phase: configurations that the sampler suggests from earlier results, in batches.

    trials  exploit trials per condition; 0: no exploit phase
    batch   number of suggestions that are made at once: those of a batch are computed from the results of all explore
            trials and of all earlier batches, and run at the same time
    """

    trials: Whole = 6
    batch: Count = 8


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """The confirm phase: the best configurations of each condition, trained again on fresh seeds.

    best     number of configurations of each condition, those with the highest search scores; of scores that differ by
             at most 0.02, that with fewer failed seeds comes first. 0: no confirm phase
    seeds    number of fresh seeds that each of these configurations is trained with
    most     largest number of fresh seeds, a multiple of `seeds`: as long as a comparison of two conditions is
             undecided, and not all of their seeds failed, both get `seeds` more; left out: none. It needs best = 1 and
             at least 2 seeds
    authors  true: also train each preset at its authors' settings, on the first `seeds` seeds of the best configuration
    path     true: also train the settings between the authors' and the best configuration, on the same seeds, with one
             more hyperparameter at its value in the best configuration each time. The order is chosen before with
             further trials of `seeds` (of the study) members; everything that is not searched changes first
    """

    best: Whole = 1
    seeds: Count = 10
    most: Count | None = None
    authors: bool = False
    path: bool = False

    def __post_init__(self) -> None:
        if self.path and not self.authors:
            raise ValueError("path: must be false where authors is false, since a path starts at the authors' setting")
        if self.path and not self.best:
            raise ValueError("path: must be false where best is 0, since a path ends at the best configuration")
        if self.most is None:
            return
        if self.best != 1:
            raise ValueError(f"best: must be 1 where most is given, but is {self.best}")
        if self.seeds < 2:
            raise ValueError(f"seeds: must be >= 2 where most is given, but is {self.seeds}")
        if self.most % self.seeds:
            raise ValueError(f"most: must be a multiple of seeds = {self.seeds}, but is {self.most}")
        if self.groups > MOST_GROUPS:
            largest = MOST_GROUPS * self.seeds
            raise ValueError(f"most: must be <= {largest}, {MOST_GROUPS} times seeds, but is {self.most}")

    @property
    def groups(self) -> int:
        """Largest number of groups of `seeds` fresh seeds that a configuration is trained with."""
        return 1 if self.most is None else self.most // self.seeds


@dataclass(frozen=True, kw_only=True)
class Search:
    """Trials per condition in each phase, and the sampler of exploit.

    seed        seed of the random draws of explore and of the sampler
    explore     explore trials per condition: random draws and grid values, which depend on no result; or a table `map`,
                with a trial for each cell of a stability map
    stratified  true: of 8 consecutive draws of a hyperparameter one lies in each eighth of its distribution; false: all
                draws are independent
    packs       true: explore and exploit trials of a condition that differ in numbers alone train side by side in one
                process, on one processor core up to five times as fast; false: every trial in a process of its own, for
                few trials on many cores; "auto": true with 8 or more explore trials, since the empty places of a pack
                take time too. The last bits of the numbers differ, and so do the addresses
    exploit     number and batches of the exploit trials
    confirm     numbers of configurations and seeds of the confirm phase
    profile     number of values of each hyperparameter with a range, spread evenly over the range, at which the setting
                found is trained again with the others unchanged; 0: no such trials
    sampler     Optuna's sampler of the exploit trials: `tpe` fits densities to earlier results, `gp` a Gaussian
                process, which takes up to seconds per suggestion and no hyperparameter with `when`; `random` uses no
                results
    start       values of hyperparameters for the first exploit trials, one table per trial; each condition uses the
                values of the hyperparameters that it searches, and the sampler suggests the missing ones
    """

    seed: Whole = 0
    explore: Count | ExploreMap = 16
    stratified: bool = True
    packs: bool | Literal["auto"] = "auto"
    exploit: Exploit = Exploit()
    confirm: Confirm = Confirm()
    profile: Whole = 0
    sampler: Sampler = "tpe"
    start: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        most = self.exploit.trials
        if len(self.start) > most:
            raise ValueError(f"start: must hold <= {most} tables, the trials of exploit, but holds {len(self.start)}")
        trials = self.explore_trials + self.exploit.trials
        if self.profile and not self.confirm.best:
            raise ValueError("profile: must be 0 where confirm.best is 0, since no setting is found")
        if self.confirm.best > trials:
            best = self.confirm.best
            raise ValueError(f"confirm.best: must be <= {trials}, explore and exploit together, but is {best}")

    @property
    def explore_trials(self) -> int:
        """Number of explore trials per condition."""
        return self.explore if isinstance(self.explore, int) else self.explore.trials

    @property
    def in_packs(self) -> bool:
        """True if explore and exploit trials train in packs where they can."""
        return self.explore_trials >= LEAST_FOR_PACKS if self.packs == "auto" else self.packs
