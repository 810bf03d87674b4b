"""Names of the ends without a result in sentences, for settings whose training on fresh seeds had such an end."""

from studies.analysis.comparison import Comparison
from studies.design import Phase
from studies.ledger.unfinished import TrialEnd
from studies.tables.columns import END_NAMES
from studies.tables.ranking import FIRST


def ends_without_result(comparison: Comparison, phase: Phase = "confirm") -> dict[str, TrialEnd]:
    """End of the first trial of a phase by condition, for conditions whose setting itself made it end without a result.

    A lost trial is not among them: another run repeats it.
    """
    return {
        trial.spec.condition: trial.end
        for trial in comparison.results.trial_records
        if (trial.spec.phase, trial.spec.index) == (phase, FIRST) and trial.state in END_NAMES and trial.end is not None
    }


def end_in_words(end: TrialEnd) -> str:
    """An end with its reason, as in "error: ValueError: no such thing"."""
    return f"{END_NAMES[end.state]}: {end.reason.rstrip('.')}"
