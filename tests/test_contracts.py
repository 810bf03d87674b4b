"""The contracts that users subclass: every kind that ships fulfils them, and each finds what it is there to find."""

import subprocess
import sys
from dataclasses import dataclass, fields
from typing import get_args

import numpy as np
import pytest
import torch
from games import CONSTRAINTS, OBJECTIVES, kind_of

from gan_core import contracts
from gan_core.constraints import GradientPenalty, Unconstrained, WeightClipping, slope
from gan_core.contracts import (
    ConstraintContract,
    CriticContract,
    DataContract,
    GeneratorContract,
    ObjectiveContract,
)
from gan_core.data import Data, Digits
from gan_core.networks import AutoencoderCritic, Critic, Generator, MLPCritic, MLPGenerator, SegmentGenerator
from gan_core.objectives import AnyObjective, LeastSquares, Memoryless, Wasserstein

SMALL = {"width": 6, "depth": 2, "latent": 4, "code": 3}


def small(union):
    """The members of a union, of which one is enough, in a size that is quick."""
    kinds = [kind for kind in get_args(union) or (union,) if kind is not SegmentGenerator]  # it knows the plane alone
    return [kind(**{field.name: SMALL[field.name] for field in fields(kind) if field.name in SMALL}) for kind in kinds]


class Each:
    """A contract for each of several subjects."""

    @pytest.fixture(autouse=True)
    def _choose(self, kind):
        self.subject = kind


def each(kinds):
    return pytest.mark.parametrize("kind", kinds, ids=kind_of)


# --- every kind that ships fulfils its contract


@each(OBJECTIVES)
class TestEveryObjective(Each, ObjectiveContract):
    @pytest.fixture(autouse=True)
    def _values(self, kind):
        if kind == LeastSquares(fake_target=-1.0, generator_target=0.0):
            self.values = (-0.9, -0.1)  # between its targets


@each(CONSTRAINTS)
class TestEveryConstraint(Each, ConstraintContract):
    pass


@each(small(Generator))
class TestEveryGenerator(Each, GeneratorContract):
    pass


@each(small(Critic))
class TestEveryCritic(Each, CriticContract):
    pass


@each([kind() for kind in get_args(Data)])
class TestEveryData(Each, DataContract):
    pass


# --- every test finds what it is there to find


def failures(contract, subject):
    """The tests of a contract that a subject does not pass."""
    mine = type("Mine", (contract,), {"subject": subject})
    failed = set()
    for name in claims_of(contract):
        try:
            getattr(mine(), name)()
        except Exception:
            failed.add(name)
    return failed


def claims_of(contract):
    return [name for name in dir(contract) if name.startswith("test_")]


def objective(base=Wasserstein, **methods):
    return dataclass(frozen=True, kw_only=True)(type("Broken", (base,), methods))()


class Counting(Memoryless):
    """Counts the generator's steps."""

    critic_form = "score"

    def critic_loss(self, real, fake, memory):
        return fake.value.mean(-1) - real.value.mean(-1)

    def generator_loss(self, real, fake, memory):
        return -fake.value.mean(-1) * (1 + memory["steps"])

    def initial_memory(self, seeds):
        return {"steps": torch.zeros(seeds)}

    def remember(self, real, fake, memory):
        return {"steps": memory["steps"] + real.value.mean(-1)}


def added_in_place(self, real, fake, memory):
    memory["steps"] += 1
    return memory


