"""Presets: every one can be trained with its authors' settings, and its ranges hold allowed values."""

from dataclasses import fields
from typing import get_args

import pytest
from small_gans import CONSTRAINTS, OBJECTIVES, blob, described, preset_trainer, preset_training

from gan_core.citations import BIBTEX, citation, papers
from gan_core.constraints import Constraint, GradientPenalty
from gan_core.networks import Critic
from gan_core.objectives import Objective
from gan_core.presets import LEARNING_RATE, PRESETS
from gan_core.training import Adam, Optimizer, RMSProp
from studies.file.validation import plain
from studies.reporting.paper.paper_citations import Citations
from studies.reporting.paper.part_words import constraint_words

every_preset = pytest.mark.parametrize("name", list(PRESETS))
UNIONS = {"objective": Objective, "constraint": Constraint}


def hyperparameter(name, path):
    """The authors' value of a hyperparameter: that of the preset, else the default of the description."""
    part, *keys = path.split(".")
    value = preset_training(name) if part == "training" else described(UNIONS[part], PRESETS[name].table[part])
    for key in keys:
        value = getattr(value, key)
    return value


def ends_of(law):
    """The values at the ends of a range."""
    ((kind, values),) = law.items()
    assert kind in {"uniform", "log_uniform", "int_uniform", "choice"}
    return (values[0], values[-1]) if kind != "choice" else tuple(values)


# --- every preset


@every_preset
def test_an_iteration_of_every_preset_gives_finite_numbers(name):
    trainer = preset_trainer(name)
    trainer.advance(1)
    assert trainer.nonfinite_iteration.tolist() == [-1, -1, -1]


@every_preset
def test_preset_has_its_key_as_name_a_title_and_a_source(name):
    preset = PRESETS[name]
    assert preset.name == name
    assert preset.title
    assert "arXiv:" in preset.source


@every_preset
def test_preset_states_objective_constraint_and_training_and_at_most_networks_besides(name):
    table = PRESETS[name].table
    assert {"objective", "constraint", "training"} <= set(table) <= {"objective", "constraint", "training", "networks"}


@every_preset
def test_critic_of_a_preset_has_the_form_that_its_objective_needs(name):
    table = PRESETS[name].table
    critic = described(Critic, table.get("networks", {}).get("critic", {"kind": "mlp"}))
    assert critic.form == described(Objective, table["objective"]).critic_form


@every_preset
def test_ranges_are_of_existing_hyperparameters_and_hold_allowed_values(name):
    for path, law in PRESETS[name].ranges.items():
        hyperparameter(name, path)
        part, *_, field = path.split(".")
        for value in ends_of(law):
            if part in UNIONS:
                described(UNIONS[part], {**PRESETS[name].table[part], field: value})
            elif field == "n_critic":
                preset_training(name, n_critic=value)
            else:
                optimizer = path.split(".")[1]
                described(Optimizer, {**PRESETS[name].table["training"][optimizer], field: value})


@every_preset
def test_authors_value_of_every_hyperparameter_lies_in_its_range(name):
    for path, law in PRESETS[name].ranges.items():
        ends = ends_of(law)
        value = hyperparameter(name, path)
        assert value in ends if "choice" in law else ends[0] <= value <= ends[1], path


@every_preset
def test_every_preset_has_the_shared_ranges_of_learning_rates_and_n_critic(name):
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
def test_penalties_of_presets_are_those_of_their_authors(name, location, target, sides, gp_weight):
    expected = GradientPenalty(location=location, target=target, sides=sides, gp_weight=float(gp_weight))
    assert described(Constraint, PRESETS[name].table["constraint"]) == expected


@every_preset
def test_papers_of_a_preset_have_a_bibtex_entry_and_their_year_in_the_source(name):
    assert papers(PRESETS[name])
    for key in papers(PRESETS[name]):
        assert key in BIBTEX
        assert any(year in PRESETS[name].source for year in (key[-4:], str(int(key[-4:]) + 1)))


@every_preset
def test_citation_holds_every_paper_of_a_preset_once(name):
    text = citation(PRESETS[name], PRESETS[name])
    assert [text.count(f"{{{key},") for key in papers(PRESETS[name])] == [1] * len(papers(PRESETS[name]))
    assert text.count("@") == len(papers(PRESETS[name]))


def test_every_constraint_has_words_in_a_paper():
    for constraint in CONSTRAINTS:
        words = constraint_words(plain(constraint), Citations())
        assert words.replace("_", " ").strip()
        assert bool(papers(constraint)) is ("cite{" in words)


def test_every_objective_and_constraint_is_cited():
    for description in (*OBJECTIVES, *CONSTRAINTS):
        keys = papers(description)
        assert keys or description.kind == "none", f"{description.kind}: its docstring must name a Source: of BIBTEX"
        assert set(keys) <= set(BIBTEX)
    assert "2501.05441" in citation(GradientPenalty(location="real_and_fake", target=0))


def test_citation_refuses_what_is_no_objective_constraint_or_preset():
    with pytest.raises(TypeError, match=r"^used: must be objectives, constraints or presets, but one is 'wgan'$"):
        citation("wgan")


def test_no_two_presets_are_equal():
    tables = [repr(preset.table) for preset in PRESETS.values()]
    assert len(set(tables)) == len(tables)


def test_hyperparameters_with_ranges_are_fields_of_objectives_and_constraints():
    names = {field.name for union in UNIONS.values() for kind in get_args(union) for field in fields(kind)}
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
def test_presets_have_the_settings_of_their_authors(name, objective, constraint, n_critic, optimizer):
    table, training = PRESETS[name].table, preset_training(name)
    assert (table["objective"]["kind"], table["constraint"]["kind"]) == (objective, constraint)
    assert training.n_critic == n_critic
    assert training.critic_optimizer == training.generator_optimizer == optimizer


def test_hyperparameters_have_the_values_of_the_papers():
    assert hyperparameter("wgan", "constraint.clip_value") == 0.01
    assert hyperparameter("wgan-gp", "constraint.gp_weight") == 10
    assert hyperparameter("ebgan", "objective.margin") == 10
    assert hyperparameter("began", "objective.gamma") == 0.5
    assert hyperparameter("began", "objective.balance_rate") == 1e-3
    assert hyperparameter("ebgan-pt", "objective.pull_away_weight") == 0.1
    assert 2 * hyperparameter("gan-r1", "constraint.gp_weight") == 10  # the paper's gamma
    # this times the mean over the 64x64x3 pixels of the paper is 2e-4 times their sum
    assert hyperparameter("loss-sensitive", "objective.margin") == pytest.approx(2e-4 * 64 * 64 * 3, rel=1e-15)
    targets = [hyperparameter("lsgan", f"objective.{name}_target") for name in ("fake", "real", "generator")]
    assert targets == [0, 1, 1]


def test_ranges_are_those_of_lucic_et_al():
    assert LEARNING_RATE == {"log_uniform": [1e-5, 1e-2]}
    assert PRESETS["wgan"].ranges["constraint.clip_value"] == {"log_uniform": [1e-3, 1.0]}
    assert PRESETS["wgan-gp"].ranges["constraint.gp_weight"] == {"log_uniform": [1e-1, 1e2]}


def test_range_of_the_margin_contains_the_energy_of_real_data():
    """The energy of real data is about the mean squared coordinate; the range holds margins on both sides of it."""
    low, high = PRESETS["ebgan"].ranges["objective.margin"]["log_uniform"]
    assert low < float((blob().every ** 2).mean()) < high
