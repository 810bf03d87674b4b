"""Random streams: independent of each other, and determined by (seed, purpose, block) alone."""

from itertools import combinations, product

import numpy as np
import pytest
import torch

from gan_core.training.randomness import for_each_seed, stream

KEYS = list(product((0, 1, 2_000_000), ("critic_z", "generator_z", "critic_index"), (0, 1, 7)))


def uniform(key, count=4):
    return torch.rand(count, generator=stream(*key), dtype=torch.float64)


@pytest.mark.parametrize("key", KEYS[::4], ids=str)
def test_the_same_key_gives_the_same_numbers_again(key):
    assert torch.equal(uniform(key), uniform(key))


def test_different_keys_give_different_numbers():
    drawn = {key: uniform(key) for key in KEYS}
    for first, second in combinations(KEYS, 2):
        assert not (drawn[first] == drawn[second]).any(), (first, second)


def test_seed_and_block_are_not_interchangeable():
    assert not torch.equal(uniform((1, "critic_z", 2)), uniform((2, "critic_z", 1)))


def test_thousands_of_streams_start_with_different_numbers():
    first = [uniform((seed, "critic_z", block), 1).item() for seed in range(60) for block in range(60)]
    assert len(set(first)) == 3600


def test_streams_are_uncorrelated():
    """Under independence the largest of 351 correlations over 4000 draws stays below 5 / sqrt(4000)."""
    drawn = torch.stack([uniform(key, 4000) for key in KEYS]).numpy()
    correlation = np.corrcoef(drawn)[np.triu_indices(len(KEYS), 1)]
    assert np.abs(correlation).max() < 5 / 4000**0.5
    assert np.abs(correlation).max() > 1 / 4000**0.5


def test_first_numbers_of_neighbouring_seeds_are_uniform():
    """The first number over 2000 neighbouring seeds: mean and variance of U[0, 1]."""
    first = np.array([uniform((seed, "critic_z", 0), 1).item() for seed in range(2000)])
    assert first.mean() == pytest.approx(1 / 2, abs=4 * (1 / 12 / 2000) ** 0.5)
    assert first.var() == pytest.approx(1 / 12, rel=0.1)


def test_drawing_from_a_stream_does_not_change_the_global_generators_of_torch_and_numpy():
    torch.manual_seed(5)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"].copy()
    uniform((3, "critic_z", 0))
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], numpy_state)


def test_block_defaults_to_zero():
    assert torch.equal(uniform((4, "constraint")), uniform((4, "constraint", 0)))


def test_the_seed_axis_is_the_second_one():
    drawn = for_each_seed((8, 9), "critic_z", 3, lambda generator: torch.randn((5, 4, 2), generator=generator))
    assert drawn.shape == (5, 2, 4, 2)
    for row, seed in enumerate((8, 9)):
        assert torch.equal(drawn[:, row], torch.randn((5, 4, 2), generator=stream(seed, "critic_z", 3)))


def test_a_seed_draws_the_same_numbers_alone_and_among_others():
    def draw(seeds):
        return for_each_seed(seeds, "critic_z", 0, lambda generator: torch.rand((3, 4), generator=generator))

    assert torch.equal(draw((1, 5, 2))[:, 1], draw((5,))[:, 0])
