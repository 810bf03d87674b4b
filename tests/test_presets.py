"""Literature names: every row is a playable game at its authors' settings, with ranges that can be searched."""

from dataclasses import fields
from typing import get_args

import pytest
from games import blob, described, preset_game, preset_training

from gan_core.constraints import Constraint
from gan_core.networks import Critic
from gan_core.objectives import Objective
from gan_core.optimizers import Adam, Optimizer, RMSProp
from gan_core.presets import LEARNING_RATE, PRESETS

every_preset = pytest.mark.parametrize("name", list(PRESETS))
UNIONS = {"objective": Objective, "constraint": Constraint}


def knob(name, path):
    """The authors' value of a knob: what the preset's table says, else the description's own default."""
    part, *keys = path.split(".")
    value = preset_training(name) if part == "training" else described(UNIONS[part], PRESETS[name].table[part])
    for key in keys:
        value = getattr(value, key)
    return value


def borders(law):
    """The values at the ends of a range."""
    ((kind, values),) = law.items()
    assert kind in {"uniform", "log_uniform", "int_uniform", "choice"}
    return (values[0], values[-1]) if kind != "choice" else tuple(values)


# --- the contract of every preset


@every_preset
def test_preset_plays_a_round_with_finite_numbers(name):
    trainer = preset_game(name)
    trainer.advance(1)
    assert trainer.nonfinite_round.tolist() == [-1, -1, -1]


@every_preset
def test_name_of_a_preset_is_its_key_and_it_says_what_it_is_and_where_it_is_from(name):
    preset = PRESETS[name]
    assert preset.name == name
    assert preset.title
    assert "arXiv:" in preset.source


@every_preset
def test_preset_says_objective_constraint_and_training_and_nothing_unknown(name):
    table = PRESETS[name].table
    assert {"objective", "constraint", "training"} <= set(table) <= {"objective", "constraint", "training", "networks"}


@every_preset
def test_critic_of_a_preset_speaks_the_language_of_its_objective(name):
    table = PRESETS[name].table
    critic = described(Critic, table.get("networks", {}).get("critic", {"kind": "mlp"}))
    assert critic.form == described(Objective, table["objective"]).critic_form


@every_preset
def test_ranges_name_knobs_that_exist_and_values_that_are_allowed(name):
    for path, law in PRESETS[name].ranges.items():
        knob(name, path)
        part, *_, field = path.split(".")
        for value in borders(law):
            if part in UNIONS:
                described(UNIONS[part], {**PRESETS[name].table[part], field: value})
            elif field == "n_critic":
                preset_training(name, n_critic=value)
            else:
                optimizer = path.split(".")[1]
                described(Optimizer, {**PRESETS[name].table["training"][optimizer], field: value})


@every_preset
def test_authors_value_of_every_searched_knob_lies_in_its_range(name):
    for path, law in PRESETS[name].ranges.items():
        ends = borders(law)
        value = knob(name, path)
        assert value in ends if "choice" in law else ends[0] <= value <= ends[1], path


@every_preset
def test_every_preset_searches_both_learning_rates_and_the_critic_steps(name):
    ranges = PRESETS[name].ranges
    assert ranges["training.critic_optimizer.lr"] == ranges["training.generator_optimizer.lr"] == LEARNING_RATE
    assert ranges["training.n_critic"] == {"choice": [1, 5]}


@every_preset
def test_preset_leaves_batch_and_update_order_to_the_study(name):
    assert set(PRESETS[name].table["training"]) == {"n_critic", "critic_optimizer", "generator_optimizer"}


def test_no_two_presets_are_the_same_game():
    games = [repr(preset.table) for preset in PRESETS.values()]
    assert len(set(games)) == len(games)


def test_searchable_knobs_of_objectives_and_constraints_are_fields_of_theirs():
    names = {field.name for union in UNIONS.values() for member in get_args(union) for field in fields(member)}
    for preset in PRESETS.values():
        for path in preset.ranges:
            if not path.startswith("training."):
                assert path.split(".")[1] in names


# --- sourced numbers (OBJECTIVES.md 1 to 3)

DCGAN = Adam(lr=2e-4, betas=(0.5, 0.999))


@pytest.mark.parametrize(
    ("name", "objective", "constraint", "n_critic", "optimizer"),
    [
        ("gan", "minimax", "none", 1, DCGAN),
        ("nsgan", "non_saturating", "none", 1, DCGAN),
        ("lsgan", "least_squares", "none", 1, Adam(lr=1e-3, betas=(0.5, 0.999))),
        ("wgan", "wasserstein", "weight_clipping", 5, RMSProp(lr=5e-5)),
        ("wgan-gp", "wasserstein", "gradient_penalty", 5, Adam(lr=1e-4, betas=(0.0, 0.9))),
        ("ebgan", "energy_margin", "none", 1, Adam(lr=1e-3, betas=(0.5, 0.999))),
    ],
)
def test_presets_are_what_their_authors_trained(name, objective, constraint, n_critic, optimizer):
    table, training = PRESETS[name].table, preset_training(name)
    assert (table["objective"]["kind"], table["constraint"]["kind"]) == (objective, constraint)
    assert training.n_critic == n_critic
    assert training.critic_optimizer == training.generator_optimizer == optimizer


def test_knobs_of_the_papers_have_the_values_of_the_papers():
    assert knob("wgan", "constraint.clip_value") == 0.01
    assert knob("wgan-gp", "constraint.gp_weight") == 10
    assert knob("ebgan", "objective.margin") == 10
    targets = [knob("lsgan", f"objective.{player}_target") for player in ("fake", "real", "generator")]
    assert targets == [0, 1, 1]


def test_ranges_are_those_of_lucic_and_others():
    assert LEARNING_RATE == {"log_uniform": [1e-5, 1e-2]}
    assert PRESETS["wgan"].ranges["constraint.clip_value"] == {"log_uniform": [1e-3, 1.0]}
    assert PRESETS["wgan-gp"].ranges["constraint.gp_weight"] == {"log_uniform": [1e-1, 1e2]}


def test_margin_is_searched_relative_to_the_energy_of_real_data():
    """The blob's mean squared coordinate stands for that energy: the range holds margins on both sides of it."""
    low, high = PRESETS["ebgan"].ranges["objective.margin"]["log_uniform"]
    assert low < float((blob().every ** 2).mean()) < high
