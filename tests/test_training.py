"""The loop: what a state holds, what measuring leaves alone, whom a seed hears, and who draws what."""

import io
import re
from copy import deepcopy
from dataclasses import FrozenInstanceError, dataclass, field, replace
from itertools import pairwise
from math import isnan

import numpy as np
import pytest
import torch
from games import SMALL_CRITICS, SMALL_MEASURES, blob, preset_game, small_networks
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from gan_core.constraints import GradientPenalty, Unconstrained
from gan_core.draws import BLOCK
from gan_core.metrics import Measures
from gan_core.networks import DiracPair, MLPCritic, MLPGenerator, NetworkPair
from gan_core.objectives import (
    BoundaryEquilibrium,
    EnergyMargin,
    LeastSquares,
    Memoryless,
    NonSaturating,
    Wasserstein,
)
from gan_core.optimizers import SGD, Adam, RMSProp
from gan_core.presets import PRESETS
from gan_core.training import Trainer, Training, check_game

every_preset = pytest.mark.parametrize("preset", list(PRESETS))
every_order = pytest.mark.parametrize("order", ["critic_first", "alternating", "simultaneous"])

DOUBLE = {"dtype": "float64"}


def numbers(trainer):
    """Everything that the coming rounds depend on, as one list of tensors."""
    state = trainer.state()
    moments = [
        value
        for player in ("generator", "critic")
        for of_one in state[player]["optimizer"]["state"].values()
        for value in of_one.values()
        if isinstance(value, torch.Tensor)
    ]
    kept = [*state["memory"].values(), *state["constraint"].values(), state["nonfinite_turn"]]
    return [state["generator"]["flat"], state["critic"]["flat"], *moments, *kept]


def assert_same_bits(one, other):
    assert one.turn == other.turn
    mine, theirs = numbers(one), numbers(other)
    assert len(mine) == len(theirs)
    assert all(np.array_equal(a.numpy(), b.numpy(), equal_nan=True) for a, b in zip(mine, theirs, strict=True))


def assert_same_measurement(one, other):
    assert list(one) == list(other)
    for name in one:
        assert np.array_equal(one[name], other[name], equal_nan=True), name


def game(*, seeds=(3, 4, 5), **changes):
    """A cheap trainer whose every part can be replaced."""
    parts = {
        "objective": NonSaturating(),
        "constraint": Unconstrained(),
        "networks": small_networks("score"),
        "training": Training(batch=8),
        "data": blob(),
        "measures": SMALL_MEASURES,
    }
    return Trainer(**parts | changes, seeds=seeds)


# --- stopping and going on


@every_preset
def test_stopped_in_mid_block_and_at_its_borders_it_goes_on_with_the_same_bits(preset):
    undisturbed = preset_game(preset)
    undisturbed.advance(2 * BLOCK + 5)
    resumed = preset_game(preset)
    for stop in (5, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 5):
        resumed.advance(stop - resumed.turn)
        state, donor = resumed.state(), resumed
        resumed = preset_game(preset)
        resumed.load(state)
        donor.advance(2)
    assert_same_bits(resumed, undisturbed)
    assert_same_measurement(resumed.measure(), undisturbed.measure())


@every_preset
def test_trainer_that_has_played_on_can_be_set_back(preset):
    trainer, undisturbed = preset_game(preset), preset_game(preset)
    undisturbed.advance(8)
    trainer.advance(4)
    state = trainer.state()
    trainer.advance(BLOCK)
    trainer.load(state)
    trainer.advance(4)
    assert_same_bits(trainer, undisturbed)


@every_preset
def test_trainer_can_be_set_back_to_its_start(preset):
    trainer, undisturbed = preset_game(preset), preset_game(preset)
    start = trainer.state()
    trainer.advance(3)
    trainer.load(start)
    trainer.advance(3)
    undisturbed.advance(3)
    assert_same_bits(trainer, undisturbed)


@pytest.mark.parametrize("optimizer", [Adam(), RMSProp(), SGD(momentum=0.9)], ids=lambda o: o.kind)
def test_state_is_a_value_that_later_rounds_do_not_change(optimizer):
    training = Training(batch=8, critic_optimizer=optimizer, generator_optimizer=optimizer)
    trainer, other = game(training=training), game(training=training)
    trainer.advance(4)
    state = trainer.state()
    kept = deepcopy(state)
    trainer.advance(2)
    other.load(state)
    other.advance(2)
    for part in ("generator", "critic"):
        assert torch.equal(state[part]["flat"], kept[part]["flat"])
        for name, value in kept[part]["optimizer"]["state"][0].items():
            assert torch.equal(state[part]["optimizer"]["state"][0][name], value), name
    assert_same_bits(other, trainer)


