"""Orderings of the literature: applied if everything else is equal, and compared with the study's own numbers."""

import pytest
from simulated import simulate
from stated import about, every, stated, topics
from test_headline import CLOSE, DIVERGED, HEAD, condition

from studies.analysis.comparison import Comparison
from studies.reporting.text.finding import Part
from studies.reporting.text.literature import ClaimOfPaper, Failures, Modes, StableWidths, literature_findings
from studies.reporting.text.several_studies import several_studies

CLIPPED = (
    '[[conditions]]\nname = "clipped"\nobjective = {kind = "wasserstein"}\n'
    'constraint = {kind = "weight_clipping", clip_value = {log_uniform = [1e-3, 1.0]}}\n'
)
PENALISED = (
    '[[conditions]]\nname = "penalised"\nobjective = {kind = "wasserstein"}\n'
    'constraint = {kind = "gradient_penalty", gp_weight = {log_uniform = [0.1, 100.0]}}\n'
)
CLIPPING_CLAIM, MINIMAX_CLAIM = "Gulrajani et al. 2017 (arXiv:1704.00028)", "Goodfellow et al. 2014 (arXiv:1406.2661)"
AGREES, DISAGREES, UNDECIDED = "agrees", "disagrees", "undecided"


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
    assert ranges["width"].to_dict() == about({"clipped": clipped, "penalised": penalised}, abs=0.1)
    (claim,) = literature_findings([comparison])
    widths = tuple(
        (condition, name, row.width, (row.width_low, row.width_high))
        for condition, name in (("clipped", "clip_value"), ("penalised", "gp_weight"))
        for row in [ranges.loc[condition]]
    )
    assert (claim.source, claim.studies, claim.pairs, claim.also_objective) == (CLIPPING_CLAIM, 1, 1, False)
    assert claim.evidence == ((opinion, (StableWidths(widths),)),)
    assert topics(comparison)["Agreement with the literature"] == (claim,)


def test_without_a_profile_there_is_no_evidence_on_clipping(tmp_path):
    comparison = compare(
        tmp_path, works_over({"clipped": 1, "penalised": 1}), "search.explore=3", text=HEAD + CLIPPED + PENALISED
    )
    assert not list(literature_findings([comparison]))


@pytest.mark.parametrize("other", ["n_critic = 5", "batch = 16"])
def test_there_is_no_claim_if_anything_else_differs(tmp_path, other):
    text = HEAD + CLIPPED + PENALISED + f"training.{other}\n"
    progress_of = works_over({"clipped": 0.5, "penalised": 2.5})
    assert not list(literature_findings([compare(tmp_path, progress_of, *PROFILED, text=text)]))


def test_conditions_of_two_studies_are_compared_if_the_studies_are_equal_otherwise(tmp_path):
    progress_of = works_over({"clipped": 0.5, "penalised": 2.5})
    clip, weight, longer = (
        compare(tmp_path / name, progress_of, f'name="{name}"', *PROFILED, *more, text=HEAD + text)
        for name, text, more in (
            ("clip", CLIPPED, []), ("weight", PENALISED, []), ("longer", PENALISED, ["budget.steps=40"])
        )
    )  # fmt: skip
    assert not list(literature_findings([clip]))
    claim = stated(several_studies([clip, weight]), ClaimOfPaper)
    assert (claim.source, claim.studies) == (CLIPPING_CLAIM, 2)
    assert [opinion for opinion, _ in claim.evidence] == [AGREES]
    assert not every(several_studies([clip, longer]), ClaimOfPaper)


FIXED = HEAD + condition("mini", "minimax") + condition("non", "non_saturating")


@pytest.mark.parametrize(("failed", "opinion"), [((8, 0), AGREES), ((0, 8), DISAGREES), ((8, 8), UNDECIDED)])
def test_the_claim_on_the_minimax_loss_is_compared_with_failures(tmp_path, failed, opinion):
    failed_seeds = {"mini": failed[0], "non": failed[1]}

    def progress_of(trial, seed):
        return DIVERGED if trial.phase == "confirm" and seed % 10 < failed_seeds[trial.condition] else CLOSE

    (claim,) = literature_findings([compare(tmp_path, progress_of, "search.confirm.seeds=8", text=FIXED)])
    assert claim.source == MINIMAX_CLAIM
    numbers = Failures("fresh seeds", ((Part(failed[0], 8), "mini"), (Part(failed[1], 8), "non")))
    assert claim.evidence == ((opinion, (numbers,)),)


def test_settings_are_counted_if_hyperparameters_are_searched_else_fresh_seeds_after_confirm(tmp_path):
    searched = FIXED.replace("lr = 1e-3", "lr = {log_uniform = [1e-5, 1e-2]}")
    assert "lr = {log" in searched
    progress_of = works({"mini": 0.1, "non": 0.9})
    comparison = compare(tmp_path / "searched", progress_of, "search.explore=10", text=searched)
    (claim,) = literature_findings([comparison])
    numbers = Failures("settings", ((Part(9, 10), "mini"), (Part(1, 10), "non")))
    assert claim.evidence == ((AGREES, (numbers,)),)
    assert not list(literature_findings([compare(tmp_path / "unconfirmed", progress_of, trials=3, text=FIXED)]))


def test_settings_without_a_result_have_not_failed(tmp_path):
    searched = FIXED.replace("lr = 1e-3", "lr = {log_uniform = [1e-5, 1e-2]}")
    works_often = works({"mini": 0.1, "non": 0.9})

    def progress_of(trial, seed):
        ends = trial.condition == "mini" and trial.phase == "explore" and trial.index in (2, 5, 6, 7)
        return "out_of_memory" if ends else works_often(trial, seed)

    (claim,) = literature_findings([compare(tmp_path, progress_of, "search.explore=10", text=searched)])
    ((_, numbers),) = claim.evidence
    assert numbers == (Failures("settings", ((Part(5, 6), "mini"), (Part(1, 10), "non"))),)


def modes(**covered):
    return lambda trial, seed: {"modes_covered": float(covered[trial.condition] + seed % 2)}


def test_modes_are_compared_under_the_same_objective_if_there_is_such_a_pair(tmp_path):
    ring = HEAD + '[data]\nkind = "ring"\n' + condition("plain", "hinge") + condition("r", "hinge", "gradient_penalty")
    with_other = ring + condition("other", "least_squares")
    comparison = compare(tmp_path / "same", lambda trial, seed: CLOSE, "search.confirm.seeds=5",
                         text=with_other, metrics=modes(plain=2, r=6, other=6))  # fmt: skip
    (claim,) = (claim for claim in literature_findings([comparison]) if "modes" in claim.claim)
    covered = Modes(((6.0, 7.0, "r"), (2.0, 3.0, "plain")), p=about(2 / 252))
    assert (claim.evidence, claim.also_objective) == (((AGREES, (covered,)),), False)
    comparison = compare(tmp_path / "different", lambda trial, seed: CLOSE, "search.confirm.seeds=5",
                         text=ring.replace("hinge", "minimax", 1), metrics=modes(plain=6, r=2))  # fmt: skip
    (claim,) = (claim for claim in literature_findings([comparison]) if "modes" in claim.claim)
    covered = Modes(((2.0, 3.0, "r"), (6.0, 7.0, "plain")), p=about(2 / 252))
    assert (claim.evidence, claim.also_objective) == (((DISAGREES, (covered,)),), True)
