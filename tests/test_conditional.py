"""Conditional GANs: what the networks get, which label belongs to which sample, and a training on the ring."""

import io
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from small_gans import drawn, kind_of
from torch import nn
from torch.nn.functional import one_hot
from torch.testing import assert_close

from gan_core.constraints import GradientPenalty, SpectralNorm, Unconstrained
from gan_core.data import PARTS, Dataset, Digits, Ring, TwoMoons, labels_in_shares
from gan_core.networks import (
    AnyGenerator,
    AutoencoderCritic,
    ConditionalCritic,
    ConditionalGenerator,
    ConvAutoencoderCritic,
    ConvCritic,
    ConvGenerator,
    CriticAt,
    MLPCritic,
    MLPGenerator,
    ModuleCritic,
    ModuleGenerator,
    NetworkPair,
    gradient_by_autograd,
    parameter_shapes,
    with_labels,
    without_labels,
)
from gan_core.objectives import EnergyMargin, LossSensitive, NonSaturating, Relativistic, Wasserstein
from gan_core.shapes import LabelledShape, SampleShape
from gan_core.training import Adam, Member, Trainer, Training, why_unpackable
from gan_core.training.settings import check_conditional

pytestmark = pytest.mark.shapes

CLASSES, BATCH, SEEDS = 4, 6, 3
POINTS, IMAGE = SampleShape(shape=(5,), bounded=False), SampleShape(shape=(2, 9, 7), bounded=True)
CRITICS = [
    MLPCritic(width=6, depth=2),
    AutoencoderCritic(width=6, depth=1, code=3),
    ConvCritic(base=3),
    ConvAutoencoderCritic(base=3, code=4),
]
every_critic = pytest.mark.parametrize("critic", CRITICS, ids=kind_of)


def shape_of(network):
    return IMAGE if network.only_images else POINTS


def inputs(shape, *, seed=9):
    """Samples, and their one-hot labels."""
    generator = torch.Generator().manual_seed(seed)
    samples = torch.randn((SEEDS, BATCH, shape.dim), generator=generator, dtype=torch.float64)
    return samples, one_hot(torch.randint(CLASSES, (SEEDS, BATCH), generator=generator), CLASSES).double()


# --- networks


