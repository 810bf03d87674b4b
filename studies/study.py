"""Study: the validated study file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from gan_core.data import AnyData, Data, Digits
from gan_core.fields import Count, NonNegative, Positive, Whole
from gan_core.metrics import Measures
from gan_core.networks import AnyCritic, AnyGenerator, try_network
from gan_core.presets import PRESETS, Preset
from gan_core.stability import Thresholds
from gan_core.training import check_game
from studies.condition import PARTS, Budget, Condition, Setting, condition_from, recorded_condition
from studies.errors import InputError
from studies.modules import beside, is_reference, raises
from studies.refusal import Refusal
from studies.samples import loaded
from studies.sentences import printable, shown
from studies.source import Tree, override, read
from studies.space import by_path, may_draw
from studies.validation import (
    Recorded,
    build,
    check_name,
    choose,
    field_types,
    known_keys,
    plain,
    refuse_unknown,
)

__all__ = [
    "PARTS",
    "Budget",
    "CheckpointSettings",
    "Condition",
    "Confirm",
    "LedgerSettings",
    "Limits",
    "Resources",
    "Search",
    "Setting",
    "Study",
    "fixed_part",
    "load_study",
]

CHANGEABLE = ("conditions", "search", "stability", "resources", "limits", "checkpoint", "ledger")
"""The tables that a study of the same name may change; of `search` only the counts."""
SEARCH_COUNTS = ("explore", "exploit", "confirm")
SEEDS_PER_PHASE = 1_000_000
"""How far apart the phases' first seeds lie, so how many a phase of a condition may use."""


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """The best `best` configurations of each condition, trained again on `seeds` fresh seeds.

    `authors`: on the first of these seeds also every preset at its authors' settings, to see what tuning buys.
    """

    best: Whole = 1
    seeds: Count = 10
    authors: bool = False


@dataclass(frozen=True, kw_only=True)
class Search:
    """Trials per condition in each phase, and how exploit goes on from explore.

    `exploit_lag`: suggestion j knows the exploit trials 0 .. j - exploit_lag as finished.
    `start`: what the first trials of exploit try, each a table of knobs as a condition would say them. A condition
    takes the values of the knobs that it searches; the sampler suggests the others.
    """

    seed: Whole = 0
    explore: Count = 16
    exploit: Whole = 6
    confirm: Confirm = Confirm()
    sampler: Literal["tpe", "random"] = "tpe"
    exploit_lag: Count = 2
    start: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if len(self.start) > self.exploit:
            raise ValueError(
                f"start: must hold <= {self.exploit} tables, the trials of exploit, but holds {len(self.start)}"
            )
        trials = self.explore + self.exploit
        if self.confirm.best > trials:
            best = self.confirm.best
            raise ValueError(f"confirm.best: must be <= {trials}, explore and exploit together, but is {best}")


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one trial takes: processor cores, and graphics processors or a fraction of one.

    `gpu`: "auto" is none where there is no graphics processor, else so large a share of one that the cores beside it
    are all in use, and never more than one.
    """

    cpu: Positive = 1.0
    gpu: NonNegative | Literal["auto"] = 0.0

    def __post_init__(self) -> None:
        if self.gpu != "auto" and self.gpu > 1 and self.gpu % 1:
            raise ValueError(f"gpu: must be a whole number above 1, but is {self.gpu}")  # Ray's own rule


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`trial_retries`: how often a trial whose worker died is started again."""

    trial_retries: Whole = 3


@dataclass(frozen=True, kw_only=True)
class CheckpointSettings:
    """`every_seconds`: about how much of a trial's work an interruption may cost."""

    every_seconds: Positive = 20.0


@dataclass(frozen=True, kw_only=True)
class LedgerSettings:
    """`root`: the folder, or the address of a shared one, that holds the truth."""

    root: Annotated[str, MinLen(1)] = "gan-studies"


@dataclass(frozen=True, kw_only=True)
class Study:
    """One question: what is compared, on which data, within which budget, how it is searched and judged."""

    name: str
    seeds: Count = 3
    budget: Budget
    search: Search = Search()
    data: Data | AnyData = Digits()
    measures: Measures = Measures()
    stability: Thresholds = Thresholds()
    resources: Resources = Resources()
    limits: Limits = Limits()
    checkpoint: CheckpointSettings = CheckpointSettings()
    ledger: LedgerSettings = LedgerSettings()
    conditions: tuple[Condition, ...]

    def condition(self, name: str) -> Condition:
        """The condition of that name.

        Errors: `InputError` with the names that there are.
        """
        by_name = {condition.name: condition for condition in self.conditions}
        return by_name[choose(name, by_name, ("condition",))]

    def table(self) -> Tree:
        """The whole resolved study as a study file would say it: JSON can hold it, `from_table` reads it."""
        values = {name: getattr(self, name) for name in _OUTER}
        outer = {name: value if isinstance(value, str | int) else plain(value) for name, value in values.items()}
        return {**outer, "conditions": [_condition_table(condition) for condition in self.conditions]}

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Study":
        """The study that `table()` wrote: its presets are resolved and not looked up again.

        Errors: `InputError`, as for a study file.
        """
        return _study(table, presets=None)

    @classmethod
    def recorded(cls, table: Mapping[str, Any], sources: Mapping[str, str]) -> "Study":
        """The study that `table()` wrote, to read what it found: no class of the user's is looked up for it.

        `sources` are the hashes of the modules that it was run with, in case its samples are asked for.
        """
        data = table.get("data")
        if isinstance(data, Mapping) and is_reference(data.get("kind")):
            read = _outer({key: value for key, value in table.items() if key != "data"})
            read["data"] = Recorded(data["kind"], data, sources)
        else:
            read = _outer(table)
        return cls(**read, conditions=tuple(recorded_condition(one) for one in _condition_tables(table["conditions"])))


