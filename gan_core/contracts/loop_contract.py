"""Contract tests of training loops in steps."""

from dataclasses import is_dataclass
from inspect import isabstract
from io import BytesIO
from typing import Any

import torch

from gan_core.contracts.material import cloud
from gan_core.data import Dataset
from gan_core.training import LoopTrainer, StepLoop

COUNT = 16
"""Number of samples that the tests compare."""


class StepLoopContract:
    """Tests of a training loop in steps; a subclass sets `subject`.

    data   samples to train on; None: 200 normal points of a plane
    steps  steps of each of the two parts that a training is divided into
    """

    subject: StepLoop
    data: Dataset | None = None
    steps: int = 3

    def test_it_is_a_dataclass_without_abstract_methods(self) -> None:
        subject: Any = self.subject
        assert is_dataclass(subject), "must be a dataclass: its fields are its hyperparameters"
        assert not isabstract(type(subject)), "must define every abstract method"

    def test_samples_are_finite_in_number_and_shape_before_and_after_training(self) -> None:
        trainer = self._started(0)
        assert trainer.generate(COUNT).isfinite().all(), "samples must be finite before the first step"
        trainer.advance(self.steps)
        for count in (1, COUNT):
            assert trainer.generate(count).isfinite().all(), f"samples must be finite after {self.steps} steps"

    def test_training_changes_the_samples(self) -> None:
        trainer = self._started(0)
        before = trainer.generate(COUNT)
        trainer.advance(self.steps)
        assert not torch.equal(trainer.generate(COUNT), before), f"{self.steps} steps must change the samples"

    def test_equal_draws_give_equal_samples(self) -> None:
        trainer = self._started(0)
        trainer.advance(self.steps)
        assert torch.equal(trainer.generate(COUNT), trainer.generate(COUNT)), (
            "generate must draw from the global random states, or from a generator that it seeds itself"
        )

    def test_training_in_two_parts_gives_the_same_numbers(self) -> None:
        whole, parts = self._started(0), self._started(0)
        whole.advance(2 * self.steps)
        for _ in range(2 * self.steps):
            parts.advance(1)
        self._assert_same(whole, parts, "advance(a + b) must do the same as advance(a) and then advance(b)")

    def test_generating_and_saving_change_no_number_of_the_training(self) -> None:
        alone, watched = self._started(0), self._started(0)
        alone.advance(2 * self.steps)
        watched.generate(COUNT)
        watched.advance(self.steps)
        watched.generate(COUNT)
        watched.state()
        watched.advance(self.steps)
        self._assert_same(alone, watched, "generate and state must change nothing that later steps depend on")

    def test_a_resumed_training_gives_the_same_numbers(self) -> None:
        whole, interrupted, resumed = self._started(0), self._started(0), self._started(0)
        whole.advance(2 * self.steps)
        interrupted.advance(self.steps)
        resumed.load(_after_checkpoint(interrupted.state()))
        resumed.advance(self.steps)
        self._assert_same(whole, resumed, "state must hold everything that later steps and samples depend on")

    def test_a_saved_state_does_not_change_with_the_training(self) -> None:
        trainer, restored = self._started(0), self._started(0)
        saved = _after_checkpoint(trainer.state())
        before = trainer.generate(COUNT)
        trainer.advance(self.steps)
        trainer.load(saved)
        restored.advance(self.steps)
        restored.load(saved)
        for back in (trainer, restored):
            assert torch.equal(back.generate(COUNT), before), "load must restore all that generate depends on"

    def test_seeds_differ_and_do_not_disturb_each_other(self) -> None:
        alone, both = self._started(0), self._started(0, 1)
        for trainer in (alone, both):
            for _ in range(self.steps):
                trainer.advance(1)
        first, second = both.generate(COUNT)
        assert torch.equal(alone.generate(COUNT)[0], first), "a training must not depend on others in its process"
        assert not torch.equal(first, second), "trainings with different seeds must differ"

    def test_training_leaves_torch_settings_unchanged(self) -> None:
        before = _torch_settings()
        trainer = self._started(0)
        trainer.advance(self.steps)
        trainer.generate(COUNT)
        assert _torch_settings() == before, "the loop must leave torch's type, gradients and threads as they are"

    def _started(self, *seeds: int) -> LoopTrainer:
        return LoopTrainer(self.subject, data=self._data(), seeds=seeds, due=[0, 2 * self.steps])

    def _data(self) -> Dataset:
        return cloud(2) if self.data is None else self.data

    def _assert_same(self, one: LoopTrainer, other: LoopTrainer, must: str) -> None:
        assert torch.equal(one.generate(COUNT), other.generate(COUNT)), must
        for trainer in (one, other):
            trainer.advance(1)
        assert torch.equal(one.generate(COUNT), other.generate(COUNT)), must


def _torch_settings() -> tuple[Any, ...]:
    return torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()


def _after_checkpoint(state: dict[str, Any]) -> dict[str, Any]:
    file = BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)
