"""Packs: equal to their trials alone, isolated to the bit, alike in structure; checkpoints and errors."""

import io
from dataclasses import replace
from itertools import product

import pytest
import torch
from small_gans import CONSTRAINTS, OBJECTIVES, blob, kind_of, small_networks
from small_packs import (
    OPTIMIZERS,
    alone,
    assert_only_slot_differs,
    members_of,
    optimizer_tensors,
    pack_of,
    tensors,
    with_rate,
)
from torch.testing import assert_close

from gan_core.constraints import GradientPenalty, SpectralNorm, Unconstrained, WeightClipping
from gan_core.data import Dirac, Ring
from gan_core.networks import ConvCritic, ConvGenerator, DiracPair, MLPCritic, MLPGenerator, NetworkPair
from gan_core.objectives import BoundaryEquilibrium, EnergyMargin, LossSensitive, NonSaturating, Wasserstein
from gan_core.shapes import SampleShape
from gan_core.training import (
    SGD,
    Adam,
    Halving,
    Member,
    Trainer,
    Training,
    pack_members,
    structure,
)

COMBINED = [
    (OBJECTIVES[case % len(OBJECTIVES)], CONSTRAINTS[case % len(CONSTRAINTS)], OPTIMIZERS[case // 2 % len(OPTIMIZERS)])
    for case in range(2 * len(CONSTRAINTS))
]
"""Each constraint twice, each objective three times, each optimizer twelve times: a soak test has the full product."""
every_combination, every_constraint = (
    pytest.mark.parametrize(
        ("objective", "constraint", "optimizer"), cases, ids=["-".join(map(kind_of, parts)) for parts in cases]
    )
    for cases in (COMBINED, COMBINED[: len(CONSTRAINTS)])
)


def assert_equals_its_trials_alone(members, iterations=20):
    pack = pack_of(members)
    pack.advance(iterations)
    health = pack.health()
    for slot, member in enumerate(members):
        trial = alone(member)
        trial.advance(iterations)
        for name, value in tensors(trial).items():
            assert_close(tensors(pack)[name][slot], value[0], rtol=0, atol=1e-9)
        for name, value in trial.health().items():
            assert_close(health[name][slot], value[0], rtol=1e-7, atol=1e-8)


@every_combination
def test_a_pack_equals_its_trials_alone(objective, constraint, optimizer):
    assert_equals_its_trials_alone(members_of(objective, constraint, optimizer))


@pytest.mark.soak
@pytest.mark.parametrize("objective", OBJECTIVES, ids=kind_of)
def test_a_pack_equals_its_trials_alone_with_every_constraint_and_optimizer(objective):
    for constraint, optimizer in product(CONSTRAINTS, OPTIMIZERS):
        assert_equals_its_trials_alone(members_of(objective, constraint, optimizer))


@pytest.mark.parametrize("order", ["critic_first", "alternating", "simultaneous"])
def test_a_pack_with_warm_up_equals_its_trials_alone_in_every_update_order(order):
    training = {"update_order": order, "n_critic": 2, "warmup_steps": 2, "warmup_n_critic": 3}
    members = members_of(BoundaryEquilibrium(balance_rate=0.1), GradientPenalty(), OPTIMIZERS[0], **training)
    assert_equals_its_trials_alone(members, iterations=8)


def test_a_pack_with_pre_training_equals_its_trials_alone():
    members = members_of(EnergyMargin(margin=2.0), SpectralNorm(), OPTIMIZERS[0], pretrain_steps=5)
    assert_equals_its_trials_alone(members, iterations=12)


@pytest.mark.shapes
def test_a_pack_of_dirac_pairs_follows_the_recursion_of_each_member():
    """psi <- psi - lr_c (theta + 2 gp_weight psi), then theta <- theta + lr_g psi."""
    weights, rates = [0.0, 0.5, 2.0], [0.1, 0.2, 0.3]
    members = [
        Member(
            objective=Wasserstein(),
            constraint=GradientPenalty(location="real", target=0, gp_weight=weight),
            training=Training(
                batch=3, dtype="float64", critic_optimizer=SGD(lr=rate), generator_optimizer=SGD(lr=rate / 2)
            ),
            seed=member,
        )
        for member, (weight, rate) in enumerate(zip(weights, rates, strict=True))
    ]
    pack = Trainer.of_pack(members, networks=DiracPair(theta=1.0, psi=-1.0), data=Dirac().load())
    pack.advance(6)
    for slot, (weight, rate) in enumerate(zip(weights, rates, strict=True)):
        theta, psi = 1.0, -1.0
        for _ in range(6):
            psi -= rate * (theta + 2 * weight * psi)
            theta += rate / 2 * psi
        assert pack.generator.flat[slot].item() == pytest.approx(theta, rel=1e-12)
        assert pack.critic.flat[slot].item() == pytest.approx(psi, rel=1e-12)


# --- isolation


@every_constraint
def test_a_learning_rate_of_1e30_in_slot_7_changes_no_bit_of_the_other_members(objective, constraint, optimizer):
    members = members_of(objective, constraint, optimizer, count=9, dtype="float32")
    disturbed = [*members[:7], with_rate(members[7], 1e30), members[8]]
    packs = pack_of(members), pack_of(disturbed)
    for pack in packs:
        pack.advance(8)
    assert_only_slot_differs(*packs, slot=7)


@every_constraint
def test_a_member_with_nan_changes_no_bit_of_the_other_members(objective, constraint, optimizer):
    members = members_of(objective, constraint, optimizer, count=5, dtype="float32")
    packs = pack_of(members), pack_of(members)
    for pack in packs:
        pack.advance(3)
    packs[1].generator.flat[2] = torch.nan
    packs[1].critic.flat[2] = torch.nan
    for pack in packs:
        pack.advance(4)
    assert_only_slot_differs(*packs, slot=2)
    assert packs[1].nonfinite_iteration[2] == 4


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
def test_bits_of_a_member_do_not_depend_on_equal_or_different_numbers_of_the_others(optimizer):
    members = members_of(LossSensitive(margin=0.5), GradientPenalty(), optimizer, count=5, dtype="float32")
    equal = [replace(members[1], seed=member.seed) for member in members]
    packs = [pack_of(members), pack_of(equal)]
    for pack in packs:
        pack.advance(8)
    assert torch.equal(packs[0].generator.flat[1], packs[1].generator.flat[1])
    assert torch.equal(packs[0].critic.flat[1], packs[1].critic.flat[1])


# --- checkpoints


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
def test_a_resumed_pack_gives_the_same_bits(optimizer):
    members = members_of(BoundaryEquilibrium(balance_rate=0.1), SpectralNorm(), optimizer, dtype="float32")
    undisturbed, resumed = pack_of(members), pack_of(members)
    undisturbed.advance(9)
    resumed.advance(4)
    file = io.BytesIO()
    torch.save(resumed.state(), file)
    resumed.advance(2)
    file.seek(0)
    resumed = pack_of(members)
    resumed.load(torch.load(file, weights_only=True))
    resumed.advance(5)
    pairs = zip(tensors(undisturbed).values(), tensors(resumed).values(), strict=True)
    assert all(torch.equal(expected, actual) for expected, actual in pairs)
    pairs = zip(optimizer_tensors(undisturbed), optimizer_tensors(resumed), strict=True)
    assert all(torch.equal(expected, actual) for expected, actual in pairs)


# --- structure


def member(**changes):
    usual = Member(objective=NonSaturating(), constraint=Unconstrained(), training=Training(batch=4), seed=0)
    return replace(usual, **changes)


def loss_sensitive(**changes):
    return member(objective=LossSensitive(**changes))


def trained(**changes):
    return member(training=Training(**{"batch": 4} | changes))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (member(seed=1), member(seed=2)),
        (loss_sensitive(margin=0.1, slope=0.0), loss_sensitive(margin=0.2, slope=-1.0, real_weight=1.0)),
        (member(constraint=WeightClipping(clip_value=0.1)), member(constraint=WeightClipping(clip_value=1.0))),
        (trained(critic_optimizer=Adam(lr=1e-3)), trained(critic_optimizer=Adam(betas=(0.0, 0.9), eps=1e-6))),
        (trained(critic_optimizer=SGD()), trained(critic_optimizer=SGD(momentum=0.9, schedule=Halving(every=3)))),
        (trained(generator_average=0.9), trained(generator_average=0.99)),
    ],
)
def test_members_that_differ_in_numbers_seeds_and_schedules_have_the_same_structure(first, second):
    assert structure(first) == structure(second)
    assert hash(structure(first)) == hash(structure(second))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            member(),
            member(objective=Wasserstein()),
            "objective.kind: must be equal for all members of a pack, but is non_saturating for member 0 and "
            "wasserstein for member 1",
        ),
        (loss_sensitive(slope=1.0), loss_sensitive(slope=0.5), "objective.slope: .* is 1 .* and not 1 "),
        (
            member(objective=EnergyMargin()),
            member(objective=EnergyMargin(pull_away_weight=0.1)),
            "objective.pull_away_weight: .* is 0 for member 0 and not 0 for member 1",
        ),
        (
            loss_sensitive(),
            loss_sensitive(difference="absolute_mean"),
            "objective.difference: .* is absolute_sum for member 0 and absolute_mean for member 1",
        ),
        (
            member(constraint=GradientPenalty()),
            member(constraint=GradientPenalty(location="real")),
            "constraint.location: .* is between for member 0 and real for member 1",
        ),
        (trained(), trained(n_critic=5), "training.n_critic: .* is 1 for member 0 and 5 for member 1"),
        (trained(), trained(batch=8), "training.batch: .* is 4 for member 0 and 8 for member 1"),
        (trained(), trained(dtype="float64"), "training.dtype: .* is float32 for member 0 and float64 for member 1"),
        (trained(), trained(generator_average=0.9), "training.generator_average: .* is 0 .* and not 0 "),
        (trained(), trained(critic_optimizer=SGD()), "training.critic_optimizer.kind: .* is adam .* and sgd "),
    ],
)
def test_members_of_different_structure_form_no_pack(first, second, message):
    assert structure(first) != structure(second)
    networks = small_networks(first.objective.critic_form)
    with pytest.raises(ValueError, match=f"^{message}"):
        Trainer.of_pack([first, second], networks=networks, data=blob())


