"""Random numbers of training steps: which stream each comes from, and how much of them is kept."""

import pytest
import torch

from gan_core.training import draws
from gan_core.training.draws import BLOCK, Draws, DrawShapes
from gan_core.training.randomness import stream

pytestmark = pytest.mark.shapes

SEEDS = (3, 8)
ON_CPU = torch.device("cpu"), torch.float32


def drawn(batch=4, noise=5, dtype=torch.float32):
    shapes = DrawShapes(batch=batch, latent=2, noise=noise, real=10, dim=2)
    return Draws(SEEDS, shapes, torch.device("cpu"), dtype)


def whole_block(step, batch=4, noise=5):
    """Noise of a step, from all the numbers of its block at once."""
    block, offset = divmod(step, BLOCK)
    return torch.stack(
        [torch.rand((BLOCK, batch, noise), generator=stream(seed, "critic_noise", block))[offset] for seed in SEEDS]
    )


@pytest.mark.parametrize("kept", [1, 50, 7 * 20, 2**20])
def test_noise_has_the_bits_of_a_whole_block_however_few_steps_are_kept(kept, monkeypatch):
    monkeypatch.setattr(draws, "NOISE_AT_ONCE", kept)
    every = drawn()
    for step in (*range(2 * BLOCK + 3), 5, 4, 4, BLOCK - 1, 0):  # a resumed training asks for earlier steps again
        assert torch.equal(every.critic(step).noise, whole_block(step)), step


def test_a_training_that_resumes_within_a_block_has_the_noise_of_one_that_does_not():
    assert torch.equal(drawn().critic(BLOCK + 9).noise, whole_block(BLOCK + 9))


def test_noise_of_large_images_is_kept_for_one_step_and_that_of_points_for_a_block():
    large = draws.SequentialNoise(SEEDS, DrawShapes(batch=64, latent=2, noise=3 * 64 * 64 + 1, real=10, dim=2), *ON_CPU)
    assert large.at(0).shape == (2, 64, 12289)
    assert len(large._drawn) == 1
    small = draws.SequentialNoise(SEEDS, DrawShapes(batch=64, latent=2, noise=65, real=10, dim=2), *ON_CPU)
    small.at(0)
    assert len(small._drawn) == BLOCK


def test_noise_has_the_floating_point_type_of_the_training_and_may_be_empty():
    assert drawn(dtype=torch.float64).critic(0).noise.dtype == torch.float64
    assert drawn(noise=0).critic(40).noise.shape == (2, 4, 0)
