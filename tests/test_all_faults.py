"""All faults of a study file in one message: a line for each, in the order of the file, without consequences."""

import pickle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import gan_study

from studies.errors import InputError
from studies.file.refusal import MOST_LINES, Faults, Refusal, Refusals
from studies.file.study import Study

FAULTY = """
colour = "red"
seeds = 0
budget.steps = 10
data = {kind = "ring", train = 3}
limits = {trial_seconds = -1, trial_second = 2}

[search]
explore = 4
confirm = {best = -1, seeds = "many"}

[training]
batch = 0
n_critics = 2
critic_optimizer = {kind = "adam", lr = {log_uniform = [0, 1]}, betas = [0.5, {uniform = [0.9, 0.1]}]}

[[conditions]]
name = "wgan"
preset = "wgan"
constraint.clip_value = {uniform = [-1, 1]}
networks.critic.width = -4

[[conditions]]
name = "gan"
preset = "gan"
objectives = 1
networks.generator = {kind = "mlp", depth = 0, latent = 2.5}
training.generator_optimizer = {kind = "adam", lr = {choice = []}}

[[conditions]]
name = "other"
preset = "wagn"
training.batch = -3
"""
LINES = [
    "colour: unknown key; the keys of a study are name, seeds, budget, search, data, evaluation, outcomes, resources, "
    "limits, checkpoint, ledger, tracking, conditions, objective, constraint, networks, training, trainer",
    "seeds: must be >= 1, but is 0",
    "data.train: must be >= 50, but is 3",
    "limits.trial_seconds: must be > 0, but is -1",
    "limits.trial_second: unknown key; did you mean trial_seconds?",
    "search.confirm.best: must be >= 0, but is -1",
    'search.confirm.seeds: must be an integer, but is "many"',
    "training.batch: must be >= 1, but is 0",
    "training.n_critics: unknown key; did you mean n_critic?",
    "training.critic_optimizer.lr.log_uniform: must start above 0, but is [0, 1]",
    "training.critic_optimizer.betas.1.uniform: must go from low to high, but is [0.9, 0.1]",
    "conditions.wgan.constraint.clip_value: must be > 0, but uniform = [-1.0, 1.0] gives -1.0",
    "conditions.wgan.networks.critic.width: must be >= 1, but is -4",
    "conditions.gan.objectives: unknown key; did you mean objective?",
    "conditions.gan.networks.generator.depth: must be >= 1, but is 0",
    "conditions.gan.networks.generator.latent: must be an integer, but is 2.5",
    "conditions.gan.training.generator_optimizer.lr.choice: must be a list of at least one value, but is []",
    "conditions.other.preset: must be one of gan, nsgan, lsgan, wgan, wgan-gp, wgan-lp, wgan-gp-real, wgan-sn, sngan, "
    'dragan, gan-r1, r3gan, ebgan, ebgan-pt, began, loss-sensitive, gls-gan, but is "wagn"; did you mean wgan?',
    "name: must be given",
]


def refusal(folder: Path, text: str) -> str:
    path = folder / "study.toml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        Study.load(path)
    return str(refused.value)


def test_every_fault_of_a_file_is_listed_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert refusal(tmp_path, FAULTY).splitlines() == LINES


def test_the_command_prints_a_line_for_each_fault_and_exits_2(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(FAULTY)
    done = gan_study("validate", "study.toml", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [f"gan-study: {line}" for line in LINES]


def test_many_faults_are_cut_and_counted(tmp_path: Path) -> None:
    conditions = "".join(
        f'[[conditions]]\nname = "c{number}"\npreset = "gan"\ntraining.batch = 0\n' for number in range(MOST_LINES + 3)
    )
    lines = refusal(tmp_path, f'name = "many"\nbudget.steps = 5\n{conditions}').splitlines()
    assert lines[0] == "conditions.c0.training.batch: must be >= 1, but is 0"
    assert lines[MOST_LINES:] == ["and 3 more faults"]


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        # what a wrong part would decide is not said to be wrong
        ("training = 3", "training: must be a table, but is 3"),
        ("budget = {steps = 0}", "budget.steps: must be >= 1, but is 0"),
        ('data = {kind = "rings"}', None),
        ('search = {explore = -1, start = [{"training.batch" = 3}]}', "search.explore: must be >= 1, but is -1"),
        ("[networks]\ngenerator = 3", "networks.generator: must be a table, but is 3"),
        (
            '[training]\nn_critic = {choice = [], when = {"training.batch" = 3}, otherwise = 1}',
            "training.n_critic.choice: must be a list of at least one value, but is []",
        ),
        (
            '[training]\nbatch = {uniform = [1, 2], when = {"training.n_critic" = 3}, otherwise = 1}',
            "training.batch.when.training.n_critic: must be a searched hyperparameter of the condition: training.batch",
        ),
    ],
)
def test_a_fault_is_listed_without_its_consequences(tmp_path: Path, fault: str, line: str | None) -> None:
    conditions = '\n[[conditions]]\nname = "a"\npreset = "wgan"\n[[conditions]]\nname = "b"\npreset = "gan"\n'
    budget = "" if fault.startswith("budget") else "budget.steps = 100\n"
    found = refusal(tmp_path, f'name = "single"\n{budget}{fault}{conditions}')
    assert "\n" not in found
    assert line is None or found == line


BROKEN = {
    "seeds": "seeds=0",
    "budget.steps": "budget.steps=0.5",
    "search.exploit.trials": "search.exploit.trials=-1",
    "evaluation.cells": "evaluation.cells=1",
    "limits.step_seconds": "limits.step_seconds=nan",
    "checkpoint.snapshots": "checkpoint.snapshots=some",
    "outcomes.least": "outcomes.least=true",
    "ledger.roots": "ledger.roots=here",
    "conditions.wgan.training.batch": "conditions.wgan.training.batch=0",
    "conditions.wgan.networks.critic.depth": "conditions.wgan.networks.critic.depth=[]",
    "conditions.gan.training.dtype": "conditions.gan.training.dtype=float16",
    "conditions.gan.replicate": "conditions.gan.replicate=100",
    "conditions.gan.search": "conditions.gan.search=1",
}
"""Assignments with one fault each, by the path of the fault."""


@given(st.sets(st.sampled_from(list(BROKEN)), min_size=1))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_faults_together_have_the_lines_that_they_have_alone(tmp_path: Path, paths: set[str]) -> None:
    def lines(*names: str) -> list[str]:
        with pytest.raises(InputError) as refused:
            Study.load(path, overrides=[BROKEN[name] for name in names])
        return str(refused.value).splitlines()

    path = tmp_path / "study.toml"
    path.write_text(
        'name = "a"\nbudget.steps = 100\n[[conditions]]\nname = "wgan"\npreset = "wgan"\n'
        '[[conditions]]\nname = "gan"\npreset = "gan"\n'
    )
    alone = [line for name in paths for line in lines(name)]
    assert len(alone) == len(paths)
    assert sorted(lines(*paths)) == sorted(alone)


def test_several_faults_travel_between_processes_and_move_together() -> None:
    faults = Faults()
    faults.add([Refusal(("batch",), "must be >= 1", "is 0"), InputError("training.lr: no")])
    faults.add([Refusals([Refusal(("lr",), "must be > 0"), Refusal(("batch",), "is the second of this path")])])
    with pytest.raises(Refusals) as raised:
        faults.raise_found()
    moved = raised.value.under("training")
    assert str(moved) == "training.batch: must be >= 1, but is 0\ntraining.lr: no\ntraining.lr: must be > 0"
    assert str(pickle.loads(pickle.dumps(moved))) == str(moved)
