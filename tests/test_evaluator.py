"""Evaluation of trainers: names and shapes, the same for every trial, health metrics, averages, toy networks."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
import torch
from small_gans import SMALL_EVALUATION, blob, evaluate, evaluator_of, measure, preset_trainer, real_samples

from gan_core.constraints import GradientPenalty, Unconstrained
from gan_core.data import Dirac, Ring, Segments
from gan_core.evaluation import EvaluationSettings, Evaluator, reference_values
from gan_core.networks import DiracPair, MLPCritic, MLPGenerator, NetworkPair, SegmentGenerator
from gan_core.objectives import Wasserstein
from gan_core.presets import PRESETS
from gan_core.training import Adam, Trainer, Training

pytestmark = pytest.mark.shapes

every_preset = pytest.mark.parametrize("preset", list(PRESETS))

DOUBLE = {"dtype": "float64"}
PLANAR = EvaluationSettings(samples=400, directions=16, cells=4, exact_points=60, resolution=20)


@every_preset
def test_two_evaluations_give_the_same_values(preset):
    trainer = preset_trainer(preset)
    trainer.advance(2)
    first, second = evaluate(trainer), evaluate(trainer)
    assert list(first) == list(second)
    assert all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)


@every_preset
def test_every_metric_is_a_finite_number_per_seed_before_the_first_iteration(preset):
    values = evaluate(preset_trainer(preset))
    assert {"sliced_wasserstein", "cells", "spread", "critic_loss", "generator_loss", "critic_slope"} <= set(values)
    assert {"critic_on_real", "critic_on_fake", "critic_gradient_norm", "generator_gradient_norm"} <= set(values)
    for name, value in values.items():
        assert value.shape == (3,)
        assert value.dtype == np.float64
        assert np.isfinite(value).all(), name
        assert name in ("cells", "balance") or len(set(value)) == 3, name


@every_preset
def test_members_with_the_same_parameters_have_the_same_values(preset):
    """All members are evaluated with the same latents, batch and directions."""
    trainer = preset_trainer(preset, training=DOUBLE)
    trainer.advance(2)
    for network in (trainer.generator, trainer.critic):
        network.flat.copy_(network.flat[1].expand_as(network.flat).clone())
    for state in (trainer.objective_state, trainer.constraint_state):
        state |= {name: value[1].expand_as(value).clone() for name, value in state.items()}
    for name, value in evaluate(trainer).items():
        assert value == pytest.approx(value[[0, 0, 0]], rel=1e-9, abs=1e-15), name


def test_values_do_not_depend_on_the_seeds_and_number_of_members():
    three, single = (preset_trainer("wgan-gp", seeds, training=DOUBLE) for seeds in ((3, 4, 5), (900,)))
    single.generator.flat.copy_(three.generator.flat[1:2])
    single.critic.flat.copy_(three.critic.flat[1:2])
    of_three, of_single = evaluate(three), evaluate(single)
    for name in of_single:
        assert of_single[name][0] == pytest.approx(of_three[name][1], rel=1e-9), name


def test_sample_metrics_are_those_of_the_generated_samples():
    trainer = preset_trainer("nsgan")
    trainer.advance(3)
    values = evaluate(trainer)
    fakes = trainer.generate(SMALL_EVALUATION.samples)
    for name, expected in measure(real_samples(blob(), dtype=trainer.dtype), fakes).items():
        assert np.array_equal(values[name], expected.double().numpy()), name


def test_gradient_norms_are_those_of_the_evaluated_losses():
    """Against finite differences of the losses, coordinate by coordinate."""
    tiny = NetworkPair(generator=MLPGenerator(width=2, depth=1, latent=1), critic=MLPCritic(width=2, depth=1))
    trainer = preset_trainer("nsgan", (1,), training=DOUBLE, constraint=GradientPenalty(), networks=tiny)
    trainer.advance(2)
    values, difference = evaluate(trainer), 1e-6
    for network, role in ((trainer.generator, "generator"), (trainer.critic, "critic")):
        parameters, gradient = network.flat.clone(), []
        for coordinate in range(parameters.shape[1]):
            losses = []
            for sign in (1, -1):
                network.flat[0, coordinate] = parameters[0, coordinate] + sign * difference
                losses.append(evaluate(trainer)[f"{role}_loss"][0])
            network.flat.copy_(parameters)
            gradient.append((losses[0] - losses[1]) / (2 * difference))
        assert values[f"{role}_gradient_norm"][0] == pytest.approx(np.linalg.norm(gradient), rel=1e-4)


def test_the_average_is_evaluated_in_the_same_way_as_the_generator():
    training = {"generator_average": 0.9, "generator_optimizer": Adam(lr=0.02)}
    trainer = preset_trainer("nsgan", training=training)
    trainer.advance(6)
    values = evaluate(trainer)
    averaged = {name for name in values if name.endswith("_of_average")}
    assert averaged == {f"{name}_of_average" for name in evaluator_of(trainer).metrics}
    assert averaged >= {f"{name}_of_average" for name in ("sliced_wasserstein", "cells", "spread")}
    assert (values["sliced_wasserstein"] != values["sliced_wasserstein_of_average"]).all()
    assert trainer.average is not None
    trainer.generator.flat.copy_(trainer.average)
    at_the_average = evaluate(trainer)
    for name in averaged:
        assert np.array_equal(at_the_average[name.removesuffix("_of_average")], values[name]), name
    assert not any(name.endswith("_of_average") for name in evaluate(preset_trainer("nsgan")))


def test_an_evaluator_has_the_references_of_its_data_split_and_settings():
    data = Ring().load()
    networks = NetworkPair(generator=MLPGenerator(width=8, depth=1, latent=3), critic=MLPCritic(width=8, depth=1))
    evaluator = Evaluator(networks.generator, data, settings=PLANAR, split="test")
    expected = reference_values(list(evaluator.metrics.values()), real_samples(data, PLANAR, "test", torch.float32))
    assert vars(evaluator.reference_distances) == vars(expected["sliced_wasserstein"])
    assert evaluator.real_values == {name: values.real for name, values in expected.items()}
    assert evaluator.gaussian_values == {name: values.gaussian for name, values in expected.items()}
    assert evaluator.real_cells == 8


# --- members, costly metrics, the deciding metric


def trained(seeds=(3, 4, 5), **changes):
    trainer = preset_trainer("nsgan", seeds, **changes)
    trainer.advance(3)
    return trainer


@pytest.mark.parametrize("kind", ["ring", "images", "vectors"])
def test_values_of_a_member_have_the_same_bits_in_any_company_and_order(kind):
    data = {"ring": Ring(train=300, held_out=80).load(), "images": replace(blob(dim=64), shape=(1, 8, 8))}.get(kind)
    trainer = trained(seeds=range(5), **({} if data is None else {"data": data}))
    evaluator = evaluator_of(trainer, data, settings=replace(SMALL_EVALUATION, exact="every", exact_points=40))
    together = evaluator.evaluate(trainer.generator.frozen, last=True)
    for chosen in ([0], [4], [3, 1], [4, 3, 2, 1, 0]):
        some = {name: value[chosen] for name, value in trainer.generator.frozen.items()}
        for name, values in evaluator.evaluate(some, last=True).items():
            assert values.tobytes() == together[name][chosen].tobytes(), name


def test_evaluating_changes_no_global_random_state():
    trainer, before = trained(), torch.get_rng_state()
    evaluator_of(trainer).evaluate(trainer.generator.frozen, last=True)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("changes", "last", "measured"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"exact": "every"}, False, True),
        ({"distance": "wasserstein_1"}, False, True),
    ],
)
def test_the_exact_distance_is_measured_at_the_last_evaluation_or_if_asked_or_if_it_decides(changes, last, measured):
    data = Ring(train=300, held_out=80).load()
    trainer = trained(data=data)
    evaluator = evaluator_of(trainer, data, settings=replace(SMALL_EVALUATION, exact_points=40, **changes))
    values = evaluator.evaluate(trainer.generator.frozen, last=last)
    assert ("wasserstein_1" in values) == measured
    assert set(evaluator.metrics) - set(values) <= {"wasserstein_1"}


def test_the_distance_is_that_of_the_metric_that_decides():
    data = Ring(train=300, held_out=80).load()
    trainer = trained(data=data)
    for named, expected in (("default", "sliced_wasserstein"), ("jensen_shannon", "jensen_shannon")):
        evaluator = evaluator_of(trainer, data, settings=replace(SMALL_EVALUATION, exact_points=40, distance=named))
        values = evaluator.evaluate(trainer.generator.frozen, last=False)
        assert evaluator.distance_name == expected
        assert np.array_equal(evaluator.distance_of(values), values[expected])
        assert evaluator.reference_distances.real == evaluator.real_values[expected]


def test_without_spread_the_distance_is_not_one_of_samples():
    evaluator = Evaluator(DiracPair().generator, Dirac().load())
    assert evaluator.distance_name == "distance_to_equilibrium"
    assert evaluator.reference_distances is None
    assert evaluator.evaluate({"theta": torch.ones(2, 1, 1)}, last=True) == {}
    values = {"distance_to_equilibrium": np.array([3.0, 4.0])}
    assert evaluator.distance_of(values).tolist() == [3, 4]


def test_a_deciding_metric_must_apply_to_the_data():
    with pytest.raises(ValueError, match=r"^distance: must .* applies to the data, but mode_kl does not$"):
        evaluator_of(trained(), settings=replace(SMALL_EVALUATION, distance="mode_kl"))


# --- the segment generator


def segment_trainer(theta):
    networks = NetworkPair(generator=SegmentGenerator(theta=theta), critic=MLPCritic(width=8, depth=1))
    return Trainer(
        objective=Wasserstein(),
        constraint=Unconstrained(),
        networks=networks,
        training=Training(batch=8),
        data=Segments().load(),
        seeds=(0, 1),
    )


def test_initial_distance_of_the_segment_generator_is_theta():
    """Up to gaps of the 60 exact points of about 1/sqrt(60)."""
    values = evaluate(segment_trainer(-0.5), Segments().load(), settings=PLANAR)
    assert values["jensen_shannon"] == pytest.approx([log(2)] * 2, rel=1e-12)
    assert (values["wasserstein_1"] >= 0.5).all()
    assert (values["wasserstein_1"] <= (0.5**2 + 0.3**2) ** 0.5).all()


def test_segment_generator_at_zero_generates_the_real_segment():
    trainer, data = segment_trainer(0.0), Segments().load()
    evaluator = evaluator_of(trainer, data, settings=PLANAR)
    values, real = evaluator.evaluate(trainer.generator.frozen, last=True), evaluator.real_values
    for name in ("jensen_shannon", "wasserstein_1", "sliced_wasserstein"):
        assert (values[name] < 4 * real[name]).all()


def test_training_moves_the_segment_generator():
    trainer = segment_trainer(0.5)
    trainer.advance(5)
    assert (trainer.generator.flat != 0.5).all()
    assert trainer.generator.flat.shape == (2, 1)
