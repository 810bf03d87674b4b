"""Which trials a study is made of, phase by phase, each with its content address.

A pure function of the study and of the scores of the trials that ended: explore is known from the start, exploit j
once the exploits before it (but for the lag) have ended, confirm once all exploits have. The authors' arm, a preset at
its authors' settings on confirm's first seeds, is known from the start. Nothing else is remembered, so a run that was
interrupted anywhere asks for the same trials again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal

import numpy as np

from gan_core.data import Split
from studies.modules import names_in
from studies.space import Choice, Distribution, Grid, IntUniform, LogUniform, by_path, draw
from studies.study import Condition, Study

Phase = Literal["explore", "exploit", "confirm", "authors"]
PHASES: tuple[Phase, ...] = ("explore", "exploit", "confirm", "authors")
CONFIRMING: tuple[Phase, ...] = ("confirm", "authors")
"""What is trained on the seeds, and measured against the real samples, that nothing was chosen by."""
FIRST_SEED: Mapping[Phase, int] = {"explore": 0, "exploit": 1_000_000, "confirm": 2_000_000, "authors": 2_000_000}
SEEDS_PER_REPLICATE = 10_000_000
"""How far apart the seeds of equal conditions lie: more than all phases of one use."""
NUMERICS_VERSION = 3
"""Raised by hand by every change of code that changes a trial's numbers."""

Configuration = dict[str, Any]
Scores = Mapping[str, float]
"""The search score of every trial that ended, by its address."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What determines a trial's numbers besides the study file.

    sources  the hash of the source of each of the user's modules, by its name; a trial's own are those that it uses
    """

    data_fingerprint: str
    torch_version: str
    device: str
    numerics_version: int = NUMERICS_VERSION
    sources: Mapping[str, str] = field(default_factory=dict)

    def table(self) -> dict[str, Any]:
        """It as JSON can hold it; without sources where there are none, so that a study of ours knows nothing of it."""
        table = dict(vars(self))
        return {**table, "sources": dict(self.sources)} if table.pop("sources") else table

    def of(self, tables: Any) -> "Surroundings":
        """The surroundings of a trial that these tables say."""
        used = names_in(tables)
        return replace(self, sources={name: source for name, source in self.sources.items() if name in used})


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One trial of the design.

    identity  everything that determines its numbers; its hash is the address
    """

    condition: str
    phase: Phase
    index: int
    configuration: Configuration
    identity: dict[str, Any]
    address: str

    @property
    def name(self) -> str:
        return f"{self.condition}-{self.phase}-{self.index}"

    @property
    def seeds(self) -> list[int]:
        return self.identity["seeds"]

    def order(self) -> str:
        """What a worker is sent: as one text, since Tune looks into dictionaries for search spaces of its own."""
        return json.dumps({"name": self.name, "address": self.address, "identity": self.identity})


def counts(study: Study, condition: Condition) -> dict[Phase, int]:
    """How many trials a condition gets in each phase; the authors' arm is none unless the study asks for it."""
    search = study.search
    planned: dict[Phase, int] = {
        "explore": search.explore,
        "exploit": search.exploit,
        "confirm": search.confirm.best,
    }
    return planned | ({"authors": int(condition.authors is not None)} if search.confirm.authors else {})


def total(study: Study) -> int:
    """How many trials a study has."""
    return sum(sum(counts(study, condition).values()) for condition in study.conditions)


