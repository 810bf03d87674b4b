"""A trial from its start or its checkpoint to its entry in the ledger."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from time import time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_gans import measure, real_samples
from tiny import DIRAC, actor, finish, finished, ledger_of, same_numbers, study_in, trial_config

from gan_core.data import Digits
from gan_core.features import PixelFeatures
from gan_core.training import EVALUATION_SEED
from gan_core.training.randomness import stream
from studies.design import Design, TrialSpec, canonical, content_address, evaluation_address, payload
from studies.errors import HungCode, InputError, StudyFailed
from studies.execution.kept_samples import (
    IMAGES,
    POINTS,
    SNAPSHOT_IMAGES,
    SNAPSHOT_POINTS,
    SURFACE_RESOLUTION,
    generator_evaluations,
    picture_evaluations,
)
from studies.execution.pack_training import PackTraining
from studies.execution.ray_pack import end_of
from studies.execution.runner import _provenance
from studies.file.condition import PARTS, Setting
from studies.file.study import Study
from studies.file.validation import build
from studies.ledger.entries import Entry, GeneratorSnapshots
from studies.ledger.ledger import Ledger
from studies.ledger.unfinished import Unfinished
from studies.tables.member_outcomes import distances_of

CRITIC_STEPS = "budget={unit='critic_steps',steps=72}", "evaluation.measurements=6"


def first_trials(study: Study) -> list[TrialSpec]:
    return list(Design(study, _provenance(study)).trials({}))


def first_trial(study: Study, condition: str | None = None) -> TrialSpec:
    return next(trial for trial in first_trials(study) if condition in (None, trial.condition))


def training_in(ledger: Ledger, spec: TrialSpec, **options: Any) -> PackTraining:
    """The training of a trial, from its start or its last checkpoint in a ledger."""
    return PackTraining(json.loads(payload([spec])), ledger.unfinished(spec.key), **options)


def trained(study: Study, spec: TrialSpec, **options: Any) -> Entry:
    return finish(training_in(ledger_of(study), spec, **options), ledger_of(study))


def committed(training: PackTraining, ledger: Ledger) -> Entry:
    """The entry of a training as it is now."""
    (row,) = training.rows()
    ledger.commit([row])
    return finished(ledger)[row.key]


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that advances by a second at every reading: `advance(seconds)` stops after a known number of readings."""
    readings = count()
    monkeypatch.setattr("studies.execution.pack_training.monotonic", lambda: float(next(readings)))


# -- interruptions -----------------------------------------------------------------------------------------------------

