"""Number of trials of a study in each phase."""

from studies.design.path_order import choice_trials
from studies.design.profile_settings import profile_settings
from studies.design.specification import Phase
from studies.file.authors_path import possible_changes
from studies.file.condition import Condition
from studies.file.study import Study


def counts(study: Study, condition: Condition) -> dict[Phase, int]:
    """Number of trials of a condition in each phase; without those after `confirm` that the study does not have.

    Of confirm it is the largest possible number: a trial for each group of fresh seeds.
    """
    search = study.search
    trials: dict[Phase, int] = {
        "explore": search.explore_trials,
        "exploit": search.exploit.trials,
        "confirm": search.confirm.best * most_groups(study),
    }
    if search.confirm.authors:
        trials["authors"] = int(condition.authors is not None)
    if search.profile:
        trials["profile"] = len(profile_settings(condition, search.profile))
    if search.confirm.path:
        changes = len(possible_changes(condition))
        trials |= {"path_choice": choice_trials(changes), "path": changes}
    return trials


def total(study: Study) -> int:
    """Largest possible number of trials of a study."""
    return sum(sum(counts(study, condition).values()) for condition in study.conditions)


def least(study: Study) -> int:
    """Smallest possible number of trials of a study: with a single group of fresh seeds for each setting found."""
    return total(study) - (most_groups(study) - 1) * len(study.conditions)


def most_groups(study: Study) -> int:
    """Largest number of groups of fresh seeds of a setting found; a single condition has no comparison to decide."""
    return study.search.confirm.groups if len(study.conditions) > 1 else 1