@every_preset
def test_state_survives_the_disk_without_code_in_it(preset):
    trainer, resumed = preset_game(preset), preset_game(preset)
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
    first, second = preset_game(preset), preset_game(preset)
    first.advance(20)
    for _ in range(20):
        second.advance(1)
    assert_same_bits(first, second)
    assert_same_measurement(first.measure(), second.measure())


def test_other_seeds_start_from_other_weights():
    trainer = game(seeds=(0, 1))
    for player in (trainer.generator, trainer.critic):
        for name, value in player.frozen.items():
            assert name.endswith("bias") or not (value[0] == value[1]).any()


def test_rounds_do_not_depend_on_torchs_own_random_state():
    first, second = game(), game()
    torch.manual_seed(1)
    first.advance(2)
    torch.manual_seed(2)
    second.advance(2)
    assert_same_bits(first, second)


# --- measuring


@every_preset
def test_measuring_changes_no_training_number(preset):
    measured, unmeasured = preset_game(preset), preset_game(preset)
    for _ in range(6):
        measured.measure()
        measured.reference_lines()
        measured.advance(3)
    unmeasured.advance(18)
    assert_same_bits(measured, unmeasured)


@every_preset
def test_measuring_twice_gives_the_same_numbers(preset):
    trainer = preset_game(preset)
    trainer.advance(2)
    assert_same_measurement(trainer.measure(), trainer.measure())


@every_preset
def test_measurement_is_a_finite_number_per_seed_from_round_zero(preset):
    trainer = preset_game(preset)
    measurement = trainer.measure()
    assert {"sliced_wasserstein", "cells", "spread", "critic_loss", "generator_loss", "critic_slope"} <= set(
        measurement
    )
    assert {"critic_on_real", "critic_on_fake", "critic_gradient_norm", "generator_gradient_norm"} <= set(measurement)
    for name, values in measurement.items():
        assert values.shape == (3,)
        assert np.isfinite(values).all(), name
        assert name in ("cells", "balance") or len(set(values)) == 3, name


@every_preset
def test_members_with_the_same_parameters_are_measured_the_same(preset):
    """One evaluation batch, one ruler: what differs between members is the members."""
    trainer = preset_game(preset, training=DOUBLE)
    trainer.advance(2)
    for player in (trainer.generator, trainer.critic):
        player.flat.copy_(player.flat[1].expand_as(player.flat).clone())
    for kept in (trainer.memory, trainer.constraint_state):
        kept |= {name: value[1].expand_as(value).clone() for name, value in kept.items()}
    for name, values in trainer.measure().items():
        assert values == pytest.approx(values[[0, 0, 0]], rel=1e-9, abs=1e-15), name


def test_trainers_of_other_seeds_and_sizes_are_measured_with_the_same_ruler():
    three, one = (preset_game("wgan-gp", seeds, training=DOUBLE) for seeds in ((3, 4, 5), (900,)))
    one.generator.flat.copy_(three.generator.flat[1:2])
    one.critic.flat.copy_(three.critic.flat[1:2])
    of_three, of_one = three.measure(), one.measure()
    for name in of_one:
        assert of_one[name][0] == pytest.approx(of_three[name][1], rel=1e-9), name


def test_measured_distance_is_the_rulers_on_the_shown_samples():
    trainer = game()
    trainer.advance(3)
    samples = trainer.samples(SMALL_MEASURES.samples)
    expected = trainer._ruler.distance(samples).double().numpy()
    assert np.array_equal(trainer.measure()["sliced_wasserstein"], expected)


@pytest.mark.parametrize("latent", [1, 3, 4, 32])
@pytest.mark.parametrize("few", [1, 5, 50])
def test_fewer_samples_are_the_first_of_more(latent, few):
    networks = NetworkPair(generator=MLPGenerator(width=8, depth=1, latent=latent), critic=SMALL_CRITICS["score"])
    trainer = game(networks=networks)
    assert_close(trainer.samples(few), trainer.samples(77)[:, :few], rtol=1e-5, atol=1e-6)