SETTINGS = {
    "rmsprop and clipping": ("wgan", ["conditions.wgan.training.critic_optimizer={kind='rmsprop',lr=0.01}"]),
    "adam and three critic steps": ("gan", ["conditions.gan.training.n_critic=3"]),
    "a penalty with noise of its own": ("wgan", ["conditions.wgan.constraint={kind='gradient_penalty'}"]),
    "momentum, the generator first": (
        "gan",
        ["training.update_order=alternating", "training.generator_optimizer={kind='sgd',lr=0.1,momentum=0.9}"],
    ),
    "critic steps": ("gan", [*CRITIC_STEPS]),
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
    ledger = Ledger(tmp_path_factory.mktemp("interrupted"))
    stops: list[int] = []
    for seconds in pieces:
        training = training_in(ledger, spec)
        assert training.iteration == (stops[-1] if stops else 0)
        training.advance(seconds)
        training.save_checkpoint()
        training.advance(3)  # lost: no checkpoint follows
        stops.append(checkpointed_iteration(ledger.unfinished(spec.key)))
    assert same_numbers(finish(training_in(ledger, spec), ledger), expected)


def checkpointed_iteration(unfinished: Unfinished) -> int:
    checkpoint = unfinished.checkpoint()
    assert checkpoint is not None
    return checkpoint["trainer"]["iteration"]


@pytest.mark.usefixtures("ticking")
def test_a_trial_can_be_interrupted_at_every_iteration(tmp_path: Path) -> None:
    study = study_in(tmp_path, "budget.steps=36")
    spec = first_trial(study)
    expected = trained(study, spec)
    ledger = Ledger(tmp_path / "other")
    iterations = []
    while True:
        training = training_in(ledger, spec)
        training.advance(3)
        iterations.append(training.iteration)
        if training.done:
            break
        training.save_checkpoint()
    assert iterations == list(range(37))
    entry = committed(training, ledger)
    assert same_numbers(entry, expected)
    assert entry.log().count("resumed at iteration") == 36


def test_an_evaluation_before_a_checkpoint_is_not_repeated_after_it(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study)
    ledger = ledger_of(study)
    training = training_in(ledger, spec)
    while not training.done:
        training.advance(60)
    training.save_checkpoint()
    training = training_in(ledger, spec)
    assert training.done
    entry = committed(training, ledger)
    assert entry.curves.steps.tolist() == [0, 6, 12, 18, 24, 30, 36]
    assert same_numbers(entry, trained(study_in(tmp_path, f"ledger.root={tmp_path / 'other'}"), spec))


def test_elapsed_time_includes_the_time_before_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("studies.execution.pack_training.monotonic", lambda: now[0])
    study = study_in(tmp_path)
    spec = first_trial(study)
    ledger = ledger_of(study)
    training = training_in(ledger, spec)
    now[0] = 40.0
    training.save_checkpoint()
    now[0] = 1000.0  # a night
    training = training_in(ledger, spec)
    while not training.done:
        training.advance(5)
    now[0] = 1002.5
    assert committed(training, ledger).facts["elapsed_seconds"] == 42.5


# -- evaluations -------------------------------------------------------------------------------------------------------


def steps_of(entry: Entry) -> list[int]:
    return entry.curves.steps.tolist()


@pytest.mark.parametrize(
    ("budget", "measurements", "n_critic", "steps"),
    [
        ("{steps=36}", 6, 1, [0, 6, 12, 18, 24, 30, 36]),
        ("{steps=36}", 6, 3, [0, 6, 12, 18, 24, 30, 36]),
        ("{steps=10}", 4, 2, [0, 3, 5, 8, 10]),
        ("{unit='critic_steps',steps=36}", 6, 1, [0, 6, 12, 18, 24, 30, 36]),
        ("{unit='critic_steps',steps=36}", 6, 3, [0, 6, 12, 18, 24, 30, 36]),
        ("{unit='critic_steps',steps=38}", 6, 3, [0, 6, 12, 18, 24, 30, 36]),
    ],
)
def test_evaluations_lie_at_equal_fractions_of_the_budget(
    tmp_path: Path, budget: str, measurements: int, n_critic: int, steps: list[int]
) -> None:
    changes = f"budget={budget}", f"evaluation.measurements={measurements}"
    study = study_in(tmp_path, *changes, f"conditions.gan.training.n_critic={n_critic}")
    entry = trained(study, first_trial(study, "gan"))
    assert steps_of(entry) == steps
    facts = entry.facts
    assert facts["critic_steps"] == facts["generator_steps"] * n_critic
    elapsed = facts["critic_steps"] if "critic" in budget else facts["generator_steps"]
    assert elapsed == steps[-1]


def test_every_seed_step_and_metric_has_one_row(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study)
    curves = trained(study, spec).curves.frame()
    assert list(curves.columns) == ["seed", "step", "metric", "value"]
    assert not curves.duplicated(["seed", "step", "metric"]).any()
    metrics = set(curves["metric"])
    assert {"sliced_wasserstein", "cells", "spread", "critic_loss", "generator_loss", "critic_slope"} <= metrics
    assert {"critic_gradient_norm", "generator_gradient_norm"} <= metrics
    assert len(curves) == 2 * (7 * (len(metrics) - 2) + 2)  # two are measured at the last evaluation alone
    assert set(curves["seed"]) == set(spec.seeds)


def test_more_evaluations_change_no_training_number(tmp_path: Path) -> None:
    few, many = (
        trained(study, first_trial(study))
        for study in (study_in(tmp_path, f"evaluation.measurements={measurements}") for measurements in (3, 12))
    )
    assert few.address == many.address
    assert few.key != many.key
    shared = many.curves.frame().merge(few.curves.frame(), on=["seed", "step", "metric"])
    assert len(shared) == len(few.curves.frame())
    assert (shared["value_x"] == shared["value_y"]).all()
    assert_equal_generators(few, many)


def assert_equal_generators(first: Entry, second: Entry) -> None:
    last, others = (entry.generators().parameters(-1) for entry in (first, second))
    assert last.keys() == others.keys()
    assert all(torch.equal(last[name], others[name]) for name in last)


def test_confirm_is_evaluated_on_another_split(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study)
    assert spec.evaluation["split"] == "validation"
    evaluation = {**spec.evaluation, "split": "test"}
    test = trained(study, replace(spec, evaluation=evaluation, evaluation_address=evaluation_address(evaluation)))
    validation = trained(study, spec)
    assert test.address == validation.address
    assert_equal_generators(test, validation)
    of_test, of_validation = (distances_of(entry.facts, entry.curves) for entry in (test, validation))
    assert (of_test != of_validation).all()
    assert np.allclose(of_test, of_validation, atol=0.05)


def test_facts_hold_costs_reference_distances_and_checksums(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study, "gan")
    entry = trained(study, spec)
    facts = dict(entry.facts)
    elapsed, checksums = facts.pop("elapsed_seconds"), facts.pop("checksums")
    assert 0 < time() - facts.pop("ended_at") < 600
    references, measured = facts.pop("reference_distances"), facts.pop("measured_seconds")
    real_values, gaussian_values = facts.pop("real_values"), facts.pop("gaussian_values")
    last = entry.generators().parameters(-1)
    assert facts == {
        "address": spec.address,
        "identity": canonical(spec.identity),
        "evaluation_address": spec.evaluation_address,
        "evaluation": canonical(spec.evaluation),
        "seeds": [0, 1],
        "metrics": list(entry.curves.metrics),
        "steps": [0, 6, 12, 18, 24, 30, 36],
        "unmeasured": {name: [0, 1, 2, 3, 4, 5] for name in ("kernel_distance", "memorisation")},
        "snapshots": {
            "steps": [0, 24, 30, 36],
            "parameters": {name: list(value.shape[1:]) for name, value in last.items()},
            "shape": [4, 1, 2, sum(value[0].numel() for value in last.values())],
        },
        "distance": "sliced_wasserstein",
        "highest": None,
        "features": {"name": "pixels", "hash": PixelFeatures().hash(Digits().load())},
        "known_modes": None,
        "sample_shape": {"shape": [1, 8, 8], "bounded": True},
        "real_cells": 4,
        "nonfinite_step": [None, None],
        "generator_steps": 36,
        "critic_steps": 36,
        "real_samples_seen": 36 * 8,
        "threads": 1,
        "trials_sharing_seconds": 1,
    }
    assert 0 < elapsed < 60
    assert measured == sorted(measured)
    assert len(measured) == study.evaluation.measurements + 1
    assert 0 < references["real"] < references["constant"] < 1
    assert 0 < references["gaussian"] < references["constant"]
    assert real_values == {
        **{"sliced_wasserstein": references["real"], "cells": 4, "spread": pytest.approx(1, abs=0.05)},
        **{"precision": pytest.approx(0.96, abs=0.02), "coverage": pytest.approx(0.52, abs=0.03)},
        **{"density": pytest.approx(1, abs=0.05), "recall": pytest.approx(0.98, abs=0.02)},
        **{"frechet_distance": pytest.approx(2.5, abs=0.2), "kernel_distance": pytest.approx(0, abs=0.01)},
        "memorisation": pytest.approx(0, abs=0.2),
    }
    assert gaussian_values["sliced_wasserstein"] == references["gaussian"]
    assert all(0.1 < gaussian_values[name] / real_values[name] < 0.5 for name in ("precision", "coverage"))
    assert real_values.keys() == gaussian_values.keys() <= set(entry.curves.metrics)
    assert set(checksums) == {"values", "generators", "samples", "log"}
    assert content_address(facts["identity"]) == entry.address
    assert evaluation_address(facts["evaluation"]) == facts["evaluation_address"]


# -- generators and samples --------------------------------------------------------------------------------------------


def fakes(spec: TrialSpec, parameters: dict[str, torch.Tensor], samples: int, study: Study) -> torch.Tensor:
    """Fakes of the evaluation z, computed from the kept parameters alone."""
    network = build(Setting, {part: spec.identity[part] for part in PARTS}, ()).networks.generator
    z = torch.randn((samples, network.latent), generator=stream(EVALUATION_SEED, "samples_z"))
    with torch.no_grad():
        return network.generate(parameters, z.expand(len(spec.seeds), -1, -1), study.data.load().sample_shape)


def test_every_kept_generator_has_the_distances_of_its_evaluation(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study)
    entry = trained(study, spec, kept="all")
    generators, distances = entry.generators(), entry.curves.of("sliced_wasserstein")
    assert distances is not None
    assert generators.steps == (0, 6, 12, 18, 24, 30, 36)
    real = real_samples(study.data.load(), study.evaluation, dtype=torch.float32)
    for snapshot in range(7):
        made = fakes(spec, generators.parameters(snapshot), study.evaluation.samples, study)
        assert np.allclose(measure(real, made)["sliced_wasserstein"].numpy(), distances[:, snapshot], atol=1e-6)


OTHER = "ledger.root={}/other"


@pytest.mark.parametrize(
    ("kept", "steps"), [("late", (0, 24, 30, 36)), ("all", (0, 6, 12, 18, 24, 30, 36)), ("last", (36,))]
)
def test_generators_are_kept_at_the_evaluations_that_the_study_names(
    tmp_path: Path, kept: str, steps: tuple[int, ...]
) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study)
    generators = trained(study, spec, kept=kept).generators()
    every = trained(study_in(tmp_path, OTHER.format(tmp_path)), spec, kept="all").generators()
    assert generators.steps == steps
    for snapshot, step in enumerate(steps):
        assert equal_parameters(generators, snapshot, every, every.steps.index(step))
    assert not equal_parameters(every, 0, every, -1)


