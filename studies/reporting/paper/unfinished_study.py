"""One sentence about what is missing of a study that is not finished."""

from studies.analysis.comparison import Comparison
from studies.design import PHASES, counts, most_groups
from studies.file.messages import count_noun
from studies.ledger.unfinished import ENDED
from studies.reporting.text.fresh_seeds import undecided_names
from studies.reporting.text.phrases import join_words
from studies.tables.ranking import groups_of_seeds
from studies.tables.results import Results


def unfinished(results: Results) -> str:
    """A sentence with the number of trials of each phase that have not ended; empty if all have."""
    study, trials = results.study, results.trials
    planned = [counts(study, condition) for condition in study.conditions]
    ended = trials.loc[trials["state"].isin(ENDED), "phase"].value_counts()
    missing = {
        phase: sum(of_condition.get(phase, 0) for of_condition in planned) - int(ended.get(phase, 0))
        for phase in PHASES
    }
    if most_groups(study) > 1:  # only undecided conditions get further groups of fresh seeds
        first = max(0, len(study.conditions) - int(ended.get("confirm", 0)))
        missing["confirm"] = first or _further_groups(results)
    texts = [count_noun(number, f"{phase} trial") for phase, number in missing.items() if number > 0]
    if not texts:
        return ""
    return f"This study is not finished: {join_words(texts)} have not ended."


def _further_groups(results: Results) -> int:
    """Number of undecided conditions that lack the next group of fresh seeds."""
    groups = groups_of_seeds(results.members, results.study.search.confirm.groups)
    numbers = [len(groups[name]) for name in undecided_names(Comparison(results))]
    return numbers.count(min(numbers, default=0))
