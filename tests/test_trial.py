"""A trial from its start or its checkpoint to its entry in the ledger."""

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
from small_gans import measure, real_samples
from tiny import DIRAC, actor, finish, finished, ledger_of, same_numbers, study_in, trial_config

from gan_core.training import EVALUATION_SEED
from gan_core.training.randomness import stream
from studies.design import Design, TrialSpec, content_address
from studies.execution.kept_samples import snapshot_evaluations
from studies.execution.runner import _provenance
from studies.execution.trial import TrialTraining
from studies.file.condition import PARTS, Setting
from studies.file.study import Study
from studies.file.validation import build
from studies.ledger.entries import SAMPLES_KEPT, SNAPSHOT_IMAGES, SNAPSHOT_POINTS, Entry
from studies.ledger.ledger import Ledger
from studies.ledger.storage import FORMAT

CRITIC_STEPS = "budget={unit='critic_steps',steps=72,measurements=6}"


def first_trials(study: Study) -> list[TrialSpec]:
    return list(Design(study, _provenance(study)).trials({}))


def first_trial(study: Study, condition: str | None = None) -> TrialSpec:
    return next(trial for trial in first_trials(study) if condition in (None, trial.condition))


def trained(study: Study, spec: TrialSpec) -> Entry:
    entry = ledger_of(study).entry(spec.address)
    finish(TrialTraining(spec.identity, entry))
    return entry


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that advances by a second at every reading: `advance(seconds)` stops after a known number of readings."""
    readings = count()
    monkeypatch.setattr("studies.execution.trial.monotonic", lambda: float(next(readings)))


# -- interruptions -----------------------------------------------------------------------------------------------------

SETTINGS = {
    "rmsprop and clipping": ("wgan", ["conditions.wgan.training.critic_optimizer={kind='rmsprop',lr=0.01}"]),
    "adam and three critic steps": ("gan", ["conditions.gan.training.n_critic=3"]),
    "a penalty with noise of its own": ("wgan", ["conditions.wgan.constraint={kind='gradient_penalty'}"]),
    "momentum, the generator first": (
        "gan",
        ["training.update_order=alternating", "training.generator_optimizer={kind='sgd',lr=0.1,momentum=0.9}"],
    ),
    "critic steps": ("gan", [CRITIC_STEPS]),
}


@pytest.fixture(scope="module", params=SETTINGS)
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialSpec, Entry]:
    condition, overrides = SETTINGS[request.param]
    study = study_in(tmp_path_factory.mktemp("undisturbed"), *overrides)
    spec = first_trial(study, condition)
    return spec, trained(study, spec)


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(pieces=st.lists(st.integers(2, 25), min_size=2, max_size=5))
@pytest.mark.usefixtures("ticking")
def test_an_interrupted_trial_has_the_bits_of_an_undisturbed_one(
    undisturbed: tuple[TrialSpec, Entry], tmp_path_factory: pytest.TempPathFactory, pieces: list[int]
) -> None:
    spec, expected = undisturbed
    entry = Ledger(tmp_path_factory.mktemp("interrupted")).entry(spec.address)
    stops: list[int] = []
    for seconds in pieces:
        training = TrialTraining(spec.identity, entry)
        assert training.iteration == (stops[-1] if stops else 0)
        training.advance(seconds)
        training.save_checkpoint()
        training.advance(3)  # lost: no checkpoint follows
        stops.append(checkpointed_iteration(entry))
    finish(TrialTraining(spec.identity, entry))
    assert same_numbers(entry, expected)


def checkpointed_iteration(entry: Entry) -> int:
    checkpoint = entry.checkpoint()
    assert checkpoint is not None
    return checkpoint["trainer"]["iteration"]


@pytest.mark.usefixtures("ticking")
def test_a_trial_can_be_interrupted_at_every_iteration(tmp_path: Path) -> None:
    study = study_in(tmp_path, "budget.steps=36")
    spec = first_trial(study)
    expected = trained(study, spec)
    entry = Ledger(tmp_path / "other").entry(spec.address)
    iterations = []
    while True:
        training = TrialTraining(spec.identity, entry)
        training.advance(3)
        iterations.append(training.iteration)
        if training.done:
            break
        training.save_checkpoint()
    assert iterations == list(range(37))
    training.commit()
    assert same_numbers(entry, expected)
    assert (entry.folder / "log.txt").read_text().count("resumed at iteration") == 36


def test_an_evaluation_before_a_checkpoint_is_not_repeated_after_it(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study)
    entry = ledger_of(study).entry(spec.address)
    training = TrialTraining(spec.identity, entry)
    while not training.done:
        training.advance(60)
    training.save_checkpoint()
    training = TrialTraining(spec.identity, entry)
    assert training.done
    training.commit()
    assert len(entry.curves().frame()["step"].unique()) == 7
    assert same_numbers(entry, trained(study_in(tmp_path, f"ledger.root={tmp_path / 'other'}"), spec))


def test_elapsed_time_includes_the_time_before_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("studies.execution.trial.monotonic", lambda: now[0])
    study = study_in(tmp_path)
    spec = first_trial(study)
    entry = ledger_of(study).entry(spec.address)
    training = TrialTraining(spec.identity, entry)
    now[0] = 40.0
    training.save_checkpoint()
    now[0] = 1000.0  # a night
    training = TrialTraining(spec.identity, entry)
    training.advance(5)
    now[0] = 1002.5
    training.commit()
    assert entry.facts()["elapsed_seconds"] == 42.5


# -- evaluations -------------------------------------------------------------------------------------------------------


def steps_of(entry: Entry) -> list[int]:
    return sorted(entry.curves().frame()["step"].unique())


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
def test_evaluations_lie_at_equal_fractions_of_the_budget(
    tmp_path: Path, budget: str, n_critic: int, steps: list[int]
) -> None:
    study = study_in(tmp_path, f"budget={budget}", f"conditions.gan.training.n_critic={n_critic}")
    entry = trained(study, first_trial(study, "gan"))
    assert steps_of(entry) == steps
    facts = entry.facts()
    assert facts["critic_steps"] == facts["generator_steps"] * n_critic
    elapsed = facts["critic_steps"] if "critic" in budget else facts["generator_steps"]
    assert elapsed == steps[-1]


def test_every_seed_step_and_metric_has_one_row(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study)
    curves = trained(study, spec).curves().frame()
    assert list(curves.columns) == ["seed", "step", "metric", "value"]
    assert not curves.duplicated(["seed", "step", "metric"]).any()
    metrics = set(curves["metric"])
    assert {"sliced_wasserstein", "cells", "spread", "critic_loss", "generator_loss", "critic_slope"} <= metrics
    assert {"critic_gradient_norm", "generator_gradient_norm"} <= metrics
    assert len(curves) == 2 * 7 * len(metrics)
    assert set(curves["seed"]) == set(spec.seeds)


def test_more_evaluations_change_no_training_number(tmp_path: Path) -> None:
    few, many = (
        trained(study, first_trial(study))
        for study in (study_in(tmp_path, f"budget.measurements={measurements}") for measurements in (3, 12))
    )
    assert few.address != many.address
    shared = many.curves().frame().merge(few.curves().frame(), on=["seed", "step", "metric"])
    assert len(shared) == len(few.curves().frame())
    assert (shared["value_x"] == shared["value_y"]).all()
    for name, last in few.generator("last").items():
        assert torch.equal(last, many.generator("last")[name])


def test_confirm_is_evaluated_on_another_split(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study)
    assert spec.identity["split"] == "validation"
    identity = {**spec.identity, "split": "test"}
    test = trained(study, replace(spec, identity=identity, address=content_address(identity)))
    validation = trained(study, spec)
    generators = validation.generator("last")
    assert all(torch.equal(value, generators[name]) for name, value in test.generator("last").items())
    tables = [entry.curves().frame() for entry in (validation, test)]
    distances = [table.query("metric == 'sliced_wasserstein'")["value"].to_numpy() for table in tables]
    assert (distances[0] != distances[1]).all()
    assert np.allclose(distances[0], distances[1], atol=0.05)


def test_facts_hold_costs_reference_distances_and_checksums(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study, "gan")
    entry = trained(study, spec)
    facts = entry.facts()
    elapsed, checksums = facts.pop("elapsed_seconds"), facts.pop("checksums")
    references, measured = facts.pop("reference_distances"), facts.pop("measured_seconds")
    real_values, gaussian_values = facts.pop("real_values"), facts.pop("gaussian_values")
    assert facts == {
        "format": FORMAT,
        "address": spec.address,
        "identity": spec.identity,
        "seeds": [0, 1],
        "distance": {"metric": "sliced_wasserstein", "highest": None},
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
    assert 0 < references["real"] < references["constant"] < 1
    assert 0 < references["gaussian"] < references["constant"]
    assert real_values == {
        **{"sliced_wasserstein": references["real"], "cells": 4, "spread": pytest.approx(1, abs=0.05)},
        **{"precision": pytest.approx(0.96, abs=0.02), "coverage": pytest.approx(0.52, abs=0.03)},
    }
    assert gaussian_values["sliced_wasserstein"] == references["gaussian"]
    assert all(0.1 < gaussian_values[name] / real_values[name] < 0.5 for name in ("precision", "coverage"))
    assert real_values.keys() == gaussian_values.keys() <= set(entry.curves().frame()["metric"])
    assert set(checksums) == {"curves.parquet", "generator_best.pt", "generator_last.pt", "samples.npz"}
    assert content_address(facts["identity"]) == entry.address


# -- generators and samples --------------------------------------------------------------------------------------------


def fakes(spec: TrialSpec, parameters: dict[str, torch.Tensor], samples: int, study: Study) -> torch.Tensor:
    """Fakes of the evaluation z, computed from the kept parameters alone."""
    network = build(Setting, {part: spec.identity[part] for part in PARTS}, ()).networks.generator
    z = torch.randn((samples, network.latent), generator=stream(EVALUATION_SEED, "samples_z"))
    with torch.no_grad():
        return network.generate(parameters, z.expand(len(spec.seeds), -1, -1), study.data.load().sample_shape)


def test_the_best_generator_is_each_members_own_at_its_smallest_distance(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = next(t for t in first_trials(study) if t.name == "wgan-explore-1")  # its best generators are not its last
    entry = trained(study, spec)
    distances = (
        entry.curves().frame().query("metric == 'sliced_wasserstein'").pivot(index="step", columns="seed")["value"]
    )
    real = real_samples(study.data.load(), study.evaluation, dtype=torch.float32)
    smallest, last = distances.min().to_numpy(), distances.iloc[-1].to_numpy()
    assert (smallest < last).any()
    assert len(set(distances.idxmin())) == 2  # two members, two steps
    for which, expected in (("best", smallest), ("last", last)):
        made = fakes(spec, entry.generator(which), study.evaluation.samples, study)
        assert np.allclose(measure(real, made)["sliced_wasserstein"].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("which", ["best", "last"])
def test_kept_samples_are_those_of_the_kept_generators(tmp_path: Path, which: str) -> None:
    study = study_in(tmp_path)
    spec = next(t for t in first_trials(study) if t.name == "wgan-explore-1")
    entry = trained(study, spec)
    samples = entry.samples()[which]
    assert samples.shape == (2, SAMPLES_KEPT, 64)
    assert np.allclose(samples, fakes(spec, entry.generator(which), SAMPLES_KEPT, study).numpy(), atol=1e-6)
    assert not np.array_equal(entry.samples()["best"], entry.samples()["last"])


def test_snapshots_are_fakes_of_the_same_z_at_a_few_evaluations(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    entry = trained(study, first_trial(study))
    kept = entry.samples()
    assert kept["snapshots"].shape == (5, 2, SNAPSHOT_IMAGES, 64)
    assert kept["snapshots"].dtype == np.float32
    assert kept["snapshot_steps"].tolist() == [0, 6, 18, 24, 36]
    half = study_in(tmp_path, "budget={steps=18,measurements=3}")
    for snapshot, last in ((2, trained(half, first_trial(half)).samples()["last"]), (4, kept["last"])):
        assert np.allclose(kept["snapshots"][snapshot], last[:, :SNAPSHOT_IMAGES], atol=1e-6)
    assert len(np.unique(kept["snapshots"][:, 0, 0], axis=0)) == 5


@given(st.integers(3, 5000))
def test_snapshots_are_six_or_fewer_evaluations_from_the_first_to_the_last(measurements: int) -> None:
    evaluations = snapshot_evaluations(measurements)
    assert (evaluations[0], evaluations[-1]) == (0, measurements)
    assert evaluations == sorted(set(evaluations))
    assert len(evaluations) == (6 if measurements >= 7 else {3: 4}.get(measurements, 5))
    assert 0 <= evaluations[-2] - 0.64 * measurements < 1


def test_on_2d_data_all_evaluated_fakes_are_kept_and_the_critics_values_around_them(
    tmp_path: Path,
) -> None:
    study = study_in(tmp_path, "data={kind='ring',train=300,held_out=80}", "evaluation.resolution=9")
    spec = first_trial(study)
    entry = trained(study, spec)
    kept = entry.samples()
    assert {name: array.shape for name, array in kept.items()} == {
        "best": (2, 64, 2),
        "last": (2, 64, 2),
        "critic_surface": (2, 9, 9),
        "critic_corners": (2, 2),
        "snapshots": (5, 2, SNAPSHOT_POINTS, 2),
        "snapshot_steps": (5,),
    }
    assert np.allclose(kept["last"], fakes(spec, entry.generator("last"), 64, study).numpy(), atol=1e-6)
    low, high = kept["critic_corners"]
    samples = study.data.load().every
    assert (low < samples.min(0)).all()
    assert (high > samples.max(0)).all()
    assert len(np.unique(kept["critic_surface"])) > 81  # the values of both critics vary


def test_on_2d_data_real_samples_and_the_gaussian_have_a_value_of_every_metric(tmp_path: Path) -> None:
    study = study_in(tmp_path, "data={kind='ring',train=300,held_out=80}", "evaluation.exact_points=50")
    facts = (entry := trained(study, first_trial(study))).facts()
    metrics = {"sliced_wasserstein", "cells", "spread", "wasserstein_1", "jensen_shannon"}
    metrics |= {"modes_covered", "high_quality", "mode_kl"}
    assert set(facts["real_values"]) == set(facts["gaussian_values"]) == metrics
    assert facts["gaussian_values"]["high_quality"] < 0.1 < facts["real_values"]["high_quality"]
    assert metrics <= set(entry.curves().frame()["metric"])
    assert facts["real_values"]["modes_covered"] == facts["real_cells"] == 8


# -- failed members ----------------------------------------------------------------------------------------------------


EXPLODES = "conditions.wgan.training.critic_optimizer={kind='sgd',lr=1e30}"


def test_a_trial_ends_when_no_member_is_finite(tmp_path: Path) -> None:
    study = study_in(tmp_path, EXPLODES, "conditions.wgan.constraint={kind='none'}")
    entry = trained(study, first_trial(study, "wgan"))
    facts = entry.facts()
    assert all(0 < step < 36 for step in facts["nonfinite_step"])
    assert facts["generator_steps"] == max(facts["nonfinite_step"])
    assert steps_of(entry) == [0]
    assert entry.samples()["snapshot_steps"].tolist() == [0]
    assert np.isfinite(entry.samples()["snapshots"]).all()


@pytest.mark.parametrize("lr", ["1e30", "1e3"])
@pytest.mark.usefixtures("ticking")
def test_a_nonfinite_trial_ends_at_the_same_step_however_often_it_is_interrupted(tmp_path: Path, lr: str) -> None:
    study = study_in(tmp_path, EXPLODES.replace("1e30", lr), "conditions.wgan.constraint={kind='none'}")
    spec = first_trial(study, "wgan")
    expected = trained(study, spec)
    assert None not in expected.facts()["nonfinite_step"]
    entry = Ledger(tmp_path / "other").entry(spec.address)
    while not (training := TrialTraining(spec.identity, entry)).done:
        training.advance(4)
        training.save_checkpoint()
    training.commit()
    assert same_numbers(entry, expected)


def poison(entry: Entry, seed: int) -> None:
    """Set the parameters of one member's generator to NaN in the checkpoint."""
    checkpoint: Any = entry.checkpoint()
    checkpoint["trainer"]["generator"]["flat"][seed] = math.nan
    entry.save_checkpoint(checkpoint)


