"""Contract tests: every kind that ships passes them, and each test fails for the fault that it is written for."""

import subprocess
import sys
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, get_args

import numpy as np
import pytest
import torch
from small_gans import CONSTRAINTS, OBJECTIVES, kind_of

from gan_core import contracts
from gan_core.constraints import GradientPenalty, Unconstrained, WeightClipping, slope
from gan_core.contracts import (
    ConstraintContract,
    CriticContract,
    DataContract,
    GeneratorContract,
    MetricContract,
    ObjectiveContract,
)
from gan_core.contracts.material import cloud
from gan_core.contracts.metric_contract import METRIC_SETTINGS
from gan_core.data import Data, Digits, Images, Ring, Table
from gan_core.features import ClassifierFeatures
from gan_core.metric_description import Direction
from gan_core.metrics import SAMPLE_METRICS, AnyMetric
from gan_core.networks import AutoencoderCritic, Critic, Generator, MLPCritic, MLPGenerator, SegmentGenerator
from gan_core.objectives import AnyObjective, LeastSquares, Stateless, Wasserstein

pytestmark = pytest.mark.shapes

SMALL = {"width": 6, "depth": 2, "latent": 4, "code": 3, "base": 3}


def small(union):
    """Every kind of a union in a small size."""
    kinds = [
        kind for kind in get_args(union) or (union,) if kind is not SegmentGenerator
    ]  # for points of the plane alone
    return [kind(**{field.name: SMALL[field.name] for field in fields(kind) if field.name in SMALL}) for kind in kinds]


class WithKind:
    """A contract whose subject is the parameter `kind`."""

    @pytest.fixture(autouse=True)
    def _choose(self, kind):
        self.subject = kind


def each(kinds):
    return pytest.mark.parametrize("kind", kinds, ids=kind_of)


# --- every kind that ships passes its contract


@each(OBJECTIVES)
class TestEveryObjective(WithKind, ObjectiveContract):
    @pytest.fixture(autouse=True)
    def _values(self, kind):
        if kind == LeastSquares(fake_target=-1.0, generator_target=0.0):
            self.values = (-0.9, -0.1)  # between its targets


@each(CONSTRAINTS)
class TestEveryConstraint(WithKind, ConstraintContract):
    pass


@each(small(Generator))
class TestEveryGenerator(WithKind, GeneratorContract):
    pass


@each(small(Critic))
class TestEveryCritic(WithKind, CriticContract):
    pass


@each([kind() for kind in get_args(Data) if kind not in (Images, Table)])
class TestEveryData(WithKind, DataContract):
    pass


def small_ring(shape=(2,)):
    """A ring of few points; with another shape and no known modes."""
    return Ring(train=200, held_out=80).load() if shape == (2,) else replace(cloud(64), shape=shape)


def labelled():
    """Images of two classes, which differ in their brightness."""
    data = small_ring((1, 8, 8))
    labels = {part: (getattr(data, part).mean(1) > 0).astype(int) for part in ("train", "validation", "test")}
    return replace(data, labels=labels, classes=("dark", "bright"))


@pytest.mark.parametrize("kind", SAMPLE_METRICS, ids=lambda metric: metric.name)
class TestEveryMetric(WithKind, MetricContract):
    @pytest.fixture(autouse=True)
    def _data(self, kind):
        candidates = (cloud(3), small_ring(), small_ring((1, 8, 8)), labelled())
        self.data = next(data for data in candidates if kind.applies(data))
        if kind.of_classes:
            self.settings = replace(METRIC_SETTINGS, features=ClassifierFeatures(steps=20))


# --- every test of a contract fails for its fault


def failures(contract, subject):
    """Names of the tests of a contract that a subject does not pass."""
    tests = type("Tests", (contract,), {"subject": subject})
    failed = set()
    for name in names_of_tests(contract):
        try:
            getattr(tests(), name)()
        except Exception:
            failed.add(name)
    return failed


def names_of_tests(contract):
    return [name for name in dir(contract) if name.startswith("test_")]


def faulty(base, **methods):
    """An instance of a subclass of `base` with some of its methods replaced."""
    subclass: Any = type("Faulty", (base,), methods)
    return dataclass(frozen=True, kw_only=True)(subclass)()


def objective(base=Wasserstein, **methods):
    return faulty(base, **methods)


class Counting(Stateless):
    """An objective with a state, which is added to in each generator step."""

    critic_form = "score"

    def critic_loss(self, real, fake, state):
        return fake.value.mean(-1) - real.value.mean(-1)

    def generator_loss(self, real, fake, state):
        return -fake.value.mean(-1) * (1 + state["steps"])

    def initial_state(self, seeds):
        return {"steps": torch.zeros(seeds)}

    def next_state(self, real, fake, state):
        return {"steps": state["steps"] + real.value.mean(-1)}


