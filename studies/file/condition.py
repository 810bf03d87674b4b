"""Conditions of a study, and their settings at given hyperparameters."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Annotated, Any

from annotated_types import Ge, Le

from gan_core.constraints import AnyConstraint, Constraint, Unconstrained
from gan_core.networks import MLPCritic, MLPGenerator, NetworkPair, Networks
from gan_core.objectives import AnyObjective, Objective
from gan_core.presets import Preset
from gan_core.training import OwnLoop, Training
from studies.errors import InputError
from studies.file.budget import LoopSteps, StepCounts
from studies.file.conditional import check_parents, extreme_configurations, full_values, without_conditional
from studies.file.distribution_tables import distributions_in, parse, range_text
from studies.file.distributions import Distribution, Value, as_value, is_searched
from studies.file.map_settings import OwnAxes
from studies.file.messages import format_value, nearest
from studies.file.refusal import Faults, Listed, Refusal, Unreadable, dotted
from studies.file.source import merge
from studies.file.trees import Parts, Tree, by_path, contains, lookup, substitute
from studies.file.validation import build, choose, field_types, plain, refuse_unknown, unknown_keys


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Objective, constraint, networks and training settings of a trial, which a `Trainer` takes as arguments."""

    objective: Objective | AnyObjective
    constraint: Constraint | AnyConstraint
    networks: Networks
    training: Training

    def table(self) -> Tree:
        """The setting as a JSON-serialisable table with every default; equal settings have equal tables."""
        return {part: plain(getattr(self, part)) for part in PARTS}