@pytest.mark.usefixtures("ticking")
def test_a_nonfinite_member_changes_no_number_of_the_others(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study)
    entry = ledger_of(study).entry(spec.address)
    training = TrialTraining(spec.identity, entry)
    while training.iteration <= 6:
        training.advance(4)
    stopped = training.iteration
    assert 6 < stopped < 36
    training.save_checkpoint()
    poison(entry, seed=0)
    finish(TrialTraining(spec.identity, entry))
    expected = trained(study_in(tmp_path, f"ledger.root={tmp_path / 'other'}"), spec)
    assert entry.facts()["nonfinite_step"] == [stopped + 1, None]
    assert entry.facts()["generator_steps"] == 36
    curves, others = (e.curves().frame().query("seed == 1").reset_index(drop=True) for e in (entry, expected))
    assert curves.equals(others)
    nonfinite = entry.curves().frame().query("seed == 0 and metric == 'sliced_wasserstein'").set_index("step")["value"]
    assert nonfinite.loc[:stopped].notna().all()
    assert nonfinite.loc[stopped + 1 :].isna().all()
    assert all(torch.isfinite(value).all() for value in entry.generator("best").values())
    kept, whole = (e.samples()["snapshots"] for e in (entry, expected))
    assert np.array_equal(kept[:, 1], whole[:, 1])
    steps = entry.samples()["snapshot_steps"]
    assert np.isfinite(kept[:, 0]).all((1, 2)).tolist() == (steps <= stopped).tolist()