def added_in_place(self, real, fake, state):
    state["steps"] += 1
    return state


FAULTY_OBJECTIVES = {
    "test_losses_have_one_value_per_seed_and_differ_between_seeds": objective(
        critic_loss=lambda self, real, fake, state: fake.value.mean() - real.value.mean()
    ),
    "test_critic_step_raises_real_scores_and_lowers_real_energies": objective(
        critic_loss=lambda self, real, fake, state: fake.value.mean(-1) + real.value.mean(-1)
    ),
    "test_critic_step_lowers_fake_scores_and_raises_fake_energies": objective(
        critic_loss=lambda self, real, fake, state: -real.value.mean(-1)
    ),
    "test_generator_step_raises_fake_scores_and_lowers_fake_energies": objective(
        generator_loss=lambda self, real, fake, state: fake.value.mean(-1)
    ),
    "test_losses_and_gradients_are_finite_at_scores_of_ten_thousand": objective(
        generator_loss=lambda self, real, fake, state: (1 + (-fake.value).exp()).log().mean(-1)
    ),
    "test_losses_and_gradients_of_a_seed_do_not_depend_on_the_other_seeds": objective(
        critic_loss=lambda self, real, fake, state: fake.value.mean(-1) - real.value.mean(-1) * real.value.mean()
    ),
    "test_losses_keep_any_leading_axes": objective(
        critic_loss=lambda self, real, fake, state: (
            fake.value.mean(1) - real.value.mean(1) if fake.value.dim() > 1 else fake.value
        )
    ),
    "test_losses_do_not_depend_on_the_order_of_the_pairs_in_a_batch": objective(
        generator_loss=lambda self, real, fake, state: -fake.value[..., 0]
    ),
    "test_losses_are_pure": objective(
        generator_loss=lambda self, real, fake, state: -fake.value.mean(-1) * torch.rand(())
    ),
    "test_generator_loss_without_generator_reads_real_needs_no_real_samples": objective(
        generator_loss=lambda self, real, fake, state: (real.value - fake.value).mean(-1)
    ),
    "test_state_has_a_row_per_seed_and_keeps_names_and_shapes": objective(
        Counting, next_state=lambda self, real, fake, state: {**state, "more": real.value.mean(-1)}
    ),
    "test_next_state_leaves_its_argument_unchanged_and_holds_no_graph": objective(Counting, next_state=added_in_place),
    "test_critic_form_is_score_or_energy": objective(critic_form="scores"),
}


@pytest.mark.parametrize("test", FAULTY_OBJECTIVES)
def test_a_faulty_objective_fails_the_test_of_its_fault(test):
    tests = type("Tests", (ObjectiveContract,), {"subject": FAULTY_OBJECTIVES[test]})
    with pytest.raises((AssertionError, AttributeError)):
        getattr(tests(), test)()


def test_an_objective_with_a_state_passes():
    assert failures(ObjectiveContract, objective(Counting)) == set()


def test_an_objective_that_is_not_frozen_fails():
    @dataclass
    class NotFrozen(Stateless):
        critic_form = "score"
        weight: float = 1.0
        critic_loss = Wasserstein.critic_loss
        generator_loss = Wasserstein.generator_loss

    assert issubclass(NotFrozen, AnyObjective)
    assert failures(ObjectiveContract, NotFrozen()) == {"test_it_is_a_frozen_dataclass_without_abstract_methods"}


def to_the_generator(self, critic, real, fake, noise):
    return critic.value(fake).square().mean(-1)


def coupled(self, critic, real, fake, noise):
    return slope(critic, real).mean().expand(real.shape[:-2]) * real.square().mean((-2, -1))


def halved(self, parameters):
    parameters.mul_(0.5)


