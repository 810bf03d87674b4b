"""GANs side by side in a pack, against today's trainer of 3 seeds and a plain PyTorch loop: same run, one thread.

    python benchmarks/packs.py

All train the same networks (three hidden layers) on the ring with the non-saturating loss, R1, Adam and batch 64. Every
member of the pack has its own learning rates, betas and weight of the penalty. The numbers are iterations of one GAN
per second, and how many times as many the pack makes. The three sides take turns, and the fastest turn of each counts:
disturbances only add time. Nothing is evaluated during the training.
"""

from time import perf_counter

import torch
from torch import nn
from torch.nn.functional import softplus

from gan_core import (
    Adam,
    Dataset,
    GradientPenalty,
    Member,
    MLPCritic,
    MLPGenerator,
    NetworkPair,
    NonSaturating,
    Ring,
    Trainer,
    Training,
)

WIDTHS = [16, 32, 64, 128]
MEMBERS, SEEDS, BATCH, LATENT = 24, 3, 64, 32
ITERATIONS, TURNS = 40, 7
BETAS = (0.5, 0.9)


class PlainLoop:
    """The same GAN for a single seed in plain PyTorch."""

    def __init__(self, data: torch.Tensor, width: int):
        self.data = data
        self.generator = mlp([LATENT, width, width, width, 2], nn.ReLU())
        self.critic = mlp([2, width, width, width, 1], nn.LeakyReLU(0.2))
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=1e-3, betas=BETAS)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=1e-3, betas=BETAS)

    def advance(self, iterations: int) -> None:
        for _ in range(iterations):
            real = self.data[torch.randint(len(self.data), (BATCH,))].requires_grad_()
            fake = self.generator(torch.randn(BATCH, LATENT)).detach()
            on_real = self.critic(real)
            (slope,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
            penalty = slope.square().sum(1).mean()
            loss = softplus(-on_real).mean() + softplus(self.critic(fake)).mean() + penalty
            self.critic_optimizer.zero_grad()
            loss.backward()
            self.critic_optimizer.step()
            loss = softplus(-self.critic(self.generator(torch.randn(BATCH, LATENT)))).mean()
            self.generator_optimizer.zero_grad()
            loss.backward()
            self.generator_optimizer.step()


def mlp(widths: list[int], activation: nn.Module) -> nn.Sequential:
    """A fully connected network with layers of these widths."""
    layers = [[nn.Linear(widths[i], widths[i + 1]), activation] for i in range(len(widths) - 1)]
    return nn.Sequential(*[part for layer in layers for part in layer][:-1])


def pack_of(data: Dataset, networks: NetworkPair) -> Trainer:
    """A pack whose members differ in learning rates, betas and the weight of the penalty."""
    members = [
        Member(
            objective=NonSaturating(),
            constraint=GradientPenalty(location="real", target=0, gp_weight=0.5 + member // 3 / 10),
            training=Training(
                batch=BATCH,
                critic_optimizer=Adam(lr=1e-4 * (1 + member // 3), betas=(0.3 + member // 3 / 1000, 0.9)),
                generator_optimizer=Adam(lr=1e-4 * (1 + member // 3), betas=(0.3 + member // 3 / 1000, 0.9)),
            ),
            seed=member,
        )
        for member in range(MEMBERS)
    ]
    return Trainer.of_pack(members, networks=networks, data=data)


def seeds_of(data: Dataset, networks: NetworkPair) -> Trainer:
    """A trial of today: one configuration with three seeds."""
    optimizer = Adam(lr=1e-3, betas=BETAS)
    return Trainer(
        objective=NonSaturating(),
        constraint=GradientPenalty(location="real", target=0, gp_weight=1.0),
        networks=networks,
        training=Training(batch=BATCH, critic_optimizer=optimizer, generator_optimizer=optimizer),
        data=data,
        seeds=range(SEEDS),
    )


def iterations_per_second(sides: list[tuple[Trainer | PlainLoop, int]]) -> list[float]:
    """Iterations of one GAN per second of each training, given with its number of GANs."""
    times: list[list[float]] = [[] for _ in sides]
    for training, _ in sides:
        training.advance(10)
    for _ in range(TURNS):
        for side, (training, _) in enumerate(sides):
            start = perf_counter()
            training.advance(ITERATIONS)
            times[side].append(perf_counter() - start)
    return [gans * ITERATIONS / min(own) for own, (_, gans) in zip(times, sides, strict=True)]


def main() -> None:
    """Print one line per width."""
    torch.set_num_threads(1)
    data = Ring().load()
    print("iterations of one GAN per second, one thread\n")
    print(f"width   pack of {MEMBERS}   trainer of {SEEDS} seeds   plain loop")
    for width in WIDTHS:
        networks = NetworkPair(generator=MLPGenerator(width=width, latent=LATENT), critic=MLPCritic(width=width))
        plain_loop = PlainLoop(torch.from_numpy(data.train), width)
        pack, seeds, plain = iterations_per_second(
            [(pack_of(data, networks), MEMBERS), (seeds_of(data, networks), SEEDS), (plain_loop, 1)]
        )
        print(
            f"{width:5} {pack:12.0f} {seeds:12.0f}, {pack / seeds:4.1f}x {plain:11.0f}, {pack / plain:5.1f}x",
            flush=True,
        )


if __name__ == "__main__":
    main()
