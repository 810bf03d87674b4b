"""Findings about settings in which the conditions of a study differ although it compares something else."""

from collections.abc import Iterator
from dataclasses import dataclass

from studies.file.study import Study
from studies.file.unequal_settings import unequal_search, unequal_settings
from studies.reporting.text.finding import Finding, Names


@dataclass(frozen=True, kw_only=True)
class UnequalConditions(Finding):
    """A setting that is not the same for all conditions, with its values and the conditions that have each.

    is_critic_work  True if it is `n_critic` under a budget of generator steps
    """

    path: str
    values: tuple[tuple[str, Names], ...]
    is_critic_work: bool


@dataclass(frozen=True, kw_only=True)
class UnequallySearched(Finding):
    """Conditions that search none of the hyperparameters of their objective and constraint, although others do.

    fixed, searched  conditions and the paths of these hyperparameters
    """

    fixed: tuple[tuple[str, Names], ...]
    searched: tuple[tuple[str, Names], ...]


def unequal_conditions(study: Study) -> Iterator[Finding]:
    """A finding for each such setting, and one for an unequal search."""
    for setting in unequal_settings(study):
        yield UnequalConditions(
            path=setting.path,
            values=tuple((value, tuple(names)) for value, names in setting.by_value.items()),
            is_critic_work=setting.path == "training.n_critic" and study.budget.unit != "critic_steps",
        )
    if unequal := unequal_search(study):
        fixed, searched = (
            tuple((name, tuple(paths)) for name, paths in of.items()) for of in (unequal.fixed, unequal.searched)
        )
        yield UnequallySearched(fixed=fixed, searched=searched)