FAULTY_CONSTRAINTS = {
    "test_penalty_is_one_finite_value_per_seed_or_none": faulty(
        GradientPenalty, penalty=lambda self, critic, real, fake, noise: slope(critic, real)
    ),
    "test_penalty_of_a_seed_does_not_depend_on_the_other_seeds": faulty(GradientPenalty, penalty=coupled),
    "test_penalty_does_not_depend_on_the_order_of_the_batch": faulty(
        GradientPenalty,
        penalty=lambda self, critic, real, fake, noise: slope(critic, real)[..., 0],
    ),
    "test_penalty_has_a_gradient_for_the_critic_and_none_for_real_samples_and_fakes": faulty(
        GradientPenalty, penalty=to_the_generator
    ),
    "test_projection_is_idempotent": faulty(WeightClipping, project_=halved),
    "test_it_acts_at_one_point_of_a_critic_step_at_most": faulty(GradientPenalty, project_=halved),
    "test_map_parameters_keeps_names_and_shapes": faulty(
        Unconstrained, map_parameters=lambda self, parameters, state: {}
    ),
    "test_next_state_and_map_parameters_leave_their_arguments_unchanged": faulty(
        Unconstrained, map_parameters=lambda self, parameters, state: {n: v.mul_(2) for n, v in parameters.items()}
    ),
    "test_state_has_a_row_per_seed_that_does_not_depend_on_other_seeds": faulty(
        Unconstrained, initial_state=lambda self, parameters, generators: {"count": torch.zeros(1)}
    ),
}


@pytest.mark.parametrize("test", FAULTY_CONSTRAINTS)
def test_a_faulty_constraint_fails_the_test_of_its_fault(test):
    assert test in failures(ConstraintContract, FAULTY_CONSTRAINTS[test])


def test_a_class_that_is_no_dataclass_itself_fails_though_its_base_class_is_one():
    class Plain(WeightClipping):
        pass

    found = failures(ConstraintContract, Plain())
    assert found == {"test_it_is_a_frozen_dataclass_without_abstract_methods"}


def coupled_fakes(self, parameters, z, shape):
    fakes = MLPGenerator.generate(self, parameters, z, shape)
    return fakes - fakes.mean(1, keepdim=True)


def coupled_values(self, parameters, samples, shape):
    output = MLPCritic.call(self, parameters, samples, shape)
    return type(output)(value=output.value - output.value.mean(), samples=samples)


def drawn_from_the_global_generator(self, shape, generator):
    return MLPGenerator.initial(self, shape, torch.default_generator)


def test_a_faulty_network_fails_the_test_of_its_fault():
    generator, critic = MLPGenerator(width=12, depth=1, latent=3), MLPCritic(width=6, depth=1)
    for base, contract, methods, test in (
        (
            MLPGenerator,
            GeneratorContract,
            {"generate": coupled_fakes},
            "test_a_fake_depends_on_its_own_z_alone_unless_its_layers_couple_a_batch",
        ),
        (
            MLPGenerator,
            GeneratorContract,
            {"initial": drawn_from_the_global_generator},
            "test_initial_parameters_are_finite_and_drawn_from_the_given_generator_alone",
        ),
        (MLPCritic, CriticContract, {"call": coupled_values}, "test_a_value_depends_on_its_own_sample_alone"),
        (MLPCritic, CriticContract, {"call": coupled_values}, "test_values_of_a_seed_do_not_depend_on_the_other_seeds"),
        (AutoencoderCritic, CriticContract, {"form": "scores"}, "test_form_is_score_or_energy"),
    ):
        tests = type("Tests", (contract,), {"subject": faulty(base, **methods)})
        with pytest.raises(AssertionError):
            getattr(tests(), test)()
    assert failures(GeneratorContract, generator) == failures(CriticContract, critic) == set()


class OfOneShape(MLPCritic):
    """A critic of samples of one shape."""

    fits: ClassVar[tuple[int, ...]]

    def call(self, parameters, samples, shape):
        if shape.shape != self.fits:
            raise ValueError("fits no other shape")
        return MLPCritic.call(self, parameters, samples, shape)


@pytest.mark.parametrize("shape", [(2,), (1, 28, 28), (3, 64, 64)])
def test_the_contract_of_a_network_finds_the_shape_that_it_fits(shape, capsys):
    critic = faulty(OfOneShape, fits=shape)
    tests = type("Tests", (CriticContract,), {"subject": critic})()
    tests.test_output_holds_one_value_per_sample_and_the_samples()
    assert [fitting.shape for fitting in tests._shapes()] == [shape]
    tests.test_it_fits_points_or_images()
    said = capsys.readouterr().out
    assert f"Faulty is tested on {shape}\n" in said
    assert said.count("fits no other shape") == 2


def test_a_network_that_fits_no_shape_or_fails_on_one_says_which():
    tests = type("Tests", (CriticContract,), {"subject": faulty(OfOneShape, fits=(7,))})()
    with pytest.raises(AssertionError, match="must run on points or on images, or the test must set sample_shape"):
        tests.test_it_fits_points_or_images()
    tests = type("Tests", (CriticContract,), {"subject": faulty(MLPCritic, call=coupled_on_images)})()
    with pytest.raises(AssertionError) as caught:
        tests.test_a_value_depends_on_its_own_sample_alone()
    assert caught.value.__notes__ == ["on samples of the shape (1, 8, 8)"]


