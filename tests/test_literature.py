"""Orderings of the literature: found where everything else is equal, and held against the study's own numbers."""

import pytest
from simulated import simulate
from test_headline import HEAD, LOST, NEAR, condition

from studies.comparison import Comparison
from studies.verdict import several, verdict
from studies.verdict.literature import literature

TITLE = "Does it agree with the literature"
CLIPPED = (
    '[[conditions]]\nname = "clipped"\nobjective = {kind = "wasserstein"}\n'
    'constraint = {kind = "weight_clipping", clip_value = {log_uniform = [1e-3, 1.0]}}\n'
)
PENALISED = (
    '[[conditions]]\nname = "penalised"\nobjective = {kind = "wasserstein"}\n'
    'constraint = {kind = "gradient_penalty", gp_weight = {log_uniform = [0.1, 100.0]}}\n'
)
GULRAJANI = (
    "Weight clipping is more sensitive to its clip value than a gradient penalty to its weight (Gulrajani et al. 2017, "
    "arXiv:1704.00028): "
)
MINIMAX = "The minimax game fails more often than the non-saturating one (Goodfellow et al. 2014, arXiv:1406.2661): "


def compared(folder, fate, *overrides, **options):
    folder.mkdir(exist_ok=True)
    return Comparison(simulate(folder, fate, *overrides, **options))


def works(share):
    """Of each condition the share of its settings that work."""
    return lambda planned, seed: NEAR if planned.index < 10 * share[planned.condition] else LOST


@pytest.mark.parametrize(
    ("clipped", "penalised", "opinion"), [(0.1, 0.9, "agrees"), (0.9, 0.1, "disagrees"), (0.3, 0.5, "undecided")]
)
def test_clipping_is_held_against_the_penalty(tmp_path, clipped, penalised, opinion):
    fate = works({"clipped": clipped, "penalised": penalised})
    found = compared(tmp_path, fate, "search.explore=10", text=HEAD + CLIPPED + PENALISED)
    (sentence,) = literature([found])
    assert sentence == (
        f"{GULRAJANI}{opinion} (clipped works at {10 * clipped:.0f} of 10 settings drawn over 3 decades of clip_value "
        f"and penalised works at {10 * penalised:.0f} of 10 settings drawn over 3 decades of gp_weight)."
    )
    assert {topic.title: topic.sentences for topic in verdict(found)}[TITLE] == (sentence,)


def test_a_wider_range_counts_for_more(tmp_path):
    # the same share of twelve decades is four times as wide
    wide = PENALISED.replace("[0.1, 100.0]", "[1e-6, 1e6]")
    fate = works({"clipped": 0.4, "penalised": 0.4})
    (sentence,) = literature([compared(tmp_path, fate, "search.explore=10", text=HEAD + CLIPPED + wide)])
    assert sentence.startswith(f"{GULRAJANI}agrees")


@pytest.mark.parametrize("other", ["n_critic = 5", "batch = 16"])
def test_nothing_is_said_where_anything_else_differs(tmp_path, other):
    text = HEAD + CLIPPED + PENALISED + f"training.{other}\n"
    fate = works({"clipped": 0.1, "penalised": 0.9})
    assert not list(literature([compared(tmp_path, fate, "search.explore=10", text=text)]))


def test_two_studies_are_held_against_each_other_if_they_are_alike(tmp_path):
    fate = works({"clipped": 0.1, "penalised": 0.9})
    one, other, longer = (
        compared(tmp_path / name, fate, f'name="{name}"', "search.explore=10", *more, text=HEAD + text)
        for name, text, more in (
            ("clip", CLIPPED, []), ("weight", PENALISED, []), ("longer", PENALISED, ["budget.steps=40"])
        )
    )  # fmt: skip
    assert not list(literature([one]))
    (sentence,) = [told for told in several([one, other]) if "arXiv" in told]
    assert sentence.startswith(f"{GULRAJANI}agrees (clipped works at 1 of 10")
    assert not [told for told in several([one, longer]) if "arXiv" in told]


PAIR = HEAD + condition("mini", "minimax") + condition("non", "non_saturating")


@pytest.mark.parametrize(("lost", "opinion"), [((8, 0), "agrees"), ((0, 8), "disagrees"), ((8, 8), "undecided")])
def test_the_minimax_game_is_held_against_the_non_saturating_one(tmp_path, lost, opinion):
    first = {"mini": lost[0], "non": lost[1]}

    def fate(planned, seed):
        return LOST if planned.phase == "confirm" and seed % 10 < first[planned.condition] else NEAR

    (sentence,) = literature([compared(tmp_path, fate, "search.confirm.seeds=8", text=PAIR)])
    assert sentence == (
        f"{MINIMAX}{opinion} ({lost[0]} of 8 fresh seeds of mini against {lost[1]} of 8 fresh seeds of non failed)."
    )


def test_where_knobs_are_searched_settings_are_counted_and_nothing_before_confirm_otherwise(tmp_path):
    searched = PAIR.replace("lr = 1e-3", "lr = {log_uniform = [1e-5, 1e-2]}")
    assert "lr = {log" in searched
    fate = works({"mini": 0.1, "non": 0.9})
    (sentence,) = literature([compared(tmp_path / "searched", fate, "search.explore=10", text=searched)])
    assert sentence == f"{MINIMAX}agrees (9 of 10 settings of mini against 1 of 10 settings of non failed)."
    assert not list(literature([compared(tmp_path / "waiting", fate, trials=3, text=PAIR)]))


def modes(**covered):
    return lambda planned, seed: {"modes_covered": float(covered[planned.condition] + seed % 2)}


def test_modes_are_counted_under_the_same_objective_where_there_is_such_a_pair(tmp_path):
    ring = HEAD + '[data]\nkind = "ring"\n' + condition("plain", "hinge") + condition("r", "hinge", "gradient_penalty")
    alike = ring + condition("other", "least_squares")
    found = compared(tmp_path / "alike", lambda planned, seed: NEAR, "search.confirm.seeds=5",
                     text=alike, measures=modes(plain=2, r=6, other=6))  # fmt: skip
    (sentence,) = [told for told in literature([found]) if "modes" in told]
    assert sentence.endswith("agrees (r 6 to 7, plain 2 to 3 modes, p = 0.0079).")
    found = compared(tmp_path / "unlike", lambda planned, seed: NEAR, "search.confirm.seeds=5",
                     text=ring.replace("hinge", "minimax", 1), measures=modes(plain=6, r=2))  # fmt: skip
    (sentence,) = [told for told in literature([found]) if "modes" in told]
    assert sentence.endswith(
        "disagrees (r 2 to 3, plain 6 to 7 modes, p = 0.0079), though they differ in their objective too."
    )
