"""Measures the cost of packs in a process of its own: reads requests from standard input, one JSON object per line.

    python -m studies.forecast.measurement

The process has a worker's thread settings and imports what a worker imports. It prints one line once it is ready,
{"ready": SECONDS} with the processor time that this took, and one for each request: the numbers of a `PackCost`, or
{"error": MESSAGE}.

Seconds are processor time of the process where it has one thread and no GPU: other programs lengthen it less than time
on the clock. Else they are time on the clock.
"""

import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from time import monotonic, process_time
from typing import Any, TextIO

import numpy as np
import torch

from gan_core.data import AnyData, Data, Dataset
from gan_core.evaluation import EvaluationSettings, Evaluator
from gan_core.fields import MOST_STEPS
from gan_core.training import Trainer
from studies.design import content_address, trial_key
from studies.execution.pack_trainers import trained_pack
from studies.execution.pack_training import PackTraining
from studies.execution.torch_settings import set_torch
from studies.execution.trial_in_pack import TrialInPack, trainer_of
from studies.file.budget import Budget
from studies.file.compared_features import with_path
from studies.file.condition import LOOP
from studies.file.modules import add_module_folder
from studies.file.real_samples import load_samples
from studies.file.validation import build
from studies.forecast.pack_costs import UNMEASURED, PackCost, split_iteration
from studies.ledger.ledger import Ledger

Clock = Callable[[], float]
BLOCK = 32
"""Iterations for which random numbers are drawn at once: fast iterations are measured in multiples of this."""
REPETITIONS = 3
"""Number of times that a step is measured after its warm-up."""
SECONDS = 0.15
"""Seconds that a repetition takes, unless a single iteration takes longer."""
SHORTEST = 1e-6
"""Smallest number of seconds that a call is taken for: a clock may not have moved."""
ENOUGH = 5.0
"""Seconds after which a measurement is not repeated, and a pack not evaluated as a whole."""


