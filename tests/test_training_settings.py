"""Training settings: numbers of steps, compatibility of objective, networks and training, bounds."""

import re
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_gans import blob, small_networks

from gan_core.constraints import Unconstrained
from gan_core.networks import DiracPair, MLPCritic, NetworkPair
from gan_core.objectives import BoundaryEquilibrium, EnergyMargin, Wasserstein
from gan_core.training import Trainer, Training, check_compatible

# --- numbers of steps


warm_ups = st.builds(
    Training,
    n_critic=st.integers(1, 6),
    warmup_steps=st.integers(0, 30),
    warmup_n_critic=st.integers(1, 100),
    warmup_every=st.integers(0, 12),
    pretrain_steps=st.integers(0, 20),
)


@settings(deadline=None)
@given(training=warm_ups, steps=st.integers(0, 60))
def test_critic_steps_before_a_generator_step_are_the_sum_over_all_earlier_ones(training, steps):
    assert training.critic_steps_before(steps) == sum(training.critic_steps_at(step) for step in range(steps))


@settings(deadline=None)
@given(training=warm_ups, iterations=st.integers(0, 60))
def test_an_iteration_is_a_pretraining_step_or_critic_steps_and_one_generator_step(training, iterations):
    critic = generator = 0
    for iteration in range(iterations):
        if iteration < training.pretrain_steps:
            critic += 1
        else:
            critic += training.critic_steps_at(generator)
            generator += 1
    assert (training.critic_steps(iterations), training.generator_steps(iterations)) == (critic, generator)


def test_wgans_authors_take_100_critic_steps_in_the_first_25_iterations_and_in_every_500th():
    """martinarjovsky/WassersteinGAN, main.py: Diters is 100 if gen_iterations < 25 or gen_iterations % 500 == 0."""
    authors = Training(n_critic=5, warmup_steps=25, warmup_n_critic=100, warmup_every=500)
    steps = [authors.critic_steps_at(generator_step) for generator_step in range(1001)]
    assert [generator_step for generator_step, count in enumerate(steps) if count == 100] == [*range(25), 500, 1000]
    assert set(steps) == {5, 100}
    assert authors.critic_steps_before(600) == 26 * 100 + 574 * 5


# --- compatibility


AUTOENCODERS = small_networks("energy")
ENERGY_MLP = NetworkPair(generator=AUTOENCODERS.generator, critic=MLPCritic(width=8, depth=1, form="energy"))
USE_SCORES = 'use kind = "mlp" with form = "score"'
USE_ENERGIES = 'use kind = "autoencoder", or "mlp" with form = "energy"'


@pytest.mark.parametrize(
    ("objective", "networks", "training", "message"),
    [
        (
            Wasserstein(),
            AUTOENCODERS,
            Training(),
            f"networks.critic: autoencoder outputs energies, but objective wasserstein needs scores; {USE_SCORES}",
        ),
        (
            Wasserstein(),
            ENERGY_MLP,
            Training(),
            f"networks.critic: mlp outputs energies, but objective wasserstein needs scores; {USE_SCORES}",
        ),
        (
            EnergyMargin(),
            small_networks("score"),
            Training(),
            f"networks.critic: mlp outputs scores, but objective energy_margin needs energies; {USE_ENERGIES}",
        ),
        (
            BoundaryEquilibrium(),
            DiracPair(),
            Training(),
            "networks.critic: dirac outputs scores, but objective boundary_equilibrium needs energies; choose an "
            "objective that needs scores",
        ),
        (
            EnergyMargin(pull_away_weight=0.1),
            ENERGY_MLP,
            Training(),
            'networks.critic: must be an autoencoder, since objective energy_margin needs its codes, but kind is "mlp"',
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
            "training.pretrain_steps: must be 0 unless the critic is an autoencoder, whose energy of real samples has "
            'a minimum, but is 7 with kind "mlp"',
        ),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_incompatible_parts_raise_an_error_before_the_first_step(objective, networks, training, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_compatible(objective, networks, training)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Trainer(
            objective=objective,
            constraint=Unconstrained(),
            networks=networks,
            training=training,
            data=blob(),
            seeds=(3, 4, 5),
        )


def test_compatible_parts_raise_no_error():
    check_compatible(EnergyMargin(pull_away_weight=0.1), AUTOENCODERS, Training(batch=2, pretrain_steps=3))
    check_compatible(EnergyMargin(), ENERGY_MLP, Training(batch=1))
    check_compatible(Wasserstein(), DiracPair(), Training(batch=1))


# --- bounds


def test_training_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        Training().batch = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", ["batch", "n_critic"])
def test_batch_and_n_critic_must_be_positive(name):
    with pytest.raises(ValueError, match=f"^{name}: must be >= 1, but is 0$"):
        Training(**{name: 0})  # type: ignore[arg-type]
