"""A loop that runs as a whole, held at its reports: it runs in a thread of its own while its caller waits."""

import weakref
from collections.abc import Callable
from threading import Semaphore, Thread

import torch

from gan_core.training.own_loops import Generate, GenerateFrom, TrainingRun, WholeLoop


class _EndedError(BaseException):
    """Ends a loop whose training is no longer wanted; no `Exception`, so that a loop that catches those ends too."""


class _Hold:
    """The place at which a loop waits. Of the loop and its caller exactly one runs at any time.

    reached        last step that the loop has reported; -1 before the first
    generate       returns samples of the generator at that step
    generate_from  returns the samples that belong to latent vectors; None: the loop did not give it
    done           True once the loop has ended
    error          the exception that has ended it
    """

    def __init__(self, run: TrainingRun):
        self.run = run
        self.reached = -1
        self.generate: Generate | None = None
        self.generate_from: GenerateFrom | None = None
        self.done = False
        self.error: BaseException | None = None
        self._unwanted = False
        self._loop, self._caller = Semaphore(0), Semaphore(0)

    def let_loop_run(self) -> None:
        """Let the loop run until it reports a step that is due, or ends."""
        self._loop.release()
        self._caller.acquire()

    def end_loop(self) -> None:
        """Make the loop end at the report at which it waits."""
        self._unwanted = True
        self._loop.release()

    def report(self, step: int, generate: Generate, generate_from: GenerateFrom | None = None) -> None:
        """The `Report` that the loop gets."""
        due = self.run.due
        if type(step) is not int or not self.reached < step <= self.run.steps:
            must = f"an integer > {self.reached}, the last reported step, and <= {self.run.steps}, the budget's steps"
            raise ValueError(f"step: must be {must}, but is {step!r}")
        missed = next((each for each in due if self.reached < each < step), None)
        if missed is not None:
            raise ValueError(f"step: must be {missed} first, at which the generator is evaluated, but is {step}")
        self.reached = step
        if step in due:
            self.generate, self.generate_from = generate, generate_from
            self._caller.release()
            self._wait()
            self.generate = self.generate_from = None

    def call(self, train: Callable[[], None]) -> None:
        """Run the loop to its end, in its thread."""
        try:
            self._wait()
            train()
        except _EndedError:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self.done = True
            self._caller.release()

    def _wait(self) -> None:
        self._loop.acquire()
        if self._unwanted:
            raise _EndedError


class HeldLoop:
    """The training of one seed by a `WholeLoop`. A loop whose `HeldLoop` is deleted ends at its next report.

    Errors: whatever the loop raises; `RuntimeError` if it ends before a step that is due.
    """

    def __init__(self, loop: WholeLoop, run: TrainingRun):
        hold = self._hold = _Hold(run)
        flushes = not torch.full((1,), 1e-40).mul(0.5).any()  # a setting of each thread: denormal numbers become 0

        def train() -> None:
            torch.set_flush_denormal(bool(flushes))
            loop.train(run, hold.report)

        Thread(target=hold.call, args=(train,), daemon=True).start()
        weakref.finalize(self, hold.end_loop).atexit = False

    def reach(self, step: int) -> None:
        """Let the loop run until it has reported `step`, if that is due; else do nothing."""
        hold = self._hold
        if step not in hold.run.due:
            return
        while hold.reached < step and not hold.done:
            hold.let_loop_run()
        if hold.error is not None:
            raise hold.error
        if hold.reached < step:
            raise RuntimeError(f"the loop has ended, but must report every step of run.due: {step} is missing")

    @property
    def generate(self) -> Generate:
        """Returns samples of the generator at the step that the loop has reported last."""
        generate = self._hold.generate
        assert generate is not None, "the loop waits at a report"
        return generate

    @property
    def generate_from(self) -> GenerateFrom:
        """Returns the samples of the generator at that step that belong to latent vectors.

        Errors: `ValueError` if the loop did not report it.
        """
        if self._hold.generate_from is None:
            must = "report must get a third argument, generate_from, since a metric of the study is paired"
            raise ValueError(f"{must}, but step {self._hold.reached} was reported without it")
        return self._hold.generate_from
