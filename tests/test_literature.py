"""Orderings of the literature: applied if everything else is equal, and compared with the study's own numbers."""

import pytest
from simulated import simulate
from test_headline import CLOSE, DIVERGED, HEAD, condition

from studies.analysis.comparison import Comparison
from studies.reporting.text.literature import literature_sentences
from studies.reporting.text.several_studies import several_studies
from studies.reporting.text.verdict import verdict

CLIPPED = (
    '[[conditions]]\nname = "clipped"\nobjective = {kind = "wasserstein"}\n'
    'constraint = {kind = "weight_clipping", clip_value = {log_uniform = [1e-3, 1.0]}}\n'
)
PENALISED = (
    '[[conditions]]\nname = "penalised"\nobjective = {kind = "wasserstein"}\n'
    'constraint = {kind = "gradient_penalty", gp_weight = {log_uniform = [0.1, 100.0]}}\n'
)
CLIPPING_CLAIM = (
    "Claim of Gulrajani et al. 2017 (arXiv:1704.00028): weight clipping is more sensitive to its clip value than a "
    "gradient penalty to its weight. "
)
MINIMAX_CLAIM = (
    "Claim of Goodfellow et al. 2014 (arXiv:1406.2661): the minimax loss fails more often than the non-saturating loss"
    ". "
)
AGREES, DISAGREES, UNDECIDED = "This study agrees", "This study disagrees", "In this study this is undecided"


def compare(folder, progress_of, *overrides, **options):
    folder.mkdir(exist_ok=True)
    return Comparison(simulate(folder, progress_of, *overrides, **options))


PROFILED = ("search.explore=8", "search.profile=30")


def works(share):
    """The first settings of a condition work, that share of ten."""
    return lambda trial, seed: CLOSE if trial.index < 10 * share[trial.condition] else DIVERGED


def works_over(decades):
    """Settings work whose hyperparameter lies within this number of decades below the upper end of its range."""

    def progress_of(trial, seed):
        ((path, value),) = trial.configuration.items()
        upper = 1.0 if path == "constraint.clip_value" else 100.0
        return CLOSE if value > upper / 10 ** decades[trial.condition] else DIVERGED

    return progress_of


@pytest.mark.parametrize(
    ("clipped", "penalised", "opinion"), [(0.5, 2.5, AGREES), (2.5, 0.5, DISAGREES), (1.4, 1.5, UNDECIDED)]
)
def test_the_claim_on_clipping_is_compared_with_the_stable_ranges(tmp_path, clipped, penalised, opinion):
    progress_of = works_over({"clipped": clipped, "penalised": penalised})
    comparison = compare(tmp_path, progress_of, *PROFILED, text=HEAD + CLIPPED + PENALISED)
    ranges = comparison.stable_ranges.drop_duplicates("condition").set_index("condition")
    assert ranges["width"].to_dict() == pytest.approx({"clipped": clipped, "penalised": penalised}, abs=0.1)
    (sentence,) = literature_sentences([comparison])
    numbers = [
        f"{row.width:.2g} decades of {name} ({row.width_low:.2g} to {row.width_high:.2g})"
        for row, name in zip((ranges.loc["clipped"], ranges.loc["penalised"]), ("clip_value", "gp_weight"), strict=True)
    ]
    assert (
        sentence == f"{CLIPPING_CLAIM}{opinion}: stable are clipped over {numbers[0]} and penalised over {numbers[1]}."
    )
    topics = {topic.title: topic.sentences for topic in verdict(comparison)}
    assert topics["Agreement with the literature"] == (sentence,)


def test_without_a_profile_there_is_no_evidence_on_clipping(tmp_path):
    comparison = compare(
        tmp_path, works_over({"clipped": 1, "penalised": 1}), "search.explore=3", text=HEAD + CLIPPED + PENALISED
    )
    assert not list(literature_sentences([comparison]))


@pytest.mark.parametrize("other", ["n_critic = 5", "batch = 16"])
def test_there_is_no_sentence_if_anything_else_differs(tmp_path, other):
    text = HEAD + CLIPPED + PENALISED + f"training.{other}\n"
    progress_of = works_over({"clipped": 0.5, "penalised": 2.5})
    assert not list(literature_sentences([compare(tmp_path, progress_of, *PROFILED, text=text)]))


