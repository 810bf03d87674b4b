"""`Study`: the validated study file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gan_core.data import AnyData, Data, Digits
from gan_core.evaluation import EvaluationSettings
from gan_core.fields import Count
from gan_core.outcomes import OutcomeRules
from gan_core.presets import PRESETS, Preset
from studies.errors import InputError
from studies.file.budget import Budget
from studies.file.checks import (
    check_evaluation,
    check_paths,
    check_sampler,
    check_samples,
    check_seeds,
    check_settings,
    check_start,
    resolved_evaluation,
)
from studies.file.compared_features import addressed_evaluation
from studies.file.condition import PARTS, Condition, Setting, condition_from, recorded_condition
from studies.file.data_table import addressed_data
from studies.file.map_axes import check_maps
from studies.file.map_settings import OwnAxes
from studies.file.messages import escape_control, format_value, short_names
from studies.file.modules import is_reference, modules_in
from studies.file.paths import located
from studies.file.recorded import RecordedData, recorded_evaluation
from studies.file.refusal import Refusal
from studies.file.run_settings import CheckpointSettings, LedgerSettings, Limits, ResourceSettings, TrackingSettings
from studies.file.search import Confirm, Search
from studies.file.source import override, read
from studies.file.trees import Tree, without
from studies.file.validation import (
    build,
    check_name,
    choose,
    field_types,
    is_required,
    known_keys,
    plain,
    refuse_unknown,
)

CHANGEABLE = ("conditions", "search", "outcomes", "resources", "limits", "checkpoint", "ledger", "tracking")
"""Top-level keys that a study may change and keep its name; of `search` only `SEARCH_COUNTS`, and no map."""
SEARCH_COUNTS = ("explore", "exploit.trials", "confirm", "profile")
"""Dotted paths in `search` of the keys that may change."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study: the conditions that are compared, their data, budget, search and evaluation.

    name        name of the study, under which its results are stored
    seeds       number of seeds of each explore, exploit, profile and path-choice trial, trained together
    budget      training steps of every member
    search      trials per condition in each phase, and the sampler of exploit
    data        real samples, chosen by `kind`
    evaluation  schedule of the evaluations, and numbers with which the metrics are computed
    outcomes    thresholds of the rules that classify each member as stable, collapsed, diverged, ...
    resources   processor cores and GPUs of each trial
    limits      retries and time of a trial
    checkpoint  seconds between two checkpoints of a trial, and the generators that are kept
    ledger      folder that holds all results
    tracking    runs in MLflow: one for each trial, or one for the whole study
    conditions  conditions that are compared, at least one
    """

    name: str
    seeds: Count = 3
    budget: Budget
    search: Search = Search()
    data: Data | AnyData = Digits()
    evaluation: EvaluationSettings = EvaluationSettings()
    outcomes: OutcomeRules = OutcomeRules()
    resources: ResourceSettings = ResourceSettings()
    limits: Limits = Limits()
    checkpoint: CheckpointSettings = CheckpointSettings()
    ledger: LedgerSettings = LedgerSettings()
    tracking: TrackingSettings = TrackingSettings()
    conditions: tuple[Condition, ...]

    def condition(self, name: str) -> Condition:
        """The condition of that name.

        Errors: `InputError` with the existing names if there is none of that name.
        """
        by_name = {condition.name: condition for condition in self.conditions}
        return by_name[choose(name, by_name, ("condition",))]

    @property
    def distance(self) -> str:
        """Name of the metric that decides: that of the evaluation, by default that of the data."""
        named = self.evaluation.distance
        return self.data.distance if named == "default" else named

    @cached_property
    def short_names(self) -> dict[str, str]:
        """Short name of every searched hyperparameter, by its dotted path."""
        return short_names(sorted({path for condition in self.conditions for path in condition.hyperparameters}))

    def table(self) -> Tree:
        """The resolved study as a JSON-serialisable table with every default; `from_table` reads it."""
        values = {name: getattr(self, name) for name in _OUTER}
        outer = {name: value if isinstance(value, str | int) else plain(value) for name, value in values.items()}
        return {**outer, "conditions": [_condition_table(condition) for condition in self.conditions]}

    @classmethod
    def load(cls, source: str | Path, *, overrides: Sequence[str] = (), smoke: bool = False) -> "Study":
        """The study in a file, or the study of that name in the catalog.

        source     path of the file, or name in the catalog
        overrides  assignments `key.path=value`, which take precedence over the file
        smoke      True: the study renamed to NAME-smoke, with very few steps, trials and seeds

        Errors: `InputError`, in one sentence with the key's path, for a study that cannot be run.
        """
        try:
            tree = override(read(source), overrides)
            folder = Path(source).parent if Path(source).is_file() else None
            with modules_in(folder):
                study = _study(located(tree, folder or Path()), presets=PRESETS)
        except RecursionError:
            raise InputError(f"{escape_control(str(source))}: must be TOML, but is nested too deeply") from None
        return _smoke(study) if smoke else study

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Study":
        """The study of a table written by `table()`; its presets are already resolved.

        Errors: `InputError`, as for `load`.
        """
        return _study(table, presets=None)

    @classmethod
    def from_record(cls, table: Mapping[str, Any], sources: Mapping[str, str]) -> "Study":
        """The study of a table written by `table()`, for reading its results: no user's class is imported.

        sources  hash of the source of each user's module that the study was run with, by module name; checked when
                 the samples of a user's data class are loaded

        Errors: `InputError` for a table that is not a study.
        """
        data, evaluation = table.get("data"), table.get("evaluation")
        recorded: dict[str, Any] = {}
        if isinstance(data, Mapping) and is_reference(data.get("kind")):
            recorded["data"] = RecordedData(data["kind"], data, sources)
        if isinstance(evaluation, Mapping) and evaluation.get("metrics"):
            recorded["evaluation"] = recorded_evaluation(evaluation)
        outer = _outer({key: value for key, value in table.items() if key not in recorded}) | recorded
        return cls(
            **outer,
            conditions=tuple(recorded_condition(condition) for condition in _condition_tables(table["conditions"])),
        )


def fixed_part(table: Tree) -> Tree:
    """The part of a resolved study that must stay the same as long as the study keeps its name."""
    fixed = {key: value for key, value in table.items() if key not in CHANGEABLE}
    fixed["evaluation"] = addressed_evaluation(table["evaluation"])
    fixed["search"] = without(table["search"], SEARCH_COUNTS)
    if not isinstance(table["search"]["explore"], int):  # another map has other cells under the same numbers
        fixed["search"]["explore"] = table["search"]["explore"]
    fixed["data"] = addressed_data(table["data"])
    return fixed


_OUTER = tuple(name for name in field_types(Study) if name != "conditions")
"""Fields of `Study` besides `conditions`."""


def _study(tree: Mapping[str, Any], presets: Mapping[str, Preset] | None) -> Study:
    outer, shared = _outer(tree), _shared(tree)
    authors = outer.get("search", Search()).confirm.authors
    tables = _condition_tables(tree["conditions"])
    conditions = tuple(condition_from(table, shared, presets, authors=authors) for table in tables)
    study = Study(**outer, conditions=conditions)
    check_seeds({"explore": study.search.explore_trials, "exploit.trials": study.search.exploit.trials}, study.seeds)
    check_start(study.search.start, conditions)
    check_maps(study.search, conditions)
    check_sampler(study.search.sampler, conditions)
    check_samples(study.data, study.evaluation)
    check_settings(conditions, study.data, study.budget, study.evaluation)
    if study.search.confirm.path:
        check_paths(conditions, study.budget, study.evaluation)
    study = replace(study, evaluation=resolved_evaluation(study.evaluation, study.data))
    check_evaluation(study.evaluation, conditions, study.data)
    return study


def _outer(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Study` besides `conditions`, built from the tree of a study file."""
    types = field_types(Study)
    refuse_unknown(tree, (*types, *PARTS), (), owner="a study")
    for field in fields(Study):
        if field.name not in tree and is_required(field):
            raise Refusal((field.name,), "must be given")
    check_name(tree["name"], ("name",))
    return {key: build(types[key], tree[key], (key,)) for key in _OUTER if key in tree}


