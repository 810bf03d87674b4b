"""The trials of a study in each phase, with their addresses.

The address of a trial is a hash of everything that determines what is trained. Its evaluation has an address of its
own, a hash of everything that determines the metrics. Phase, name and number are in neither.

The trials are a pure function of the study, its provenance and the scores of the trials that ended. The explore trials
and the authors' trials (a preset at its authors' settings, on the first seeds of confirm) are known from the start,
exploit trial j once explore and the exploit trials 0 to j - exploit_lag have ended, the confirm trials once explore and
exploit have ended. No other state is kept, so an interrupted study continues with the same trials.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal, get_args

import numpy as np

from gan_core.data import Split
from gan_core.evaluation import EVALUATION_VERSION
from studies.file.compared_features import addressed_evaluation
from studies.file.condition import Condition
from studies.file.data_table import addressed_data
from studies.file.distributions import Choice, Distribution, Grid, IntUniform, LogUniform, draw
from studies.file.modules import module_names
from studies.file.study import Study
from studies.file.trees import by_path

Phase = Literal["explore", "exploit", "confirm", "authors"]
PHASES: tuple[Phase, ...] = ("explore", "exploit", "confirm", "authors")
CONFIRMING: tuple[Phase, ...] = ("confirm", "authors")
"""Phases evaluated on the test split, with fresh seeds: no configuration is chosen by their results."""
FIRST_SEED: Mapping[Phase, int] = {"explore": 0, "exploit": 1_000_000, "confirm": 2_000_000, "authors": 2_000_000}
SEEDS_PER_REPLICATE = 10_000_000
"""Distance between the first seeds of two consecutive replicates, large enough for the seeds of all phases."""
NUMERICS_VERSION = 5
"""Increased by hand with every change of the code that changes what a trial trains."""
_OPTIONAL = ("sources", "labels_fingerprint", "features")
"""Fields of a provenance that its table lacks if they are empty."""
Configuration = dict[str, Any]
"""Values of the hyperparameters by dotted path."""
Scores = Mapping[str, float]
"""Search score of each trial that ended, by key."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Versions and hashes that determine a trial's numbers besides the study file.

    data_fingerprint    hash of the real samples
    torch_version       version of PyTorch, without a build suffix such as +cu121
    device              kind of device: "cpu" or "cuda"
    numerics_version    the `NUMERICS_VERSION` of the code that trains
    evaluation_version  the `EVALUATION_VERSION` of the code that computes the metrics
    sources             hash of the source of each user's module, by module name
    labels_fingerprint  hash of the classes of the real samples, empty without classes; they determine metrics alone
    features            kind and hash of the features in which fakes are compared, empty for pixels
    """

    data_fingerprint: str
    torch_version: str
    device: str
    numerics_version: int = NUMERICS_VERSION
    evaluation_version: int = EVALUATION_VERSION
    sources: Mapping[str, str] = field(default_factory=dict)
    labels_fingerprint: str = ""
    features: str = ""

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Provenance":
        """The provenance that `table` returned."""
        return cls(**{"sources": {}, **table})

    def table(self) -> dict[str, Any]:
        """The provenance as a JSON-serialisable table, without hashes of what there is none of."""
        table = {name: value for name, value in vars(self).items() if value or name not in _OPTIONAL}
        return {**table, "sources": dict(self.sources)} if self.sources else table

    def of_training(self, trained: Any) -> dict[str, Any]:
        """The part that determines a training described by these tables, as a JSON-serialisable table."""
        return self._part_of(trained, without=("evaluation_version", "labels_fingerprint", "features"))

    def of_evaluation(self, evaluation: Any) -> dict[str, Any]:
        """The part that determines an evaluation with these settings, as a JSON-serialisable table."""
        return self._part_of(evaluation, without=("numerics_version",))

    def _part_of(self, tables: Any, without: tuple[str, ...]) -> dict[str, Any]:
        table = self._naming_only_modules_of(tables).table()
        return {name: value for name, value in table.items() if name not in without}

    def _naming_only_modules_of(self, tables: Any) -> "Provenance":
        if not self.sources:  # the search for names takes longer than all else in the specification of a trial
            return self
        used = module_names(tables)
        return replace(self, sources={name: source for name, source in self.sources.items() if name in used})


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """One trial of the design.

    index               number of the trial among those of its condition and phase, from 0
    configuration       values of the condition's hyperparameters
    identity            everything that determines what is trained
    address             hash of `identity`
    evaluation          everything that determines the metrics: split, settings, versions
    evaluation_address  hash of `evaluation`
    """

    condition: str
    phase: Phase
    index: int
    configuration: Configuration
    identity: dict[str, Any]
    address: str
    evaluation: dict[str, Any]
    evaluation_address: str

    @property
    def key(self) -> str:
        """Key of the trial's entry in the ledger."""
        return trial_key(self.address, self.evaluation_address)

    @property
    def name(self) -> str:
        """Name of the trial, unique in the study: CONDITION-PHASE-INDEX."""
        return f"{self.condition}-{self.phase}-{self.index}"

    @property
    def seeds(self) -> list[int]:
        """Seeds of the trial's members."""
        return self.identity["seeds"]

    def payload(self) -> str:
        """Description of the trial for a worker, as JSON text: Tune would read a dictionary as a search space."""
        names = ("name", "key", "address", "identity", "evaluation", "evaluation_address")
        return json.dumps({name: getattr(self, name) for name in names})