def test_gradient_norms_are_those_of_the_measured_losses():
    """Against finite differences of the measured losses themselves, coordinate by coordinate."""
    tiny = NetworkPair(generator=MLPGenerator(width=2, depth=1, latent=1), critic=MLPCritic(width=2, depth=1))
    trainer = game(seeds=(1,), training=Training(batch=8, dtype="float64"), constraint=GradientPenalty(), networks=tiny)
    trainer.advance(2)
    measured, step = trainer.measure(), 1e-6
    for player, name in ((trainer.generator, "generator"), (trainer.critic, "critic")):
        kept, slopes = player.flat.clone(), []
        for coordinate in range(kept.shape[1]):
            losses = []
            for sign in (1, -1):
                player.flat[0, coordinate] = kept[0, coordinate] + sign * step
                losses.append(trainer.measure()[f"{name}_loss"][0])
            player.flat.copy_(kept)
            slopes.append((losses[0] - losses[1]) / (2 * step))
        assert measured[f"{name}_gradient_norm"][0] == pytest.approx(np.linalg.norm(slopes), rel=1e-4)


def test_measures_default_to_those_of_the_document():
    assert Measures() == Measures(samples=800, directions=512, cells=20)


# --- seeds side by side


@every_preset
def test_a_seed_alone_agrees_with_the_same_seed_among_others_over_twenty_steps(preset):
    together = preset_game(preset, (3, 4, 5), training=DOUBLE)
    together.advance(20)
    measured = together.measure()
    for row, seed in enumerate((3, 4, 5)):
        alone = preset_game(preset, (seed,), training=DOUBLE)
        alone.advance(20)
        assert_close(alone.generator.flat[0], together.generator.flat[row], rtol=0, atol=1e-9)
        assert_close(alone.critic.flat[0], together.critic.flat[row], rtol=0, atol=1e-9)
        for name, value in alone.measure().items():
            assert value[0] == pytest.approx(measured[name][row], rel=1e-7, abs=1e-9), name


@every_preset
def test_order_and_company_of_the_seeds_do_not_matter(preset):
    one, other = (preset_game(preset, seeds, training=DOUBLE) for seeds in ((3, 4, 5), (9, 5, 3)))
    one.advance(5)
    other.advance(5)
    assert_close(one.generator.flat[[0, 2]], other.generator.flat[[2, 1]], rtol=0, atol=1e-11)


@every_preset
@pytest.mark.parametrize("player", ["generator", "critic"])
def test_nan_of_one_member_never_reaches_another(preset, player):
    healthy, poisoned = preset_game(preset), preset_game(preset)
    for trainer in (healthy, poisoned):
        trainer.advance(3)
    getattr(poisoned, player).flat[1] = torch.nan
    for trainer in (healthy, poisoned):
        trainer.advance(5)
    for clean, sick in zip(numbers(healthy)[:2], numbers(poisoned)[:2], strict=True):
        assert torch.equal(clean[[0, 2]], sick[[0, 2]])
    before, after = healthy.measure(), poisoned.measure()
    for name in before:
        assert np.array_equal(before[name][[0, 2]], after[name][[0, 2]]), name
    assert isnan(after["sliced_wasserstein"][1])
    assert poisoned.nonfinite_turn.tolist() == [-1, 4, -1]
    assert healthy.nonfinite_turn.tolist() == [-1, -1, -1]


@every_order
def test_first_round_of_trouble_is_kept_for_each_seed_also_across_a_stop(order):
    trainer, resumed = (game(training=Training(batch=8, update_order=order)) for _ in range(2))
    trainer.advance(2)
    trainer.generator.flat[2, 0] = torch.inf
    trainer.advance(4)
    trainer.critic.flat[0, -1] = torch.nan
    trainer.advance(1)
    resumed.load(trainer.state())
    resumed.advance(2)
    assert resumed.nonfinite_turn.tolist() == [7, -1, 3]


@every_preset
@every_order
def test_overflow_is_an_outcome_and_no_exception(preset, order):
    optimizer = SGD(lr=1e30)
    trainer = preset_game(
        preset, training={"critic_optimizer": optimizer, "generator_optimizer": optimizer, "update_order": order}
    )
    trainer.advance(10)
    assert (trainer.nonfinite_turn >= 1).all()
    assert (trainer.nonfinite_turn <= 10).all()
    assert trainer.measure()["sliced_wasserstein"].shape == (3,)


