"""Results: the tables of a finished or running study as DataFrames."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from gan_core.data import Dataset
from gan_core.metrics import Box
from gan_core.outcomes import OUTCOMES, MemberOutcomes
from studies.design import CONFIRMING, PHASES, Provenance, TrialSpec
from studies.errors import InputError
from studies.file.condition import step_counts
from studies.file.distributions import Distribution
from studies.file.messages import few_names, nearest
from studies.file.real_samples import load_samples
from studies.file.recorded import recorded_evaluation, recorded_metrics
from studies.file.study import Study
from studies.ledger.evaluations import FurtherEvaluation, chosen_evaluation, with_evaluation
from studies.ledger.ledger import Ledger
from studies.ledger.plans import planned_trials
from studies.ledger.trial_records import TrialRecord, read_records, without_collection
from studies.ledger.unfinished import END_NAMES, WITHOUT_RESULT
from studies.numbers import value_text
from studies.shown_values import html_view, text_view
from studies.tables.columns import MEMBER_COLUMNS, TRIAL_COLUMNS
from studies.tables.curve_columns import curve_columns
from studies.tables.member_outcomes import classify_members, is_whole, member_columns, trial_results
from studies.tables.ranking import FIRST, is_stable, median_index, rank, ranked, winners
from studies.tables.trained_generators import (
    TrainedConfiguration,
    kept_parameters,
    kept_states,
    trained_classes,
    trained_shape,
)


class Results:
    """Tables of one study, each computed on first access.

    trials       a row per trial that was started
    members      a row per member of a finished trial
    curves       a row per member, step and metric of a finished trial
    ranking      a row per confirmed condition, best first
    study        the resolved study; its `evaluation` is the one that the metrics come from
    further      the further evaluation that the metrics come from; None: the study's own
    question     the question that the study answers, as stated in its file
    environment  versions, git state and hardware of the last run
    provenance   versions and hashes that determine the numbers besides the study
    own_metrics  descriptions of the users' metrics, by name
    place        folder of the ledger or address of the server that the results are read from
    incomplete   of a server whose run of the study has not ended as finished: what it says of it, as in "running"
    """

    def __init__(
        self,
        record: Mapping[str, Any],
        records: Callable[[Study, Provenance], Iterable[TrialRecord]],
        place: str,
        *,
        further: FurtherEvaluation | None = None,
        incomplete: str = "",
    ):
        provenance = Provenance.from_table(record["provenance"])
        own = self._own = Study.from_record(record["study"], provenance.sources)
        self.study = own if further is None else replace(own, evaluation=recorded_evaluation(further.settings))
        self.question: str = record["question"]
        self.environment: dict[str, Any] = record["environment"]
        self.place, self.provenance, self._records, self.further = place, provenance, records, further
        self.incomplete = incomplete
        of_users = record.get("metrics", ()) if further is None else further.metrics
        self.own_metrics = {described.name: described for described in recorded_metrics(of_users)}

    if not TYPE_CHECKING:  # mypy would take every attribute for one that exists

        def __getattr__(self, name: str) -> Any:
            """Errors: `AttributeError`, with the function that has the tables of comparisons."""
            if hasattr(type(self), name):  # a property, whose own error is the one to see
                return object.__getattribute__(self, name)
            hint = ""
            if not name.startswith("_"):
                near = nearest(name, (each for each in dir(type(self)) if not each.startswith("_")))
                compares = "studies.compare has the tables that compare conditions"
                hint = f"; did you mean {near}?" if near else f"; {compares}"
            raise AttributeError(f"Results has no attribute {name!r}{hint}", name=name, obj=self)

    def __repr__(self) -> str:
        return f"<Results of {self.study.name}: {few_names(condition.name for condition in self.study.conditions)}>"

    def __str__(self) -> str:
        return text_view(self)

    def _repr_html_(self) -> str | None:
        return html_view(self)

    @classmethod
    def of_ledger(
        cls, ledger: Ledger, name: str, *, evaluation: str | None = None, running: bool | None = None
    ) -> "Results":
        """Results of a study in a ledger.

        evaluation  identifier of a further evaluation whose metrics the tables have, or the beginning of one; trials
                    that it did not evaluate are left out. None: the study's own evaluation
        running     True if a run trains the study at this moment; by default True if a process holds its lease

        Errors: `InputError` if the ledger has no such study, or its record was written by another version;
        `DamagedError` if the record is damaged.
        """
        record = ledger.read_study(name)
        if record is None:
            raise InputError(f"{name}: there is no such study in {ledger.root}")

        def read(study: Study, provenance: Provenance) -> Iterable[TrialRecord]:
            place = str(ledger.study_folder(name) / "plan")
            specs = planned_trials(ledger.read_plan(name), study, provenance, place)
            is_running = ledger.is_running(name) if running is None else running
            records = read_records(ledger, specs, running=is_running)
            return records if further is None else _evaluated(ledger, records, further)

        further = None if evaluation is None else chosen_evaluation(ledger, name, evaluation)
        return cls(record, read, str(ledger.root), further=further)

    @cached_property
    def trial_records(self) -> list[TrialRecord]:
        """The trials that were started, ordered by phase, index and condition."""
        position = {condition.name: i for i, condition in enumerate(self.study.conditions)}

        def order(trial: TrialRecord) -> tuple[int, int, int]:
            spec = trial.spec
            return PHASES.index(spec.phase), spec.index, position[spec.condition]

        with without_collection():
            return sorted(self._records(self._own, self.provenance), key=order)

    @property
    def specs(self) -> list[TrialSpec]:
        """Specifications of the trials that were started, ordered by phase, index and condition."""
        return [trial.spec for trial in self.trial_records]

    @cached_property
    def _finished(self) -> list[TrialRecord]:
        """Records of the finished trials, in the order of `trial_records`."""
        return [trial for trial in self.trial_records if trial.finished]

    @cached_property
    def _outcomes(self) -> MemberOutcomes:
        """Outcomes of the members of finished trials, in the order of the trials and their seeds."""
        trials = [(trial.facts, trial.curves) for trial in self._finished]
        own = [(trial.steering.facts, trial.steering.curves) for trial in self._finished if trial.steering is not None]
        return classify_members(trials, self.study.outcomes, own or None)

    @property
    def evaluation_changes(self) -> str:
        """The settings in which the further evaluation differs from the study's own; empty without one."""
        return "" if self.further is None else self.further.changes(self._own.table()["evaluation"])

    @cached_property
    def whole(self) -> bool:
        """True if the distances of all finished trials were measured over the whole training.

        False under a further evaluation of a study that keeps generators at a few evaluations alone.
        """
        return all(is_whole(trial.facts, trial.curves) for trial in self._finished)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row per member of a finished trial, step and metric.

        Columns: study, condition, phase, trial, seed, step, metric, value.
        """
        rows, columns = curve_columns([trial.curves for trial in self._finished])
        return self._keyed([trial.spec for trial in self._finished], rows, columns)

    @cached_property
    def members(self) -> pd.DataFrame:
        """A row per member of a finished trial: its outcome under the study's rules, and its distances.

        Its first columns are study, condition, phase, trial and seed, as in `curves`, so that the two can be merged.
        Values that do not exist are empty, for example the distances of a nonfinite member.
        """
        seeds = [trial.curves.seeds for trial in self._finished]
        return self._keyed(
            [trial.spec for trial in self._finished],
            np.array([len(of_trial) for of_trial in seeds], dtype=np.int64),
            {"seed": np.concatenate([np.empty(0, np.int64), *seeds]), **member_columns(self._outcomes)},
        )

    @cached_property
    def ended_members(self) -> pd.DataFrame:
        """`members`, and those of random trials that ended without a result because of their configuration.

        The `outcome` of the latter is the name of the end, one of `WITHOUT_RESULT`, and they have no distance. A
        confirm trial that ended without a result has no members, since it says nothing about its condition's training.
        """
        ended = [
            {
                "study": self.study.name,
                "condition": trial.spec.condition,
                "phase": trial.spec.phase,
                "trial": trial.spec.index,
                "seed": seed,
                "outcome": END_NAMES[trial.state],
                "improving": False,
            }
            for trial in self.trial_records
            if trial.state in END_NAMES and trial.spec.phase not in CONFIRMING
            for seed in trial.spec.seeds
        ]
        outcomes = pd.CategoricalDtype([*OUTCOMES, *WITHOUT_RESULT])
        members = self.members.astype({"outcome": outcomes})
        if not ended:
            return members
        frame = pd.DataFrame(ended).reindex(columns=members.columns).astype({**MEMBER_COLUMNS, "outcome": outcomes})
        text = {"study": "str", "condition": "str", "phase": "str"}
        return self._typed(pd.concat([members.astype(text), frame.astype(text)], ignore_index=True))

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row per trial that was started: its hyperparameters by dotted path, its distances, costs and state.

        Before these are the columns study, condition, phase and trial, which name it, also in `members` and `curves`;
        after them is its address.

        distance           interquartile mean of its members' late distances; a failed member counts as infinitely far,
                           so it is empty if more than a quarter failed
        late_distance      median of its members' late distances, whatever their outcomes
        failure_rate       share of its members that are not stable
        search_score       score by which the setting found is chosen, larger is better: mean over its members of
                           `max(0, late)`, where `late` is that of `members`; a member that collapsed, diverged or
                           became NaN counts 0
        real_samples_seen  number of real samples in the batches of a member
        elapsed_seconds    of a trial that trained in a pack, its equal share of the pack's seconds
        """
        records, hyperparameters = self.trial_records, self._hyperparameter_types
        specs = [trial.spec for trial in records]
        is_finished = np.array([trial.state == "finished" for trial in records], dtype=bool)
        results = trial_results([trial.facts for trial in self._finished], self._outcomes)
        columns: dict[str, Any] = {
            path: [_cell(spec.configuration.get(path)) for spec in specs] for path in hyperparameters
        }
        for name, values in results.items():
            columns[name] = np.full(len(records), None)
            columns[name][is_finished] = values
        columns |= {"state": [trial.state for trial in records], "address": [spec.address for spec in specs]}
        types = {**hyperparameters, **TRIAL_COLUMNS, "address": "str"}
        typed = {name: pd.Series(columns[name], dtype="object").astype(types[name]) for name in types}
        return self._keyed(specs, np.ones(len(specs), dtype=np.int64), typed)

    @property
    def _hyperparameter_types(self) -> dict[str, str]:
        """Column type of every searched hyperparameter, by its dotted path."""
        distributions: dict[str, list[Distribution]] = {}
        for condition in self.study.conditions:
            for path, distribution in condition.hyperparameters.items():
                distributions.setdefault(path, []).append(distribution)
        return {path: _column_type(distributions[path]) for path in sorted(distributions)}

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """A row per confirmed condition, best first, from confirm alone; see `studies.tables.ranking.rank`.

        Distance and failure rate with their intervals, number of members, and the setting found.
        """
        table = rank(self.members, seed=self.study.search.seed, groups=self.study.search.confirm.groups)
        trials = self.trials[self.trials["phase"] == "confirm"].astype({"condition": "str"})
        hyperparameters = [path for path in trials if "." in path]
        table = table.merge(trials[["condition", "trial", *hyperparameters]], on=["condition", "trial"], how="left")
        table.insert(0, "study", pd.Categorical([self.study.name] * len(table), [self.study.name]))
        return table

    @property
    def ranks(self) -> dict[str, int]:
        """Rank of each condition that has one, the best first."""
        rows = self.ranking[["condition", "rank"]].dropna()
        return {str(row.condition): int(row.rank) for row in rows.itertuples()}

    def ranked(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows of `trials`, `members` or `curves` that enter the ranking: the settings found, on all fresh seeds."""
        return ranked(frame, self.study.search.confirm.groups)

    def best(self, condition: str, which: str = "last") -> TrainedConfiguration:
        """The setting found for a condition, with the generators that its confirm trial trained.

        With `search.confirm.most`, these are the generators of the first group of fresh seeds, the same seeds for all
        conditions; so are the samples and critics below.

        which  `last`: the generators at the end of training; `best`: each member's generator at its smallest distance
               among the evaluations at which generators are kept (`[checkpoint] snapshots`); `average`: moving averages
               at the end, if `training.generator_average` > 0

        Errors: `InputError` for a condition that the study does not have, that is not confirmed yet, or whose confirm
        trial ended without a result, and for generators that are not kept.

        Of a condition with a loop of its own these are made from the state of a `StepLoop`; another loop has none.
        """
        trial = self._winner(condition)
        identity, measurements = trial.spec.identity, trial.spec.evaluation["settings"]["measurements"]
        due = self.study.budget.evaluation_iterations(step_counts(identity), measurements)
        return TrainedConfiguration(
            condition=condition,
            configuration=trial.spec.configuration,
            identity=trial.spec.identity,
            seeds=trial.spec.seeds,
            shape=trained_shape(trial) or self.data.sample_shape,
            parameters=kept_parameters(trial, which),
            median=self._median_member(condition),
            failed=int((~is_stable(self._found_members(condition))).sum()),
            classes=trained_classes(trial),
            loop_states=kept_states(trial, tuple(due), lambda: self.data),
        )

    def _median_member(self, condition: str) -> int:
        return median_index(self._found_members(condition))

    def _found_members(self, condition: str) -> pd.DataFrame:
        """The rows of `members` of the setting found for a condition."""
        members = winners(self.members)
        return members[members["condition"] == condition]

    def found(self, condition: str) -> TrialSpec:
        """The confirm trial of the setting found for a condition: its configuration, identity and seeds.

        Errors: `InputError` for a condition that the study does not have, that is not confirmed yet, or whose confirm
        trial ended without a result.
        """
        return self._winner(condition).spec

    def samples(self, condition: str) -> Float[np.ndarray, "seeds samples dim"]:
        """Fakes of the last generators, kept for pictures in half precision; each fake is flattened.

        Errors: `InputError` as for `best`.
        """
        return self._samples(condition)["last"]

    def sample_snapshots(self, condition: str) -> tuple[list[int], Float[np.ndarray, "snapshots seeds samples dim"]]:
        """Steps of the snapshots of a condition's confirm trial, in the budget's unit, and their fakes, flattened.

        All snapshots are made from the same z. A trial that ended early, since no member was finite, has fewer.

        Errors: `InputError` as for `best`.
        """
        arrays = self._samples(condition)
        return arrays["snapshot_steps"].astype(int).tolist(), arrays["snapshots"]

    def critic_surface(self, condition: str) -> tuple[Box, Float[np.ndarray, "seeds rows columns"]]:
        """A grid around 2-D data, and the values of the critics of a condition's confirm trial at the end of training.

        There is one value for each cell of the box, in the order of `Box.centers`.

        Errors: `InputError` as for `best`, and for data that are not 2-D.
        """
        arrays = self._samples(condition)
        if "critic_surface" not in arrays:
            raise InputError(f"{condition}: must be trained on 2-D data: of other data no critic surface is kept")
        low, high = arrays["critic_corners"]
        surface = arrays["critic_surface"]
        return Box(low=low, high=high, resolution=surface.shape[-1]), surface

    def _samples(self, condition: str) -> dict[str, np.ndarray]:
        entry = self._winner(condition).entry
        assert entry is not None
        arrays = entry.samples()
        return {
            name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in arrays.items()
        }

    def _winner(self, condition: str) -> TrialRecord:
        """The finished confirm trial of the setting found for a condition."""
        self.study.condition(condition)
        for trial in self.trial_records:
            spec = trial.spec
            if (spec.condition, spec.phase, spec.index) == (condition, "confirm", FIRST):
                if trial.finished:
                    return trial
                if trial.end is not None:
                    state = trial.state.replace("_", " ")
                    raise InputError(
                        f"{condition}: is not confirmed, since its confirm trial ended without a result ({state}: "
                        f"{trial.end.reason})"
                    )
        if not self.study.search.confirm.best:
            raise InputError(
                f"{condition}: has no setting found, since the study has no confirm phase (search.confirm.best = 0)"
            )
        raise InputError(f"{condition}: is not confirmed yet; run the study to its end first")

    @cached_property
    def data(self) -> Dataset:
        """The real samples of the study."""
        return load_samples(self.study.data)

    @cached_property
    def reference_distances(self) -> dict[str, float | None]:
        """Reference distances on the test split, by name; on the validation split before a confirm trial finished."""
        return self._fact("reference_distances", confirming=True) or self.validation_reference_distances

    @cached_property
    def validation_reference_distances(self) -> dict[str, float | None]:
        """Reference distances on the validation split, on which explore and exploit are evaluated, by name."""
        return self._fact("reference_distances", confirming=False)

    @cached_property
    def real_values(self) -> dict[str, float]:
        """Value of each metric for real samples in place of fakes, measured on the test split."""
        return self._fact("real_values", confirming=True)

    @cached_property
    def gaussian_values(self) -> dict[str, float]:
        """Value of each metric for a Gaussian with the data's mean and covariance, measured on the test split."""
        return self._fact("gaussian_values", confirming=True)

    @cached_property
    def features(self) -> dict[str, Any]:
        """Kind and hash of the features in which images are compared, and a classifier's accuracy; may be empty."""
        return self._fact("features", confirming=True) or self._fact("features", confirming=False)

    def _fact(self, name: str, *, confirming: bool) -> dict[str, Any]:
        """The values that finished trials store as `name`, of all conditions on one split; empty if no trial finished.

        confirming  True: those on the test split; False: those on the validation split
        """
        same_split = [trial for trial in self._finished if (trial.spec.phase in CONFIRMING) == confirming]
        first = {trial.spec.condition: trial for trial in reversed(same_split)}
        # conditional GANs have further metrics; what several conditions have is equal
        return {key: value for trial in first.values() for key, value in trial.facts.get(name, {}).items()}

    def _keyed(self, specs: Sequence[TrialSpec], rows: Int[np.ndarray, "trials"], columns: Any) -> pd.DataFrame:
        """A table with `rows[i]` rows for the i-th trial: the columns that identify the trial, then `columns`."""
        names = {condition.name: i for i, condition in enumerate(self.study.conditions)}
        conditions = np.array([names[spec.condition] for spec in specs], dtype=np.int64)
        phases = np.array([PHASES.index(spec.phase) for spec in specs], dtype=np.int64)
        indices = np.array([spec.index for spec in specs], dtype=np.int64)
        return pd.DataFrame(
            {
                "study": pd.Categorical.from_codes(np.zeros(rows.sum(), dtype=np.int8), [self.study.name]),
                "condition": pd.Categorical.from_codes(conditions.repeat(rows), list(names)),
                "phase": pd.Categorical.from_codes(phases.repeat(rows), PHASES, ordered=True),
                "trial": indices.repeat(rows),
                **columns,
            },
            copy=False,  # there may be millions of rows
        )

    def _typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The table, with the columns that identify its rows converted to the types that they have in every table."""
        conditions = [condition.name for condition in self.study.conditions]
        frame["condition"] = pd.Categorical(frame["condition"], conditions)
        frame["phase"] = pd.Categorical(frame["phase"], PHASES, ordered=True)
        frame["study"] = pd.Categorical(frame["study"], [self.study.name])
        integers = {name: "int64" for name in ("trial", "seed", "step") if name in frame}
        return frame.astype(integers)


def _evaluated(ledger: Ledger, records: Iterable[TrialRecord], further: FurtherEvaluation) -> Iterable[TrialRecord]:
    """Records with the metrics of a further evaluation; finished trials that it did not evaluate are left out."""
    records = list(records)
    entries = ledger.entries(further.key_of(trial.spec) for trial in records if trial.finished)
    for trial in records:
        entry = entries.get(further.key_of(trial.spec))
        if not trial.finished:
            yield trial
        elif entry is not None:
            yield with_evaluation(trial, entry)


def _cell(value: Any) -> Any:
    """The value of a hyperparameter in a table: that of a list is text."""
    return value_text(value) if isinstance(value, tuple) else value


def _column_type(distributions: Iterable[Distribution]) -> str:
    values = [value for distribution in distributions for value in distribution.extremes()]
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if any(isinstance(value, str | bool | tuple) for value in values):
        return "str"
    return "Int64" if all(isinstance(value, int) for value in values) else "float64"
