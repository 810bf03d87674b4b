"""Sizes of a new study: steps, numbers of settings, seeds and measurements that fit into a budget of time."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gan_core.networks import NetworkPair, Networks
from gan_core.shapes import SampleShape
from gan_core.training import pack_members
from studies.file.validation import build
from studies.new_study.chosen_parts import NetworkKind, large_images, networks


@dataclass(frozen=True, kw_only=True)
class StudySizes:
    """The numbers of a study that decide how long it takes; those of trials are for each condition.

    networks       kind of the networks
    batch          real samples in each training step
    steps          critic steps of each member
    explore        random settings
    exploit        suggested settings
    seeds          seeds of each of them
    confirm_seeds  fresh seeds of the best setting
    measurements   evaluations of each member after that at step 0
    """

    networks: NetworkKind
    batch: int
    steps: int
    explore: int
    exploit: int
    seeds: int
    confirm_seeds: int
    measurements: int


class BudgetTooShort(Exception):
    """No sizes fit into the budget.

    seconds  budget that the smallest ones need
    """

    def __init__(self, seconds: float):
        super().__init__(seconds)
        self.seconds = seconds


Numbers = tuple[int, int, int, int, int]
PACKED_SEEDS = 3
"""Seeds of each setting of a pack."""
_COUNTS = ("explore", "exploit", "seeds", "confirm_seeds", "measurements")
_STACKED: Sequence[Numbers] = [
    (8, 0, 3, 5, 15),
    (16, 0, 3, 5, 15),
    (16, 8, 3, 8, 20),
    (32, 8, 3, 10, 20),
    (64, 16, 3, 10, 20),
]
"""Numbers for networks that train in packs of eight or sixteen settings with three seeds each."""
_ALONE: Sequence[Numbers] = [
    (4, 0, 1, 4, 10),
    (6, 0, 1, 5, 10),
    (8, 4, 2, 5, 10),
    (16, 8, 2, 8, 15),
    (32, 8, 3, 10, 20),
]
"""Numbers for convolutions and large networks, which do not train in packs."""
_GROWTH = (1, 1.5, 2, 3, 4, 6)
"""Steps of the ladder, as multiples of the smallest number of steps: two for each row of numbers."""
_FINE = tuple(1 + tenths / 10 for tenths in range(11))
"""Factors of the steps that are tried for the numbers found."""
_STEPS_OF_POINTS, _STEPS_OF_IMAGES, _STEPS_OF_CONVOLUTIONS = 2000, 1000, 400
"""Smallest numbers of steps after which samples of points, of images, and of images by convolutions can be compared."""


def sizes_for(
    shape: SampleShape, forecast: Callable[[StudySizes], float], budget: float, *, confirm_seeds: int = 0
) -> StudySizes:
    """The largest sizes on a ladder whose forecast fits into the budget.

    Steps and numbers grow in turn along the ladder. Images larger than 8 x 8 pixels get convolutions if the smallest
    study with them fits, else fully connected networks.

    shape          shape of a sample
    forecast       seconds that a study of these sizes takes at most
    budget         seconds
    confirm_seeds  smallest number of fresh seeds

    Errors: `BudgetTooShort` if the smallest sizes do not fit.
    """
    needed = []
    for rows in _ladders(shape):
        ladder = [replace(sizes, confirm_seeds=max(sizes.confirm_seeds, confirm_seeds)) for sizes in rows]
        seconds = forecast(ladder[0])
        if seconds <= budget:
            return _longest(_last(ladder, forecast, budget), forecast, budget)
        needed.append(seconds)
    raise BudgetTooShort(min(needed))


def _ladders(shape: SampleShape) -> list[list[StudySizes]]:
    steps = _STEPS_OF_IMAGES if shape.of_images else _STEPS_OF_POINTS
    connected = _ladder("mlp", 64, steps, _numbers(shape))
    return [_ladder("conv", 32, _STEPS_OF_CONVOLUTIONS, _ALONE), connected] if large_images(shape) else [connected]


def _numbers(shape: SampleShape) -> Sequence[Numbers]:
    """Numbers for fully connected networks on these data; places of a pack without a setting would take time too."""
    pair: NetworkPair = build(Networks, {"kind": NetworkPair.kind, **networks(shape, "mlp")}, ())
    of_pack = pack_members(pair, shape, "cpu") // PACKED_SEEDS
    return _ALONE if of_pack < 2 else [counts for counts in _STACKED if counts[0] % of_pack == 0]


def _ladder(kind: NetworkKind, batch: int, steps: int, numbers: Sequence[Numbers]) -> list[StudySizes]:
    return [
        StudySizes(networks=kind, batch=batch, steps=round(steps * growth), **dict(zip(_COUNTS, counts, strict=True)))
        for row, counts in enumerate(numbers)
        for growth in _GROWTH[row : row + 2]
    ]


def _last(ladder: Sequence[StudySizes], forecast: Callable[[StudySizes], float], budget: float) -> StudySizes:
    """The last sizes of a ladder that fit, by bisection; the first ones fit."""
    return ladder[bisect_right(range(1, len(ladder)), budget, key=lambda number: forecast(ladder[number]))]


def _longest(sizes: StudySizes, forecast: Callable[[StudySizes], float], budget: float) -> StudySizes:
    """The sizes with up to twice as many steps, as many as fit, rounded to 50."""
    longer = [replace(sizes, steps=round(sizes.steps * factor / 50) * 50) for factor in _FINE]
    return longer[bisect_right(range(1, len(longer)), budget, key=lambda number: forecast(longer[number]))]
