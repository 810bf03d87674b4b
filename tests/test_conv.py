"""Convolutional generators and critics: they equal torch.nn's on one member, alone and among others."""

from itertools import product
from typing import Any, get_args

import pytest
import torch
from small_gans import CONSTRAINTS, OBJECTIVES, added_by, drawn, kind_of
from torch import nn
from torch.nn.utils import parametrizations
from torch.testing import assert_close
from torch_convolutions import of_member, padded, torch_critic, torch_generator

from gan_core import (
    Adam,
    ConvAutoencoderCritic,
    ConvCritic,
    ConvGenerator,
    CriticAt,
    GradientPenalty,
    MLPCritic,
    NetworkPair,
    SampleShape,
    SpectralNorm,
    Trainer,
    Training,
    Unconstrained,
    Wasserstein,
    WeightClipping,
    check_compatible,
    generate_in_chunks,
    gradient_by_autograd,
)
from gan_core.contracts.material import cloud
from gan_core.networks.convolution import (
    Canvas,
    CriticNormalisation,
    GeneratorNormalisation,
    Initialisation,
    check_critic_normalisation,
)

SIZES = [(1, 8, 8), (3, 12, 12), (1, 28, 28), (3, 32, 32), (1, 64, 64), (3, 20, 33)]
SMALL, ODD = SampleShape(shape=(1, 8, 8), bounded=True), SampleShape(shape=(3, 11, 9), bounded=True)
every_size = pytest.mark.parametrize("size", SIZES, ids=str)
every_normalisation = pytest.mark.parametrize("normalisation", get_args(GeneratorNormalisation))
every_critic_normalisation = pytest.mark.parametrize("normalisation", get_args(CriticNormalisation))
AUTOENCODER = ConvAutoencoderCritic(base=4, code=5)


def image(size):
    return SampleShape(shape=size, bounded=True)


