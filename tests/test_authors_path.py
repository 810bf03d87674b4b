"""Settings between the authors' setting and another one: what changes, in which groups, and what each change leaves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from studies.errors import InputError
from studies.file.authors_path import AuthorsPath, possible_changes
from studies.file.condition import Condition
from studies.file.study import Study

HEAD = """
name = "paths"
budget = {unit = "generator_steps", steps = 100}
search = {explore = 8, exploit = {trials = 0}, confirm = {best = 1, seeds = 4, authors = true, path = true}}
training.batch = 16
"""
WGAN = """
[[conditions]]
name = "wgan"
preset = "wgan"
constraint.clip_value = "search"
training.n_critic = {choice = [1, 2]}
training.critic_optimizer = {kind = "adam", lr = {log_uniform = [1e-4, 1e-2]}, eps = {log_uniform = [1e-9, 1e-7]}}
training.generator_optimizer = {kind = "adam", lr = 1e-3}
"""
CLIP, N_CRITIC = "constraint.clip_value", "training.n_critic"
LR, EPS = "training.critic_optimizer.lr", "training.critic_optimizer.eps"
FOUND = {CLIP: 0.05, N_CRITIC: 2, LR: 1e-3, EPS: 1e-8}
Load = Callable[..., Study]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(*overrides: str, text: str = HEAD + WGAN) -> Study:
        file = tmp_path / "paths.toml"
        file.write_text(text)
        return Study.load(file, overrides=overrides)

    return loaded


@pytest.fixture
def wgan(load: Load) -> Condition:
    return load().condition("wgan")


def test_each_hyperparameter_with_an_authors_value_is_a_change(load: Load, wgan: Condition) -> None:
    assert possible_changes(wgan) == [(CLIP,), (EPS,), (LR,), (N_CRITIC,)]
    sgd = '{kind = "sgd", lr = {log_uniform = [1e-4, 1e-2]}, momentum = {uniform = [0, 0.9]}}'
    adam = '{kind = "adam", lr = {log_uniform = [1e-4, 1e-2]}, eps = {log_uniform = [1e-9, 1e-7]}}'
    without_eps = load(text=HEAD + WGAN.replace(adam, sgd)).condition("wgan")
    assert "training.critic_optimizer.momentum" in without_eps.hyperparameters
    assert possible_changes(without_eps) == [(CLIP,), (LR,), (N_CRITIC,)], "the authors' RMSProp has no momentum"


def test_the_first_setting_has_the_authors_values_and_the_rest_of_the_study(wgan: Condition) -> None:
    path = AuthorsPath(wgan, FOUND)
    first = path.configuration(())
    assert first == wgan.authors_configuration()
    assert (first[CLIP], first[N_CRITIC]) == (0.01, 5)
    differences = path.first_differences()
    assert differences["training.critic_optimizer.kind"] == ("rmsprop", "adam")
    assert differences["training.generator_optimizer.lr"] == (5e-5, 1e-3)
    assert not differences.keys() & {CLIP, N_CRITIC, LR, EPS}
    assert wgan.setting(first).training.critic_optimizer.lr == 5e-5


def test_after_all_changes_the_setting_is_the_one_found(wgan: Condition) -> None:
    path = AuthorsPath(wgan, FOUND)
    assert path.configuration(possible_changes(wgan)) == FOUND
    assert path.configuration([(LR,)]) == {**path.configuration(()), LR: 1e-3}


def test_a_change_to_an_equal_value_has_no_values(wgan: Condition) -> None:
    path = AuthorsPath(wgan, {**FOUND, CLIP: 0.01})
    assert path.values((CLIP,)) == {}
    assert path.values((N_CRITIC,)) == {N_CRITIC: (5, 2)}


def test_a_study_that_agrees_with_the_authors_has_no_first_change(load: Load) -> None:
    text = HEAD + '[[conditions]]\nname = "wgan"\npreset = "wgan"\nconstraint.clip_value = "search"\n'
    assert AuthorsPath(load(text=text).condition("wgan"), {CLIP: 0.1}).first_differences() == {}


def test_a_hyperparameter_without_an_authors_value_has_the_found_one_from_the_start(load: Load) -> None:
    text = HEAD + WGAN.replace('preset = "wgan"', 'preset = "gan"').replace(
        'constraint.clip_value = "search"',
        'constraint = {kind = "weight_clipping", clip_value = {uniform = [0.01, 1]}}',
    )
    wgan = load(text=text).condition("wgan")
    path = AuthorsPath(wgan, FOUND)
    assert (CLIP,) not in possible_changes(wgan)
    assert path.configuration(())[CLIP] == 0.05
    assert path.first_differences()["constraint.clip_value"] == (None, 0.05)


CONDITIONAL = WGAN.replace(
    'constraint.clip_value = "search"',
    'constraint.clip_value = {log_uniform = [1e-3, 1.0], when = {"training.n_critic" = 2}, otherwise = 0.5}',
)


def test_a_conditional_hyperparameter_changes_with_what_it_depends_on(load: Load) -> None:
    wgan = load(text=HEAD + CONDITIONAL).condition("wgan")
    assert possible_changes(wgan) == [(CLIP, N_CRITIC), (EPS,), (LR,)]
    path = AuthorsPath(wgan, FOUND)
    first = path.configuration(())
    assert first == {N_CRITIC: 5, LR: 5e-5, EPS: wgan.authors_configuration()[EPS]}, "not searched at n_critic = 5"
    assert path.first_differences()["constraint.clip_value"] == (0.01, 0.5)
    assert path.values((CLIP, N_CRITIC)) == {CLIP: (0.5, 0.05), N_CRITIC: (5, 2)}
    assert path.configuration([(CLIP, N_CRITIC)]) == {**first, CLIP: 0.05, N_CRITIC: 2}
    without = {key: value for key, value in FOUND.items() if key != CLIP} | {N_CRITIC: 1}
    assert AuthorsPath(wgan, without).configuration(possible_changes(wgan)) == without


# --- bad input


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["search.confirm.authors=false"],
            "search.confirm.path: must be false where authors is false, since a path starts at the authors' setting",
        ),
        (
            ["search.confirm.best=0"],
            "search.confirm.path: must be false where best is 0, since a path ends at the best configuration",
        ),
    ],
)
def test_a_path_needs_both_of_its_ends(load: Load, overrides: list[str], message: str) -> None:
    with pytest.raises(InputError) as refused:
        load(*overrides)
    assert str(refused.value) == message


def test_a_path_needs_an_authors_setting(load: Load) -> None:
    text = HEAD + '[[conditions]]\nname = "own"\nobjective.kind = "minimax"\ntraining.n_critic = {choice = [1, 2]}\n'
    with pytest.raises(InputError) as refused:
        load(text=text)
    assert str(refused.value) == (
        "search.confirm.path: must be false, since no condition has an authors' setting and searches a hyperparameter "
        "of it"
    )


def test_a_setting_between_that_the_budget_cannot_train_is_refused(load: Load) -> None:
    """Pre-training of the study and n_critic of the authors fit the budget each by itself, not together."""
    text = HEAD + (
        '[[conditions]]\nname = "ebgan"\npreset = "ebgan"\nauthors.training.n_critic = 5\n'
        "training.n_critic = {choice = [1, 2]}\ntraining.pretrain_steps = 8\n"
    )
    with pytest.raises(InputError) as refused:
        load("budget={unit='critic_steps',steps=16}", "evaluation.measurements=3", text=text)
    assert str(refused.value) == (
        "search.confirm.path: must be false, since a setting between the authors' and one that is searched is invalid: "
        "evaluation.measurements: must be <= 1, the generator steps of the budget at "
        "conditions.ebgan.training.n_critic = 5, but is 3"
    )


def test_a_study_with_a_path_is_read_back_from_its_table(load: Load) -> None:
    study = load()
    assert Study.from_table(study.table()) == study
