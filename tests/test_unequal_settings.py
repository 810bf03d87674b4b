"""Settings in which conditions differ although the study compares objectives, and the sentences about them."""

from dataclasses import replace
from pathlib import Path

from studies.file.study import Study
from studies.file.unequal_settings import UnequalSearch, unequal_search, unequal_settings
from studies.reporting.text.sentences import sentences
from studies.reporting.text.unequal_conditions import UnequalConditions, unequal_conditions

HEAD = """
name = "uneven"
budget.steps = 100
networks.generator = {kind = "mlp", width = 8, depth = 1, latent = 2}
networks.critic = {kind = "mlp", width = 8, depth = 1}

[training]
n_critic = 1
critic_optimizer = {kind = "adam", lr = 1e-3}
generator_optimizer = {kind = "adam", lr = 1e-3}
"""


def load(folder: Path, *conditions: str, head: str = HEAD) -> Study:
    file = folder / "study.toml"
    file.write_text(head + "".join(f"\n[[conditions]]\n{condition}\n" for condition in conditions))
    return Study.load(file)


def found(study: Study) -> dict[str, dict[str, list[str]]]:
    return {setting.path: dict(setting.by_value) for setting in unequal_settings(study)}


GAN, WGAN = 'name = "gan"\npreset = "gan"', 'name = "wgan"\npreset = "wgan"'


def test_equal_networks_and_training_are_not_named(tmp_path: Path) -> None:
    assert found(load(tmp_path, GAN, WGAN)) == {}


def test_a_number_that_differs_is_named_with_its_conditions(tmp_path: Path) -> None:
    head = f'budget.unit = "generator_steps"{HEAD}'
    study = load(tmp_path, GAN, f"{WGAN}\ntraining.n_critic = 5", 'name = "lsgan"\npreset = "lsgan"', head=head)
    assert found(study) == {"training.n_critic": {"1": ["gan", "lsgan"], "5": ["wgan"]}}
    values = (("1", ("gan", "lsgan")), ("5", ("wgan",)))
    stated = UnequalConditions(path="training.n_critic", values=values, is_critic_work=True)
    assert list(unequal_conditions(study)) == [stated]


def test_under_a_budget_of_critic_steps_nothing_more_is_advised(tmp_path: Path) -> None:
    study = load(tmp_path, GAN, f"{WGAN}\ntraining.n_critic = 5")
    (stated,) = unequal_conditions(study)
    assert isinstance(stated, UnequalConditions)
    assert not stated.is_critic_work


def test_a_hyperparameter_that_one_condition_searches_and_another_does_not_is_named(tmp_path: Path) -> None:
    searched = "training.critic_optimizer.lr = {log_uniform = [1e-4, 1e-2]}"
    study = load(tmp_path, GAN, f"{WGAN}\n{searched}")
    assert found(study) == {
        "training.critic_optimizer.lr": {"0.001": ["gan"], "drawn from {log_uniform = [0.0001, 0.01]}": ["wgan"]}
    }
    assert found(load(tmp_path, f"{GAN}\n{searched}", f"{WGAN}\n{searched}")) == {}
    other = searched.replace("1e-4", "1e-5")
    assert list(found(load(tmp_path, f"{GAN}\n{searched}", f"{WGAN}\n{other}"))) == ["training.critic_optimizer.lr"]


def test_of_tables_of_different_kinds_the_kind_alone_is_named(tmp_path: Path) -> None:
    rmsprop = 'training.critic_optimizer = {kind = "rmsprop", lr = 2e-3}'
    assert found(load(tmp_path, GAN, f"{WGAN}\n{rmsprop}")) == {
        "training.critic_optimizer.kind": {"adam": ["gan"], "rmsprop": ["wgan"]}
    }


def test_numbers_of_a_schedule_are_compared_where_its_kind_is_the_same(tmp_path: Path) -> None:
    schedule = 'training.critic_optimizer.schedule = {{kind = "cosine", steps = {}, final = 0.1}}'
    study = load(tmp_path, f"{GAN}\n{schedule.format(10)}", f"{WGAN}\n{schedule.format(20)}")
    assert list(found(study)) == ["training.critic_optimizer.schedule.steps"]


def test_a_critic_whose_output_must_be_an_energy_may_be_an_autoencoder(tmp_path: Path) -> None:
    autoencoder = 'networks.critic = {kind = "autoencoder", width = 8, depth = 1, code = 2}'
    assert found(load(tmp_path, GAN, f'name = "ebgan"\npreset = "ebgan"\n{autoencoder}')) == {}
    wider = autoencoder.replace("width = 8", "width = 16")
    assert found(load(tmp_path, GAN, f'name = "ebgan"\npreset = "ebgan"\n{wider}')) == {}


def test_critics_of_two_other_kinds_are_named(tmp_path: Path) -> None:
    study = load(tmp_path, GAN, WGAN)
    gan, wgan = study.conditions
    table = {**wgan.table, "networks": {**wgan.table["networks"], "critic": {"kind": "conv"}}}
    changed = replace(study, conditions=(gan, replace(wgan, table=table)))
    assert found(changed) == {"networks.critic.kind": {"mlp": ["gan"], "conv": ["wgan"]}}


def test_a_setting_that_is_crossed_with_the_objectives_is_not_named(tmp_path: Path) -> None:
    many = "training.n_critic = 5"
    again = (GAN.replace('"gan"', '"gan-5"', 1), WGAN.replace('"wgan"', '"wgan-5"', 1))
    study = load(tmp_path, GAN, WGAN, *(f"{condition}\n{many}" for condition in again))
    assert found(study) == {}
    assert list(found(load(tmp_path, GAN, WGAN, f"{again[0]}\n{many}"))) == ["training.n_critic"]


def test_a_study_of_one_objective_compares_what_differs(tmp_path: Path) -> None:
    study = load(tmp_path, GAN, 'name = "more"\npreset = "gan"\ntraining.n_critic = 5')
    assert found(study) == {}


def test_conditions_that_search_nothing_of_their_own_beside_one_that_does_are_named(tmp_path: Path) -> None:
    lp = 'name = "wgan-lp"\npreset = "wgan-lp"'
    study = load(tmp_path, GAN, f'{WGAN}\nconstraint.clip_value = "search"', lp)
    assert unequal_search(study) == UnequalSearch(
        searched={"wgan": ["constraint.clip_value"]}, fixed={"wgan-lp": ["constraint.gp_weight"]}
    )
    assert list(sentences(unequal_conditions(study))) == [
        "constraint.gp_weight of wgan-lp is not searched, but constraint.clip_value of wgan is, so a difference in the "
        "results may be due to the search."
    ]


def test_a_penalty_without_a_preset_could_be_searched_as_that_of_another_condition(tmp_path: Path) -> None:
    plain = 'name = "plain"\nobjective.kind = "wasserstein"\nconstraint = {kind = "gradient_penalty", gp_weight = 1.0}'
    searched = 'name = "wgan-gp"\npreset = "wgan-gp"\nconstraint.gp_weight = "search"'
    found = unequal_search(load(tmp_path, plain, searched))
    assert found is not None
    assert found.fixed == {"plain": ["constraint.gp_weight"]}


def test_conditions_that_all_search_or_have_nothing_to_search_are_searched_alike(tmp_path: Path) -> None:
    gp = 'name = "wgan-gp"\npreset = "wgan-gp"'
    assert unequal_search(load(tmp_path, GAN, gp)) is None
    assert unequal_search(load(tmp_path, GAN, f'{gp}\nconstraint.gp_weight = "search"')) is None