def normal(*shape, seed=5, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


# --- the same layers from torch.nn


@every_size
@every_normalisation
def test_generator_is_that_of_torchs_layers(size, normalisation):
    shape, generator = image(size), ConvGenerator(base=3, latent=5, normalisation=normalisation)
    parameters, z = drawn(generator, shape), normal(2, 4, 5)
    fakes, canvas = generator.generate(parameters, z, shape), Canvas.around(shape)
    for member in range(2):
        expected = canvas.cropped(torch_generator(of_member(parameters, member), shape, normalisation)(z[member]))
        assert_close(fakes[member], expected.tanh(), rtol=1e-10, atol=1e-12)


@every_size
@every_critic_normalisation
def test_critic_is_that_of_torchs_layers(size, normalisation):
    shape, critic = image(size), ConvCritic(base=3, normalisation=normalisation)
    parameters, samples = drawn(critic, shape), normal(2, 4, shape.dim)
    output = critic.call(parameters, samples, shape)
    assert output.samples is samples
    for member in range(2):
        expected = torch_critic(of_member(parameters, member), shape, normalisation)(padded(samples[member], shape))
        assert_close(output.value[member], expected.squeeze(-1), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", [(1, 8, 8), (3, 20, 13)], ids=str)
@every_critic_normalisation
def test_autoencoder_is_that_of_torchs_layers(size, normalisation):
    shape = image(size)
    critic = ConvAutoencoderCritic(base=3, code=5, normalisation=normalisation, energy="absolute_error_sum")
    parameters, samples = drawn(critic, shape), normal(2, 4, shape.dim)
    output, canvas = critic.call(parameters, samples, shape), Canvas.around(shape)
    assert output.code is not None
    for member in range(2):
        encoder, decoder = (of_member(parameters, member, prefix) for prefix in ("encoder.", "decoder."))
        code = torch_critic(encoder, shape, normalisation, outputs=5)(padded(samples[member], shape))
        decoded = torch_generator(decoder, shape, normalisation, lambda: nn.LeakyReLU(0.2))(code)
        error = (canvas.cropped(decoded).tanh() - samples[member]).abs().sum(-1)
        assert_close(output.code[member], code, rtol=1e-10, atol=1e-12)
        assert_close(output.value[member], error, rtol=1e-10, atol=1e-12)


def test_group_normalisation_has_eight_groups_or_as_many_of_them_as_divide_the_channels():
    """12 channels are in 4 groups: a change in channel 0 changes the outputs of channels 0 to 2 alone."""
    x = normal(1, 12, 4, 4)
    changed = x.clone()
    changed[0, 0] = normal(4, 4, seed=1)
    outputs = [normalised(parameters_of_norm(12), x) for x in (x, changed)]
    assert (outputs[0] != outputs[1]).flatten(2).any(-1).squeeze(0).tolist() == [True] * 3 + [False] * 9


def parameters_of_norm(channels):
    return {"0.gain": torch.ones(channels).double(), "0.bias": torch.zeros(channels).double()}


def normalised(parameters, x):
    from gan_core.networks.convolution import _normalised

    return _normalised(parameters, 0, x, "group")


# --- gradients and penalties


class ByAutograd(CriticAt):
    """The same critic with the gradient of autograd."""

    def gradient(self, samples):
        return gradient_by_autograd(self.value, samples)


@pytest.mark.parametrize("size", [(1, 8, 8), (3, 11, 9), (1, 28, 28)], ids=str)
def test_gradient_by_the_chain_rule_is_that_of_autograd(size):
    shape, critic = image(size), ConvCritic(base=3)
    parameters, samples = drawn(critic, shape), normal(2, 4, shape.dim)
    by_chain_rule = critic.gradient(parameters, samples, shape)
    assert_close(by_chain_rule, ByAutograd(critic, parameters, shape).gradient(samples), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("size", [(1, 8, 8), (3, 11, 9), (1, 28, 28)], ids=str)
@pytest.mark.parametrize("penalty", [GradientPenalty(), GradientPenalty(location="real", target=0)], ids=kind_of)
@pytest.mark.parametrize(
    "critic",
    [*(ConvCritic(base=3, normalisation=norm) for norm in get_args(CriticNormalisation)), AUTOENCODER],
    ids=kind_of,
)
def test_gradient_penalty_and_its_gradient_equal_an_independent_version_with_torchs_layers(critic, penalty, size):
    shape = image(size)
    parameters = {name: value.requires_grad_() for name, value in drawn(critic, shape).items()}
    real, fake, noise = normal(2, 4, shape.dim), normal(2, 4, shape.dim, seed=6), torch.rand(2, 4, 1).double()
    value = added_by(penalty, CriticAt(critic, parameters, shape), real, fake, noise)
    gradients = torch.autograd.grad(value.sum(), list(parameters.values()), materialize_grads=True)
    for member in range(2):
        points = real[member] if penalty.location == "real" else fake[member] + noise[member] * (real - fake)[member]
        points.requires_grad_()
        own = {name: value[member].detach().requires_grad_() for name, value in parameters.items()}
        (slopes,) = torch.autograd.grad(functional(critic, own, points, shape).sum(), points, create_graph=True)
        if penalty.target == 0:
            expected = 10 * slopes.square().sum(-1).mean()
        else:
            expected = 10 * (slopes.square().sum(-1).sqrt() - 1).square().mean()
        assert_close(value[member], expected, rtol=1e-10, atol=1e-10)
        own_gradients = torch.autograd.grad(expected, list(own.values()), materialize_grads=True)
        for gradient, own_gradient in zip(gradients, own_gradients, strict=True):
            assert_close(gradient[member], own_gradient, rtol=1e-9, atol=1e-10)


def functional(critic, parameters, points, shape):
    """Values of one member's critic from torch.nn's layers, called with these parameters."""
    canvas, images = Canvas.around(shape), points.view(len(points), *shape.shape)
    x = nn.functional.pad(images, canvas.margins)
    if isinstance(critic, ConvCritic):
        return run(torch_critic, parameters, shape, critic.normalisation, x).squeeze(-1)
    encoder, decoder = (
        {name.removeprefix(prefix): value for name, value in parameters.items() if name.startswith(prefix)}
        for prefix in ("encoder.", "decoder.")
    )
    code = run(torch_critic, encoder, shape, "none", x, outputs=critic.code)
    decoded = run(torch_generator, decoder, shape, "none", code, activation=lambda: nn.LeakyReLU(0.2))
    return (canvas.cropped(decoded).tanh() - points).square().mean(-1)


def run(build, parameters, shape, normalisation, x, **options):
    """The output of torch's layers as a differentiable function of our parameters."""
    module = build(parameters, shape, normalisation, **options)
    values = {}
    for (name, value), ours in zip(module.named_parameters(), ordered(parameters), strict=True):
        if ours.dim() == 4 and build is torch_generator:
            ours = ours.transpose(0, 1)
        if ours.dim() == 1 and len(ours) != len(value):
            ours = ours.repeat_interleave(len(value) // len(ours))
        values[name] = ours
    return torch.func.functional_call(module, values, (x,))


def ordered(parameters):
    """Weights, gains and biases in the order of the modules."""
    for name in dict.fromkeys(name.partition(".")[0] for name in parameters):
        yield parameters[f"{name}.weight"]
        if f"{name}.gain" in parameters:
            yield parameters[f"{name}.gain"]
        yield parameters[f"{name}.bias"]


# --- spectral normalisation and weight clipping


@pytest.mark.parametrize("critic", [ConvCritic(base=3, normalisation="group"), AUTOENCODER], ids=kind_of)
def test_spectral_norm_of_every_kernel_is_torchs_and_gains_and_biases_stay(critic):
    """With the same u and v; torch reads a transposed convolution's kernel by its outputs too, its second axis."""
    parameters, norm = drawn(critic, ODD), SpectralNorm()
    state = norm.initial_state(parameters, [torch.Generator().manual_seed(seed) for seed in range(2)])
    mapped = norm.map_parameters(parameters, state)
    for name, value in parameters.items():
        if not name.endswith("weight"):
            assert mapped[name] is value
            continue
        for member in range(2):
            module = torch_layer(name, value[member])
            parametrizations.spectral_norm(module, n_power_iterations=1, eps=1e-12)
            module.parametrizations.weight[0]._u.copy_(state[f"{name}.u"][member])
            module.parametrizations.weight[0]._v.copy_(state[f"{name}.v"][member])
            expected = module.eval().weight  # without a power iteration
            if isinstance(module, nn.ConvTranspose2d):
                expected = expected.transpose(0, 1)
            assert_close(mapped[name][member], expected, rtol=1e-12, atol=1e-14)


def torch_layer(name, weight):
    if weight.dim() == 2:
        return with_weight(nn.Linear(weight.shape[1], weight.shape[0], bias=False), weight)
    if name.startswith("decoder"):
        transposed = nn.ConvTranspose2d(weight.shape[1], weight.shape[0], 4, bias=False)
        return with_weight(transposed, weight.transpose(0, 1))
    return with_weight(nn.Conv2d(weight.shape[1], weight.shape[0], 4, bias=False), weight)


def with_weight(layer, weight):
    layer.double().weight.data.copy_(weight)
    return layer


def test_spectral_norm_reads_kernels_as_outputs_times_inputs_and_leaves_the_largest_singular_value_at_one():
    critic, norm = ConvAutoencoderCritic(base=3, code=4, normalisation="layer"), SpectralNorm()
    parameters = drawn(critic, ODD)
    state = norm.initial_state(parameters, [torch.Generator().manual_seed(seed) for seed in range(2)])
    for _ in range(1500):
        state = norm.next_state(parameters, state)
    weights = {name for name in parameters if name.endswith("weight")}
    assert {name.removesuffix(".u") for name in state if name.endswith(".u")} == weights
    assert parameters["decoder.1.weight"].shape[1:] == (3, 6, 4, 4)
    mapped = norm.map_parameters(parameters, state)
    for name in weights:
        largest = torch.linalg.matrix_norm(mapped[name].flatten(2), ord=2)
        assert_close(largest, torch.ones(2).double(), rtol=1e-4, atol=0)


def test_weight_clipping_clips_kernels_gains_and_biases():
    trainer = trainer_of(WeightClipping(clip_value=0.02), critic=ConvCritic(base=4, normalisation="group"))
    trainer.advance(2)
    kinds = {name.rpartition(".")[2]: value for name, value in trainer.critic.frozen.items()}
    assert set(kinds) == {"weight", "bias", "gain"}
    assert all(value.abs().max() <= 0.02 for value in trainer.critic.frozen.values())
    assert (kinds["gain"] == 0.02).any()


# --- members


def trainer_of(constraint, *, critic, generator=None, objective=None, seeds=(0, 1, 2), shape=ODD, **training):
    adam = Adam(lr=1e-3, betas=(0.5, 0.9))
    small: dict[str, Any] = {"batch": 6, "critic_optimizer": adam, "generator_optimizer": adam}
    return Trainer(
        objective=objective or Wasserstein(),
        constraint=constraint,
        networks=NetworkPair(generator=generator or ConvGenerator(base=4, latent=6), critic=critic),
        training=Training(**small | training),
        data=cloud(*shape.shape, bounded=True),
        seeds=seeds,
    )


@pytest.mark.parametrize("size", [(1, 8, 8), (3, 32, 32), (1, 28, 28)], ids=str)
@every_normalisation
def test_a_generator_alone_has_the_bits_of_the_generator_among_three(size, normalisation):
    shape, generator = image(size), ConvGenerator(base=16, latent=7, normalisation=normalisation)
    parameters, z = drawn(generator, shape, (0, 1, 2), torch.float32), normal(3, 32, 7, dtype=torch.float32)
    together = generator.generate(parameters, z, shape)
    for member in range(3):
        only = slice(member, member + 1)
        alone = generator.generate({name: value[only].clone() for name, value in parameters.items()}, z[only], shape)
        assert torch.equal(alone, together[only])


@pytest.mark.parametrize("size", [(1, 8, 8), (3, 32, 32), (1, 28, 28)], ids=str)
@pytest.mark.parametrize(
    "critic",
    [*(ConvCritic(base=16, normalisation=norm) for norm in get_args(CriticNormalisation)), AUTOENCODER],
    ids=kind_of,
)
def test_a_critic_alone_has_the_bits_of_the_critic_among_three_and_so_has_its_penalty_and_its_gradients(critic, size):
    shape = image(size)
    parameters = drawn(critic, shape, (0, 1, 2), torch.float32)
    real, fake = normal(3, 8, shape.dim, dtype=torch.float32), normal(3, 8, shape.dim, seed=6, dtype=torch.float32)
    together = critic_step(critic, parameters, real, fake, shape)
    for member in range(3):
        only = slice(member, member + 1)
        own = {name: value[only].clone() for name, value in parameters.items()}
        alone = critic_step(critic, own, real[only], fake[only], shape)
        for name, value in alone.items():
            assert torch.equal(value, together[name][only]), name


def critic_step(critic, parameters, real, fake, shape):
    """Values, gradients with respect to the samples, and gradients of each member's penalised loss."""
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    at = CriticAt(critic, leaves, shape)
    value, slopes = at.value(real), at.gradient(torch.lerp(fake, real, 0.3))
    loss = (value.sum(-1) - at.value(fake).sum(-1)) + slopes.square().sum((-2, -1))
    gradients = torch.autograd.grad(loss.sum(), list(leaves.values()), materialize_grads=True)
    return {"value": value, "slopes": slopes, **dict(zip(leaves, gradients, strict=True))}


def assert_equal_alone_and_among_three(constraint, **settings):
    together = trainer_of(constraint, **settings)
    together.advance(3)
    for member, seed in enumerate(together.seeds):
        alone = trainer_of(constraint, **settings, seeds=(seed,))
        alone.advance(3)
        assert torch.equal(alone.generator.flat[0], together.generator.flat[member])
        assert torch.equal(alone.critic.flat[0], together.critic.flat[member])
        assert torch.equal(alone.average[0], together.average[member])
        assert torch.equal(alone.generate(3)[0], together.generate(3)[member])


TRAINED = {"generator_average": 0.9, "n_critic": 2}


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=kind_of)
def test_a_member_trained_alone_has_the_bits_of_the_member_trained_among_three(constraint):
    critic = ConvCritic(base=5, normalisation="group")  # 1,156 parameters: no multiple of a vector's length
    assert_equal_alone_and_among_three(constraint, critic=critic, **TRAINED)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=kind_of)
def test_a_member_trained_alone_has_the_bits_of_the_member_among_three_with_every_objective(objective):
    # of another batch some processors compute the last scores of a member by other instructions than those of three:
    # with AVX-512 two vectors of 16 numbers are computed at a time
    whole_vectors, critic = 32, conv_critic(objective)
    settings = {**TRAINED, "batch": whole_vectors}
    assert_equal_alone_and_among_three(Unconstrained(), objective=objective, critic=critic, **settings)


# --- chunks of evaluations


def test_fakes_of_an_evaluation_come_from_chunks_of_one_size_with_batch_normalisation():
    """The first 128 fakes have the batch statistics of their 128 z, whatever follows; 130 z are two full chunks."""
    generator = ConvGenerator(base=3, latent=4)
    parameters, z = drawn(generator, SMALL), normal(2, 130, 4)
    fakes = generate_in_chunks(generator, parameters, z, SMALL)
    assert fakes.shape == (2, 130, 64)
    assert torch.equal(fakes[:, :128], generator.generate(parameters, z[:, :128], SMALL))
    assert torch.equal(fakes, generate_in_chunks(generator, parameters, z, SMALL))
    filling = torch.randn((128, 4), generator=torch.Generator().manual_seed(0))[:126].double()
    last = torch.cat([z[:, 128:], filling.expand(2, -1, -1)], dim=1)
    assert torch.equal(fakes[:, 128:], generator.generate(parameters, last, SMALL)[:, :2])
    assert (fakes[:, 128:] - generator.generate(parameters, z[:, 128:], SMALL)).abs().max() > 1e-3


def test_a_single_fake_has_the_statistics_of_a_full_chunk():
    """Alone, a z has a variance over the grid alone; in a chunk its fake is nearly what it is beside 127 others."""
    generator = ConvGenerator(base=8, latent=8)
    parameters, z = drawn(generator, SMALL), normal(2, 128, 8)
    among = generate_in_chunks(generator, parameters, z, SMALL)[:, 0]
    in_chunk = generate_in_chunks(generator, parameters, z[:, :1], SMALL)[:, 0]
    alone = generator.generate(parameters, z[:, :1], SMALL)[:, 0]
    assert (in_chunk - among).abs().mean() < 0.3 * (alone - among).abs().mean()


@pytest.mark.parametrize("normalisation", ["none", "group", "layer"])
def test_fakes_of_an_evaluation_without_batch_normalisation_do_not_depend_on_the_chunk(normalisation):
    generator = ConvGenerator(base=8, latent=4, normalisation=normalisation)
    parameters, z = drawn(generator, SMALL), normal(2, 300, 4)
    fakes = generate_in_chunks(generator, parameters, z, SMALL)
    assert_close(fakes, generator.generate(parameters, z, SMALL), rtol=1e-12, atol=1e-13)
    assert not generator.couples_fakes(SMALL)


def test_trainer_generates_in_chunks():
    trainer = trainer_of(GradientPenalty(), critic=ConvCritic(base=4))
    assert torch.equal(trainer.generate(20), trainer.generate(20))
    assert trainer.generate(130).shape == (3, 130, ODD.dim)


# --- every objective and constraint


def conv_critic(objective):
    if objective.reads_code or objective.critic_form == "energy":
        return AUTOENCODER
    return ConvCritic(base=4)


@pytest.mark.shapes
@pytest.mark.parametrize(
    ("objective", "constraint"),
    list(product(OBJECTIVES, CONSTRAINTS)),
    ids=lambda part: kind_of(part),
)
def test_every_objective_trains_under_every_constraint(objective, constraint):
    trainer = trainer_of(constraint, objective=objective, critic=conv_critic(objective), shape=SMALL, seeds=(0, 1))
    before = {name: getattr(trainer, name).flat.clone() for name in ("generator", "critic")}
    trainer.advance(3)
    for name, parameters in before.items():
        after = getattr(trainer, name).flat
        assert after.isfinite().all()
        assert (after != parameters).any()
    assert all(value.isfinite().all() for value in trainer.health().values())


@pytest.mark.parametrize(
    ("initialisation", "normalisation"), list(product(get_args(Initialisation), get_args(CriticNormalisation)))
)
def test_every_initialisation_and_normalisation_of_a_critic_trains_under_a_penalty(initialisation, normalisation):
    settings = {"base": 4, "initialisation": initialisation, "normalisation": normalisation}
    generator = ConvGenerator(latent=6, **settings)
    for critic in (ConvCritic(**settings), ConvAutoencoderCritic(code=3, **settings)):
        objective = next(objective for objective in OBJECTIVES if objective.critic_form == critic.form)
        trainer = trainer_of(GradientPenalty(), objective=objective, critic=critic, generator=generator, seeds=(0, 1))
        trainer.advance(3)
        assert trainer.generator.flat.isfinite().all()
        assert trainer.nonfinite_iteration.tolist() == [-1, -1]


# --- refusals


def test_batch_normalisation_of_a_critic_is_refused():
    with pytest.raises(ValueError, match=r"^normalisation: must be none, group or layer in a critic, .* is batch$"):
        check_critic_normalisation("batch")
    for known in get_args(CriticNormalisation):
        check_critic_normalisation(known)


@pytest.mark.parametrize("critic", [ConvCritic(), MLPCritic()], ids=["conv", "mlp"])
def test_remedy_for_the_wrong_form_is_a_critic_of_the_same_layers(critic):
    objective = next(objective for objective in OBJECTIVES if objective.critic_form == "energy")
    networks = NetworkPair(generator=ConvGenerator(), critic=critic)
    prefix = "conv_" if critic.kind == "conv" else ""
    remedy = f'use kind = "{prefix}autoencoder", or "{critic.kind}" with form = "energy"'
    with pytest.raises(ValueError, match=remedy):
        check_compatible(objective, networks, Training())
