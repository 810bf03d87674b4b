"""Networks made from torch modules: they compute the same as the networks that are written with a seed axis."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
from small_gans import evaluate
from torch import nn
from torch.testing import assert_close

from gan_core import (
    Adam,
    EvaluationSettings,
    GradientPenalty,
    LeastSquares,
    MLPCritic,
    MLPGenerator,
    ModuleCritic,
    ModuleGenerator,
    NetworkPair,
    SampleShape,
    SpectralNorm,
    Trainer,
    Training,
    Wasserstein,
    try_network,
)
from gan_core.constraints import slope
from gan_core.contracts import CriticContract, GeneratorContract
from gan_core.contracts.material import cloud, drawn
from gan_core.networks import CriticAt

pytestmark = pytest.mark.shapes

SHAPE = SampleShape(shape=(5,), bounded=False)


class Residual(nn.Module):
    """A residual block with a buffer, `frequencies`."""

    def __init__(self, width: int):
        super().__init__()
        self.linear, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.register_buffer("frequencies", torch.linspace(1, 2, width))

    def forward(self, x):
        return x + torch.nn.functional.silu(self.norm(self.linear(x)) * self.frequencies)


@dataclass(frozen=True, kw_only=True)
class ResidualCritic(ModuleCritic):
    width: int = 6
    form = "score"

    def module(self, shape):
        return nn.Sequential(nn.Linear(shape.dim, self.width), Residual(self.width), nn.Linear(self.width, 1))


@dataclass(frozen=True, kw_only=True)
class Convolutional(ModuleCritic):
    form = "energy"

    def module(self, shape):
        kernel = nn.Conv1d(1, 4, 3, padding=1)
        last = nn.Linear(4 * shape.dim, 1)
        return nn.Sequential(nn.Unflatten(1, (1, shape.dim)), kernel, nn.Tanh(), nn.Flatten(), last, nn.Softplus())


@dataclass(frozen=True, kw_only=True)
class ResidualGenerator(ModuleGenerator):
    width: int = 6
    latent: int = 3

    def module(self, shape):
        return nn.Sequential(nn.Linear(self.latent, self.width), Residual(self.width), nn.Linear(self.width, shape.dim))


@dataclass(frozen=True, kw_only=True)
class ImageCritic(ModuleCritic):
    """An autoencoder's layers: convolution, normalisation over an image, transposed convolution."""

    form = "score"

    def module(self, shape):
        channels, height, width = shape.shape
        down, up = nn.Conv2d(channels, 4, 3, padding=1), nn.ConvTranspose2d(4, 3, 3, padding=1)
        norms = nn.GroupNorm(2, 4), nn.LayerNorm((3, height, width))
        return nn.Sequential(down, norms[0], nn.Tanh(), up, norms[1], nn.Flatten(), nn.Linear(3 * height * width, 1))


@dataclass(frozen=True, kw_only=True)
class ImageGenerator(ModuleGenerator):
    latent: int = 3
    norm: str = "group"

    def module(self, shape):
        channels, height, width = shape.shape
        norm = nn.BatchNorm2d(4) if self.norm == "batch" else nn.GroupNorm(2, 4)
        first = nn.Sequential(nn.Linear(self.latent, 4 * height * width), nn.Unflatten(1, (4, height, width)))
        return nn.Sequential(first, norm, nn.SiLU(), nn.Conv2d(4, channels, 3, padding=1), nn.Tanh())


class TestResidualCritic(CriticContract):
    subject = ResidualCritic()


class TestConvolutionalCritic(CriticContract):
    subject = Convolutional()


class TestResidualGenerator(GeneratorContract):
    subject = ResidualGenerator()


class TestImageCritic(CriticContract):
    subject = ImageCritic()


class TestImageGenerator(GeneratorContract):
    subject = ImageGenerator()


class TestGeneratorWithBatchNormalisation(GeneratorContract):
    subject = ImageGenerator(norm="batch")


