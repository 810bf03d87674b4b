"""Groups of fresh seeds, tested after each: levels, stages, Holm's correction, and error rates over all looks."""

from math import inf, sqrt

import numpy as np
import pytest

from studies.statistics.group_sequential import (
    PairTest,
    _exit_levels,
    pair_tests,
    sequential_p_values,
    smallest_p_value,
    spent_share,
)
from studies.statistics.intervals import bootstrap_interval
from studies.statistics.permutation import LEVEL, permutation_test

SEEDS, STAGES = 10, 4


def groups_of(rng, stages, seeds, shift=0.0, scale=1.0):
    return list(rng.normal(shift, scale, (stages, seeds)))


# -- one pair ----------------------------------------------------------------------------------------------------------


def test_the_stages_spend_the_level_and_later_ones_more():
    spent = np.diff([spent_share(stage, STAGES) for stage in range(STAGES + 1)])
    assert spent.sum() == pytest.approx(1)
    assert spent[0] == pytest.approx(1 / 8)
    assert (np.diff(spent) > 0).all()


@pytest.mark.parametrize("ties", [False, True])
def test_at_every_level_no_more_splits_are_rejected_than_the_stages_so_far_may_spend(ties):
    rng = np.random.default_rng(0)
    levels = np.full(1000, inf)
    for stage in range(1, STAGES + 1):
        statistics = np.abs(rng.normal(size=1000))
        statistics = np.round(statistics, 1) if ties else statistics
        share = spent_share(stage, STAGES) - spent_share(stage - 1, STAGES)
        levels = np.minimum(levels, _exit_levels(statistics, levels, share))
        for level in np.unique(levels[levels <= 1]):
            assert (levels <= level).mean() <= level * spent_share(stage, STAGES) * (1 + 1e-9)
    if not ties:
        assert (levels <= LEVEL).mean() == pytest.approx(LEVEL, abs=STAGES / 1000)


def test_the_boundary_of_two_stages_agrees_with_a_calculation_by_hand():
    """Ten splits, half of the level each. At a = .4 each stage rejects 2 splits, the second among the 8 that are left.

    Stage 1 rejects statistics 9 and 8; of stage 2 the largest statistics are those of the same two splits and of the
    splits 2 and 3, which therefore are the second stage's.
    """
    first = _exit_levels(np.arange(10.0)[::-1], np.full(10, inf), 0.5)
    assert first[:5].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert np.isinf(first[5:]).all()
    second = np.minimum(first, _exit_levels(np.array([9, 8, 7, 6, 0, 1, 2, 3, 4, 5.0]), first, 0.5))
    assert (second <= 0.4).nonzero()[0].tolist() == [0, 1, 2, 3]


def test_a_single_stage_is_the_ordinary_test():
    rng = np.random.default_rng(1)
    first, second = rng.normal(0, 1, 10), rng.normal(0.8, 1, 10)
    (p_value,) = sequential_p_values([first], [second], stages=1, seed=0)
    assert p_value == pytest.approx(permutation_test(first, second, seed=0)[0], rel=0.15)


def test_p_values_never_rise_and_later_groups_do_not_change_earlier_ones():
    rng = np.random.default_rng(2)
    first, second = groups_of(rng, STAGES, 6), groups_of(rng, STAGES, 6, shift=0.7)
    full = list(sequential_p_values(first, second, stages=STAGES, seed=3, splits=999))
    assert (np.diff(full) <= 0).all()
    for count in range(1, STAGES):
        shorter = sequential_p_values(first[:count], second, stages=STAGES, seed=3, splits=999)
        assert list(shorter) == full[:count]


def test_failures_are_the_worst_values_and_any_number_of_them_has_a_p_value():
    rng = np.random.default_rng(3)
    fine, failed = groups_of(rng, 2, 8), [np.full(8, inf), np.full(8, inf)]
    assert list(sequential_p_values(fine, failed, stages=2, seed=0))[-1] < 0.001
    assert list(sequential_p_values(failed, failed, stages=2, seed=0)) == [1, 1]


