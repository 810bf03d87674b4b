"""Time per seed of the trainer, against WGAN-GP as a plain PyTorch loop: same run, one thread.

    python benchmarks/trainer.py

Both train the same networks on 64-dimensional data (three hidden layers, Adam, n_critic 1) and draw their random
numbers during the training. A ratio above 1 means that the trainer needs less time per seed than the plain loop.
`lifted` is the trainer with the plain loop's modules as networks. The percentages are floating-point operations per
second in the matrix products of an iteration, as a share of those in a product of two 1024 x 1024 matrices.
"""

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gan_core import (
    Dataset,
    Digits,
    GradientPenalty,
    MLPCritic,
    MLPGenerator,
    ModuleCritic,
    ModuleGenerator,
    NetworkPair,
    SampleShape,
    Trainer,
    Training,
    Wasserstein,
)

ITERATIONS, REPEATS = 60, 5
SIZES = [(64, 64), (128, 64), (128, 256)]
SEEDS = [1, 3, 8]
LATENT = 32


def mlp(inputs: int, width: int, outputs: int, activation: nn.Module) -> nn.Sequential:
    """A network with three hidden layers."""
    widths = [inputs, width, width, width]
    hidden = [layer for i in range(3) for layer in (nn.Linear(widths[i], widths[i + 1]), activation)]
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


def generator_module(width: int, dim: int) -> nn.Module:
    """A generator with samples in [-1, 1]."""
    return nn.Sequential(mlp(LATENT, width, dim, nn.ReLU()), nn.Tanh())


def critic_module(width: int, dim: int) -> nn.Module:
    """A critic that outputs a score."""
    return mlp(dim, width, 1, nn.LeakyReLU(0.2))


@dataclass(frozen=True, kw_only=True)
class LiftedGenerator(ModuleGenerator):
    """The plain loop's generator."""

    width: int
    latent: int = LATENT

    def module(self, shape: SampleShape) -> nn.Module:
        return generator_module(self.width, shape.dim)


@dataclass(frozen=True, kw_only=True)
class LiftedCritic(ModuleCritic):
    """The plain loop's critic."""

    width: int
    form = "score"

    def module(self, shape: SampleShape) -> nn.Module:
        return nn.Sequential(nn.Flatten(), critic_module(self.width, shape.dim))


class PlainLoop:
    """WGAN-GP for a single seed in plain PyTorch."""

    def __init__(self, data: torch.Tensor, width: int, batch: int):
        self.data, self.batch = data, batch
        self.generator = generator_module(width, data.shape[1])
        self.critic = critic_module(width, data.shape[1])
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=1e-4, betas=(0.0, 0.9))

    def advance(self, iterations: int) -> None:
        for _ in range(iterations):
            real = self.data[torch.randint(len(self.data), (self.batch,))]
            fake = self.generator(torch.randn(self.batch, LATENT)).detach()
            points = torch.lerp(fake, real, torch.rand(self.batch, 1)).requires_grad_()
            (slope,) = torch.autograd.grad(self.critic(points).sum(), points, create_graph=True)
            penalty = 10 * (slope.norm(dim=1) - 1).square().mean()
            loss = self.critic(fake).mean() - self.critic(real).mean() + penalty
            self.critic_optimizer.zero_grad()
            loss.backward()
            self.critic_optimizer.step()
            loss = -self.critic(self.generator(torch.randn(self.batch, LATENT))).mean()
            self.generator_optimizer.zero_grad()
            loss.backward()
            self.generator_optimizer.step()


def seconds_per_iteration(training: PlainLoop | Trainer) -> float:
    """Seconds per iteration, the smallest of several repeats: disturbances only add time."""
    training.advance(10)
    times = []
    for _ in range(REPEATS):
        start = perf_counter()
        training.advance(ITERATIONS)
        times.append(perf_counter() - start)
    return min(times) / ITERATIONS


def peak_flops() -> float:
    """Floating-point operations per second in a large matrix product."""
    left, right = torch.randn(2, 1024, 1024)
    times = []
    for _ in range(20):
        start = perf_counter()
        left @ right
        times.append(perf_counter() - start)
    return 2 * 1024**3 / min(times)


class FlopCounter(TorchDispatchMode):
    """Counts the floating-point operations of matrix products, those in backward passes too."""

    # torch's own FlopCounterMode also tracks modules, which fails for a gradient with respect to a module's input
    total = 0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        result = function(*arguments, **(keywords or {}))
        if (count := flop_registry.get(function._overloadpacket)) is not None:
            self.total += count(*arguments, **(keywords or {}), out_val=result)
        return result


def operations_per_iteration(training: PlainLoop | Trainer) -> int:
    """Floating-point operations of the matrix products of one iteration."""
    with FlopCounter() as counter:
        training.advance(1)
    return counter.total


def measure_trainer(networks: NetworkPair, data: Dataset, batch: int, seeds: int) -> tuple[float, float]:
    """Seconds and floating-point operations per iteration and seed."""
    trainer = Trainer(
        objective=Wasserstein(),
        constraint=GradientPenalty(),
        networks=networks,
        training=Training(batch=batch),
        data=data,
        seeds=range(seeds),
    )
    return seconds_per_iteration(trainer) / seeds, operations_per_iteration(trainer) / seeds


def main() -> None:
    """Print one line per size."""
    torch.set_num_threads(1)
    data, peak = Digits().load(), peak_flops()
    print(f"one thread, at most {peak / 1e9:.0f} GFLOP/s\n")
    titles = [*(f"S = {count}" for count in SEEDS), f"lifted, S = {SEEDS[-1]}"]
    print("width  batch  plain loop, share   " + "".join(f"{title:<26}" for title in titles))
    for width, batch in SIZES:
        plain = PlainLoop(torch.from_numpy(data.train), width, batch)
        plain_seconds = seconds_per_iteration(plain)
        built_in = NetworkPair(generator=MLPGenerator(width=width, latent=LATENT), critic=MLPCritic(width=width))
        lifted = NetworkPair(generator=LiftedGenerator(width=width), critic=LiftedCritic(width=width))
        cells = []
        for networks, count in [*((built_in, count) for count in SEEDS), (lifted, SEEDS[-1])]:
            seconds, operations = measure_trainer(networks, data, batch, count)
            share = operations / seconds / peak
            cells.append(f"{1e3 * seconds:6.2f} ms {plain_seconds / seconds:4.2f}x {share:4.0%}    ")
        share = operations_per_iteration(plain) / plain_seconds / peak
        print(f"{width:5}  {batch:5}  {1e3 * plain_seconds:7.2f} ms {share:5.0%}    " + "".join(cells))


if __name__ == "__main__":
    main()