def test_the_distance_of_the_dirac_pair_grows_by_its_exact_factor_at_every_evaluation(tmp_path: Path) -> None:
    """Simultaneous descent with step h multiplies the distance to the equilibrium by sqrt(1 + h^2)."""
    study = study_in(tmp_path, text=DIRAC)
    entry = trained(study, first_trial(study))
    curve = entry.curves().frame().query("metric == 'distance_to_equilibrium'").sort_values("step")
    assert curve["step"].tolist() == list(range(21))
    expected = math.sqrt(2) * math.sqrt(1 + 0.2**2) ** np.arange(21)
    assert np.allclose(curve["value"], expected, rtol=2e-6)  # 20 steps of float32
    assert entry.facts()["reference_distances"] == {"real": 0.0, "constant": math.sqrt(2), "gaussian": None}
    assert entry.facts()["real_cells"] is None


# -- the Trainable -----------------------------------------------------------------------------------------------------


def config(root: Path, spec: TrialSpec, **changes: float) -> dict[str, Any]:
    return {**trial_config(root, **changes), "payload": spec.payload()}


def stepped(trainable: Any) -> Iterator[dict[str, Any]]:
    while True:
        yield (report := trainable.step())
        if report["done"]:
            return


def impossible(spec: TrialSpec) -> TrialSpec:
    """A trial that raises when it is built."""
    provenance = {**spec.identity["provenance"], "device": "abacus"}
    identity = {**spec.identity, "provenance": provenance}
    return replace(spec, identity=identity, address=content_address(identity))


