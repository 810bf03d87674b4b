"""Condition: one thing compared, with the knobs that are searched in it."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from gan_core.constraints import AnyConstraint, Constraint, Unconstrained
from gan_core.fields import Count
from gan_core.networks import MLPCritic, MLPGenerator, Networks
from gan_core.objectives import AnyObjective, Objective
from gan_core.presets import Preset
from gan_core.training import Training
from studies.errors import InputError
from studies.refusal import Parts, Refusal, dotted
from studies.sentences import shown
from studies.source import Tree, merge
from studies.space import Distribution, Value, is_distribution, parse
from studies.validation import build, choose, field_types, plain, refuse_unknown


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long every member trains, and how often it is measured (at equal fractions, step 0 besides)."""

    unit: Literal["generator_steps", "critic_steps"] = "generator_steps"
    steps: Count
    measurements: Annotated[int, Ge(3)] = 20

    def turns(self, training: Training) -> int:
        """The turns that the budget pays for: as many as take no more steps on its clock."""
        if self.unit == "generator_steps":
            return training.pretrain_steps + self.steps
        most = training.pretrain_steps + self.steps  # a round takes one critic step at least
        return bisect_right(range(most), self.steps, key=lambda turns: training.critic_steps(turns + 1))

    def clock(self, training: Training, turns: int) -> int:
        """The steps on the budget's clock after so many turns."""
        return training.generator_steps(turns) if self.unit == "generator_steps" else training.critic_steps(turns)

    def measured_turns(self, training: Training) -> list[int]:
        """The turns before and after which a member is measured: at equal fractions of the budget's clock."""
        turns = self.turns(training)
        last = self.clock(training, turns)
        due = [i * last / self.measurements for i in range(1, self.measurements + 1)]
        return [0, *(bisect_left(range(turns), at, key=lambda done: self.clock(training, done)) for at in due)]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One configuration made concrete: what a `Trainer` plays."""

    objective: Objective | AnyObjective
    constraint: Constraint | AnyConstraint
    networks: Networks
    training: Training

    def table(self) -> Tree:
        """It as JSON can hold it, every default written out: equal settings have equal tables."""
        return {part: plain(getattr(self, part)) for part in PARTS}


PARTS = tuple(field_types(Setting))
Replicate = Annotated[int, Ge(0), Le(99)]
KEYS = ("name", "preset", *PARTS, "authors", "replicate")
_DEFAULT_PAIR = {"kind": "pair", "generator": plain(MLPGenerator()), "critic": plain(MLPCritic())}
_DEFAULTS: Tree = {"constraint": plain(Unconstrained()), "networks": _DEFAULT_PAIR, "training": plain(Training())}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One thing compared.

    table      objective, constraint, networks and training, every default written out, distributions in TOML's form
    knobs      the distributions among them by dotted path (`constraint.clip_value`), in the order of the paths
    authors    the same four as the authors of its preset have them, if the study holds that beside what it finds
    replicate  which of several equal conditions it is: each has seeds of its own, so that chance alone tells them apart
    """

    name: str
    preset: str | None
    table: Mapping[str, Any]
    knobs: Mapping[str, Distribution]
    authors: Mapping[str, Any] | None = None
    replicate: int = 0

    def setting(self, configuration: Mapping[str, Value]) -> Setting:
        """The setting at one value for each knob.

        Errors: `InputError` for other knobs than the condition's, and for values that do not fit.
        """
        if configuration.keys() != self.knobs.keys():
            raise InputError(
                f"conditions.{self.name}: a configuration must give {', '.join(self.knobs) or 'no knob'}, "
                f"but gives {', '.join(sorted(configuration)) or 'none'}"
            )
        try:
            return _setting(self.table, configuration)
        except Refusal as refusal:
            raise refusal.under("conditions", self.name) from None

    def extreme_settings(self) -> Iterator[Setting]:
        """The settings that must be valid so that all are: each knob at each extreme, the others at their first."""
        for configuration in _extreme_configurations(self.knobs):
            yield self.setting(configuration)
        if self.authors is not None:
            yield self.authors_setting()

    def authors_setting(self) -> Setting:
        """What the authors of its preset trained."""
        assert self.authors is not None
        try:
            return _setting(self.authors, {})
        except Refusal as refusal:
            raise refusal.under("conditions", self.name, "authors") from None

    def authors_configuration(self) -> dict[str, Value]:
        """The authors' values of the knobs that are searched, as far as their method has them."""
        found = {path: _at(self.authors, path.split(".")) for path in self.knobs}
        return {path: value for path, value in found.items() if value is not None}


