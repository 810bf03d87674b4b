"""The training loop: checkpoints, the seed axis, random numbers, update order, pre-training, average, precision."""

import io
import re
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import isnan
from typing import Any

import numpy as np
import pytest
import torch
from small_gans import blob, evaluate, evaluator_of, preset_trainer, small_networks
from torch.testing import assert_close

from gan_core.constraints import GradientPenalty, Unconstrained
from gan_core.networks import MLPCritic, MLPGenerator, NetworkPair
from gan_core.objectives import (
    BoundaryEquilibrium,
    EnergyMargin,
    LeastSquares,
    NonSaturating,
    Stateless,
    Wasserstein,
)
from gan_core.presets import PRESETS
from gan_core.training import SGD, Adam, RMSProp, Trainer, Training
from gan_core.training.draws import BLOCK

every_preset = pytest.mark.parametrize("preset", list(PRESETS))
every_order = pytest.mark.parametrize("order", ["critic_first", "alternating", "simultaneous"])

DOUBLE = {"dtype": "float64"}


def state_tensors(trainer):
    """Every tensor that later iterations depend on; the parameters come first."""
    state = trainer.state()
    optimizers = [
        value
        for role in ("generator", "critic")
        for value in state[role]["optimizer"].values()
        if isinstance(value, torch.Tensor)
    ]
    carried = [*state["objective_state"].values(), *state["constraint_state"].values(), state["nonfinite_iteration"]]
    return [state["generator"]["flat"], state["critic"]["flat"], *optimizers, *carried]


def assert_same_bits(first, second):
    assert first.iteration == second.iteration
    pairs = zip(state_tensors(first), state_tensors(second), strict=True)
    assert all(np.array_equal(a.numpy(), b.numpy(), equal_nan=True) for a, b in pairs)


def assert_same_values(first, second):
    assert list(first) == list(second)
    for name in first:
        assert np.array_equal(first[name], second[name], equal_nan=True), name


def small_trainer(*, seeds=(3, 4, 5), **changes):
    """A cheap trainer, any part of which can be replaced."""
    parts = {
        "objective": NonSaturating(),
        "constraint": Unconstrained(),
        "networks": small_networks("score"),
        "training": Training(batch=8),
        "data": blob(),
    }
    return Trainer(**parts | changes, seeds=seeds)


# --- checkpoints


@every_preset
def test_resumed_inside_a_block_and_at_its_ends_training_gives_the_same_bits(preset):
    undisturbed = preset_trainer(preset)
    undisturbed.advance(2 * BLOCK + 5)
    resumed = preset_trainer(preset)
    for stop in (5, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 5):
        resumed.advance(stop - resumed.iteration)
        state, stopped = resumed.state(), resumed
        resumed = preset_trainer(preset)
        resumed.load(state)
        stopped.advance(2)
    assert_same_bits(resumed, undisturbed)
    assert_same_values(evaluate(resumed), evaluate(undisturbed))


@every_preset
def test_a_trainer_can_be_reset_to_an_earlier_state(preset):
    trainer, undisturbed = preset_trainer(preset), preset_trainer(preset)
    undisturbed.advance(8)
    trainer.advance(4)
    state = trainer.state()
    trainer.advance(BLOCK)
    trainer.load(state)
    trainer.advance(4)
    assert_same_bits(trainer, undisturbed)


@every_preset
def test_a_trainer_can_be_reset_to_its_initial_state(preset):
    trainer, undisturbed = preset_trainer(preset), preset_trainer(preset)
    initial = trainer.state()
    trainer.advance(3)
    trainer.load(initial)
    trainer.advance(3)
    undisturbed.advance(3)
    assert_same_bits(trainer, undisturbed)


@pytest.mark.shapes
@pytest.mark.parametrize("optimizer", [Adam(), RMSProp(), SGD(momentum=0.9)], ids=lambda o: o.kind)
def test_later_iterations_do_not_change_a_state(optimizer):
    training = Training(batch=8, critic_optimizer=optimizer, generator_optimizer=optimizer)
    trainer, resumed = small_trainer(training=training), small_trainer(training=training)
    trainer.advance(4)
    state = trainer.state()
    copy = deepcopy(state)
    trainer.advance(2)
    resumed.load(state)
    resumed.advance(2)
    for role in ("generator", "critic"):
        assert torch.equal(state[role]["flat"], copy[role]["flat"])
        optimizer, copied = state[role]["optimizer"], copy[role]["optimizer"]
        assert optimizer.keys() == copied.keys() > {"step"}
        assert optimizer.pop("step") == copied.pop("step") == 4
        assert all(torch.equal(optimizer[name], value) for name, value in copied.items())
    assert_same_bits(resumed, trainer)


