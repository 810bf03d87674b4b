"""`Study`: the validated study file."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from gan_core.data import AnyData, Data, Digits
from gan_core.evaluation import EvaluationSettings
from gan_core.fields import Count
from gan_core.outcomes import OutcomeRules
from gan_core.presets import PRESETS, Preset
from studies.errors import InputError
from studies.file import hung_code
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
from studies.file.condition import LOOP, PARTS, Condition, Setting, condition_from, recorded_condition
from studies.file.conditions_html import conditions_html
from studies.file.data_table import addressed_data
from studies.file.distribution_tables import MOST_VALUES, distributions_in
from studies.file.hung_code import hung_code_ended
from studies.file.map_axes import check_maps
from studies.file.map_settings import OwnAxes
from studies.file.messages import count_noun, escape_control, few_names, format_value, short_names
from studies.file.modules import is_reference, modules_in
from studies.file.paths import located
from studies.file.recorded import RecordedData, recorded_evaluation
from studies.file.refusal import Faults, Refusal, Unreadable
from studies.file.run_settings import CheckpointSettings, LedgerSettings, Limits, ResourceSettings, TrackingSettings
from studies.file.search import Confirm, Search
from studies.file.source import override, parsed, plain_tree, read
from studies.file.trees import Tree, without
from studies.file.validation import (
    build,
    check_name,
    choose,
    field_types,
    is_required,
    known_keys,
    plain,
    unknown_keys,
)

CHANGEABLE = ("conditions", "search", "outcomes", "resources", "limits", "checkpoint", "ledger", "tracking")
"""Top-level keys that a study may change and keep its name; of `search` only `SEARCH_COUNTS`, and no map."""
MOST_LISTED = 2000
"""Largest number of values in the choices and grids of all conditions: a setting is tried with each of them."""
MOST_CONDITIONS = 200
"""Largest number of conditions: each pair of them is compared."""
_FUNCTIONS = (
    "plan",
    "run",
    "results",
    "compare",
    "paper",
    "submit",
    "export_generator",
    "export_model",
    "export_optuna",
)
"""Functions of `studies` and `services` that take a study and that it has no methods for."""
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
    limits      limits of time, memory, disk space and failures, and retries
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

    source: ClassVar[str | None] = None
    """Absolute path of the file that `load` has read, or the name in the catalog; None for any other study."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if any(isinstance(part, Mapping) for part in (value if name == "conditions" else [value])):
                raise InputError(f"{name}: must be an object, but is a table; Study.load takes the tables of a file")

    if not TYPE_CHECKING:  # mypy would take every attribute for one that exists

        def __getattr__(self, name: str) -> Any:
            """Errors: `AttributeError`, with the function that does what a method of this name would."""
            if hasattr(type(self), name):  # a property, whose own error is the one to see
                return object.__getattribute__(self, name)
            module = "services" if name == "submit" else "studies"
            hint = f"; {module}.{name}(study) does it" if name in _FUNCTIONS else ""
            raise AttributeError(f"a Study has no attribute {name!r}{hint}", name=name, obj=self)

    def __repr__(self) -> str:
        return f"<Study {self.name}: {self._summary}>"

    def _repr_html_(self) -> str:
        """A table of the conditions, for notebooks."""
        return conditions_html(f"{self.name}: {self._summary}", self.conditions)

    @property
    def _summary(self) -> str:
        """Conditions, seeds and budget in a few words."""
        budget = count_noun(self.budget.steps, self.budget.unit.removesuffix("s").replace("_", " "))
        names = few_names(condition.name for condition in self.conditions)
        return f"{count_noun(len(self.conditions), 'condition')} ({names}), {count_noun(self.seeds, 'seed')}, {budget}"

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
    def load(
        cls, source: str | Path | Mapping[str, Any], *, overrides: Sequence[str] = (), smoke: bool = False
    ) -> "Study":
        """The study in a file, or the study of that name in the catalog, or that of the tables of a file.

        source     path of the file, name in the catalog, or a dict with the keys of a file, as `tomllib.load` makes it
        overrides  assignments `key.path=value`, which take precedence over the file
        smoke      True: the study renamed to NAME-smoke, with very few steps, trials and seeds

        Errors: `InputError` for a study that cannot be run: for each fault one line with the key's path, in the order
        of the file.
        """
        _require_type(
            "source", source, (str, Path, Mapping), "the path of a study file, a name of the catalog, or a dict"
        )
        try:
            if isinstance(source, Mapping):
                study = _in_folder(override(plain_tree(source), overrides), Path())
                return _smoke(study) if smoke else study
            tree = override(read(source), overrides)
            folder = Path(source).parent if Path(source).is_file() else None
            study = _in_folder(tree, folder)
        except RecursionError:
            raise InputError(f"{escape_control(str(source))[:60]}: must be TOML, but is nested too deeply") from None
        loaded = _smoke(study) if smoke else study
        # no field: it says where the study was written, not what it is
        object.__setattr__(loaded, "source", str(source) if folder is None else str(Path(source).resolve()))
        return loaded

    @classmethod
    def parse(cls, text: str, folder: str | Path = ".") -> "Study":
        """The study in the text of a study file that belongs into this folder.

        Errors: `InputError`, as for `load`.
        """
        _require_type("text", text, (str,), "the text of a study file (Study.load takes a dict or a path)")
        return _in_folder(parsed(text.encode(), "the study file"), Path(folder))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Study":
        """The study of a table written by `table()`; its presets are already resolved.

        Errors: `InputError`, as for `load`.
        """
        hung_code.set_limit(_code_seconds(table))
        with hung_code_ended():
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
        faults = Faults()
        hung_code.set_limit(_code_seconds(table))
        outer = _outer({key: value for key, value in table.items() if key not in recorded}, faults) | recorded
        faults.raise_found(table)
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