WRONG_OBJECTIVES = {
    "test_losses_have_one_value_per_seed_and_differ_between_seeds": objective(
        critic_loss=lambda self, real, fake, memory: fake.value.mean() - real.value.mean()
    ),
    "test_critic_wants_real_scores_up_and_real_energies_down": objective(
        critic_loss=lambda self, real, fake, memory: fake.value.mean(-1) + real.value.mean(-1)
    ),
    "test_critic_wants_fake_scores_down_and_fake_energies_up": objective(
        critic_loss=lambda self, real, fake, memory: -real.value.mean(-1)
    ),
    "test_generator_wants_fake_scores_up_and_fake_energies_down": objective(
        generator_loss=lambda self, real, fake, memory: fake.value.mean(-1)
    ),
    "test_losses_and_gradients_are_finite_at_huge_scores": objective(
        generator_loss=lambda self, real, fake, memory: (1 + (-fake.value).exp()).log().mean(-1)
    ),
    "test_a_seed_alone_has_the_losses_and_gradients_it_has_among_others": objective(
        critic_loss=lambda self, real, fake, memory: fake.value.mean(-1) - real.value.mean(-1) * real.value.mean()
    ),
    "test_leading_axes_are_free": objective(
        critic_loss=lambda self, real, fake, memory: (
            fake.value.mean(1) - real.value.mean(1) if fake.value.dim() > 1 else fake.value
        )
    ),
    "test_the_order_of_the_pairs_in_a_batch_does_not_matter": objective(
        generator_loss=lambda self, real, fake, memory: -fake.value[..., 0]
    ),
    "test_losses_are_pure": objective(
        generator_loss=lambda self, real, fake, memory: -fake.value.mean(-1) * torch.rand(())
    ),
    "test_a_generator_loss_that_does_not_read_real_samples_needs_none": objective(
        generator_loss=lambda self, real, fake, memory: (real.value - fake.value).mean(-1)
    ),
    "test_memory_has_a_row_per_seed_and_keeps_names_and_shapes": objective(
        Counting, remember=lambda self, real, fake, memory: {**memory, "more": real.value.mean(-1)}
    ),
    "test_remembering_leaves_the_memory_it_was_given_and_no_graph": objective(Counting, remember=added_in_place),
    "test_it_says_what_it_reads": objective(critic_form="scores"),
}


@pytest.mark.parametrize("test", WRONG_OBJECTIVES)
def test_a_wrong_objective_is_found(test):
    mine = type("Mine", (ObjectiveContract,), {"subject": WRONG_OBJECTIVES[test]})
    with pytest.raises((AssertionError, AttributeError)):
        getattr(mine(), test)()


def test_an_objective_with_a_memory_is_fine():
    assert failures(ObjectiveContract, objective(Counting)) == set()


def test_what_is_not_frozen_or_not_complete_is_found():
    @dataclass
    class Loose(LeastSquares.__bases__[0]):
        critic_form = "score"
        weight: float = 1.0
        critic_loss = Wasserstein.critic_loss
        generator_loss = Wasserstein.generator_loss

    assert issubclass(Loose, AnyObjective)
    assert failures(ObjectiveContract, Loose()) == {"test_it_is_a_frozen_dataclass_that_is_complete"}


def constraint(base, **methods):
    return dataclass(frozen=True, kw_only=True)(type("Broken", (base,), methods))()


def to_the_generator(self, critic, real, fake, noise):
    return critic.value(fake).square().mean(-1)


def coupled(self, critic, real, fake, noise):
    return slope(critic, real, differentiable=True).mean().expand(real.shape[:-2]) * real.square().mean((-2, -1))


def halved(self, parameters):
    parameters.mul_(0.5)


WRONG_CONSTRAINTS = {
    "test_penalty_is_one_finite_value_per_seed_or_none": constraint(
        GradientPenalty, penalty=lambda self, critic, real, fake, noise: slope(critic, real, differentiable=True)
    ),
    "test_penalty_of_a_seed_alone_is_what_it_is_among_others": constraint(GradientPenalty, penalty=coupled),
    "test_the_order_of_the_batch_does_not_matter": constraint(
        GradientPenalty,
        penalty=lambda self, critic, real, fake, noise: slope(critic, real, differentiable=True)[..., 0],
    ),
    "test_penalty_reaches_the_critic_and_neither_the_generator_nor_the_real_samples": constraint(
        GradientPenalty, penalty=to_the_generator
    ),
    "test_projecting_twice_is_projecting_once": constraint(WeightClipping, project_=halved),
    "test_it_acts_at_no_more_than_one_moment_of_the_critics_step": constraint(GradientPenalty, project_=halved),
    "test_mapping_keeps_names_and_shapes": constraint(Unconstrained, mapped=lambda self, parameters, state: {}),
    "test_iterating_and_mapping_change_nothing_that_they_were_given": constraint(
        Unconstrained, mapped=lambda self, parameters, state: {n: v.mul_(2) for n, v in parameters.items()}
    ),
    "test_state_has_a_row_per_seed_that_knows_no_other_seed": constraint(
        Unconstrained, initial_state=lambda self, parameters, generators: {"count": torch.zeros(1)}
    ),
}