def fixed_part(table: Tree) -> Tree:
    """The part of a resolved study that its name stands for: another one needs another name."""
    fixed = {key: value for key, value in table.items() if key not in CHANGEABLE}
    fixed["search"] = {key: value for key, value in table["search"].items() if key not in SEARCH_COUNTS}
    return fixed


_OUTER = tuple(name for name in field_types(Study) if name != "conditions")


def load_study(source: str | Path, *, overrides: Sequence[str] = (), smoke: bool = False) -> Study:
    """The study in a file, or of that name in the catalog.

    `overrides` are `key.path=value` and win over the file. `smoke` makes it as small as shows that it runs.

    Errors: `InputError`, in one sentence with the key's path, for anything that cannot be run as it stands.
    """
    try:
        tree = override(read(source), overrides)
        with beside(Path(source).parent if Path(source).is_file() else None):
            study = _study(tree, presets=PRESETS)
    except RecursionError:
        raise InputError(f"{printable(str(source))}: must be TOML, but is nested too deeply") from None
    return _tiny(study) if smoke else study


def _study(tree: Mapping[str, Any], presets: Mapping[str, Preset] | None) -> Study:
    outer, shared = _outer(tree), _shared(tree)
    authors = outer.get("search", Search()).confirm.authors
    tables = _condition_tables(tree["conditions"])
    conditions = tuple(condition_from(table, shared, presets, authors=authors) for table in tables)
    study = Study(**outer, conditions=conditions)
    _check(study)
    return study


def _outer(tree: Mapping[str, Any]) -> dict[str, Any]:
    """What a study says besides its conditions."""
    types = field_types(Study)
    refuse_unknown(tree, (*types, *PARTS), (), owner="a study")
    for key in ("name", "budget", "conditions"):
        if key not in tree:
            raise Refusal((key,), "must be given")
    check_name(tree["name"], ("name",))
    return {key: build(types[key], tree[key], (key,)) for key in _OUTER if key in tree}


def _shared(tree: Mapping[str, Any]) -> Tree:
    """The top-level tables that every condition starts from."""
    shared = {part: tree[part] for part in PARTS if part in tree}
    for part, table in shared.items():
        if not isinstance(table, Mapping):
            raise Refusal((part,), "must be a table", f"is {shown(table)}")
        # Each condition finds what its own kinds do not know, unless all of them replace the table.
        refuse_unknown(table, known_keys(field_types(Setting)[part], table, (part,)), (part,))
    return shared


def _condition_tables(tables: Any) -> list[Mapping[str, Any]]:
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise Refusal(("conditions",), "must be tables, each under [[conditions]]", f"is {shown(tables)}")
    if not tables:
        raise Refusal(("conditions",), "must hold at least one condition")
    names = []
    for number, table in enumerate(tables, start=1):
        if "name" not in table:
            raise Refusal(("conditions",), f"condition {number} must have a name")
        names.append(check_name(table["name"], ("conditions", "name")))
    for name in names:
        if names.count(name) > 1:
            raise Refusal(("conditions", name), "must be one condition", f"{names.count(name)} have this name")
    return tables


def _condition_table(condition: Condition) -> Tree:
    preset = {} if condition.preset is None else {"preset": condition.preset}
    authors = {} if condition.authors is None else {"authors": dict(condition.authors)}
    replicate = {"replicate": condition.replicate} if condition.replicate else {}
    return {"name": condition.name, **preset, **condition.table, **authors, **replicate}


def _tiny(study: Study) -> Study:
    """The study under another name with little of everything, never with more than it had."""
    budget, search = study.budget, study.search
    steps = 20
    if budget.unit == "critic_steps":  # 20 rounds also for whoever takes most critic steps in each
        settings = [setting for one in study.conditions for setting in one.extreme_settings()]
        steps = max(setting.training.critic_steps(setting.training.pretrain_steps + steps) for setting in settings)
    return replace(
        study,
        name=f"{study.name[:58]}-smoke",
        seeds=min(study.seeds, 2),
        budget=replace(budget, steps=min(budget.steps, steps), measurements=min(budget.measurements, 5)),
        search=replace(
            search,
            explore=min(search.explore, 2),
            exploit=min(search.exploit, 1),
            start=search.start[:1],
            confirm=replace(search.confirm, best=min(search.confirm.best, 1), seeds=min(search.confirm.seeds, 2)),
        ),
    )


# -- what no table can see alone ---------------------------------------------------------------------------------


