"""Paths from the authors' settings: their trials, the greedy order, the table of steps, findings and figure."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn import assert_legible, markers_of
from recorded import load_tiny, run_pending
from simulated import PROVENANCE, RISING, STUDY, simulate
from stated import every
from tiny import finished, same_numbers

from studies.analysis.ablation import NOT_SEARCHED, Step, change_in_words
from studies.analysis.comparison import Comparison
from studies.design import Design, TrialSpec, counts, total
from studies.errors import DamagedError
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.ledger.plans import plan_table, planned_trials
from studies.locate import results
from studies.reporting.figures import path as path_figure
from studies.reporting.text.decisive_changes import DecisiveChange, FewerFailures, path_findings
from studies.reporting.text.finding import Part
from studies.statistics.permutation import holm, permutation_test

CLIP, LR, N_CRITIC = "constraint.clip_value", "training.critic_optimizer.lr", "training.n_critic"
OVERRIDES = (
    "seeds=3",
    "search.explore=8",
    "search.confirm={best=1,seeds=6,authors=true,path=true}",
    "training.n_critic={choice=[1,2]}",
    "conditions.wgan.training.n_critic={choice=[1,2]}",
)
DIVERGED = (0, -0.2)


def by_rate(trial: TrialSpec, seed: int) -> Sequence[float]:
    """Progress that grows with the critic's learning rate, and a little from n_critic 5 to 1; seeds differ."""
    training = trial.identity["training"]
    rate, n_critic = training["critic_optimizer"]["lr"], training["n_critic"]
    return (*RISING, 0.8 + 0.03 * np.log10(rate / 1e-5) - 0.005 * n_critic + 0.002 * (seed % 6))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return Comparison(simulate(tmp_path_factory.mktemp("paths"), by_rate, *OVERRIDES))


def trials_of(compared: Comparison, condition: str, phase: str) -> list[TrialSpec]:
    return [spec for spec in compared.results.specs if (spec.condition, spec.phase) == (condition, phase)]


# --- trials


def test_every_remaining_change_is_tried_in_each_step(compared: Comparison) -> None:
    """wgan has three changes: 3 + 2 settings choose, and 3 lie between the ends, the first with no change yet."""
    (found,) = (spec.configuration for spec in trials_of(compared, "wgan", "confirm"))
    (authors,) = (spec.configuration for spec in trials_of(compared, "wgan", "authors"))
    assert not {path for path in found if found[path] == authors[path]}
    tried = [
        {path for path, value in spec.configuration.items() if value == found[path]}
        for spec in trials_of(compared, "wgan", "path_choice")
    ]
    assert tried == [{CLIP}, {LR}, {N_CRITIC}, {CLIP, LR}, {LR, N_CRITIC}]
    on_path = [
        {path for path, value in spec.configuration.items() if value == found[path]}
        for spec in trials_of(compared, "wgan", "path")
    ]
    assert on_path == [set(), {LR}, {LR, N_CRITIC}]


def test_the_path_has_confirms_seeds_and_split_and_its_choice_others(compared: Comparison) -> None:
    confirmed = trials_of(compared, "wgan", "confirm")[0]
    for spec in trials_of(compared, "wgan", "path"):
        assert (spec.seeds, spec.evaluation) == (confirmed.seeds, confirmed.evaluation)
        assert spec.place is None
    for spec in trials_of(compared, "wgan", "path_choice"):
        assert spec.seeds == [4_000_000, 4_000_001, 4_000_002]
        assert spec.evaluation["split"] == "validation"
    used = {seed for spec in compared.results.specs if spec.phase != "path_choice" for seed in spec.seeds}
    assert used.isdisjoint(range(4_000_000, 5_000_000))


def test_the_numbers_of_trials_are_known_before_the_search(compared: Comparison) -> None:
    study = compared.results.study
    by_condition = {name: counts(study, study.condition(name)) for name in ("wgan", "gan")}
    assert [(of["path_choice"], of["path"]) for of in by_condition.values()] == [(5, 3), (2, 2)]
    assert len(compared.results.specs) == total(study) == 2 * (8 + 1 + 1) + 5 + 3 + 2 + 2


def test_a_path_changes_no_other_trial(tmp_path: Path, compared: Comparison) -> None:
    overrides = [text.replace(",path=true", "") for text in OVERRIDES]
    without = simulate(tmp_path, by_rate, *overrides).specs
    addresses = {spec.name: spec.address for spec in compared.results.specs}
    assert {spec.name: spec.address for spec in without}.items() <= addresses.items()
    added = simulate(tmp_path, by_rate, *OVERRIDES)
    assert {spec.name: spec.address for spec in added.specs} == addresses


