"""Recording of a large study in its own run alone: tables of all trials, and the progress of each condition."""

from collections.abc import Callable, Iterable, Sequence

from studies.design import CONFIRMING, TrialSpec
from studies.ledger.entries import Entry, entry_row
from studies.ledger.segments import segment_name, to_segment
from studies.ledger.trial_records import TrialRecord
from studies.progress.summaries import EvaluationSummary
from studies.progress.tallies import Tallies
from studies.tables.results import Results
from studies.tracking.recording import Recording
from studies.tracking.run_content import ENTRY_FOLDER
from studies.tracking.run_search import trial_runs
from studies.tracking.study_run import StudyRun, local_copy

SHORTEST_STEP = 100
"""The metrics are logged when the number of ended trials has grown by one in this many, after every trial before."""


class OneRun(Recording):
    """Logs the progress of each condition, and the entries of confirmed trials; of other trials nothing is sent.

    Every metric has the number of ended trials as its step. Complete runs of trials, from when the study had fewer of
    them, are left as they are.
    """

    def __init__(self, study_run: StudyRun):
        self.study_run = study_run
        self._tallies, self._logged_at = Tallies(study_run.study), 0

    def open(self, records: Callable[[], Sequence[TrialRecord]]) -> None:
        """Delete runs of trials that nobody will complete, and log what the ledger has as a bundle."""
        client = self.study_run.client
        for child in trial_runs(client, self.study_run.experiment_id, self.study_run.run.run_id):
            run = local_copy(child)
            if not run.checksum or run.status not in ("FINISHED", "FAILED"):
                client.delete_run(run.run_id)
        trials = records()
        self.study_run.write_bundle(trials)
        self._tallies.add(trials)
        for trial in trials:
            self._log_entry(trial)

    def has(self, spec: TrialSpec) -> bool:
        """True: `open` has counted every trial that had ended before."""
        return True

    def measured(self, spec: TrialSpec, summaries: Iterable[EvaluationSummary]) -> None:
        """Do nothing."""

    def started(self, spec: TrialSpec) -> None:
        """Do nothing: the bundle has the trial's state."""

    def ended(self, trial: TrialRecord) -> None:
        """Count a trial that ended, and log its entry if it is confirmed."""
        self._tallies.add([trial])
        self._log_entry(trial)

    def flush(self) -> None:
        """Log the progress of each condition if enough trials ended since it was logged."""
        if is_due(self._tallies.ended, self._logged_at):
            self.close()

    def close(self) -> None:
        """Log the progress of each condition."""
        values: dict[str, float] = {}
        for name, tally in self._tallies.by_condition.items():
            values[f"trials_ended/{name}"] = float(tally.ended.total())
            if tally.ended:
                values[f"stable_share/{name}"] = tally.stable_share
                values[f"best_search_score/{name}"] = tally.best_score
        self.study_run.metrics.log_changed(self.study_run.run, values, step=self._tallies.ended)
        self._logged_at = self._tallies.ended

    def log_ranks(self, results: Results) -> None:
        """Log the rank of each condition that has one in the study's run."""
        ranks = {f"rank/{condition}": float(rank) for condition, rank in results.ranks.items()}
        self.study_run.metrics.log_changed(self.study_run.run, ranks, step=self._tallies.ended)

    def _log_entry(self, trial: TrialRecord) -> None:
        """Upload the entry of a confirmed trial, with its generators, unless it is there."""
        if trial.entry is None or trial.spec.phase not in CONFIRMING:
            return
        folder, run_id = entry_folder(trial.entry), self.study_run.run.run_id
        segment = to_segment([entry_row(trial.entry)])
        name = f"{segment_name(segment)}.parquet"
        listed = {file.path: file.file_size for file in self.study_run.client.list_artifacts(run_id, folder)}
        if listed.get(f"{folder}/{name}") != len(segment):
            self.study_run.log_contents(run_id, {name: segment}, folder)


def is_due(ended: int, logged_at: int) -> bool:
    """True if the metrics are to be logged, which gives a curve some hundred points whatever the number of trials.

    ended      number of ended trials
    logged_at  the same when the metrics were last logged
    """
    return ended - logged_at >= max(1, ended // SHORTEST_STEP)


def entry_folder(entry: Entry) -> str:
    """Folder of an entry among the artifacts of the study's run."""
    return f"{ENTRY_FOLDER}/{entry.key}"
