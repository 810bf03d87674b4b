"""Sizes of a new study: what fits into a budget, as a function of the forecast alone."""

from functools import partial
from itertools import pairwise

import pytest

from gan_core.shapes import SampleShape
from studies.new_study.study_sizes import BudgetTooShort, StudySizes, sizes_for

PLANE, TABLE = SampleShape(shape=(2,), bounded=False), SampleShape(shape=(7,), bounded=False)
DIGITS, PHOTOS = SampleShape(shape=(1, 8, 8), bounded=True), SampleShape(shape=(3, 32, 32), bounded=True)
SHAPES = {"plane": PLANE, "table": TABLE, "digits": DIGITS, "photos": PHOTOS}
BUDGETS = [30.0, 45.0, 70.0, 120.0, 300.0, 600.0, 1800.0, 7200.0, 40_000.0]


def seconds(sizes: StudySizes, *, speed: float = 1.0) -> float:
    """A plausible forecast for one condition: a start, and the steps and evaluations of every member."""
    members = (sizes.explore + sizes.exploit) * sizes.seeds + sizes.confirm_seeds
    step = {"mlp": 1e-4, "conv": 3e-2}[sizes.networks]
    return 10.0 + members * (sizes.steps * step + sizes.measurements * 1e-2) / speed


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("budget", BUDGETS)
def test_the_sizes_fit_and_use_more_than_half_of_the_budget_between_the_ends(shape: SampleShape, budget: float) -> None:
    sizes = sizes_for(shape, seconds, budget)
    assert seconds(sizes) <= budget
    largest = sizes_for(shape, seconds, 1e9)
    if sizes.networks == largest.networks and sizes != largest and sizes.explore > 8:
        assert seconds(sizes) > budget / 2


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_more_time_never_gives_smaller_sizes(shape: SampleShape) -> None:
    chosen = [sizes_for(shape, seconds, budget) for budget in BUDGETS]
    for kind in ("mlp", "conv"):
        of_kind = [sizes for sizes in chosen if sizes.networks == kind]
        for less, more in pairwise(of_kind):
            assert seconds(less) <= seconds(more)
            assert (less.explore, less.exploit, less.seeds) <= (more.explore, more.exploit, more.seeds)
    assert chosen[0] != chosen[-1]


def test_a_faster_machine_gets_a_larger_study() -> None:
    slow, fast = (sizes_for(DIGITS, partial(seconds, speed=speed), 120.0) for speed in (0.5, 5.0))
    assert seconds(slow) < seconds(fast)
    assert slow.steps * slow.explore < fast.steps * fast.explore


def test_large_images_get_convolutions_only_if_the_smallest_study_with_them_fits() -> None:
    assert sizes_for(PHOTOS, seconds, 60.0).networks == "mlp"
    assert sizes_for(PHOTOS, seconds, 600.0).networks == "conv"
    assert {sizes_for(shape, seconds, 7200.0).networks for shape in (PLANE, TABLE, DIGITS)} == {"mlp"}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_too_little_time_is_refused_with_the_time_of_the_smallest_study(shape: SampleShape) -> None:
    with pytest.raises(BudgetTooShort) as refused:
        sizes_for(shape, seconds, 10.0)
    smallest = sizes_for(shape, seconds, refused.value.seconds)
    assert seconds(smallest) == refused.value.seconds
    with pytest.raises(BudgetTooShort):
        sizes_for(shape, seconds, refused.value.seconds * 0.999)


def test_the_smallest_study_can_still_be_compared() -> None:
    for shape in SHAPES.values():
        with pytest.raises(BudgetTooShort) as refused:
            sizes_for(shape, seconds, 0.0)
        smallest = sizes_for(shape, seconds, refused.value.seconds)
        assert smallest.explore >= 4
        assert smallest.confirm_seeds >= 3
        assert smallest.steps >= 400
        assert smallest.measurements >= 10


def test_few_forecasts_are_needed() -> None:
    """A forecast takes a second."""
    asked: list[StudySizes] = []

    def counted(sizes: StudySizes) -> float:
        asked.append(sizes)
        return seconds(sizes)

    sizes_for(PHOTOS, counted, 3000.0)
    assert len(asked) <= 10