def equal_parameters(first: GeneratorSnapshots, i: int, second: GeneratorSnapshots, j: int) -> bool:
    these, those = first.parameters(i), second.parameters(j)
    return these.keys() == those.keys() and all(torch.equal(these[name], those[name]) for name in these)


@pytest.mark.usefixtures("ticking")
def test_an_interrupted_trial_keeps_the_generators_of_before(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec, ledger = first_trial(study), ledger_of(study)
    training = training_in(ledger, spec, kept="all")
    while training.iteration < 13:
        training.advance(4)
    training.save_checkpoint()
    entry = finish(training_in(ledger, spec, kept="all"), ledger)
    assert same_numbers(entry, trained(study_in(tmp_path, OTHER.format(tmp_path)), spec, kept="all"))


def test_a_trial_keeps_fakes_of_its_last_generators_in_half_precision(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec = first_trial(study)
    entry = trained(study, spec)
    assert set(entry.samples()) == {"last"}
    last = entry.samples()["last"]
    assert last.shape == (2, SNAPSHOT_IMAGES, 64)
    assert last.dtype == np.float16
    made = fakes(spec, entry.generators().parameters(-1), SNAPSHOT_IMAGES, study).numpy()
    assert np.allclose(last, made, atol=1e-3)


def confirming(spec: TrialSpec) -> TrialSpec:
    """The same training, evaluated as a confirm trial."""
    evaluation = {**spec.evaluation, "split": "test"}
    return replace(spec, evaluation=evaluation, evaluation_address=evaluation_address(evaluation))


def test_snapshots_of_a_confirm_trial_are_fakes_of_the_same_z_at_a_few_evaluations(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    kept = trained(study, confirming(first_trial(study))).samples()
    assert set(kept) == {"last", "snapshots", "snapshot_steps"}
    assert kept["last"].shape == (2, IMAGES, 64)
    assert kept["snapshots"].shape == (5, 2, SNAPSHOT_IMAGES, 64)
    assert kept["snapshots"].dtype == np.float16
    assert kept["snapshot_steps"].tolist() == [0, 6, 18, 24, 36]
    half = study_in(tmp_path, 'budget = {unit = "generator_steps", steps=18}', "evaluation.measurements=3")
    for snapshot, last in ((2, trained(half, first_trial(half)).samples()["last"]), (4, kept["last"])):
        assert np.allclose(kept["snapshots"][snapshot], last[:, :SNAPSHOT_IMAGES], atol=2e-3)
    assert len(np.unique(kept["snapshots"][:, 0, 0], axis=0)) == 5


@given(st.integers(3, 5000))
def test_pictures_are_made_at_six_or_fewer_evaluations_from_the_first_to_the_last(measurements: int) -> None:
    evaluations = picture_evaluations(measurements)
    assert (evaluations[0], evaluations[-1]) == (0, measurements)
    assert evaluations == sorted(set(evaluations))
    assert len(evaluations) == (6 if measurements >= 7 else {3: 4}.get(measurements, 5))
    assert 0 <= evaluations[-2] - 0.64 * measurements < 1


@given(st.integers(3, 5000))
def test_generators_are_kept_at_the_start_and_in_the_last_fifth(measurements: int) -> None:
    first, *late = generator_evaluations(measurements, "late")
    assert first == 0
    assert late == list(range(late[0], measurements + 1))
    assert len(late) == (3 if measurements <= 15 else math.ceil(measurements / 5))
    assert generator_evaluations(measurements, "all") == list(range(measurements + 1))
    assert generator_evaluations(measurements, "last") == [measurements]


def test_on_2d_data_more_fakes_are_kept_and_the_critics_values_around_them(tmp_path: Path) -> None:
    study = study_in(tmp_path, "data={kind='ring',train=300,held_out=80}")
    spec = confirming(first_trial(study))
    entry = trained(study, spec)
    kept = entry.samples()
    assert {name: array.shape for name, array in kept.items()} == {
        "last": (2, POINTS, 2),
        "critic_surface": (2, SURFACE_RESOLUTION, SURFACE_RESOLUTION),
        "critic_corners": (2, 2),
        "snapshots": (5, 2, SNAPSHOT_POINTS, 2),
        "snapshot_steps": (5,),
    }
    made = fakes(spec, entry.generators().parameters(-1), POINTS, study).numpy()
    assert np.allclose(kept["last"], made, atol=2e-3)
    low, high = kept["critic_corners"]
    samples = study.data.load().every
    assert (low < samples.min(0)).all()
    assert (high > samples.max(0)).all()
    assert len(np.unique(kept["critic_surface"])) > SURFACE_RESOLUTION**2  # the values of both critics vary


def test_on_2d_data_real_samples_and_the_gaussian_have_a_value_of_every_metric(tmp_path: Path) -> None:
    study = study_in(tmp_path, "data={kind='ring',train=300,held_out=80}", "evaluation.exact_points=50")
    facts = (entry := trained(study, first_trial(study))).facts
    metrics = {"sliced_wasserstein", "cells", "spread", "wasserstein_1", "jensen_shannon"}
    metrics |= {"modes_covered", "high_quality", "mode_kl"}
    assert set(facts["real_values"]) == set(facts["gaussian_values"]) == metrics
    assert facts["gaussian_values"]["high_quality"] < 0.1 < facts["real_values"]["high_quality"]
    assert metrics <= set(entry.curves.frame()["metric"])
    assert facts["real_values"]["modes_covered"] == facts["known_modes"] == facts["real_cells"] == 8


# -- failed members ----------------------------------------------------------------------------------------------------


EXPLODES = "conditions.wgan.training.critic_optimizer={kind='sgd',lr=1e30}"


def test_a_trial_ends_when_no_member_is_finite(tmp_path: Path) -> None:
    study = study_in(tmp_path, EXPLODES, "conditions.wgan.constraint={kind='none'}")
    entry = trained(study, confirming(first_trial(study, "wgan")))
    facts = entry.facts
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
    assert None not in expected.facts["nonfinite_step"]
    ledger = Ledger(tmp_path / "other")
    while not (training := training_in(ledger, spec)).done:
        training.advance(4)
        training.save_checkpoint()
    assert same_numbers(committed(training, ledger), expected)


def poison(unfinished: Unfinished, seed: int) -> None:
    """Set the parameters of one member's generator to NaN in the checkpoint."""
    checkpoint: Any = unfinished.checkpoint()
    checkpoint["trainer"]["generator"]["flat"][seed] = math.nan
    unfinished.save_checkpoint(checkpoint)


@pytest.mark.usefixtures("ticking")
def test_a_nonfinite_member_changes_no_number_of_the_others(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    spec, ledger = confirming(first_trial(study)), ledger_of(study)
    training = training_in(ledger, spec)
    while training.iteration <= 6:
        training.advance(4)
    stopped = training.iteration
    assert 6 < stopped < 36
    training.save_checkpoint()
    poison(ledger.unfinished(spec.key), seed=0)
    entry = finish(training_in(ledger, spec), ledger)
    expected = trained(study_in(tmp_path, f"ledger.root={tmp_path / 'other'}"), spec)
    assert entry.facts["nonfinite_step"] == [stopped + 1, None]
    assert entry.facts["generator_steps"] == 36
    curves, others = (e.curves.frame().query("seed == 1").reset_index(drop=True) for e in (entry, expected))
    assert curves.equals(others)
    nonfinite = entry.curves.frame().query("seed == 0 and metric == 'sliced_wasserstein'").set_index("step")["value"]
    assert nonfinite.loc[:stopped].notna().all()
    assert nonfinite.loc[stopped + 1 :].isna().all()
    generators = entry.generators()
    assert all(torch.isfinite(value[1]).all() for value in generators.parameters(-1).values())
    assert all(torch.isfinite(value).all() for value in generators.chosen([0, -1]).values())
    kept, whole = (e.samples()["snapshots"] for e in (entry, expected))
    assert np.array_equal(kept[:, 1], whole[:, 1])
    steps = entry.samples()["snapshot_steps"]
    assert np.isfinite(kept[:, 0]).all((1, 2)).tolist() == (steps <= stopped).tolist()


def test_the_distance_of_the_dirac_pair_grows_by_its_exact_factor_at_every_evaluation(tmp_path: Path) -> None:
    """Simultaneous descent with step h multiplies the distance to the equilibrium by sqrt(1 + h^2)."""
    study = study_in(tmp_path, text=DIRAC)
    entry = trained(study, first_trial(study))
    curve = entry.curves.frame().query("metric == 'distance_to_equilibrium'").sort_values("step")
    assert curve["step"].tolist() == list(range(21))
    expected = math.sqrt(2) * math.sqrt(1 + 0.2**2) ** np.arange(21)
    assert np.allclose(curve["value"], expected, rtol=2e-6)  # 20 steps of float32
    assert entry.facts["reference_distances"] == {"real": 0.0, "constant": math.sqrt(2), "gaussian": None}
    assert entry.facts["real_cells"] is None


# -- the Trainable -----------------------------------------------------------------------------------------------------


def config(root: Path, spec: TrialSpec, **changes: Any) -> dict[str, Any]:
    return {**trial_config(root), **changes, "payloads": [payload([spec])]}


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


def ending(report: dict[str, Any]) -> dict[str, Any]:
    return json.loads(report["end"])


def test_a_reused_actor_gives_the_bits_of_a_fresh_one(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    first, second, *_ = first_trials(study)
    used = actor(tmp_path / "used", payload([first]))
    for spec in (first, impossible(first), second):
        assert used.reset_config(config(tmp_path / "used", spec))
        assert list(stepped(used))[-1]["done"]
    for spec in (first, second):
        assert same_numbers(finished(Ledger(tmp_path / "used"))[spec.key], trained(study, spec))


def test_an_actor_reused_in_mid_trial_keeps_nothing_of_the_former_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.execution.ray_pack.SECONDS_PER_REPORT", 0.002)
    study = study_in(tmp_path)
    first, second, *_ = first_trials(study)
    used = actor(tmp_path / "used", payload([first]))
    assert not used.step()["done"]
    used.reset_config(config(tmp_path / "used", second))
    assert list(finished(Ledger(tmp_path / "used"))) == []
    assert list(stepped(used))[-1]["done"]
    assert list(finished(Ledger(tmp_path / "used"))) == [second.key]
    assert same_numbers(finished(Ledger(tmp_path / "used"))[second.key], trained(study, second))


def test_a_stopped_actor_leaves_a_checkpoint_from_which_another_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.execution.ray_pack.SECONDS_PER_REPORT", 0.002)
    study = study_in(tmp_path)
    spec = first_trial(study)
    root = tmp_path / "ledger"
    stopped = actor(root, payload([spec]))
    while not (report := stopped.step())["iteration"]:  # on a busy machine the first steps only evaluate
        pass
    assert Ledger(root).unfinished(spec.key).checkpoint() is None  # none is due yet
    stopped.stop()
    reports = list(stepped(actor(root, payload([spec]))))
    entry = finished(Ledger(root))[spec.key]
    assert f"resumed at iteration {report['iteration']}\n" in entry.log()
    assert 0 < report["iteration"] <= reports[0]["iteration"]
    assert report["iteration"] < reports[-1]["iteration"] == 36
    assert same_numbers(entry, trained(study_in(tmp_path, OTHER.format(tmp_path)), spec))


def test_checkpoints_are_written_at_intervals_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.execution.ray_pack.SECONDS_PER_REPORT", 0.002)
    spec = first_trial(study_in(tmp_path))
    trainable = actor(tmp_path / "ledger", payload([spec]))
    trainable.reset_config(config(tmp_path / "ledger", spec, checkpoint_seconds=1e-9))
    unfinished = Ledger(tmp_path / "ledger").unfinished(spec.key)
    iterations = []
    for report in stepped(trainable):
        if not report["done"]:
            assert checkpointed_iteration(unfinished) == report["iteration"]
            iterations.append(report["iteration"])
    assert iterations == sorted(iterations)
    assert len(iterations) > 3
    assert unfinished.checkpoint() is None


def test_an_exception_is_reported_with_its_traceback(tmp_path: Path) -> None:
    spec = impossible(first_trial(study_in(tmp_path)))
    trainable = actor(tmp_path / "ledger", payload([spec]))
    report = trainable.step()  # Ray would end the actor after an exception
    assert (report["done"], report["iteration"]) == (True, 0)
    end = ending(report)
    assert (end["end"]["state"], end["storage_failed"]) == ("error", False)
    assert end["end"]["reason"].startswith("RuntimeError: Expected one of cpu, cuda, ")
    assert end["end"]["detail"].startswith("Traceback (most recent call last)")
    ledger = Ledger(tmp_path / "ledger")
    assert ledger.unfinished(spec.key).end() is None  # the searcher decides whether it is tried again
    assert ledger.started() == {spec.key}
    assert finished(ledger) == {}


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (MemoryError(), "out_of_memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory"),
        (RuntimeError("CUDA error: out of memory"), "out_of_memory"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "out_of_memory"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "out_of_memory"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "error"),
        (HungCode("my_module.py, line 3", 300.0), "timed_out"),
        (RuntimeError("the shapes do not fit"), "error"),
        (ZeroDivisionError("division by zero"), "error"),
        (OSError(5, "Input/output error"), "lost"),
        (StudyFailed("the ledger cannot be written"), "lost"),
        (InputError("data: must be the samples that the study was started with"), "lost"),
    ],
)
def test_the_kind_of_an_exception_decides_the_state_of_the_trial(error: Exception, state: str) -> None:
    assert end_of(error) == state


@pytest.mark.parametrize("allocate", [lambda: torch.empty(10**15), lambda: np.empty(10**15), lambda: bytearray(10**15)])
def test_memory_that_this_machine_lacks_is_out_of_memory(allocate: Callable[[], Any]) -> None:
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        allocate()
    assert end_of(caught.value) == "out_of_memory"


def test_a_trial_that_takes_too_long_keeps_a_checkpoint_from_which_a_larger_limit_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.execution.ray_pack.SECONDS_PER_REPORT", 0.002)
    study = study_in(tmp_path)
    spec, root = first_trial(study), tmp_path / "ledger"
    trainable = actor(root, payload([spec]))
    trainable.reset_config(config(root, spec, limits={"trial_seconds": 1e-9}))
    report = list(stepped(trainable))[-1]
    assert ending(report)["end"]["state"] == "timed_out"
    assert ending(report)["end"]["reason"] == "its training took longer than limits.trial_seconds = 1e-09"
    assert report["iteration"] < 36
    assert checkpointed_iteration(Ledger(root).unfinished(spec.key)) == report["iteration"]
    trainable.reset_config(config(root, spec, limits={"trial_seconds": 1e9}))
    assert "end" not in list(stepped(trainable))[-1]
    entry = finished(Ledger(root))[spec.key]
    assert f"resumed at iteration {report['iteration']}\n" in entry.log()
    assert same_numbers(entry, trained(study_in(tmp_path, OTHER.format(tmp_path)), spec))


def torn(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    return content[:5000] + bytes([content[5000] ^ 16]) + content[5001:]


def without_content(content: bytes) -> bytes:
    return b""


@pytest.mark.usefixtures("ticking")
@pytest.mark.parametrize("damage", [torn, flipped, without_content, None])
def test_a_damaged_or_foreign_checkpoint_is_set_aside_and_the_trial_begins_anew(
    tmp_path: Path, damage: Callable[[bytes], bytes] | None
) -> None:
    study = study_in(tmp_path)
    spec, other = confirming(first_trial(study)), first_trials(study)[2]
    ledger = Ledger(tmp_path / "damaged")
    for trial in (spec, other):
        training = training_in(ledger, trial)
        training.advance(20)
        training.save_checkpoint()
    mine, foreign = (ledger.storage.path(f"running/{trial.key}/checkpoint") for trial in (spec, other))
    mine.write_bytes(foreign.read_bytes() if damage is None else damage(mine.read_bytes()))
    entry = finish(training_in(ledger, spec), ledger)
    assert same_numbers(entry, trained(study, spec))
    lines = entry.log().splitlines()
    assert lines[0].startswith("began anew, since its checkpoint was set aside: ")
    assert lines[1].startswith("started on ")
    assert "resumed" not in entry.log()
    assert [key.partition("/")[2] for key in ledger.storage.keys("set-aside")] == [f"running.{spec.key}.checkpoint.0"]


def test_a_payload_holds_training_and_evaluation_as_json(tmp_path: Path) -> None:
    for spec in first_trials(study_in(tmp_path)):
        (sent,) = json.loads(payload([spec]))
        assert (sent["identity"], sent["evaluation"]) == (spec.identity, spec.evaluation)
        assert f"{sent['address']}.{sent['evaluation_address']}" == sent["key"] == spec.key