def layers(widths, activation):
    """The layers of `MLPGenerator` and `MLPCritic` as a module."""
    return nn.Sequential(
        *[layer for inputs, outputs in pairwise(widths) for layer in (nn.Linear(inputs, outputs), activation)][:-1]
    )


def transposed(parameters):
    """Our parameters under the names and in the shapes of the module, whose linear layers have even numbers."""
    return {
        f"{2 * int(layer)}.{kind}": value.mT if kind == "weight" else value.squeeze(-2)
        for (layer, kind), value in ((name.split("."), value) for name, value in parameters.items())
    }


@dataclass(frozen=True, kw_only=True)
class TorchGenerator(ModuleGenerator):
    latent: int = 3

    def module(self, shape):
        return layers([self.latent, 8, 8, shape.dim], nn.ReLU())

    def initial(self, shape, generator):
        return transposed(MLPGenerator(width=8, depth=2, latent=self.latent).initial(shape, generator))


@dataclass(frozen=True, kw_only=True)
class TorchCritic(ModuleCritic):
    form = "score"

    def module(self, shape):
        return layers([shape.dim, 8, 8, 1], nn.LeakyReLU(0.2))

    def initial(self, shape, generator):
        return transposed(MLPCritic(width=8, depth=2).initial(shape, generator))


