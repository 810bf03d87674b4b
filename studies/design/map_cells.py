"""Configurations of explore trials: the cells of a stability map, or random draws.

The cells of a map are trained in an order that spreads them: after any number of trials the trained cells are spread
evenly over the map, so that an interrupted map shows the whole of it at a coarser resolution.
"""

from functools import lru_cache
from itertools import zip_longest

from studies.design.specification import Configuration
from studies.file.condition import Condition
from studies.file.distributions import draw
from studies.file.map_axes import map_axes
from studies.file.search import Search

Cell = tuple[int, ...]
"""Position of a cell along each axis, from 0."""


def explore_configuration(search: Search, condition: Condition, index: int) -> Configuration:
    """Configuration of explore trial `index` of a condition, which depends on no result."""
    axes = map_axes(search, condition)
    if not axes:
        return draw(
            condition.hyperparameters,
            seed=search.seed,
            index=index,
            stratified=search.stratified,
            replicate=condition.replicate,
        )
    cell = cell_order(tuple(axis.cells for axis in axes))[index]
    return {path: axis.values[position] for axis, position in zip(axes, cell, strict=True) for path in axis.paths}


@lru_cache
def cell_order(shape: tuple[int, ...]) -> tuple[Cell, ...]:
    """Every cell of a map with `shape` cells along its axes, in the order of the trials.

    One axis: the numbers 0, 1, 2, ... with their binary digits reversed, the van der Corput sequence (0, 4, 2, 6, 1, 5,
    3, 7 of 8 cells). Two axes: the digits of the number, the lowest first, are in turn digits of the positions along x
    and y, the highest first; a digit along y is flipped if the digit before it is 1, so that the second cell lies
    diagonally from the first. Numbers of cells that are no powers of two: the order of the next larger powers, without
    the cells outside. After 4^k trials of 2^n x 2^n cells the trained ones are a regular grid of 2^k x 2^k cells.
    """
    digits = [(count - 1).bit_length() for count in shape]
    turns = [
        pair for level in zip_longest(*(range(count - 1, -1, -1) for count in digits)) for pair in enumerate(level)
    ]
    places = [(axis, place) for axis, place in turns if place is not None]
    cells = (_cell(number, places, len(shape)) for number in range(2 ** len(places)))
    return tuple(cell for cell in cells if all(position < count for position, count in zip(cell, shape, strict=True)))


def _cell(number: int, places: list[tuple[int, int]], axes: int) -> Cell:
    """The cell of a number; `places` has the axis and the exponent of each binary digit, that of the lowest first."""
    cell, previous = [0] * axes, 0
    for turn, (axis, place) in enumerate(places):
        digit = number >> turn & 1
        cell[axis] |= (digit ^ (previous if axis else 0)) << place
        previous = digit
    return tuple(cell)