@every_preset
def test_a_state_can_be_saved_and_loaded_with_weights_only(preset):
    trainer, resumed = preset_trainer(preset), preset_trainer(preset)
    trainer.advance(6)
    file = io.BytesIO()
    torch.save(trainer.state(), file)
    file.seek(0)
    resumed.load(torch.load(file, weights_only=True))
    trainer.advance(4)
    resumed.advance(4)
    assert_same_bits(resumed, trainer)


@every_preset
def test_same_seeds_give_the_same_bits_twice(preset):
    first, second = preset_trainer(preset), preset_trainer(preset)
    first.advance(20)
    for _ in range(20):
        second.advance(1)
    assert_same_bits(first, second)
    assert_same_values(evaluate(first), evaluate(second))


def test_different_seeds_have_different_initial_weights():
    trainer = small_trainer(seeds=(0, 1))
    for network in (trainer.generator, trainer.critic):
        for name, value in network.frozen.items():
            assert name.endswith("bias") or not (value[0] == value[1]).any()


def test_training_does_not_depend_on_torchs_global_random_state():
    first, second = small_trainer(), small_trainer()
    torch.manual_seed(1)
    first.advance(2)
    torch.manual_seed(2)
    second.advance(2)
    assert_same_bits(first, second)


@every_preset
def test_evaluation_changes_no_number_of_the_training(preset):
    evaluated, undisturbed = preset_trainer(preset), preset_trainer(preset)
    for _ in range(6):
        evaluate(evaluated)
        evaluator_of(evaluated).reference_distances  # noqa: B018
        evaluated.advance(3)
    undisturbed.advance(18)
    assert_same_bits(evaluated, undisturbed)


# --- the seed axis


@every_preset
def test_a_seed_alone_agrees_with_the_same_seed_among_others_over_twenty_iterations(preset):
    together = preset_trainer(preset, (3, 4, 5), training=DOUBLE)
    together.advance(20)
    values = evaluate(together)
    for row, seed in enumerate((3, 4, 5)):
        alone = preset_trainer(preset, (seed,), training=DOUBLE)
        alone.advance(20)
        assert_close(alone.generator.flat[0], together.generator.flat[row], rtol=0, atol=1e-9)
        assert_close(alone.critic.flat[0], together.critic.flat[row], rtol=0, atol=1e-9)
        for name, value in evaluate(alone).items():
            assert value[0] == pytest.approx(values[name][row], rel=1e-7, abs=1e-9), name


@every_preset
def test_a_member_does_not_depend_on_the_order_and_choice_of_the_other_seeds(preset):
    first, second = (preset_trainer(preset, seeds, training=DOUBLE) for seeds in ((3, 4, 5), (9, 5, 3)))
    first.advance(5)
    second.advance(5)
    assert_close(first.generator.flat[[0, 2]], second.generator.flat[[2, 1]], rtol=0, atol=1e-11)


@every_preset
@pytest.mark.parametrize("role", ["generator", "critic"])
def test_nan_in_one_member_does_not_reach_the_others(preset, role):
    healthy, poisoned = preset_trainer(preset), preset_trainer(preset)
    for trainer in (healthy, poisoned):
        trainer.advance(3)
    getattr(poisoned, role).flat[1] = torch.nan
    for trainer in (healthy, poisoned):
        trainer.advance(5)
    for expected, actual in zip(state_tensors(healthy)[:2], state_tensors(poisoned)[:2], strict=True):
        assert torch.equal(expected[[0, 2]], actual[[0, 2]])
    before, after = evaluate(healthy), evaluate(poisoned)
    for name in before:
        assert np.array_equal(before[name][[0, 2]], after[name][[0, 2]]), name
    assert isnan(after["sliced_wasserstein"][1])
    assert poisoned.nonfinite_iteration.tolist() == [-1, 4, -1]
    assert healthy.nonfinite_iteration.tolist() == [-1, -1, -1]