PARTS = tuple(field_types(Setting))
"""Keys of a condition's tables: objective, constraint, networks, training."""
Replicate = Annotated[int, Ge(0), Le(99)]
LOOP = "trainer"
"""Key of the table that names a training loop of the user's own, in place of those of `PARTS`."""
KEYS = ("name", "preset", *PARTS, LOOP, "map", "authors", "replicate")
"""Keys of a table of `[[conditions]]`."""
_DEFAULT_PAIR = {"kind": NetworkPair.kind, "generator": plain(MLPGenerator()), "critic": plain(MLPCritic())}
_DEFAULTS: Tree = {"constraint": plain(Unconstrained()), "networks": _DEFAULT_PAIR, "training": plain(Training())}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One thing that a study compares: an objective with a constraint, and ranges for its hyperparameters.

    It may also be a training loop of the user's own, which has neither objective nor constraint that are known here.

    name             name in tables and figures, unique in the study
    preset           method of the literature whose settings the condition starts from; None: no preset
    table            objective, constraint, networks and training with every default, or the loop alone (`trainer`);
                     distributions as in TOML
    hyperparameters  distributions in `table` by dotted path (`constraint.clip_value`), sorted by path
    map              axes of this condition's stability map, in place of those of `search.explore.map`
    authors          the same four tables with the settings of the preset's authors, which are trained for comparison
                     on the seeds of confirm; None: the authors' settings are not trained
    replicate        number that distinguishes equal conditions, 0 to 99; each number has its own seeds and its own
                     random draws, so that the results of equal conditions differ by chance alone
    """

    name: str
    preset: str | None
    table: Mapping[str, Any]
    hyperparameters: Mapping[str, Distribution]
    map: OwnAxes = OwnAxes()
    authors: Mapping[str, Any] | None = None
    replicate: int = 0

    @property
    def classes(self) -> int:
        """Number of classes whose labels its networks get; 0 for an unconditional GAN and for a user's own loop."""
        classes: int = self.table.get("networks", {}).get("classes", 0)
        return classes

    def setting(self, configuration: Mapping[str, Value]) -> Setting:
        """Objective, constraint, networks and training with the hyperparameters at the values of a configuration.

        The condition must not have a loop of its own.

        Errors: `InputError` if the keys are not the hyperparameters that are searched at these values, or if a value is
        not valid.
        """
        values = self.values(configuration)
        try:
            return _setting(self.table, values, self._parts_without_hyperparameters)
        except Refusal as refusal:
            raise refusal.under("conditions", self.name) from None

    @cached_property
    def _parts_without_hyperparameters(self) -> Mapping[str, Any]:
        """The parts of every setting that no configuration changes."""
        searched = {path.partition(".")[0] for path in self.hyperparameters}
        types = field_types(Setting)
        return {part: build(types[part], self.table[part], (part,)) for part in types if part not in searched}

    def trained(self, configuration: Mapping[str, Value]) -> Tree:
        """The table of the setting, or of the loop, at these values, with every default.

        Errors: as for `setting`.
        """
        return {LOOP: plain(self.loop(configuration))} if self.own_loop else self.setting(configuration).table()

    @property
    def own_loop(self) -> bool:
        """True if it trains by a loop of the user's own."""
        return LOOP in self.table

    def kind(self, part: str) -> str:
        """The kind of its objective or another part; empty if it has none, since it trains by a loop of its own."""
        return str(self.table[part]["kind"]) if part in self.table else ""

    def loop(self, configuration: Mapping[str, Value]) -> OwnLoop:
        """The user's loop with the hyperparameters at the values of a configuration; the condition must have one.

        Errors: as for `setting`.
        """
        values = self.values(configuration)
        try:
            return _loop(self.table, values)
        except Refusal as refusal:
            raise refusal.under("conditions", self.name) from None

    def extreme_loops(self) -> Iterator[OwnLoop]:
        """Loops at configurations as for `extreme_settings`; none if the condition has no loop of its own."""
        if self.own_loop:
            for configuration in extreme_configurations(self.hyperparameters):
                yield self.loop(configuration)

    def values(self, configuration: Mapping[str, Value]) -> dict[str, Value]:
        """The values of all hyperparameters: those of the configuration, and `otherwise` for those not searched there.

        Errors: `InputError` if the keys are not the hyperparameters that are searched at these values.
        """
        searched = [path for path in self.hyperparameters if is_searched(path, self.hyperparameters, configuration)]
        if configuration.keys() != set(searched):
            must = ", ".join(searched) or "no hyperparameter"
            given = ", ".join(sorted(configuration)) or "none"
            raise InputError(f"conditions.{self.name}: a configuration must give {must}, but gives {given}")
        return full_values(self.hyperparameters, configuration)

    def extreme_settings(self) -> Iterator[Setting]:
        """Settings whose validity implies that of all settings of the condition.

        Each hyperparameter in turn takes each of its extremes while the others keep their first extreme; the authors'
        setting, if there is one, comes last. A condition with a loop of its own has none.
        """
        for configuration in () if self.own_loop else extreme_configurations(self.hyperparameters):
            yield self.setting(configuration)
        if self.authors is not None:
            yield self.authors_setting()

    def authors_setting(self) -> Setting:
        """The setting of the preset's authors; `authors` must not be None."""
        assert self.authors is not None
        try:
            return _setting(self.authors, {})
        except Refusal as refusal:
            raise refusal.under("conditions", self.name, "authors") from None

    def authors_configuration(self) -> dict[str, Value]:
        """The authors' values of the searched hyperparameters that `authors` holds; `authors` must not be None."""
        assert self.authors is not None
        values = by_path(self.authors)
        return {path: as_value(values[path]) for path in self.hyperparameters if path in values}


def step_counts(tables: Mapping[str, Any]) -> StepCounts:
    """Numbers of steps of a training that these tables describe, as those of a trial's identity.

    No user's class is built.

    Errors: `InputError` for a table `training` that is not valid.
    """
    return LoopSteps() if LOOP in tables else build(Training, tables["training"], ("training",))


def loop_of(tables: Mapping[str, Any]) -> OwnLoop:
    """The user's loop that the table `trainer` among these tables describes.

    Errors: `InputError` for one that is not valid.
    """
    return _loop(tables, {})