def small(tmp_path: Path, *overrides: str) -> Study:
    file = tmp_path / "study.toml"
    file.write_text(STUDY)
    return Study.load(file, overrides=[*OVERRIDES, *overrides])


def designed(
    study: Study, score: Callable[[TrialSpec], float], rates: dict[str, float] | None = None
) -> list[TrialSpec]:
    """All trials, if each trial has this score and, by name, this failure rate."""
    design = Design(study, PROVENANCE)
    scores: dict[str, float] = {}
    failure_rates: dict[str, float] = {}
    while new := [trial for trial in design.trials(scores, failure_rates) if trial.key not in scores]:
        scores |= {trial.key: score(trial) for trial in new}
        failure_rates |= {trial.key: (rates or {}).get(trial.name, 0.0) for trial in new}
    return list(design.trials(scores, failure_rates))


def first_change(trials: list[TrialSpec], condition: str = "wgan") -> list[str]:
    """Hyperparameters that change first."""
    of_path = [trial.configuration for trial in trials if (trial.condition, trial.phase) == (condition, "path")]
    first, second = of_path[:2]
    return [path for path in first if first[path] != second[path]]


def test_of_equal_scores_the_one_with_fewer_failures_is_changed_first(tmp_path: Path) -> None:
    study = small(tmp_path)
    rates = {"wgan-path_choice-0": 1 / 3, "wgan-path_choice-1": 1 / 3}
    trials = designed(study, lambda trial: 0.5 + 0.0001 * trial.index, rates)
    assert first_change(trials) == [N_CRITIC]


def test_a_choice_waits_for_all_candidates_of_its_step(tmp_path: Path) -> None:
    design = Design(small(tmp_path), PROVENANCE)
    searched = {trial.key: 0.01 * trial.index for trial in design.trials({}) if trial.phase == "explore"}
    first = [trial for trial in design.trials(searched) if trial.phase in ("path_choice", "path")]
    names = [trial.name for trial in first if trial.condition == "wgan"]
    assert names == ["wgan-path_choice-0", "wgan-path_choice-1", "wgan-path_choice-2", "wgan-path-0"]
    of_wgan = [trial for trial in first if trial.condition == "wgan" and trial.phase == "path_choice"]
    partly = searched | {trial.key: 0.5 for trial in of_wgan[:2]}
    assert {trial.name for trial in design.trials(partly)} == {trial.name for trial in design.trials(searched)}
    known = {trial.name for trial in design.trials(partly | {of_wgan[2].key: 0.9})}
    assert known >= {"wgan-path_choice-3", "wgan-path_choice-4", "wgan-path-1"}
    assert "wgan-path-2" not in known


def test_a_hyperparameter_with_equal_values_is_changed_last_and_trains_nothing_on_confirms_seeds(
    tmp_path: Path,
) -> None:
    """n_critic is 5 in both; the last setting of the path is then the one found, which confirm has trained."""
    study = small(tmp_path, "conditions.wgan.training.n_critic={choice=[5]}")
    trials = {trial.name: trial for trial in designed(study, lambda trial: 0.9 if trial.index == 2 else 0.5)}
    assert N_CRITIC in trials["wgan-path-0"].configuration
    assert trials["wgan-path-2"].key == trials["wgan-confirm-0"].key
    assert len(trials) == total(study)
    # the only trial in vain: the setting without a change, on the seeds of the choice
    again = [trial.key for name, trial in trials.items() if name.startswith("wgan-path_choice")]
    assert len(again) - len(set(again)) == 1


def test_without_a_difference_in_what_is_not_searched_the_path_starts_at_the_authors_trial(tmp_path: Path) -> None:
    betas = "conditions.gan.training.critic_optimizer.betas=[0.5,0.999]"
    study = small(
        tmp_path, "conditions.gan.training.generator_optimizer={kind='adam',lr=2e-4,betas=[0.5,0.999]}", betas
    )
    trials = {trial.name: trial for trial in designed(study, lambda trial: 0.5)}
    assert trials["gan-path-0"].key == trials["gan-authors-0"].key
    assert trials["wgan-path-0"].key != trials["wgan-authors-0"].key


