"""Training loops of users for tests: in steps, as functions, and loops with faults; and studies that train by them."""

from pathlib import Path

from studies.file.study import Study

MODULE = '''
"""Loops that move points from the origin towards the data, with noise from every global random generator."""

import random
from dataclasses import dataclass

import numpy as np
import torch
from gan_core import StepLoop, WholeLoop
from gan_core.fields import Count, Positive


def noise():
    return 0.01 * (random.random() + np.random.rand() + float(torch.rand(())))


@dataclass
class Moving(StepLoop):
    """lr  share of the way to the data in one step"""

    lr: Positive = 0.1
    every: Count = 1

    def start(self, run):
        self.goal, self.spread, self.run = run.samples.mean(0), run.samples.std(0), run
        self.at = torch.zeros(run.samples.shape[1:]) + noise()

    def advance(self, steps):
        for _ in range(steps):
            self.at = self.at + self.lr * (self.goal - self.at) + noise()

    def generate(self, count):
        return self.at + self.spread * torch.randn(count, *self.at.shape)

    def state(self):
        return {"at": self.at}

    def load(self, state):
        self.at = state["at"]


@dataclass
class Forgetful(Moving):
    """A loop whose state is empty, so that it cannot go on where it was."""

    def state(self):
        return {}

    def load(self, state):
        pass


@dataclass
class Disturbed(Moving):
    """Measuring it changes its training."""

    def generate(self, count):
        self.at = self.at + 0.1
        return super().generate(count)


@dataclass
class Unsaved(Moving):
    def state(self):
        return {"at": self.at, "parts": [np.zeros(2)]}


@dataclass
class Flat(Moving):
    def generate(self, count):
        return np.zeros((count, 3))


@dataclass
class Failing(Moving):
    def advance(self, steps):
        super().advance(steps)
        if self.lr > 0.5:
            raise ArithmeticError("the loop has no more ideas")


@dataclass
class Overflowing(Moving):
    def advance(self, steps):
        super().advance(steps)
        self.at = self.at / (0.0 if self.run.seed % 2 else 1.0)


def whole(run, report, *, lr: Positive = 0.1, often: bool = True):
    goal, spread = run.samples.mean(0), run.samples.std(0)
    at = torch.zeros(run.samples.shape[1:]) + noise()
    for step in range(run.steps + 1):
        if step:
            at = at + lr * (goal - at) + noise()
        if often or step in run.due:
            report(step, lambda count: at + spread * torch.randn(count, *at.shape))


@dataclass(frozen=True)
class Whole(WholeLoop):
    lr: Positive = 0.1

    def train(self, run, report):
        whole(run, report, lr=self.lr)


def late(run, report):
    report(0, lambda count: torch.zeros(count, 2))
    report(run.due[2], lambda count: torch.zeros(count, 2))


def short(run, report):
    report(0, lambda count: torch.zeros(count, 2))


def backwards(run, report):
    report(0, lambda count: torch.zeros(count, 2))
    report(0, lambda count: torch.zeros(count, 2))


def broken(run, report):
    report(0, lambda count: torch.zeros(count, 2))
    raise ArithmeticError("no more ideas")


def without_report(run):
    pass


def positional(run, report, lr: float):
    pass


def unannotated(run, report, *, lr=0.1):
    pass
'''

PAIRED = """
from dataclasses import dataclass, replace
from gan_core import AnyData, AnyMetric, Pairs, Ring


@dataclass(frozen=True, kw_only=True)
class Paired(AnyData):
    @property
    def sizes(self):
        return Ring().sizes

    def load(self):
        points = Ring().load()
        held_out = {"validation": points.validation, "test": points.test}
        return replace(points, pairs={part: Pairs(latent=some, target=some) for part, some in held_out.items()})


@dataclass(frozen=True, kw_only=True)
class Apart(AnyMetric):
    name = "apart"
    unit = "data"
    direction = "lower"
    description = "mean difference"
    paired = True

    def measure(self, real, fake):
        return (fake.samples - real.targets).abs().mean(dim=(1, 2))
"""
"""Data whose pairs are equal points, and a paired metric."""

STUDY = """
# Do own loops train as ours do?
name = "loops"
seeds = 2
budget = {unit = "generator_steps", steps = 12}
search = {explore = 2, exploit = {trials = 1}, confirm = {best = 1, seeds = 3}}
evaluation = {measurements = 4, samples = 50, directions = 8, cells = 4}
data = {kind = "ring"}

[[conditions]]
name = "moving"
trainer = {kind = "my_loops:Moving", lr = {log_uniform = [0.05, 0.5]}}

[[conditions]]
name = "whole"
trainer = {kind = "my_loops:whole", lr = {log_uniform = [0.05, 0.5]}}

[[conditions]]
name = "gan"
preset = "gan"
networks.generator = {kind = "mlp", width = 8, depth = 1, latent = 2}
networks.critic = {kind = "mlp", width = 8, depth = 1}
training.batch = 8
"""


def loops_study(folder: Path, *overrides: str, text: str = STUDY) -> Study:
    """A study with these loops; its ledger is in the folder."""
    (folder / "my_loops.py").write_text(MODULE, encoding="utf-8")
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return Study.load(folder / "study.toml", overrides=[f"ledger.root={folder / 'ledger'}", *overrides])


def one_condition(trainer: str) -> str:
    """The text of the study with one condition, which is trained by this table."""
    return f'{STUDY.partition("[[conditions]]")[0]}[[conditions]]\nname = "own"\ntrainer = {trainer}\n'