def counts(study: Study, condition: Condition) -> dict[Phase, int]:
    """Number of trials of a condition in each phase; without `authors` if the study has no authors' trials."""
    search = study.search
    trials: dict[Phase, int] = {
        "explore": search.explore,
        "exploit": search.exploit,
        "confirm": search.confirm.best,
    }
    return trials | ({"authors": int(condition.authors is not None)} if search.confirm.authors else {})


def total(study: Study) -> int:
    """Number of trials of a study."""
    return sum(sum(counts(study, condition).values()) for condition in study.conditions)


class Design:
    """The trials of a study, computed from the study, its provenance and the scores of the trials that ended."""

    def __init__(self, study: Study, provenance: Provenance):
        self.study, self.provenance = study, provenance
        self._specs: dict[tuple[str, Phase, int], TrialSpec] = {}

    def trials(self, scores: Scores) -> Iterator[TrialSpec]:
        """Every trial whose configuration the scores determine, sorted by phase, then index, then condition."""
        counts_of = {condition.name: counts(self.study, condition) for condition in self.study.conditions}
        for phase in PHASES:
            for index in range(max(trials.get(phase, 0) for trials in counts_of.values())):
                for condition in self.study.conditions:
                    if index >= counts_of[condition.name].get(phase, 0):
                        continue
                    spec = self._trial(condition, phase, index, scores)
                    if spec is not None:
                        yield spec

    def _trial(self, condition: Condition, phase: Phase, index: int, scores: Scores) -> TrialSpec | None:
        key = (condition.name, phase, index)
        if key not in self._specs:
            configuration = self._configuration(condition, phase, index, scores)
            if configuration is None:
                return None
            self._specs[key] = self._spec(condition, phase, index, configuration)
        return self._specs[key]

    def _configuration(self, condition: Condition, phase: Phase, index: int, scores: Scores) -> Configuration | None:
        search = self.study.search
        if phase == "explore":
            return draw(condition.hyperparameters, seed=search.seed, index=index)
        if phase == "exploit":
            return self._suggestion(condition, index, scores)
        if phase == "authors":
            return condition.authors_configuration()
        ended = self._ended(condition, search.explore, search.exploit, scores)
        if ended is None:
            return None
        ranked = sorted(ended, key=lambda trial: -scores[trial.key])  # of equal scores, the earlier trial first
        return ranked[index].configuration

    def _ended(self, condition: Condition, explore: int, exploit: int, scores: Scores) -> list[TrialSpec] | None:
        """The first `explore` explore trials and `exploit` exploit trials; None if one of them has not ended."""
        trials = [self._trial(condition, "explore", i, scores) for i in range(explore)]
        trials += [self._trial(condition, "exploit", j, scores) for j in range(exploit)]
        known = [trial for trial in trials if trial is not None and trial.key in scores]
        return known if len(known) == len(trials) else None

    def _suggestion(self, condition: Condition, index: int, scores: Scores) -> Configuration | None:
        """Configuration that Optuna suggests for exploit trial `index`; None if a trial that it needs has not ended.

        Optuna gets the scores of the explore trials and of the exploit trials 0 to `index` - `exploit_lag`. The exploit
        trials between these and `index` count as running, even if they have ended.
        """
        search = self.study.search
        ended = self._ended(condition, search.explore, max(0, index - search.exploit_lag + 1), scores)
        if ended is None:
            return None
        running = [
            self._trial(condition, "exploit", j, scores) for j in range(max(0, index - search.exploit_lag + 1), index)
        ]
        return suggest(
            condition.hyperparameters,
            ended=[(trial.configuration, scores[trial.key]) for trial in ended],
            running=[trial.configuration for trial in running if trial is not None],
            fixed=_start(search.start, condition, index),
            sampler=search.sampler,
            seed=_sampler_seed(search.seed, condition.name, index),
        )

    def _spec(self, condition: Condition, phase: Phase, index: int, configuration: Configuration) -> TrialSpec:
        setting = condition.authors_setting() if phase == "authors" else condition.setting(configuration)
        return self.spec(condition, phase, index, configuration, setting.table())

    def spec(
        self, condition: Condition, phase: Phase, index: int, configuration: Configuration, setting: Mapping[str, Any]
    ) -> TrialSpec:
        """The trial of a condition with this phase, index and configuration; `setting` is the table of its setting."""
        tables = self._tables
        trained = {**setting, "data": addressed_data(tables["data"])}
        identity = {
            **trained,
            "budget": tables["budget"],
            "seeds": seeds_of(self.study, condition, phase, index),
            "provenance": self.provenance.of_training(trained),
        }
        evaluation, address_of_evaluation = self._evaluations[split_of(phase)]
        return TrialSpec(
            condition=condition.name,
            phase=phase,
            index=index,
            configuration=configuration,
            identity=identity,
            address=content_address(identity),
            evaluation=evaluation,
            evaluation_address=address_of_evaluation,
        )

    @cached_property
    def _evaluations(self) -> Mapping[Split, tuple[dict[str, Any], str]]:
        """The evaluation on each split and its address."""
        settings = addressed_evaluation(self._tables["evaluation"])
        shared = {"settings": settings, "provenance": self.provenance.of_evaluation(settings)}
        evaluations = {split: {"split": split, **shared} for split in get_args(Split)}
        return {split: (evaluation, evaluation_address(evaluation)) for split, evaluation in evaluations.items()}

    @cached_property
    def _tables(self) -> dict[str, Any]:
        return self.study.table()