def test_a_plan_with_trials_of_a_path_is_read_back_and_other_values_are_refused(compared: Comparison) -> None:
    study, provenance = compared.results.study, compared.results.provenance
    design = Design(study, provenance)
    tables = [plan_table(spec, design) for spec in compared.results.specs]
    assert {trial.name for trial in planned_trials(tables, study, provenance, "plan")} == {
        spec.name for spec in compared.results.specs
    }
    (table,) = (
        table for table in tables if (table["condition"], table["phase"], table["index"]) == ("wgan", "path", 0)
    )
    table["configuration"] = {**table["configuration"], LR: 0.5}
    with pytest.raises(DamagedError, match=r"critic_optimizer\.lr cannot be 0\.5"):
        planned_trials(tables, study, provenance, "plan")


# --- table


def test_the_table_has_the_distances_and_changes_from_one_end_to_the_other(compared: Comparison) -> None:
    rows = compared.paths[compared.paths["condition"] == "wgan"]
    assert rows["step"].tolist() == [0, 1, 2, 3, 4]
    changed = [change.split(":")[0] for change in rows["change"]]
    assert changed == ["authors' setting", NOT_SEARCHED, "critic lr", "n_critic", "clip_value"]
    assert rows["change"].iloc[1] == (
        "what is not searched: critic_optimizer.kind: rmsprop -> adam; generator_optimizer.kind: rmsprop -> adam; "
        "generator_optimizer.lr: 5e-05 -> 0.0001"
    )
    assert rows["change"].iloc[3] in ("n_critic: 5 -> 1", "n_critic: 5 -> 2")
    tuned = compared.tuning.set_index("condition").loc["wgan"]
    assert rows["distance"].iloc[0] == tuned["authors_distance"]
    assert rows["distance"].iloc[-1] == tuned["distance"]
    np.testing.assert_allclose(rows["gain"].sum(), tuned["authors_distance"] - tuned["distance"])
    assert (rows["seeds"] == 6).all()
    assert rows["failure_rate"].eq(0).all()
    assert (rows["distance_low"] < rows["distance"]).all()
    assert (rows["distance"] < rows["distance_high"]).all()


def test_p_values_are_those_of_the_permutation_test_adjusted_for_the_changes_of_a_condition(
    compared: Comparison,
) -> None:
    rows = compared.paths[compared.paths["condition"] == "wgan"]
    members = compared.results.members
    of_path = [
        members[(members["condition"] == "wgan") & (members["phase"] == phase) & (members["trial"] == index)]
        for phase, index in [("authors", 0), ("path", 0), ("path", 1), ("path", 2), ("confirm", 0)]
    ]
    distances = [of["late_distance"].to_numpy() for of in of_path]
    expected = [permutation_test(after, before, seed=0)[0] for before, after in pairwise(distances)]
    np.testing.assert_allclose(rows["p_value"].iloc[1:], expected)
    np.testing.assert_allclose(rows["p_adjusted"].iloc[1:], holm(np.array(expected)))
    assert rows["decided"].tolist() == [False, False, True, True, False]
    assert rows["p_value"].isna().tolist() == [True, False, False, False, False]


def test_values_that_differ_look_different() -> None:
    change = {LR: (0.001, 0.0010004), "training.critic_optimizer.betas": ([0.0, 0.9], (0.5, 0.9))}
    step = Step(change=change, searched=True, distances=np.zeros(2), late=0.0)
    assert change_in_words(step, {LR: "critic lr"}) == (
        "critic lr: 0.001 -> 0.0010004; critic_optimizer.betas: [0, 0.9] -> [0.5, 0.9]"
    )


def test_an_unfinished_path_has_no_rows(tmp_path: Path, compared: Comparison) -> None:
    last = total(compared.results.study) - 1
    assert Comparison(simulate(tmp_path, by_rate, *OVERRIDES, trials=last)).paths["condition"].unique().tolist() == [
        "gan" if compared.results.specs[-1].condition == "wgan" else "wgan"
    ]


def test_a_path_trial_without_a_result_leaves_the_condition_without_rows(tmp_path: Path) -> None:
    def ends(trial: TrialSpec, seed: int) -> Sequence[float] | str:
        return "error" if trial.name == "wgan-path-1" else by_rate(trial, seed)

    compared = Comparison(simulate(tmp_path, ends, *OVERRIDES))  # type: ignore[arg-type]
    assert compared.paths["condition"].unique().tolist() == ["gan"]


