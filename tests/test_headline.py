"""The answer in one sentence: what it is about follows from the kind of study, what it says from the numbers."""

import pytest
from simulated import RISING, STUDY, simulate

from studies.comparison import Comparison
from studies.verdict import answer

STALLED, LOST, NEAR, FAR = (0, 0.01), (0, -0.2), (*RISING, 0.96), (*RISING, 0.7, 0.76)
HEAD = STUDY[: STUDY.index("[[conditions]]")].replace("{log_uniform = [1e-5, 1e-2]}", "1e-3")
CLIP = '[[conditions]]\nname = "wgan"\npreset = "wgan"\ntraining.n_critic = 2\n'
VALUES = "constraint.clip_value = {grid = [0.001, 0.01, 0.03, 0.1, 1.0]}\n"
FEW = "search.explore=5"


def condition(name, objective, constraint="none"):
    more = ", gp_weight = 1.0" if constraint == "gradient_penalty" else ""
    return (
        f'[[conditions]]\nname = "{name}"\nobjective = {{kind = "{objective}"}}\n'
        f'constraint = {{kind = "{constraint}"{more}}}\n'
    )


def by_value(**fates):
    """A member's fate by its clip value, and in confirm another one."""
    confirm = fates.pop("confirm", NEAR)
    table = {float(value.replace("_", ".")[1:]): fate for value, fate in fates.items()}
    return lambda planned, seed: (
        confirm if planned.phase == "confirm" else table[next(iter(planned.configuration.values()))]
    )


def said(folder, fate, *overrides, **options):
    return answer(Comparison(simulate(folder, fate, *overrides, **options)))


# --- listed values of the only condition


def test_the_values_that_work_stand_between_those_that_do_not_and_how(tmp_path):
    fate = by_value(v0_001=STALLED, v0_01=NEAR, v0_03=NEAR, v0_1=LOST, v1=LOST)
    assert said(tmp_path, fate, FEW, text=HEAD + CLIP + VALUES)[0] == (
        "wgan ends stable within 0.250 of the real data at clip_value = 0.01 and 0.03 (best at 0.01), of 5 values from "
        "0.001 to 1: the smaller one stalls, larger ones diverge."
    )


def test_both_sides_that_fail_alike_are_one_and_a_gap_is_said(tmp_path):
    fate = by_value(v0_001=LOST, v0_01=LOST, v0_03=NEAR, v0_1=LOST, v1=LOST)
    one = said(tmp_path, fate, FEW, text=HEAD + CLIP + VALUES)[0]
    assert one.endswith("at clip_value = 0.03, of 5 values from 0.001 to 1: smaller and larger ones diverge.")
    (tmp_path / "gap").mkdir()
    fate = by_value(v0_001=NEAR, v0_01=STALLED, v0_03=NEAR, v0_1=NEAR, v1=NEAR)
    gap = said(tmp_path / "gap", fate, FEW, text=HEAD + CLIP + VALUES)[0]
    assert gap.endswith(
        "0.001, 0.03, 0.1 and 1 (best at 0.001), of 5 values from 0.001 to 1: 0.01 between them stalls."
    )


def test_where_no_value_works_it_is_said_what_they_do(tmp_path):
    fate = by_value(v0_001=STALLED, v0_01=LOST, v0_03=LOST, v0_1=LOST, v1=LOST, confirm=LOST)
    assert said(tmp_path, fate, FEW, text=HEAD + CLIP + VALUES) == (
        "wgan ends stable within 0.250 of the real data at none of 5 values of clip_value from 0.001 to 1: they "
        "diverge or stall.",
        "The setting found for wgan is not stable, 4 of 4 fresh seeds failed.",
    )


def test_where_every_value_works_the_nearer_ones_are_told_apart(tmp_path):
    fate = by_value(v0_001=FAR, v0_01=NEAR, v0_03=NEAR, v0_1=FAR, v1=FAR)
    assert said(tmp_path, fate, FEW, text=HEAD + CLIP + VALUES)[0] == (
        "wgan ends stable within 0.250 of the real data at all 5 values of clip_value from 0.001 to 1 (best at 0.01), "
        "and within 0.100 at 0.01 and 0.03 alone."
    )


def test_a_value_that_works_but_fails_on_fresh_seeds_is_not_praised(tmp_path):
    fate = by_value(v0_001=LOST, v0_01=NEAR, v0_03=LOST, v0_1=LOST, v1=LOST, confirm=LOST)
    first, second = said(tmp_path, fate, FEW, text=HEAD + CLIP + VALUES)
    assert "at clip_value = 0.01 (but 4 of 4 fresh seeds at 0.01 fail), of 5 values" in first
    assert second == "The setting found for wgan is not stable, 4 of 4 fresh seeds failed."


def test_a_value_that_is_tried_twice_works_if_its_seeds_together_do(tmp_path):
    def fate(planned, seed):
        lost = planned.phase == "confirm" or planned.index == 0  # 0.001 at first; the second time it ends well
        return LOST if lost else NEAR

    first = said(tmp_path, fate, "search.explore=10", text=HEAD + CLIP + VALUES)[0]
    assert "at clip_value = 0.01, 0.03, 0.1 and 1" in first
    assert first.endswith(
        "(but 4 of 4 fresh seeds at 0.01 fail), of 5 values from 0.001 to 1: the smaller one diverges."
    )


# --- listed values of several conditions


def several(*more):
    return HEAD.replace("n_critic = 1", "n_critic = {grid = [1, 2, 5]}") + condition("a", "minimax") + "".join(more)


