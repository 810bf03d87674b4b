"""A trial from its start, or from its checkpoint, to its place in the ledger."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import DIRAC, actor, finish, finished, ledger_of, same_numbers, study_in
from tiny import settings as trial_settings

from gan_core.metrics import RULER_SEED, Ruler
from gan_core.randomness import stream
from studies.design import Design, Planned, content_address
from studies.ledger import COURSE_IMAGES, COURSE_POINTS, SAMPLES_KEPT, Entry, Ledger
from studies.runner import _surroundings
from studies.study import PARTS, Setting, Study
from studies.trial import TrialRun, moments
from studies.validation import build

CRITIC_STEPS = "budget={unit='critic_steps',steps=72,measurements=6}"


def first_trials(study: Study) -> list[Planned]:
    return list(Design(study, _surroundings(study)).trials({}))


def first_trial(study: Study, condition: str | None = None) -> Planned:
    return next(trial for trial in first_trials(study) if condition in (None, trial.condition))


def played(study: Study, planned: Planned) -> Entry:
    entry = ledger_of(study).entry(planned.address)
    finish(TrialRun(planned.identity, entry))
    return entry


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that advances by a second at every look, so that `play(seconds)` stops where a test says."""
    looks = count()
    monkeypatch.setattr("studies.trial.monotonic", lambda: float(next(looks)))


# -- going on --------------------------------------------------------------------------------------------------------

GAMES = {
    "rmsprop and clipping": ("wgan", ["conditions.wgan.training.critic_optimizer={kind='rmsprop',lr=0.01}"]),
    "adam and three critic steps": ("gan", ["conditions.gan.training.n_critic=3"]),
    "a penalty with noise of its own": ("wgan", ["conditions.wgan.constraint={kind='gradient_penalty'}"]),
    "momentum, the generator first": (
        "gan",
        ["training.update_order=alternating", "training.generator_optimizer={kind='sgd',lr=0.1,momentum=0.9}"],
    ),
    "critic steps": ("gan", [CRITIC_STEPS]),
}


@pytest.fixture(scope="module", params=GAMES)
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Planned, Entry]:
    condition, overrides = GAMES[request.param]
    study = study_in(tmp_path_factory.mktemp("undisturbed"), *overrides)
    planned = first_trial(study, condition)
    return planned, played(study, planned)


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(pieces=st.lists(st.integers(2, 25), min_size=2, max_size=5))
@pytest.mark.usefixtures("ticking")
def test_an_interrupted_trial_has_the_bits_of_an_undisturbed_one(
    undisturbed: tuple[Planned, Entry], tmp_path_factory: pytest.TempPathFactory, pieces: list[int]
) -> None:
    planned, expected = undisturbed
    entry = Ledger(tmp_path_factory.mktemp("interrupted")).entry(planned.address)
    stops = []
    for seconds in pieces:
        run = TrialRun(planned.identity, entry)
        assert run.turn == (stops[-1] if stops else 0)
        run.play(seconds)
        run.save_checkpoint()
        run.play(3)  # and what came after the checkpoint is lost
        stops.append(checkpointed_round(entry))
    finish(TrialRun(planned.identity, entry))
    assert same_numbers(entry, expected)


def checkpointed_round(entry: Entry) -> int:
    checkpoint = entry.checkpoint()
    assert checkpoint is not None
    return checkpoint["trainer"]["turn"]


@pytest.mark.usefixtures("ticking")
def test_a_trial_can_be_cut_at_every_single_round(tmp_path: Path) -> None:
    study = study_in(tmp_path, "budget.steps=36")
    planned = first_trial(study)
    expected = played(study, planned)
    entry = Ledger(tmp_path / "other").entry(planned.address)
    rounds = []
    while True:
        run = TrialRun(planned.identity, entry)
        run.play(3)
        rounds.append(run.turn)
        if run.done:
            break
        run.save_checkpoint()
    assert rounds == list(range(37))
    run.commit()
    assert same_numbers(entry, expected)
    assert (entry.folder / "log.txt").read_text().count("went on from turn") == 36