def test_infinite_loss_with_finite_parameters_is_nonfinite():
    """Squared errors overflow in float32 where the parameters themselves still do not."""
    trainer = preset_game("lsgan", training={"critic_optimizer": SGD(lr=1e-30), "generator_optimizer": SGD(lr=1e-30)})
    trainer.critic.flat[1] *= 1e13
    trainer.advance(1)
    assert trainer.nonfinite_turn.tolist() == [-1, 1, -1]


# --- who draws what, and in which order


def copied(parameters):
    return {name: value.detach().clone() for name, value in parameters.items()}


@dataclass(frozen=True, kw_only=True)
class WatchedGenerator(MLPGenerator):
    """Notes the z that it is given, and the parameters it then has."""

    notes: list = field(default_factory=list)

    def generate(self, parameters, z, space):
        self.notes.append((z.detach().clone(), copied(parameters)))
        return super().generate(parameters, z, space)


@dataclass(frozen=True, kw_only=True)
class WatchedCritic(MLPCritic):
    """Notes the points that it is given, and the parameters it then has."""

    notes: list = field(default_factory=list)

    def criticise(self, parameters, points, space):
        self.notes.append((points.detach().clone(), copied(parameters)))
        return super().criticise(parameters, points, space)


def watched_game(rounds, **training):
    networks = NetworkPair(
        generator=WatchedGenerator(width=8, depth=1, latent=4), critic=WatchedCritic(width=8, depth=1)
    )
    game(networks=networks, training=Training(**{"batch": 8} | training)).advance(rounds)
    return networks.generator.notes, networks.critic.notes


@every_order
@pytest.mark.parametrize("n_critic", [1, 5])
def test_each_player_draws_its_own_z_in_every_step_of_every_round_and_block(order, n_critic):
    rounds = 2 * BLOCK + 2
    seen, _ = watched_game(rounds, update_order=order, n_critic=n_critic)
    drawn = torch.stack([z for z, _ in seen])
    assert drawn.shape == (rounds * (n_critic + 1), 3, 8, 4)
    # float32 normals collide now and then: what must differ is each batch of each seed
    batches = {batch.numpy().tobytes() for batch in drawn.flatten(0, 1)}
    assert len(batches) == rounds * (n_critic + 1) * 3
    assert drawn.mean().item() == pytest.approx(0, abs=5 * drawn.numel() ** -0.5)
    assert drawn.var().item() == pytest.approx(1, rel=0.05)


def test_every_critic_step_sees_other_real_samples_in_every_round_and_block():
    rounds, n_critic = 2 * BLOCK + 2, 3
    _, seen = watched_game(rounds, n_critic=n_critic)
    real = {row.tobytes() for row in blob().train}
    batches = [points[:, :8] for points, _ in seen if points.numpy()[0, 0].tobytes() in real]
    assert len(batches) == rounds * n_critic
    drawn = np.concatenate([batch.numpy() for batch in batches])
    assert {row.tobytes() for row in drawn.reshape(-1, 3)} == real
    assert len({batch.tobytes() for batch in drawn}) == rounds * n_critic * 3


@pytest.mark.parametrize("n_critic", [1, 2, 5])
@every_order
def test_a_round_is_n_critic_critic_steps_and_one_generator_step(n_critic, order):
    fakes, criticised = watched_game(3, update_order=order, n_critic=n_critic)
    assert len(fakes) == 3 * (n_critic + 1)
    assert len(criticised) == 3 * (n_critic + 1)


def versions(notes):
    """How often the parameters had changed before each note."""
    weights = [parameters["0.weight"] for _, parameters in notes]
    changes = [0] + [int(not torch.equal(a, b)) for a, b in pairwise(weights)]
    return np.cumsum(changes).tolist()


@pytest.mark.parametrize(
    ("order", "of_generator", "of_critic"),
    [
        # two critic steps (real and fake at once), then the generator under the new critic
        ("critic_first", [0, 0, 0, 1, 1, 1], [0, 1, 2, 2, 3, 4]),
        # the generator under the old critic, then two critic steps on fakes of the new generator
        ("alternating", [0, 1, 1, 1, 2, 2], [0, 0, 1, 2, 2, 3]),
        # both from where they stood: the generator sees the old critic, the critic the old generator
        ("simultaneous", [0, 0, 0, 1, 1, 1], [0, 0, 1, 2, 2, 3]),
    ],
)
def test_players_see_each_other_as_the_update_order_says(order, of_generator, of_critic):
    fakes, criticised = watched_game(2, update_order=order, n_critic=2)
    assert versions(fakes) == of_generator
    assert versions(criticised) == of_critic