def _require_type(name: str, value: object, types: tuple[type, ...], must_be: str) -> None:
    if not isinstance(value, types):
        raise InputError(f"{name}: must be {must_be}, but is of type {type(value).__name__}")


_OUTER = tuple(name for name in field_types(Study) if name != "conditions")
"""Fields of `Study` besides `conditions`."""


def _in_folder(tree: Tree, folder: Path | None) -> Study:
    """The study of the tree of a file in this folder; None: the catalog's."""
    hung_code.set_limit(_code_seconds(tree))
    with hung_code_ended(), modules_in(folder):
        return _study(located(tree, folder or Path()), presets=PRESETS)


def _code_seconds(tree: Mapping[str, Any]) -> float:
    """The limit of one call of the user's code; the default if the tree has none that is valid."""
    limits = tree.get("limits")
    seconds = limits.get("code_seconds") if isinstance(limits, Mapping) else None
    if isinstance(seconds, int | float) and 0 < seconds < math.inf:
        return float(seconds)
    return Limits.code_seconds


def _study(tree: Mapping[str, Any], presets: Mapping[str, Preset] | None) -> Study:
    """The study of a tree.

    Errors: `Refusal`; `Refusals` with everything that is wrong and no consequence of something else that is.
    """
    faults = Faults()
    outer, shared = _outer(tree, faults), _shared(tree, faults)
    authors = "search" in outer and outer["search"].confirm.authors
    conditions: list[Condition] = []
    with faults.collected():
        for table in _condition_tables(tree["conditions"]) if "conditions" in tree else ():
            with faults.collected():
                conditions.append(condition_from(table, shared, presets, authors=authors))
    _check_outer(outer, conditions, faults)
    faults.raise_found(tree)
    study = Study(**outer, conditions=tuple(conditions))
    with faults.collected():
        check_start(study.search.start, conditions)
    with faults.collected():
        check_maps(study.search, conditions)
    with faults.collected():
        check_sampler(study.search.sampler, conditions)
    with faults.collected():
        if study.search.confirm.path:
            check_paths(conditions, study.budget, study.evaluation)
    faults.raise_found(tree)
    study = replace(study, evaluation=resolved_evaluation(study.evaluation, study.data))
    check_evaluation(study.evaluation, conditions, study.data)
    return study


