"""The trainer against the same WGAN-GP written as a plain PyTorch loop, per seed, on one thread, both in one run.

    python benchmarks/trainer.py

All sides play the same game on 64-dimensional data (three hidden layers, Adam, n_critic 1) and draw their random
numbers on the way. A ratio above 1 means that the trainer needs less time per seed than the plain loop. `lifted` is the
trainer with the plain loop's modules as networks. The share is that of the floating-point operations in a second that a
product of two 1024 x 1024 matrices reaches, of all that the game does in matrix products.
"""

from dataclasses import dataclass
from time import perf_counter

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gan_core import (
    Digits,
    GradientPenalty,
    MLPCritic,
    MLPGenerator,
    ModuleCritic,
    ModuleGenerator,
    NetworkPair,
    Trainer,
    Training,
    Wasserstein,
)

ROUNDS, REPEATS = 60, 5
SIZES = [(64, 64), (128, 64), (128, 256)]
SEEDS = [1, 3, 8]
LATENT = 32


def mlp(inputs: int, width: int, outputs: int, activation: nn.Module) -> nn.Sequential:
    """Three hidden layers."""
    widths = [inputs, width, width, width]
    hidden = [layer for i in range(3) for layer in (nn.Linear(widths[i], widths[i + 1]), activation)]
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


def generator_module(width: int, dim: int) -> nn.Module:
    """Into [-1, 1]."""
    return nn.Sequential(mlp(LATENT, width, dim, nn.ReLU()), nn.Tanh())


def critic_module(width: int, dim: int) -> nn.Module:
    """One score."""
    return mlp(dim, width, 1, nn.LeakyReLU(0.2))


@dataclass(frozen=True, kw_only=True)
class LiftedGenerator(ModuleGenerator):
    """The plain loop's generator."""

    width: int
    latent: int = LATENT

    def module(self, space):
        return generator_module(self.width, space.dim)


@dataclass(frozen=True, kw_only=True)
class LiftedCritic(ModuleCritic):
    """The plain loop's critic."""

    width: int
    form = "score"

    def module(self, space):
        return critic_module(self.width, space.dim)


class PlainLoop:
    """What one would write for a single GAN."""

    def __init__(self, data: torch.Tensor, width: int, batch: int):
        self.data, self.batch = data, batch
        self.generator = generator_module(width, data.shape[1])
        self.critic = critic_module(width, data.shape[1])
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=1e-4, betas=(0.0, 0.9))

    def advance(self, rounds: int) -> None:
        for _ in range(rounds):
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


def seconds(game: PlainLoop | Trainer) -> float:
    """One round's, the best of some repeats: what disturbs a run only slows it."""
    game.advance(10)
    times = []
    for _ in range(REPEATS):
        start = perf_counter()
        game.advance(ROUNDS)
        times.append(perf_counter() - start)
    return min(times) / ROUNDS


def peak() -> float:
    """Floating-point operations in a second of a large product."""
    left, right = torch.randn(2, 1024, 1024)
    times = []
    for _ in range(20):
        start = perf_counter()
        left @ right
        times.append(perf_counter() - start)
    return 2 * 1024**3 / min(times)


class Counting(TorchDispatchMode):
    """Adds up the operations of the matrix products below it, those of backward passes too."""

    # torch's own FlopCounterMode follows modules besides, which breaks on a gradient by a module's input.
    total = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        if (count := flop_registry.get(function._overloadpacket)) is not None:
            self.total += count(*arguments, **(keywords or {}), out_val=result)
        return result


def operations(game: PlainLoop | Trainer) -> int:
    """Those of the matrix products of one round."""
    with Counting() as counted:
        game.advance(1)
    return counted.total


def main() -> None:
    """Print a line per size."""
    torch.set_num_threads(1)
    data, most = Digits().load(), peak()
    print(f"one thread, {most / 1e9:.0f} GFLOP/s at most\n")
    sides = [*(f"S = {count}" for count in SEEDS), f"lifted, S = {SEEDS[-1]}"]
    print("width  batch  plain loop, share   " + "".join(f"{side:<26}" for side in sides))
    for width, batch in SIZES:
        plain = PlainLoop(torch.from_numpy(data.train), width, batch)
        alone = seconds(plain)
        own = NetworkPair(generator=MLPGenerator(width=width, latent=LATENT), critic=MLPCritic(width=width))
        lifted = NetworkPair(generator=LiftedGenerator(width=width), critic=LiftedCritic(width=width))
        cells = []
        for networks, count in [*((own, count) for count in SEEDS), (lifted, SEEDS[-1])]:
            trainer = Trainer(
                objective=Wasserstein(),
                constraint=GradientPenalty(),
                networks=networks,
                training=Training(batch=batch),
                data=data,
                seeds=range(count),
            )
            each = seconds(trainer) / count
            share = operations(trainer) / count / each / most
            cells.append(f"{1e3 * each:6.2f} ms {alone / each:4.2f}x {share:4.0%}    ")
        share = operations(plain) / alone / most
        print(f"{width:5}  {batch:5}  {1e3 * alone:7.2f} ms {share:5.0%}    " + "".join(cells))


if __name__ == "__main__":
    main()