@pytest.mark.parametrize("test", WRONG_CONSTRAINTS)
def test_a_wrong_constraint_is_found(test):
    assert test in failures(ConstraintContract, WRONG_CONSTRAINTS[test])


def coupled_fakes(self, parameters, z, space):
    fakes = MLPGenerator.generate(self, parameters, z, space)
    return fakes - fakes.mean(1, keepdim=True)


def coupled_values(self, parameters, points, space):
    critique = MLPCritic.criticise(self, parameters, points, space)
    return type(critique)(value=critique.value - critique.value.mean(), points=points)


def drawn_from_everywhere(self, space, generator):
    return MLPGenerator.initial(self, space, torch.default_generator)


def test_a_wrong_network_is_found():
    generator, critic = MLPGenerator(width=6, depth=1, latent=3), MLPCritic(width=6, depth=1)
    for base, contract, wrong, found in (
        (MLPGenerator, GeneratorContract, {"generate": coupled_fakes}, "test_it_treats_its_z_one_by_one"),
        (
            MLPGenerator,
            GeneratorContract,
            {"initial": drawn_from_everywhere},
            "test_a_seeds_parameters_are_finite_and_drawn_from_its_generator_alone",
        ),
        (MLPCritic, CriticContract, {"criticise": coupled_values}, "test_it_treats_its_samples_one_by_one"),
        (MLPCritic, CriticContract, {"criticise": coupled_values}, "test_a_seed_alone_says_what_it_says_among_others"),
        (AutoencoderCritic, CriticContract, {"form": "scores"}, "test_it_says_what_it_gives"),
    ):
        mine = type("Mine", (contract,), {"subject": constraint(base, **wrong)})
        with pytest.raises(AssertionError):
            getattr(mine(), found)()
    assert failures(GeneratorContract, generator) == failures(CriticContract, critic) == set()


def loads(**changes):
    """Digits that load something else."""

    def load(self):
        from dataclasses import replace

        loaded = Digits.load(self)
        return replace(loaded, **{name: change(loaded) for name, change in changes.items()})

    return constraint(Digits, load=load)


@pytest.mark.parametrize(
    ("changes", "test"),
    [
        ({"train": lambda data: data.train.astype(float)}, "test_parts_hold_finite_float32_samples_each_flattened"),
        (
            {"train": lambda data: data.train * np.float32("nan")},
            "test_parts_hold_finite_float32_samples_each_flattened",
        ),
        ({"shape": lambda data: (8, 9)}, "test_parts_hold_finite_float32_samples_each_flattened"),
        ({"train": lambda data: data.train[1:]}, "test_sizes_are_those_of_what_is_loaded"),
        ({"search": lambda data: data.confirm}, "test_search_and_confirm_are_measured_against_samples_of_their_own"),
        (
            {"train": lambda data: data.train * 2},
            "test_bounded_says_whether_every_coordinate_lies_between_minus_one_and_one",
        ),
        (
            {"train": lambda data: data.train + np.float32(np.random.rand())},
            "test_loading_leaves_the_global_random_states_alone",
        ),
        (
            {"train": lambda data: data.train + np.float32(np.random.rand())},
            "test_loading_twice_gives_the_same_numbers",
        ),
    ],
)
def test_wrong_data_are_found(changes, test):
    assert test in failures(DataContract, loads(**changes))


# --- as a user has them


def test_contracts_need_no_pytest_and_are_not_imported_with_the_library():
    code = (
        "import sys, gan_core; assert 'gan_core.contracts' not in sys.modules\n"
        "sys.modules['pytest'] = None\n"
        "from gan_core.contracts import *\n"
        "type('Mine', (ObjectiveContract,), {'subject': gan_core.Wasserstein()})().test_losses_are_pure()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_every_contract_is_exported():
    named = {name for name in vars(contracts) if name.endswith("Contract")}
    assert named == set(contracts.__all__)
