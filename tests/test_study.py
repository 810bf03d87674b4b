import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import gan_study

from gan_core.constraints import GradientPenalty, Unconstrained, WeightClipping
from gan_core.data import Data, Digits, Dirac
from gan_core.metrics import SAMPLE_METRICS
from gan_core.networks import (
    AutoencoderCritic,
    ConvAutoencoderCritic,
    ConvCritic,
    ConvGenerator,
    DiracPair,
    MLPCritic,
    MLPGenerator,
    NetworkPair,
    SegmentGenerator,
)
from gan_core.objectives import Objective, Wasserstein
from gan_core.presets import PRESETS
from gan_core.training import SGD, Adam, RMSProp, Training
from studies.errors import GanStudyError, InputError, StudyFailed
from studies.file.budget import Budget
from studies.file.distribution_tables import parse
from studies.file.distributions import Choice, Grid, LogUniform, Uniform, draw
from studies.file.run_settings import ResourceSettings
from studies.file.search import Confirm, Exploit, Search
from studies.file.source import catalog
from studies.file.study import Study
from studies.file.validation import FORMER_NAMES, field_types

OF_FILES = ("images", "table")
"""Kinds of data that are read from files."""
SMALL = """
name = "small"
budget.steps = 100

[[conditions]]
name = "wgan"
preset = "wgan"
"""

FIRST = """
name = "first"
seeds = 3
budget = {unit = "generator_steps", steps = 1000}
evaluation.measurements = 20
search = {seed = 0, explore = 16, exploit = {trials = 6}, confirm = {best = 1, seeds = 10}}
data.kind = "digits"
resources = {cpu = 1, gpu = 0.0}

[networks]
generator = {kind = "mlp", width = 64, latent = 16}
critic = {kind = "mlp", width = 32}

[training]
batch = 32
n_critic = 1
critic_optimizer = {kind = "adam", lr = {log_uniform = [1e-5, 1e-2]}, betas = [{uniform = [0, 0.9]}, 0.9]}
generator_optimizer = {kind = "adam", lr = 5e-4, betas = [0.5, 0.9]}

[[conditions]]
name = "wgan"
preset = "wgan"
constraint.clip_value = {grid = [0.01, 0.1]}
training.n_critic = {choice = [1, 5]}

[[conditions]]
name = "ebgan"
preset = "ebgan"
networks.critic = {kind = "autoencoder", code = 8}
objective.margin = "search"

[[conditions]]
name = "bare"
objective = {kind = "wasserstein"}
"""

DIRAC = """
name = "dirac"
budget = {unit = "generator_steps", steps = 50}
evaluation.measurements = 50
data.kind = "dirac"
networks = {kind = "dirac", theta = 1.0, psi = -1.0}
training = {batch = 1, critic_optimizer = {kind = "sgd", lr = 0.2}, generator_optimizer = {kind = "sgd", lr = 0.2}}
[[conditions]]
name = "gan"
objective.kind = "minimax"
"""

Load = Callable[..., Study]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load_text(text: str, *overrides: str, smoke: bool = False) -> Study:
        path = tmp_path / "study.toml"
        path.write_text(text)
        return Study.load(path, overrides=overrides, smoke=smoke)

    return load_text


def refusal(load: Load, text: str, *overrides: str) -> str:
    with pytest.raises(InputError) as refused:
        load(text, *overrides)
    return str(refused.value)


# -- meaning of a study file --------------------------------------------------------------------------------------


def test_missing_keys_have_their_defaults(load: Load) -> None:
    study = load(SMALL)
    assert study.budget == Budget(unit="critic_steps", steps=100)
    assert study.evaluation.measurements == 20
    assert study.search == Search(
        seed=0, explore=16, exploit=Exploit(trials=6, batch=8), confirm=Confirm(best=1, seeds=10), sampler="tpe"
    )
    assert (study.seeds, study.data, study.resources) == (3, Digits(), ResourceSettings(cpu=1.0, gpu=0.0))
    assert study.limits.trial_retries == 3
    assert study.checkpoint.every_seconds == 20
    assert study.ledger.root == "gan-studies"


def test_a_preset_gives_the_authors_setting(load: Load) -> None:
    setting = load(SMALL).condition("wgan").setting({})
    assert setting.objective == Wasserstein()
    assert setting.constraint == WeightClipping(clip_value=0.01)
    assert setting.networks == NetworkPair(generator=MLPGenerator(), critic=MLPCritic())
    assert setting.training.n_critic == 5
    assert setting.training.critic_optimizer == RMSProp(lr=5e-5)


def test_shared_tables_override_the_preset_and_the_condition_overrides_both(load: Load) -> None:
    study = load(FIRST)
    wgan = study.condition("wgan").setting(
        {
            "constraint.clip_value": 0.1,
            "training.n_critic": 5,
            "training.critic_optimizer.lr": 1e-3,
            "training.critic_optimizer.betas.0": 0.25,
        }
    )
    assert wgan.training.batch == 32
    assert wgan.training.n_critic == 5
    assert wgan.constraint == WeightClipping(clip_value=0.1)
    assert wgan.training.critic_optimizer == Adam(lr=1e-3, betas=(0.25, 0.9))
    ebgan = study.condition("ebgan")
    assert ebgan.table["training"]["n_critic"] == 1
    assert ebgan.table["objective"] == {
        "kind": "energy_margin",
        "margin": dict(PRESETS["ebgan"].ranges["objective.margin"]),
        "pull_away_weight": 0.0,
    }


def test_hyperparameters_are_the_distributions_by_dotted_path(load: Load) -> None:
    assert dict(load(FIRST).condition("wgan").hyperparameters) == {
        "constraint.clip_value": Grid((0.01, 0.1)),
        "training.critic_optimizer.betas.0": Uniform(0.0, 0.9),
        "training.critic_optimizer.lr": LogUniform(1e-5, 1e-2),
        "training.n_critic": Choice((1, 5)),
    }


