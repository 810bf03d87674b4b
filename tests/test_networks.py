"""Generators and critics: claims about every network, then closed forms of each."""

from dataclasses import FrozenInstanceError, fields
from inspect import isabstract
from typing import get_args

import pytest
import torch
from small_gans import added_by, drawn, kind_of
from torch.testing import assert_close

from gan_core.constraints import GradientPenalty, SpectralNorm, Unconstrained
from gan_core.networks import (
    AnyCritic,
    AnyGenerator,
    AutoencoderCritic,
    Critic,
    CriticAt,
    DiracCritic,
    DiracGenerator,
    DiracPair,
    Generator,
    MLPCritic,
    MLPGenerator,
    NetworkPair,
    Networks,
    SegmentGenerator,
    gradient_by_autograd,
)
from gan_core.networks.autoencoder import Energy
from gan_core.shapes import SampleShape

pytestmark = pytest.mark.shapes


def members(union):
    return get_args(union) or (union,)  # a union of one class is that class


SMALL = {"width": 6, "depth": 2, "latent": 4, "code": 3, "base": 3}


def small(description):
    return description(**{field.name: SMALL[field.name] for field in fields(description) if field.name in SMALL})


# the segment generator, for points of the plane alone and without random parameters, has its own tests below
GENERATORS = [small(kind) for kind in members(Generator) if kind is not SegmentGenerator]
CRITICS = [small(kind) for kind in members(Critic)]
every_generator = pytest.mark.parametrize("generator", GENERATORS, ids=kind_of)
every_critic = pytest.mark.parametrize("critic", CRITICS, ids=kind_of)
every_network = pytest.mark.parametrize("network", GENERATORS + CRITICS, ids=lambda n: type(n).__name__)
BOUNDED, UNBOUNDED = SampleShape(shape=(5,), bounded=True), SampleShape(shape=(5,), bounded=False)
SEEDS, BATCH = (0, 1, 2), 7


def shape_for(network, *, bounded=False):
    """Points, or images for a network of images alone."""
    return SampleShape(shape=(1, 8, 7) if network.only_images else (5,), bounded=bounded)


def inputs(width, *, seeds=3, scale=1.0, seed=9):
    return scale * torch.randn((seeds, BATCH, width), generator=torch.Generator().manual_seed(seed)).double()


# --- every network, besides its contract (test_contracts.py)


