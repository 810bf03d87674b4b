"""GANs side by side in a pack, against a trainer of 3 seeds and a plain PyTorch loop, evaluations included.

    python benchmarks/packs.py                   # on one thread, widths 16, 32, 64 and 128
    python benchmarks/packs.py --device cuda     # width 64: packs of 24 to 1536 members, against one GAN alone

All train the same networks (three hidden layers) on the ring with the non-saturating loss, R1, Adam and batch 64, and
are evaluated every 50 iterations, as a study of 1,000 iterations with 20 measurements is. A pack holds trials of 3
seeds; each trial has its own learning rates, betas and weight of the penalty, and is evaluated by itself. The numbers
are iterations of one GAN per second. The sides take turns, and the fastest turn of each counts: disturbances only add
time. On a processor it is the time that the processor worked for this process, on a GPU the time on the clock.

`--members` sets other sizes of packs, `--widths` other networks; `--without-evaluation` leaves the evaluations out.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gan_core import (
    Adam,
    Dataset,
    Evaluator,
    GradientPenalty,
    Member,
    MLPCritic,
    MLPGenerator,
    NetworkPair,
    NonSaturating,
    Ring,
    Trainer,
    Training,
    pack_members,
)

SEEDS, BATCH, LATENT = 3, 64, 32
ITERATIONS = 50
"""Iterations of a turn, at the end of which the generators are evaluated."""
BETAS = (0.5, 0.9)


@dataclass(frozen=True)
class Side:
    """One way to train: a name, its number of GANs, and a turn of `ITERATIONS` iterations."""

    name: str
    gans: int
    turn: Callable[[], None]


class PlainLoop:
    """The same GAN for a single seed in plain PyTorch."""

    def __init__(self, data: Tensor, width: int):
        self.data = data
        self.generator = mlp([LATENT, width, width, width, 2], nn.ReLU()).to(data.device)
        self.critic = mlp([2, width, width, width, 1], nn.LeakyReLU(0.2)).to(data.device)
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=1e-3, betas=BETAS)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=1e-3, betas=BETAS)

    def advance(self, iterations: int) -> None:
        device = self.data.device
        for _ in range(iterations):
            real = self.data[torch.randint(len(self.data), (BATCH,), device=device)].requires_grad_()
            fake = self.generator(torch.randn(BATCH, LATENT, device=device)).detach()
            on_real = self.critic(real)
            (slope,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
            penalty = slope.square().sum(1).mean()
            loss = softplus(-on_real).mean() + softplus(self.critic(fake)).mean() + penalty
            self.critic_optimizer.zero_grad()
            loss.backward()
            self.critic_optimizer.step()
            loss = softplus(-self.critic(self.generator(torch.randn(BATCH, LATENT, device=device)))).mean()
            self.generator_optimizer.zero_grad()
            loss.backward()
            self.generator_optimizer.step()

    def parameters(self) -> dict[str, Tensor]:
        """The generator's parameters as those of one member."""
        linear = [layer for layer in self.generator if isinstance(layer, nn.Linear)]
        weights = {f"{i}.weight": layer.weight.detach().mT[None] for i, layer in enumerate(linear)}
        return weights | {f"{i}.bias": layer.bias.detach()[None, None] for i, layer in enumerate(linear)}


def mlp(widths: list[int], activation: nn.Module) -> nn.Sequential:
    """A fully connected network with layers of these widths."""
    layers = [[nn.Linear(widths[i], widths[i + 1]), activation] for i in range(len(widths) - 1)]
    return nn.Sequential(*[part for layer in layers for part in layer][:-1])


def member(number: int) -> Member:
    """A member of a pack; each trial has its own learning rates, betas and weight of the penalty."""
    trial = number // SEEDS
    optimizer = Adam(lr=1e-4 * (1 + trial % 20), betas=(0.3 + trial % 50 / 100, 0.9))
    return Member(
        objective=NonSaturating(),
        constraint=GradientPenalty(location="real", target=0, gp_weight=0.5 + trial % 10 / 10),
        training=Training(batch=BATCH, critic_optimizer=optimizer, generator_optimizer=optimizer),
        seed=number,
    )


def trainer_of(seeds: int, networks: NetworkPair, data: Dataset, device: str) -> Trainer:
    """A trainer of one configuration with some seeds."""
    first = member(0)
    return Trainer(
        objective=first.objective,
        constraint=first.constraint,
        networks=networks,
        training=first.training,
        data=data,
        seeds=range(seeds),
        device=device,
    )