def test_search_means_the_range_of_the_preset(load: Load) -> None:
    study = load(SMALL + 'constraint.clip_value = "search"\ntraining.n_critic = "search"')
    hyperparameters = study.condition("wgan").hyperparameters
    ranges = PRESETS["wgan"].ranges
    assert hyperparameters == {
        path: parse(ranges[path], path) for path in ("constraint.clip_value", "training.n_critic")
    }


def test_a_condition_without_a_constraint_is_unconstrained(load: Load) -> None:
    bare = load(FIRST).condition("bare")
    assert bare.preset is None
    assert next(bare.extreme_settings()).constraint == Unconstrained()


def test_a_table_with_a_kind_replaces_the_table_below(load: Load) -> None:
    study = load(SMALL + 'training.critic_optimizer = {kind = "rmsprop", alpha = 0.5}')
    assert study.condition("wgan").setting({}).training.critic_optimizer == RMSProp(alpha=0.5)
    study = load(
        SMALL + 'constraint = {kind = "weight_clipping"}', 'constraint={kind="weight_clipping",clip_value=0.5}'
    )
    assert study.condition("wgan").setting({}).constraint == WeightClipping()


def test_a_table_without_a_kind_is_merged_into_the_table_below(load: Load) -> None:
    study = load(SMALL + "training.critic_optimizer = {lr = 0.5}\nnetworks.generator.width = 7")
    setting = study.condition("wgan").setting({})
    assert setting.training.critic_optimizer == RMSProp(lr=0.5)
    assert setting.training.generator_optimizer == RMSProp(lr=5e-5)
    assert setting.networks.generator == MLPGenerator(width=7)


def test_a_distribution_replaces_a_distribution(load: Load) -> None:
    study = load(FIRST, "conditions.bare.training.critic_optimizer.lr={uniform=[0.1,0.2]}")
    assert study.condition("bare").hyperparameters["training.critic_optimizer.lr"] == Uniform(0.1, 0.2)
    study = load(FIRST, "conditions.bare.training.critic_optimizer.lr=0.1")
    assert "training.critic_optimizer.lr" not in study.condition("bare").hyperparameters


def test_a_pair_whose_kind_is_written_has_the_default_networks(load: Load) -> None:
    text = SMALL.replace('"wgan"', '"ebgan"') + 'networks = {kind = "pair", critic = {kind = "autoencoder", code = 3}}'
    networks = load(text).condition("ebgan").setting({}).networks
    assert networks == NetworkPair(generator=MLPGenerator(), critic=AutoencoderCritic(code=3))


@pytest.mark.parametrize("kind", [data.kind for data in get_args(Data) if data.kind not in ("dirac", *OF_FILES)])
def test_a_study_may_use_every_kind_of_data(load: Load, kind: str) -> None:
    study = load(SMALL, f"data={{kind='{kind}'}}")
    assert study.data == next(data for data in get_args(Data) if data.kind == kind)()
    assert Study.from_table(study.table()) == study


def test_a_study_may_use_the_segment_generator(load: Load) -> None:
    study = load(SMALL, "data.kind=segments", "networks.generator={kind='segment',theta=0.5}")
    generator = study.conditions[0].setting({}).networks.generator
    assert generator == SegmentGenerator(theta=0.5)


def test_a_study_may_use_the_dirac_pair(load: Load) -> None:
    study = load(DIRAC)
    setting = study.condition("gan").setting({})
    assert study.data == Dirac()
    assert setting.networks == DiracPair(theta=1.0, psi=-1.0)
    assert setting.training.critic_optimizer == SGD(lr=0.2)


def test_an_integer_given_for_a_number_becomes_a_float(load: Load) -> None:
    condition = load(SMALL + "constraint.clip_value = 1\ntraining.critic_optimizer.lr = {uniform = [1, 2]}")
    clip_value = condition.condition("wgan").table["constraint"]["clip_value"]
    assert (clip_value, type(clip_value)) == (1.0, float)


def test_equal_settings_have_equal_tables_whether_fixed_or_searched(load: Load) -> None:
    fixed = load(SMALL + "constraint.clip_value = 1").condition("wgan").setting({})
    searched = load(SMALL + "constraint.clip_value = {choice = [1, 2]}").condition("wgan")
    assert json.dumps(searched.setting({"constraint.clip_value": 1}).table()) == json.dumps(fixed.table())


@pytest.mark.parametrize(
    ("unit", "n_critic", "iterations"), [("generator_steps", 5, 103), ("critic_steps", 5, 20), ("critic_steps", 1, 103)]
)
def test_a_budget_of_critic_steps_holds_its_quotient_by_n_critic_iterations(
    load: Load, unit: str, n_critic: int, iterations: int
) -> None:
    study = load(SMALL, f"budget={{unit='{unit}',steps=103}}", f"training.n_critic={n_critic}")
    assert study.budget.iterations(study.condition("wgan").setting({}).training) == iterations


@pytest.mark.parametrize(
    ("budget", "training", "iterations", "steps"),
    [
        # 6 pre-training steps do not count as generator steps, but they count as critic steps
        (Budget(unit="generator_steps", steps=8), {"pretrain_steps": 6}, [0, 8, 10, 12, 14], [0, 2, 4, 6, 8]),
        (
            Budget(unit="critic_steps", steps=16),
            {"pretrain_steps": 6, "n_critic": 2},
            [0, 4, 7, 9, 11],
            [0, 4, 8, 12, 16],
        ),
        # the iterations have 4, 4, 1, 1, 4, 1, 1 critic steps, so none ends after 12 of them
        (
            Budget(unit="critic_steps", steps=16),
            {"warmup_steps": 2, "warmup_n_critic": 4, "warmup_every": 4},
            [0, 1, 2, 5, 7],
            [0, 4, 8, 14, 16],
        ),
        # the 2 critic steps left are too few for an iteration of 3
        (Budget(unit="critic_steps", steps=11), {"n_critic": 3}, [0, 1, 2, 3], [0, 3, 6, 9]),
    ],
)
def test_evaluations_are_at_equal_fractions_of_the_budgets_steps(
    budget: Budget, training: dict[str, Any], iterations: list[int], steps: list[int]
) -> None:
    training_settings = Training(**training)
    assert budget.evaluation_iterations(training_settings, len(iterations) - 1) == iterations
    assert [budget.elapsed_steps(training_settings, iteration) for iteration in iterations] == steps
    assert budget.iterations(training_settings) == iterations[-1]