@every_network
def test_initial_parameters_are_finite_and_drawn_from_the_given_generator_alone(network):
    shape = shape_for(network)
    first, again, other = (network.initial(shape, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert list(first) == list(again) == list(other)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert all(not torch.equal(first[name], other[name]) for name in first if name.endswith("weight"))
    assert all(value.isfinite().all() for value in first.values())


@every_network
def test_networks_are_frozen_and_concrete(network):
    assert not isabstract(type(network))
    with pytest.raises(FrozenInstanceError):
        network.width = 3


@every_generator
def test_generator_returns_a_distinct_sample_for_each_z_and_seed(generator):
    shape = shape_for(generator)
    fakes = generator.generate(drawn(generator, shape, SEEDS), inputs(generator.latent), shape)
    assert isinstance(generator, AnyGenerator)
    assert fakes.shape == (3, BATCH, shape.dim)
    assert len(fakes.flatten(0, 1).unique(dim=0)) == 3 * BATCH


@every_generator
@pytest.mark.parametrize("z_scale", [1.0, 1e4])
def test_fakes_of_bounded_data_lie_between_minus_one_and_one(generator, z_scale):
    z = inputs(generator.latent, scale=z_scale)
    bounded, unbounded = (shape_for(generator, bounded=bounded) for bounded in (True, False))
    parameters = drawn(generator, bounded, SEEDS)
    assert generator.generate(parameters, z, bounded).abs().max() <= 1
    assert_close(generator.generate(parameters, z, bounded), generator.generate(parameters, z, unbounded).tanh())


@every_critic
def test_critic_output_holds_one_value_per_sample_and_the_samples(critic):
    shape = shape_for(critic)
    points = inputs(shape.dim)
    output = critic.call(drawn(critic, shape, SEEDS), points, shape)
    assert isinstance(critic, AnyCritic)
    assert output.value.shape == (3, BATCH)
    assert len(output.value.unique()) == 3 * BATCH
    assert torch.equal(output.samples, points)


@every_critic
def test_energies_are_never_negative(critic):
    shape = shape_for(critic)
    if critic.form == "energy":
        assert (critic.call(drawn(critic, shape, SEEDS), inputs(shape.dim), shape).value >= 0).all()
    else:
        assert critic.form == "score"


def test_kinds_are_unique_within_each_union():
    for union in (Generator, Critic, Networks):
        kinds = [member.kind for member in members(union)]
        assert len(set(kinds)) == len(kinds)


# --- fully connected


def torch_layers(parameters, seed, activation):
    """One seed's layers, built from torch.nn."""
    layers = []
    for name in [name for name in parameters if name.endswith("weight")]:
        weight, bias = parameters[name][seed], parameters[name.replace("weight", "bias")][seed]
        rows, columns = weight.shape
        linear = torch.nn.Linear(rows, columns, dtype=weight.dtype)
        linear.weight.data, linear.bias.data = weight.T.contiguous(), bias[0]
        layers += [linear, activation()]
    return torch.nn.Sequential(*layers[:-1])


def test_mlp_generator_is_linear_layers_with_relu_between():
    generator = MLPGenerator(width=6, depth=2, latent=4)
    parameters, z = drawn(generator, UNBOUNDED), inputs(4, seeds=2)
    for seed in range(2):
        expected = torch_layers(parameters, seed, torch.nn.ReLU)(z[seed])
        assert_close(generator.generate(parameters, z, UNBOUNDED)[seed], expected, rtol=1e-12, atol=1e-14)


def test_mlp_critic_is_linear_layers_with_leaky_relu_between():
    critic = MLPCritic(width=6, depth=2)
    parameters, points = drawn(critic, UNBOUNDED), inputs(5, seeds=2)
    for seed in range(2):
        expected = torch_layers(parameters, seed, lambda: torch.nn.LeakyReLU(0.2))(points[seed]).squeeze(-1)
        assert_close(critic.call(parameters, points, UNBOUNDED).value[seed], expected, rtol=1e-12, atol=1e-14)


class ByAutograd(CriticAt):
    """The same critic with the gradient of autograd."""

    def gradient(self, points):
        return gradient_by_autograd(self.value, points)


@pytest.mark.parametrize("constraint", [Unconstrained(), SpectralNorm()], ids=kind_of)
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize(("form", "output"), [("score", "linear"), ("energy", "linear"), ("energy", "relu")])
def test_gradient_of_an_mlp_critic_and_of_a_penalty_on_it_are_those_of_autograd(form, output, depth, constraint):
    critic = MLPCritic(width=6, depth=depth, form=form, output=output)
    parameters = {name: value.requires_grad_() for name, value in drawn(critic, UNBOUNDED, SEEDS).items()}
    streams = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    state = constraint.initial_state({name: value.detach() for name, value in parameters.items()}, streams)
    points, penalties = inputs(5, scale=2.0), []
    fields = [kind(critic, constraint.map_parameters(parameters, state), UNBOUNDED) for kind in (CriticAt, ByAutograd)]
    assert_close(fields[0].gradient(points), fields[1].gradient(points), rtol=1e-12, atol=1e-14)
    if output == "relu":
        dead = fields[0].value(points) == 0
        assert 0 < dead.sum() < dead.numel()
        assert (fields[0].gradient(points)[dead] == 0).all()
    for field in fields:
        # target 0 for relu outputs: the norm has no derivative at slope 0
        penalty = GradientPenalty(location="real", target=0 if output == "relu" else 1)
        value = added_by(penalty, field, points, points, points[..., :0])
        gradients = torch.autograd.grad(value.sum(), list(parameters.values()), materialize_grads=True)
        penalties.append((value, *gradients))
    for closed_form, by_autograd in zip(*penalties, strict=True):
        assert_close(closed_form, by_autograd, rtol=1e-10, atol=1e-12)
    assert all(
        gradient.norm() > 0 for name, gradient in zip(parameters, penalties[0][1:], strict=True) if "weight" in name
    )


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_depth_counts_the_hidden_layers(depth):
    parameters = MLPCritic(width=6, depth=depth).initial(UNBOUNDED, torch.Generator())
    shapes = [tuple(value.shape) for name, value in parameters.items() if name.endswith("weight")]
    assert shapes == [(5, 6), *[(6, 6)] * (depth - 1), (6, 1)]


def test_initial_weights_are_uniform_with_the_variance_of_he_and_biases_are_zero():
    parameters = MLPCritic(width=400, depth=2).initial(SampleShape(shape=(25,), bounded=False), torch.Generator())
    for layer, variance in (("0", 2 / 25), ("1", 2 / 400), ("2", 1 / 400)):
        weight = parameters[f"{layer}.weight"]
        assert weight.var().item() == pytest.approx(variance, rel=0.1)
        assert weight.mean().item() == pytest.approx(0, abs=4 * (variance / weight.numel()) ** 0.5)
        assert weight.abs().max().item() == pytest.approx((3 * variance) ** 0.5, rel=0.02)
        assert (parameters[f"{layer}.bias"] == 0).all()


@pytest.mark.parametrize("depth", [1, 4])
def test_untrained_generator_keeps_the_mean_square_of_its_z_at_any_depth(depth):
    generator = MLPGenerator(width=200, depth=depth, latent=32, output="linear")
    wide = SampleShape(shape=(200,), bounded=False)
    parameters = {n: v[None] for n, v in generator.initial(wide, torch.Generator().manual_seed(1)).items()}
    fakes = generator.generate(parameters, inputs(32, seeds=1, seed=2), wide)
    assert fakes.square().mean().item() == pytest.approx(1, rel=0.4)


def test_autoencoder_outputs_the_code_of_its_encoder_and_the_error_of_its_decoder():
    critic = AutoencoderCritic(width=6, depth=1, code=3, energy="squared_error_sum")
    parameters, points = drawn(critic, BOUNDED), inputs(5, seeds=2)
    output = critic.call(parameters, points, BOUNDED)
    encoder, decoder = (
        {name: value for name, value in parameters.items() if name.startswith(half)} for half in ("encoder", "decoder")
    )
    for seed in range(2):
        code = torch_layers(encoder, seed, lambda: torch.nn.LeakyReLU(0.2))(points[seed])
        reconstruction = torch_layers(decoder, seed, lambda: torch.nn.LeakyReLU(0.2))(code).tanh()
        assert code.shape == (BATCH, 3)
        assert output.code is not None
        assert_close(output.code[seed], code, rtol=1e-12, atol=1e-14)
        assert_close(output.value[seed], (reconstruction - points[seed]).square().sum(-1), rtol=1e-12, atol=0)


@pytest.mark.parametrize("energy", get_args(Energy))
def test_every_energy_is_the_error_in_its_name(energy):
    """With a decoder of zeros the reconstruction is 0, and the error is the point itself."""
    critic = AutoencoderCritic(width=6, depth=1, code=3, energy=energy, output="linear")
    parameters = {name: torch.zeros_like(value) for name, value in drawn(critic, UNBOUNDED, (0,)).items()}
    point = torch.tensor([[[3.0, 0, -4.0, 0, 0]]], dtype=torch.float64)
    expected = {
        "squared_error_mean": 5.0,
        "squared_error_sum": 25.0,
        "absolute_error_mean": 1.4,
        "absolute_error_sum": 7.0,
        "euclidean_norm": 5.0,
    }
    value = critic.call(parameters, point, UNBOUNDED).value
    assert value.item() == pytest.approx(expected[energy], rel=1e-15)


def test_mean_squared_energy_of_bounded_data_is_at_most_four():
    critic = AutoencoderCritic(width=6, depth=1, code=3)
    parameters = {name: 100 * value for name, value in drawn(critic, BOUNDED, SEEDS).items()}
    energies = critic.call(parameters, inputs(5).sign(), BOUNDED).value
    assert energies.max() <= 4
    assert energies.max() > 1


@pytest.mark.parametrize("network", [MLPGenerator, AutoencoderCritic])
def test_output_overrides_the_bounds_of_the_data(network):
    for output, shape, tanh in (("tanh", UNBOUNDED, True), ("linear", BOUNDED, False)):
        named, matched = network(output=output), network()
        like = BOUNDED if tanh else UNBOUNDED
        parameters = drawn(named, shape, (0,))
        if network is MLPGenerator:
            results = [n.generate(parameters, inputs(32, seeds=1), s) for n, s in ((named, shape), (matched, like))]
        else:
            outputs = [n.call(parameters, inputs(5, seeds=1), s) for n, s in ((named, shape), (matched, like))]
            results = [critic_output.value for critic_output in outputs]
        assert torch.equal(*results)


@every_network
@pytest.mark.parametrize("field", ["width", "depth", "latent", "code", "base"])
def test_sizes_must_be_at_least_one(network, field):
    if field in {f.name for f in fields(network)}:
        with pytest.raises(ValueError, match=f"^{field}: must be >= 1, but is 0$"):
            type(network)(**{field: 0})


# --- the segment

PLANE = SampleShape(shape=(2,), bounded=False)


def test_segment_generator_returns_theta_and_the_normal_distribution_function_of_z():
    z = torch.tensor([[[0.0], [1.0], [-1.959964]], [[40.0], [-40.0], [0.0]]], dtype=torch.float64)
    theta = {"theta": torch.tensor([[[2.5]], [[-1.0]]], dtype=torch.float64)}
    fakes = SegmentGenerator().generate(theta, z, PLANE)
    assert fakes[..., 0].tolist() == [[2.5] * 3, [-1.0] * 3]
    assert fakes[..., 1].flatten().tolist() == pytest.approx([0.5, 0.8413447461, 0.025, 1, 0, 0.5], abs=1e-8)


def test_segment_generator_is_uniform_along_its_segment():
    """A tenth of 10,000 each: its deviation is sqrt(.1 x .9 / 10,000) = .003."""
    z = torch.randn((1, 10_000, 1), generator=torch.Generator().manual_seed(2))
    along = SegmentGenerator().generate({"theta": torch.zeros(1, 1, 1)}, z, PLANE)[0, :, 1]
    assert (torch.histc(along, 10, 0, 1) / 10_000).tolist() == pytest.approx([0.1] * 10, abs=0.012)


def test_theta_is_the_only_parameter_of_the_segment_generator_and_starts_at_the_field_for_every_seed():
    for seed in (1, 2):
        initial = SegmentGenerator(theta=0.75).initial(PLANE, torch.Generator().manual_seed(seed))
        assert {name: value.tolist() for name, value in initial.items()} == {"theta": [[0.75]]}


def test_gradient_of_theta_is_the_mean_of_the_critics_first_coordinate():
    """d/dtheta of the mean over the batch of <w, G(z)> is w_1, whatever z is."""
    theta = torch.zeros(2, 1, 1, dtype=torch.float64, requires_grad=True)
    fakes = SegmentGenerator().generate({"theta": theta}, inputs(1, seeds=2), PLANE)
    (gradient,) = torch.autograd.grad((fakes @ torch.tensor([3.0, -5.0]).double()).mean(-1).sum(), theta)
    assert gradient.flatten().tolist() == pytest.approx([3, 3], rel=1e-12)


def test_theta_of_the_segment_generator_must_be_finite():
    assert isinstance(SegmentGenerator(), AnyGenerator)
    with pytest.raises(ValueError, match=r"^theta: must be a finite number, but is nan$"):
        SegmentGenerator(theta=float("nan"))


# --- the Dirac pair


def test_dirac_generator_puts_every_fake_at_theta():
    fakes = DiracGenerator().generate(
        {"theta": torch.tensor([[[2.5]], [[-1.0]]])}, torch.randn(2, 4, 1), SampleShape(shape=(1,), bounded=False)
    )
    assert fakes.tolist() == [[[2.5]] * 4, [[-1.0]] * 4]


def test_dirac_critic_is_psi_times_x():
    output = DiracCritic().call(
        {"psi": torch.tensor([[[2.0]], [[-3.0]]])},
        torch.tensor([[[1.5], [-1.0]], [[1.0], [0.5]]]),
        SampleShape(shape=(1,), bounded=False),
    )
    assert output.value.tolist() == [[3.0, -2.0], [-3.0, -1.5]]


def test_dirac_pair_starts_at_its_theta_and_psi():
    pair, shape = DiracPair(theta=0.75, psi=-0.25), SampleShape(shape=(1,), bounded=False)
    assert pair.generator.initial(shape, torch.Generator())["theta"].item() == 0.75
    assert pair.critic.initial(shape, torch.Generator())["psi"].item() == -0.25


def test_dirac_pair_must_not_start_at_its_equilibrium():
    with pytest.raises(
        ValueError, match=r"^theta: must differ from 0 if psi is 0, since \(0, 0\) is the equilibrium, but is 0$"
    ):
        DiracPair(theta=0.0, psi=0.0)
    assert DiracPair(theta=0.0, psi=1.0).psi == 1


def test_network_pair_holds_its_networks():
    generator, critic = MLPGenerator(width=3), AutoencoderCritic(code=2)
    pair = NetworkPair(generator=generator, critic=critic)
    assert (pair.generator, pair.critic) == (generator, critic)
