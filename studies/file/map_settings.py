"""Tables of a study file that describe a stability map: its axes and its resolution."""

from dataclasses import dataclass, replace
from math import prod
from typing import Annotated

from annotated_types import Ge

Axis = str | tuple[str, ...]
"""Dotted path of the hyperparameter along an axis, or the paths of several that have the same value in every cell."""
Cells = Annotated[int, Ge(2)]


@dataclass(frozen=True, kw_only=True)
class OwnAxes:
    """Axes of one condition, in place of those of the study's map.

    x  hyperparameter along the horizontal axis; left out: that of the study's map
    y  hyperparameter along the vertical axis; left out: that of the study's map
    """

    x: Axis = ()
    y: Axis = ()


@dataclass(frozen=True, kw_only=True)
class MapSettings:
    """A stability map: one configuration for each cell of a grid over the ranges of one or two hyperparameters.

    x           hyperparameter along the horizontal axis, by its dotted path; a list of several with equal ranges gives
                them the same value in every cell
    y           the same for the vertical axis; left out: the map has one axis
    resolution  number of cells along each axis, or a list with the number along x and the number along y

    Cell (i, j) of nx x ny cells has the values quantile((i + 1/2)/nx) and quantile((j + 1/2)/ny) of the distributions
    of x and y.
    """

    x: Axis
    y: Axis = ()
    resolution: Cells | tuple[Cells, Cells] = 24

    def __post_init__(self) -> None:
        if not self.x:
            raise ValueError("x: must name a hyperparameter, but is empty")
        if not self.y and not isinstance(self.resolution, int):
            raise ValueError(f"resolution: must be one integer for one axis, but is {list(self.resolution)}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells along each axis."""
        if not isinstance(self.resolution, int):
            return self.resolution
        return (self.resolution,) * (2 if self.y else 1)


@dataclass(frozen=True, kw_only=True)
class ExploreMap:
    """Explore trials that are the cells of a stability map, in place of random draws.

    map  the axes of the map and its resolution
    """

    map: MapSettings

    @property
    def trials(self) -> int:
        """Number of cells."""
        return prod(self.map.shape)

    def coarsened(self, cells: int) -> "ExploreMap":
        """The same map with at most `cells` cells along each axis."""
        shape = tuple(min(count, cells) for count in self.map.shape)
        resolution = (shape[0], shape[1]) if len(shape) == 2 else shape[0]
        return replace(self, map=replace(self.map, resolution=resolution))


def paths_of(axis: Axis) -> tuple[str, ...]:
    """The dotted paths of the hyperparameters along an axis."""
    return (axis,) if isinstance(axis, str) else axis
