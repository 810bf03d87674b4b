"""Literature names: every row is a playable game at its authors' settings, with ranges that can be searched."""

from dataclasses import fields
from typing import get_args

import pytest
from games import CONSTRAINTS, OBJECTIVES, blob, described, preset_game, preset_training

from gan_core.citations import BIBTEX, citation, papers
from gan_core.constraints import Constraint, GradientPenalty
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
    assert trainer.nonfinite_turn.tolist() == [-1, -1, -1]


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


@pytest.mark.parametrize(
    ("name", "location", "target", "sides", "gp_weight"),
    [
        ("wgan-gp", "between", 1, "two", 10),
        ("wgan-lp", "between", 1, "one", 10),
        ("wgan-gp-real", "real", 1, "two", 10),
        ("dragan", "around_real", 1, "two", 10),
        ("gan-r1", "real", 0, "two", 5),
        ("r3gan", "real_and_fake", 0, "two", 0.5),
    ],
)
def test_penalties_lie_where_their_authors_put_them(name, location, target, sides, gp_weight):
    expected = GradientPenalty(location=location, target=target, sides=sides, gp_weight=float(gp_weight))
    assert described(Constraint, PRESETS[name].table["constraint"]) == expected


@every_preset
def test_papers_of_a_preset_are_known_and_stand_in_its_source(name):
    assert PRESETS[name].papers
    for key in PRESETS[name].papers:
        assert key in BIBTEX
        assert any(year in PRESETS[name].source for year in (key[-4:], str(int(key[-4:]) + 1)))


@every_preset
def test_citation_holds_every_paper_of_a_preset_once(name):
    text = citation(PRESETS[name], PRESETS[name])
    assert [text.count(f"{{{key},") for key in PRESETS[name].papers] == [1] * len(PRESETS[name].papers)
    assert text.count("@") == len(PRESETS[name].papers)


def test_every_objective_and_constraint_is_cited():
    for description in (*OBJECTIVES, *CONSTRAINTS):
        keys = papers(description)
        assert keys or description.kind == "none"
        assert set(keys) <= set(BIBTEX)
    assert "2501.05441" in citation(GradientPenalty(location="real_and_fake", target=0))


def test_only_what_has_papers_can_be_cited():
    with pytest.raises(TypeError, match=r"^used: must be objectives, constraints or presets, but one is 'wgan'$"):
        citation("wgan")


def test_no_two_presets_are_the_same_game():
    games = [repr(preset.table) for preset in PRESETS.values()]
    assert len(set(games)) == len(games)


def test_searchable_knobs_of_objectives_and_constraints_are_fields_of_theirs():
    names = {field.name for union in UNIONS.values() for member in get_args(union) for field in fields(member)}
    for preset in PRESETS.values():
        for path in preset.ranges:
            if not path.startswith("training."):
                assert path.split(".")[1] in names


# --- sourced numbers

DCGAN = Adam(lr=2e-4, betas=(0.5, 0.999))


@pytest.mark.parametrize(
    ("name", "objective", "constraint", "n_critic", "optimizer"),
    [
        ("gan", "minimax", "none", 1, DCGAN),
        ("nsgan", "non_saturating", "none", 1, DCGAN),
        ("lsgan", "least_squares", "none", 1, Adam(lr=1e-3, betas=(0.5, 0.999))),
        ("wgan", "wasserstein", "weight_clipping", 5, RMSProp(lr=5e-5)),
        ("wgan-gp", "wasserstein", "gradient_penalty", 5, Adam(lr=1e-4, betas=(0.0, 0.9))),
        ("wgan-lp", "wasserstein", "gradient_penalty", 5, Adam(lr=1e-4, betas=(0.0, 0.9))),
        ("wgan-gp-real", "wasserstein", "gradient_penalty", 5, Adam(lr=1e-4, betas=(0.0, 0.9))),
        ("wgan-sn", "wasserstein", "spectral_norm", 5, Adam(lr=2e-4, betas=(0.0, 0.9))),
        ("sngan", "hinge", "spectral_norm", 5, Adam(lr=2e-4, betas=(0.0, 0.9))),
        ("dragan", "non_saturating", "gradient_penalty", 1, Adam(lr=1e-4, betas=(0.5, 0.9))),
        ("gan-r1", "non_saturating", "gradient_penalty", 1, RMSProp(lr=1e-4)),
        ("r3gan", "relativistic", "gradient_penalty", 1, Adam(lr=2e-4, betas=(0.0, 0.9))),
        ("ebgan-pt", "energy_margin", "none", 1, Adam(lr=1e-3, betas=(0.5, 0.999))),
        ("began", "boundary_equilibrium", "none", 1, Adam(lr=1e-4, betas=(0.5, 0.999))),
        ("loss-sensitive", "loss_sensitive", "none", 1, Adam(lr=1e-4, betas=(0.5, 0.999))),
        ("gls-gan", "loss_sensitive", "none", 1, Adam(lr=1e-4, betas=(0.5, 0.999))),
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
    assert knob("began", "objective.gamma") == 0.5
    assert knob("began", "objective.balance_rate") == 1e-3
    assert knob("ebgan-pt", "objective.pull_away_weight") == 0.1
    assert 2 * knob("gan-r1", "constraint.gp_weight") == 10  # the paper's gamma
    # the mean over the 64x64x3 pixels of the paper times this is their sum times 2e-4
    assert knob("loss-sensitive", "objective.margin") == pytest.approx(2e-4 * 64 * 64 * 3, rel=1e-15)
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