def test_several_conditions_are_told_at_which_values_each_works(tmp_path):
    def fate(planned, seed):
        works = planned.configuration["training.n_critic"] <= (5 if planned.condition == "a" else 1)
        shift = 0.01 * (planned.condition == "a") + 1e-4 * (seed % 7)
        return (*RISING, 0.93 + shift) if works else LOST

    text = several(condition("b", "least_squares"), condition("c", "hinge"))
    first = said(tmp_path, fate, "search.confirm.seeds=8", text=text)[0]
    assert first.startswith("a comes closest to the real data (p <= 0.0")
    assert first.endswith(
        "against each of the 2 others); of 3 values of n_critic from 1 to 5 a ends stable within 0.100 of the real "
        "data at all of them (best at 5); b and c at 1."
    )


def test_several_conditions_of_which_none_works_say_how_each_fails(tmp_path):
    def fate(planned, seed):
        return STALLED if planned.condition == "a" else LOST

    assert said(tmp_path, fate, text=several(condition("b", "least_squares")))[0] == (
        "No setting that was found is stable, 4 of 4 fresh seeds failed for a and 4 of 4 for b; none of 3 values of "
        "n_critic from 1 to 5 ends stable within 0.250 of the real data: those of a stall and those of b diverge."
    )


# --- known modes

RING = (
    HEAD
    + '[data]\nkind = "ring"\n'
    + condition("a", "minimax")
    + condition("b", "hinge")
    + condition("c", "least_squares")
)


def covering(**modes):
    def measures(planned, seed):
        full, count = modes[planned.condition]
        return {"modes_covered": 8.0 if seed % 10 < full else count}

    return measures


def test_of_known_modes_it_is_said_who_covers_all_with_every_seed(tmp_path):
    measures = covering(a=(10, 8.0), b=(3, 7.0), c=(0, float("nan")))
    first, second, third, *_ = said(tmp_path, lambda planned, seed: NEAR, text=RING, measures=measures)
    assert first == "a covers all 8 modes with each of 4 fresh seeds; b with 3 of 4; c with none of 4."
    assert second == "4 of 4 seeds is a share of 51% to 100% (95% interval)."
    assert third.startswith("Which of the 3 conditions comes closest to the real data is undecided")


def test_where_nobody_covers_all_modes_that_is_said(tmp_path):
    measures = covering(a=(1, 3.0), b=(3, 7.0), c=(1, 2.0))
    first, second, *_ = said(tmp_path, lambda planned, seed: NEAR, text=RING, measures=measures)
    assert first == "No condition covers all 8 modes with each of 4 fresh seeds; b with 3 of 4; a and c with 1 of 4."
    assert "share of" not in second


def test_a_condition_whose_confirm_was_given_up_covers_no_mode(tmp_path):
    def fate(planned, seed):
        return None if (planned.condition, planned.phase) == ("c", "confirm") else NEAR

    first = said(tmp_path, fate, text=RING, measures=covering(a=(10, 8.0), b=(10, 8.0), c=(10, 8.0)))[0]
    assert first == "a and b cover all 8 modes with each of 4 fresh seeds; c with none of 4."


# --- conditions that differ in their constraint alone

CROSSED = "".join(
    condition(f"{objective}-{constraint}", objective, constraint)
    for objective in ("wasserstein", "hinge")
    for constraint in ("spectral_norm", "gradient_penalty")
)


@pytest.mark.parametrize(("edge", "verdict"), [
    (0.05, "Gradient penalty comes closer than spectral norm under both objectives (p <= 0.0"),
    (0.0, "Whether "),
])  # fmt: skip
def test_where_the_constraint_alone_differs_it_is_what_is_told(tmp_path, edge, verdict):
    def fate(planned, seed):
        penalised = planned.condition.endswith("penalty")
        return (*RISING, 0.9 + edge * penalised + 1e-3 * ((seed * 7 + 3 * penalised) % 5))

    def measures(planned, seed):
        return {"critic_slope": 1.25 if planned.condition.endswith("penalty") else 0.5}

    text = HEAD + CROSSED
    compared = Comparison(simulate(tmp_path, fate, "search.confirm.seeds=8", text=text, measures=measures))
    compared.results.trials["elapsed_seconds"] = 2.0
    first, second, *_ = answer(compared)
    assert first.startswith(verdict)
    assert ("is undecided under both objectives" in first) == (not edge)
    assert second.startswith("Which of the 4 conditions") == (not edge)
    if edge:
        ends = "; critics under gradient penalty end with a slope of 1.2 against 0.5, and their training took 1 times"
        assert ends in first


def test_constraints_under_different_objectives_are_no_crossing(tmp_path):
    text = HEAD + condition("a", "wasserstein", "spectral_norm") + condition("b", "hinge", "gradient_penalty")
    assert said(tmp_path, lambda planned, seed: NEAR, text=text)[0].startswith("Which of a and b comes closer")


# --- two segments


def test_segments_say_what_the_divergences_do_before_any_training(tmp_path):
    text = (
        HEAD.replace('networks.generator = {kind = "mlp", width = 8, depth = 1, latent = 2}',
                     'networks.generator = {kind = "segment", theta = {grid = [0.0, 0.5, 2.0]}}')
        + '[data]\nkind = "segments"\n' + condition("a", "minimax")
    )  # fmt: skip

    def measures(planned, seed):
        theta = planned.configuration["networks.generator.theta"]
        return {"jensen_shannon": 0.693 * (theta > 0), "wasserstein_1": theta}

    first = said(tmp_path, lambda planned, seed: NEAR, "search.confirm.best=0", text=text, measures=measures)[0]
    assert first == (
        "As theta goes from 2 to 0.5, before any training the Jensen-Shannon divergence stays at 0.693 and the earth "
        "mover's distance falls from 2.000 to 0.500; a ends stable within 0.250 of the real data at all 3 values of "
        "generator.theta from 0 to 2."
    )