@pytest.mark.parametrize(
    ("training", "sentence"),
    [
        (
            "{warmup_steps=1,warmup_n_critic=200}",
            "budget.steps: must be >= 200, the critic steps of conditions.wgan up to its first generator step, "
            "but is 103",
        ),
        (
            "{warmup_steps=1,warmup_n_critic=50,n_critic=1}",
            "evaluation.measurements: must be <= 2, since conditions.wgan takes 50 critic steps in one iteration, "
            "but is 20",
        ),
    ],
)
def test_a_warm_up_iteration_must_fit_between_two_evaluations(load: Load, training: str, sentence: str) -> None:
    budget = "budget={unit='critic_steps',steps=103}"
    assert refusal(load, SMALL, budget, f"conditions.wgan.training={training}") == sentence


def test_a_configuration_must_give_exactly_the_conditions_hyperparameters(load: Load) -> None:
    condition = load(SMALL + "constraint.clip_value = {uniform = [1, 2]}").condition("wgan")
    with pytest.raises(InputError) as refused:
        condition.setting({"constraint.gp_weight": 1.0})
    assert str(refused.value) == (
        "conditions.wgan: a configuration must give constraint.clip_value, but gives constraint.gp_weight"
    )
    with pytest.raises(InputError) as refused:
        condition.setting({"constraint.clip_value": -1.0})
    assert str(refused.value) == "conditions.wgan.constraint.clip_value: must be > 0, but is -1.0"


def test_an_unknown_condition_is_refused_with_the_existing_names(load: Load) -> None:
    with pytest.raises(InputError, match=r'^condition: must be one of wgan, but is "wgam"; did you mean wgan\?$'):
        load(SMALL).condition("wgam")


# -- tables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [SMALL, FIRST, DIRAC], ids=["small", "first", "dirac"])
def test_a_study_is_read_back_from_its_table(load: Load, text: str) -> None:
    study = load(text)
    table = json.loads(json.dumps(study.table(), allow_nan=False))
    assert Study.from_table(table) == study
    assert Study.from_table(table).table() == table == study.table()
    assert pickle.loads(pickle.dumps(study)) == study


def test_a_study_is_read_back_when_its_preset_no_longer_exists(load: Load) -> None:
    study = load(FIRST)
    table = study.table()
    table["conditions"][0]["preset"] = "of-another-version"
    read = Study.from_table(table)
    assert read.conditions[0] == replace(study.conditions[0], preset="of-another-version")


def test_a_wrong_table_is_refused_like_a_file(load: Load) -> None:
    table = load(SMALL).table()
    table["budget"]["stpes"] = 3
    with pytest.raises(InputError, match=r"^budget\.stpes: unknown key; did you mean steps\?$"):
        Study.from_table(table)


def test_a_refusal_keeps_its_message_when_pickled(load: Load) -> None:
    with pytest.raises(InputError) as refused:
        load(SMALL, "seeds=0")
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value) == "seeds: must be >= 1, but is 0"


def test_drawn_configurations_are_valid_settings(load: Load) -> None:
    for condition in load(FIRST).conditions:
        for index in range(20):
            condition.setting(draw(condition.hyperparameters, seed=0, index=index))


# -- presets and the catalog -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_a_condition_without_hyperparameters(load: Load, name: str) -> None:
    study = load(SMALL.replace('"wgan"', f'"{name}"'))
    assert study.condition(name).preset == name
    assert not study.condition(name).hyperparameters


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, preset in PRESETS.items() for path in preset.ranges])
def test_every_extreme_of_every_presets_range_is_valid(load: Load, name: str, path: str) -> None:
    condition = load(SMALL.replace('"wgan"', f'"{name}"') + f'{path} = "search"').condition(name)
    assert len(list(condition.extreme_settings())) == len(condition.hyperparameters[path].extremes()) >= 2


@pytest.mark.parametrize("name", ["first-study", "presets-on-digits", "clip-value", "penalty-weight"])
def test_studies_whose_digits_are_written_about_compare_them_in_features(name: str) -> None:
    assert Study.load(name).distance == "frechet_distance"
    assert Study.load(name).evaluation.features.kind == "classifier"