class Design:
    """The trials of one study."""

    def __init__(self, study: Study, surroundings: Surroundings):
        self.study, self.surroundings = study, surroundings
        self._planned: dict[tuple[str, Phase, int], Planned] = {}

    def trials(self, scores: Scores) -> Iterator[Planned]:
        """Every trial that can be known by now, in the order of issue: phase by phase, round-robin over conditions."""
        planned_of = {condition.name: counts(self.study, condition) for condition in self.study.conditions}
        for phase in PHASES:
            for index in range(max(planned.get(phase, 0) for planned in planned_of.values())):
                for condition in self.study.conditions:
                    if index >= planned_of[condition.name].get(phase, 0):
                        continue
                    planned = self._trial(condition, phase, index, scores)
                    if planned is not None:
                        yield planned

    def _trial(self, condition: Condition, phase: Phase, index: int, scores: Scores) -> Planned | None:
        key = (condition.name, phase, index)
        if key not in self._planned:
            configuration = self._configuration(condition, phase, index, scores)
            if configuration is None:
                return None
            self._planned[key] = self._plan(condition, phase, index, configuration)
        return self._planned[key]

    def _configuration(self, condition: Condition, phase: Phase, index: int, scores: Scores) -> Configuration | None:
        search = self.study.search
        if phase == "explore":
            return draw(condition.knobs, seed=search.seed, index=index)
        if phase == "exploit":
            return self._suggestion(condition, index, scores)
        if phase == "authors":
            return condition.authors_configuration()
        ended = self._ended(condition, search.explore, search.exploit, scores)
        if ended is None:
            return None
        ranked = sorted(ended, key=lambda trial: -scores[trial.address])  # stable: the earlier of two equals
        return ranked[index].configuration

    def _ended(self, condition: Condition, explore: int, exploit: int, scores: Scores) -> list[Planned] | None:
        """The first trials of both searching phases, or None while one of them has not ended."""
        trials = [self._trial(condition, "explore", i, scores) for i in range(explore)]
        trials += [self._trial(condition, "exploit", j, scores) for j in range(exploit)]
        known = [trial for trial in trials if trial is not None and trial.address in scores]
        return known if len(known) == len(trials) else None

    def _suggestion(self, condition: Condition, index: int, scores: Scores) -> Configuration | None:
        """Exploit `index`: asked of a fresh Optuna study that was told what had ended `exploit_lag` earlier."""
        search = self.study.search
        ended = self._ended(condition, search.explore, max(0, index - search.exploit_lag + 1), scores)
        if ended is None:
            return None
        running = [
            self._trial(condition, "exploit", j, scores) for j in range(max(0, index - search.exploit_lag + 1), index)
        ]
        return suggest(
            condition.knobs,
            ended=[(trial.configuration, scores[trial.address]) for trial in ended],
            running=[trial.configuration for trial in running if trial is not None],
            wanted=_wanted(search.start, condition, index),
            sampler=search.sampler,
            seed=_sampler_seed(search.seed, condition.name, index),
        )

    def _plan(self, condition: Condition, phase: Phase, index: int, configuration: Configuration) -> Planned:
        study = self.study
        confirming = phase in CONFIRMING
        count = study.search.confirm.seeds if confirming else study.seeds
        first = FIRST_SEED[phase] + condition.replicate * SEEDS_PER_REPLICATE + index * count
        split: Split = "confirm" if confirming else "search"
        tables = study.table()
        setting = condition.authors_setting() if phase == "authors" else condition.setting(configuration)
        game = {**setting.table(), "data": tables["data"]}
        identity = {
            **game,
            "budget": tables["budget"],
            "measures": tables["measures"],
            "seeds": list(range(first, first + count)),
            "split": split,
            "surroundings": self.surroundings.of(game).table(),
        }
        return Planned(
            condition=condition.name,
            phase=phase,
            index=index,
            configuration=configuration,
            identity=identity,
            address=content_address(identity),
        )


def content_address(identity: Mapping[str, Any]) -> str:
    """The hash of everything that determines a trial's numbers."""
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(canonical.encode()).hexdigest()[:24]


def suggest(
    knobs: Mapping[str, Distribution],
    *,
    ended: list[tuple[Configuration, float]],
    running: list[Configuration],
    wanted: Configuration,
    sampler: str,
    seed: int,
) -> Configuration:
    """What Optuna would try next at the values that are wanted, from this history alone; scores are maximised."""
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # TPE's own random start is not wanted on top: explore was that.
    drawn = {
        "tpe": lambda: optuna.samplers.TPESampler(n_startup_trials=1, seed=seed),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }[sampler]()
    study = optuna.create_study(direction="maximize", sampler=drawn)
    space = {path: _optuna_distribution(knob) for path, knob in sorted(knobs.items())}
    for configuration, value in ended:
        study.add_trial(create_trial(params=configuration, distributions=space, value=value))
    for configuration in running:
        study.add_trial(create_trial(state=TrialState.RUNNING, params=configuration, distributions=space))
    if wanted:
        study.enqueue_trial(wanted)
    return dict(study.ask(fixed_distributions=space).params)


def _wanted(start: Sequence[Mapping[str, Any]], condition: Condition, index: int) -> Configuration:
    """What the study file says that a condition's exploit `index` is to try: none, some or all of its knobs."""
    table = by_path(start[index]) if index < len(start) else {}
    return {path: value for path, value in table.items() if path in condition.knobs}


def _optuna_distribution(knob: Distribution) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match knob:
        case Choice() | Grid():
            return CategoricalDistribution(knob.values)
        case IntUniform():
            return IntDistribution(knob.low, knob.high)
        case _:
            return FloatDistribution(knob.low, knob.high, log=isinstance(knob, LogUniform))


def _sampler_seed(seed: int, condition: str, index: int) -> int:
    words = [seed, int.from_bytes(sha256(condition.encode()).digest()[:4]), index]
    return int(np.random.SeedSequence(words).generate_state(1)[0])
