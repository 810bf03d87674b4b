"""Groups of fresh seeds (`search.confirm.most`): which conditions get them, and that interruptions change nothing."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow_contents import assert_equal_results, runs_of
from recorded import run_pending
from simulated import PROVENANCE, RISING, STUDY, simulate
from stated import stated
from tiny import DIRAC, TINY, clean_environment, finished, gan_study, run_without_ray, same_numbers

from studies.analysis.comparison import Comparison
from studies.design import Design, TrialSpec, counts, least, total
from studies.errors import InputError
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.locate import results
from studies.reporting.paper import Paper
from studies.reporting.terminal.outline import outline
from studies.reporting.text.answer import answer
from studies.reporting.text.caveats import caveats
from studies.reporting.text.fresh_seeds import (
    FailedPairs,
    FurtherSeeds,
    GroupwiseTests,
    GroupWithoutResult,
    NoneDecidableByGroups,
    undecided_names,
)
from studies.tracking.tracker import Tracker, sync

THIRD = """
[[conditions]]
name = "lsgan"
preset = "lsgan"
"""
GROUPS = ("search.confirm.seeds=6", "search.confirm.most=24")
NEARER = {"wgan": 0.95, "gan": 0.8, "lsgan": 0.8}


def study_of(folder: Path, *overrides: str, text: str = STUDY + THIRD) -> Study:
    file = folder / "study.toml"
    file.write_text(text)
    return Study.load(file, overrides=overrides)


def progress_of(trial: TrialSpec, seed: int) -> Sequence[float]:
    """Progress of wgan far above that of gan and lsgan, which are equal in law."""
    rng = np.random.default_rng([len(trial.condition), seed])
    return (*RISING, NEARER[trial.condition] + 0.01 * rng.normal())


def distances_of(trial: TrialSpec) -> np.ndarray:
    return np.array([1 - progress_of(trial, seed)[-1] for seed in trial.seeds])


def run_design(
    study: Study, *, chance: Random | None = None, without_result: Sequence[str] = ()
) -> list[list[TrialSpec]]:
    """The trials that are known each time a trial has ended, in a random order with `chance`.

    without_result  names of the trials that end without a result
    """
    design, scores = Design(study, PROVENANCE), dict[str, float]()
    distances: dict[str, np.ndarray] = {}
    history = []
    while True:
        history.append(list(design.trials(scores, {}, distances)))
        pending = [trial for trial in history[-1] if trial.key not in scores]
        if not pending:
            fresh = Design(study, PROVENANCE).trials(scores, {}, distances)
            assert [trial.key for trial in fresh] == [trial.key for trial in history[-1]]
            return history
        ended = chance.choice(pending) if chance else pending[0]
        scores[ended.key] = 0.0
        if ended.name not in without_result:
            scores[ended.key], distances[ended.key] = 0.5, distances_of(ended)


def trials_of(study: Study, **how: Any) -> list[TrialSpec]:
    return run_design(study, **how)[-1]


def confirmed(trials: Sequence[TrialSpec]) -> dict[str, list[TrialSpec]]:
    found: dict[str, list[TrialSpec]] = {}
    for trial in trials:
        if trial.phase == "confirm":
            found.setdefault(trial.condition, []).append(trial)
    return found


def numbers(trials: Sequence[TrialSpec]) -> dict[str, int]:
    return {condition: len(groups) for condition, groups in confirmed(trials).items()}


# -- the design --------------------------------------------------------------------------------------------------------


def test_only_conditions_in_an_undecided_pair_get_further_seeds(tmp_path: Path) -> None:
    study = study_of(tmp_path, *GROUPS)
    groups = confirmed(trials_of(study))
    assert {name: len(trials) for name, trials in groups.items()} == {"wgan": 1, "gan": 4, "lsgan": 4}
    for trials in groups.values():
        assert [seed for trial in trials for seed in trial.seeds] == [2_000_000 + i for i in range(6 * len(trials))]
        assert all(trial.configuration == trials[0].configuration for trial in trials)


def test_addresses_do_not_depend_on_the_largest_number_of_seeds(tmp_path: Path) -> None:
    addresses = [
        {trial.name: trial.address for trial in trials_of(study_of(tmp_path, "search.confirm.seeds=6", *most))}
        for most in ([], ["search.confirm.most=6"], ["search.confirm.most=12"], ["search.confirm.most=24"])
    ]
    for fewer, more in pairwise(addresses):
        assert fewer.items() <= more.items()
    assert [len(trials) for trials in addresses] == [12, 12, 14, 18]


def test_no_further_group_is_known_before_all_conditions_have_ended_the_last(tmp_path: Path) -> None:
    history = run_design(study_of(tmp_path, *GROUPS))
    ended = [trial.name for trial in history[-1]]  # in this order
    seen = set()
    for count, known in enumerate(history):
        groups = numbers(known)
        if (further := groups.get("gan", 0) - 1) > 0:
            assert groups["lsgan"] == groups["gan"]
            last = [place for place, name in enumerate(ended) if name.endswith(f"-confirm-{further - 1}")]
            assert count > max(last)
            seen.add((further, count == max(last) + 1))
    assert {further for further, at_once in seen if at_once} == {1, 2, 3}


@pytest.mark.parametrize("seed", range(2))
def test_the_order_in_which_trials_end_changes_nothing(tmp_path: Path, seed: int) -> None:
    study = study_of(tmp_path, *GROUPS)
    expected = {trial.name: trial.address for trial in trials_of(study)}
    assert {trial.name: trial.address for trial in trials_of(study, chance=Random(seed))} == expected


def test_a_condition_without_result_takes_no_part_and_the_others_go_on(tmp_path: Path) -> None:
    study = study_of(tmp_path, *GROUPS)
    assert numbers(trials_of(study, without_result=["wgan-confirm-0"])) == {"wgan": 1, "gan": 4, "lsgan": 4}
    assert numbers(trials_of(study, without_result=["gan-confirm-0"])) == {"wgan": 1, "gan": 1, "lsgan": 1}
    assert numbers(trials_of(study, without_result=["gan-confirm-1"])) == {"wgan": 1, "gan": 2, "lsgan": 2}


def test_settings_that_fail_on_every_seed_get_no_more(tmp_path: Path) -> None:
    def fails(trial: TrialSpec, seed: int) -> Sequence[float]:
        return (0, -0.5) if trial.phase == "confirm" and trial.condition != "wgan" else progress_of(trial, seed)

    comparison = Comparison(simulate(tmp_path, fails, *GROUPS, text=STUDY + THIRD))
    assert comparison.ranking["members"].tolist() == [6, 6, 6]
    assert undecided_names(comparison) == []
    assert len(comparison.pairs[comparison.pairs["decided"]]) == 2
    assert stated(answer(comparison), FailedPairs).pairs == (("gan", "lsgan"),)


def test_a_single_condition_has_one_group(tmp_path: Path) -> None:
    text = STUDY[: STUDY.rindex("[[conditions]]")]
    study = study_of(tmp_path, *GROUPS, text=text)
    assert (least(study), total(study), numbers(trials_of(study))) == (4, 4, {"wgan": 1})
    assert "further fresh seeds" not in outline(study)


def test_the_number_of_trials_lies_between_two_bounds(tmp_path: Path) -> None:
    study = study_of(tmp_path, *GROUPS)
    assert (least(study), total(study)) == (3 * 4, 3 * (3 + 4))
    assert counts(study, study.conditions[0])["confirm"] == 4
    fixed = study_of(tmp_path, "search.confirm.best=2")
    assert least(fixed) == total(fixed) == 3 * (3 + 2)


@pytest.mark.parametrize(
    ("confirm", "sentence"),
    [
        ("{seeds=6, most=20}", "most: must be a multiple of seeds = 6, but is 20"),
        ("{seeds=6, most=3}", "most: must be a multiple of seeds = 6, but is 3"),
        ("{seeds=6, most=126}", "most: must be <= 120, 20 times seeds, but is 126"),
        ("{seeds=6, most=12, best=2}", "best: must be 1 where most is given, but is 2"),
        ("{seeds=6, most=12, best=0}", "best: must be 1 where most is given, but is 0"),
        ("{seeds=1, most=12}", "seeds: must be >= 2 where most is given, but is 1"),
        ("{seeds=6, most=0}", "most: must be >= 1, but is 0"),
    ],
)
def test_bad_numbers_of_seeds_are_named(tmp_path: Path, confirm: str, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        study_of(tmp_path, f"search.confirm={confirm}")
    assert str(error.value) == f"search.confirm.{sentence}"


def test_a_smoke_run_has_two_groups_of_two_seeds(tmp_path: Path) -> None:
    study_of(tmp_path, *GROUPS)
    confirm = Study.load(tmp_path / "study.toml", overrides=GROUPS, smoke=True).search.confirm
    assert (confirm.seeds, confirm.most) == (2, 4)


# -- the tables --------------------------------------------------------------------------------------------------------


def simulated(folder: Path, *overrides: str, trials: int | None = None) -> Comparison:
    folder.mkdir(exist_ok=True)
    return Comparison(simulate(folder, progress_of, *GROUPS, *overrides, trials=trials, text=STUDY + THIRD))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return simulated(tmp_path_factory.mktemp("simulated"))


def test_tables_pool_the_groups_of_each_setting_found(comparison: Comparison) -> None:
    members = {"wgan": 6, "gan": 24, "lsgan": 24}
    assert dict(zip(comparison.ranking["condition"], comparison.ranking["members"], strict=True)) == members
    assert comparison.ranking["trial"].tolist() == [0, 0, 0]
    assert comparison.results.ranking["members"].tolist() == comparison.ranking["members"].tolist()
    shares = comparison.outcomes[comparison.outcomes["phase"] == "confirm"]
    assert shares.groupby("condition")["members"].sum().to_dict() == members
    for table in (comparison.robustness, comparison.equal_critic_steps):
        assert table.groupby("condition")["members"].first().to_dict() == members
    (gan,) = [row for row in comparison.ranking.itertuples() if row.condition == "gan"]
    distances = [3 - 2 * progress_of(trial, seed)[-1] for trial in gan_trials(comparison) for seed in trial.seeds]
    assert gan.distance == pytest.approx(np.mean(np.sort(distances)[6:-6]))


def gan_trials(comparison: Comparison) -> list[TrialSpec]:
    return [trial for trial in comparison.results.specs if (trial.condition, trial.phase) == ("gan", "confirm")]


def test_pairs_say_after_how_many_looks_and_seeds_they_were_decided(comparison: Comparison) -> None:
    rows = {frozenset((row.condition, row.other)): row for row in comparison.pairs.itertuples()}
    undecided = rows.pop(frozenset(("gan", "lsgan")))
    assert (undecided.decided, undecided.looks, undecided.members, undecided.other_members) == (False, 4, 24, 24)
    for row in rows.values():
        assert (row.decided, row.looks, row.members, row.other_members) == (True, 1, 6, 6)
    assert not comparison.pairs["exact"].any()


def test_without_further_groups_the_tables_are_those_of_a_single_test(tmp_path: Path) -> None:
    one, other = (simulated(tmp_path / str(n), *most) for n, most in ((1, ["search.confirm.most=6"]), (2, [])))
    single = Comparison(simulate(tmp_path, progress_of, "search.confirm.seeds=6", text=STUDY + THIRD))
    pd.testing.assert_frame_equal(one.pairs, single.pairs)
    pd.testing.assert_frame_equal(one.ranking, single.ranking)
    assert one.pairs["exact"].all()
    assert len(other.results.members) > len(one.results.members)


@pytest.mark.parametrize("trials", [12, 15])
def test_an_interrupted_study_goes_on_to_the_tables_of_an_undisturbed_one(
    comparison: Comparison, tmp_path: Path, trials: int
) -> None:
    whole, interrupted = comparison, simulated(tmp_path / "other", trials=trials)
    assert len(interrupted.results.members) < len(whole.results.members)
    assert set(undecided_names(interrupted)) == {"gan", "lsgan"}
    resumed = simulated(tmp_path / "other")
    assert undecided_names(resumed) == undecided_names(whole) == []
    for table in ("ranking", "pairs", "outcomes"):
        pd.testing.assert_frame_equal(getattr(resumed, table), getattr(whole, table))


def test_the_answer_says_how_often_pairs_were_tested_with_how_many_seeds(comparison: Comparison) -> None:
    tested = stated(answer(comparison), GroupwiseTests)
    assert (tested.seeds, tested.groups) == (6, 4)
    assert tested.pairs == ((2, True, 6), (1, False, 24))


def test_an_interrupted_study_says_that_further_seeds_are_due(tmp_path: Path) -> None:
    further = stated(answer(simulated(tmp_path, trials=12)), FurtherSeeds)
    assert further == FurtherSeeds(conditions=("gan", "lsgan"), seeds=6, most=24)


def test_a_group_without_result_is_named(tmp_path: Path) -> None:
    def ends(trial: TrialSpec, seed: int) -> Sequence[float] | str:
        return "out_of_memory" if trial.name == "gan-confirm-1" else progress_of(trial, seed)

    comparison = Comparison(simulate(tmp_path, ends, *GROUPS, text=STUDY + THIRD))  # type: ignore[arg-type]
    (row,) = [row for row in comparison.pairs.itertuples() if not row.decided]
    assert (row.looks, row.members) == (1, 6)
    assert undecided_names(comparison) == []
    without = stated(answer(comparison), GroupWithoutResult)
    assert (without.condition, without.end.state) == ("gan", "out_of_memory")


def test_too_small_groups_cannot_decide_a_pair_and_the_caveats_say_so(tmp_path: Path) -> None:
    groups = ("search.confirm.seeds=2", "search.confirm.most=4")
    comparison = Comparison(simulate(tmp_path, progress_of, *groups, text=STUDY + THIRD))
    assert not comparison.pairs["decided"].any()
    none = stated(caveats(comparison), NoneDecidableByGroups)
    assert (none.seeds, none.most, none.pairs) == (2, 4, 3)
    assert none.smallest == pytest.approx(0.086, abs=0.0005)


# -- what is printed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("confirm", "trials", "lines"),
    [
        (
            "{seeds=10, most=40}",
            "12 to 21",
            ["Conditions in an undecided pair get 10 further fresh seeds at a time, up to 40."],
        ),
        (
            "{seeds=5, most=20}",
            "12 to 21",
            [
                "Conditions in an undecided pair get 5 further fresh seeds at a time, up to 20.",
                "  The first pair can be decided with 10 seeds at the earliest, with larger groups earlier.",
            ],
        ),
        (
            "{seeds=2, most=4}",
            "12 to 15",
            [
                "Conditions in an undecided pair get 2 further fresh seeds at a time, up to 4.",
                "  With groups of 2 seeds no pair can be decided; larger groups can.",
            ],
        ),
        ("{seeds=10}", "12", []),
    ],
)
def test_the_outline_says_how_seeds_are_added_and_if_groups_are_too_small(
    tmp_path: Path, confirm: str, trials: str, lines: list[str]
) -> None:
    printed = outline(study_of(tmp_path, f"search.confirm={confirm}")).splitlines()
    assert [line for line in printed if "fresh seeds" in line or "decided" in line] == lines
    assert f" = {trials} trials, " in printed[0]


def test_a_paper_describes_the_groups_the_looks_and_the_seeds_of_each_pair(comparison: Comparison) -> None:
    paper = Paper.of(comparison)
    assert "It was trained again with 6 fresh seeds, and as many again as long as its comparison" in paper.methods
    assert "after each group of 6 seeds, at most 4 times and until they were decided" in paper.methods
    assert "$(k/K)^{1.5}$" in paper.methods
    assert {"lan1983", "kim1987", "tamhane2021"} <= set(re.findall(r"^@\w+\{([^,]*),$", paper.references, re.MULTILINE))
    assert "group-sequential permutation test" in paper.tables["pairs"]
    assert "not finished" not in paper.methods


@pytest.mark.parametrize(("trials", "missing"), [(10, "2 confirm trials"), (12, "2 confirm trials"), (13, "1 confirm")])
def test_a_paper_of_an_unfinished_study_counts_the_trials_that_are_due(
    tmp_path: Path, trials: int, missing: str
) -> None:
    assert f"This study is not finished: {missing}" in Paper.of(simulated(tmp_path, trials=trials)).methods


# -- real training -----------------------------------------------------------------------------------------------------

SEQUENTIAL = (
    *("search.confirm.seeds=3", "search.confirm.most=9", "search.explore=1", "search.exploit.trials=0"),
    *("outcomes.near=0", "outcomes.relapse=0", "conditions.gan.training.n_critic=3"),
)
SECOND = """
[[conditions]]
name = "penalised"
objective.kind = "wasserstein"
constraint = {kind = "gradient_penalty", gp_weight = 1.0, target = 0, location = "real"}
"""


def tiny_study(folder: Path, *overrides: str) -> Study:
    folder.mkdir(exist_ok=True)
    root = f"ledger.root={folder / 'gan-studies'}"
    return study_of(folder, root, *SEQUENTIAL, *overrides, text=TINY)


@pytest.mark.soak
def test_a_killed_study_has_the_numbers_of_an_undisturbed_one(tmp_path: Path) -> None:
    whole = tiny_study(tmp_path / "whole")
    run_pending(whole)
    expected = finished(Ledger(whole.ledger.root))
    assert len(expected) == 2 + 2 * 3
    study = tiny_study(tmp_path / "killed")
    for _ in range(2):
        run_pending(study, trials=3, killed=True)
    run_pending(study)
    found = finished(Ledger(study.ledger.root))
    assert found.keys() == expected.keys()
    assert all(same_numbers(found[key], expected[key]) for key in expected)


def test_a_larger_number_of_seeds_trains_only_the_further_groups(tmp_path: Path) -> None:
    run_pending(tiny_study(tmp_path, "search.confirm.most=3"))
    before = {key: entry.facts["ended_at"] for key, entry in finished(Ledger(tmp_path / "gan-studies")).items()}
    study = tiny_study(tmp_path)
    run_pending(study)
    after = {key: entry.facts["ended_at"] for key, entry in finished(Ledger(study.ledger.root)).items()}
    assert before.items() < after.items()
    assert len(after) - len(before) == 4


def test_a_run_ends_when_all_pairs_are_decided(tmp_path: Path) -> None:
    """Without noise all seeds of the Dirac pair are the same, and converge with the penalty.

    Of 5 against 5 seeds 2/252 of the splits are as extreme, more than the first look may spend.
    """
    text = DIRAC + SECOND
    root = f"ledger.root={tmp_path / 'ledger'}"
    study = study_of(tmp_path, "search.confirm={seeds=5, most=20}", root, text=text)
    ended = run_without_ray(study)
    assert not ended.interrupted
    pairs = Comparison(results("dirac", root=study.ledger.root)).pairs
    assert pairs[["decided", "looks", "members"]].to_numpy().tolist() == [[True, 2, 10]]


@pytest.mark.soak
def test_the_command_adds_seeds_until_pairs_are_decided(tmp_path: Path) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(TINY)
    overrides = [part for override in SEQUENTIAL for part in ("--set", override)]
    done = gan_study("run", file, *overrides, folder=tmp_path, env=clean_environment(PYTHONPATH=str(Path.cwd())))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "tiny: 4 to 8 trials of 2 seeds (3 in confirm)"
    assert "some pairs are undecided with 3 fresh seeds each: 3 more (up to 9) for wgan, gan" in lines
    assert [line.partition(" ")[0] for line in lines if line.startswith("[")] == [
        *(f"[{number}/4" for number in range(1, 5)),
        *("[5/6", "[6/6", "[7/8", "[8/8"),
    ]
    assert len(results("tiny", root=tmp_path / "gan-studies").ranking) == 2


@pytest.mark.slow
@pytest.mark.parametrize("runs", ["trials", pytest.param("study", marks=pytest.mark.soak)])
def test_results_from_mlflow_equal_those_of_the_ledger(tmp_path: Path, runs: str) -> None:
    study, uri = tiny_study(tmp_path, f"tracking.runs={runs}"), f"sqlite:///{tmp_path}/mlflow.db"
    run_pending(study, Tracker(study, print, uri=uri))
    sync(Ledger(study.ledger.root), "tiny", uri)
    local, downloaded = results("tiny", root=study.ledger.root), results("tiny", tracking_uri=uri)
    assert_equal_results(downloaded, local)
    pd.testing.assert_frame_equal(Comparison(downloaded).pairs, Comparison(local).pairs)
    (own,), trials = runs_of(uri)
    assert own.info.status == "FINISHED"
    if runs == "trials":
        ranked = [run for run in trials if "rank" in run.data.metrics]
        confirmed = local.ranked(local.trials)
        assert len(confirmed) == 6
        names = {
            f"{row.condition}-confirm-{row.trial}" for row in confirmed.itertuples() if row.condition in local.ranks
        }
        assert {run.info.run_name for run in ranked} == names