def test_update_orders_end_at_different_points():
    ends = []
    for order in ("critic_first", "alternating", "simultaneous"):
        trainer = game(training=Training(batch=8, update_order=order))
        trainer.advance(3)
        ends.append(trainer.generator.flat)
    assert not any(torch.equal(ends[a], ends[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.parametrize("objective", [NonSaturating(), Wasserstein()], ids=lambda o: o.kind)
def test_one_step_of_plain_descent_moves_each_player_down_its_own_loss(objective):
    """Through the whole loop: the critic steps down its loss by lr, and only then the generator down its own."""
    training = Training(batch=8, critic_optimizer=SGD(lr=0.1), generator_optimizer=SGD(lr=0.2))
    trainer, before = (game(objective=objective, training=replace(training, dtype="float64")) for _ in range(2))
    trainer.advance(1)

    draw = before._draws.critic(0)
    with torch.no_grad():
        fake = before._generate(before.generator.frozen, draw.z)
    real = torch.from_numpy(blob().train).double()[draw.index]
    said = [before._critic_at(before.critic.learning).criticise(points) for points in (real, fake)]
    loss = objective.critic_loss(*said, {})
    before.critic.flat.sub_(0.1 * before.critic.gradient(loss))
    assert_close(trainer.critic.flat, before.critic.flat, rtol=0, atol=1e-14)

    fake = before._generate(before.generator.learning, before._draws.generator(0).z)
    loss = objective.generator_loss(None, before._critic_at(before.critic.frozen).criticise(fake), {})
    before.generator.flat.sub_(0.2 * before.generator.gradient(loss))
    assert_close(trainer.generator.flat, before.generator.flat, rtol=0, atol=1e-14)


# --- how many steps the critic takes


warm_ups = st.builds(
    Training,
    n_critic=st.integers(1, 6),
    warmup_steps=st.integers(0, 30),
    warmup_n_critic=st.integers(1, 100),
    warmup_every=st.integers(0, 12),
    pretrain_steps=st.integers(0, 20),
)


@settings(deadline=None)
@given(training=warm_ups, rounds=st.integers(0, 60))
def test_critic_steps_before_a_round_are_the_sum_of_those_in_the_rounds_before(training, rounds):
    assert training.critic_steps_before(rounds) == sum(training.critic_steps_in(round_) for round_ in range(rounds))


@settings(deadline=None)
@given(training=warm_ups, turns=st.integers(0, 60))
def test_a_turn_is_a_step_of_pretraining_or_after_the_last_of_them_a_round(training, turns):
    critic = generator = 0
    for turn in range(turns):
        if turn < training.pretrain_steps:
            critic += 1
        else:
            critic += training.critic_steps_in(generator)
            generator += 1
    assert (training.critic_steps(turns), training.generator_steps(turns)) == (critic, generator)


def test_warm_up_of_wgans_authors_is_a_hundred_steps_in_the_first_25_rounds_and_in_every_500th():
    """martinarjovsky/WassersteinGAN, main.py: Diters is 100 if gen_iterations < 25 or gen_iterations % 500 == 0."""
    authors = Training(n_critic=5, warmup_steps=25, warmup_n_critic=100, warmup_every=500)
    steps = [authors.critic_steps_in(round_) for round_ in range(1001)]
    assert [round_ for round_, count in enumerate(steps) if count == 100] == [*range(25), 500, 1000]
    assert set(steps) == {5, 100}
    assert authors.critic_steps_before(600) == 26 * 100 + 574 * 5


@every_order
def test_critic_takes_the_steps_of_the_warm_up_each_on_draws_of_its_own(order):
    warm_up = {"n_critic": 1, "warmup_steps": 2, "warmup_n_critic": 3, "warmup_every": 3}
    fakes, criticised = watched_game(5, update_order=order, **warm_up)
    critic_steps = 3 + 3 + 1 + 3 + 1
    assert len(criticised) == critic_steps + 5
    assert len({z.numpy().tobytes() for z, _ in fakes}) == critic_steps + 5


def test_stopped_in_mid_warm_up_it_goes_on_with_the_same_bits():
    training = Training(batch=8, n_critic=2, warmup_steps=3, warmup_n_critic=14, warmup_every=4)
    undisturbed, resumed = game(training=training), game(training=training)
    undisturbed.advance(7)
    for stop in (2, 4, 5, 7):
        resumed.advance(stop - resumed.turn)
        state, resumed = resumed.state(), game(training=training)
        resumed.load(state)
    assert_same_bits(resumed, undisturbed)


# --- the critic before the game


def energy_game(objective=None, seeds=(3, 4, 5), **training):
    return game(
        objective=objective or EnergyMargin(margin=2.0),
        networks=small_networks("energy"),
        training=Training(**{"batch": 8, "critic_optimizer": Adam(lr=5e-3)} | training),
        seeds=seeds,
    )


def test_pretraining_moves_the_critic_alone_and_the_energy_of_real_data_falls():
    trainer = energy_game(BoundaryEquilibrium(balance_rate=1.0), pretrain_steps=40, generator_average=0.9)
    generator, critic = trainer.generator.flat.clone(), trainer.critic.flat.clone()
    before = trainer.measure()
    trainer.advance(40)
    after = trainer.measure()
    assert torch.equal(trainer.generator.flat, generator)
    assert torch.equal(trainer.average, generator)
    assert trainer.memory["balance"].tolist() == [0, 0, 0]
    assert (trainer.critic.flat != critic).all(1).all()
    assert (after["critic_on_real"] < 0.7 * before["critic_on_real"]).all()
    assert (trainer.turn, trainer.round) == (40, 0)
    trainer.advance(2)
    assert (trainer.turn, trainer.round) == (42, 2)
    assert (trainer.generator.flat != generator).any(1).all()


def test_a_step_of_pretraining_descends_the_mean_energy_of_its_own_real_samples():
    trainer, before = (
        energy_game(pretrain_steps=3, critic_optimizer=SGD(lr=0.1), dtype="float64", n_critic=2) for _ in range(2)
    )
    trainer.advance(3)
    for step in range(3):
        real = torch.from_numpy(blob().train).double()[before._draws.pretraining(step)]
        loss = before._critic_at(before.critic.learning).criticise(real).value.mean(-1)
        before.critic.flat.sub_(0.1 * before.critic.gradient(loss))
    assert_close(trainer.critic.flat, before.critic.flat, rtol=0, atol=1e-14)
    draws = [before._draws.pretraining(step) for step in range(3)] + [
        before._draws.critic(step).index for step in (0, 1)
    ]
    assert len({draw.numpy().tobytes() for draw in draws}) == 5


def test_stopped_in_mid_pretraining_it_goes_on_with_the_same_bits():
    undisturbed, resumed = energy_game(pretrain_steps=6), energy_game(pretrain_steps=6)
    undisturbed.advance(10)
    for stop in (2, 5, 6, 7, 10):
        resumed.advance(stop - resumed.turn)
        state, resumed = resumed.state(), energy_game(pretrain_steps=6)
        resumed.load(state)
    assert_same_bits(resumed, undisturbed)
    assert_same_measurement(resumed.measure(), undisturbed.measure())


def test_game_after_pretraining_draws_what_it_draws_without():
    """One that left the critic where it was changes nothing but the count of turns."""
    still = {"critic_optimizer": SGD(lr=1e-300), "generator_optimizer": SGD(lr=0.1), "dtype": "float64"}
    with_it, without = energy_game(pretrain_steps=5, **still), energy_game(**still)
    with_it.advance(5 + 3)
    without.advance(3)
    assert_close(with_it.generator.flat, without.generator.flat, rtol=0, atol=1e-15)


# --- the average of the generator


def test_average_follows_its_recursion_and_remembers_little_at_the_start():
    """a <- d a + (1 - d) theta after every generator step, where d is (1 + step) / (10 + step) up to its limit."""
    trainer = game(training=Training(batch=8, generator_average=0.5, dtype="float64", n_critic=2))
    expected, decays = trainer.generator.flat.clone(), []
    for round_ in range(12):
        trainer.advance(1)
        decays.append(min(0.5, (1 + round_) / (10 + round_)))
        expected = decays[-1] * expected + (1 - decays[-1]) * trainer.generator.flat
        assert_close(trainer.average, expected, rtol=0, atol=1e-13)
    assert decays[:2] == [0.1, 2 / 11]
    assert decays[8:] == [0.5] * 4


def test_average_is_measured_beside_the_raw_generator_by_the_same_ruler():
    trainer = game(training=Training(batch=8, generator_average=0.9, generator_optimizer=Adam(lr=0.02)))
    trainer.advance(6)
    measured = trainer.measure()
    averaged = {name for name in measured if name.endswith("_of_average")}
    assert averaged == {f"{name}_of_average" for name in ("sliced_wasserstein", "cells", "spread")}
    assert (measured["sliced_wasserstein"] != measured["sliced_wasserstein_of_average"]).all()
    trainer.generator.flat.copy_(trainer.average)
    at_the_average = trainer.measure()
    for name in averaged:
        assert np.array_equal(at_the_average[name.removesuffix("_of_average")], measured[name]), name
    assert not any(name.endswith("_of_average") for name in game().measure())


@every_order
def test_average_changes_no_number_of_the_training(order):
    training = Training(batch=8, update_order=order)
    averaged, plain = game(training=replace(training, generator_average=0.99)), game(training=training)
    for trainer in (averaged, plain):
        trainer.advance(6)
    assert_same_bits(averaged, plain)
    measured = averaged.measure()
    for name, values in plain.measure().items():
        assert np.array_equal(measured[name], values), name


def test_average_survives_a_stop():
    training = Training(batch=8, generator_average=0.9)
    undisturbed, stopped, resumed = (game(training=training) for _ in range(3))
    undisturbed.advance(7)
    stopped.advance(4)
    state = stopped.state()
    stopped.advance(1)
    resumed.load(state)
    resumed.advance(3)
    assert torch.equal(resumed.average, undisturbed.average)
    assert not torch.equal(resumed.average, resumed.generator.flat)


def test_nan_of_one_member_never_reaches_the_average_of_another():
    healthy, poisoned = (game(training=Training(batch=8, generator_average=0.9)) for _ in range(2))
    for trainer in (healthy, poisoned):
        trainer.advance(2)
    poisoned.generator.flat[1] = torch.nan
    for trainer in (healthy, poisoned):
        trainer.advance(3)
    assert poisoned.average[1].isnan().all()
    assert torch.equal(healthy.average[[0, 2]], poisoned.average[[0, 2]])
    before, after = healthy.measure(), poisoned.measure()
    for name in before:
        assert np.array_equal(before[name][[0, 2]], after[name][[0, 2]]), name


# --- precision


@pytest.mark.parametrize("preset", ["wgan-gp", "sngan", "began", "dragan"])
def test_every_number_of_a_game_has_the_precision_that_was_asked_for(preset):
    for name, dtype in (("float32", torch.float32), ("float64", torch.float64)):
        trainer = preset_game(preset, training={"dtype": name, "generator_average": 0.9})
        trainer.advance(2)
        kept = [value for value in numbers(trainer) if value.is_floating_point() and value.dim() > 0]
        samples = trainer.samples(5)
        assert {value.dtype for value in [*kept, trainer.average, samples]} == {dtype}


def test_precisions_play_the_same_game_up_to_their_rounding():
    single, double = (preset_game("wgan-gp", training={"dtype": dtype}) for dtype in ("float32", "float64"))
    for trainer in (single, double):
        trainer.advance(5)
    apart = (single.generator.flat.double() - double.generator.flat).abs().max().item()
    assert 0 < apart < 1e-5


# --- BEGAN's balance


@every_order
def test_balance_of_a_game_is_what_is_remembered_by_hand_after_each_generator_step(order):
    objective = BoundaryEquilibrium(gamma=0.6, balance_rate=0.4)
    trainer = energy_game(objective, update_order=order, n_critic=2, dtype="float64")
    real_samples, space = torch.from_numpy(blob().train).double(), trainer.space
    expected, history = torch.zeros(3, dtype=torch.float64), []
    for round_ in range(12):
        generator, critic = (
            {name: value.clone() for name, value in player.frozen.items()}
            for player in (trainer.generator, trainer.critic)
        )
        trainer.advance(1)
        draw = trainer._draws.generator(round_)
        seen_by = trainer.critic.frozen if order == "critic_first" else critic
        fake = trainer.networks.generator.generate(generator, draw.z, space)
        energy = [
            trainer.networks.critic.criticise(seen_by, points, space).value.mean(1)
            for points in (real_samples[draw.index], fake)
        ]
        expected = (expected + 0.4 * (0.6 * energy[0] - energy[1])).clamp(0, 1)
        history.append(expected)
        assert_close(trainer.memory["balance"], expected, rtol=0, atol=1e-12)
    assert trainer.measure()["balance"] == pytest.approx(expected.numpy(), abs=1e-12)
    assert (torch.stack(history) > 0).any()
    assert (torch.stack(history) == 0).any()  # clipped


# --- what cannot be played


AUTOENCODERS = small_networks("energy")
ENERGY_MLP = NetworkPair(generator=AUTOENCODERS.generator, critic=MLPCritic(width=8, depth=1, form="energy"))
USE_SCORES = 'use kind = "mlp" with form = "score"'
USE_ENERGIES = 'use kind = "autoencoder", or "mlp" with form = "energy"'


@pytest.mark.parametrize(
    ("objective", "networks", "training", "sentence"),
    [
        (
            Wasserstein(),
            AUTOENCODERS,
            Training(),
            f"networks.critic: autoencoder gives energies, but objective wasserstein reads scores; {USE_SCORES}",
        ),
        (
            Wasserstein(),
            ENERGY_MLP,
            Training(),
            f"networks.critic: mlp gives energies, but objective wasserstein reads scores; {USE_SCORES}",
        ),
        (
            EnergyMargin(),
            small_networks("score"),
            Training(),
            f"networks.critic: mlp gives scores, but objective energy_margin reads energies; {USE_ENERGIES}",
        ),
        (
            BoundaryEquilibrium(),
            DiracPair(),
            Training(),
            "networks.critic: dirac gives scores, but objective boundary_equilibrium reads energies; give it an "
            "objective that reads scores",
        ),
        (
            EnergyMargin(pull_away_weight=0.1),
            ENERGY_MLP,
            Training(),
            'networks.critic: must be an autoencoder, whose codes objective energy_margin reads, but kind is "mlp"',
        ),
        (
            EnergyMargin(pull_away_weight=0.1),
            AUTOENCODERS,
            Training(batch=1),
            "training.batch: must be >= 2, since codes are compared in pairs, but is 1",
        ),
        (
            Wasserstein(),
            small_networks("score"),
            Training(pretrain_steps=7),
            "training.pretrain_steps: must be 0 unless the critic is an autoencoder, whose energy of real data has a "
            'smallest value, but is 7 with kind "mlp"',
        ),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_what_does_not_go_together_is_refused_before_the_start_with_a_sentence(objective, networks, training, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        check_game(objective, networks, training)
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        game(objective=objective, networks=networks, training=training)


def test_what_goes_together_is_not_refused():
    check_game(EnergyMargin(pull_away_weight=0.1), AUTOENCODERS, Training(batch=2, pretrain_steps=3))
    check_game(EnergyMargin(), ENERGY_MLP, Training(batch=1))
    check_game(Wasserstein(), DiracPair(), Training(batch=1))


# --- learning


def test_wgan_gp_learns_the_blob_with_every_seed():
    trainer = preset_game(
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
    before, lines = trainer.measure()["sliced_wasserstein"], trainer.reference_lines()
    assert (before > 0.7 * lines.ref).all()
    trainer.advance(40)
    after = trainer.measure()["sliced_wasserstein"]
    assert (after < 0.6 * lines.ref).all()
    assert (after > lines.floor / 2).all()


@dataclass(frozen=True, kw_only=True)
class Squared(Memoryless):
    """A user's own objective, in no union: the critic maps real to 1 and fake to -1, the generator wants 0."""

    kind: str = "my_module:Squared"
    critic_form = "score"

    def critic_loss(self, real, fake, memory):
        return (real.value - 1).square().mean(-1) + (fake.value + 1).square().mean(-1)

    def generator_loss(self, real, fake, memory):
        return fake.value.square().mean(-1)


def test_an_objective_of_ones_own_trains_like_the_least_squares_it_spells_out():
    pearson = LeastSquares(fake_target=-1.0, real_target=1.0, generator_target=0.0)
    training = Training(batch=8, critic_optimizer=SGD(lr=0.02), generator_optimizer=SGD(lr=0.02))
    halved = Training(batch=8, critic_optimizer=SGD(lr=0.01), generator_optimizer=SGD(lr=0.01))
    known, own = (
        game(objective=objective, training=replace(how, dtype="float64"))
        for objective, how in ((pearson, training), (Squared(), halved))
    )
    known.advance(5)
    own.advance(5)
    assert_close(own.generator.flat, known.generator.flat, rtol=0, atol=1e-13)


# --- descriptions


def test_training_is_frozen_and_refuses_empty_batches():
    with pytest.raises(FrozenInstanceError):
        Training().batch = 3
    for field_ in ("batch", "n_critic"):
        with pytest.raises(ValueError, match=f"^{field_}: must be >= 1, but is 0$"):
            Training(**{field_: 0})