def test_labels_are_further_inputs_of_the_generator():
    """With labels e_k the first layer's output is that without labels, plus row k of the labels' weights."""
    plain = MLPGenerator(width=6, depth=2, latent=3)
    conditional = ConditionalGenerator(network=plain, classes=CLASSES)
    assert (conditional.latent, conditional.label_width, conditional.kind) == (3, CLASSES, "mlp")
    parameters = drawn(conditional, POINTS, (0, 1, 2))
    z = torch.randn((SEEDS, BATCH, 3), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for label in range(CLASSES):
        labels = torch.eye(CLASSES, dtype=torch.float64)[label].expand(SEEDS, BATCH, -1)
        alone = dict(parameters)
        alone["0.weight"] = parameters["0.weight"][:, :3]
        alone["0.bias"] = parameters["0.bias"] + parameters["0.weight"][:, 3 + label, None]
        expected = plain.generate(alone, z, POINTS)
        assert_close(conditional.generate(parameters, with_labels(z, labels), POINTS), expected, rtol=1e-12, atol=1e-12)


def test_labels_are_further_coordinates_of_points_for_the_critic():
    """Likewise for value and gradient, which has no coordinate for the label."""
    plain = MLPCritic(width=6, depth=2)
    conditional = ConditionalCritic(network=plain, classes=CLASSES)
    parameters = drawn(conditional, POINTS, (0, 1, 2))
    samples, _ = inputs(POINTS)
    for label in range(CLASSES):
        labels = torch.eye(CLASSES, dtype=torch.float64)[label].expand(SEEDS, BATCH, -1)
        alone = dict(parameters)
        alone["0.weight"] = parameters["0.weight"][:, : POINTS.dim]
        alone["0.bias"] = parameters["0.bias"] + parameters["0.weight"][:, POINTS.dim + label, None]
        found, expected = CriticAt(conditional, parameters, POINTS, labels), CriticAt(plain, alone, POINTS)
        assert_close(found.value(samples), expected.value(samples), rtol=1e-12, atol=1e-12)
        assert_close(found.gradient(samples), expected.gradient(samples), rtol=1e-12, atol=1e-12)


def test_labels_are_constant_channels_of_images_for_the_critic():
    critic = ConvCritic(base=3)
    conditional = ConditionalCritic(network=critic, classes=CLASSES)
    parameters = drawn(conditional, IMAGE, (0, 1, 2))
    samples, labels = inputs(IMAGE)
    images = samples.unflatten(-1, IMAGE.shape)
    channels = labels[..., None, None].expand(-1, -1, -1, *IMAGE.shape[1:])
    stacked = torch.cat([images, channels], dim=2).flatten(2)
    expected = critic.call(parameters, stacked, LabelledShape.of(IMAGE, CLASSES)).value
    found = CriticAt(conditional, parameters, IMAGE, labels).call(samples)
    assert_close(found.value, expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(found.samples, samples)


@every_critic
def test_the_gradient_is_that_with_respect_to_the_sample_alone(critic):
    shape = shape_of(critic)
    conditional = ConditionalCritic(network=critic, classes=CLASSES)
    samples, labels = inputs(shape)
    at = CriticAt(conditional, drawn(conditional, shape, (0, 1, 2)), shape, labels)
    assert at.gradient(samples).shape == samples.shape
    assert_close(at.gradient(samples), gradient_by_autograd(at.value, samples), rtol=1e-10, atol=1e-12)


@every_critic
def test_a_batch_twice_has_each_label_twice_and_other_numbers_are_refused(critic):
    """As for penalties at real samples and at fakes."""
    shape = shape_of(critic)
    conditional = ConditionalCritic(network=critic, classes=CLASSES)
    samples, labels = inputs(shape)
    at = CriticAt(conditional, drawn(conditional, shape, (0, 1, 2)), shape, labels)
    twice = at.value(torch.cat([samples, samples + 1], dim=1))
    assert_close(twice, torch.cat([at.value(samples), at.value(samples + 1)], dim=1), rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match="whole batches of 6 samples, one for each label, but gets 7"):
        at.value(torch.cat([samples, samples[:, :1]], dim=1))


@pytest.mark.parametrize("critic", [CRITICS[1], CRITICS[3]], ids=kind_of)
def test_an_autoencoder_encodes_the_labels_and_reconstructs_the_sample(critic):
    """The energy of labels that the encoder does not see is that without labels; the error has no label in it."""
    shape = shape_of(critic)
    conditional = ConditionalCritic(network=critic, classes=CLASSES)
    labelled, plain = parameter_shapes(conditional, shape), parameter_shapes(critic, shape)
    different = {name for name in plain if labelled[name] != plain[name]}
    assert different == {"encoder.0.weight"}
    parameters = drawn(conditional, shape, (0, 1, 2))
    samples, labels = inputs(shape)
    weight = parameters["encoder.0.weight"].clone()
    width = shape.shape[0]
    rows = (slice(None), slice(None), slice(width, None)) if shape.of_images else (slice(None), slice(width, None))
    weight[rows] = 0
    blind = parameters | {"encoder.0.weight": weight}
    kept = weight[:, :, :width] if shape.of_images else weight[:, :width]
    expected = critic.call(blind | {"encoder.0.weight": kept}, samples, shape).value
    assert_close(CriticAt(conditional, blind, shape, labels).value(samples), expected, rtol=1e-12, atol=1e-12)
    seen = CriticAt(conditional, parameters, shape, labels).value(samples)
    other = CriticAt(conditional, parameters, shape, labels.roll(1, dims=-1)).value(samples)
    assert (seen - other).abs().min() > 1e-9


@every_critic
def test_classes_in_another_order_with_weights_in_that_order_are_the_same_critic(critic):
    shape = shape_of(critic)
    conditional = ConditionalCritic(network=critic, classes=CLASSES)
    parameters = drawn(conditional, shape, (0, 1, 2))
    samples, labels = inputs(shape)
    order = torch.tensor([2, 0, 3, 1])
    first = "encoder.0.weight" if critic.has_code else "0.weight"
    axis = 2 if shape.of_images else 1
    before, of_labels = parameters[first].split([shape.shape[0], CLASSES], dim=axis)
    moved = parameters | {first: torch.cat([before, of_labels.index_select(axis, order)], dim=axis)}
    found = CriticAt(conditional, moved, shape, labels[..., order]).value(samples)
    assert_close(found, CriticAt(conditional, parameters, shape, labels).value(samples), rtol=1e-12, atol=1e-12)


def test_a_pair_without_classes_is_as_described_and_one_with_classes_wraps_each_network_once():
    plain = NetworkPair(generator=MLPGenerator(), critic=MLPCritic())
    assert (plain.generator, plain.critic) == (MLPGenerator(), MLPCritic())
    pair = replace(replace(plain, classes=3), classes=5)
    assert pair.generator == ConditionalGenerator(network=MLPGenerator(), classes=5)
    assert pair.critic == ConditionalCritic(network=MLPCritic(), classes=5)
    assert without_labels(pair.generator) == MLPGenerator()
    assert replace(pair, classes=0) == plain


@dataclass(frozen=True, kw_only=True)
class OwnGenerator(ModuleGenerator):
    latent: int = 3

    def module(self, shape):
        return nn.Linear(self.latent, shape.dim)


@dataclass(frozen=True, kw_only=True)
class OwnCritic(ModuleCritic):
    form = "score"

    def module(self, shape):
        return nn.Sequential(nn.Flatten(), nn.Linear(shape.dim, 1))


@dataclass(frozen=True, kw_only=True)
class OwnAutoencoder(ModuleCritic):
    form = "energy"
    has_code = True

    def module(self, shape):
        return nn.Linear(shape.dim, 1)


def test_torch_modules_of_ones_own_get_the_labels_as_further_inputs():
    pair = NetworkPair(generator=OwnGenerator(), critic=OwnCritic(), classes=CLASSES)
    assert parameter_shapes(pair.generator, IMAGE)["weight"] == (IMAGE.dim, 3 + CLASSES)
    assert parameter_shapes(pair.critic, IMAGE)["1.weight"] == (1, IMAGE.dim + CLASSES * 9 * 7)
    parameters = drawn(pair.critic, IMAGE, (0, 1, 2))
    samples, labels = inputs(IMAGE)
    weight = parameters["1.weight"][:, 0].unflatten(1, (2 + CLASSES, 9 * 7))
    of_labels = torch.einsum("sbk,sk->sb", labels, weight[:, 2:].sum(-1))
    expected = torch.einsum("sbd,sd->sb", samples, weight[:, :2].flatten(1)) + of_labels + parameters["1.bias"]
    assert_close(CriticAt(pair.critic, parameters, IMAGE, labels).value(samples), expected, rtol=1e-10, atol=1e-10)


def test_an_autoencoder_of_ones_own_and_a_generator_without_latent_field_are_refused():
    @dataclass(frozen=True, kw_only=True)
    class Fixed(AnyGenerator):
        kind = "fixed"
        latent = 2

        def initial(self, shape, generator):
            return {"a": torch.zeros(1)}

        def generate(self, parameters, z, shape):
            return z

    with pytest.raises(ValueError, match="classes: must be 0 with an autoencoder critic of your own"):
        NetworkPair(generator=MLPGenerator(), critic=OwnAutoencoder(), classes=2)
    with pytest.raises(ValueError, match="generator: must have a field `latent`"):
        NetworkPair(generator=Fixed(), critic=MLPCritic(), classes=2)


# --- labels of data


def test_labels_of_known_modes_are_the_nearest_modes():
    ring = Ring(train=300, held_out=80).load()
    assert ring.modes is not None
    distances = np.linalg.norm(ring.validation[:, None] - ring.modes.centers, axis=2)
    assert ring.labels_of("validation").tolist() == distances.argmin(1).tolist()
    classes = ring.condition_classes
    assert classes is not None
    assert classes.names[:2] == ("mode 0", "mode 1")
    assert sum(classes.shares) == pytest.approx(1)
    assert Digits().load().condition_classes is not None
    assert TwoMoons().load().condition_classes is None


@pytest.mark.parametrize("count", [50, 51, 64, 799])
def test_labels_have_the_shares_up_to_one_and_no_class_is_left_out(count):
    shares = np.array([0.003, 0.5, 0.0, 0.297, 0.2])
    labels = labels_in_shares(shares, count)
    counts = np.bincount(labels, minlength=5)
    assert counts.sum() == count == len(labels)
    assert counts[0] >= 1
    assert counts[2] == 0
    assert (np.abs(counts - shares * count) <= 1 + (np.arange(5) == 1)).all()  # one of the largest may make room
    assert labels.tolist() == labels_in_shares(shares, count).tolist()
    assert (np.diff(labels) < 0).any()  # not sorted: a batch of fakes has all classes


def test_labels_that_are_wanted_are_numbers_or_names():
    classes = Digits().load().condition_classes
    assert classes is not None
    assert classes.labels(3, 7).tolist() == classes.labels(3, "7").tolist() == [7, 7, 7]
    assert classes.labels(2, ["3", 4]).tolist() == [3, 4]
    for wanted, sentence in (
        (10, "labels: must lie in 0 .. 9, but one is 10"),
        (-1, "but one is -1"),
        ("ten", "labels: must be classes, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, but one is ten"),
        ([1, 2], "labels: must be one class, or one for each of 3 samples, but are 2"),
    ):
        with pytest.raises(ValueError, match=sentence.replace(".", r"\.")):
            classes.labels(3, wanted)


# --- training


CENTERS = np.array([[0.0, 0.0], [3.0, 1.0], [-2.0, 4.0]], dtype=np.float32)


def at_centers(counts=(60, 30, 10)):
    """Samples that are equal within a class, with unequal classes."""
    labels = np.random.default_rng(3).permutation(np.repeat(np.arange(3), counts))
    parts: dict[str, Any] = {part: CENTERS[labels] for part in PARTS}
    return Dataset(
        name="centers",
        **parts,
        shape=(2,),
        bounded=False,
        labels=dict.fromkeys(PARTS, labels),
        classes=("a", "b", "c"),
    )


@dataclass(frozen=True, kw_only=True)
class Echo(AnyGenerator):
    """The center of the label in its input, moved by its only parameter."""

    kind = "echo"
    latent: int = 2

    def initial(self, shape, generator):
        return {"weight": torch.zeros((1, 2), dtype=torch.float64)}

    def generate(self, parameters, z, shape):
        return z[..., -3:] @ torch.from_numpy(CENTERS).to(z) + parameters["weight"]


@dataclass(frozen=True, kw_only=True)
class Noting(LossSensitive):
    """Notes the pairs of samples that it compares."""

    generator_reads_real = True
    noted: ClassVar[list[Any]] = []

    def critic_loss(self, real, fake, state):
        self.noted.append((real.samples, fake.samples.detach()))
        return super().critic_loss(real, fake, state)

    def generator_loss(self, real, fake, state):
        self.noted.append((real.samples, fake.samples.detach()))
        return super().generator_loss(real, fake, state)


@dataclass(frozen=True, kw_only=True)
class NotingPenalty(GradientPenalty):
    noted: ClassVar[list[Any]] = []

    def points(self, real, fake, noise):
        self.noted.append(super().points(real, fake, noise))
        return self.noted[-1]


def test_the_real_sample_and_the_fake_of_a_pair_have_one_class_and_so_have_points_between_them():
    """Fakes stand at the center of their label, so the samples of every pair, and the points between, are equal."""
    Noting.noted.clear()
    NotingPenalty.noted.clear()
    trainer = Trainer(
        objective=Noting(),
        constraint=NotingPenalty(),
        networks=NetworkPair(generator=Echo(), critic=MLPCritic(width=4, depth=1, form="energy"), classes=3),
        training=Training(batch=16, n_critic=2, generator_optimizer=Adam(lr=1e-9)),
        data=at_centers(),
        seeds=[1, 2],
    )
    trainer.advance(2)
    assert len(Noting.noted) == 2 * 3
    assert len(NotingPenalty.noted) == 4
    for real, fake in Noting.noted:
        assert_close(real, fake, atol=1e-6, rtol=0)
    for points in NotingPenalty.noted:
        nearest = torch.cdist(points, torch.from_numpy(CENTERS).expand(2, -1, -1)).amin(-1)
        assert nearest.max() < 1e-6
    shares = torch.stack(
        [(torch.cdist(real, torch.from_numpy(CENTERS)[None]) < 1e-6).float().mean((0, 1)) for real, _ in Noting.noted]
    ).mean(0)
    assert_close(shares, torch.tensor([0.6, 0.3, 0.1]), atol=0.12, rtol=0)


CASES = {
    "wgan-gp": (Wasserstein(), GradientPenalty(), MLPCritic(width=8, depth=2)),
    "r3gan": (Relativistic(), GradientPenalty(location="real_and_fake", target=0), MLPCritic(width=8, depth=2)),
    "dragan": (NonSaturating(), GradientPenalty(location="around_real"), MLPCritic(width=8, depth=2)),
    "spectral norm": (Wasserstein(), SpectralNorm(), MLPCritic(width=8, depth=2)),
    "ebgan": (EnergyMargin(margin=1.0), Unconstrained(), AutoencoderCritic(width=8, depth=1, code=3)),
    "conv": (Wasserstein(), GradientPenalty(), ConvCritic(base=2)),
    "conv ebgan": (EnergyMargin(margin=1.0), Unconstrained(), ConvAutoencoderCritic(base=2)),
}


def small_trainer(case, seeds, **training):
    objective, constraint, critic = CASES[case]
    images = critic.only_images
    generator = ConvGenerator(base=2, latent=4, normalisation="layer") if images else MLPGenerator(width=8, latent=4)
    return Trainer(
        objective=objective,
        constraint=constraint,
        networks=NetworkPair(generator=generator, critic=critic, classes=10),
        training=Training(batch=8, pretrain_steps=2 * critic.has_code, **training),
        data=Digits().load(),
        seeds=seeds,
    )


@pytest.mark.parametrize("case", CASES)
def test_conditional_gans_train_and_resume_with_the_same_bits(case):
    whole, first = small_trainer(case, [3, 4]), small_trainer(case, [3, 4])
    before = whole.critic.flat.clone(), whole.generator.flat.clone()
    whole.advance(6)
    assert all(
        (new != old).any(1).all() for new, old in zip((whole.critic.flat, whole.generator.flat), before, strict=True)
    )
    first.advance(3)
    kept = io.BytesIO()
    torch.save(first.state(), kept)
    kept.seek(0)
    resumed = small_trainer(case, [3, 4])
    resumed.load(torch.load(kept))
    resumed.advance(3)
    assert torch.equal(resumed.generator.flat, whole.generator.flat)
    assert torch.equal(resumed.critic.flat, whole.critic.flat)
    assert all(value.isfinite().all() for value in whole.health().values())
    fakes = whole.generate(150)  # more than a chunk of an evaluation
    assert fakes.shape == (2, 150, 64)
    assert fakes.isfinite().all()


def test_a_seed_alone_and_a_member_of_a_pack_train_alike():
    alone, both = (small_trainer("wgan-gp", seeds, dtype="float64") for seeds in ([4], [3, 4]))
    member = [
        Member(
            objective=both.objective, constraint=GradientPenalty(gp_weight=weight), training=both.training, seed=seed
        )
        for seed, weight in ((3, 1.0), (4, 10.0))
    ]
    pack = Trainer.of_pack(member, networks=both.networks, data=Digits().load())
    for trainer in (alone, both, pack):
        trainer.advance(5)
    assert_close(both.generator.flat[1], alone.generator.flat[0], rtol=1e-9, atol=1e-12)
    assert_close(pack.generator.flat[1], alone.generator.flat[0], rtol=1e-9, atol=1e-12)
    assert why_unpackable(both.objective, both.constraint, both.networks, both.shape) is None


def test_values_of_the_critic_are_means_over_the_classes_in_their_shares():
    trainer = Trainer(
        objective=Wasserstein(),
        constraint=Unconstrained(),
        networks=NetworkPair(generator=MLPGenerator(width=4, latent=2), critic=MLPCritic(width=5), classes=3),
        training=Training(batch=4, dtype="float64"),
        data=at_centers(),
        seeds=[1, 2],
    )
    points = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
    labels = torch.eye(3, dtype=torch.float64)
    samples = torch.from_numpy(points).double().expand(2, -1, -1)
    by_class = [trainer.critic_now(label.expand(2, 7, -1)).value(samples).detach().numpy() for label in labels]
    expected = 0.6 * by_class[0] + 0.3 * by_class[1] + 0.1 * by_class[2]
    np.testing.assert_allclose(trainer.critic_values(points), expected, rtol=1e-9, atol=1e-12)


REFUSED: dict[str, tuple[int, dict[str, Any], str]] = {
    "another number": (9, {}, "networks.classes: must be 0 or 10, the number of classes of digits, but is 9"),
    "a split without labels": (10, {"labels": {"train": np.arange(997) % 10}}, "a split of digits has no labels"),
    "a class without samples": (11, {"classes": tuple("0123456789a")}, "no training sample has the class a"),
    "no classes": (2, {"labels": {}, "classes": ()}, "digits has neither classes nor modes, but is 2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_networks_that_do_not_fit_the_classes_are_refused(case):
    classes, changes, sentence = REFUSED[case]
    pair = NetworkPair(generator=MLPGenerator(width=4), critic=MLPCritic(width=4), classes=classes)
    with pytest.raises(ValueError, match=sentence):
        check_conditional(pair, replace(Digits().load(), **changes))
    check_conditional(replace(pair, classes=0), replace(Digits().load(), **changes))


def test_known_modes_count_as_classes_and_batch_normalisation_is_refused():
    pair = NetworkPair(generator=ConvGenerator(base=2), critic=ConvCritic(base=2), classes=10)
    with pytest.raises(ValueError, match="must not have batch normalisation"):
        check_conditional(pair, Digits().load())
    with pytest.raises(ValueError, match="must be 0 or 8, the number of modes of ring, but is 10"):
        check_conditional(pair, Ring().load())
