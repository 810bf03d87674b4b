"""Time per member of the trainer with convolutional networks, against a plain PyTorch DCGAN loop: same run, one thread.

    python benchmarks/images.py [cuda]

Both train the same layers on images of 32 x 32 pixels (three 4 x 4 convolutions of stride 2, batch 32, Adam), with and
without a gradient penalty, and draw their random numbers during the training. The plain loop trains one GAN. Blocks of
iterations of all of them take turns, so that disturbances meet all; a ratio is the median over the rounds, and above 1
if the trainer needs less time per member than the plain loop. No ratio may be below 0.95 on
a processor. With `cuda` all of them run on the GPU.
"""

import itertools
import sys
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch import nn

from gan_core import (
    Adam,
    ConvCritic,
    ConvGenerator,
    Dataset,
    GradientPenalty,
    NetworkPair,
    NonSaturating,
    Trainer,
    Training,
    Unconstrained,
    Wasserstein,
)

ITERATIONS, ROUNDS, BATCH, LATENT, SIZE = 6, 9, 32, 64, 32
SETTINGS = [(channels, base, penalty) for channels in (1, 3) for base in (16, 32) for penalty in (False, True)]
MEMBERS = [1, 3]


def generator_module(channels: int, base: int) -> nn.Module:
    """DCGAN's generator: batch normalisation and ReLU."""
    layers: list[nn.Module] = [nn.Linear(LATENT, 4 * base * 4 * 4, bias=False), nn.Unflatten(1, (4 * base, 4, 4))]
    layers += [nn.BatchNorm2d(4 * base), nn.ReLU()]
    for inputs in (4 * base, 2 * base):
        outputs = inputs // 2
        layers += [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(base, channels, 4, 2, 1), nn.Tanh())


def critic_module(channels: int, base: int) -> nn.Module:
    """DCGAN's critic without normalisation: leaky ReLU."""
    widths = [channels, base, 2 * base, 4 * base]
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * base * 4 * 4, 1))


class PlainLoop:
    """A DCGAN of one member in plain PyTorch: WGAN-GP with a penalty, else the non-saturating loss."""

    def __init__(self, data: Dataset, channels: int, base: int, penalty: bool, device: str):
        self.images = torch.from_numpy(data.train).view(-1, *data.shape).to(device)
        self.penalty = penalty
        self.generator, self.critic = (make(channels, base).to(device) for make in (generator_module, critic_module))
        self.device = device
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=1e-3, betas=(0.5, 0.9))
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=1e-3, betas=(0.5, 0.9))

    def advance(self, iterations: int) -> None:
        for _ in range(iterations):
            real = self.images[torch.randint(len(self.images), (BATCH,)).to(self.device)]
            with torch.no_grad():
                fake = self.generator(torch.randn(BATCH, LATENT).to(self.device))
            self._descend(self.critic_optimizer, self._critic_loss(real, fake))
            self.critic.requires_grad_(False)  # the generator's step needs no gradient of the critic's parameters
            scores = self.critic(self.generator(torch.randn(BATCH, LATENT).to(self.device)))
            loss = -scores.mean() if self.penalty else nn.functional.softplus(-scores).mean()
            self._descend(self.generator_optimizer, loss)
            self.critic.requires_grad_(True)

    def _critic_loss(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        on_real, on_fake = self.critic(torch.cat([real, fake])).chunk(2)
        if not self.penalty:
            return nn.functional.softplus(-on_real).mean() + nn.functional.softplus(on_fake).mean()
        points = torch.lerp(fake, real, torch.rand(BATCH, 1, 1, 1).to(self.device)).requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(points).sum(), points, create_graph=True)
        return on_fake.mean() - on_real.mean() + 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()

    def _descend(self, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def trainer_of(data: Dataset, base: int, penalty: bool, members: int, device: str) -> Trainer:
    """The trainer of the same GANs."""
    adam = Adam(lr=1e-3, betas=(0.5, 0.9))
    return Trainer(
        objective=Wasserstein() if penalty else NonSaturating(),
        constraint=GradientPenalty() if penalty else Unconstrained(),
        networks=NetworkPair(generator=ConvGenerator(base=base, latent=LATENT), critic=ConvCritic(base=base)),
        training=Training(batch=BATCH, critic_optimizer=adam, generator_optimizer=adam),
        data=data,
        seeds=range(members),
        device=device,
    )


def noise_images(channels: int) -> Dataset:
    """Images of noise in [-1, 1]."""
    pixels = np.random.default_rng(0).uniform(-1, 1, (1200, channels * SIZE * SIZE)).astype(np.float32)
    train, validation, test = np.split(pixels, [1000, 1100])
    shape = (channels, SIZE, SIZE)
    return Dataset(name="noise", train=train, validation=validation, test=test, shape=shape, bounded=True)


def seconds(training: PlainLoop | Trainer) -> float:
    """Seconds per iteration of one block."""
    start = perf_counter()
    training.advance(ITERATIONS)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (perf_counter() - start) / ITERATIONS


def main(device: str = "cpu") -> None:
    """Print one line per setting."""
    torch.set_num_threads(1)
    print("channels  base  penalty  plain loop  " + "".join(f"S = {members:<18}" for members in MEMBERS))
    lowest = float("inf")
    for channels, base, penalty in SETTINGS:
        data = noise_images(channels)
        plain = PlainLoop(data, channels, base, penalty, device)
        trainers = [trainer_of(data, base, penalty, members, device) for members in MEMBERS]
        warming_up: list[PlainLoop | Trainer] = [plain, *trainers]
        for training in warming_up:
            training.advance(2)
        rounds = [[seconds(plain), *map(seconds, trainers)] for _ in range(ROUNDS)]
        cells = []
        for position, members in enumerate(MEMBERS, start=1):
            ratio = median(times[0] * members / times[position] for times in rounds)
            per_member = median(times[position] for times in rounds) / members
            lowest = min(lowest, ratio)
            cells.append(f"{1e3 * per_member:7.2f} ms {ratio:4.2f}x    ")
        plain_seconds = median(times[0] for times in rounds)
        print(f"{channels:8}  {base:4}  {penalty!s:7}  {1e3 * plain_seconds:7.2f} ms  " + "".join(cells))
    print(f"lowest ratio {lowest:.2f}x")


if __name__ == "__main__":
    main(*sys.argv[1:])
