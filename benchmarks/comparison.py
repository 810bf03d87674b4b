"""Time of a comparison's statistics: bootstraps of 10,000 resamples, tables, and tests of every pair.

python benchmarks/comparison.py [--trials 1000] [--seeds 5]

The explore trials of five conditions are drawn at random. The bootstrap of a mean is timed as implemented, by counts of
distinct values, and as an average of draws with replacement: on shares of seeds, and on values that all differ.
"""

import argparse
from collections.abc import Callable
from functools import partial
from time import perf_counter

import numpy as np

from studies.analysis.explore_trials import ExploreTrials, Target
from studies.analysis.pairs import pairs
from studies.analysis.search_comparison import search_pairs, tuning_curves
from studies.analysis.volumes import volume_differences, volumes
from studies.file.distributions import Distribution, LogUniform, Uniform
from studies.statistics.intervals import mean_interval

RESAMPLES = 10_000


def seconds(call: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    started = perf_counter()
    call()
    return perf_counter() - started


def draw_values(values: np.ndarray, *, block: int = 1000) -> tuple[float, float]:
    """Plain percentile bootstrap of the mean by draws with replacement, in blocks of resamples."""
    rng, means = np.random.default_rng(0), []
    for _ in range(RESAMPLES // block):
        means.append(values[rng.integers(0, len(values), (block, len(values)))].mean(axis=1))
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)


def random_trials(name: str, trials: int, seeds: int, rng: np.random.Generator) -> ExploreTrials:
    hyperparameters: dict[str, Distribution] = {"lr": LogUniform(1e-5, 1e-2), "weight": Uniform(0.1, 10)}
    draws = [
        {path: hyperparameter.quantile(rng.random()) for path, hyperparameter in hyperparameters.items()}
        for _ in range(trials)
    ]
    distances = rng.random((trials, seeds)) * rng.random((trials, 1))
    return ExploreTrials(
        condition=name,
        hyperparameters=hyperparameters,
        configurations=draws,
        distances=distances,
        scores=1 - distances.mean(axis=1),
        planned=trials,
        defaults={"lr": 1e-4},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    explored = [random_trials(f"condition {number}", options.trials, options.seeds, rng) for number in range(5)]
    targets = [Target(tau, 1 - tau) for tau in (0.25, 0.1, 0.05)]

    print(f"{RESAMPLES} resamples of {options.trials} trials x {options.seeds} seeds")
    for name, values in {
        "share of seeds": explored[0].seeds_reaching(0.1),
        "all values differ": rng.random(options.trials),
    }.items():
        mean_interval(values[:2], seed=0)  # imports
        by_counts = seconds(partial(mean_interval, values, seed=0, resamples=RESAMPLES))
        by_draws = seconds(partial(draw_values, values))
        print(
            f"  {name:20} by counts {by_counts:6.3f} s, by draws {by_draws:6.3f} s, ratio {by_draws / by_counts:6.1f}"
        )

    print("Tables of 5 conditions at 3 distances")
    for table in (volumes, volume_differences):
        print(f"  {table.__name__:20} {seconds(partial(table, explored, targets, seed=0)):6.2f} s")
    print(f"  {'search_pairs':20} {seconds(partial(search_pairs, explored, seed=0)):6.2f} s")
    print(f"  {'tuning_curves':20} {seconds(partial(tuning_curves, explored, highest=1.1)):6.2f} s")
    for members in (10, 20):
        distances = {f"condition {number}": [rng.normal(number, 2, members)] for number in range(5)}
        print(f"  pairs of {members:2} seeds    {seconds(partial(pairs, distances, seed=0)):6.2f} s")


if __name__ == "__main__":
    main()
