"""Settings of the search: trials per condition in each phase, sampler, confirm phase."""

from dataclasses import dataclass
from typing import Any, Literal

from gan_core.fields import Count, Whole
from studies.file.map_settings import ExploreMap


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """The confirm phase: the best configurations of each condition, trained again on fresh seeds.

    best     number of configurations of each condition, those with the highest search scores; 0: no confirm phase
    seeds    number of fresh seeds that each of these configurations is trained with
    authors  true: also train each preset at its authors' settings, on the seeds of the best configuration
    """

    best: Whole = 1
    seeds: Count = 10
    authors: bool = False


@dataclass(frozen=True, kw_only=True)
class Search:
    """Trials per condition in each phase, and the sampler of exploit.

    seed         seed of the random draws of explore and of the sampler
    explore      explore trials per condition: random draws and grid values, which depend on no result; or a table
                 `map`, with a trial for each cell of a stability map
    exploit      exploit trials per condition: suggestions of the sampler; 0: no exploit phase
    confirm      numbers of configurations and seeds of the confirm phase
    sampler      Optuna's sampler of the exploit trials: `tpe` fits a model to earlier results, `random` uses none
    exploit_lag  suggestion j is computed from the results of all explore trials and of exploit trials 0 to
                 j - exploit_lag, so that up to exploit_lag exploit trials of a condition run at once
    start        values of hyperparameters for the first exploit trials, one table per trial; each condition uses the
                 values of the hyperparameters that it searches, and the sampler suggests the missing ones
    """

    seed: Whole = 0
    explore: Count | ExploreMap = 16
    exploit: Whole = 6
    confirm: Confirm = Confirm()
    sampler: Literal["tpe", "random"] = "tpe"
    exploit_lag: Count = 2
    start: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if len(self.start) > self.exploit:
            raise ValueError(
                f"start: must hold <= {self.exploit} tables, the trials of exploit, but holds {len(self.start)}"
            )
        trials = self.explore_trials + self.exploit
        if self.confirm.best > trials:
            best = self.confirm.best
            raise ValueError(f"confirm.best: must be <= {trials}, explore and exploit together, but is {best}")

    @property
    def explore_trials(self) -> int:
        """Number of explore trials per condition."""
        return self.explore if isinstance(self.explore, int) else self.explore.trials