@every_order
def test_first_nonfinite_iteration_of_each_seed_is_recorded_also_across_a_resume(order):
    trainer, resumed = (small_trainer(training=Training(batch=8, update_order=order)) for _ in range(2))
    trainer.advance(2)
    trainer.generator.flat[2, 0] = torch.inf
    trainer.advance(4)
    trainer.critic.flat[0, -1] = torch.nan
    trainer.advance(1)
    resumed.load(trainer.state())
    resumed.advance(2)
    assert resumed.nonfinite_iteration.tolist() == [7, -1, 3]


@every_preset
@every_order
def test_overflow_is_recorded_and_raises_no_exception(preset, order):
    optimizer = SGD(lr=1e30)
    trainer = preset_trainer(
        preset, training={"critic_optimizer": optimizer, "generator_optimizer": optimizer, "update_order": order}
    )
    trainer.advance(10)
    assert (trainer.nonfinite_iteration >= 1).all()
    assert (trainer.nonfinite_iteration <= 10).all()
    assert evaluate(trainer)["sliced_wasserstein"].shape == (3,)


def test_a_member_with_an_infinite_loss_and_finite_parameters_is_nonfinite():
    """Squared errors overflow in float32 before the parameters do."""
    frozen = {"critic_optimizer": SGD(lr=1e-30), "generator_optimizer": SGD(lr=1e-30)}
    trainer = preset_trainer("lsgan", training=frozen)
    trainer.critic.flat[1] *= 1e13
    trainer.advance(1)
    assert trainer.nonfinite_iteration.tolist() == [-1, 1, -1]


# --- random numbers and update order


def copied(parameters):
    return {name: value.detach().clone() for name, value in parameters.items()}


@dataclass(frozen=True, kw_only=True)
class RecordingGenerator(MLPGenerator):
    """Records z and parameters of every call."""

    calls: list = field(default_factory=list)

    def generate(self, parameters, z, shape):
        self.calls.append((z.detach().clone(), copied(parameters)))
        return super().generate(parameters, z, shape)


@dataclass(frozen=True, kw_only=True)
class RecordingCritic(MLPCritic):
    """Records samples and parameters of every call."""

    calls: list = field(default_factory=list)

    def call(self, parameters, samples, shape):
        self.calls.append((samples.detach().clone(), copied(parameters)))
        return super().call(parameters, samples, shape)


def recorded_calls(iterations, **training):
    """The calls of generator and critic during that many iterations."""
    generator, critic = RecordingGenerator(width=8, depth=1, latent=4), RecordingCritic(width=8, depth=1)
    networks = NetworkPair(generator=generator, critic=critic)
    small_trainer(networks=networks, training=Training(**{"batch": 8} | training)).advance(iterations)
    return generator.calls, critic.calls


@every_order
@pytest.mark.parametrize("n_critic", [1, 5])
def test_every_critic_and_generator_step_has_its_own_z(order, n_critic):
    iterations = 2 * BLOCK + 2
    generator_calls, _ = recorded_calls(iterations, update_order=order, n_critic=n_critic)
    drawn = torch.stack([z for z, _ in generator_calls])
    assert drawn.shape == (iterations * (n_critic + 1), 3, 8, 4)
    # float32 normals collide now and then: what must differ is each batch of each seed
    batches = {batch.numpy().tobytes() for batch in drawn.flatten(0, 1)}
    assert len(batches) == iterations * (n_critic + 1) * 3
    assert drawn.mean().item() == pytest.approx(0, abs=5 * drawn.numel() ** -0.5)
    assert drawn.var().item() == pytest.approx(1, rel=0.05)


def test_every_critic_step_has_its_own_real_samples():
    iterations, n_critic = 2 * BLOCK + 2, 3
    _, critic_calls = recorded_calls(iterations, n_critic=n_critic)
    real = {row.tobytes() for row in blob().train}
    batches = [samples[:, :8] for samples, _ in critic_calls if samples.numpy()[0, 0].tobytes() in real]
    assert len(batches) == iterations * n_critic
    drawn = np.concatenate([batch.numpy() for batch in batches])
    assert {row.tobytes() for row in drawn.reshape(-1, 3)} == real
    assert len({batch.tobytes() for batch in drawn}) == iterations * n_critic * 3


