"""Shapes of samples and outputs of critics."""

from dataclasses import replace

import torch
from small_gans import critic_output
from torch.testing import assert_close

from gan_core.networks import MLPCritic
from gan_core.shapes import CriticOutput, SampleShape


def test_dim_is_the_number_of_coordinates_of_a_flattened_sample():
    assert SampleShape(shape=(3, 8, 5), bounded=True).dim == 120
    assert SampleShape(shape=(2,), bounded=False).dim == 2


def test_detached_output_has_the_same_numbers_without_a_graph():
    samples = torch.rand(2, 4, 3, requires_grad=True)
    output = CriticOutput(value=samples.sum(-1), samples=samples, code=samples * 2)
    detached = output.detach()
    for name in ("value", "samples", "code"):
        before, after = getattr(output, name), getattr(detached, name)
        assert before.requires_grad, name
        assert not after.requires_grad, name
        assert torch.equal(before, after), name


def test_detached_output_of_a_critic_without_codes_has_none():
    critic = MLPCritic(width=4, depth=1)
    shape = SampleShape(shape=(2,), bounded=False)
    parameters = {n: v[None] for n, v in critic.initial(shape, torch.Generator().manual_seed(0)).items()}
    assert critic.call(parameters, torch.rand(1, 5, 2).double(), shape).detach().code is None


def test_halves_are_the_outputs_for_the_first_and_for_the_second_half_of_the_batch():
    values = torch.rand((3, 12), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    both = critic_output(values)
    first, second = both.halves()
    assert_close(torch.cat([first.value, second.value], -1), both.value)
    assert_close(torch.cat([first.samples, second.samples], -2), both.samples)
    codes = [output.code for output in (first, second) if output.code is not None]
    assert_close(torch.cat(codes, -2), both.code)
    assert replace(both, code=None).halves()[1].code is None
