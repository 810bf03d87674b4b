"""Results: columns and types of the tables, the rules that they follow from, and refusals."""

import gc
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import torch
from simulated import simulate
from tiny import DIRAC, ledger_of, run_without_ray, study_in, unexpected

import studies
from gan_core.constraints import WeightClipping
from gan_core.evaluation import Evaluator
from gan_core.outcomes import OUTCOMES
from gan_core.shapes import SampleShape
from gan_core.training import EVALUATION_SEED
from gan_core.training.randomness import stream
from studies.design import PHASES, Design, Provenance, TrialSpec
from studies.errors import DamagedError, InputError
from studies.execution.runner import _other_versions, _provenance, _register, run_in_this_process
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord, without_collection
from studies.ledger.unfinished import STATES, TrialEnd
from studies.locate import results
from studies.progress.events import Listener
from studies.progress.pending import StudyProgress
from studies.statistics.intervals import interquartile_mean
from studies.tables.ranking import winners
from studies.tables.results import Results

TABLES = ["trials", "members", "curves", "ranking"]
CATEGORY = "category"
HYPERPARAMETERS = {
    "constraint.clip_value": "float64",
    "training.critic_optimizer.lr": "float64",
    "training.n_critic": "Int64",
}
COLUMNS = {
    "trials": {
        **{"study": CATEGORY, "condition": CATEGORY, "phase": CATEGORY, "trial": "int64"},
        **HYPERPARAMETERS,
        **{
            "distance": "float64",
            "late_distance": "float64",
            "failure_rate": "float64",
            "search_score": "float64",
            "state": CATEGORY,
        },
        **{"generator_steps": "Int64", "critic_steps": "Int64", "real_samples_seen": "Int64"},
        **{"elapsed_seconds": "float64", "address": "str"},
    },
    "members": {
        **{"study": CATEGORY, "condition": CATEGORY, "phase": CATEGORY, "trial": "int64", "seed": "int64"},
        **{"outcome": CATEGORY, "outcome_step": "Int64", "improving": "bool"},
        **{"best_distance": "float64", "late_distance": "float64", "last_distance": "float64"},
        **{"best": "float64", "late": "float64", "gap": "float64", "roughness": "float64"},
    },
    "curves": {
        **{"study": CATEGORY, "condition": CATEGORY, "phase": CATEGORY, "trial": "int64", "seed": "int64"},
        **{"step": "int64", "metric": CATEGORY, "value": "float64"},
    },
    "ranking": {
        **{"study": CATEGORY, "rank": "Int64", "condition": "str", "trial": "int64"},
        **{"distance": "float64", "distance_low": "float64", "distance_high": "float64"},
        **{"failure_rate": "float64", "failure_low": "float64", "failure_high": "float64", "members": "int64"},
        **HYPERPARAMETERS,
    },
}


class Interrupted(BaseException):
    pass


class AfterTrials(Listener):
    """Interrupts a run after that many trials."""

    def __init__(self, trials: int):
        self.left = trials

    def ended(self, trial: TrialRecord) -> None:
        self.left -= 1
        if not self.left:
            raise Interrupted