def test_every_study_of_the_catalog_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shipped_images: Callable[[str], list[str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in catalog():
        study = Study.load(name, overrides=shipped_images(name))
        assert study.name == name
        assert Study.from_table(json.loads(json.dumps(study.table()))) == study
        assert Study.load(name, overrides=shipped_images(name), smoke=True).name == f"{name}-smoke"


def test_a_file_comes_before_the_catalog_and_the_catalog_before_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped.toml"
    shipped.write_text(SMALL.replace("small", "shipped"))
    monkeypatch.setattr("studies.file.source.catalog", lambda: {"shipped": shipped})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shipped").mkdir()
    assert Study.load("shipped").name == "shipped"
    (tmp_path / "shipped").rmdir()
    (tmp_path / "shipped").write_text(SMALL)
    assert Study.load("shipped").name == "small"


# -- overrides ---------------------------------------------------------------------------------------------------


def test_an_override_takes_precedence_over_the_file(load: Load) -> None:
    study = load(FIRST, "budget.steps = 200", "search.sampler=random", 'name="other"', "training.batch=8")
    assert (study.budget.steps, study.search.sampler, study.name) == (200, "random", "other")
    assert [condition.table["training"]["batch"] for condition in study.conditions] == [8, 8, 8]


def test_the_last_of_several_overrides_holds(load: Load) -> None:
    assert load(SMALL, "seeds=4", "seeds=5").seeds == 5


def test_an_override_addresses_a_condition_by_its_name(load: Load) -> None:
    study = load(FIRST, "conditions.wgan.training.n_critic=5", "conditions.bare.objective={kind='minimax'}")
    assert study.condition("wgan").table["training"]["n_critic"] == 5
    assert study.condition("bare").table["objective"] == {"kind": "minimax"}
    assert study.condition("ebgan") == load(FIRST).condition("ebgan")


def test_an_override_finds_a_condition_whose_name_holds_dots(load: Load) -> None:
    text = SMALL.replace('"wgan"\npreset', '"w.5"\npreset') + '[[conditions]]\nname = "w"\npreset = "wgan"'
    study = load(text, "conditions.w.5.training.batch=7")
    assert [condition.table["training"]["batch"] for condition in study.conditions] == [7, 64]


def test_an_override_may_be_a_distribution(load: Load) -> None:
    study = load(SMALL, "conditions.wgan.constraint.clip_value=search", "training.batch={choice=[8,16]}")
    assert list(study.condition("wgan").hyperparameters) == ["constraint.clip_value", "training.batch"]


def test_an_override_with_a_kind_replaces_the_table(load: Load) -> None:
    study = load(SMALL, "constraint.kind=gradient_penalty", "constraint.gp_weight=3")
    assert study.condition("wgan").setting({}).constraint == GradientPenalty(gp_weight=3.0)


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("budget.steps", "budget.steps: must be an assignment, as in budget.steps=100"),
        ("=3", "=: must be keys joined by dots, as in budget.steps=100"),
        ("budget..steps=3", "budget..steps: must be keys joined by dots, as in budget.steps=100"),
        ("budget. steps=3", "budget. steps: must be keys joined by dots, as in budget.steps=100"),
        ("budget.stpes=3", "budget.stpes: unknown key; did you mean steps?"),
        ("name.x=3", "name: must be text, but is a table"),
        (
            "kind=3",
            "kind: unknown key; the keys of a study are name, seeds, budget, search, data, evaluation, outcomes, "
            "resources, limits, checkpoint, ledger, tracking, conditions, objective, constraint, networks, training, "
            "trainer",
        ),
        (
            "conditions=3",
            "conditions: must address a condition, as in conditions.NAME.training.n_critic=5; the study has wgan",
        ),
        (
            "conditions.wgna.training.batch=3",
            "conditions.wgna.training.batch: must address a condition, as in "
            "conditions.NAME.training.n_critic=5; did you mean wgan?",
        ),
        ("conditions.wgan.training.btach=3", "conditions.wgan.training.btach: unknown key; did you mean batch?"),
        ("budget.steps=1\n2", 'budget.steps: must not hold control characters, but is "1\\n2"'),
        ("budget.steps=[1,", 'budget.steps: must be an integer, but is "[1,"'),
        ("budget.steps=", 'budget.steps: must be an integer, but is ""'),
    ],
)
def test_a_wrong_override_is_refused(load: Load, assignment: str, sentence: str) -> None:
    assert refusal(load, SMALL, assignment) == sentence


# -- smoke -------------------------------------------------------------------------------------------------------


def test_smoke_reduces_steps_trials_and_seeds(load: Load) -> None:
    study = load(FIRST, smoke=True)
    assert (study.name, study.seeds) == ("first-smoke", 2)
    assert study.budget == Budget(unit="generator_steps", steps=20)
    assert study.evaluation.measurements == 5
    assert study.search == Search(explore=2, exploit=Exploit(trials=1), confirm=Confirm(best=1, seeds=2))
    assert study.conditions == load(FIRST).conditions
    assert Study.from_table(study.table()) == study


def test_smoke_increases_nothing(load: Load) -> None:
    tiny = [
        "seeds=1",
        'budget = {unit = "generator_steps", steps=4}',
        "evaluation.measurements=3",
        "search={explore=1,exploit={trials=0},confirm={best=0,seeds=1}}",
    ]
    study = load(SMALL, *tiny)
    assert load(SMALL, *tiny, smoke=True) == replace(study, name="small-smoke")


def test_smoke_leaves_enough_iterations_for_the_evaluations(load: Load) -> None:
    study = load(FIRST, "budget={unit='critic_steps',steps=1000}", "evaluation.measurements=20", smoke=True)
    assert (study.budget.steps, study.evaluation.measurements) == (100, 5)
    assert Study.from_table(study.table()) == study


def test_smoke_shortens_a_long_name_to_a_valid_one(load: Load) -> None:
    study = load(SMALL.replace("small", "a" * 64), smoke=True)
    assert Study.from_table(study.table()).name == "a" * 58 + "-smoke"


# -- unreadable files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe\x00\x01", "must be text in UTF-8, but is not"),
        (b'name = "a\0b"', "must be text in UTF-8, but holds NUL characters"),
        (b"name = \n", "must be TOML: Invalid value (at line 1, column 8)"),
        (b'name = "a"\nname = "b"\n', "must be TOML: Cannot overwrite a value (at line 2, column 11)"),
        (b"x = " + b"[" * 5000, "must be TOML, but is nested too deeply"),
        (
            SMALL.encode() + b"training" + b".a" * 5000 + b" = 1",
            "must be TOML, but is nested too deeply",
        ),
        (b"#" * 2**21, "must be a study file of at most 1 MiB, but is larger"),
    ],
    ids=["binary", "nul", "broken", "twice", "deep", "long path", "large"],
)
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        Study.load(path)
    assert str(refused.value) == f"{path}: {sentence}"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        Study.load(tmp_path)
    assert str(refused.value) == f"{tmp_path}: must be a study file, but is a folder"


def test_a_missing_file_is_refused_with_the_most_similar_name_of_the_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.file.source.catalog", lambda: {"first-study": Path("a"), "dirac": Path("b")})
    with pytest.raises(InputError) as refused:
        Study.load("frist-study.toml")
    assert str(refused.value) == (
        "frist-study.toml: no such file, and no such study in the catalog; did you mean first-study?"
    )
    with pytest.raises(InputError) as refused:
        Study.load("/nowhere/x.toml")
    assert str(refused.value) == (
        "/nowhere/x.toml: no such file, and no such study in the catalog; the catalog has dirac, first-study"
    )


@pytest.mark.parametrize("source", ["a\0b", "a" * 5000, ""])
def test_an_impossible_path_is_refused(source: str) -> None:
    with pytest.raises(InputError):
        Study.load(source)


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert Study.load(path).name == "small"


# -- invalid values ----------------------------------------------------------------------------------------------