def test_conditions_of_two_studies_are_compared_if_the_studies_are_equal_otherwise(tmp_path):
    progress_of = works_over({"clipped": 0.5, "penalised": 2.5})
    clip, weight, longer = (
        compare(tmp_path / name, progress_of, f'name="{name}"', *PROFILED, *more, text=HEAD + text)
        for name, text, more in (
            ("clip", CLIPPED, []), ("weight", PENALISED, []), ("longer", PENALISED, ["budget.steps=40"])
        )
    )  # fmt: skip
    assert not list(literature_sentences([clip]))
    (sentence,) = [sentence for sentence in several_studies([clip, weight]) if "arXiv" in sentence]
    assert sentence.startswith(f"{CLIPPING_CLAIM}These studies agree: stable are clipped over ")
    assert not [sentence for sentence in several_studies([clip, longer]) if "arXiv" in sentence]


FIXED = HEAD + condition("mini", "minimax") + condition("non", "non_saturating")


@pytest.mark.parametrize(("failed", "opinion"), [((8, 0), AGREES), ((0, 8), DISAGREES), ((8, 8), UNDECIDED)])
def test_the_claim_on_the_minimax_loss_is_compared_with_failures(tmp_path, failed, opinion):
    failed_seeds = {"mini": failed[0], "non": failed[1]}

    def progress_of(trial, seed):
        return DIVERGED if trial.phase == "confirm" and seed % 10 < failed_seeds[trial.condition] else CLOSE

    (sentence,) = literature_sentences([compare(tmp_path, progress_of, "search.confirm.seeds=8", text=FIXED)])
    assert sentence == (
        f"{MINIMAX_CLAIM}{opinion}: {failed[0]} of 8 fresh seeds of mini and {failed[1]} of 8 fresh seeds of non "
        "failed."
    )


def test_settings_are_counted_if_hyperparameters_are_searched_else_fresh_seeds_after_confirm(tmp_path):
    searched = FIXED.replace("lr = 1e-3", "lr = {log_uniform = [1e-5, 1e-2]}")
    assert "lr = {log" in searched
    progress_of = works({"mini": 0.1, "non": 0.9})
    comparison = compare(tmp_path / "searched", progress_of, "search.explore=10", text=searched)
    (sentence,) = literature_sentences([comparison])
    assert sentence == f"{MINIMAX_CLAIM}This study agrees: 9 of 10 settings of mini and 1 of 10 settings of non failed."
    assert not list(literature_sentences([compare(tmp_path / "unconfirmed", progress_of, trials=3, text=FIXED)]))


def test_settings_without_a_result_have_not_failed(tmp_path):
    searched = FIXED.replace("lr = 1e-3", "lr = {log_uniform = [1e-5, 1e-2]}")
    works_often = works({"mini": 0.1, "non": 0.9})

    def progress_of(trial, seed):
        ends = trial.condition == "mini" and trial.phase == "explore" and trial.index in (2, 5, 6, 7)
        return "out_of_memory" if ends else works_often(trial, seed)

    (sentence,) = literature_sentences([compare(tmp_path, progress_of, "search.explore=10", text=searched)])
    assert ": 5 of 6 settings of mini and 1 of 10 settings of non failed." in sentence


def modes(**covered):
    return lambda trial, seed: {"modes_covered": float(covered[trial.condition] + seed % 2)}


def test_modes_are_compared_under_the_same_objective_if_there_is_such_a_pair(tmp_path):
    ring = HEAD + '[data]\nkind = "ring"\n' + condition("plain", "hinge") + condition("r", "hinge", "gradient_penalty")
    with_other = ring + condition("other", "least_squares")
    comparison = compare(tmp_path / "same", lambda trial, seed: CLOSE, "search.confirm.seeds=5",
                         text=with_other, metrics=modes(plain=2, r=6, other=6))  # fmt: skip
    (sentence,) = [sentence for sentence in literature_sentences([comparison]) if "modes" in sentence]
    assert sentence.endswith("This study agrees: 6 to 7 modes for r and 2 to 3 for plain, p = 0.0079.")
    comparison = compare(tmp_path / "different", lambda trial, seed: CLOSE, "search.confirm.seeds=5",
                         text=ring.replace("hinge", "minimax", 1), metrics=modes(plain=6, r=2))  # fmt: skip
    (sentence,) = [sentence for sentence in literature_sentences([comparison]) if "modes" in sentence]
    assert sentence.endswith(
        "This study disagrees: 2 to 3 modes for r and 6 to 7 for plain, p = 0.0079. The two conditions also differ in "
        "their objective."
    )