def split_of(phase: Phase) -> Split:
    """Split that the trials of a phase are measured on."""
    return "test" if phase in CONFIRMING else "validation"


def seeds_of(study: Study, condition: Condition, phase: Phase, index: int) -> list[int]:
    """Seeds of a trial's members."""
    count = study.search.confirm.seeds if phase in CONFIRMING else study.seeds
    first = FIRST_SEED[phase] + condition.replicate * SEEDS_PER_REPLICATE + index * count
    return list(range(first, first + count))


def content_address(identity: Mapping[str, Any] | str) -> str:
    """Hash of what a trial trains, given as a table or as `canonical` text: 24 hexadecimal digits."""
    return _hash(identity)[:24]


def evaluation_address(evaluation: Mapping[str, Any] | str) -> str:
    """Hash of an evaluation, given as a table or as `canonical` text: 12 hexadecimal digits."""
    return _hash(evaluation)[:12]


def canonical(content: Any) -> str:
    """JSON text that is the same for equal contents, whatever the order of their keys."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def trial_key(address: str, evaluation_address: str) -> str:
    """Key of a trial's entry: its address, and the address of its evaluation."""
    return f"{address}.{evaluation_address}"


def _hash(content: Mapping[str, Any] | str) -> str:
    text = content if isinstance(content, str) else canonical(content)
    return sha256(text.encode()).hexdigest()


def suggest(
    hyperparameters: Mapping[str, Distribution],
    *,
    ended: list[tuple[Configuration, float]],
    running: list[Configuration],
    fixed: Configuration,
    sampler: str,
    seed: int,
) -> Configuration:
    """The configuration that Optuna suggests next, a pure function of its arguments.

    hyperparameters  distribution of each hyperparameter, by path
    ended            configurations that were tried, with their scores, which are maximised
    running          configurations that are being tried
    fixed            values that the suggestion must have; the sampler chooses the others
    sampler, seed    `tpe` or `random`, and its seed
    """
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # explore has drawn at random, so TPE needs no random start of its own
    sampler_of = {
        "tpe": lambda: optuna.samplers.TPESampler(n_startup_trials=1, seed=seed),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }
    study = optuna.create_study(direction="maximize", sampler=sampler_of[sampler]())
    space = {path: _optuna_distribution(hyperparameter) for path, hyperparameter in sorted(hyperparameters.items())}
    for configuration, value in ended:
        study.add_trial(create_trial(params=configuration, distributions=space, value=value))
    for configuration in running:
        study.add_trial(create_trial(state=TrialState.RUNNING, params=configuration, distributions=space))
    if fixed:
        study.enqueue_trial(fixed)
    return dict(study.ask(fixed_distributions=space).params)


def _start(start: Sequence[Mapping[str, Any]], condition: Condition, index: int) -> Configuration:
    """Values of the condition's hyperparameters that `search.start` sets for exploit trial `index`; may be empty."""
    table = by_path(start[index]) if index < len(start) else {}
    return {path: value for path, value in table.items() if path in condition.hyperparameters}


def _optuna_distribution(hyperparameter: Distribution) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match hyperparameter:
        case Choice() | Grid():
            return CategoricalDistribution(hyperparameter.values)
        case IntUniform():
            return IntDistribution(hyperparameter.low, hyperparameter.high)
        case _:
            return FloatDistribution(
                hyperparameter.low, hyperparameter.high, log=isinstance(hyperparameter, LogUniform)
            )


def _sampler_seed(seed: int, condition: str, index: int) -> int:
    words = [seed, int.from_bytes(sha256(condition.encode()).digest()[:4]), index]
    return int(np.random.SeedSequence(words).generate_state(1)[0])
