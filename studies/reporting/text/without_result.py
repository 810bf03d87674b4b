"""Settings whose training ended without a result."""

from studies.analysis.comparison import Comparison
from studies.design import Phase
from studies.ledger.unfinished import END_NAMES, TrialEnd
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