def test_a_reused_actor_gives_the_bits_of_a_fresh_one(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    first, second, *_ = first_trials(study)
    used = actor(tmp_path / "used", first.payload())
    for spec in (first, impossible(first), second):
        assert used.reset_config(config(tmp_path / "used", spec))
        assert list(stepped(used))[-1]["done"]
    for spec in (first, second):
        assert same_numbers(Ledger(tmp_path / "used").entry(spec.address), trained(study, spec))


def test_an_actor_reused_in_mid_trial_keeps_nothing_of_the_former_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.execution.ray_trial.SECONDS_PER_REPORT", 0.002)
    study = study_in(tmp_path)
    first, second, *_ = first_trials(study)
    used = actor(tmp_path / "used", first.payload())
    assert not used.step()["done"]
    used.reset_config(config(tmp_path / "used", second))
    assert list(finished(Ledger(tmp_path / "used"))) == []
    assert list(stepped(used))[-1]["done"]
    assert list(finished(Ledger(tmp_path / "used"))) == [second.address]
    assert same_numbers(Ledger(tmp_path / "used").entry(second.address), trained(study, second))


def test_a_stopped_actor_leaves_a_checkpoint_from_which_another_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.execution.ray_trial.SECONDS_PER_REPORT", 0.002)
    study = study_in(tmp_path)
    spec = first_trial(study)
    root = tmp_path / "ledger"
    stopped = actor(root, spec.payload())
    while not (report := stopped.step())["iteration"]:  # on a busy machine the first steps only evaluate
        pass
    assert not (root / "trials" / spec.address / "checkpoint.pt").exists()  # none is due yet
    stopped.stop()
    reports = list(stepped(actor(root, spec.payload())))
    assert f"resumed at iteration {report['iteration']}\n" in (root / "trials" / spec.address / "log.txt").read_text()
    assert 0 < report["iteration"] <= reports[0]["iteration"]
    assert report["iteration"] < reports[-1]["iteration"] == 36
    assert same_numbers(
        Ledger(root).entry(spec.address), trained(study_in(tmp_path, f"ledger.root={tmp_path / 'other'}"), spec)
    )


def test_checkpoints_are_written_at_intervals_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.execution.ray_trial.SECONDS_PER_REPORT", 0.002)
    spec = first_trial(study_in(tmp_path))
    trainable = actor(tmp_path / "ledger", spec.payload())
    trainable.reset_config(config(tmp_path / "ledger", spec, checkpoint_seconds=1e-9))
    entry = Ledger(tmp_path / "ledger").entry(spec.address)
    iterations = []
    for report in stepped(trainable):
        if not report["done"]:
            assert checkpointed_iteration(entry) == report["iteration"]
            iterations.append(report["iteration"])
    assert iterations == sorted(iterations)
    assert len(iterations) > 3
    assert entry.checkpoint() is None


def test_an_exception_is_recorded_and_not_retried(tmp_path: Path) -> None:
    spec = impossible(first_trial(study_in(tmp_path)))
    trainable = actor(tmp_path / "ledger", spec.payload())
    assert trainable.step() == {"done": True, "iteration": 0}  # Ray would retry after an exception
    entry = Ledger(tmp_path / "ledger").entry(spec.address)
    assert (entry.error() or "").startswith("RuntimeError: Expected one of cpu, cuda, ")
    assert "Traceback (most recent call last)" in (entry.folder / "log.txt").read_text()
    assert not entry.finished


def test_a_finished_trial_is_not_trained_again(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study)
    entry = trained(study, spec)
    before = {path.name: path.stat().st_mtime_ns for path in entry.folder.iterdir()}
    trainable = actor(tmp_path / "ledger", spec.payload())
    assert trainable.step() == {"done": True, "iteration": 0}
    assert {path.name: path.stat().st_mtime_ns for path in entry.folder.iterdir()} == before


def test_a_payload_holds_the_identity_as_json(tmp_path: Path) -> None:
    for spec in first_trials(study_in(tmp_path)):
        assert json.loads(spec.payload())["identity"] == spec.identity