@pytest.fixture(scope="session")
def partial_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Explore has ended; of exploit one trial has timed out and one was interrupted."""
    study = study_in(tmp_path_factory.mktemp("partial"), "search.explore=3", "search.exploit.trials=2")
    with pytest.raises(Interrupted):
        run_without_ray(study, AfterTrials(6))
    ledger = ledger_of(study)
    with ledger.writing(study.name) as lease:
        progress = StudyProgress(Design(study, _provenance(study)), ledger, lease)
        progress.write_plan()  # as the driver does before it issues them
        ended, interrupted = (ledger.unfinished(trial.key) for trial in progress.pending())
    for unfinished in (ended, interrupted):
        unfinished.mark_started("a node")
    ended.record_end(TrialEnd(state="timed_out", reason="it took too long"))
    interrupted.save_checkpoint({"iteration": 3})
    return study


@pytest.fixture(scope="session")
def empty_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = study_in(tmp_path_factory.mktemp("empty"))
    _register(study, ledger_of(study), _provenance(study))
    return study


@pytest.fixture
def found(finished_root: Path) -> Results:
    return results("tiny", root=finished_root)


@pytest.fixture(params=["finished", "partial", "empty"])
def any_results(request: pytest.FixtureRequest) -> Results:
    study = request.getfixturevalue(f"{request.param}_study")
    return results("tiny", root=study.ledger.root)


# -- columns and types -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_its_documented_columns_and_types_in_a_finished_running_or_empty_study(
    any_results: Results, table: str
) -> None:
    frame = getattr(any_results, table)
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS[table]
    assert isinstance(frame.index, pd.RangeIndex)


@pytest.mark.parametrize("table", ["trials", "members", "curves"])
def test_categories_list_every_possible_value_in_order(any_results: Results, table: str) -> None:
    frame = getattr(any_results, table)
    assert list(frame["study"].cat.categories) == ["tiny"]
    assert list(frame["condition"].cat.categories) == ["wgan", "gan"]
    assert list(frame["phase"].cat.categories) == list(PHASES)
    assert frame["phase"].cat.ordered
    if table == "members":
        assert list(frame["outcome"].cat.categories) == list(OUTCOMES)
    if table == "trials":
        assert list(frame["state"].cat.categories) == list(STATES)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_survives_parquet(any_results: Results, table: str, tmp_path: Path) -> None:
    frame = getattr(any_results, table)
    frame.to_parquet(tmp_path / "table.parquet", index=False)
    read = pd.read_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(read, frame, check_dtype=False, check_categorical=False)


def test_the_type_of_a_hyperparameters_column_follows_from_its_distributions(tmp_path: Path) -> None:
    study = study_in(
        tmp_path,
        "search={explore=1,exploit={trials=0},confirm={best=0}}",
        "conditions.wgan.training.n_critic={int_uniform=[1,2]}",
        "conditions.wgan.training.update_order={choice=['critic_first','alternating']}",
        "conditions.gan.training.critic_optimizer.lr={choice=[1,2]}",
        "conditions.wgan.training.critic_optimizer.lr={uniform=[0.01,0.02]}",
    )
    run_without_ray(study)
    trials = results("tiny", root=study.ledger.root).trials.set_index("condition")
    assert {name: str(kind) for name, kind in trials.dtypes.items() if "." in name} == {
        "constraint.clip_value": "float64",
        "training.critic_optimizer.lr": "float64",
        "training.n_critic": "Int64",
        "training.update_order": "str",
    }
    assert trials.loc["gan", "training.critic_optimizer.lr"] in (1.0, 2.0)
    assert trials.loc["wgan", "training.update_order"] in ("critic_first", "alternating")
    assert pd.isna(trials.loc["gan", "training.update_order"])


def test_an_empty_study_has_no_rows(empty_study: Study) -> None:
    found = results("tiny", root=empty_study.ledger.root)
    assert [len(getattr(found, table)) for table in TABLES] == [0, 0, 0, 0]


def test_a_running_study_shows_what_is_finished_and_the_state_of_the_rest(partial_study: Study) -> None:
    found = results("tiny", root=partial_study.ledger.root)
    trials = found.trials
    assert trials["state"].tolist() == ["finished"] * 6 + ["timed_out", "interrupted"]
    with ledger_of(partial_study).writing("tiny"):
        running = results("tiny", root=partial_study.ledger.root).trials
    assert running["state"].tolist() == ["finished"] * 6 + ["timed_out", "running"]
    assert trials["phase"].tolist() == ["explore"] * 6 + ["exploit"] * 2
    unfinished = trials[trials["state"] != "finished"]
    values = ["distance", "late_distance", "failure_rate", "search_score", "generator_steps", "elapsed_seconds"]
    assert unfinished[values].isna().all(axis=None)
    assert unfinished["constraint.clip_value"].notna().tolist() == [True, False]
    assert len(found.members) == 12
    assert len(found.ranking) == 0
    assert found.curves["phase"].unique().tolist() == ["explore"]


# -- relations between the tables --------------------------------------------------------------------------------------


def test_every_trial_of_the_design_has_a_row_and_every_seed_a_member(found: Results) -> None:
    trials, members, curves = found.trials, found.members, found.curves
    assert len(trials) == 2 * (3 + 1 + 1)
    assert all((getattr(found, table)["study"] == "tiny").all() for table in TABLES)
    assert (trials["state"] == "finished").all()
    assert len(members) == 2 * (4 * 2 + 3)
    keys = ["condition", "phase", "trial", "seed"]
    assert not members.duplicated(keys).any()
    assert set(map(tuple, curves[keys].astype("object").drop_duplicates().to_numpy())) == set(
        map(tuple, members[keys].astype("object").to_numpy())
    )
    assert not curves.duplicated([*keys, "step", "metric"]).any()


def test_a_trials_results_follow_from_its_members(found: Results) -> None:
    keys = ["condition", "phase", "trial"]
    trials = found.trials.set_index(keys)
    seen = set()
    for key, members in found.members.groupby(keys, observed=True):
        trial = trials.loc[key]
        stable = members["outcome"] == "stable"
        assert trial["failure_rate"] == 1 - stable.mean()
        distance = interquartile_mean(np.where(stable, members["late_distance"], np.inf))
        if np.isinf(distance):
            assert np.isnan(trial["distance"])
        else:
            assert trial["distance"] == distance
        assert trial["late_distance"] == members["late_distance"].median()
        failed = members["outcome"].isin(["nonfinite", "collapsed", "diverged"])
        assert trial["search_score"] == pytest.approx(np.where(failed, 0, members["late"].clip(lower=0)).mean())
        seen.add((np.isnan(trial["distance"]), bool(failed.any())))
    assert seen == {(True, True), (True, False), (False, False)}  # all kinds of trials occur


def test_the_late_distance_of_a_trial_is_its_members_median_whatever_their_outcome(tmp_path: Path) -> None:
    def progress(trial: TrialSpec, seed: int) -> Sequence[float]:
        first = trial.index == 0
        return {0: (-0.5,), 1: (0.25,), 2: (np.nan,) if first else (1.0,)}[seed % 3]

    found = simulate(tmp_path, progress, "seeds=3", "search={explore=2,exploit={trials=0},confirm={best=0}}")
    first, second = found.trials.groupby("trial")["late_distance"].unique()
    assert first == [(1.5 + 0.75) / 2]  # the third member has none
    assert second == [0.75]
    assert found.trials["distance"].isna().all()  # one member of each diverged and one stalled
    assert (found.members["outcome"] == "stable").any()


def test_members_follow_from_their_curves(found: Results) -> None:
    distance = found.curves.query("metric == 'sliced_wasserstein'")
    for row in found.members.itertuples():
        curve = distance[
            (distance["condition"] == row.condition) & (distance["phase"] == row.phase) & (distance["seed"] == row.seed)
        ].sort_values("step")
        assert curve["step"].tolist() == [0, 6, 12, 18, 24, 30, 36]
        assert row.last_distance == curve["value"].iloc[-1]
        assert row.late_distance == curve["value"].iloc[-3:].median()


def test_a_trial_has_the_hyperparameters_that_its_condition_searches(found: Results) -> None:
    trials = found.trials
    wgan, gan = (trials[trials["condition"] == name] for name in ("wgan", "gan"))
    assert wgan["constraint.clip_value"].between(0.03, 1).all()
    assert wgan["training.n_critic"].isna().all()
    assert gan["constraint.clip_value"].isna().all()
    assert gan["training.n_critic"].isin([1, 2, 3]).all()
    assert (gan["critic_steps"] == gan["training.n_critic"] * gan["generator_steps"]).all()


def test_the_ranking_is_drawn_from_confirm_alone(found: Results) -> None:
    ranking = found.ranking.set_index("condition")
    confirmed = found.members[found.members["phase"] == "confirm"]
    assert (ranking["members"] == 3).all()
    for condition, members in confirmed.groupby("condition", observed=True):
        failed = (members["outcome"] != "stable").mean()
        assert ranking.loc[condition, "failure_rate"] == failed
    assert found.ranking["rank"].tolist() == [1, 2]
    assert ranking["distance"].is_monotonic_increasing


def test_the_ranking_holds_the_configuration_that_won_the_search(found: Results) -> None:
    for row in found.ranking.to_dict("records"):
        searched = found.trials[(found.trials["condition"] == row["condition"]) & (found.trials["phase"] != "confirm")]
        best = searched.loc[searched["search_score"].idxmax()]
        for path in HYPERPARAMETERS:
            assert row[path] == best[path] or (pd.isna(row[path]) and pd.isna(best[path]))


def test_values_of_real_data_and_of_the_gaussian_are_those_on_the_test_split(found: Results) -> None:
    generator = found.best("gan").setting.networks.generator
    evaluator = Evaluator(generator, found.data, settings=found.study.evaluation, split="test")
    assert found.real_values == evaluator.real_values
    assert found.gaussian_values == evaluator.gaussian_values
    assert {"precision", "coverage"} < set(found.gaussian_values) <= set(found.curves["metric"])


def test_reference_distances_are_those_on_the_test_split_once_a_condition_is_confirmed(
    found: Results, partial_study: Study
) -> None:
    assert found.reference_distances["real"] == found.real_values["sliced_wasserstein"]
    assert found.reference_distances["gaussian"] == found.gaussian_values["sliced_wasserstein"]
    running = results("tiny", root=partial_study.ledger.root)
    assert running.reference_distances == running.validation_reference_distances == found.validation_reference_distances
    assert found.validation_reference_distances != found.reference_distances


def test_trials_whose_facts_hold_no_such_values_have_none(tmp_path: Path) -> None:
    found = simulate(tmp_path, lambda spec, seed: (0.9,))
    assert len(found.ranking) == 2
    assert found.real_values == found.gaussian_values == {}


def test_a_study_of_the_dirac_pair_has_the_same_tables(tmp_path: Path) -> None:
    study = study_in(tmp_path, text=DIRAC)
    run_without_ray(study)
    found = results("dirac", root=study.ledger.root)
    assert list(found.trials["search_score"]) == [0.0, 0.0]
    assert list(found.members["outcome"]) == ["diverged"] * 3
    assert found.ranking["distance"].isna().tolist() == [True]
    assert found.reference_distances == {"real": 0.0, "constant": np.sqrt(2), "gaussian": None}
    assert found.real_values == found.gaussian_values == {}
    assert found.best("wasserstein").generator()(5).shape == (5, 1)


# -- generators --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", [0, 2])
def test_a_trained_generator_makes_the_samples_that_the_ledger_keeps(found: Results, member: int) -> None:
    trained = found.best("gan").generator(member)
    kept = found.samples("gan")
    network = trained.origin.setting.networks.generator
    z = torch.randn((len(kept[member]), network.latent), generator=stream(EVALUATION_SEED, "samples_z"))
    with torch.no_grad():
        made = network.generate(trained.parameters, z[None], SampleShape(shape=(1, 8, 8), bounded=True))[0]
    assert kept.dtype == np.float32
    np.testing.assert_array_equal(made.half().float().numpy(), kept[member])  # kept in half precision
    assert trained.seed == 2_000_000 + member


def test_the_best_generators_are_those_of_the_smallest_distance_among_the_kept_ones(found: Results) -> None:
    best = found.best("gan", which="best")
    evaluator = Evaluator(best.network, found.data, settings=found.study.evaluation, split="test")
    distances = evaluator.evaluate(best.parameters, last=True)["sliced_wasserstein"]
    curves = winners(found.curves.query("metric == 'sliced_wasserstein' and condition == 'gan'"))
    kept = curves[curves["step"].isin([0, 24, 30, 36])]  # step 0, and at least three of the last evaluations
    np.testing.assert_array_equal(distances, kept.groupby("seed")["value"].min())


def test_a_trained_generator_is_called_for_samples(found: Results) -> None:
    trained = found.best("gan").generator()
    samples = trained(5)
    assert samples.shape == (5, 1, 8, 8)
    assert np.abs(samples).max() <= 1
    assert np.array_equal(samples, found.best("gan").generator()(5))
    assert not np.array_equal(samples, trained(5, seed=1))
    members = found.members.query("condition == 'gan' and phase == 'confirm'")
    assert trained.seed == members.sort_values("late_distance")["seed"].iloc[(len(members) - 1) // 2]
    others = [member for member in range(3) if found.best("gan").seeds[member] != trained.seed]
    assert not any(np.array_equal(samples, found.best("gan").generator(member)(5)) for member in others)


def test_the_best_of_a_condition_is_its_confirmed_configuration(found: Results) -> None:
    row = found.ranking.set_index("condition").loc["wgan"]
    best = found.best("wgan")
    assert best.configuration == {"constraint.clip_value": row["constraint.clip_value"]}
    assert isinstance(best.setting.constraint, WeightClipping)
    assert best.setting.constraint.clip_value == row["constraint.clip_value"]
    assert best.seeds == [2_000_000, 2_000_001, 2_000_002]


def test_a_generator_that_does_not_exist_is_refused(found: Results, partial_study: Study) -> None:
    with pytest.raises(InputError, match=r"^member: must be an integer in 0 \.\. 2, but is 3$"):
        found.best("gan").generator(3)
    with pytest.raises(InputError, match=r'^condition: must be one of wgan, gan, but is "gna"; did you mean gan\?$'):
        found.best("gna")
    with pytest.raises(InputError, match=r'^which: must be last, best or average, but is "first"$'):
        found.best("gan", which="first")
    with pytest.raises(InputError, match=r"^which: must be last or best, since the trial kept no averages"):
        found.best("gan", which="average")
    with pytest.raises(InputError, match=r"^gan: is not confirmed yet; run the study to its end first$"):
        results("tiny", root=partial_study.ledger.root).best("gan")


# -- finding a study ---------------------------------------------------------------------------------------------------


def test_results_is_a_function_of_the_package() -> None:
    assert studies.results is results


def test_a_study_is_found_by_name_below_the_working_folder(
    found: Results, finished_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gan-studies").symlink_to(finished_root)
    monkeypatch.chdir(tmp_path)
    pd.testing.assert_frame_equal(studies.results("tiny").ranking, found.ranking)


def test_a_study_is_found_by_its_folder(
    found: Results, finished_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished_root)
    for folder in (finished_root / "studies" / "tiny", "studies/tiny", Path("studies/tiny/")):
        pd.testing.assert_frame_equal(studies.results(folder).ranking, found.ranking)


def test_a_copied_ledger_is_read_where_it_lies(found: Results, finished_root: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_root, tmp_path / "copy")
    copied = studies.results(tmp_path / "copy" / "studies" / "tiny")
    assert copied.place == str(tmp_path / "copy")
    pd.testing.assert_frame_equal(copied.trials, found.trials)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tinny", "did you mean tiny?"),
        ("something-else", "it holds tiny"),
        ("a" * 300, "it holds tiny"),
        ("no/such/folder", "it holds tiny"),
        ("..", "it holds tiny"),
    ],
)
def test_an_unknown_study_is_refused_with_the_nearest_name(finished_root: Path, name: str, hint: str) -> None:
    with pytest.raises(InputError) as refused:
        results(name, root=finished_root)
    assert str(refused.value) == f"{name}: there is no such study in {finished_root}; {hint}"


def test_the_refusal_for_an_empty_folder_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"no such study in .*; run it first, or name the ledger",
    ):
        results("tiny", root=tmp_path)


def test_a_name_with_a_line_break_is_refused_in_one_line(finished_root: Path) -> None:
    with pytest.raises(InputError, match=r'^"tiny\\n": there is no such study'):
        results("tiny\n", root=finished_root)


def test_a_damaged_trial_is_refused_and_not_left_out(finished_root: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_root, tmp_path / "copy")
    path = sorted((tmp_path / "copy" / "trials").iterdir())[3]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedError, match=rf"^{path}: is damaged or foreign"):
        _ = results("tiny", root=tmp_path / "copy").trials


# -- outcome rules -----------------------------------------------------------------------------------------------------


@pytest.fixture
def copied_study(finished_study: Study, finished_root: Path, tmp_path: Path) -> Study:
    shutil.copytree(finished_root, tmp_path / "copy")
    return replace(finished_study, ledger=replace(finished_study.ledger, root=str(tmp_path / "copy")))


def test_other_outcome_rules_change_outcomes_without_another_trial(found: Results, copied_study: Study) -> None:
    import ray

    root = Path(copied_study.ledger.root)
    before = {path: path.stat().st_mtime_ns for path in (root / "trials").rglob("*")}
    strict = replace(copied_study, outcomes=replace(copied_study.outcomes, near=0.99))
    ended = run_in_this_process(strict, Listener(), fail=unexpected)
    assert (ended.without_result, ended.interrupted) == ([], False)
    assert not ray.is_initialized()
    assert {path: path.stat().st_mtime_ns for path in (root / "trials").rglob("*")} == before
    reread = results("tiny", root=root)
    assert (found.members["outcome"] == "stable").any()
    assert not (reread.members["outcome"] == "stable").any()
    assert reread.ranking["distance"].isna().all()
    pd.testing.assert_frame_equal(reread.curves, found.curves)
    pd.testing.assert_series_equal(reread.trials["search_score"], found.trials["search_score"])
    record = Ledger(root).read_study("tiny")
    assert record is not None
    assert record["study"]["outcomes"]["near"] == 0.99


class Heard(Listener):
    def __init__(self) -> None:
        self.sentences: list[str] = []

    def warned(self, sentence: str) -> None:
        self.sentences.append(sentence)


def test_results_of_other_metrics_stay_readable_and_a_run_says_that_it_trains_again(tmp_path: Path) -> None:
    study, heard = study_in(tmp_path, "search.explore=1", "search.exploit.trials=0", "search.confirm.seeds=2"), Heard()
    with patch("studies.execution.runner.Provenance", partial(Provenance, evaluation_version=0)):
        run_without_ray(study, heard)
    ledger = ledger_of(study)
    former, committed = Results.of_ledger(ledger, study.name), ledger.committed()
    assert len(former.members) == 2 * (study.seeds + 2)
    assert heard.sentences == []
    run_without_ray(study, heard)
    assert heard.sentences == [
        "the study was last run with other versions (evaluation_version was 0 and is 1): the trials whose numbers they "
        "determine are trained again, and the former ones leave its tables; the ledger keeps them"
    ]
    again = Results.of_ledger(ledger, study.name)
    assert len(ledger.committed()) == 2 * len(committed)
    pd.testing.assert_frame_equal(again.members, former.members)


def test_pythons_search_for_cycles_is_as_before_after_records_were_read_or_could_not_be():
    for enabled in (False, True):
        (gc.enable if enabled else gc.disable)()
        with without_collection():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    with pytest.raises(ValueError, match="no"), without_collection():
        raise ValueError("no")
    assert gc.isenabled()


def test_a_run_on_other_data_says_so_once_without_their_hashes() -> None:
    old = {"data_fingerprint": "a", "labels_fingerprint": "b", "torch_version": "2.13.0"}
    (sentence,) = _other_versions(old, old | {"data_fingerprint": "c", "labels_fingerprint": "d"})
    assert sentence.startswith("the study was last run with other data: the trials whose numbers they determine are ")
    (both,) = _other_versions(old, old | {"data_fingerprint": "c", "torch_version": "2.14.0"})
    assert "with other data and other versions (torch_version was '2.13.0' and is '2.14.0'): " in both
    assert list(_other_versions(old, old)) == []