def described_by(tables: Mapping[str, Any]) -> Tree:
    """Those of these tables that describe a setting or a loop."""
    return {part: tables[part] for part in (*PARTS, LOOP) if part in tables}


def condition_from(
    table: Mapping[str, Any],
    shared: Mapping[str, Any],
    presets: Mapping[str, Preset] | None,
    *,
    authors: bool = False,
) -> Condition:
    """The condition that a table of `[[conditions]]` describes.

    table    the condition's table, which has a valid name
    shared   the study's top-level tables, on which `table` is merged
    presets  presets by name, on which both are merged; None if `table` is resolved, so that its preset is only a label
    authors  True to add the authors' setting: that of the preset, changed by the table `authors` if `table` holds one

    Errors: `Refusal` at the path of the wrong value, in the condition's table or in the shared one.
    """
    name = table["name"]
    path: Parts = ("conditions", name)
    faults, preset = Faults(), None
    faults.add(unknown_keys(table, KEYS, path, owner="a condition"))
    with faults.collected():
        preset = _preset(table, presets, path)
    if faults and preset is None and "preset" in table and presets is not None:
        faults.raise_found()  # what else is missing may be what the preset would give
    layers = (preset.table if preset else {}, shared, table)
    parts_of_it = _parts(table, shared)
    if LOOP in table:
        faults.add(_beside_loop(table, path))
    merged = {}
    for part in parts_of_it:
        merged[part] = Unreadable()
        with faults.collected():
            merged[part] = _merged(part, layers, path)

    def source_path(parts: Parts) -> Parts:
        """Path in the study file of the condition's value at `parts`: in its own table or in a shared table."""
        return parts if contains(shared, parts) and not contains(table, parts) else (*path, *parts)

    stripped = tuple(without_conditional(layer) for layer in layers)
    ranges = preset.ranges if preset else {}
    if not faults:
        own = {part: _merged(part, stripped, path) for part in parts_of_it}
        merged = _with_own_values(merged, own, ranges)
    hyperparameters, unreadable = _hyperparameters(merged, ranges, source_path, faults)
    merged = {part: substitute(tree, unreadable, part) for part, tree in merged.items()}
    values: dict[str, Any] = {}
    with faults.collected():
        values["table"] = _resolved(merged, hyperparameters, source_path)
    with faults.collected():
        values["map"] = build(OwnAxes, table.get("map", {}), (*path, "map"))
    with faults.collected():
        values["authors"] = _authors(table, preset, merged, path) if authors and not faults else None
    with faults.collected():
        values["replicate"] = build(Replicate, table.get("replicate", 0), (*path, "replicate"))
    faults.raise_found()
    return Condition(name=name, preset=table.get("preset"), hyperparameters=hyperparameters, **values)


def recorded_condition(table: Mapping[str, Any]) -> Condition:
    """The condition in a table of a recorded study; no setting is built, since reading results needs none.

    Errors: `Refusal` for an invalid distribution.
    """
    path: Parts = ("conditions", table["name"])
    parts = described_by(table)
    faults = Faults()
    hyperparameters, _ = _hyperparameters(parts, {}, lambda below: (*path, *below), faults)
    faults.raise_found()
    return Condition(
        name=table["name"],
        preset=table.get("preset"),
        table=parts,
        hyperparameters=hyperparameters,
        map=build(OwnAxes, table.get("map", {}), (*path, "map")),
        authors=table.get("authors"),
        replicate=table.get("replicate", 0),
    )