def test_members_of_a_path_are_in_no_other_table(compared: Comparison) -> None:
    assert set(compared.outcomes["phase"]) == {"explore", "confirm", "authors"}
    assert compared.volumes["configurations"].unique().tolist() == [8]


# --- findings and figure


def test_the_change_that_accounts_for_most_is_named_with_its_share_and_p_value(compared: Comparison) -> None:
    first, second = every(path_findings(compared), DecisiveChange)
    assert (first.condition, second.condition) == ("wgan", "gan")
    row = compared.paths.query("condition == 'wgan' and change.str.startswith('critic lr')").iloc[0]
    assert (first.change, first.p) == (row["change"], row["p_adjusted"])
    assert first.share == pytest.approx(row["gain"] / first.total)
    assert first.share > 0.5


def test_the_change_after_which_seeds_no_longer_fail_is_named(tmp_path: Path) -> None:
    def fails(trial: TrialSpec, seed: int) -> Sequence[float]:
        return by_rate(trial, seed) if trial.identity["training"]["critic_optimizer"]["lr"] > 1e-4 else DIVERGED

    compared = Comparison(simulate(tmp_path, fails, *OVERRIDES))
    (fewer,) = (found for found in every(path_findings(compared), FewerFailures) if found.condition == "wgan")
    assert (fewer.authors, fewer.found) == (fewer.before, fewer.after) == (Part(6, 6), Part(0, 6))
    assert fewer.change.startswith("critic lr: 5e-05 -> ")
    assert fewer.p < 0.05
    drawn = path_figure(compared.paths, "wgan")
    assert drawn is not None
    assert len(markers_of(drawn.figure.axes[0], "x")) == 2
    assert_legible(drawn, "light")


def test_nothing_is_said_where_no_change_is_decided(tmp_path: Path) -> None:
    def equal(trial: TrialSpec, seed: int) -> Sequence[float]:
        return (*RISING, 0.9 + 0.01 * (seed % 6))

    compared = Comparison(simulate(tmp_path, equal, *OVERRIDES))
    assert not compared.paths["decided"].any()
    assert list(path_findings(compared)) == []


@pytest.mark.parametrize("condition", ["wgan", "gan"])
def test_the_figure_has_a_row_for_each_setting(compared: Comparison, condition: str) -> None:
    rows = compared.paths[compared.paths["condition"] == condition]
    drawn = path_figure(compared.paths, condition)
    assert drawn is not None
    assert drawn.name == f"path-{condition}"
    assert len(markers_of(drawn.figure.axes[0], "o")) == len(rows)
    assert drawn.figure.axes[0].get_yticklabels()[0].get_text() == "authors' setting"
    assert_legible(drawn, "light")
    assert path_figure(compared.paths[:0], condition) is None


# --- runs


def names_and_addresses(compared: Comparison) -> dict[str, str]:
    return {spec.name: spec.address for spec in compared.results.specs}


@pytest.mark.parametrize("trials", [18, 21, 25])
def test_an_interrupted_study_goes_on_with_the_same_path(tmp_path: Path, compared: Comparison, trials: int) -> None:
    """Interrupted while the authors' settings train, within the first choice, and while the path trains."""
    simulate(tmp_path, by_rate, *OVERRIDES, trials=trials)
    resumed = Comparison(simulate(tmp_path, by_rate, *OVERRIDES))
    assert names_and_addresses(resumed) == names_and_addresses(compared)
    pd.testing.assert_frame_equal(resumed.paths, compared.paths)


def test_trials_of_a_path_train_once_and_have_the_same_bits_after_an_interruption(tmp_path: Path) -> None:
    smaller = ("search.explore=1", "search.exploit.trials=0", "search.confirm.seeds=2", "seeds=1")
    overrides = (*smaller, "search.confirm.authors=true", "search.confirm.path=true")
    whole = load_tiny(tmp_path / "whole", *overrides)
    run_pending(whole)
    study = load_tiny(tmp_path / "interrupted", *overrides)
    run_pending(study, trials=7)
    assert run_pending(study).pending() == []
    entries, expected = finished(Ledger(study.ledger.root)), finished(Ledger(whole.ledger.root))
    assert entries.keys() == expected.keys()
    assert all(same_numbers(entry, expected[key]) for key, entry in entries.items())
    read = results("tiny", root=study.ledger.root)
    assert len({spec.key for spec in read.specs}) == len(entries)
    assert len(read.specs) == total(study) == 2 * (1 + 1 + 1) + 0 + 1 + 2 + 2
