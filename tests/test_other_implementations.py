"""Metrics of images equal those of torchmetrics and prdc on the same features."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from prdc import compute_prdc
from small_gans import SMALL_EVALUATION, real_samples
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from gan_core.data import Dataset, Digits
from gan_core.features import PixelFeatures, RandomConvFeatures
from gan_core.metrics import SAMPLE_METRICS, Fakes, KernelReference, RealSamples

NEIGHBOUR_METRICS = ("precision", "recall", "density", "coverage")


def metric(name: str, real: RealSamples, fake: Fakes) -> np.ndarray:
    (found,) = (one for one in SAMPLE_METRICS if one.name == name)
    return found.measure(real, fake).numpy()


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def digits() -> tuple[RealSamples, Fakes]:
    """Real digits, and three members whose fakes are noisy, few, and Gaussian: no two distances are equal."""
    data = Digits().load()
    real = real_samples(data, replace(SMALL_EVALUATION, samples=300, neighbours=5, features=PixelFeatures()))
    train = torch.from_numpy(data.first("train", 300)).double()
    noise = normal(300, data.train.shape[1], seed=1)
    members = [train + 0.05 * noise, train[:40].repeat(8, 1)[:300] + 0.2 * noise, train.mean(0) + train.std(0) * noise]
    return real, Fakes(torch.stack(members))


@pytest.fixture(scope="module")
def colours() -> tuple[RealSamples, Fakes]:
    """Images of 3 x 16 x 16 pixels stored as uint8, and two members, in the features of random convolutions."""
    stored = np.random.default_rng(0).integers(0, 256, (500, 3, 16, 16)).astype(np.uint8)
    stored[:, :, 4:12, 4:12] //= 3
    train, validation, test = np.split(stored.reshape(500, -1), [200, 350])
    data = Dataset(name="colours", train=train, validation=validation, test=test, shape=(3, 16, 16), bounded=True)
    settings = replace(SMALL_EVALUATION, samples=180, neighbours=3, features=RandomConvFeatures(width=4))
    real = real_samples(data, settings)
    first = torch.from_numpy(data.first("train", 180)).double()
    members = [first + 0.2 * normal(180, 768), 0.5 * first + 0.1 * normal(180, 768, seed=1)]
    return real, Fakes(torch.stack(members).clamp(-1, 1))


@pytest.fixture(params=["digits", "colours"])
def samples(request: pytest.FixtureRequest) -> tuple[RealSamples, Fakes]:
    return request.getfixturevalue(request.param)


class Given(nn.Module):
    """The features themselves: (n, features, 1, 1) becomes (n, features)."""

    def __init__(self, features: int):
        super().__init__()
        self.num_features = features

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def as_images(features: Tensor) -> Tensor:
    return features.double()[:, :, None, None]


def test_the_frechet_distance_is_torchmetrics(samples):
    real, fake = samples
    found = metric("frechet_distance", real, fake)
    for member, features in zip(found, fake.features(real), strict=True):
        theirs = FrechetInceptionDistance(feature=Given(features.shape[1])).set_dtype(torch.float64)
        theirs.update(as_images(real.features), real=True)
        theirs.update(as_images(features), real=False)
        assert member == pytest.approx(theirs.compute().item(), rel=1e-4)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save all:UserWarning")
def test_the_kernel_distance_is_torchmetrics_of_standardised_features(samples):
    """torchmetrics needs as many real samples as fakes, and draws subsets: here one that holds all of them."""
    real, fake = samples
    count = min(len(real.features), fake.features(real).shape[1])
    few = real.replaced(real.samples[:count])
    reference = KernelReference.of(few.features)
    found = metric("kernel_distance", few, Fakes(fake.samples[:, :count]))
    for member, features in zip(found, fake.features(real)[:, :count], strict=True):
        theirs = KernelInceptionDistance(feature=Given(features.shape[1]), subsets=1, subset_size=count)
        theirs.set_dtype(torch.float64)
        theirs.update(as_images(reference.standardised), real=True)
        theirs.update(as_images((features - reference.mean) / reference.scale), real=False)
        assert member == pytest.approx(theirs.compute()[0].item(), rel=1e-4)


@pytest.mark.parametrize("name", NEIGHBOUR_METRICS)
def test_shares_in_balls_are_those_of_prdc(samples, name, capsys):
    real, fake = samples
    found = metric(name, real, fake)
    for member, features in zip(found, fake.features(real), strict=True):
        theirs = compute_prdc(real.features.numpy(), features.numpy(), nearest_k=real.settings.neighbours)
        assert member == pytest.approx(theirs[name], rel=1e-4)
    capsys.readouterr()  # prdc prints its numbers of samples


def test_the_shares_of_the_members_differ(samples):
    """Without this an error that gives every member the same share could go unseen."""
    real, fake = samples
    assert all(len(set(metric(name, real, fake))) > 1 for name in NEIGHBOUR_METRICS)