def _parts(table: Mapping[str, Any], shared: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys of the tables that describe a condition: the loop alone, or the four of `PARTS`.

    A loop that all conditions share is that of the conditions which have neither a preset nor one of the four tables.
    """
    described = any(key in table for key in ("preset", *PARTS))
    return (LOOP,) if LOOP in table or (LOOP in shared and not described) else PARTS


def _beside_loop(table: Mapping[str, Any], path: Parts) -> Iterator[Refusal]:
    """A refusal for each key of a condition's own table that has no meaning for a loop of the user's own."""
    for key in ("preset", *PARTS, "authors"):
        if key in table:
            yield Refusal((*path, key), f"must not stand beside {LOOP}, since a loop of one's own does not use it")


def _preset(table: Mapping[str, Any], presets: Mapping[str, Preset] | None, path: Parts) -> Preset | None:
    if "preset" not in table:
        return None
    name = build(str, table["preset"], (*path, "preset"))
    return None if presets is None else presets[choose(name, presets, (*path, "preset"))]


def _merged(part: str, layers: tuple[Mapping[str, Any], ...], path: Parts) -> Any:
    result = _DEFAULTS.get(part)
    for layer in layers:
        if part in layer:
            if isinstance(layer[part], Unreadable):
                raise Listed
            if not isinstance(layer[part], Mapping):
                raise Refusal((*path, part), "must be a table", f"is {format_value(layer[part])}")
            result = merge(result, layer[part])
    if result is None:
        raise Refusal((*path, part), "must be given here or by a preset")
    if part == LOOP and "kind" not in result:
        raise Refusal((*path, part, "kind"), "must be MODULE:NAME, a class or a function of your own", "is missing")
    if part == "networks" and result.get("kind") == NetworkPair.kind:
        return merge(_DEFAULT_PAIR, {key: value for key, value in result.items() if key != "kind"})
    return result


def _authors(table: Mapping[str, Any], preset: Preset | None, merged: Tree, path: Parts) -> Tree | None:
    """Resolved tables of the authors' setting: the preset, changed by `authors` or the study's networks and batch."""
    if "authors" in table:
        given = table["authors"]
        if not isinstance(given, Mapping):
            raise Refusal((*path, "authors"), "must be a table", f"is {format_value(given)}")
        refuse_unknown(given, PARTS, (*path, "authors"))
        layers: tuple[Mapping[str, Any], ...] = (preset.table if preset else {}, given)
    elif preset is None:
        return None
    else:
        kept = {name: merged["training"][name] for name in ("batch", "dtype") if name in merged["training"]}
        layers = (preset.table, {"networks": merged["networks"], "training": kept})
    merged_parts = {part: _merged(part, layers, (*path, "authors")) for part in PARTS}
    for parts, _ in distributions_in(merged_parts):
        must = "must be given as a table of its own if the study searches the networks or the batch"
        raise Refusal((*path, "authors"), must, f"{dotted(parts)} is a distribution")
    try:
        return _setting(merged_parts, {}).table()
    except Refusal as refusal:
        raise refusal.under(*path, "authors") from None


def _with_own_values(merged: Tree, own: Tree, ranges: Mapping[str, Mapping[str, Any]]) -> Tree:
    """The tree in which each distribution with `when` has its `otherwise`, by default the value that the key has alone.

    own  the same tree without these distributions
    """
    missing = {
        ".".join(parts): table
        for parts, table in distributions_in(merged)
        if isinstance(table, Mapping) and "when" in table and "otherwise" not in table
    }
    if not missing:
        return merged
    searched = {".".join(parts): table for parts, table in distributions_in(own)}
    try:
        laws = {path: parse(table, path, ranges.get(path)) for path, table in searched.items()}
        values = _built_table(own, next(extreme_configurations(laws)))
    except InputError:  # what is wrong here is found again, with its path in the file
        return merged
    found = {
        path: {**table, "otherwise": lookup(values, path.split("."))}
        for path, table in missing.items()
        if path not in searched and contains(values, path.split("."))
    }
    return {part: substitute(tree, found, part) for part, tree in merged.items()}


def _near_range(path: str, ranges: Iterable[str]) -> str | None:
    """The path in `ranges` of which `path` is a likely misspelling of the last key; None if there is none."""
    table, _, key = path.rpartition(".")
    keys = {known.rpartition(".")[2]: known for known in ranges if known.rpartition(".")[0] == table}
    near = nearest(key, keys)
    return None if near is None else keys[near]


def _hyperparameters(
    merged: Tree, ranges: Mapping[str, Mapping[str, Any]], source_path: Callable[[Parts], Parts], faults: Faults
) -> tuple[dict[str, Distribution], dict[str, Unreadable]]:
    """The distributions of a condition, and what stands in for those with a fault, by dotted path."""
    distributions = {".".join(parts): (parts, table) for parts, table in distributions_in(merged)}
    hyperparameters: dict[str, Distribution] = {}
    for path, (parts, table) in sorted(distributions.items()):
        with faults.collected():
            if parts[-1] == "kind":
                raise Refusal(source_path(parts), "cannot be searched; compare kinds as conditions")
            if path == "networks.classes":
                raise Refusal(
                    source_path(parts), "cannot be searched; compare conditional and other GANs as conditions"
                )
            if table == "search" and path not in ranges and (near := _near_range(path, ranges)):
                must = f'"search" needs a preset with a range for this key, but there is none; did you mean {near}?'
                raise Refusal(source_path(parts), must)
            hyperparameters[path] = parse(table, dotted(source_path(parts)), ranges.get(path))
    try:
        if len(hyperparameters) == len(distributions):
            check_parents(hyperparameters, source_path)
    except Refusal as refusal:
        faults.add([refusal])
        hyperparameters = {path: law for path, law in hyperparameters.items() if law.when is None}
    return hyperparameters, {path: Unreadable() for path in distributions if path not in hyperparameters}


def _resolved(merged: Tree, hyperparameters: Mapping[str, Distribution], source_path: Callable[[Parts], Parts]) -> Tree:
    """The condition's table with every default, after validating each extreme of each hyperparameter."""
    tables, faults = [], Faults()
    for configuration in extreme_configurations(hyperparameters):
        try:
            tables.append(_built_table(merged, full_values(hyperparameters, configuration)))
        except Refusal as refusal:
            named = partial(_naming_distribution, hyperparameters=hyperparameters, configuration=configuration)
            faults.add([refusal.changed(named).moved(source_path)])
    faults.raise_found()
    return substitute(tables[0], {path: hyperparameter.table() for path, hyperparameter in hyperparameters.items()})


def _naming_distribution(
    refusal: Refusal, hyperparameters: Mapping[str, Distribution], configuration: Mapping[str, Value]
) -> Refusal:
    """The same error; if the wrong value is that of a hyperparameter, its message shows the distribution.

    The path of the value of a hyperparameter that is not searched in the configuration is that of its `otherwise`.
    """
    path = next((path for path in hyperparameters if f"{'.'.join(refusal.parts)}.".startswith(f"{path}.")), None)
    if path is None:
        return refusal
    if path not in configuration:
        return Refusal((*path.split("."), "otherwise"), refusal.must, refusal.but)
    if not refusal.but.startswith("is "):
        return refusal
    but = f"{range_text(hyperparameters[path]).replace(' ', ' = ', 1)} gives {refusal.but.removeprefix('is ')}"
    return Refusal(refusal.parts, refusal.must, but)


def _built_table(table: Mapping[str, Any], values: Mapping[str, Value]) -> Tree:
    """The table with every default of the setting, or of the loop, that a table describes at these values."""
    return {LOOP: plain(_loop(table, values))} if LOOP in table else _setting(table, values).table()


def _loop(table: Mapping[str, Any], values: Mapping[str, Value]) -> OwnLoop:
    return build(OwnLoop, substitute(table[LOOP], values, LOOP), (LOOP,))


def _setting(
    table: Mapping[str, Any], values: Mapping[str, Value], built_before: Mapping[str, Any] = MappingProxyType({})
) -> Setting:
    """The setting of a table with these values; `built_before` holds parts that are built already."""
    faults, built = Faults(), dict(built_before)
    for part, annotation in field_types(Setting).items():
        if part in built_before:
            continue
        with faults.collected():
            built[part] = build(annotation, substitute(table[part], values, part), (part,))
    faults.raise_found()
    return Setting(**built)