OBJECTIVES = ", ".join(objective.kind for objective in get_args(Objective))
DATA = ", ".join(data.kind for data in get_args(Data))
OWN = "or MODULE:CLASS, a class of your own"


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        # numbers
        ("seeds=0", "seeds: must be >= 1, but is 0"),
        ("seeds=2.0", "seeds: must be an integer, but is 2.0"),
        ("seeds=true", "seeds: must be an integer, but is true"),
        ("seeds=three", 'seeds: must be an integer, but is "three"'),
        ("seeds=[3]", "seeds: must be an integer, but is [3]"),
        ("seeds=2020-01-01", "seeds: must be an integer, but is 2020-01-01"),
        ("seeds=" + "9" * 30, "seeds: must fit into 64 bits, but is an integer beyond 64 bits"),
        ("budget.steps=0", "budget.steps: must be >= 1, but is 0"),
        ("evaluation.measurements=2", "evaluation.measurements: must be >= 3, but is 2"),
        (
            "evaluation.measurements=21",
            "evaluation.measurements: must be <= 20, the generator steps of the budget "
            "at conditions.wgan.training.n_critic = 5, but is 21",
        ),
        (
            "budget={unit='critic_steps',steps=99}",
            "evaluation.measurements: must be <= 19, the generator steps of the budget "
            "at conditions.wgan.training.n_critic = 5, but is 20",
        ),
        ("search.explore=0", "search.explore: must be >= 1, but is 0"),
        ("search.exploit.trials=-1", "search.exploit.trials: must be >= 0, but is -1"),
        ("search.confirm.seeds=0", "search.confirm.seeds: must be >= 1, but is 0"),
        ("search.confirm.best=23", "search.confirm.best: must be <= 22, explore and exploit together, but is 23"),
        (
            "search.explore=400000",
            "search.explore: must be <= 333333, since a phase has 1000000 seeds, 3 for each trial, but is 400000",
        ),
        ("search.seed=-1", "search.seed: must be >= 0, but is -1"),
        ("search.exploit.batch=0", "search.exploit.batch: must be >= 1, but is 0"),
        ("search.exploit=3", "search.exploit: must be a table, as in {trials = 6, batch = 8}, but is 3"),
        ("search.exploit_lag=2", "search.exploit_lag: unknown key; it is called search.exploit.batch now"),
        ("resources.cpu=0", "resources.cpu: must be > 0, but is 0"),
        ("resources.gpu=-0.5", "resources.gpu: must be >= 0, but is -0.5"),
        ("resources.gpu=1.5", "resources.gpu: must be a whole number if it is above 1, but is 1.5"),
        ('resources.gpu="all"', 'resources.gpu: must be one of auto, but is "all"'),
        ("resources.gpu=true", "resources.gpu: must be a number, but is true"),
        ("search.start=5", "search.start: must be a list, but is 5"),
        ("search.start=[5]", "search.start.0: must be a table, but is 5"),
        (
            "search.start=[{},{},{},{},{},{},{}]",
            "search.start: must hold <= 6 tables, the trials of exploit, but holds 7",
        ),
        ("limits.trial_retries=-1", "limits.trial_retries: must be >= 0, but is -1"),
        ("checkpoint.every_seconds=inf", "checkpoint.every_seconds: must be a finite number, but is inf"),
        ("outcomes.near=nan", "outcomes.near: must be a finite number, but is nan"),
        ("outcomes.near=1.5", "outcomes.near: must be <= 1, but is 1.5"),
        ("outcomes.near=false", "outcomes.near: must be a number, but is false"),
        ("evaluation.samples=10", "evaluation.samples: must be >= 50, but is 10"),
        (
            "evaluation.samples=1398",
            "evaluation.samples: must be <= 1397, the 1797 real samples minus data.held_out, but is 1398",
        ),
        ("evaluation.cells=998", "evaluation.cells: must be <= 997, the number of training samples, but is 998"),
        (
            "evaluation.neighbours=400",
            "evaluation.neighbours: must be < 400, the number of held-out samples, but is 400",
        ),
        ("data={kind='digits',held_out=701}", "data.held_out: must be <= 700 of the 1797 images, but is 701"),
        ("training.batch=-3", "training.batch: must be >= 1, but is -3"),
        (
            "conditions.wgan.constraint.clip_value=-0.01",
            "conditions.wgan.constraint.clip_value: must be > 0, but is -0.01",
        ),
        (
            "conditions.wgan.constraint.clip_value=nan",
            "conditions.wgan.constraint.clip_value: must be a finite number, but is nan",
        ),
        (
            "conditions.wgan.constraint.clip_value=true",
            "conditions.wgan.constraint.clip_value: must be a number, but is true",
        ),
        ("conditions.wgan.training.n_critic=1.0", "conditions.wgan.training.n_critic: must be an integer, but is 1.0"),
        (
            "training.critic_optimizer={kind='adam',betas=[0.5,1]}",
            "training.critic_optimizer.betas.1: must be < 1, but is 1",
        ),
        (
            "training.critic_optimizer={kind='adam',betas=[0.5]}",
            "training.critic_optimizer.betas: must be a list of 2 values, but is [0.5]",
        ),
        (
            "training.critic_optimizer={kind='adam',betas=0.5}",
            "training.critic_optimizer.betas: must be a list of 2 values, but is 0.5",
        ),
        # words
        ("budget.unit=epochs", 'budget.unit: must be one of critic_steps, generator_steps, but is "epochs"'),
        ("search.sampler=1", "search.sampler: must be one of tpe, gp, random, but is 1"),
        (
            "training.update_order=backwards",
            'training.update_order: must be one of critic_first, alternating, simultaneous, but is "backwards"',
        ),
        ("ledger.root=", 'ledger.root: must not be empty, but is ""'),
        ("ledger.root=3", "ledger.root: must be text, but is 3"),
        ('ledger.root="a\\u0000b"', 'ledger.root: must not hold control characters, but is "a\\u0000b"'),
        # names
        ("name=3", "name: must be text, but is 3"),
        (
            "name=a/b",
            "name: must be 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit, but is \"a/b\"",
        ),
        (
            "name=..",
            "name: must be 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit, but is \"..\"",
        ),
        ("name=", "name: must be 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit, but is \"\""),
        (
            "name=" + "a" * 65,
            "name: must be 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit, "
            'but is "' + "a" * 56 + "...",
        ),
        ('name="a\\u0000"', 'name: must not hold control characters, but is "a\\u0000"'),
        ('name="a\\n"', 'name: must not hold control characters, but is "a\\n"'),
        (
            "name=größe",
            "name: must be 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit, but is \"größe\"",
        ),
        # keys
        ("sedes=3", "sedes: unknown key; did you mean seeds?"),
        ("search.confirm.foo=3", "search.confirm.foo: unknown key; known keys are best, seeds, most, authors, path"),
        ("data={kind='digits',path='x'}", "data.path: unknown key; the keys of digits are kind, held_out"),
        (
            "training.foo=3",
            "training.foo: unknown key; known keys are batch, critic_optimizer, dtype, generator_average, "
            "generator_optimizer, n_critic, pretrain_steps, update_order, warmup_every, warmup_n_critic, warmup_steps",
        ),
        (
            "training.critic_optimizer.momentum=0.5",
            "training.critic_optimizer.momentum: unknown key; the keys of rmsprop are kind, lr, alpha, eps, schedule",
        ),
        (
            "networks.critic.code=3",
            "networks.critic.code: unknown key; the keys of mlp are kind, width, depth, form, output",
        ),
        (
            "conditions.wgan.clip_value=3",
            "conditions.wgan.clip_value: unknown key; the keys of a condition are name, preset, "
            "objective, constraint, networks, training, trainer, map, authors, replicate",
        ),
        (
            "conditions.wgan.objective.margin=3",
            "conditions.wgan.objective.margin: unknown key; the keys of wasserstein are kind",
        ),
        # kinds
        (
            "conditions.wgan.preset=wgn-gp",
            f'conditions.wgan.preset: must be one of {", ".join(PRESETS)}, but is "wgn-gp"; did you mean wgan-gp?',
        ),
        ("conditions.wgan.preset=3", "conditions.wgan.preset: must be text, but is 3"),
        (
            "conditions.wgan.objective={kind='wassertein'}",
            "conditions.wgan.objective.kind: must be one of "
            f'{OBJECTIVES}, {OWN}, but is "wassertein"; did you mean wasserstein?',
        ),
        (
            "conditions.wgan.objective={kind=3}",
            f"conditions.wgan.objective.kind: must be one of {OBJECTIVES}, {OWN}, but is 3",
        ),
        ("data={held_out=300}", f"data.kind: must be given, one of {DATA}, {OWN}"),
        ("data.kind=cifar", f'data.kind: must be one of {DATA}, {OWN}, but is "cifar"'),
        (
            "conditions.wgan.objective={kind={choice=['minimax','wasserstein']}}",
            "conditions.wgan.objective.kind: cannot be searched; compare kinds as conditions",
        ),
        (
            "training.critic_optimizer.kind=search",
            "training.critic_optimizer.kind: cannot be searched; compare kinds as conditions",
        ),
        # tables and values
        ("budget=3", "budget: must be a table, but is 3"),
        ("seeds={a=1}", "seeds: must be an integer, but is a table"),
        ("objective=wasserstein", 'objective: must be a table, but is "wasserstein"'),
        ("conditions.wgan.constraint=none", 'conditions.wgan.constraint: must be a table, but is "none"'),
        ("conditions.wgan.networks.critic=3", "conditions.wgan.networks.critic: must be a table, but is 3"),
        (
            "conditions.wgan.constraint.clip_value={lr=3}",
            "conditions.wgan.constraint.clip_value: must be a number, but is a table with lr, which is none of "
            "uniform, log_uniform, int_uniform, int_log_uniform, choice, grid",
        ),
        (
            "conditions.wgan.constraint.clip_value={loguniform=[0.1,1]}",
            "conditions.wgan.constraint.clip_value: must be a number, but is a table with loguniform; write "
            "{log_uniform = [low, high]}",
        ),
        (
            "training.critic_optimizer={kind='adam',betas=[{unifrm=[0,0.9]},0.9]}",
            "training.critic_optimizer.betas.0: must be a number, but is a table with unifrm, which is none of "
            "uniform, log_uniform, int_uniform, int_log_uniform, choice, grid; did you mean uniform?",
        ),
        ("budget.steps={loguniform=[1,2]}", "budget.steps: must be an integer, but is a table"),
        # distributions
        (
            "budget.steps={choice=[1,2]}",
            "budget.steps: cannot be searched: only objective, "
            "constraint, networks, training, trainer may hold distributions",
        ),
        (
            "data={choice=['digits','dirac']}",
            "data: cannot be searched: only objective, constraint, networks, training, trainer may hold distributions",
        ),
        (
            "conditions.wgan.preset={choice=['wgan']}",
            "conditions.wgan.preset: cannot be searched: only objective, "
            "constraint, networks, training, trainer may hold distributions",
        ),
        ("seeds=search", 'seeds: must be an integer, but is "search"'),
        (
            "conditions.wgan.constraint.clip_value={uniform=[-1,1]}",
            "conditions.wgan.constraint.clip_value: must be > 0, but uniform = [-1.0, 1.0] gives -1.0",
        ),
        (
            "training.n_critic={uniform=[1,5]}",
            "training.n_critic: must be an integer, but uniform = [1.0, 5.0] gives 1.0",
        ),
        ("training.n_critic={choice=[1,5,0]}", "training.n_critic: must be >= 1, but choice = [1, 5, 0] gives 0"),
        (
            "training.critic_optimizer={choice=['adam','sgd']}",
            'training.critic_optimizer: must be a table, but choice = ["adam", "sgd"] gives "adam"',
        ),
        (
            "conditions.wgan.objective.margin={uniform=[1,2]}",
            "conditions.wgan.objective.margin: unknown key; the keys of wasserstein are kind",
        ),
        (
            "training.batch={choice=[1],grid=[2]}",
            "training.batch: must hold one distribution, but holds choice and grid",
        ),
        (
            "conditions.wgan.constraint.clip_value={log_uniform=[0,1]}",
            "conditions.wgan.constraint.clip_value.log_uniform: must start above 0, but is [0, 1]",
        ),
        (
            "training.batch=search",
            'training.batch: "search" needs a preset with a range for this key, but there is none; '
            "write the range, as in {log_uniform = [0.001, 1.0]}",
        ),
        (
            "conditions.wgan.constraint.clip_vlue=search",
            'conditions.wgan.constraint.clip_vlue: "search" needs a preset with a range for this key, but '
            "there is none; did you mean constraint.clip_value?",
        ),
        (
            "evaluation.distance=sliced_waserstein",
            "evaluation.distance: must be default or the name of a metric: "
            f"{', '.join(metric.name for metric in SAMPLE_METRICS)}, but is sliced_waserstein; "
            "did you mean sliced_wasserstein?",
        ),
        # what does not go together
        (
            "conditions.wgan.networks.critic={kind='autoencoder'}",
            "conditions.wgan.networks.critic: autoencoder outputs "
            'energies, but objective wasserstein needs scores; use kind = "mlp" with form = "score"',
        ),
        (
            "conditions.wgan.objective={kind='energy_margin'}",
            "conditions.wgan.networks.critic: mlp outputs scores, but "
            'objective energy_margin needs energies; use kind = "autoencoder", or "mlp" with form = "energy"',
        ),
        (
            "data.kind=dirac",
            'conditions.wgan.networks: must be {kind = "dirac"} on data.kind = "dirac", but kind is "pair"',
        ),
        (
            "networks.generator={kind='segment'}",
            'conditions.wgan.networks.generator: kind "segment" must be used on data.kind = "segments" alone, '
            'but data.kind is "digits"',
        ),
        (
            "networks={generator={kind='conv'},critic={kind='conv',normalisation='batch'}}",
            'networks.critic.normalisation: must be one of none, group, layer, but is "batch"',
        ),
        (
            "networks.critic={kind='conv',base=0}",
            "networks.critic.base: must be >= 1, but is 0",
        ),
        (
            "conditions.wgan.networks.critic={kind='conv_autoencoder'}",
            "conditions.wgan.networks.critic: conv_autoencoder outputs "
            'energies, but objective wasserstein needs scores; use kind = "conv" with form = "score"',
        ),
        ("data={kind='ring',modes=1}", "data.modes: must be >= 2, but is 1"),
        (
            "data={kind='grid',train=100,held_out=60}",
            "evaluation.samples: must be <= 160, the 220 real samples minus data.held_out, but is 800",
        ),
        (
            "networks.kind=dirac",
            'conditions.wgan.networks: kind "dirac" must be used on data.kind = "dirac" alone, '
            'but data.kind is "digits"',
        ),
        (
            "conditions.wgan.objective={kind='least_squares',real_target=0}",
            "conditions.wgan.objective.real_target: must differ from fake_target, but both are 0.0",
        ),
    ],
)
def test_an_invalid_value_is_refused_in_one_sentence_with_its_path(load: Load, assignment: str, sentence: str) -> None:
    assert refusal(load, SMALL, assignment) == sentence


