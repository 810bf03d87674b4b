"""What the statistics of a study take: bootstraps of 10,000 resamples, and tests of every pair.

python benchmarks/comparison.py [--trials 1000] [--seeds 5]

Explored conditions of that many trials are drawn at random. The bootstrap is timed as it is, by counts of distinct
values, and by taking configurations with replacement; both on the mean share of seeds and on values that all differ.
"""

import argparse
from collections.abc import Callable
from time import perf_counter

import numpy as np

from studies.comparison.explored import Explored, Target
from studies.comparison.intervals import mean_interval
from studies.comparison.pairs import pairs
from studies.comparison.volume import volume_differences, volumes
from studies.comparison.width import widths
from studies.space import LogUniform, Uniform

RESAMPLES = 10_000


def seconds(call: Callable[[], object]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started


def by_taking(values: np.ndarray, *, block: int = 1000) -> tuple[float, float]:
    """The same bootstrap as it is usually written, a block of resamples at a time."""
    rng, means = np.random.default_rng(0), []
    for _ in range(RESAMPLES // block):
        means.append(values[rng.integers(0, len(values), (block, len(values)))].mean(axis=1))
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)


def condition(name: str, trials: int, seeds: int, rng: np.random.Generator) -> Explored:
    knobs = {"lr": LogUniform(1e-5, 1e-2), "weight": Uniform(0.1, 10)}
    draws = [{path: knob.quantile(rng.random()) for path, knob in knobs.items()} for _ in range(trials)]
    return Explored(
        condition=name,
        knobs=knobs,
        configurations=draws,
        distances=rng.random((trials, seeds)) * rng.random((trials, 1)),
        planned=trials,
        defaults={"lr": 1e-4},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    explored = [condition(f"condition {number}", options.trials, options.seeds, rng) for number in range(5)]
    targets = [Target(tau, 1 - tau) for tau in (0.25, 0.1, 0.05)]

    print(f"{RESAMPLES} resamples of {options.trials} trials x {options.seeds} seeds")
    for what, values in {
        "share of seeds": explored[0].seeds_reaching(0.1),
        "all values differ": rng.random(options.trials),
    }.items():
        mean_interval(values[:2], seed=0)  # imports
        counted = seconds(lambda values=values: mean_interval(values, seed=0, resamples=RESAMPLES))
        taken = seconds(lambda values=values: by_taking(values))
        print(f"  {what:20} by counts {counted:6.3f} s, by taking {taken:6.3f} s, ratio {taken / counted:6.1f}")

    print("Tables of 5 conditions at 3 distances")
    for name, call in {
        "volumes": lambda: volumes(explored, targets, seed=0),
        "volume_differences": lambda: volume_differences(explored, targets, seed=0),
        "widths": lambda: widths(explored, targets, seed=0),
    }.items():
        print(f"  {name:20} {seconds(call):6.2f} s")
    for members in (10, 20):
        distances = {f"condition {number}": rng.normal(number, 2, members) for number in range(5)}
        print(f"  pairs of {members:2} seeds    {seconds(lambda distances=distances: pairs(distances, seed=0)):6.2f} s")


if __name__ == "__main__":
    main()
