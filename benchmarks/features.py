"""Time of features and of every metric in them, against the training between two evaluations.

    python benchmarks/features.py              # 20,000 images of 3 x 32 x 32, 2,000 fakes, 8 members

One thread, all in one run: features per 1,000 images; each metric of one member alone, features of the fakes included;
the evaluation of all members, where metrics share features and distances; and as many critic and generator steps of a
convolutional GAN in plain PyTorch as cost the same.
"""

import argparse
from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from gan_core.data import Dataset
from gan_core.evaluation import EvaluationSettings, applicable_metrics
from gan_core.features import ClassifierFeatures, Features, RandomConvFeatures
from gan_core.metrics import AnyMetric, Fakes, RealSamples

CLASSES = 10
MEMBERS = 8


def main() -> None:
    """Print a table for each kind of features."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("train", 16_000), ("held-out", 2_000), ("samples", 2_000), ("size", 32), ("batch", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = invented(asked.train, asked.held_out, asked.size)
    fakes = torch.from_numpy(data.test[: asked.samples]).flip(1).contiguous()
    step = step_seconds(asked.size, asked.batch)
    print(f"one critic step and one generator step, batch {asked.batch}: {1e3 * step:.1f} ms")
    kinds: tuple[Features, ...] = (RandomConvFeatures(), ClassifierFeatures(steps=100))
    for features in kinds:
        print_features(features, data, fakes, step)


def print_features(features: Features, data: Dataset, fakes: Tensor, step: float) -> None:
    """Print the times of one kind of features."""
    settings = EvaluationSettings(samples=len(fakes), features=features)
    real = RealSamples(data, "validation", settings, device=torch.device("cpu"), dtype=torch.float32)
    extract = real.feature_map.extract
    print(f"\n{features.kind}: {seconds(lambda: extract(fakes[:1000])):.3f} s per 1,000 images")
    metrics = list(applicable_metrics(settings, data).values())
    for metric in metrics:
        print(
            f"  {metric.name:20} {metric_seconds(metric, real, fakes):6.3f} s"
            + ", last evaluation alone" * metric.costly
        )
    due = [metric for metric in metrics if not metric.costly]

    def evaluate() -> None:
        fake = Fakes(fakes[None])
        for metric in due:
            metric.measure(real, fake)

    total = seconds(evaluate)
    print(
        f"  {MEMBERS} members: {MEMBERS * total:.2f} s an evaluation; of one, {total / step:.0f} steps of its training"
    )


def metric_seconds(metric: AnyMetric, real: RealSamples, fakes: Tensor) -> float:
    """Seconds of a metric of one member alone, features of the fakes included."""
    return seconds(lambda: metric.measure(real, Fakes(fakes[None])))


def invented(train: int, held_out: int, size: int) -> Dataset:
    """Smooth random images with invented labels."""
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.uniform(-1, 1, (train + 2 * held_out, 3, size // 4, size // 4)).astype(np.float32))
    images = nn.functional.interpolate(coarse, size=(size, size), mode="bilinear").flatten(1).numpy()
    labels = rng.integers(CLASSES, size=len(images))
    validation, test, rest = np.split(images, [held_out, 2 * held_out])
    of_validation, of_test, of_rest = np.split(labels, [held_out, 2 * held_out])
    return Dataset(
        name="invented",
        train=rest,
        validation=validation,
        test=test,
        shape=(3, size, size),
        bounded=True,
        labels={"train": of_rest, "validation": of_validation, "test": of_test},
        classes=tuple(map(str, range(CLASSES))),
    )


def step_seconds(size: int, batch: int, base: int = 32) -> float:
    """Seconds of one critic step and one generator step of a small DCGAN in plain PyTorch, batch norm left out."""
    side = size // 8
    critic = nn.Sequential(
        *(nn.Conv2d(3, base, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(base, 2 * base, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(2 * base, 4 * base, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Flatten(), nn.Linear(4 * base * side * side, 1)),
    )
    generator = nn.Sequential(
        *(nn.Linear(64, 4 * base * side * side), nn.ReLU(), nn.Unflatten(1, (4 * base, side, side))),
        *(nn.ConvTranspose2d(4 * base, 2 * base, 4, 2, 1), nn.ReLU()),
        *(nn.ConvTranspose2d(2 * base, base, 4, 2, 1), nn.ReLU()),
        *(nn.ConvTranspose2d(base, 3, 4, 2, 1), nn.Tanh()),
    )
    real = torch.randn(batch, 3, size, size)

    def step() -> None:
        for loss in (
            nn.functional.softplus(-critic(real)).mean() + nn.functional.softplus(critic(_made().detach())).mean(),
            nn.functional.softplus(-critic(_made())).mean(),
        ):
            loss.backward()

    def _made() -> Tensor:
        return generator(torch.randn(batch, 64))

    return seconds(step)


def seconds(call: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of one call, the smallest of several: disturbances only add time."""
    call()
    times = []
    for _ in range(repeats):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