def coupled_on_images(self, parameters, samples, shape):
    if len(shape.shape) == 3:
        return coupled_values(self, parameters, samples, shape)
    return MLPCritic.call(self, parameters, samples, shape)


def loads(**changes):
    """Digits whose `load` returns a data set with these changes."""

    def load(self):
        from dataclasses import replace

        loaded = Digits.load(self)
        return replace(loaded, **{name: change(loaded) for name, change in changes.items()})

    return faulty(Digits, load=load)


@pytest.mark.parametrize(
    ("changes", "test"),
    [
        (
            {"train": lambda data: data.train.astype(float)},
            "test_splits_hold_finite_flattened_samples_in_float32_or_uint8",
        ),
        (
            {"train": lambda data: data.train * np.float32("nan")},
            "test_splits_hold_finite_flattened_samples_in_float32_or_uint8",
        ),
        ({"shape": lambda data: (8, 9)}, "test_splits_hold_finite_flattened_samples_in_float32_or_uint8"),
        ({"train": lambda data: data.train[1:]}, "test_sizes_are_those_of_the_loaded_splits"),
        ({"validation": lambda data: data.test}, "test_validation_and_test_split_differ"),
        (
            {"train": lambda data: data.train * 2},
            "test_bounded_data_lie_between_minus_one_and_one",
        ),
        (
            {"train": lambda data: data.train + np.float32(np.random.rand())},
            "test_loading_leaves_the_global_random_states_unchanged",
        ),
        (
            {"train": lambda data: data.train + np.float32(np.random.rand())},
            "test_loading_twice_gives_the_same_numbers",
        ),
    ],
)
def test_faulty_data_fail_the_test_of_their_fault(changes, test):
    assert test in failures(DataContract, loads(**changes))


# --- use without pytest


def test_contracts_do_not_import_pytest_and_are_not_imported_with_the_library():
    code = (
        "import sys, gan_core; assert 'gan_core.contracts' not in sys.modules\n"
        "sys.modules['pytest'] = None\n"
        "from gan_core.contracts import *\n"
        "type('Tests', (ObjectiveContract,), {'subject': gan_core.Wasserstein()})().test_losses_are_pure()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_every_contract_is_exported():
    names = {name for name in vars(contracts) if name.endswith("Contract")}
    assert names == set(contracts.__all__)


# --- faulty metrics


@dataclass(frozen=True)
class MeanDistance(AnyMetric):
    """Mean distance from the mean of the real samples; smaller for a constant than for real samples."""

    fault: str = ""
    name: ClassVar[str] = "mean_distance"
    unit: ClassVar[str] = "data"
    direction: ClassVar[Direction] = "neither"
    description: ClassVar[str] = "mean distance from the mean of the real samples"

    def measure(self, real, fake):
        center, samples = real.samples.mean(0), fake.samples
        match self.fault:
            case "coupled":
                center = samples.mean((0, 1))
            case "scalar":
                return (samples - center).norm(dim=-1).mean()
            case "random":
                samples = samples + torch.randn(())
            case "in place":
                samples.mul_(2)
            case "skips":
                samples = samples.nan_to_num(0, 0, 0)
            case "raises":
                assert samples.isfinite().all()
        return (samples - center).norm(dim=-1).mean(-1)


FAULTY_METRICS = {
    "coupled": "test_values_of_a_member_do_not_depend_on_the_other_members_or_their_order",
    "scalar": "test_there_is_one_value_per_member",
    "random": "test_measuring_changes_neither_its_arguments_nor_global_random_states",
    "in place": "test_measuring_changes_neither_its_arguments_nor_global_random_states",
    "skips": "test_a_nonfinite_fake_gives_a_nonfinite_value_to_its_member_alone",
    "raises": "test_a_nonfinite_fake_gives_a_nonfinite_value_to_its_member_alone",
}


@pytest.mark.parametrize("fault", FAULTY_METRICS)
def test_a_faulty_metric_fails_the_test_of_its_fault(fault):
    assert FAULTY_METRICS[fault] in failures(MetricContract, MeanDistance(fault))


def test_a_metric_without_fault_passes_and_one_that_prefers_a_constant_fails():
    @dataclass(frozen=True)
    class Deciding(MeanDistance):
        direction: ClassVar[Direction] = "lower"

    assert failures(MetricContract, MeanDistance()) == set()
    worse = "test_a_metric_that_can_decide_has_a_better_value_for_real_samples_than_for_a_constant"
    assert failures(MetricContract, Deciding()) == {worse}
