"""The trainer against the same WGAN-GP written as a plain PyTorch loop, per seed, on one thread, both in one run.

    python benchmarks/trainer.py

Both sides play the same game on 64-dimensional data (three hidden layers, Adam, n_critic 1) and draw their random
numbers on the way. A ratio above 1 means that the trainer needs less time per seed than the plain loop.
"""

from time import perf_counter

import torch
from torch import nn

from gan_core import Digits, GradientPenalty, MLPCritic, MLPGenerator, NetworkPair, Trainer, Training, Wasserstein

ROUNDS, REPEATS = 60, 5
SIZES = [(64, 64), (128, 64), (128, 256)]
SEEDS = [1, 3, 8]


def mlp(inputs: int, width: int, outputs: int, activation: nn.Module) -> nn.Sequential:
    """Three hidden layers."""
    widths = [inputs, width, width, width]
    hidden = [layer for i in range(3) for layer in (nn.Linear(widths[i], widths[i + 1]), activation)]
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


class PlainLoop:
    """What one would write for a single GAN."""

    def __init__(self, data: torch.Tensor, width: int, batch: int):
        self.data, self.batch = data, batch
        self.generator = nn.Sequential(mlp(32, width, data.shape[1], nn.ReLU()), nn.Tanh())
        self.critic = mlp(data.shape[1], width, 1, nn.LeakyReLU(0.2))
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=1e-4, betas=(0.0, 0.9))

    def advance(self, rounds: int) -> None:
        for _ in range(rounds):
            real = self.data[torch.randint(len(self.data), (self.batch,))]
            fake = self.generator(torch.randn(self.batch, 32)).detach()
            points = torch.lerp(fake, real, torch.rand(self.batch, 1)).requires_grad_()
            (slope,) = torch.autograd.grad(self.critic(points).sum(), points, create_graph=True)
            penalty = 10 * (slope.norm(dim=1) - 1).square().mean()
            loss = self.critic(fake).mean() - self.critic(real).mean() + penalty
            self.critic_optimizer.zero_grad()
            loss.backward()
            self.critic_optimizer.step()
            loss = -self.critic(self.generator(torch.randn(self.batch, 32))).mean()
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


def main() -> None:
    """Print a line per size."""
    torch.set_num_threads(1)
    data = Digits().load()
    print("width  batch  plain loop      " + "  ".join(f"S = {count:<10}" for count in SEEDS))
    for width, batch in SIZES:
        plain = seconds(PlainLoop(torch.from_numpy(data.train), width, batch))
        cells = []
        for count in SEEDS:
            trainer = Trainer(
                objective=Wasserstein(),
                constraint=GradientPenalty(),
                networks=NetworkPair(generator=MLPGenerator(width=width), critic=MLPCritic(width=width)),
                training=Training(batch=batch),
                data=data,
                seeds=range(count),
            )
            own = seconds(trainer) / count
            cells.append(f"{1e3 * own:5.2f} ms {plain / own:4.2f}x")
        print(f"{width:5}  {batch:5}  {1e3 * plain:6.2f} ms       " + "  ".join(cells))


if __name__ == "__main__":
    main()