@pytest.mark.parametrize(("seeds", "stages"), [(2, 2), (3, 2), (3, 4)])
def test_conditions_that_do_not_overlap_have_the_smallest_p_value(seeds, stages):
    first, second = ([np.arange(float(seeds)) + offset for _ in range(stages)] for offset in (0, 10))
    *_, p_value = sequential_p_values(first, second, stages=stages, seed=0, splits=100_000)
    assert p_value == pytest.approx(smallest_p_value(seeds, stages, stages), rel=0.1, abs=1e-4)


# -- all pairs ---------------------------------------------------------------------------------------------------------


def test_a_clear_pair_is_decided_at_once_and_an_unclear_one_goes_on():
    rng = np.random.default_rng(4)
    groups = {"near": groups_of(rng, 3, 10), "same": groups_of(rng, 3, 10), "far": groups_of(rng, 3, 10, shift=9)}
    tests = {(test.first, test.second): test for test in pair_tests(groups, stages=3, seed=0)}
    assert [tests["near", "far"].stage, tests["same", "far"].stage, tests["near", "same"].stage] == [1, 1, 3]
    assert [test.decided for test in tests.values()] == [False, True, True]


def test_what_was_decided_does_not_change_with_further_groups():
    rng = np.random.default_rng(5)
    groups = {name: groups_of(rng, STAGES, 10, shift) for name, shift in (("a", 0.0), ("b", 0.6), ("c", 1.2))}
    former: list[PairTest] = []
    for count in range(1, STAGES + 1):
        so_far = {name: values[:count] for name, values in groups.items()}
        tests = pair_tests(so_far, stages=STAGES, seed=0, splits=1999)
        known = {(test.first, test.second): test for test in tests}
        for test in former:
            now = known[test.first, test.second]
            assert now.p_adjusted <= test.p_adjusted
            assert not test.decided or (now.decided, now.stage, now.p_value) == (True, test.stage, test.p_value)
        former = tests
    assert sum(test.decided for test in former) >= 2
    assert len({test.stage for test in former}) > 1


def test_a_condition_that_stopped_early_is_tested_with_the_groups_that_both_have():
    rng = np.random.default_rng(6)
    groups = {"a": groups_of(rng, 1, 10), "b": groups_of(rng, 3, 10), "c": groups_of(rng, 3, 10)}
    assert [test.stage for test in pair_tests(groups, stages=3, seed=0, splits=499)] == [1, 1, 3]


def test_a_decided_pair_leaves_its_share_of_the_level_to_the_others():
    """The same pair beside two clear ones needs p < .05, not .05/3."""
    rng = np.random.default_rng(16)
    first, second = groups_of(rng, 2, 10), groups_of(rng, 2, 10, shift=0.8)
    far = groups_of(rng, 2, 10, shift=99)
    (alone,) = pair_tests({"a": first, "b": second}, stages=2, seed=0)
    beside = pair_tests({"a": first, "b": second, "far": far}, stages=2, seed=0)[0]
    assert LEVEL / 3 < alone.p_value < LEVEL
    assert (beside.p_value, beside.decided) == (alone.p_value, True)


# -- error rates -------------------------------------------------------------------------------------------------------


def normal(rng, size):
    return rng.normal(size=size)


def tied(rng, size):
    return np.round(rng.normal(size=size) * 2) / 2


def failing(rng, size):
    return np.where(rng.random(size) < 0.2, inf, rng.normal(size=size))


def heavy(rng, size):
    return rng.standard_t(2, size)


LAWS = {"normal": normal, "ties": tied, "20 % failures": failing, "Student's t, 2 degrees": heavy}


def decisions(rng, law, shifts, *, seeds=SEEDS, stages=STAGES, splits=999, scales=None):
    """Tests of all pairs of conditions whose values are drawn from a law, shifted and scaled, and their groups."""
    scales = np.ones(len(shifts)) if scales is None else scales
    groups = {
        str(number): list(law(rng, (stages, seeds)) * scale + shift)
        for number, (shift, scale) in enumerate(zip(shifts, scales, strict=True))
    }
    return pair_tests(groups, stages=stages, seed=int(rng.integers(2**31)), splits=splits), groups