def test_a_pack_needs_a_member():
    with pytest.raises(ValueError, match=r"^members: must have at least one, but is empty$"):
        Trainer.of_pack([], networks=small_networks("score"), data=blob())


def test_the_networks_of_a_pack_must_fit_its_objective():
    with pytest.raises(ValueError, match=r"^networks.critic: mlp outputs scores, but objective energy_margin needs"):
        Trainer.of_pack([member(objective=EnergyMargin())], networks=small_networks("score"), data=blob())


@pytest.mark.parametrize(
    ("width", "device", "members"),
    [
        (16, "cpu", 48),
        (32, "cpu", 48),
        (64, "cpu", 24),
        (128, "cpu", 24),
        (256, "cpu", 1),
        (16, "cuda", 192),
        (128, "cuda:1", 192),
    ],
)
def test_smaller_networks_have_larger_packs(width, device, members):
    networks = NetworkPair(generator=MLPGenerator(width=width), critic=MLPCritic(width=width))
    assert pack_members(networks, Ring().load().sample_shape, device) == members


def test_the_dirac_pair_has_the_largest_packs():
    assert pack_members(DiracPair(), Dirac().load().sample_shape, "cpu") == 192


def test_convolutions_have_no_pack_on_a_processor():
    shape = SampleShape(shape=(1, 8, 8), bounded=True)
    networks = NetworkPair(generator=ConvGenerator(base=2), critic=ConvCritic(base=2))
    assert pack_members(networks, shape, "cpu") == 1
    assert pack_members(networks, shape, "cuda") == 192
