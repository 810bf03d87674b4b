"""Reasons why an objective or a constraint cannot be mapped over the members of a pack."""

import math
from dataclasses import dataclass
from functools import cached_property

import pytest
import torch
from small_gans import CONSTRAINTS, OBJECTIVES, blob, kind_of, small_networks

from gan_core.constraints import GradientPenalty, SpectralNorm, Unconstrained, WeightClipping
from gan_core.fields import is_exactly
from gan_core.networks import DiracPair
from gan_core.objectives import Stateless, Wasserstein
from gan_core.shapes import SampleShape
from gan_core.training import Member, Trainer, Training, why_unpackable

pytestmark = pytest.mark.shapes

SHAPE = SampleShape(shape=(3,), bounded=False)


@dataclass(frozen=True, kw_only=True)
class Weighted(Stateless):
    """A user's own objective, with its mathematics in `weight`."""

    scale: float = 2.0
    margin: float = 0.5
    critic_form = "score"

    def weight(self):
        return self.margin

    def critic_loss(self, real, fake, state):
        return self.scale * fake.value.mean(-1) - self.weight() * real.value.mean(-1)

    def generator_loss(self, real, fake, state):
        return -self.scale * fake.value.mean(-1)


class Compared(Weighted):
    def weight(self):
        return 1.0 if self.margin > 1 else 2.0


class Converted(Weighted):
    def weight(self):
        return math.exp(self.margin)


class Inspected(Weighted):
    def weight(self):
        return 1.0 if isinstance(self.margin, float) else 2.0


class LookedUp(Weighted):
    def weight(self):
        return {0.5: 1.0}.get(self.margin, 2.0)


class Filled(Weighted):
    def weight(self):
        return torch.full((), self.margin).item()


class Cached(Weighted):
    @cached_property
    def half(self):
        return self.margin / 2

    def weight(self):
        return self.half


class SetOnce(Weighted):
    half: float

    def __post_init__(self):
        object.__setattr__(self, "half", self.margin / 2)

    def weight(self):
        return self.half


class Special(Weighted):
    special_values = {"margin": 0.0}  # noqa: RUF012

    def weight(self):
        return 1.0 if is_exactly(self.margin, 0) else self.margin


@dataclass(frozen=True, kw_only=True)
class Bounded(WeightClipping):
    """A user's own constraint, which clips only below a limit."""

    limit: float = 1.0

    def project_(self, parameters):
        if self.clip_value < self.limit:
            super().project_(parameters)


@dataclass(frozen=True, kw_only=True)
class Scaled(SpectralNorm):
    """A user's own constraint: spectral normalisation to another largest singular value."""

    largest: float = 2.0

    def map_parameters(self, parameters, state):
        mapped = super().map_parameters(parameters, state)
        return {name: self.largest * value for name, value in mapped.items()}


@dataclass(frozen=True, kw_only=True)
class Noisy(GradientPenalty):
    """A user's own constraint, which draws more random numbers for a larger weight."""

    def noise_width(self, dim):
        return dim if self.gp_weight > 1 else 1


def reason(objective, constraint=None):
    networks = small_networks(objective.critic_form)
    return why_unpackable(objective, constraint or Unconstrained(), networks, SHAPE)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=kind_of)
def test_every_objective_of_the_library_can_be_packed(objective):
    assert reason(objective) is None


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=kind_of)
def test_every_constraint_of_the_library_can_be_packed(constraint):
    assert reason(Wasserstein(), constraint) is None


def test_the_dirac_pair_can_be_packed():
    assert why_unpackable(Wasserstein(), Unconstrained(), DiracPair(), SampleShape(shape=(1,), bounded=False)) is None


def test_a_users_parts_of_torchs_arithmetic_can_be_packed():
    assert reason(Weighted()) is None
    assert reason(Weighted(), Scaled()) is None


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_a_branch_at_a_special_value_can_be_packed(margin):
    assert reason(Special(margin=margin)) is None


@pytest.mark.parametrize("kind", [Compared, Converted, Inspected, LookedUp, Filled])
def test_a_hyperparameter_outside_of_torchs_arithmetic_is_named(kind):
    text = reason(kind())
    assert text is not None
    assert text.startswith(f"objective.margin: cannot differ between the members of a pack, since {kind.__name__} ")


def test_the_reason_says_what_fails():
    assert "fails with a tensor in its place: vmap: It looks like you're attempting to use a Tensor" in reason(
        Compared()
    )
    assert "returns other values from critic_loss() with a tensor in its place" in reason(Inspected())


def test_a_projection_that_compares_a_hyperparameter_is_named():
    assert reason(Wasserstein(), Bounded()).startswith("constraint.clip_value: cannot differ between the members")


def test_a_number_of_random_numbers_that_depends_on_a_hyperparameter_is_named():
    assert reason(Wasserstein(), Noisy()).startswith("constraint.gp_weight: cannot differ between the members")


def test_an_attribute_that_is_computed_once_from_hyperparameters_is_named():
    assert reason(SetOnce()).startswith("objective.half: must be a field or a property, since members of a pack")


def test_a_pack_with_an_unpackable_objective_is_refused():
    members = [
        Member(objective=Compared(margin=margin), constraint=Unconstrained(), training=Training(batch=4), seed=0)
        for margin in (0.5, 0.6)
    ]
    with pytest.raises(ValueError, match=r"^objective.margin: cannot differ"):
        Trainer.of_pack(members, networks=small_networks("score"), data=blob())


@pytest.mark.parametrize("kind", [Weighted, Cached])
def test_a_users_objective_and_constraint_train_in_a_pack_as_alone(kind):
    training = Training(batch=4, dtype="float64")
    members = [
        Member(objective=kind(margin=margin), constraint=Scaled(largest=1 + margin), training=training, seed=seed)
        for seed, margin in enumerate((0.5, 0.7, 0.9, 1.1))
    ]
    networks = small_networks("score")
    pack = Trainer.of_pack(members, networks=networks, data=blob())
    pack.advance(10)
    for slot, member in enumerate(members):
        alone = Trainer(
            objective=member.objective,
            constraint=member.constraint,
            training=training,
            networks=networks,
            data=blob(),
            seeds=[member.seed],
        )
        alone.advance(10)
        torch.testing.assert_close(pack.critic.flat[slot], alone.critic.flat[0], rtol=0, atol=1e-11)
        torch.testing.assert_close(pack.generator.flat[slot], alone.generator.flat[0], rtol=0, atol=1e-11)
