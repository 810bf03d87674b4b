"""Trainings by users' loops: random numbers of each seed, resumption, reports, and the contract tests."""

import gc
import random
import re
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from loops import MODULE, PAIRED

from gan_core import (
    AnyMetric,
    EvaluationSettings,
    Evaluator,
    LoopTrainer,
    OwnLoop,
    Pairs,
    Ring,
    StepLoop,
    TrainingRun,
    WholeLoop,
)
from gan_core.contracts import StepLoopContract
from gan_core.contracts.material import global_random_states
from gan_core.training.global_randomness import GlobalRandomness
from gan_core.training.own_loops import FORM, check_state, loop_of_function

DATA = Ring().load()
DUE = (0, 2, 4, 6)


@pytest.fixture
def loops(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module with the loops."""
    module = ModuleType("my_loops")
    monkeypatch.setitem(sys.modules, "my_loops", module)
    exec(compile(MODULE, "my_loops.py", "exec"), vars(module))
    return module


def trainer(loop: OwnLoop, seeds: Sequence[int] = (0, 1), due: Sequence[int] = DUE) -> LoopTrainer:
    return LoopTrainer(loop, data=DATA, seeds=seeds, due=due)


def fakes(trained: LoopTrainer, steps: Sequence[int] = (2, 2, 2)) -> torch.Tensor:
    """Samples at the start and after each of these numbers of steps."""
    measured = [trained.generate(5)]
    for step in steps:
        trained.advance(step)
        measured.append(trained.generate(5))
    return torch.stack(measured)


# -- the contract ----------------------------------------------------------------------------------------------------


def failing_contract_tests(subject: StepLoop) -> set[str]:
    contract = type("TestSubject", (StepLoopContract,), {"subject": subject})()
    failing = set()
    for name in dir(contract):
        if name.startswith("test_"):
            try:
                getattr(contract, name)()
            except (AssertionError, ValueError, TypeError):
                failing.add(name)
    return failing


def test_a_right_loop_passes_the_contract_tests(loops: Any) -> None:
    assert failing_contract_tests(loops.Moving()) == set()


@pytest.mark.parametrize(
    ("name", "fails"),
    [
        ("Forgetful", "test_a_resumed_training_gives_the_same_numbers"),
        ("Disturbed", "test_generating_and_saving_change_no_number_of_the_training"),
        ("Unsaved", "test_a_resumed_training_gives_the_same_numbers"),
        ("Flat", "test_samples_are_finite_in_number_and_shape_before_and_after_training"),
    ],
)
def test_contract_tests_find_a_wrong_loop(loops: Any, name: str, fails: str) -> None:
    assert fails in failing_contract_tests(getattr(loops, name)())


# -- random numbers --------------------------------------------------------------------------------------------------


def test_global_random_states_belong_to_a_training() -> None:
    device = torch.device("cpu")

    def drawn() -> tuple[float, float, float]:
        return random.random(), float(np.random.normal()), float(torch.randn(()))

    outside = global_random_states(), random.getstate()
    one, same, other = (GlobalRandomness(seed, "test", device) for seed in (3, 3, 4))
    with one.active():
        first = [drawn() for _ in range(3)]
    with same.active():
        again = [drawn()]
    with other.active():
        assert drawn() != first[0]
    saved = same.state()
    with same.active():
        again += [drawn() for _ in range(2)]
    assert again == first
    restored = GlobalRandomness(9, "test", device)
    restored.load(saved)
    with restored.active():
        assert [drawn() for _ in range(2)] == first[1:]
    assert (global_random_states(), random.getstate()) == outside


def test_global_random_states_are_restored_after_an_exception() -> None:
    before = global_random_states()

    def fail() -> None:
        with GlobalRandomness(1, "test", torch.device("cpu")).active():
            torch.rand(3)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert global_random_states() == before


@pytest.mark.parametrize("name", ["Moving", "Whole"])
def test_a_seed_does_not_depend_on_the_other_seeds_nor_on_random_numbers_drawn_elsewhere(loops: Any, name: str) -> None:
    loop = getattr(loops, name)()
    together = fakes(trainer(loop, (0, 1, 2)))
    torch.manual_seed(5)
    random.seed(6)
    alone = fakes(trainer(loop, (1,)))
    assert torch.equal(together[:, 1:2], alone)
    assert not torch.equal(together[:, 0], together[:, 1])


def test_a_class_in_steps_a_whole_class_and_a_function_train_the_same_numbers(loops: Any) -> None:
    of_steps = fakes(trainer(loops.Moving(lr=0.2)))
    assert torch.equal(of_steps, fakes(trainer(loops.Whole(lr=0.2))))
    assert torch.equal(of_steps, fakes(trainer(loop_of_function(loops.whole)(lr=0.2, often=False))))  # type: ignore[call-arg]


def test_loops_of_one_instance_share_nothing(loops: Any) -> None:
    description = loops.Moving()
    trainer(description).advance(1)
    assert vars(description) == {"lr": 0.1, "every": 1}


def test_samples_reach_the_loop_in_their_shape_and_are_made_in_their_scale(loops: Any) -> None:
    seen: list[TrainingRun] = []

    class Seeing(loops.Moving):
        def start(self, run: TrainingRun) -> None:
            seen.append(run)
            super().start(run)

    trained = trainer(Seeing(), (4,))
    (run,) = seen
    assert run.samples.shape == (len(DATA.train), 2)
    assert torch.equal(run.samples, torch.from_numpy(DATA.train))
    assert (run.seed, run.steps, run.due, run.shape.shape) == (4, 6, DUE, (2,))
    assert trained.generate(7).shape == (1, 7, 2)


# -- resumption ------------------------------------------------------------------------------------------------------


def test_a_resumed_training_has_the_same_bits(loops: Any) -> None:
    whole = fakes(trainer(loops.Moving()))
    interrupted = trainer(loops.Moving())
    interrupted.advance(2)
    interrupted.generate(3)
    saved = interrupted.state()
    resumed = trainer(loops.Moving())
    resumed.advance(1)
    resumed.load(saved)
    assert resumed.iteration == 2
    assert torch.equal(fakes(resumed, (2, 2)), whole[1:])


def test_a_state_that_cannot_be_read_without_code_is_refused(loops: Any) -> None:
    with pytest.raises(TypeError) as refused:
        trainer(loops.Unsaved()).state()
    assert str(refused.value) == (
        "state()['parts'][0] must be a tensor, a number, text, or a list, tuple or dict of those, but is a ndarray"
    )
    check_state({"a": [torch.zeros(2), (1, 2.0, None, True)], 3: {"b": "c"}})


# -- loops that run as a whole ----------------------------------------------------------------------------------------


def whole(function: Any, due: Sequence[int] = DUE) -> LoopTrainer:
    return trainer(loop_of_function(function)(), (0,), due)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("late", ValueError, "step: must be 2 first, at which the generator is evaluated, but is 4"),
        ("short", RuntimeError, "the loop has ended, but must report every step of run.due: 2 is missing"),
        ("backwards", ValueError, "step: must be an integer > 0, the last reported step, and <= 6, .* but is 0"),
        ("broken", ArithmeticError, "no more ideas"),
    ],
)
def test_wrong_reports_and_errors_are_raised_where_the_training_goes_on(
    loops: Any, name: str, error: type[Exception], message: str
) -> None:
    trained = whole(getattr(loops, name))
    trained.generate(1)
    with pytest.raises(error, match=message):
        trained.advance(2)


def test_a_wrong_number_of_samples_is_an_error(loops: Any) -> None:
    with pytest.raises(ValueError, match=r"generate\(4\) must return 4 samples of the shape \[2\], .* shape \[4, 3\]"):
        trainer(loops.Flat()).generate(4)


def test_a_loop_that_is_no_longer_wanted_ends_with_its_thread(loops: Any) -> None:
    before = set(threading.enumerate())
    trained = whole(loops.whole)
    trained.generate(1)
    (thread,) = set(threading.enumerate()) - before
    del trained
    gc.collect()
    thread.join(timeout=60)
    assert not thread.is_alive()


def test_threads_of_loops_treat_denormal_numbers_as_their_caller(loops: Any) -> None:
    def flushed(run: TrainingRun, report: Any) -> None:
        zero = not torch.full((1,), 1e-40).mul(0.5).any()
        report(0, lambda count: torch.full((count, 2), float(zero)))

    for flush in (True, False):
        torch.set_flush_denormal(flush)
        assert whole(flushed).generate(1).unique().tolist() == [float(flush)]


# -- functions -------------------------------------------------------------------------------------------------------


def test_keywords_of_a_function_are_the_fields_of_its_class(loops: Any) -> None:
    assert issubclass(loop_of_function(loops.whole), WholeLoop)
    made: Any = loop_of_function(loops.whole)
    assert (made().lr, made(lr=0.3).lr, made().often) == (0.1, 0.3, True)


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("without_report", ""),
        ("positional", ", but its parameter lr is not of that form"),
        ("unannotated", ", but its parameter lr is not of that form"),
    ],
)
def test_functions_of_another_form_are_refused(loops: Any, name: str, end: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(FORM + end)}$"):
        loop_of_function(getattr(loops, name))


# -- inputs and targets ----------------------------------------------------------------------------------------------


@dataclass
class Turning(StepLoop):
    """Adds a learned shift to its inputs, one per seed."""

    def start(self, run: TrainingRun) -> None:
        assert run.pairs is not None
        self.latent, self.target, self.shift = run.pairs.latent, run.pairs.target, torch.zeros(2)

    def advance(self, steps: int) -> None:
        for _ in range(steps):
            fakes = self.latent + self.shift
            self.shift = self.shift + 0.5 * (self.target - fakes).mean(0)

    def generate(self, count: int) -> torch.Tensor:
        return self.latent[:count] + self.shift

    def generate_from(self, latent: torch.Tensor) -> np.ndarray:
        return (latent + self.shift).numpy()

    def state(self) -> dict[str, Any]:
        return {"shift": self.shift}

    def load(self, state: dict[str, Any]) -> None:
        self.shift = state["shift"]


def shifted(run: TrainingRun, report: Any, *, told: bool = True) -> None:
    """The same as a function; `told`: it reports how samples follow from inputs."""
    loop = Turning()
    loop.start(run)
    for step in range(run.steps + 1):
        if step:
            loop.advance(1)
        report(step, loop.generate, *([loop.generate_from] if told else []))


def apart() -> AnyMetric:
    """A paired metric: the mean absolute difference of the fakes from their targets."""
    names: dict[str, Any] = {"__name__": "paired"}
    exec(PAIRED, names)
    metric: AnyMetric = names["Apart"]()
    return metric


def pairs_with_shift(count: int, shift: float) -> Pairs:
    latent = np.random.default_rng(count).standard_normal((count, 2)).astype(np.float32)
    return Pairs(latent=latent, target=latent + np.float32(shift))


WITH_PAIRS = replace(DATA, pairs={"train": pairs_with_shift(60, 4.0), "validation": pairs_with_shift(20, 3.0)})


@pytest.mark.parametrize("loop", [Turning(), loop_of_function(shifted)()], ids=["steps", "function"])
def test_paired_metrics_of_a_loop_have_the_values_of_its_inputs_and_targets(loop: OwnLoop) -> None:
    trained = LoopTrainer(loop, data=WITH_PAIRS, seeds=[0, 1], due=DUE)
    evaluator = Evaluator(None, WITH_PAIRS, settings=EvaluationSettings(samples=50, metrics=(apart(),)))
    assert evaluator.pair_latents is not None
    for _ in range(3):
        trained.advance(2)
        of_pairs = trained.generate_from(evaluator.pair_latents)
        values = evaluator.evaluate_samples(trained.generate(50), last=False, of_pairs=of_pairs)
        learned = 4 * (1 - 0.5**trained.iteration)
        np.testing.assert_allclose(values["apart"], abs(3 - learned), rtol=1e-5)
        chosen = evaluator.evaluate_samples(trained.generate(50), last=False, of_pairs=of_pairs, members=[1])
        np.testing.assert_array_equal(chosen["apart"], values["apart"][1:])


def test_a_function_that_reports_no_generator_of_inputs_is_told_so() -> None:
    untold: Any = loop_of_function(shifted)
    trained = LoopTrainer(untold(told=False), data=WITH_PAIRS, seeds=[0], due=DUE)
    assert trained.generate(3).shape == (1, 3, 2)
    with pytest.raises(ValueError, match=r"report must get a third argument, generate_from, .* step 0 was reported"):
        trained.generate_from(torch.zeros(3, 2))


def test_data_without_pairs_of_the_split_are_refused() -> None:
    with pytest.raises(ValueError, match="pairs: must hold pairs of the split test"):
        Evaluator(None, WITH_PAIRS, settings=EvaluationSettings(metrics=(apart(),)), split="test")