def test_a_module_has_the_values_and_gradients_of_the_same_network_with_a_seed_axis():
    parameters = drawn(MLPCritic(width=8, depth=2), SHAPE)
    points = torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mlp = CriticAt(MLPCritic(width=8, depth=2), parameters, SHAPE)
    module = CriticAt(TorchCritic(), transposed(parameters), SHAPE)
    assert_close(module.value(points), mlp.value(points), rtol=1e-12, atol=1e-12)
    assert_close(module.gradient(points), mlp.gradient(points), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("constraint", [GradientPenalty(), GradientPenalty(location="real", target=0)])
def test_training_of_modules_with_a_penalty_gives_the_metrics_of_the_same_networks(constraint):
    """Penalties are differentiated through `vmap` in the modules, and through the explicit chain rule in the others."""
    mlps = NetworkPair(generator=MLPGenerator(width=8, depth=2, latent=3), critic=MLPCritic(width=8, depth=2))
    modules = NetworkPair(generator=TorchGenerator(), critic=TorchCritic())
    values = []
    for networks in (mlps, modules):
        trainer = Trainer(
            objective=Wasserstein(),
            constraint=constraint,
            networks=networks,
            training=Training(batch=6, dtype="float64", n_critic=2, critic_optimizer=Adam(lr=1e-2)),
            data=cloud(5),
            seeds=range(3),
        )
        trainer.advance(20)
        values.append(evaluate(trainer, cloud(5), settings=EvaluationSettings()))
    assert values[0].keys() == values[1].keys()
    for name, expected in values[0].items():
        assert_close(values[1][name], expected, rtol=1e-7, atol=1e-9)


def test_initial_parameters_are_those_of_torch_and_differ_between_seeds():
    critic = ResidualCritic(width=400)
    first, second = (critic.initial(SHAPE, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    assert not torch.equal(first["0.weight"], second["0.weight"])
    assert first["0.weight"].abs().max() <= 5**-0.5 + 1e-9  # torch.nn.Linear: uniform in +-1/sqrt(inputs)
    assert first["0.weight"].std().item() == pytest.approx((1 / 15) ** 0.5, rel=0.05)
    assert all(value.dtype == torch.float64 for value in first.values())


def test_spectral_normalisation_bounds_the_slope_of_a_module():
    trainer = Trainer(
        objective=Wasserstein(),
        constraint=SpectralNorm(),
        networks=NetworkPair(generator=TorchGenerator(), critic=TorchCritic()),
        training=Training(batch=16, n_critic=5, critic_optimizer=Adam(lr=1e-3)),
        data=cloud(5),
        seeds=range(2),
    )
    trainer.advance(40)
    points = torch.randn(2, 200, 5, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        slopes = slope(trainer.critic_now(), points)
    assert 0.5 < slopes.max() <= 1.001


def test_module_networks_leave_torchs_global_random_state_unchanged():
    before = torch.get_rng_state()
    try_network(ResidualCritic(), SHAPE)
    try_network(ResidualGenerator(), SHAPE)
    assert torch.equal(torch.get_rng_state(), before)


# --- images

IMAGE = SampleShape(shape=(3, 6, 5), bounded=True)


def test_a_module_gets_images_in_their_shape_and_points_as_they_are():
    seen = []

    class Recorder(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(()))

        def forward(self, x):
            seen.append(tuple(x.shape))
            return self.weight * x.flatten(1).sum(1)

    @dataclass(frozen=True, kw_only=True)
    class Recording(ModuleCritic):
        form = "score"

        def module(self, shape):
            return Recorder()

    samples = torch.arange(2 * 4 * 90.0).view(2, 4, 90).double()
    output = Recording().call({"weight": torch.tensor([1.0, 2.0]).double()}, samples, IMAGE)
    Recording().call({"weight": torch.ones(1).double()}, samples[:1, :, :2], SampleShape(shape=(2,), bounded=False))
    assert seen == [(4, 3, 6, 5), (4, 2)]
    assert_close(output.value, torch.tensor([[1.0], [2.0]]).double() * samples.sum(-1))
    assert torch.equal(output.samples, samples)


def test_weights_of_normalisations_are_gains_and_transposed_kernels_have_their_outputs_first():
    critic = ImageCritic()
    parameters = critic.initial(IMAGE, torch.Generator().manual_seed(1))
    assert {name: tuple(value.shape) for name, value in parameters.items() if "bias" not in name} == {
        "0.weight": (4, 3, 3, 3),
        "1.gain": (4,),
        "3.weight": (3, 4, 3, 3),
        "4.gain": (3, 6, 5),
        "6.weight": (1, 90),
    }
    stacked = {name: value[None] for name, value in parameters.items()}
    state = SpectralNorm().initial_state(stacked, [torch.Generator()])
    assert {name.removesuffix(".u") for name in state if name.endswith(".u")} == {"0.weight", "3.weight", "6.weight"}
    assert state["3.weight.u"].shape == (1, 3)
    mapped = SpectralNorm().map_parameters(stacked, state)
    assert mapped["4.gain"] is stacked["4.gain"]


def test_a_critic_of_a_module_has_the_values_of_the_module():
    critic, samples = ImageCritic(), torch.randn(1, 4, 90, generator=torch.Generator().manual_seed(2)).double()
    parameters = drawn(critic, IMAGE)
    module = critic.module(IMAGE).double()
    own = {name: value[1] for name, value in parameters.items()}
    own = {name.replace("gain", "weight"): value for name, value in own.items()}
    own["3.weight"] = own["3.weight"].transpose(0, 1)
    module.load_state_dict(own)
    value = critic.call({name: value[1:2] for name, value in parameters.items()}, samples, IMAGE).value
    assert_close(value, module(samples[0].view(4, 3, 6, 5)).T, rtol=1e-12, atol=1e-13)


def test_batch_normalisation_of_a_generator_uses_the_statistics_of_the_batch():
    generator, z = (
        ImageGenerator(norm="batch"),
        torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(2)).double(),
    )
    parameters = drawn(generator, IMAGE)
    parameters = {name: value[:2] for name, value in parameters.items()}
    fakes = generator.generate(parameters, z, IMAGE)
    assert generator.couples_fakes(IMAGE)
    assert not ImageGenerator().couples_fakes(IMAGE)
    module = generator.module(IMAGE).double().train()
    for member in range(2):
        own = {name: value[member] for name, value in parameters.items()}
        module.load_state_dict(own, strict=False)
        assert_close(fakes[member], module(z[member]).flatten(1), rtol=1e-12, atol=1e-13)


def test_gans_of_modules_with_batch_normalisation_train_and_are_evaluated_in_full_chunks():
    trainer = Trainer(
        objective=Wasserstein(),
        constraint=GradientPenalty(),
        networks=NetworkPair(generator=ImageGenerator(norm="batch"), critic=ImageCritic()),
        training=Training(batch=6),
        data=cloud(3, 6, 5, bounded=True),
        seeds=range(2),
    )
    trainer.advance(3)
    assert trainer.generator.flat.isfinite().all()
    assert_close(trainer.generate(128)[:, :5], trainer.generate(140)[:, :5], rtol=1e-5, atol=1e-6)


def test_a_generator_of_images_with_the_channels_last_is_refused():
    @dataclass(frozen=True, kw_only=True)
    class ChannelsLast(ModuleGenerator):
        latent: int = 3

        def module(self, shape):
            return nn.Sequential(nn.Linear(self.latent, 90), nn.Unflatten(1, (6, 5, 3)))

    sentence = r"must return samples of the shape \(3, 6, 5\), or flattened ones, but returns the shape \(6, 5, 3\)"
    with pytest.raises(ValueError, match=sentence):
        try_network(ChannelsLast(), IMAGE)


def linear(*between, outputs=1):
    return lambda shape: nn.Sequential(nn.Linear(shape.dim, 4), *between, nn.Linear(4, outputs))


UNSUITABLE = {
    "batch norm": (
        linear(nn.BatchNorm1d(4)),
        "critic must not mix the samples of a batch, but has BatchNorm1d; use GroupNorm or LayerNorm",
    ),
    "batch norm without running statistics": (
        linear(nn.BatchNorm1d(4, track_running_stats=False)),
        "critic must not mix the samples of a batch, but has BatchNorm1d; use GroupNorm or LayerNorm",
    ),
    "running mean": (linear(nn.InstanceNorm1d(4, track_running_stats=True)), "must have track_running_stats=False"),
    "dropout": (linear(nn.Dropout(0.5)), "must not draw random numbers when called, but has Dropout; leave it out"),
    "own spectral norm": (
        lambda shape: nn.utils.parametrizations.spectral_norm(nn.Linear(shape.dim, 1)),
        "must not have torch's spectral_norm, which has one u for all seeds; use constraint",
    ),
    "lazy": (
        lambda shape: nn.LazyLinear(1),
        "must not have lazy layers, whose sizes are unknown before the first call",
    ),
    "empty": (lambda shape: nn.Flatten(), "must have parameters, but has none"),
    "no module": (lambda shape: torch.sin, "must return a torch.nn.Module, but returns builtin_function_or_method"),
    "two values": (linear(outputs=2), "must return one number per sample, but returns the shape"),
}


@pytest.mark.parametrize(("build", "sentence"), UNSUITABLE.values(), ids=UNSUITABLE)
def test_unsuitable_modules_are_refused(build, sentence):
    @dataclass(frozen=True, kw_only=True)
    class Unsuitable(ModuleCritic):
        form = "score"

        def module(self, shape):
            return build(shape)

    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        try_network(Unsuitable(), SHAPE)


def test_a_generator_with_samples_of_another_size_is_refused():
    @dataclass(frozen=True, kw_only=True)
    class Short(ModuleGenerator):
        latent: int = 3

        def module(self, shape):
            return nn.Linear(self.latent, shape.dim - 1)

    with pytest.raises(
        ValueError, match=r"must return samples of the shape \(5,\), or flattened ones, but returns the shape \(4,\)"
    ):
        try_network(Short(), SHAPE)


def test_a_module_with_energies_is_refused_by_an_objective_of_scores():
    with pytest.raises(ValueError, match=r"networks\.critic: Convolutional outputs energies"):
        Trainer(
            objective=LeastSquares(),
            constraint=GradientPenalty(),
            networks=NetworkPair(generator=TorchGenerator(), critic=Convolutional()),
            training=Training(),
            data=cloud(5),
            seeds=[0],
        )