def _check(study: Study) -> None:
    _check_seeds(study)
    _check_start(study)
    _check_samples(study)
    for condition in study.conditions:
        for setting in condition.extreme_settings():
            _check_data(condition.name, setting, study.data)
            _check_game(condition.name, setting)
            _check_own_networks(condition.name, setting, study.data)
            _check_measurements(condition.name, setting, study.budget)


def _check_seeds(study: Study) -> None:
    for phase in ("explore", "exploit"):
        most = SEEDS_PER_PHASE // study.seeds
        if getattr(study.search, phase) > most:
            must = f"must be <= {most}, {SEEDS_PER_PHASE} seeds at {study.seeds} a trial"
            raise Refusal(("search", phase), must, f"is {getattr(study.search, phase)}")


def _check_start(study: Study) -> None:
    """Every value must be one that some condition searches, and that all who search it may draw."""
    for number, table in enumerate(study.search.start):
        for path, value in by_path(table).items():
            place = ("search", "start", str(number), *path.split("."))
            ranges = [condition.knobs[path] for condition in study.conditions if path in condition.knobs]
            if not ranges:
                knobs = sorted({knob for condition in study.conditions for knob in condition.knobs})
                raise Refusal(place, f"must be a knob that is searched: {', '.join(knobs) or 'there is none'}")
            for knob in ranges:
                if not may_draw(knob, value):
                    ((kind, content),) = knob.table().items()
                    raise Refusal(place, f"must lie within {kind} {shown(content)}", f"is {shown(value)}")


def _check_samples(study: Study) -> None:
    """Floor and cells are computed from real samples alone: there must be enough of them."""
    sizes = study.data.sizes
    if sizes.train == 1:  # a point mass has neither floor nor cells
        return
    most = sizes.every - sizes.reference
    if study.measures.samples > most:
        must = f"must be <= {most}, the {sizes.every} real samples less data.reference"
        raise Refusal(("measures", "samples"), must, f"is {study.measures.samples}")
    if study.measures.cells > sizes.train:
        must = f"must be <= {sizes.train}, the real samples to train with"
        raise Refusal(("measures", "cells"), must, f"is {study.measures.cells}")
    if study.measures.neighbours >= sizes.reference:
        must = f"must be < {sizes.reference}, the real samples that are measured against"
        raise Refusal(("measures", "neighbours"), must, f"is {study.measures.neighbours}")


def _check_data(name: str, setting: Setting, data: AnyData) -> None:
    place = ("conditions", name, "networks")
    kind = setting.networks.kind
    if kind == "dirac" and data.kind != "dirac":
        raise Refusal(place, 'kind "dirac" plays on data.kind = "dirac" alone', f"data.kind is {shown(data.kind)}")
    if data.kind == "dirac" and kind != "dirac":
        must = 'must be {kind = "dirac"} on data.kind = "dirac"'
        raise Refusal(place, must, f"kind is {shown(kind)}")
    if setting.networks.generator.kind == "segment" and data.kind != "segments":
        must = 'kind "segment" plays on data.kind = "segments" alone'
        raise Refusal((*place, "generator"), must, f"data.kind is {shown(data.kind)}")


def _check_game(name: str, setting: Setting) -> None:
    try:
        check_game(setting.objective, setting.networks, setting.training)
    except ValueError as error:
        path, _, sentence = str(error).partition(": ")
        raise Refusal(("conditions", name, *path.split(".")), sentence) from None


def _check_own_networks(name: str, setting: Setting, data: AnyData) -> None:
    """What a user's network is shows when it is called: better here than in every trial."""
    for role in ("generator", "critic"):
        network: AnyGenerator | AnyCritic = getattr(setting.networks, role)
        if is_reference(network.kind):
            place = ("conditions", name, "networks", role)
            space = loaded(data).space
            try:
                try_network(network, space)
            except ValueError as error:
                raise Refusal(place, f"{network.kind} must fit into a game: {error}") from None
            except Exception as error:
                raise Refusal(place, f"{network.kind} must fit into a game", f"it {raises(error)}") from None


def _check_measurements(name: str, setting: Setting, budget: Budget) -> None:
    training, turns = setting.training, budget.turns(setting.training)
    rounds = training.generator_steps(turns)
    if rounds == 0:
        least = training.critic_steps(training.pretrain_steps + 1)
        raise Refusal(
            ("budget", "steps"),
            f"must be >= {least}, which the first generator step of conditions.{name} takes",
            f"is {budget.steps}",
        )
    if budget.measurements > rounds:
        must = f"must be <= {rounds}, the generator steps of the budget"
        if budget.unit == "critic_steps":
            must += f" at conditions.{name}.training.n_critic = {training.n_critic}"
        raise Refusal(("budget", "measurements"), must, f"is {budget.measurements}")
    due = budget.measured_turns(training)
    if len(set(due)) < len(due):
        most = max(training.critic_steps_in(round_) for round_ in range(rounds))
        raise Refusal(
            ("budget", "measurements"),
            f"must be <= {budget.steps // most}, since conditions.{name} takes {most} critic steps in one round",
            f"is {budget.measurements}",
        )