CONVOLUTIONAL = """
name = "convolutional"
budget.steps = 100
data.kind = "digits"
networks = {generator = {kind = "conv", base = 16}, critic = {kind = "conv", base = {choice = [16, 32]}}}

[[conditions]]
name = "wgan-gp"
preset = "wgan-gp"

[[conditions]]
name = "ebgan"
preset = "ebgan"
networks.critic = {kind = "conv_autoencoder", base = 16, normalisation = "group"}
"""


def test_convolutional_networks_are_used_on_images(load: Load) -> None:
    wgan_gp, ebgan = load(CONVOLUTIONAL).conditions
    bases = {wgan_gp.setting({"networks.critic.base": base}).networks for base in (16, 32)}
    expected = [NetworkPair(generator=ConvGenerator(base=16), critic=ConvCritic(base=base)) for base in (16, 32)]
    assert bases == set(expected)
    assert ebgan.setting({}).networks.critic == ConvAutoencoderCritic(base=16, normalisation="group")


@pytest.mark.parametrize("role", ["generator", "critic"])
def test_convolutional_networks_are_refused_on_points(load: Load, role: str) -> None:
    assignment = f"networks.{role}={{kind='conv',base=16}}"
    assert refusal(load, SMALL + '\n[data]\nkind = "ring"\n', assignment) == (
        f'conditions.wgan.networks.{role}: kind "conv" must be used on images, '
        'but a sample of data.kind = "ring" has the shape [2]'
    )


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("measures.samples=100", "measures: unknown key; it is called evaluation now"),
        ("stability={near=0.5}", "stability: unknown key; it is called outcomes now"),
        ("data={kind='digits',reference=300}", "data.reference: unknown key; it is called data.held_out now"),
        ("data={kind='ring',reference=300}", "data.reference: unknown key; it is called data.held_out now"),
        ("budget.measurements=20", "budget.measurements: unknown key; it is called evaluation.measurements now"),
    ],
)
def test_a_renamed_key_is_refused_with_its_new_name(load: Load, assignment: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        load(SMALL, assignment)
    assert str(refused.value) == sentence
    assert refused.value.exit_code == 2


def test_a_former_name_is_recognised_at_its_own_path_alone(load: Load) -> None:
    assert refusal(load, SMALL, "search.measures=3").startswith("search.measures: unknown key; known keys are ")
    assert (
        refusal(load, SMALL, "data={kind='dirac',reference=3}")
        == "data.reference: unknown key; the keys of dirac are kind"
    )
    assert FORMER_NAMES.keys().isdisjoint(field_types(Study)), "a former name must not hide a present key"


@pytest.mark.parametrize(
    "text",
    [
        "[measures]\nsamples = 100",
        *(
            pytest.param(text, marks=pytest.mark.soak)
            for text in ("[stability]\nnear = 0.5", "[data]\nreference = 300")
        ),
    ],
)
def test_the_command_refuses_a_renamed_key_with_exit_code_2(tmp_path: Path, text: str) -> None:
    file = tmp_path / "study.toml"
    file.write_text(
        SMALL.replace("[[conditions]]", f"{text}\n[[conditions]]").replace("[data]", '[data]\nkind = "digits"')
    )
    validated = gan_study("validate", file, folder=tmp_path)
    assert validated.returncode == 2
    assert "unknown key; it is called " in validated.stderr
    assert "Traceback" not in validated.stderr


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        (
            "{constraint.clip=0.1}",
            "search.start.0.constraint.clip: must be a searched hyperparameter: constraint.clip_value, ",
        ),
        (
            "{},{constraint.clip_value=0.02}",
            "search.start.1.constraint.clip_value: must lie within grid [0.01, 0.1], but is 0.02",
        ),
        (
            "{training.n_critic=true}",
            "search.start.0.training.n_critic: must lie within choice [1, 5], but is true",
        ),
        (
            "{objective.margin={uniform=[1,2]}}",
            "search.start.0.objective.margin.uniform: must be a searched hyperparameter: ",
        ),
    ],
)
def test_exploit_starts_with_values_in_the_range_of_a_searched_hyperparameter(
    load: Load, start: str, sentence: str
) -> None:
    assert refusal(load, FIRST, f"search.start=[{start}]").startswith(sentence)