@pytest.mark.parametrize("n_critic", [1, 2, 5])
@every_order
def test_an_iteration_has_n_critic_critic_steps_and_one_generator_step(n_critic, order):
    generator_calls, critic_calls = recorded_calls(3, update_order=order, n_critic=n_critic)
    assert len(generator_calls) == 3 * (n_critic + 1)
    assert len(critic_calls) == 3 * (n_critic + 1)


def updates_before(calls):
    """The number of updates of the parameters before each call."""
    weights = [parameters["0.weight"] for _, parameters in calls]
    changes = [0] + [int(not torch.equal(a, b)) for a, b in pairwise(weights)]
    return np.cumsum(changes).tolist()


@pytest.mark.parametrize(
    ("order", "of_generator", "of_critic"),
    [
        # two critic steps (real and fake at once), then the generator with the new critic
        ("critic_first", [0, 0, 0, 1, 1, 1], [0, 1, 2, 2, 3, 4]),
        # the generator with the old critic, then two critic steps on fakes of the new generator
        ("alternating", [0, 1, 1, 1, 2, 2], [0, 0, 1, 2, 2, 3]),
        # generator gradient with the old critic, critic steps on fakes of the old generator
        ("simultaneous", [0, 0, 0, 1, 1, 1], [0, 0, 1, 2, 2, 3]),
    ],
)
def test_update_order_determines_which_parameters_each_step_uses(order, of_generator, of_critic):
    generator_calls, critic_calls = recorded_calls(2, update_order=order, n_critic=2)
    assert updates_before(generator_calls) == of_generator
    assert updates_before(critic_calls) == of_critic