def _outer(tree: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """The fields of `Study` besides `conditions`, built from the tree of a study file; default values included.

    A field with a fault is missing.
    """
    types = field_types(Study)
    faults.add(unknown_keys(tree, (*types, *PARTS, LOOP), (), owner="a study"))
    built = {}
    for field in fields(Study):
        if field.name not in tree and is_required(field):
            faults.add([Refusal((field.name,), "must be given")])
        elif field.name in _OUTER:
            with faults.collected():
                built[field.name] = _outer_value(field, types[field.name], tree)
    return built


def _outer_value(field: Field[Any], annotation: Any, tree: Mapping[str, Any]) -> Any:
    if field.name not in tree:
        return field.default
    if field.name == "name":
        return check_name(tree["name"], ("name",))
    return build(annotation, tree[field.name], (field.name,))


def _shared(tree: Mapping[str, Any], faults: Faults) -> Tree:
    """The top-level tables that all conditions share; one with a fault of its own stands as unreadable."""
    shared: Tree = {}
    for part in (*PARTS, LOOP):
        if part not in tree:
            continue
        shared[part], table = Unreadable(), tree[part]
        with faults.collected():
            if not isinstance(table, Mapping):
                raise Refusal((part,), "must be a table", f"is {format_value(table)}")
            if part == LOOP:  # a loop's fields are its own; a condition that is trained by it is built with them
                shared[part] = table
                continue
            # building the conditions would miss an unknown key here if every condition replaces this table
            known = known_keys(field_types(Setting)[part], table, (part,))
            faults.add(unknown_keys(table, known, (part,)))
            shared[part] = {key: value for key, value in table.items() if key in known}
    return shared


def _check_outer(outer: Mapping[str, Any], conditions: Sequence[Condition], faults: Faults) -> None:
    """Collect the faults of tables that do not fit together, among the tables and conditions that have no fault."""
    if "search" in outer and "seeds" in outer:
        faults.add(check_seeds(outer["search"], outer["seeds"]))
    if not {"data", "evaluation"} <= outer.keys():
        return
    with faults.collected():
        check_samples(outer["data"], outer["evaluation"])
    for condition in conditions if "budget" in outer else ():
        with faults.collected():
            check_settings([condition], outer["data"], outer["budget"], outer["evaluation"])


def _condition_tables(tables: Any) -> list[Mapping[str, Any]]:
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise Refusal(("conditions",), "must be tables, each under [[conditions]]", f"is {format_value(tables)}")
    if not tables:
        raise Refusal(("conditions",), "must hold at least one condition")
    if len(tables) > MOST_CONDITIONS:
        raise Refusal(("conditions",), f"must be <= {MOST_CONDITIONS} tables", f"are {len(tables)}")
    listed = sum(map(_listed_values, tables))
    if listed > MOST_LISTED:
        raise Refusal(("conditions",), f"must list <= {MOST_LISTED} values in choices and grids", f"list {listed}")
    faults, names = Faults(), Counter[str]()
    for number, table in enumerate(tables, start=1):
        with faults.collected():
            if "name" not in table:
                raise Refusal(("conditions",), f"condition {number} must have a name")
            names[check_name(table["name"], ("conditions", "name"))] += 1
    for name, count in names.items():
        if count > 1:
            faults.add([Refusal(("conditions", name), "must be a unique name", f"{count} conditions have it")])
    faults.raise_found()
    return tables


def _listed_values(table: Mapping[str, Any]) -> int:
    """Number of values in the choices and grids of a condition's own table; too long a list is refused by itself."""
    laws = [law for _, law in distributions_in(table) if isinstance(law, Mapping)]
    lists = [law[key] for law in laws for key in ("choice", "grid") if isinstance(law.get(key), list)]
    return sum(min(len(values), MOST_VALUES) for values in lists)


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
