"""One sentence about what is missing of a study that is not finished."""

from studies.design import PHASES, counts
from studies.file.messages import count_noun
from studies.reporting.text.phrases import join_words
from studies.tables.columns import ENDED
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
    texts = [count_noun(number, f"{phase} trial") for phase, number in missing.items() if number > 0]
    if not texts:
        return ""
    return f"This study is not finished: {join_words(texts)} have not ended."
