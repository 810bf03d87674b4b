"""Profiles of the settings found: which trials they are, their stable ranges, and the findings about them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from drawn import lines_of, markers_of
from simulated import RISING, STUDY, simulate
from stated import every, stated, topics

from studies.analysis.comparison import Comparison
from studies.design import TrialSpec, profile_settings
from studies.errors import InputError
from studies.file.study import Study
from studies.reporting.figures import profiles as profile_figure
from studies.reporting.text.caveats import caveats
from studies.reporting.text.incomplete_profiles import IncompleteProfiles
from studies.reporting.text.target_distance import rows_at_target
from studies.reporting.text.working_ranges import NoStableRange, ProfileRule, RangeEnd, StableRange

LR, CLIP = "training.critic_optimizer.lr", "constraint.clip_value"
PROFILE = "search.profile=12"
DIVERGED = (0, -0.2)


def stable_around_a_thousandth(trial: TrialSpec, seed: int) -> Sequence[float]:
    """Stable if the learning rate lies between 1e-4 and 3e-3, and the clip value, if there is one, above 0.02."""
    rate, clip = trial.configuration[LR], trial.configuration.get(CLIP, 1.0)
    return (*RISING, 0.92) if 1e-4 < rate < 3e-3 and clip > 0.02 else DIVERGED


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("profiled")
    return Comparison(simulate(folder, stable_around_a_thousandth, "seeds=3", "search.explore=16", PROFILE))


def of_phase(comparison: Comparison, condition: str) -> list[TrialSpec]:
    specs = comparison.results.specs
    return [spec for spec in specs if (spec.phase, spec.condition) == ("profile", condition)]


# --- trials


def test_one_hyperparameter_at_a_time_is_moved_from_the_setting_found(compared: Comparison) -> None:
    (found,) = [
        spec.configuration
        for spec in compared.results.specs
        if (spec.phase, spec.index, spec.condition) == ("confirm", 0, "wgan")
    ]
    moved = [
        [path for path, value in spec.configuration.items() if value != found[path]]
        for spec in of_phase(compared, "wgan")
    ]
    assert moved == [[CLIP]] * 12 + [[LR]] * 12
    rates = [spec.configuration[LR] for spec in of_phase(compared, "wgan")[12:]]
    np.testing.assert_allclose(rates, 1e-5 * 10 ** (3 * (np.arange(12) + 0.5) / 12))


def test_profile_trials_have_seeds_of_their_own(compared: Comparison) -> None:
    seeds = [seed for spec in compared.results.specs for seed in spec.seeds if spec.condition == "gan"]
    of_profile = [seed for spec in of_phase(compared, "gan") for seed in spec.seeds]
    assert of_profile == list(range(3_000_000, 3_000_036))
    assert len(seeds) == len(set(seeds))


def test_listed_and_conditional_hyperparameters_are_not_moved(tmp_path: Path) -> None:
    text = STUDY.replace(
        "clip_value = {log_uniform = [1e-3, 1.0]}\ntraining.n_critic = 2",
        "clip_value = {log_uniform = [1e-3, 1.0]}\n"
        "training.n_critic = {choice = [1, 2]}\n"
        "training.generator_optimizer.lr = {log_uniform = [1e-4, 1e-2], "
        'when = {"training.n_critic" = 2}, otherwise = 1e-3}\n'
        "training.batch = {int_uniform = [16, 18]}",
    )
    file = tmp_path / "study.toml"
    file.write_text(text)
    condition = Study.load(file, overrides=["search.profile=4"]).condition("wgan")
    assert dict.fromkeys(path for path, _ in profile_settings(condition, 4)) == dict.fromkeys(
        [CLIP, "training.batch", LR]
    )
    assert [value for path, value in profile_settings(condition, 4) if path == "training.batch"] == [16, 17, 18]


def test_a_profile_needs_a_setting_found(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(STUDY)
    with pytest.raises(InputError, match=r"^search.profile: must be 0 where confirm.best is 0"):
        Study.load(file, overrides=["search.profile=4", "search.confirm.best=0"])


def test_a_study_may_get_a_profile_later(tmp_path: Path) -> None:
    before = simulate(tmp_path, stable_around_a_thousandth, "search.explore=8")
    addresses = {spec.address for spec in before.specs}
    after = simulate(tmp_path, stable_around_a_thousandth, "search.explore=8", PROFILE)
    added = [spec for spec in after.specs if spec.address not in addresses]
    assert {spec.phase for spec in added} == {"profile"}
    assert len(added) == 36


# --- stable ranges


def test_the_stable_range_is_the_true_one_to_half_a_step(compared: Comparison) -> None:
    step = 3 / 12
    rows = compared.stable_ranges.set_index(["condition", "hyperparameter", "tau"])
    tau = compared.targets[0].tau
    for condition in ("wgan", "gan"):
        row = rows.loc[(condition, LR, tau)]
        assert row["works"]
        assert abs(np.log10(row["lower"] / 1e-4)) <= step / 2 + 1e-9
        assert abs(np.log10(row["upper"] / 3e-3)) <= step / 2 + 1e-9
        assert row["lower_low"] < 1e-4 < row["lower_high"] <= row["found"] <= row["upper_low"] < 3e-3
        assert row["width_low"] < np.log10(30) < row["width_high"]
        assert not row["border_low"]
        assert not row["border_high"]
    clip = rows.loc[("wgan", CLIP, tau)]
    assert clip["upper"] == clip["upper_high"] == 1.0
    assert clip["border_high"]
    assert clip["lower_low"] < 0.02 < clip["lower_high"]


def test_at_a_target_that_is_not_reached_there_is_no_range(compared: Comparison) -> None:
    rows = compared.stable_ranges[compared.stable_ranges["tau"] == compared.targets[-1].tau]
    assert len(rows) == 3
    assert not rows["works"].any()
    assert rows[["lower", "upper", "width"]].isna().all(axis=None)


def test_a_trial_without_a_result_does_not_work(tmp_path: Path) -> None:
    def progress_of(trial: TrialSpec, seed: int) -> Sequence[float] | str:
        fails = trial.phase == "profile" and trial.configuration[LR] > 1e-3
        return "error" if fails else (*RISING, 0.92)

    comparison = Comparison(simulate(tmp_path, progress_of, "search.explore=3", PROFILE))  # type: ignore[arg-type]
    rows = comparison.stable_ranges[comparison.stable_ranges["hyperparameter"] == LR]
    working = rows[rows["works"] & (rows["tau"] == comparison.targets[0].tau)]
    assert (working["upper"] < 2e-3).all()
    assert set(comparison.profile_members["hyperparameter"]) == {LR, CLIP}


def test_an_integer_range_whose_last_value_fails_does_not_go_on(tmp_path: Path) -> None:
    batch = "training.batch={int_uniform=[16, 18]}"

    def progress_of(trial: TrialSpec, seed: int) -> Sequence[float]:
        return DIVERGED if trial.phase == "profile" and trial.configuration["training.batch"] == 18 else (*RISING, 0.92)

    overrides = ("seeds=6", "search.explore=3", batch, "search.seed=3", PROFILE)
    comparison = Comparison(simulate(tmp_path, progress_of, *overrides))
    rows = comparison.stable_ranges
    row = rows[(rows["hyperparameter"] == "training.batch") & rows["works"]].iloc[0]
    assert row["border_low"]
    assert not row["border_high"]


def test_an_incomplete_profile_has_no_range(tmp_path: Path) -> None:
    comparison = Comparison(simulate(tmp_path, stable_around_a_thousandth, "search.explore=3", PROFILE, trials=20))
    assert {profile.condition for profile in comparison.profiles} == set()
    ended = int((comparison.results.trials["phase"] == "profile").sum())
    assert ended > 0
    incomplete = stated(caveats(comparison), IncompleteProfiles)
    assert incomplete.ended == (ended, 36)
    assert incomplete.missing == (("clip_value", "wgan"), ("critic lr", "wgan"), ("critic lr", "gan"))


def test_a_complete_profile_has_no_caveat(compared: Comparison) -> None:
    assert not every(caveats(compared), IncompleteProfiles)


def test_members_of_a_profile_are_in_no_other_table(compared: Comparison) -> None:
    assert set(compared.outcomes["phase"]) == {"explore", "confirm"}
    assert compared.volumes["configurations"].unique().tolist() == [16]


# --- findings and figure


def test_the_ranges_are_stated_with_their_ends_and_where_they_may_go_on(compared: Comparison) -> None:
    rule, *ranges = topics(compared)["Ranges of hyperparameters"]
    assert isinstance(rule, ProfileRule)
    assert (rule.values, rule.seeds) == (12, 3)
    (clip,) = [found for found in every(ranges, StableRange) if found.hyperparameter == "clip_value"]
    assert (clip.condition, clip.beyond) == ("wgan", (RangeEnd("upper", 1.0),))
    row = rows_at_target(compared, compared.stable_ranges).set_index("hyperparameter").loc[CLIP]
    assert (clip.width, clip.unit) == (row["width"], "decades")
    assert clip.width_interval == (row["width_low"], row["width_high"])
    assert clip.ends[1] == (row["upper"], (row["upper_low"], row["upper_high"]))


def test_a_setting_that_does_not_work_has_no_range(tmp_path: Path) -> None:
    def progress_of(trial: TrialSpec, seed: int) -> Sequence[float]:
        return DIVERGED if trial.phase == "profile" else (*RISING, 0.92)

    comparison = Comparison(simulate(tmp_path, progress_of, "search.explore=3", PROFILE))
    assert len(every(topics(comparison)["Ranges of hyperparameters"], NoStableRange)) == 3


def test_the_figure_has_a_panel_for_each_profile_with_every_seed(compared: Comparison) -> None:
    ranges = rows_at_target(compared, compared.stable_ranges)
    names = compared.results.study.short_names
    drawn = profile_figure(compared.profiles, ranges, names)
    assert drawn is not None
    assert len(drawn.figure.axes) == 3
    for axis, profile in zip(drawn.figure.axes, compared.profiles, strict=True):
        assert len(markers_of(axis, "o")) == np.isfinite(profile.distances).sum()
        assert len(markers_of(axis, "x")) == np.isinf(profile.distances).sum()
        assert len(axis.patches) == 2
        assert any((xs == profile.found).all() for xs, _ in lines_of(axis))
    assert profile_figure([], ranges, names) is None
