"""Time of an evaluation against a training iteration, and share of evaluations in the time of shipped studies.

    python benchmarks/evaluation.py           # both tables
    python benchmarks/evaluation.py ring      # the second table for the named studies alone

One thread, both sides in one run. An evaluation consists of the metrics of the fakes (`samples`) and of those of the
training (`training`: losses, slopes, gradient norms). The exact Wasserstein distance is measured at the last evaluation
alone, unless a study asks for it at every one. Shares of a study are sums over its conditions, each with one setting of
its ranges. The study images-emoji, which needs its folder of images, is measured only if it is named.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import torch

from gan_core import (
    Dataset,
    Digits,
    EvaluationSettings,
    Evaluator,
    GradientPenalty,
    MLPCritic,
    MLPGenerator,
    NetworkPair,
    Ring,
    Trainer,
    Training,
    Wasserstein,
)
from studies.file.condition import Setting
from studies.file.source import catalog
from studies.file.study import Study

SEEDS, REPEATS = 8, 5
CASES = [("ring", Ring(), 16, 4, 64), ("ring", Ring(), 128, 16, 128), ("digits", Digits(), 128, 32, 64)]
"""Name, data, width, latent coordinates and batch of each case of the first table."""


@dataclass(frozen=True)
class Times:
    """Seconds of one training iteration, and of the parts of one evaluation, for all members together."""

    iteration: float
    training: float
    samples: float
    last: float


def seconds(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of one call, the smallest of several: disturbances only add time."""
    call()
    times = []
    for _ in range(repeats):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)


def measure(trainer: Trainer, evaluator: Evaluator) -> Times:
    """Times of a trainer's iteration and of its evaluation."""
    trainer.advance(trainer.training.pretrain_steps + 2)
    parameters = trainer.generator.frozen
    average = None if trainer.average is None else trainer.generator.views(trainer.average)
    return Times(
        iteration=seconds(lambda: trainer.advance(10)) / 10,
        training=seconds(trainer.health),
        samples=seconds(lambda: evaluator.evaluate(parameters, last=False, average=average)),
        last=seconds(lambda: evaluator.evaluate(parameters, last=True, average=average), repeats=2),
    )


def print_cases() -> None:
    """Print the first table: milliseconds per member, and how many iterations an evaluation is worth."""
    print("milliseconds per member       iteration  training  samples  last samples  evaluation / iteration")
    for name, description, width, latent, batch in CASES:
        data = description.load()
        networks = NetworkPair(generator=MLPGenerator(width=width, latent=latent), critic=MLPCritic(width=width))
        trainer = Trainer(
            objective=Wasserstein(),
            constraint=GradientPenalty(gp_weight=10.0),
            networks=networks,
            training=Training(batch=batch),
            data=data,
            seeds=range(SEEDS),
        )
        times = measure(trainer, Evaluator(networks.generator, data, settings=EvaluationSettings()))
        per_member = [1e3 * value / SEEDS for value in (times.iteration, times.training, times.samples, times.last)]
        ratio = (times.training + times.samples) / times.iteration
        columns = "  ".join(f"{value:8.3f}" for value in per_member)
        print(f"{name}, width {width:4}, batch {batch:4}  {columns}  {ratio:16.1f}")


def times_of(setting: Setting, data: Dataset, study: Study) -> Times:
    """Times of one setting of a study."""
    trainer = Trainer(
        objective=setting.objective,
        constraint=setting.constraint,
        networks=setting.networks,
        training=setting.training,
        data=data,
        seeds=range(study.seeds),
    )
    evaluator = Evaluator(setting.networks.generator, data, settings=study.evaluation, dtype=setting.training.dtype)
    return measure(trainer, evaluator)


def print_study(name: str) -> None:
    """Print one line of the second table."""
    study = Study.load(name)
    data = study.data.load()
    training = evaluations = 0.0
    for condition in study.conditions:
        setting = next(iter(condition.extreme_settings()))
        times = times_of(setting, data, study)
        training += study.budget.iterations(setting.training) * times.iteration
        count = len(study.budget.evaluation_iterations(setting.training, study.evaluation.measurements))
        evaluations += count * times.training + (count - 1) * times.samples + times.last
    print(
        f"{name:24} {training / len(study.conditions):10.1f} {evaluations / len(study.conditions):10.2f} "
        f"{100 * evaluations / training:8.1f} %",
        flush=True,
    )


def main() -> None:
    """Print both tables, or the second one for the named studies."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if not sys.argv[1:]:
        print_cases()
    print("seconds of a trial         training  evaluations   share")
    for name in sys.argv[1:] or sorted(set(catalog()) - {"images-emoji"}):
        print_study(name)


if __name__ == "__main__":
    main()