def test_a_checkpoint_of_a_round_that_is_due_is_measured_only_once(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    planned = first_trial(study)
    entry = ledger_of(study).entry(planned.address)
    run = TrialRun(planned.identity, entry)
    while not run.done:
        run.play(60)
    run.save_checkpoint()
    run = TrialRun(planned.identity, entry)
    assert run.done
    run.commit()
    assert len(entry.curves()["step"].unique()) == 7
    assert same_numbers(entry, played(study_in(tmp_path, f"ledger.root={tmp_path / 'other'}"), planned))


def test_elapsed_time_counts_what_was_kept_before_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("studies.trial.monotonic", lambda: now[0])
    study = study_in(tmp_path)
    planned = first_trial(study)
    entry = ledger_of(study).entry(planned.address)
    run = TrialRun(planned.identity, entry)
    now[0] = 40.0
    run.save_checkpoint()
    now[0] = 1000.0  # a night
    run = TrialRun(planned.identity, entry)
    run.play(5)
    now[0] = 1002.5
    run.commit()
    assert entry.facts()["elapsed_seconds"] == 42.5


# -- what is measured, and when ---------------------------------------------------------------------------------------


def steps_of(entry: Entry) -> list[int]:
    return sorted(entry.curves()["step"].unique())


@pytest.mark.parametrize(
    ("budget", "n_critic", "steps"),
    [
        ("{steps=36,measurements=6}", 1, [0, 6, 12, 18, 24, 30, 36]),
        ("{steps=36,measurements=6}", 3, [0, 6, 12, 18, 24, 30, 36]),
        ("{steps=10,measurements=4}", 2, [0, 3, 5, 8, 10]),
        ("{unit='critic_steps',steps=36,measurements=6}", 1, [0, 6, 12, 18, 24, 30, 36]),
        ("{unit='critic_steps',steps=36,measurements=6}", 3, [0, 6, 12, 18, 24, 30, 36]),
        ("{unit='critic_steps',steps=38,measurements=6}", 3, [0, 6, 12, 18, 24, 30, 36]),
    ],
)
def test_measurements_lie_at_equal_fractions_on_the_budgets_clock(
    tmp_path: Path, budget: str, n_critic: int, steps: list[int]
) -> None:
    study = study_in(tmp_path, f"budget={budget}", f"conditions.gan.training.n_critic={n_critic}")
    entry = played(study, first_trial(study, "gan"))
    assert steps_of(entry) == steps
    facts = entry.facts()
    assert facts["critic_steps"] == facts["generator_steps"] * n_critic
    clock = facts["critic_steps"] if "critic" in budget else facts["generator_steps"]
    assert clock == steps[-1]


def test_every_seed_step_and_metric_has_one_row(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    planned = first_trial(study)
    curves = played(study, planned).curves()
    assert list(curves.columns) == ["seed", "step", "metric", "value"]
    assert not curves.duplicated(["seed", "step", "metric"]).any()
    metrics = set(curves["metric"])
    assert {"sliced_wasserstein", "cells", "spread", "critic_loss", "generator_loss", "critic_slope"} <= metrics
    assert {"critic_gradient_norm", "generator_gradient_norm"} <= metrics
    assert len(curves) == 2 * 7 * len(metrics)
    assert set(curves["seed"]) == set(planned.seeds)


def test_measuring_more_often_changes_no_training_number(tmp_path: Path) -> None:
    few, many = (
        played(study, first_trial(study))
        for study in (study_in(tmp_path, f"budget.measurements={measurements}") for measurements in (3, 12))
    )
    assert few.address != many.address
    shared = many.curves().merge(few.curves(), on=["seed", "step", "metric"])
    assert len(shared) == len(few.curves())
    assert (shared["value_x"] == shared["value_y"]).all()
    for name, last in few.generator("last").items():
        assert torch.equal(last, many.generator("last")[name])


def test_confirm_is_measured_on_another_reference(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    planned = first_trial(study)
    identity = {**planned.identity, "split": "confirm"}
    other = played(study, replace(planned, identity=identity, address=content_address(identity)))
    one = played(study, planned)
    assert all(torch.equal(v, other.generator("last")[k]) for k, v in one.generator("last").items())
    distances = [e.curves().query("metric == 'sliced_wasserstein'")["value"].to_numpy() for e in (one, other)]
    assert (distances[0] != distances[1]).all()
    assert np.allclose(*distances, atol=0.05)


def test_facts_say_what_the_trial_cost_and_what_its_curves_are_held_against(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    planned = first_trial(study, "gan")
    entry = played(study, planned)
    facts = entry.facts()
    elapsed, checksums = facts.pop("elapsed_seconds"), facts.pop("checksums")
    lines, measured = facts.pop("lines"), facts.pop("measured_seconds")
    floors, gaussians = facts.pop("floors"), facts.pop("gaussians")
    assert facts == {
        "format": 1,
        "address": planned.address,
        "identity": planned.identity,
        "seeds": [0, 1],
        "real_cells": 4,
        "nonfinite_step": [None, None],
        "generator_steps": 36,
        "critic_steps": 36,
        "real_samples_seen": 36 * 8,
        "threads": 1,
    }
    assert 0 < elapsed < 60
    assert measured == sorted(measured)
    assert len(measured) == study.budget.measurements + 1
    assert 0 < lines["floor"] < lines["ref"] < 1
    assert 0 < lines["gaussian"] < lines["ref"]
    assert floors == {
        **{"sliced_wasserstein": lines["floor"], "cells": 4, "spread": pytest.approx(1, abs=0.05)},
        **{"precision": pytest.approx(0.96, abs=0.02), "coverage": pytest.approx(0.52, abs=0.03)},
    }
    assert gaussians["sliced_wasserstein"] == lines["gaussian"]
    assert all(0.1 < gaussians[name] / floors[name] < 0.5 for name in ("precision", "coverage"))
    assert floors.keys() == gaussians.keys() <= set(entry.curves()["metric"])
    assert set(checksums) == {"curves.parquet", "generator_best.pt", "generator_last.pt", "samples.npz"}
    assert content_address(facts["identity"]) == entry.address


# -- generators and samples ------------------------------------------------------------------------------------------


def fakes(planned: Planned, parameters: dict[str, torch.Tensor], samples: int, study: Study) -> torch.Tensor:
    """What generators make of the evaluation z, computed from the kept parameters alone."""
    network = build(Setting, {part: planned.identity[part] for part in PARTS}, ()).networks.generator
    z = torch.randn((samples, network.latent), generator=stream(RULER_SEED, "samples_z"))
    with torch.no_grad():
        return network.generate(parameters, z.expand(len(planned.seeds), -1, -1), study.data.load().space)


def test_the_best_generator_is_each_members_own_at_its_smallest_distance(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    planned = next(t for t in first_trials(study) if t.name == "wgan-explore-1")  # its best is not its last
    entry = played(study, planned)
    distances = entry.curves().query("metric == 'sliced_wasserstein'").pivot(index="step", columns="seed")["value"]
    ruler = Ruler(study.data.load(), "search", study.measures, device=torch.device("cpu"), dtype=torch.float32)
    smallest, last = distances.min().to_numpy(), distances.iloc[-1].to_numpy()
    assert (smallest < last).any()
    assert len(set(distances.idxmin())) == 2  # each at another step
    for which, expected in (("best", smallest), ("last", last)):
        distance = ruler.distance(fakes(planned, entry.generator(which), study.measures.samples, study))
        assert np.allclose(distance.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("which", ["best", "last"])
def test_kept_samples_are_those_of_the_kept_generators(tmp_path: Path, which: str) -> None:
    study = study_in(tmp_path)
    planned = next(t for t in first_trials(study) if t.name == "wgan-explore-1")
    entry = played(study, planned)
    samples = entry.samples()[which]
    assert samples.shape == (2, SAMPLES_KEPT, 64)
    assert np.allclose(samples, fakes(planned, entry.generator(which), SAMPLES_KEPT, study).numpy(), atol=1e-6)
    assert not np.array_equal(entry.samples()["best"], entry.samples()["last"])


def test_fakes_of_the_same_z_are_kept_at_moments_of_the_training(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    entry = played(study, first_trial(study))
    kept = entry.samples()
    assert kept["course"].shape == (5, 2, COURSE_IMAGES, 64)
    assert kept["course"].dtype == np.float32
    assert kept["course_steps"].tolist() == [0, 6, 18, 24, 36]
    half = study_in(tmp_path, "budget={steps=18,measurements=3}")
    for moment, last in ((2, played(half, first_trial(half)).samples()["last"]), (4, kept["last"])):
        assert np.allclose(kept["course"][moment], last[:, :COURSE_IMAGES], atol=1e-6)
    assert len(np.unique(kept["course"][:, 0, 0], axis=0)) == 5


@given(st.integers(3, 5000))
def test_moments_are_a_handful_from_the_first_to_the_last_measurement(measurements: int) -> None:
    found = moments(measurements)
    assert (found[0], found[-1]) == (0, measurements)
    assert found == sorted(set(found))
    assert len(found) == (6 if measurements >= 7 else {3: 4}.get(measurements, 5))
    assert 0 <= found[-2] - 0.64 * measurements < 1


def test_of_points_of_the_plane_all_measured_fakes_are_kept_and_what_the_critic_says_around_them(
    tmp_path: Path,
) -> None:
    study = study_in(tmp_path, "data={kind='ring',train=300,reference=80}", "measures.resolution=9")
    planned = first_trial(study)
    entry = played(study, planned)
    kept = entry.samples()
    assert {name: array.shape for name, array in kept.items()} == {
        "best": (2, 64, 2),
        "last": (2, 64, 2),
        "critic_surface": (2, 9, 9),
        "critic_corners": (2, 2),
        "course": (5, 2, COURSE_POINTS, 2),
        "course_steps": (5,),
    }
    assert np.allclose(kept["last"], fakes(planned, entry.generator("last"), 64, study).numpy(), atol=1e-6)
    low, high = kept["critic_corners"]
    every = study.data.load().every
    assert (low < every.min(0)).all()
    assert (high > every.max(0)).all()
    assert len(np.unique(kept["critic_surface"])) > 81  # two critics, both of which vary


def test_of_points_of_the_plane_every_measure_has_its_floor(tmp_path: Path) -> None:
    study = study_in(tmp_path, "data={kind='ring',train=300,reference=80}", "measures.exact_points=50")
    facts = (entry := played(study, first_trial(study))).facts()
    measured = {"sliced_wasserstein", "cells", "spread", "wasserstein_1", "jensen_shannon"}
    measured |= {"modes_covered", "high_quality", "mode_kl"}
    assert set(facts["floors"]) == set(facts["gaussians"]) == measured
    assert facts["gaussians"]["high_quality"] < 0.1 < facts["floors"]["high_quality"]
    assert measured <= set(entry.curves()["metric"])
    assert facts["floors"]["modes_covered"] == facts["real_cells"] == 8


# -- failure is data --------------------------------------------------------------------------------------------------


EXPLODES = "conditions.wgan.training.critic_optimizer={kind='sgd',lr=1e30}"


def test_a_trial_ends_when_no_member_is_finite(tmp_path: Path) -> None:
    study = study_in(tmp_path, EXPLODES, "conditions.wgan.constraint={kind='none'}")
    entry = played(study, first_trial(study, "wgan"))
    facts = entry.facts()
    assert all(0 < step < 36 for step in facts["nonfinite_step"])
    assert facts["generator_steps"] == max(facts["nonfinite_step"])
    assert steps_of(entry) == [0]
    assert entry.samples()["course_steps"].tolist() == [0]
    assert np.isfinite(entry.samples()["course"]).all()


@pytest.mark.parametrize("lr", ["1e30", "1e3"])
@pytest.mark.usefixtures("ticking")
def test_a_trial_that_is_lost_ends_at_the_same_step_however_often_it_is_interrupted(tmp_path: Path, lr: str) -> None:
    study = study_in(tmp_path, EXPLODES.replace("1e30", lr), "conditions.wgan.constraint={kind='none'}")
    planned = first_trial(study, "wgan")
    expected = played(study, planned)
    assert None not in expected.facts()["nonfinite_step"]
    entry = Ledger(tmp_path / "other").entry(planned.address)
    while not (run := TrialRun(planned.identity, entry)).done:
        run.play(4)
        run.save_checkpoint()
    run.commit()
    assert same_numbers(entry, expected)


def poisoned(entry: Entry, seed: int) -> None:
    checkpoint: Any = entry.checkpoint()
    checkpoint["trainer"]["generator"]["flat"][seed] = math.nan
    entry.save_checkpoint(checkpoint)


@pytest.mark.usefixtures("ticking")
def test_one_member_that_is_lost_costs_the_others_nothing(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    planned = first_trial(study)
    entry = ledger_of(study).entry(planned.address)
    run = TrialRun(planned.identity, entry)
    while run.turn <= 6:
        run.play(4)
    stopped = run.turn
    assert 6 < stopped < 36
    run.save_checkpoint()
    poisoned(entry, seed=0)
    finish(TrialRun(planned.identity, entry))
    expected = played(study_in(tmp_path, f"ledger.root={tmp_path / 'other'}"), planned)
    assert entry.facts()["nonfinite_step"] == [stopped + 1, None]
    assert entry.facts()["generator_steps"] == 36
    mine, theirs = (e.curves().query("seed == 1").reset_index(drop=True) for e in (entry, expected))
    assert mine.equals(theirs)
    lost = entry.curves().query("seed == 0 and metric == 'sliced_wasserstein'").set_index("step")["value"]
    assert lost.loc[:stopped].notna().all()
    assert lost.loc[stopped + 1 :].isna().all()
    assert all(torch.isfinite(value).all() for value in entry.generator("best").values())
    kept, whole = (e.samples()["course"] for e in (entry, expected))
    assert np.array_equal(kept[:, 1], whole[:, 1])
    steps = entry.samples()["course_steps"]
    assert np.isfinite(kept[:, 0]).all((1, 2)).tolist() == (steps <= stopped).tolist()


def test_the_dirac_game_grows_by_its_exact_factor_at_every_measurement(tmp_path: Path) -> None:
    """Simultaneous descent with step h multiplies the distance to the equilibrium by sqrt(1 + h^2)."""
    study = study_in(tmp_path, text=DIRAC)
    entry = played(study, first_trial(study))
    curve = entry.curves().query("metric == 'distance_to_equilibrium'").sort_values("step")
    assert curve["step"].tolist() == list(range(21))
    expected = math.sqrt(2) * math.sqrt(1 + 0.2**2) ** np.arange(21)
    assert np.allclose(curve["value"], expected, rtol=2e-6)  # 20 steps of float32
    assert entry.facts()["lines"] == {"floor": 0.0, "ref": math.sqrt(2), "gaussian": None}
    assert entry.facts()["real_cells"] is None


# -- the Trainable -----------------------------------------------------------------------------------------------------


def config(root: Path, planned: Planned, **changes: float) -> dict[str, Any]:
    return {**trial_settings(root, **changes), "order": planned.order()}


def stepped(trainable: Any) -> Iterator[dict[str, Any]]:
    while True:
        yield (report := trainable.step())
        if report["done"]:
            return


def impossible(planned: Planned) -> Planned:
    """A trial that raises when it is built, as a defect of the program would."""
    surroundings = {**planned.identity["surroundings"], "device": "abacus"}
    identity = {**planned.identity, "surroundings": surroundings}
    return replace(planned, identity=identity, address=content_address(identity))


def test_a_reused_actor_gives_the_bits_of_a_fresh_one(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    one, other, *_ = first_trials(study)
    used = actor(tmp_path / "used", one.order())
    for planned in (one, impossible(one), other):
        assert used.reset_config(config(tmp_path / "used", planned))
        assert list(stepped(used))[-1]["done"]
    for planned in (one, other):
        assert same_numbers(Ledger(tmp_path / "used").entry(planned.address), played(study, planned))


def test_an_actor_reused_in_mid_trial_forgets_the_former_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.trial.SECONDS_PER_REPORT", 0.002)
    study = study_in(tmp_path)
    one, other, *_ = first_trials(study)
    used = actor(tmp_path / "used", one.order())
    assert not used.step()["done"]
    used.reset_config(config(tmp_path / "used", other))
    assert list(finished(Ledger(tmp_path / "used"))) == []
    assert list(stepped(used))[-1]["done"]
    assert list(finished(Ledger(tmp_path / "used"))) == [other.address]
    assert same_numbers(Ledger(tmp_path / "used").entry(other.address), played(study, other))


def test_a_stopped_actor_leaves_a_checkpoint_from_which_another_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.trial.SECONDS_PER_REPORT", 0.002)
    study = study_in(tmp_path)
    planned = first_trial(study)
    root = tmp_path / "ledger"
    one = actor(root, planned.order())
    report = [one.step() for _ in range(3)][-1]
    assert not (root / "trials" / planned.address / "checkpoint.pt").exists()  # it is not yet time for one
    one.stop()
    other = actor(root, planned.order())
    reports = list(stepped(other))
    assert reports[0]["turn"] > report["turn"] > 0
    assert same_numbers(
        Ledger(root).entry(planned.address), played(study_in(tmp_path, f"ledger.root={tmp_path / 'other'}"), planned)
    )


def test_checkpoints_are_written_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.trial.SECONDS_PER_REPORT", 0.002)
    planned = first_trial(study_in(tmp_path))
    trainable = actor(tmp_path / "ledger", planned.order())
    trainable.reset_config(config(tmp_path / "ledger", planned, checkpoint_seconds=1e-9))
    entry = Ledger(tmp_path / "ledger").entry(planned.address)
    rounds = []
    for report in stepped(trainable):
        if not report["done"]:
            assert checkpointed_round(entry) == report["turn"]
            rounds.append(report["turn"])
    assert rounds == sorted(rounds)
    assert len(rounds) > 3
    assert entry.checkpoint() is None


def test_an_exception_is_recorded_and_not_retried(tmp_path: Path) -> None:
    planned = impossible(first_trial(study_in(tmp_path)))
    trainable = actor(tmp_path / "ledger", planned.order())
    assert trainable.step() == {"done": True, "turn": 0}  # Ray would try an exception again
    entry = Ledger(tmp_path / "ledger").entry(planned.address)
    assert (entry.error() or "").startswith("RuntimeError: Expected one of cpu, cuda, ")
    assert "Traceback (most recent call last)" in (entry.folder / "log.txt").read_text()
    assert not entry.finished


def test_a_finished_trial_is_not_played_again(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    planned = first_trial(study)
    entry = played(study, planned)
    before = {path.name: path.stat().st_mtime_ns for path in entry.folder.iterdir()}
    trainable = actor(tmp_path / "ledger", planned.order())
    assert trainable.step() == {"done": True, "turn": 0}
    assert {path.name: path.stat().st_mtime_ns for path in entry.folder.iterdir()} == before


def test_an_order_survives_json(tmp_path: Path) -> None:
    for planned in first_trials(study_in(tmp_path)):
        assert json.loads(planned.order())["identity"] == planned.identity
