"""Recording: what is logged of the trials of a study beside its own run's tables."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence

from studies.design import TrialSpec
from studies.ledger.trial_records import TrialRecord
from studies.progress.summaries import EvaluationSummary
from studies.tables.results import Results
from studies.tracking.study_run import StudyRun


class Recording(ABC):
    """Logs the trials of a study; every call may be repeated after an error, and nothing is logged twice.

    study_run  the study's own run
    """

    study_run: StudyRun

    @abstractmethod
    def open(self, records: Callable[[], Sequence[TrialRecord]]) -> None:
        """Log what the ledger has before a trial of this run ends; `records` reads all of its records."""

    @abstractmethod
    def has(self, spec: TrialSpec) -> bool:
        """True if the trial is finished and recorded as a whole, as far as can be known without its entry."""

    @abstractmethod
    def measured(self, spec: TrialSpec, summaries: Iterable[EvaluationSummary]) -> None:
        """Log those evaluations of a running trial that are not logged yet."""

    @abstractmethod
    def started(self, spec: TrialSpec) -> None:
        """Log a trial that was started and has not ended."""

    @abstractmethod
    def ended(self, trial: TrialRecord) -> None:
        """Log a trial that ended."""

    @abstractmethod
    def flush(self) -> None:
        """Log what is due after several trials ended."""

    @abstractmethod
    def close(self) -> None:
        """Log what the run of the study leaves at its end."""

    @abstractmethod
    def log_ranks(self, results: Results) -> None:
        """Log the rank of each confirmed condition."""