def condition_from(
    own: Mapping[str, Any],
    shared: Mapping[str, Any],
    presets: Mapping[str, Preset] | None,
    *,
    authors: bool = False,
) -> Condition:
    """The condition that its own table says, on top of the study's shared tables and of its preset.

    `own` has a name already. Without `presets` a preset's name is only a label: the table is resolved. `authors` says
    whether its preset's authors' settings are wanted besides, if it has a preset and does not give them itself.

    Errors: `Refusal` under the path where the wrong value stands, the condition's own or the shared one.
    """
    name = own["name"]
    place: Parts = ("conditions", name)
    refuse_unknown(own, KEYS, place, owner="a condition")
    preset = _preset(own, presets, place)
    layers = (preset.table if preset else {}, shared, own)
    merged = {part: _merged(part, layers, place) for part in PARTS}

    def written(parts: Parts) -> Parts:
        return parts if _stands(parts, shared) and not _stands(parts, own) else (*place, *parts)

    knobs = _knobs(merged, preset.ranges if preset else {}, written)
    return Condition(
        name=name,
        preset=own.get("preset"),
        table=_resolved(merged, knobs, written),
        knobs=knobs,
        authors=_authors(own, shared, preset, merged, place) if authors else None,
        replicate=build(Replicate, own.get("replicate", 0), (*place, "replicate")),
    )


def recorded_condition(table: Mapping[str, Any]) -> Condition:
    """The condition that a resolved study was recorded with, of which nothing is built: reading results needs no more.

    Errors: `Refusal` for a distribution that is none.
    """
    place: Parts = ("conditions", table["name"])
    parts = {part: table[part] for part in PARTS if part in table}
    knobs = _knobs(parts, {}, lambda below: (*place, *below))
    return Condition(
        name=table["name"],
        preset=table.get("preset"),
        table=parts,
        knobs=knobs,
        authors=table.get("authors"),
        replicate=table.get("replicate", 0),
    )


def _preset(own: Mapping[str, Any], presets: Mapping[str, Preset] | None, place: Parts) -> Preset | None:
    if "preset" not in own:
        return None
    name = build(str, own["preset"], (*place, "preset"))
    return None if presets is None else presets[choose(name, presets, (*place, "preset"))]


def _merged(part: str, layers: tuple[Mapping[str, Any], ...], place: Parts) -> Any:
    result = _DEFAULTS.get(part)
    for layer in layers:
        if part in layer:
            if not isinstance(layer[part], Mapping):
                raise Refusal((*place, part), "must be a table", f"is {shown(layer[part])}")
            result = merge(result, layer[part])
    if result is None:
        raise Refusal((*place, part), "must be given, or a preset that has one")
    if part == "networks" and result.get("kind") == "pair":
        return merge(_DEFAULT_PAIR, {key: value for key, value in result.items() if key != "kind"})
    return result


def _authors(
    own: Mapping[str, Any], shared: Mapping[str, Any], preset: Preset | None, merged: Tree, place: Parts
) -> Tree | None:
    """The authors' objective, constraint and training, on the study's networks and in its batches."""
    if "authors" in own:
        given = own["authors"]
        if not isinstance(given, Mapping):
            raise Refusal((*place, "authors"), "must be a table", f"is {shown(given)}")
        refuse_unknown(given, PARTS, (*place, "authors"))
        layers: tuple[Mapping[str, Any], ...] = (preset.table if preset else {}, given)
    elif preset is None:
        return None
    else:
        shared_by_all = {name: merged["training"][name] for name in ("batch", "dtype") if name in merged["training"]}
        layers = (preset.table, {"networks": merged["networks"], "training": shared_by_all})
    table = {part: _merged(part, layers, (*place, "authors")) for part in PARTS}
    for parts, _ in _distributions(table, ()):
        must = "must be given as a table of its own where the study searches the networks or the batch"
        raise Refusal((*place, "authors"), must, f"{dotted(parts)} has many values")
    try:
        return _setting(table, {}).table()
    except Refusal as refusal:
        raise refusal.under(*place, "authors") from None


