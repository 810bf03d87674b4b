"""Axes of the stability maps of a study's conditions, and the check of the hyperparameters that they name."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from gan_core.training import Member, structure
from studies.file.condition import Condition
from studies.file.distribution_tables import written
from studies.file.distributions import Choice, Distribution, Grid, Value, as_number
from studies.file.map_settings import ExploreMap, OwnAxes, paths_of
from studies.file.messages import format_value, nearest
from studies.file.refusal import Refusal
from studies.file.search import Search
from studies.file.trees import Parts

AXES = ("x", "y")
"""Names of the axes in a study file."""


@dataclass(frozen=True, kw_only=True)
class MapAxis:
    """An axis of a condition's stability map.

    name          `x` or `y`
    paths         dotted paths of the hyperparameters along the axis, which have the same value in every cell
    distribution  their distribution
    cells         number of cells along the axis
    """

    name: str
    paths: tuple[str, ...]
    distribution: Distribution
    cells: int

    @property
    def values(self) -> list[Value]:
        """Value of each cell: quantile((i + 1/2)/cells)."""
        return [self.distribution.quantile((cell + 0.5) / self.cells) for cell in range(self.cells)]

    @property
    def edges(self) -> list[float]:
        """Borders of the cells, one more than there are cells: quantile(i/cells)."""
        return [as_number(self.distribution.quantile(edge / self.cells)) for edge in range(self.cells + 1)]

    def cell_of(self, value: float) -> int:
        """The cell that holds a value; the first or the last one for a value beyond the ends."""
        return min(max(bisect_right(self.edges, value) - 1, 0), self.cells - 1)


def map_axes(search: Search, condition: Condition) -> tuple[MapAxis, ...]:
    """The axes of a condition's stability map, x first; empty if explore draws at random."""
    if not isinstance(search.explore, ExploreMap):
        return ()
    named = zip(AXES, search.explore.map.shape, strict=False)
    return tuple(_axis(search.explore, condition, name, cells) for name, cells in named)


def _axis(explore: ExploreMap, condition: Condition, name: str, cells: int) -> MapAxis:
    paths = paths_of(getattr(condition.map, name) or getattr(explore.map, name))
    return MapAxis(name=name, paths=paths, distribution=condition.hyperparameters[paths[0]], cells=cells)


# -- checks ------------------------------------------------------------------------------------------------------------


def check_maps(search: Search, conditions: Sequence[Condition]) -> None:
    """Check that the axes of every condition's map are numeric hyperparameters, and that it searches nothing else.

    Errors: `Refusal` for the first rule that does not hold.
    """
    for condition in conditions:
        if isinstance(search.explore, ExploreMap):
            _check_map(search, search.explore, condition)
        elif condition.map != OwnAxes():
            must = "must be left out unless search.explore is a map, as in search.explore = {map = {x = ...}}"
            raise Refusal(("conditions", condition.name, "map"), must)


def _check_map(search: Search, explore: ExploreMap, condition: Condition) -> None:
    if condition.map.y and not explore.map.y:
        must = "must be left out, since search.explore.map has one axis"
        raise Refusal(("conditions", condition.name, "map", "y"), must)
    on_axes: list[str] = []
    for name, cells in zip(AXES, explore.map.shape, strict=False):
        source = _source(condition, name)
        for path in paths_of(getattr(condition.map, name) or getattr(explore.map, name)):
            if path in on_axes:
                raise Refusal(
                    source, "must name hyperparameters that no axis names already", f"is {format_value(path)}"
                )
            on_axes.append(path)
            _check_path(source, condition, path)
        _check_axis(source, search, condition, _axis(explore, condition, name, cells))
    for path in condition.hyperparameters:
        if path not in on_axes:
            must = "must be fixed: a stability map searches the hyperparameters of its axes alone"
            raise Refusal(
                ("conditions", condition.name, *path.split(".")), must, f"is {written(condition.hyperparameters[path])}"
            )


def _source(condition: Condition, name: str) -> Parts:
    """Path in the study file of the key that names an axis of this condition."""
    return (
        ("conditions", condition.name, "map", name)
        if getattr(condition.map, name)
        else ("search", "explore", "map", name)
    )


def _check_path(source: Parts, condition: Condition, path: str) -> None:
    """Check that the condition searches this hyperparameter over a range."""
    if path not in condition.hyperparameters:
        searched = ", ".join(condition.hyperparameters) or "nothing"
        near = nearest(path, condition.hyperparameters)
        hint = f"; did you mean {near}?" if near else ""
        must = "must name a hyperparameter with a range in every condition that has this axis"
        raise Refusal(
            source, must, f"is {format_value(path)}, and conditions.{condition.name} searches {searched}{hint}"
        )
    if isinstance(condition.hyperparameters[path], Choice | Grid):
        must = "must name a hyperparameter with a range, as uniform and log_uniform are"
        raise Refusal(source, must, f"conditions.{condition.name}.{path} is {written(condition.hyperparameters[path])}")
    if condition.hyperparameters[path].when is not None:
        must = "must name a hyperparameter that is searched in every cell"
        raise Refusal(source, must, f"conditions.{condition.name}.{path} has a table when")


def _check_axis(source: Parts, search: Search, condition: Condition, axis: MapAxis) -> None:
    first, *others = axis.paths
    for path in others:
        if condition.hyperparameters[path] != axis.distribution:
            must = f"must name hyperparameters with equal ranges; {first} is {written(axis.distribution)}"
            raise Refusal(source, must, f"{path} is {written(condition.hyperparameters[path])}")
    if others and search.exploit.trials:
        must = f"must be 0, since {'.'.join(source)} gives {' and '.join(axis.paths)} the same value"
        raise Refusal(("search", "exploit", "trials"), must, f"is {search.exploit.trials}")
    distinct = len(set(axis.values))
    if distinct < axis.cells:
        must = f"must be <= {distinct}, the number of values of {first} in conditions.{condition.name}"
        raise Refusal(("search", "explore", "map", "resolution"), must, f"is {axis.cells}")
    for path in axis.paths:
        if isinstance(axis.values[0], int) and _is_structural(condition, path, axis.values):
            must = "must name a number that changes neither shapes nor the order of steps"
            raise Refusal(source, must, f"is {format_value(path)}")


def _is_structural(condition: Condition, path: str, values: Sequence[Value]) -> bool:
    """True if GANs that differ in this hyperparameter alone cannot train in one pack; False for a loop of one's own."""
    if condition.own_loop:
        return False
    first = {name: distribution.extremes()[0] for name, distribution in condition.hyperparameters.items()}
    low, high = (condition.setting({**first, path: value}) for value in (values[0], values[-1]))
    parts = ("objective", "constraint", "training")
    one, other = (
        structure(Member(**{part: getattr(setting, part) for part in parts}, seed=0)) for setting in (low, high)
    )
    return one != other or low.networks != high.networks