def measure(request: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a `PackCost`.

    request  `trial` (what `payload` holds of one), `critic_steps` (numbers of critic steps per iteration to measure
             with), `pretraining` (True to measure its steps too), and of the configuration of workers `threads`,
             `data`, `feature_file` and `modules`
    """
    if request["modules"]:
        add_module_folder(request["modules"])
    trial, threads = request["trial"], request["threads"]
    identity, evaluation = trial["identity"], trial["evaluation"]
    device = identity["provenance"]["device"]
    set_torch(device, threads)
    clock = process_time if device == "cpu" and threads == 1 else monotonic
    data = load_samples(build(Data | AnyData, request["data"], ("data",)))
    settings = with_path(build(EvaluationSettings, evaluation["settings"], ("evaluation",)), request["feature_file"])
    if LOOP in identity:
        return _measure_loop(request, data, settings, clock)
    iterations, spreads, end = {}, [], monotonic() + ENOUGH
    for count in request["critic_steps"]:
        trainer = _trainer(trial, data, settings, n_critic=count, pretrain_steps=0)
        repeated = _iteration_seconds(trainer, end, clock)
        iterations[count] = float(np.median(repeated))
        spreads.append(float(np.std(np.log(repeated))))
    pretraining = 0.0
    if request["pretraining"]:
        pretraining_trainer = _trainer(trial, data, settings, pretrain_steps=MOST_STEPS)
        pretraining = float(np.median(_iteration_seconds(pretraining_trainer, end, clock)))
    critic, generator = split_iteration(iterations)
    one, last = _evaluation_seconds(trainer, data, settings, evaluation["split"], clock)
    health = _seconds_at_second_time(trainer.health, clock)
    fixed, commit, evaluation_of_one = _pack_seconds(request, max(SHORTEST, one), health, clock)
    return PackCost(
        critic_step=critic,
        generator_step=generator,
        pretraining_step=pretraining,
        health=health,
        evaluation=evaluation_of_one,
        last_evaluation=last,
        fixed=fixed,
        commit=commit,
        spread=max(spreads),
        memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT,
    ).table()


def _measure_loop(
    request: Mapping[str, Any], data: Dataset, settings: EvaluationSettings, clock: Clock
) -> dict[str, float]:
    """The numbers of a `PackCost` of a trial that a user's loop trains, whose steps are all counted as generator steps.

    The seconds of a step are those up to an evaluation that is due, the first, or the first after `SECONDS`.
    """
    trial = TrialInPack(request["trial"])
    budget: Budget = build(Budget, request["trial"]["identity"]["budget"], ("budget",))
    trained = trained_pack([trial], data, settings, request["trial"]["evaluation"]["split"], budget=budget)
    trained.nonfinite_iterations()  # starts the loop, which is evaluated at step 0
    due = budget.evaluation_iterations(trial.steps, settings.measurements)
    start = clock()
    for after, before in zip(due[1:], due, strict=False):
        trained.advance(after - before)
        if clock() - start > SECONDS:
            break
    step = max(SHORTEST, clock() - start) / trained.iteration
    seconds = {}
    for last in (False, True, False, True):  # the first time of each is a warm-up
        start = clock()
        trained.generate(settings.samples)
        trained.evaluate([0], last=last)
        seconds[last] = clock() - start
    fixed, commit, evaluation = _pack_seconds(request, max(SHORTEST, seconds[False]), 0.0, clock)
    return PackCost(
        critic_step=0.0,
        generator_step=step,
        pretraining_step=0.0,
        health=0.0,
        evaluation=evaluation,
        last_evaluation=max(0.0, seconds[True] - seconds[False]),
        fixed=fixed,
        commit=commit,
        spread=UNMEASURED,
        memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT,
    ).table()


_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def _trainer(trial: Mapping[str, Any], data: Dataset, settings: EvaluationSettings, **training: int) -> Trainer:
    """The trainer of a full pack of copies of a trial, without warm-up and with these training settings."""
    changed = deepcopy(dict(trial))
    changed["identity"]["training"] |= {"warmup_steps": 0, "warmup_every": 0, **training}
    return trainer_of([TrialInPack(changed)], data, health_batch=settings.health_batch)


def _iteration_seconds(trainer: Trainer, end: float, clock: Clock) -> list[float]:
    """Seconds of one iteration, several times unless it is later than `end`; one or more come before, as a warm-up."""
    warm = min(BLOCK, max(1, round(2 * SECONDS / _seconds(lambda: trainer.advance(1), trainer, clock))))
    one = _seconds(lambda: trainer.advance(warm), trainer, clock) / warm
    count = max(1, round(SECONDS / one))
    count = -(-count // BLOCK) * BLOCK if count > BLOCK // 2 else count
    repeated = [_seconds(lambda: trainer.advance(count), trainer, clock) / count]
    while len(repeated) < REPETITIONS and monotonic() < end:
        repeated.append(_seconds(lambda: trainer.advance(count), trainer, clock) / count)
    return repeated


def _seconds(call: Callable[[], object], trainer: Trainer, clock: Clock) -> float:
    start = clock()
    call()
    if trainer.device.type == "cuda":
        torch.cuda.synchronize()
    return max(SHORTEST, clock() - start)


def _seconds_at_second_time(call: Callable[[], Mapping[str, torch.Tensor]], clock: Clock) -> float:
    """Seconds of a call that returns tensors, at its second time."""
    seconds = 0.0
    for _ in range(2):
        start = clock()
        for value in call().values():
            value.cpu()
        seconds = clock() - start
    return seconds


def _evaluation_seconds(
    trainer: Trainer, data: Dataset, settings: EvaluationSettings, split: Any, clock: Clock
) -> tuple[float, float]:
    """Seconds of an evaluation of one member, and those that the last one takes in addition."""
    evaluator = Evaluator(
        trainer.networks.generator,
        data,
        settings=settings,
        split=split,
        device=str(trainer.device),
        dtype=trainer.training.dtype,
    )
    average = None if trainer.average is None else trainer.generator.views(trainer.average)
    seconds = {}
    for last in (False, True, False, True):  # the first time of each is a warm-up
        start = clock()
        evaluator.evaluate(trainer.generator.frozen, last=last, average=average, members=[0])
        seconds[last] = clock() - start
    return seconds[False], max(0.0, seconds[True] - seconds[False])


def _pack_seconds(request: Mapping[str, Any], one: float, health: float, clock: Clock) -> tuple[float, float, float]:
    """Seconds of the start of a pack, of the commit of a trial, and of the evaluation of one member among all.

    one, health  seconds of the evaluation of a single member, and of the health metrics of all

    A pack whose evaluation takes longer than `ENOUGH` is measured with fewer trials.
    """
    trial = request["trial"]
    seeds, places = len(trial["identity"]["seeds"]), trial["identity"].get("pack", {"trials": 1})["trials"]
    trials = [_copy(trial, slot) for slot in range(max(1, min(places, int(ENOUGH / (seeds * one)))))]
    with tempfile.TemporaryDirectory(prefix="gan-studies-") as folder:
        ledger = Ledger(Path(folder) / "ledger")

        def started() -> PackTraining:
            return PackTraining(
                trials,
                ledger.unfinished(trials[0]["key"]),
                data=request["data"],
                feature_file=request["feature_file"],
                threads=request["threads"],
            )

        started()  # loads the data, and computes reference values unless they are cached
        start = clock()
        training = started()
        fixed = clock() - start
        start = clock()
        while not json.loads(training.report())[trials[0]["key"]]:  # until the evaluation at step 0
            training.advance(1e-4)
        evaluation = max(SHORTEST, clock() - start - health) / (seeds * len(trials))
        start = clock()
        ledger.commit(training.rows())
        return fixed, (clock() - start) / len(trials), evaluation


def _copy(trial: Mapping[str, Any], slot: int) -> dict[str, Any]:
    """A copy of a trial in another slot of its pack, under a key of its own."""
    copied = deepcopy(dict(trial))
    if "pack" in copied["identity"]:
        copied["identity"]["pack"]["slot"] = slot
    copied["address"] = content_address(copied["identity"])
    copied["key"] = trial_key(copied["address"], copied["evaluation_address"])
    return copied


def main() -> None:
    """Answer requests until standard input ends; what users' code prints goes to standard error."""
    out: TextIO = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import studies.execution.ray_pack  # noqa: F401  # with Ray, as a worker does: its start and its memory count

    _answer(out, {"ready": process_time()})
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = measure(json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        _answer(out, answer)


def _answer(out: TextIO, answer: Mapping[str, Any]) -> None:
    out.write(json.dumps(answer) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