def is_false(test, shifts):
    return test.decided and shifts[int(test.first)] == shifts[int(test.second)]


def error_rate(law, shifts, simulations, **options):
    """Share of simulated studies with a decided pair of equal conditions."""
    rng = np.random.default_rng(0)
    studies = (decisions(rng, law, shifts, **options)[0] for _ in range(simulations))
    return np.mean([any(is_false(test, shifts) for test in tests) for tests in studies])


def bound(simulations):
    return LEVEL + 3 * sqrt(LEVEL * (1 - LEVEL) / simulations)


@pytest.mark.parametrize("law", ["ties", "20 % failures"])
def test_looking_four_times_finds_no_more_false_differences_than_looking_once(law):
    assert error_rate(LAWS[law], (0, 0), 300, seeds=5, splits=199) <= bound(300)


def test_the_ordinary_test_after_each_group_finds_too_many():
    rng, simulations = np.random.default_rng(0), 300

    def p_value(first, second):
        (p,) = sequential_p_values([first], [second], stages=1, seed=0, splits=199)
        return p

    found = 0
    for _ in range(simulations):
        first, second = groups_of(rng, STAGES, 5), groups_of(rng, STAGES, 5)
        found += any(
            p_value(np.concatenate(first[:count]), np.concatenate(second[:count])) < LEVEL
            for count in range(1, STAGES + 1)
        )
    assert found / simulations > 0.08


def test_of_some_equal_conditions_beside_different_ones_none_is_called_different():
    assert error_rate(failing, (0, 0, 4), 150, seeds=6, splits=399) <= bound(150)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("shifts", "simulations"), [((0, 0), 3000), ((0,) * 5, 300), ((0, 0, 0, 1.5, 1.5), 300)])
def test_error_rates_of_the_docs(law, shifts, simulations):
    splits = 999 if len(shifts) == 2 else 1999
    rate = error_rate(LAWS[law], shifts, simulations, splits=splits)
    print(f"{law}, shifts {shifts}: {rate:.3f}")
    assert rate <= bound(simulations)


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seeds", [5, 10])
def test_unequal_spread_raises_the_rate_of_the_docs_a_little(seeds):
    rate = error_rate(normal, (0, 0), 3000, seeds=seeds, scales=(1, 3))
    print(f"a spread three times as large, groups of {seeds}: {rate:.3f}")
    assert rate <= bound(3000) + 0.015


def test_a_large_difference_takes_few_seeds_and_a_small_one_all():
    used = {}
    for shift in (0.2, 1.5):
        rng = np.random.default_rng(0)
        tests = [decisions(rng, normal, (0, shift), splits=199)[0][0] for _ in range(60)]
        used[shift] = SEEDS * np.mean([test.stage for test in tests])
    assert used[0.2] > 35
    assert used[1.5] < 20


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("shift", [0.4, 0.6, 0.8, 1.2])
def test_power_and_seeds_of_the_docs(shift):
    """Beside the ordinary test of 10, 20 and 40 seeds; coverage of the interval of the nearer condition."""
    rng, simulations = np.random.default_rng(0), 1000
    power, seeds, fixed, covered = 0, 0, np.zeros(3), 0
    for _ in range(simulations):
        (test,), groups = decisions(rng, normal, (0, shift))
        power, seeds = power + test.decided, seeds + SEEDS * test.stage
        low, high = bootstrap_interval(np.concatenate(groups["0"][: test.stage]), seed=0)
        covered += low <= 0 <= high
        for place, count in enumerate((1, 2, 4)):
            first, second = (np.concatenate(groups[name][:count]) for name in "01")
            (p_value,) = sequential_p_values([first], [second], stages=1, seed=0, splits=999)
            fixed[place] += p_value < LEVEL
    print(
        f"shift {shift}: {power / simulations:.2f} with {seeds / simulations:.1f}, fixed {fixed / simulations}", end=""
    )
    print(f", coverage {covered / simulations:.3f}")
    assert power >= 0.85 * fixed[2]
    assert seeds < 0.95 * 40 * simulations
    assert covered / simulations > 0.9
