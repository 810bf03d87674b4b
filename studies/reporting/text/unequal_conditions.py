"""Sentences about settings in which the conditions of a study differ although it compares something else."""

from collections.abc import Iterator

from studies.file.study import Study
from studies.file.unequal_settings import unequal_settings


def unequal_in_words(study: Study) -> Iterator[str]:
    """A clause for each such setting, with the values and the names of their conditions."""
    for setting in unequal_settings(study):
        values = "; ".join(f"{value} for {', '.join(names)}" for value, names in setting.by_value.items())
        yield (
            f"The conditions differ in {setting.path} ({values}), so a difference in their results may be due to it"
            f"{_of_critic_steps(study, setting.path)}"
        )


def _of_critic_steps(study: Study, path: str) -> str:
    if path != "training.n_critic" or study.budget.unit == "critic_steps":
        return ""
    return '; with budget.unit = "critic_steps" all would have the same number of critic steps'