def test_different_update_orders_give_different_parameters():
    ends = []
    for order in ("critic_first", "alternating", "simultaneous"):
        trainer = small_trainer(training=Training(batch=8, update_order=order))
        trainer.advance(3)
        ends.append(trainer.generator.flat)
    assert not any(torch.equal(ends[a], ends[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.parametrize("objective", [NonSaturating(), Wasserstein()], ids=lambda o: o.kind)
def test_an_iteration_of_sgd_is_a_critic_step_and_then_a_generator_step_down_their_own_losses(objective):
    training = Training(batch=8, critic_optimizer=SGD(lr=0.1), generator_optimizer=SGD(lr=0.2), dtype="float64")
    trainer, before = (small_trainer(objective=objective, training=training) for _ in range(2))
    trainer.advance(1)

    draw, losses = before._draws.critic(0), before._losses
    with torch.no_grad():
        fake = losses.generate(before.generator.frozen, draw.z)
    real = torch.from_numpy(blob().train).double()[draw.index]
    critic = losses.critic_at(before.critic.learning, {})
    loss = objective.critic_loss(critic.call(real), critic.call(fake), {})
    before.critic.flat.sub_(0.1 * before.critic.gradient(loss)[:, : before.critic.flat.shape[1]])
    assert_close(trainer.critic.flat, before.critic.flat, rtol=0, atol=1e-14)

    fake = losses.generate(before.generator.learning, before._draws.generator(0).z)
    loss = objective.generator_loss(None, losses.critic_at(before.critic.frozen, {}).call(fake), {})
    before.generator.flat.sub_(0.2 * before.generator.gradient(loss)[:, : before.generator.flat.shape[1]])
    assert_close(trainer.generator.flat, before.generator.flat, rtol=0, atol=1e-14)


# --- warm-up


@every_order
def test_every_critic_step_of_the_warm_up_has_its_own_z(order):
    warm_up = {"n_critic": 1, "warmup_steps": 2, "warmup_n_critic": 3, "warmup_every": 3}
    generator_calls, critic_calls = recorded_calls(5, update_order=order, **warm_up)
    critic_steps = 3 + 3 + 1 + 3 + 1
    assert len(critic_calls) == critic_steps + 5
    assert len({z.numpy().tobytes() for z, _ in generator_calls}) == critic_steps + 5


def test_resumed_inside_the_warm_up_training_gives_the_same_bits():
    training = Training(batch=8, n_critic=2, warmup_steps=3, warmup_n_critic=14, warmup_every=4)
    undisturbed, resumed = small_trainer(training=training), small_trainer(training=training)
    undisturbed.advance(7)
    for stop in (2, 4, 5, 7):
        resumed.advance(stop - resumed.iteration)
        state, resumed = resumed.state(), small_trainer(training=training)
        resumed.load(state)
    assert_same_bits(resumed, undisturbed)


# --- pre-training


def energy_trainer(objective=None, seeds=(3, 4, 5), **changes):
    """A cheap trainer with an autoencoder critic, and changes of its training settings."""
    return small_trainer(
        objective=objective or EnergyMargin(margin=2.0),
        networks=small_networks("energy"),
        training=replace(Training(batch=8, critic_optimizer=Adam(lr=5e-3)), **changes),
        seeds=seeds,
    )


def test_pretraining_trains_the_critic_alone_and_lowers_the_energy_of_real_samples():
    trainer = energy_trainer(BoundaryEquilibrium(balance_rate=1.0), pretrain_steps=40, generator_average=0.9)
    generator, critic = trainer.generator.flat.clone(), trainer.critic.flat.clone()
    before = evaluate(trainer)
    trainer.advance(40)
    after = evaluate(trainer)
    assert torch.equal(trainer.generator.flat, generator)
    assert torch.equal(trainer.average, generator)
    assert trainer.objective_state["balance"].tolist() == [0, 0, 0]
    assert (trainer.critic.flat != critic).all(1).all()
    assert (after["critic_on_real"] < 0.7 * before["critic_on_real"]).all()
    assert (trainer.iteration, trainer.generator_steps) == (40, 0)
    trainer.advance(2)
    assert (trainer.iteration, trainer.generator_steps) == (42, 2)
    assert (trainer.generator.flat != generator).any(1).all()


def test_a_pretraining_step_descends_the_mean_energy_of_its_own_real_samples():
    trainer, before = (
        energy_trainer(pretrain_steps=3, critic_optimizer=SGD(lr=0.1), dtype="float64", n_critic=2) for _ in range(2)
    )
    trainer.advance(3)
    for step in range(3):
        real = torch.from_numpy(blob().train).double()[before._draws.pretraining(step)]
        loss = before._losses.critic_at(before.critic.learning, {}).call(real).value.mean(-1)
        before.critic.flat.sub_(0.1 * before.critic.gradient(loss)[:, : before.critic.flat.shape[1]])
    assert_close(trainer.critic.flat, before.critic.flat, rtol=0, atol=1e-14)
    draws = [before._draws.pretraining(step) for step in range(3)]
    draws += [before._draws.critic(step).index for step in (0, 1)]
    assert len({draw.numpy().tobytes() for draw in draws}) == 5


def test_resumed_inside_the_pretraining_training_gives_the_same_bits():
    undisturbed, resumed = energy_trainer(pretrain_steps=6), energy_trainer(pretrain_steps=6)
    undisturbed.advance(10)
    for stop in (2, 5, 6, 7, 10):
        resumed.advance(stop - resumed.iteration)
        state, resumed = resumed.state(), energy_trainer(pretrain_steps=6)
        resumed.load(state)
    assert_same_bits(resumed, undisturbed)
    assert_same_values(evaluate(resumed), evaluate(undisturbed))


def test_random_numbers_after_pretraining_are_those_of_a_training_without_it():
    """Pre-training with a learning rate of about 0 changes only the count of iterations."""
    changes: dict[str, Any] = {"dtype": "float64", "generator_optimizer": SGD(lr=0.1)}
    changes |= {"critic_optimizer": SGD(lr=1e-300)}
    pretrained, without = energy_trainer(pretrain_steps=5, **changes), energy_trainer(**changes)
    pretrained.advance(5 + 3)
    without.advance(3)
    assert_close(pretrained.generator.flat, without.generator.flat, rtol=0, atol=1e-15)


# --- the average of the generator


def test_average_follows_its_recursion_and_its_decay_grows_from_a_tenth():
    """a <- d a + (1 - d) theta after every generator step, with d = (1 + step) / (10 + step) up to its limit."""
    trainer = small_trainer(training=Training(batch=8, generator_average=0.5, dtype="float64", n_critic=2))
    expected, decays = trainer.generator.flat.clone(), []
    for generator_step in range(12):
        trainer.advance(1)
        decays.append(min(0.5, (1 + generator_step) / (10 + generator_step)))
        expected = decays[-1] * expected + (1 - decays[-1]) * trainer.generator.flat
        assert trainer.average is not None
        assert_close(trainer.average, expected, rtol=0, atol=1e-13)
    assert decays[:2] == [0.1, 2 / 11]
    assert decays[8:] == [0.5] * 4


@every_order
def test_average_changes_no_number_of_the_training(order):
    training = Training(batch=8, update_order=order)
    averaged = small_trainer(training=replace(training, generator_average=0.99))
    plain = small_trainer(training=training)
    for trainer in (averaged, plain):
        trainer.advance(6)
    assert_same_bits(averaged, plain)
    values = evaluate(averaged)
    for name, expected in evaluate(plain).items():
        assert np.array_equal(values[name], expected), name


def test_average_is_part_of_the_state():
    training = Training(batch=8, generator_average=0.9)
    undisturbed, stopped, resumed = (small_trainer(training=training) for _ in range(3))
    undisturbed.advance(7)
    stopped.advance(4)
    state = stopped.state()
    stopped.advance(1)
    resumed.load(state)
    resumed.advance(3)
    assert torch.equal(resumed.average, undisturbed.average)
    assert not torch.equal(resumed.average, resumed.generator.flat)


def test_nan_in_one_member_does_not_reach_the_average_of_the_others():
    healthy, poisoned = (small_trainer(training=Training(batch=8, generator_average=0.9)) for _ in range(2))
    for trainer in (healthy, poisoned):
        trainer.advance(2)
    poisoned.generator.flat[1] = torch.nan
    for trainer in (healthy, poisoned):
        trainer.advance(3)
    assert poisoned.average[1].isnan().all()
    assert torch.equal(healthy.average[[0, 2]], poisoned.average[[0, 2]])
    before, after = evaluate(healthy), evaluate(poisoned)
    for name in before:
        assert np.array_equal(before[name][[0, 2]], after[name][[0, 2]]), name


# --- precision


@pytest.mark.parametrize("preset", ["wgan-gp", "sngan", "began", "dragan"])
def test_every_tensor_of_a_training_has_the_dtype_of_the_settings(preset):
    for name, dtype in (("float32", torch.float32), ("float64", torch.float64)):
        trainer = preset_trainer(preset, training={"dtype": name, "generator_average": 0.9})
        trainer.advance(2)
        tensors = [value for value in state_tensors(trainer) if value.is_floating_point() and value.dim() > 0]
        samples = trainer.generate(5)
        assert {value.dtype for value in [*tensors, trainer.average, samples]} == {dtype}


def test_float32_and_float64_differ_by_rounding_alone():
    single, double = (preset_trainer("wgan-gp", training={"dtype": dtype}) for dtype in ("float32", "float64"))
    for trainer in (single, double):
        trainer.advance(5)
    difference = (single.generator.flat.double() - double.generator.flat).abs().max().item()
    assert 0 < difference < 1e-5


# --- samples and critic values


@pytest.mark.parametrize("latent", [1, 3, 4, 32])
@pytest.mark.parametrize("few", [1, 5, 50])
def test_fewer_generated_samples_are_the_first_of_more(latent, few):
    networks = NetworkPair(generator=MLPGenerator(width=8, depth=1, latent=latent), critic=MLPCritic(width=8, depth=2))
    trainer = small_trainer(networks=networks)
    assert_close(trainer.generate(few), trainer.generate(77)[:, :few], rtol=1e-5, atol=1e-6)


def test_critic_values_are_the_outputs_of_each_seeds_critic_and_change_no_parameter():
    trainer = small_trainer()
    trainer.advance(3)
    samples, before = blob().validation[:25], trainer.critic.flat.clone()
    values = trainer.critic_values(samples)
    assert values.shape == (3, 25)
    assert torch.equal(trainer.critic.flat, before)
    shared = torch.from_numpy(samples).expand(3, -1, -1)
    expected = trainer.networks.critic.call(trainer.critic.frozen, shared, trainer.shape).value
    assert np.array_equal(values, expected.numpy())
    assert len(np.unique(values)) == 75


# --- BEGAN's balance


@every_order
def test_balance_follows_its_recursion_after_each_generator_step(order):
    objective = BoundaryEquilibrium(gamma=0.6, balance_rate=0.4)
    trainer = energy_trainer(objective, update_order=order, n_critic=2, dtype="float64")
    real_samples, networks = torch.from_numpy(blob().train).double(), trainer.networks
    expected, history = torch.zeros(3, dtype=torch.float64), []
    for generator_step in range(12):
        generator, critic = (copied(network.frozen) for network in (trainer.generator, trainer.critic))
        trainer.advance(1)
        draw = trainer._draws.generator(generator_step)
        used = trainer.critic.frozen if order == "critic_first" else critic
        batches = real_samples[draw.index], networks.generator.generate(generator, draw.z, trainer.shape)
        on_real, on_fake = (networks.critic.call(used, batch, trainer.shape).value.mean(1) for batch in batches)
        expected = (expected + 0.4 * (0.6 * on_real - on_fake)).clamp(0, 1)
        history.append(expected)
        assert_close(trainer.objective_state["balance"], expected, rtol=0, atol=1e-12)
    assert evaluate(trainer)["balance"] == pytest.approx(expected.numpy(), abs=1e-12)
    assert (torch.stack(history) > 0).any()
    assert (torch.stack(history) == 0).any()  # clipped


# --- learning


def test_wgan_gp_learns_the_blob_with_every_seed():
    trainer = preset_trainer(
        "wgan-gp",
        seeds=(3, 4, 5, 6, 7),
        constraint=GradientPenalty(gp_weight=1.0),
        networks=NetworkPair(generator=MLPGenerator(width=32, depth=2, latent=4), critic=MLPCritic(width=32, depth=2)),
        training={
            "batch": 64,
            "critic_optimizer": Adam(lr=2e-3, betas=(0.5, 0.9)),
            "generator_optimizer": Adam(lr=1e-3, betas=(0.5, 0.9)),
        },
    )
    evaluator = evaluator_of(trainer)
    reference = evaluator.reference_distances
    before = evaluator.evaluate(trainer.generator.frozen, last=False)["sliced_wasserstein"]
    assert (before > 0.7 * reference.constant).all()
    trainer.advance(40)
    after = evaluator.evaluate(trainer.generator.frozen, last=False)["sliced_wasserstein"]
    assert (after < 0.6 * reference.constant).all()
    assert (after > reference.real / 2).all()


@dataclass(frozen=True, kw_only=True)
class Squared(Stateless):
    """A user's own objective, in no union: targets 1 for real and -1 for fake, 0 for the generator."""

    kind: str = "my_module:Squared"
    critic_form = "score"

    def critic_loss(self, real, fake, state):
        return (real.value - 1).square().mean(-1) + (fake.value + 1).square().mean(-1)

    def generator_loss(self, real, fake, state):
        return fake.value.square().mean(-1)


@dataclass(frozen=True, kw_only=True)
class Mixing(Squared):
    """A mistake: the mean is taken over the seeds too."""

    kind: str = "my_module:Mixing"
    method: str = "critic_loss"

    def critic_loss(self, real, fake, state):
        loss = super().critic_loss(real, fake, state)
        return loss.mean() if self.method == "critic_loss" else loss

    def generator_loss(self, real, fake, state):
        loss = super().generator_loss(real, fake, state)
        return loss.mean() if self.method == "generator_loss" else loss


@pytest.mark.parametrize("method", ["critic_loss", "generator_loss"])
def test_a_loss_that_is_not_one_number_for_each_seed_is_refused_by_its_name(method):
    trainer = small_trainer(objective=Mixing(method=method), seeds=[0, 1])
    sentence = (
        f"my_module:Mixing.{method} must return a loss for each seed, of the shape (2,), but returned the shape ()"
    )
    with pytest.raises(ValueError, match=re.escape(sentence)):
        trainer.advance(1)


def test_a_users_own_objective_trains_like_the_equal_objective_of_the_library():
    """`Squared` is twice the Pearson least squares, so half the learning rate gives the same steps."""
    pearson = LeastSquares(fake_target=-1.0, real_target=1.0, generator_target=0.0)

    def trained(objective: Any, lr: float) -> Trainer:
        training = Training(batch=8, critic_optimizer=SGD(lr=lr), generator_optimizer=SGD(lr=lr), dtype="float64")
        trainer = small_trainer(objective=objective, training=training)
        trainer.advance(5)
        return trainer

    library, own = trained(pearson, 0.02), trained(Squared(), 0.01)
    assert_close(own.generator.flat, library.generator.flat, rtol=0, atol=1e-13)