def trainer_side(name: str, trainer: Trainer, evaluator: Evaluator | None) -> Side:
    """A side that trains with a trainer, and evaluates its members three by three: the seeds of a trial."""

    def turn() -> None:
        trainer.advance(ITERATIONS)
        if evaluator is not None:
            for first in range(0, len(trainer.seeds), SEEDS):
                trial = slice(first, first + SEEDS)
                evaluator.evaluate({key: value[trial] for key, value in trainer.generator.frozen.items()}, last=False)
            trainer.health()

    return Side(name, len(trainer.seeds), turn)


def plain_side(loop: PlainLoop, evaluator: Evaluator | None) -> Side:
    """A side that trains with the plain loop, and evaluates its samples."""

    def turn() -> None:
        loop.advance(ITERATIONS)
        if evaluator is not None:
            evaluator.evaluate(loop.parameters(), last=False)

    return Side("plain loop", 1, turn)


def iterations_per_second(sides: list[Side], device: str, turns: int) -> list[float]:
    """Iterations of one GAN per second of each side."""
    seconds = process_time if device == "cpu" else _seconds_on_gpu
    times: list[list[float]] = [[] for _ in sides]
    for side in sides:
        side.turn()
    for _ in range(turns):
        for number, side in enumerate(sides):
            start = seconds()
            side.turn()
            times[number].append(seconds() - start)
    return [side.gans * ITERATIONS / min(own) for own, side in zip(times, sides, strict=True)]


def _seconds_on_gpu() -> float:
    torch.cuda.synchronize()
    return perf_counter()


def sides_of(width: int, chosen: argparse.Namespace, data: Dataset) -> list[Side]:
    """The trainings that are compared: packs, a `Trainer` (one GAN on a GPU, 3 seeds on a processor), a plain loop."""
    networks = NetworkPair(generator=MLPGenerator(width=width, latent=LATENT), critic=MLPCritic(width=width))
    device = chosen.device
    evaluator = None if chosen.without_evaluation else Evaluator(networks.generator, data, device=device)
    plain = PlainLoop(torch.from_numpy(data.train).to(device), width)
    seeds = SEEDS if device == "cpu" else 1
    name = f"trainer of {SEEDS} seeds" if device == "cpu" else "trainer of one GAN"
    sides = [
        trainer_side(name, trainer_of(seeds, networks, data, device), evaluator),
        plain_side(plain, evaluator),
    ]
    usual = [pack_members(networks, data.sample_shape, device)] if device == "cpu" else [24, 96, 384, 1536]
    for members in chosen.members or usual:
        pack = Trainer.of_pack(
            [member(number) for number in range(members)], networks=networks, data=data, device=device
        )
        sides.append(trainer_side(f"pack of {members}", pack, evaluator))
    return sides


def main() -> None:
    """Print a line per width and side."""
    parser = argparse.ArgumentParser(description="GANs in packs against trainers and a plain loop.")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--widths", type=int, nargs="+", help="units of the hidden layers")
    parser.add_argument("--members", type=int, nargs="+", help="GANs of each pack")
    parser.add_argument("--turns", type=int, help="turns of each side")
    parser.add_argument("--without-evaluation", action="store_true")
    chosen = parser.parse_args()
    torch.set_flush_denormal(True)
    if chosen.device == "cpu":
        torch.set_num_threads(1)
    data = Ring().load()
    machine = torch.cuda.get_device_name() if chosen.device == "cuda" else "one thread"
    evaluations = "without evaluations" if chosen.without_evaluation else "evaluations included"
    print(f"iterations of one GAN per second, {machine}, torch {torch.__version__}, {evaluations}\n")
    for width in chosen.widths or ([16, 32, 64, 128] if chosen.device == "cpu" else [64]):
        sides = sides_of(width, chosen, data)
        trainer, plain, *packs = iterations_per_second(
            sides, chosen.device, chosen.turns or (7 if chosen.device == "cpu" else 3)
        )
        print(f"width {width}: {sides[0].name} {trainer:.0f}, plain loop {plain:.0f}", flush=True)
        for side, pack in zip(sides[2:], packs, strict=True):
            print(
                f"  {side.name:>12} {pack:8.0f}: {pack / trainer:6.1f}x the trainer, {pack / plain:6.1f}x the loop",
                flush=True,
            )


if __name__ == "__main__":
    main()
