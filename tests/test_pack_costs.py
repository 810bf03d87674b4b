"""Seconds of packs from those of their parts."""

from dataclasses import replace

import pytest

from studies.forecast.pack_costs import ALONE_SHARE, PackCost, PackCosts, pack_seconds, split_iteration
from studies.forecast.pack_work import Case, Work

COST = PackCost(
    critic_step=0.5,
    generator_step=0.25,
    pretraining_step=2.0,
    health=0.125,
    evaluation=3.0,
    last_evaluation=7.0,
    fixed=11.0,
    commit=13.0,
    spread=0.1,
    memory_bytes=1e9,
)
CASE = Case(structure="a", members=24, size=24e3)


def work(case=CASE, **changes):
    values = {
        "condition": "gan",
        "phase": "explore",
        "case": case,
        "trials": 2,
        "evaluated": 6,
        "pretraining_steps": 3,
        "critic_steps": 100,
        "generator_steps": 20,
        "most_critic_steps": 5,
        "kept_numbers": 10,
        "evaluations": 4,
        "example": "",
    }
    return Work(**values | changes)


def test_the_seconds_of_a_pack_are_the_sum_of_those_of_its_parts():
    expected = 11 + 2 * 13 + 3 * 2.0 + 100 * 0.5 + 20 * 0.25 + 4 * (0.125 + 6 * 3.0) + 6 * 7.0
    assert pack_seconds(work(), COST) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seconds", [{1: 0.75, 5: 2.75}, {1: 0.75, 3: 1.75, 5: 2.75}])
def test_critic_and_generator_steps_are_found_from_iterations_with_several_critic_steps(seconds):
    assert split_iteration(seconds) == pytest.approx((0.5, 0.25), rel=1e-9)


def test_steps_of_a_single_kind_of_iteration_add_up_to_it():
    critic, generator = split_iteration({5: 3.0})
    assert 5 * critic + generator == pytest.approx(3.0)


@pytest.mark.parametrize("seconds", [{1: 1.0, 5: 0.5}, {1: 0.1, 5: 1.0}])
def test_noise_makes_no_step_take_negative_time(seconds):
    critic, generator = split_iteration(seconds)
    assert critic > 0
    assert generator >= 0


def test_seconds_are_affine_in_the_number_of_members_of_one_structure():
    def cost(members):
        return replace(COST, critic_step=0.1 + 0.01 * members, health=0.002 * members)

    cases = [Case(structure="a", members=members, size=1e3 * members) for members in (10, 30)]
    costs = PackCosts({case: cost(case.members) for case in cases})
    asked = Case(structure="a", members=24, size=24e3)
    assert not costs.is_measured(asked)
    assert costs.of(asked).critic_step == pytest.approx(0.1 + 0.01 * 24)
    assert costs.of(asked).health == pytest.approx(0.002 * 24)
    assert costs.of(asked).generator_step == pytest.approx(0.25)


def test_another_structure_has_the_seconds_of_the_most_similar_one_in_proportion_to_its_arithmetic():
    small, large = (Case(structure=name, members=24, size=size) for name, size in (("a", 1e3), ("b", 1e6)))
    costs = PackCosts({small: COST, large: replace(COST, critic_step=50.0)})
    asked = costs.of(Case(structure="c", members=24, size=2e6))
    assert asked.critic_step == pytest.approx(50.0 * (ALONE_SHARE + (1 - ALONE_SHARE) * 2))
    assert asked.evaluation == COST.evaluation
    assert asked.spread > COST.spread


def test_measured_seconds_are_used_as_they_are_and_without_any_measurement_larger_packs_take_longer():
    assert PackCosts({CASE: COST}).seconds(work()) == pack_seconds(work(), COST)
    small, large = (work(Case(structure="a", members=24, size=size)) for size in (1e5, 1e8))
    assert 0 < PackCosts({}).seconds(small) < PackCosts({}).seconds(large)