def test_smoke_keeps_the_first_start_of_exploit(load: Load) -> None:
    study = load(FIRST, "search.start=[{training.n_critic=5},{training.n_critic=1}]", smoke=True)
    assert study.search.start == ({"training": {"n_critic": 5}},)
    assert Study.from_table(study.table()) == study


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "name: must be given\nbudget: must be given\nconditions: must be given"),
        ('name = "a"', "budget: must be given\nconditions: must be given"),
        ('name = "a"\nbudget = {}', "budget.steps: must be given\nconditions: must be given"),
        (SMALL.replace("budget.steps = 100", "budget = {}"), "budget.steps: must be given"),
        (
            SMALL.replace("[[conditions]]", "[conditions]"),
            "conditions: must be tables, each under [[conditions]], but is a table",
        ),
        ('name = "a"\nbudget.steps = 9\nconditions = []', "conditions: must hold at least one condition"),
        (
            'name = "a"\nbudget.steps = 9\nconditions = ["wgan"]',
            'conditions: must be tables, each under [[conditions]], but is ["wgan"]',
        ),
        (SMALL + '[[conditions]]\npreset = "wgan"', "conditions: condition 2 must have a name"),
        (SMALL + "[[conditions]]\nname = 3", "conditions.name: must be text, but is 3"),
        (
            SMALL + '[[conditions]]\nname = "-a"',
            "conditions.name: must be 1 to 64 letters, digits, '.', '_' or '-', "
            'the first a letter or digit, but is "-a"',
        ),
        (
            SMALL + '[[conditions]]\nname = "a\\u0007"',
            'conditions.name: must not hold control characters, but is "a\\u0007"',
        ),
        (SMALL + '[[conditions]]\nname = "wgan"', "conditions.wgan: must be a unique name, but 2 conditions have it"),
        (SMALL + '[[conditions]]\nname = "a"', "conditions.a.objective: must be given here or by a preset"),
        (
            SMALL + '[[conditions]]\nname = "a"\nobjective.margin = 3',
            f"conditions.a.objective.kind: must be given, one of {OBJECTIVES}, {OWN}",
        ),
        (
            SMALL + '[[conditions]]\nname = "a"\nobjective.kind = "minimax"\ntraining.n_critic = "search"',
            'conditions.a.training.n_critic: "search" needs a preset with a range for this key, but there is none; '
            "write the range, as in {log_uniform = [0.001, 1.0]}",
        ),
        (
            DIRAC + "networks.theta = 0.0\nnetworks.psi = 0",
            "conditions.gan.networks.theta: must differ from 0 if psi is 0, since (0, 0) is the equilibrium, but is 0",
        ),
        (
            DIRAC.replace("minimax", "energy_margin"),
            "conditions.gan.networks.critic: dirac outputs scores, but objective "
            "energy_margin needs energies; choose an objective that needs scores",
        ),
        (
            SMALL + '"a\\u0000" = 3',
            'conditions.wgan."a\\u0000": unknown key; the keys of a condition are name, preset, objective, '
            "constraint, networks, training, trainer, map, authors, replicate",
        ),
    ],
)
def test_a_file_that_is_not_a_study_is_refused_with_the_path_of_each_fault(
    load: Load, text: str, sentence: str
) -> None:
    assert refusal(load, text) == sentence