def _shared(tree: Mapping[str, Any]) -> Tree:
    """The top-level tables that all conditions share."""
    shared = {part: tree[part] for part in PARTS if part in tree}
    for part, table in shared.items():
        if not isinstance(table, Mapping):
            raise Refusal((part,), "must be a table", f"is {format_value(table)}")
        # building the conditions would miss an unknown key here if every condition replaces this table
        refuse_unknown(table, known_keys(field_types(Setting)[part], table, (part,)), (part,))
    return shared


def _condition_tables(tables: Any) -> list[Mapping[str, Any]]:
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise Refusal(("conditions",), "must be tables, each under [[conditions]]", f"is {format_value(tables)}")
    if not tables:
        raise Refusal(("conditions",), "must hold at least one condition")
    names = []
    for number, table in enumerate(tables, start=1):
        if "name" not in table:
            raise Refusal(("conditions",), f"condition {number} must have a name")
        names.append(check_name(table["name"], ("conditions", "name")))
    for name in names:
        if names.count(name) > 1:
            raise Refusal(("conditions", name), "must be a unique name", f"{names.count(name)} conditions have it")
    return tables


def _condition_table(condition: Condition) -> Tree:
    preset = {} if condition.preset is None else {"preset": condition.preset}
    authors = {} if condition.authors is None else {"authors": dict(condition.authors)}
    replicate = {"replicate": condition.replicate} if condition.replicate else {}
    own_axes = {} if condition.map == OwnAxes() else {"map": plain(condition.map)}
    return {"name": condition.name, **preset, **condition.table, **own_axes, **authors, **replicate}


def _smoke(study: Study) -> Study:
    """The study renamed to NAME-smoke, with few steps, evaluations, trials and seeds, none more than in `study`."""
    budget, search = study.budget, study.search
    steps = 20
    if budget.unit == "critic_steps":  # enough for 20 generator steps of every setting
        settings = [setting for condition in study.conditions for setting in condition.extreme_settings()]
        steps = max(setting.training.critic_steps(setting.training.pretrain_steps + steps) for setting in settings)
    return replace(
        study,
        name=f"{study.name[:58]}-smoke",
        seeds=min(study.seeds, 2),
        budget=replace(budget, steps=min(budget.steps, steps)),
        evaluation=replace(study.evaluation, measurements=min(study.evaluation.measurements, 5)),
        search=replace(
            search,
            explore=min(search.explore, 2) if isinstance(search.explore, int) else search.explore.coarsened(2),
            exploit=replace(search.exploit, trials=min(search.exploit.trials, 1)),
            start=search.start[:1],
            profile=min(search.profile, 2),
            confirm=_smoke_confirm(search.confirm),
        ),
    )


def _smoke_confirm(confirm: Confirm) -> Confirm:
    seeds = min(confirm.seeds, 2)
    most = None if confirm.most is None else min(confirm.groups, 2) * seeds
    return replace(confirm, best=min(confirm.best, 1), seeds=seeds, most=most)