def _at(tree: Any, parts: Sequence[str]) -> Value | None:
    """The value at a path, None where there is none."""
    for part in parts:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return None if isinstance(tree, Mapping | list) else tree


def _stands(parts: Parts, tree: Any) -> bool:
    for part in parts:
        if isinstance(tree, list) and part.isdecimal() and int(part) < len(tree):
            tree = tree[int(part)]
        elif isinstance(tree, Mapping) and part in tree:
            tree = tree[part]
        else:
            return False
    return True


def _knobs(
    merged: Tree, ranges: Mapping[str, Mapping[str, Any]], written: Callable[[Parts], Parts]
) -> dict[str, Distribution]:
    found = {".".join(parts): (parts, table) for parts, table in _distributions(merged, ())}
    for parts, _ in found.values():
        if parts[-1] == "kind":
            raise Refusal(written(parts), "cannot be searched; compare kinds as conditions")
    return {
        path: parse(table, dotted(written(parts)), ranges.get(path)) for path, (parts, table) in sorted(found.items())
    }


def _distributions(tree: Any, parts: Parts) -> Iterator[tuple[Parts, Any]]:
    if is_distribution(tree):
        yield parts, tree
    elif isinstance(tree, Mapping | list):
        for key, value in tree.items() if isinstance(tree, Mapping) else enumerate(tree):
            yield from _distributions(value, (*parts, str(key)))


def _resolved(merged: Tree, knobs: Mapping[str, Distribution], written: Callable[[Parts], Parts]) -> Tree:
    """The table with every default, once each extreme of each knob is known to be valid."""
    try:
        settings = [_setting(merged, configuration) for configuration in _extreme_configurations(knobs)]
    except Refusal as refusal:
        raise _about_the_knob(refusal, knobs).at(written(refusal.parts)) from None
    return _substituted(settings[0].table(), {path: knob.table() for path, knob in knobs.items()})


def _about_the_knob(refusal: Refusal, knobs: Mapping[str, Distribution]) -> Refusal:
    """The same sentence, which says that the value is one of a distribution's."""
    path = ".".join(refusal.parts)
    if path not in knobs or not refusal.but.startswith("is "):
        return refusal
    ((key, content),) = knobs[path].table().items()
    return Refusal(refusal.parts, refusal.must, f"{key} = {shown(content)} gives {refusal.but.removeprefix('is ')}")


def _extreme_configurations(knobs: Mapping[str, Distribution]) -> Iterator[dict[str, Value]]:
    first: dict[str, Value] = {path: knob.extremes()[0] for path, knob in knobs.items()}
    yield first
    for path, knob in knobs.items():
        for value in knob.extremes()[1:]:
            yield {**first, path: value}


def _setting(table: Mapping[str, Any], values: Mapping[str, Value]) -> Setting:
    concrete = {part: _substituted(table[part], values, part) for part in PARTS}
    return Setting(**{part: build(of, concrete[part], (part,)) for part, of in field_types(Setting).items()})


def _substituted(tree: Any, values: Mapping[str, Any], path: str = "") -> Any:
    """The tree with the value of each dotted path in its place."""
    if path in values:
        return values[path]
    below = f"{path}." if path else ""
    if isinstance(tree, Mapping):
        return {key: _substituted(value, values, f"{below}{key}") for key, value in tree.items()}
    if isinstance(tree, list):
        return [_substituted(value, values, f"{below}{place}") for place, value in enumerate(tree)]
    return tree