def test_a_shared_table_is_checked_even_if_every_condition_replaces_it(load: Load) -> None:
    text = SMALL + 'constraint = {kind = "none"}'
    assert refusal(load, text, "constraint.clip_valeu=1") == (
        "constraint.clip_valeu: unknown key; did you mean clip_value?"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("search"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "uniform", "choice", "grid", "lr", "critic", "x\0.y"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
TABLE = {
    "name": "small",
    "budget": {"steps": 100},
    "objective": {"kind": "wasserstein"},
    "training": {"critic_optimizer": {"kind": "adam"}},
    "conditions": [{"name": "a"}],
}


@given(
    st.sampled_from(
        [
            "name",
            "seeds",
            "budget",
            "search",
            "data",
            "objective",
            "networks",
            "training",
            "conditions",
            "lr",
            "networks of a condition",
        ]
    ),
    JSON,
)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=100)
def test_any_value_at_any_key_gives_a_study_or_a_sentence_for_each_fault(key: str, value: object) -> None:
    table = json.loads(json.dumps(TABLE))
    if key == "lr":
        table["training"]["critic_optimizer"]["lr"] = value
    elif key == "networks of a condition":
        table["conditions"][0]["networks"] = value
    else:
        table[key] = value
    sentence = None
    try:
        study = Study.from_table(table)
    except InputError as refused:
        sentence = str(refused)
    if sentence is None:
        assert Study.from_table(study.table()) == study
    else:
        assert all(": " in line for line in sentence.splitlines())


def test_input_errors_and_failed_studies_share_the_base_class() -> None:
    assert InputError.__bases__ == StudyFailed.__bases__ == (GanStudyError,)
