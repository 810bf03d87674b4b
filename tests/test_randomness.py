"""Seed -> independent random streams: named by (seed, purpose, block), and by nothing else."""

from itertools import combinations, product

import numpy as np
import pytest
import torch

from gan_core.randomness import for_each_seed, stream

NAMES = list(product((0, 1, 2_000_000), ("critic_z", "generator_z", "critic_index"), (0, 1, 7)))


def uniform(name, count=4):
    return torch.rand(count, generator=stream(*name), dtype=torch.float64)


@pytest.mark.parametrize("name", NAMES[::4], ids=str)
def test_the_same_name_gives_the_same_numbers_again(name):
    assert torch.equal(uniform(name), uniform(name))


def test_names_that_differ_in_one_part_give_other_numbers():
    drawn = {name: uniform(name) for name in NAMES}
    for one, other in combinations(NAMES, 2):
        assert not (drawn[one] == drawn[other]).any(), (one, other)


def test_seed_and_block_are_not_interchangeable():
    assert not torch.equal(uniform((1, "critic_z", 2)), uniform((2, "critic_z", 1)))


def test_thousands_of_streams_do_not_begin_alike():
    first = [uniform((seed, "critic_z", block), 1).item() for seed in range(60) for block in range(60)]
    assert len(set(first)) == 3600


def test_streams_are_uncorrelated():
    """Under independence the largest of 351 correlations over 4000 draws stays below 5 / sqrt(4000)."""
    drawn = torch.stack([uniform(name, 4000) for name in NAMES]).numpy()
    correlation = np.corrcoef(drawn)[np.triu_indices(len(NAMES), 1)]
    assert np.abs(correlation).max() < 5 / 4000**0.5
    assert np.abs(correlation).max() > 1 / 4000**0.5


def test_neighbouring_seeds_start_uniformly():
    """The first number over 2000 neighbouring seeds: mean and variance of U[0, 1]."""
    first = np.array([uniform((seed, "critic_z", 0), 1).item() for seed in range(2000)])
    assert first.mean() == pytest.approx(1 / 2, abs=4 * (1 / 12 / 2000) ** 0.5)
    assert first.var() == pytest.approx(1 / 12, rel=0.1)


def test_drawing_from_one_stream_leaves_torchs_and_numpys_own_alone():
    torch.manual_seed(5)
    before, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()
    uniform((3, "critic_z", 0))
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpys)


def test_block_is_zero_where_none_is_named():
    assert torch.equal(uniform((4, "constraint")), uniform((4, "constraint", 0)))


def test_seeds_stand_on_the_axis_after_the_draws():
    drawn = for_each_seed((8, 9), "critic_z", 3, lambda generator: torch.randn((5, 4, 2), generator=generator))
    assert drawn.shape == (5, 2, 4, 2)
    for row, seed in enumerate((8, 9)):
        assert torch.equal(drawn[:, row], torch.randn((5, 4, 2), generator=stream(seed, "critic_z", 3)))


def test_a_seed_draws_the_same_alone_and_among_others():
    def draw(seeds):
        return for_each_seed(seeds, "critic_z", 0, lambda generator: torch.rand((3, 4), generator=generator))

    assert torch.equal(draw((1, 5, 2))[:, 1], draw((5,))[:, 0])
