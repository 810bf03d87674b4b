"""What one's own objective, constraint, network or data set must fulfil, as tests that a subclass inherits.

    from gan_core.contracts import ObjectiveContract
    from my_module import MyObjective

    class TestMyObjective(ObjectiveContract):
        subject = MyObjective(sharpness=0.5)

pytest finds the subclass by its name; nothing here needs pytest. What is asked is what the trainer relies on: losses
that reduce over the batch alone, so that a seed has the same numbers alone and among others; no randomness but what
is handed in; finite gradients at scores of +-10000; memory and state that survive a checkpoint. The kinds that ship
are held to the same classes.
"""

from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, fields, is_dataclass
from functools import partial
from inspect import isabstract
from io import BytesIO
from typing import Any, Generic, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor
from torch.testing import assert_close

from gan_core.constraints import AnyConstraint, Parameters, State, Unconstrained, gradient_by_autograd
from gan_core.data import AnyData, Dataset
from gan_core.metrics import Measures
from gan_core.networks import (
    AnyCritic,
    AnyGenerator,
    AutoencoderCritic,
    MLPCritic,
    MLPGenerator,
    NetworkPair,
    SampleSpace,
)
from gan_core.objectives import (
    AnyObjective,
    CriticForm,
    Critique,
    EnergyMargin,
    Memory,
    Wasserstein,
    detached,
)
from gan_core.training import Trainer, Training

__all__ = ["ConstraintContract", "CriticContract", "DataContract", "GeneratorContract", "ObjectiveContract"]

SEEDS, BATCH, DIM, CODE = 3, 6, 3, 5
_CRITICS: dict[CriticForm, AnyCritic] = {
    "score": MLPCritic(width=8, depth=2),
    "energy": AutoencoderCritic(width=8, depth=1, code=2),
}
_OBJECTIVES: dict[CriticForm, AnyObjective] = {"score": Wasserstein(), "energy": EnergyMargin()}

Kind = TypeVar("Kind")


class _Description(Generic[Kind]):
    """What is asked of every description."""

    subject: Kind

    def test_it_is_a_frozen_dataclass_that_is_complete(self) -> None:
        subject: Any = self.subject
        assert is_dataclass(subject), "must be a dataclass: its fields are its knobs"
        assert not isabstract(type(subject)), "must define every abstract method"
        name = next((field.name for field in fields(subject)), "anything")
        try:
            setattr(subject, name, getattr(subject, name, None))
        except FrozenInstanceError:
            return
        raise AssertionError("must be frozen: @dataclass(frozen=True)")


# -- objectives -------------------------------------------------------------------------------------------------------


class ObjectiveContract(_Description[AnyObjective]):
    """Subclass it with `subject`, an objective.

    values  between which the scores or energies are drawn at which it must still pull each player its own way
    """

    subject: AnyObjective
    values: tuple[float, float] = (0.1, 0.9)

    def test_it_says_what_it_reads(self) -> None:
        assert self.subject.critic_form in get_args(CriticForm), 'critic_form must be "score" or "energy"'

    def test_losses_have_one_value_per_seed_and_differ_between_seeds(self) -> None:
        for loss in self._losses(*self._batches(SEEDS)):
            assert loss.shape == (SEEDS,), f"a loss must have one value per seed, but has shape {tuple(loss.shape)}"
            assert len(set(loss.tolist())) == SEEDS, "each seed's loss must be that of its own batch"

    def test_critic_wants_real_scores_up_and_real_energies_down(self) -> None:
        real, fake = self._batches(SEEDS)
        self._assert_pull(self._losses(real, fake)[0], real, up_in_scores=True)

    def test_critic_wants_fake_scores_down_and_fake_energies_up(self) -> None:
        real, fake = self._batches(SEEDS)
        self._assert_pull(self._losses(real, fake)[0], fake, up_in_scores=False)

    def test_generator_wants_fake_scores_up_and_fake_energies_down(self) -> None:
        real, fake = self._batches(SEEDS)
        self._assert_pull(self._losses(real, fake)[1], fake, up_in_scores=True)

    def _assert_pull(self, loss: Tensor, critique: Critique, *, up_in_scores: bool) -> None:
        """No sample is pulled the wrong way, and each seed has one that is pulled the right way."""
        (gradient,) = _gradients(loss, critique.value)
        upward = -gradient if up_in_scores == (self.subject.critic_form == "score") else gradient
        assert (upward >= 0).all(), "the loss pulls a sample the wrong way"
        assert (upward > 0).any(-1).all(), "the loss has no gradient where scores lie between `values`"

    def test_losses_and_gradients_are_finite_at_huge_scores(self) -> None:
        for dtype in (torch.float32, torch.float64):
            memory = {name: value.to(dtype) for name, value in self._memory(SEEDS).items()}
            for of_real in (-1e4, 1e4):
                for of_fake in (-1e4, 1e4):
                    real, fake = (_critique(torch.full((SEEDS, BATCH), at, dtype=dtype)) for at in (of_real, of_fake))
                    for loss in self._losses(real, fake, memory):
                        assert loss.isfinite().all(), f"a loss is not finite at {of_real:g} and {of_fake:g}"
                        for gradient in _gradients(loss, real.value, fake.value):
                            assert gradient.isfinite().all(), f"not so a gradient at {of_real:g} and {of_fake:g}"

    def test_a_seed_alone_has_the_losses_and_gradients_it_has_among_others(self) -> None:
        real, fake = self._batches(SEEDS)
        memory = self._memory(SEEDS)
        together = self._losses(real, fake, memory)
        gradients = [_gradients(loss, real.value, fake.value) for loss in together]
        for seed in range(SEEDS):
            one = slice(seed, seed + 1)
            own_real, own_fake = _part(real, one), _part(fake, one)
            alone = self._losses(own_real, own_fake, {name: value[one] for name, value in memory.items()})
            for loss, among, expected in zip(alone, together, gradients, strict=True):
                assert_close(loss, among[one], rtol=1e-14, atol=0)
                for mine, theirs in zip(_gradients(loss, own_real.value, own_fake.value), expected, strict=True):
                    assert_close(mine, theirs[one], rtol=1e-13, atol=0)

    def test_leading_axes_are_free(self) -> None:
        for axes in ((), (2,), (2, 3)):
            for loss in self._losses(*self._batches(*axes)):
                assert loss.shape == axes, f"a loss of batches with axes {axes} has shape {tuple(loss.shape)}"

    def test_the_order_of_the_pairs_in_a_batch_does_not_matter(self) -> None:
        real, fake = self._batches(SEEDS)
        order = torch.randperm(BATCH, generator=torch.Generator().manual_seed(1))
        shuffled = self._losses(_ordered(real, order), _ordered(fake, order))
        for loss, other in zip(self._losses(real, fake), shuffled, strict=True):
            assert_close(loss, other, rtol=1e-13, atol=1e-15)

    def test_losses_are_pure(self) -> None:
        real, fake = self._batches(SEEDS)
        memory = self._memory(SEEDS)
        before = _copied(memory) | {"real": real.value.detach().clone(), "fake": fake.value.detach().clone()}
        first, second = self._losses(real, fake, memory), self._losses(real, fake, memory)
        assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True)), "the same, twice"
        _assert_untouched(before, memory | {"real": real.value.detach(), "fake": fake.value.detach()})

    def test_a_generator_loss_that_does_not_read_real_samples_needs_none(self) -> None:
        _, fake = self._batches(SEEDS)
        memory = self._memory(SEEDS)
        if not self.subject.generator_reads_real and not memory:
            assert self.subject.generator_loss(None, fake, memory).shape == (SEEDS,)

    def test_memory_has_a_row_per_seed_and_keeps_names_and_shapes(self) -> None:
        first, then = self.subject.initial_memory(SEEDS), self._memory(SEEDS)
        assert all(value.shape[:1] == (SEEDS,) for value in first.values()), "memory must have a row per seed"
        assert _shapes(first) == _shapes(then), "remember must keep the names and shapes of the memory"

    def test_remembering_leaves_the_memory_it_was_given_and_no_graph(self) -> None:
        real, fake = self._batches(SEEDS)
        memory = self._memory(SEEDS)
        before = _copied(memory)
        after = self.subject.remember(detached(real), detached(fake), memory)
        _assert_untouched(before, memory)
        assert not any(value.requires_grad for value in after.values()), "memory must not hold a graph"

    def test_memory_goes_through_a_checkpoint_and_leaves_losses_and_memory_as_they_were(self) -> None:
        real, fake = self._batches(SEEDS)
        memory = self._memory(SEEDS)
        restored = _restored(memory)
        for loss, again in zip(self._losses(real, fake, memory), self._losses(real, fake, restored), strict=True):
            assert torch.equal(loss, again)
        remember = partial(self.subject.remember, detached(real), detached(fake))
        _assert_untouched(remember(memory), remember(restored))

    def test_a_game_is_played_with_it(self) -> None:
        _play(objective=self.subject, critic=_CRITICS[self.subject.critic_form])

    def _losses(self, real: Critique, fake: Critique, memory: Memory | None = None) -> tuple[Tensor, Tensor]:
        held = self._memory(*real.value.shape[:-1]) if memory is None else memory
        return self.subject.critic_loss(real, fake, held), self.subject.generator_loss(real, fake, held)

    def _batches(self, *axes: int) -> tuple[Critique, Critique]:
        low, high = self.values
        real, fake = (low + (high - low) * _uniform(*axes, BATCH, seed=seed) for seed in (1, 2))
        return _critique(real), _critique(fake, seed=5)

    def _memory(self, *axes: int) -> Memory:
        """A memory in mid-game, since some objectives start at the border of what they do."""
        low, high = self.values
        count = torch.Size(axes).numel()
        spread = _uniform(count, BATCH, seed=3) / 10
        real, fake = detached(_critique(high + spread)), detached(_critique(low + spread))
        memory = {name: value.double() for name, value in self.subject.initial_memory(count).items()}
        for _ in range(3):
            memory = self.subject.remember(real, fake, memory)
        return {name: value.reshape((*axes, *value.shape[1:])) for name, value in memory.items()}


# -- constraints ------------------------------------------------------------------------------------------------------


class _Field:
    """A function of the point, as a penalty asks a critic: for its value, and for the gradient of the value."""

    def __init__(self, value: Callable[[Tensor], Tensor]):
        self.value = value

    def gradient(self, points: Tensor) -> Tensor:
        return gradient_by_autograd(self.value, points)


class ConstraintContract(_Description[AnyConstraint]):
    """Subclass it with `subject`, a constraint."""

    subject: AnyConstraint

    def test_penalty_is_one_finite_value_per_seed_or_none(self) -> None:
        for critic in _CRITICS.values():
            penalty = self._penalty_of(critic)
            if penalty is not None:
                assert penalty.shape == (SEEDS,), f"must have one value per seed, but has shape {tuple(penalty.shape)}"
                charged = [value for value in penalty.tolist() if value > 0]  # a one-sided one may find nothing wrong
                assert len(set(charged)) == len(charged), "each seed's penalty must be that of its own critic"
                assert penalty.isfinite().all(), "must be finite"
                assert (penalty >= 0).all(), "must not be negative"

    def test_penalty_of_a_seed_alone_is_what_it_is_among_others(self) -> None:
        for critic in _CRITICS.values():
            together = self._penalty_of(critic)
            for seed in range(SEEDS):
                alone = self._penalty_of(critic, slice(seed, seed + 1))
                assert (alone is None) == (together is None)
                if alone is not None and together is not None:
                    assert_close(alone, together[seed : seed + 1], rtol=1e-12, atol=0)

    def test_leading_axes_of_a_penalty_are_free(self) -> None:
        for axes in ((), (2,), (2, 3)):
            penalty = self._penalty(lambda points: points.pow(3).sum(-1), *self._batches(*axes))
            assert penalty is None or penalty.shape == axes

    def test_the_order_of_the_batch_does_not_matter(self) -> None:
        real, fake, noise = self._batches(SEEDS)
        order = torch.randperm(BATCH, generator=torch.Generator().manual_seed(1))
        cubic: Callable[[Tensor], Tensor] = lambda points: points.pow(3).sum(-1)  # noqa: E731
        penalty = self._penalty(cubic, real, fake, noise)
        shuffled = self._penalty(cubic, real[:, order], fake[:, order], noise[:, order])
        if penalty is not None and shuffled is not None:
            assert_close(penalty, shuffled, rtol=1e-12, atol=0)

    def test_penalty_and_its_gradient_are_finite_where_scores_are_huge(self) -> None:
        for scale in (1e-4, 1e4):
            weight = (scale * _normal(DIM, seed=5).float()).requires_grad_()
            batches = [part.float() for part in self._batches(SEEDS)]
            penalty = self._penalty(lambda points, weight=weight: points @ weight, *batches)  # type: ignore[misc]
            if penalty is not None:
                assert penalty.isfinite().all(), f"must be finite at slopes of {scale:g}"
                assert _gradients(penalty, weight)[0].isfinite().all(), f"so must its gradient at slopes of {scale:g}"

    def test_penalty_reaches_the_critic_and_neither_the_generator_nor_the_real_samples(self) -> None:
        real, fake, noise = self._batches(2)
        real, fake, weight = real.requires_grad_(), fake.requires_grad_(), _normal(DIM).requires_grad_()
        penalty = self._penalty(lambda points: points.square() @ weight, real, fake, noise)
        if penalty is not None:
            found: tuple[Tensor | None, ...] = torch.autograd.grad(
                penalty.sum(), (real, fake, weight), allow_unused=True
            )
            assert found[0] is None, "a penalty must not be differentiated to the real samples"
            assert found[1] is None, "a penalty must not be differentiated to the fakes, nor to the generator"
            assert found[2] is not None, "a penalty must be differentiated to the critic's parameters"

    def test_mapping_keeps_names_and_shapes(self) -> None:
        for critic in _CRITICS.values():
            parameters = _drawn(critic)
            assert _shapes(self.subject.mapped(parameters, self._state(parameters))) == _shapes(parameters)

    def test_state_has_a_row_per_seed_that_knows_no_other_seed(self) -> None:
        for critic in _CRITICS.values():
            parameters = _drawn(critic)
            state = self._state(parameters)
            alone = self._state({name: value[-1:] for name, value in parameters.items()}, _streams()[-1:])
            for name, value in state.items():
                assert value.shape[0] == SEEDS, "state must have a row per seed"
                assert_close(alone[name], value[-1:], rtol=1e-12, atol=1e-15)

    def test_iterating_and_mapping_change_nothing_that_they_were_given(self) -> None:
        for critic in _CRITICS.values():
            parameters = _drawn(critic)
            state = self._state(parameters)
            before = _copied(parameters | state)
            self.subject.mapped(parameters, self.subject.iterate(parameters, state))
            _assert_untouched(before, parameters | state)

    def test_state_goes_through_a_checkpoint_and_goes_on_as_it_would_have(self) -> None:
        parameters = _drawn(_CRITICS["score"])
        state = self._state(parameters)
        restored = _restored(state)
        _assert_untouched(self.subject.iterate(parameters, state), self.subject.iterate(parameters, restored))
        _assert_untouched(self.subject.mapped(parameters, state), self.subject.mapped(parameters, restored))

    def test_projecting_twice_is_projecting_once(self) -> None:
        once = 3 * _normal(SEEDS, 20)
        self.subject.project_(once)
        twice = once.clone()
        self.subject.project_(twice)
        assert torch.equal(once, twice), "a projection must leave alone what it has projected"

    def test_it_acts_at_no_more_than_one_moment_of_the_critics_step(self) -> None:
        parameters = _drawn(_CRITICS["score"])
        mapped = self.subject.mapped(parameters, self._state(parameters))
        moved = 3 * _normal(SEEDS, 20)
        self.subject.project_(moved)
        moments = {
            "maps the parameters": any(not torch.equal(mapped[name], parameters[name]) for name in parameters),
            "adds a penalty": self._penalty_of(_CRITICS["score"]) is not None,
            "projects the parameters": not torch.equal(moved, 3 * _normal(SEEDS, 20)),
        }
        acts = [moment for moment, does in moments.items() if does]
        assert len(acts) <= 1, f"it {' and '.join(acts)}"

    def test_a_game_is_played_with_it(self) -> None:
        for form, critic in _CRITICS.items():
            _play(objective=_OBJECTIVES[form], constraint=self.subject, critic=critic)

    def _penalty_of(self, critic: AnyCritic, only: slice = slice(None)) -> Tensor | None:
        """The penalty of some of the seeds, as a critic step adds it: parameters mapped, each seed its own batch."""
        parameters = _drawn(critic)
        mapped = self.subject.mapped(parameters, self._state(parameters))
        chosen = {name: value[only] for name, value in mapped.items()}
        batches = [part[only] for part in self._batches(SEEDS)]
        return self._penalty(lambda points: critic.criticise(chosen, points, _SPACE).value, *batches)

    def _penalty(self, value: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, noise: Tensor) -> Tensor | None:
        return self.subject.penalty(_Field(value), real, fake, noise)

    def _batches(self, *axes: int) -> tuple[Tensor, Tensor, Tensor]:
        real, fake = _normal(*axes, BATCH, DIM, seed=1), 2 * _normal(*axes, BATCH, DIM, seed=2) + 1
        return real, fake, _uniform(*axes, BATCH, self.subject.noise_width(DIM), seed=3)

    def _state(self, parameters: Parameters, streams: list[torch.Generator] | None = None) -> State:
        first = self.subject.initial_state(parameters, _streams() if streams is None else streams)
        return self.subject.iterate(parameters, first)


# -- networks ---------------------------------------------------------------------------------------------------------


class _Network(_Description[Kind]):
    space = SampleSpace(dim=5, bounded=False)

    def test_a_seeds_parameters_are_finite_and_drawn_from_its_generator_alone(self) -> None:
        network: Any = self.subject
        with torch.random.fork_rng(devices=[]):
            first, again = (_initial(network, self.space, global_seed=seed) for seed in (1, 2))
        assert list(first) == list(again), "parameters must have the same names every time"
        assert all(torch.equal(first[name], again[name]) for name in first), "must be drawn from the given generator"
        assert all(value.isfinite().all() for value in first.values()), "must be finite"

    def _parameters(self) -> Parameters:
        network: Any = self.subject
        return _drawn(network, self.space)


class GeneratorContract(_Network[AnyGenerator]):
    """Subclass it with `subject`, a generator; with `space` too, if it makes samples of one dimension only."""

    subject: AnyGenerator

    def test_it_makes_a_sample_per_z_and_seed(self) -> None:
        fakes = self._fakes(self._parameters(), self._z())
        assert fakes.shape == (SEEDS, BATCH, self.space.dim), f"the fakes have shape {tuple(fakes.shape)}"
        assert fakes.isfinite().all()
        assert len(fakes.flatten(0, 1).unique(dim=0)) == SEEDS * BATCH, "each z of each seed must give another sample"

    def test_a_seed_alone_makes_what_it_makes_among_others(self) -> None:
        parameters, z = self._parameters(), self._z()
        together = self._fakes(parameters, z)
        for seed in range(SEEDS):
            one = slice(seed, seed + 1)
            alone = self._fakes({name: value[one] for name, value in parameters.items()}, z[one])
            assert_close(alone, together[one], rtol=1e-12, atol=1e-14)

    def test_it_treats_its_z_one_by_one(self) -> None:
        parameters, z = self._parameters(), self._z()
        assert_close(self._fakes(parameters, z[:, 2:4]), self._fakes(parameters, z)[:, 2:4], rtol=1e-12, atol=1e-14)

    def test_a_game_is_played_with_it(self) -> None:
        _play(generator=self.subject, dim=self.space.dim)

    def _fakes(self, parameters: Parameters, z: Tensor) -> Tensor:
        return self.subject.generate(parameters, z, self.space)

    def _z(self) -> Tensor:
        return _normal(SEEDS, BATCH, self.subject.latent, seed=9)


class CriticContract(_Network[AnyCritic]):
    """Subclass it with `subject`, a critic; with `space` too, if it takes samples of one dimension only."""

    subject: AnyCritic

    def test_it_says_what_it_gives(self) -> None:
        assert self.subject.form in get_args(CriticForm), 'form must be "score" or "energy"'

    def test_it_says_one_value_per_sample_and_hands_the_points_on(self) -> None:
        points = self._points()
        critique = self.subject.criticise(self._parameters(), points, self.space)
        assert critique.value.shape == (SEEDS, BATCH), f"the values have shape {tuple(critique.value.shape)}"
        assert critique.value.isfinite().all()
        assert len(critique.value.unique()) > SEEDS, "values must differ between samples and between seeds"
        assert torch.equal(critique.points, points), "the critique must hold the points that it is about"

    def test_a_seed_alone_says_what_it_says_among_others(self) -> None:
        parameters, points = self._parameters(), self._points()
        together = self._values(parameters, points)
        for seed in range(SEEDS):
            one = slice(seed, seed + 1)
            alone = self._values({name: value[one] for name, value in parameters.items()}, points[one])
            assert_close(alone, together[one], rtol=1e-12, atol=1e-14)

    def test_it_treats_its_samples_one_by_one(self) -> None:
        parameters, points = self._parameters(), self._points()
        together = self._values(parameters, points)
        assert_close(self._values(parameters, points[:, 2:4]), together[:, 2:4], rtol=1e-12, atol=1e-14)

    def test_a_game_is_played_with_it(self) -> None:
        _play(objective=_OBJECTIVES[self.subject.form], critic=self.subject, dim=self.space.dim)

    def _values(self, parameters: Parameters, points: Tensor) -> Tensor:
        return self.subject.criticise(parameters, points, self.space).value

    def _points(self) -> Tensor:
        return _normal(SEEDS, BATCH, self.space.dim, seed=9)


# -- data -------------------------------------------------------------------------------------------------------------


class DataContract(_Description[AnyData]):
    """Subclass it with `subject`, a description of data."""

    subject: AnyData

    def test_parts_hold_finite_float32_samples_each_flattened(self) -> None:
        loaded = self.subject.load()
        for name in ("train", "search", "confirm"):
            part = getattr(loaded, name)
            assert part.dtype == np.float32, f"{name} must be float32, but is {part.dtype}"
            assert part.shape[1:] == (int(np.prod(loaded.shape)),), f"{name} has shape {part.shape}, not a row each"
            assert np.isfinite(part).all(), f"{name} must be finite"

    def test_sizes_are_those_of_what_is_loaded(self) -> None:
        loaded, sizes = self.subject.load(), self.subject.sizes
        assert len(loaded.train) == sizes.train >= 1
        assert len(loaded.search) == len(loaded.confirm) == sizes.reference >= 1

    def test_search_and_confirm_are_measured_against_samples_of_their_own(self) -> None:
        loaded = self.subject.load()
        assert not loaded.varies or not np.array_equal(loaded.search, loaded.confirm)

    def test_bounded_says_whether_every_coordinate_lies_between_minus_one_and_one(self) -> None:
        loaded = self.subject.load()
        assert not loaded.bounded or np.abs(loaded.every).max() <= 1

    def test_loading_twice_gives_the_same_numbers(self) -> None:
        assert self.subject.load().fingerprint == self.subject.load().fingerprint

    def test_loading_leaves_the_global_random_states_alone(self) -> None:
        before = _global_random_states()
        self.subject.load()
        assert _global_random_states() == before, "draw from np.random.default_rng(a fixed seed), or a torch.Generator"


# -- what they are tested with ----------------------------------------------------------------------------------------

_SPACE = SampleSpace(dim=DIM, bounded=False)


def _uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _streams() -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(SEEDS)]


def _global_random_states() -> list[Any]:
    _, keys, *rest = np.random.get_state()
    return [np.asarray(keys).tolist(), rest, torch.get_rng_state().tolist()]


def _critique(value: Tensor, seed: int = 4) -> Critique:
    """What a critic said: values that can be differentiated to, at points and with codes in general position."""
    points, code = _normal(*value.shape, DIM, seed=seed), _normal(*value.shape, CODE, seed=seed + 1)
    return Critique(value=value.requires_grad_(), points=points.to(value.dtype), code=code.to(value.dtype))


def _part(critique: Critique, which: slice) -> Critique:
    return _picked(critique, lambda part: part[which])


def _ordered(critique: Critique, order: Tensor) -> Critique:
    return _picked(critique, lambda part: part[:, order])


def _picked(critique: Critique, pick: Callable[[Tensor], Tensor]) -> Critique:
    code = None if critique.code is None else pick(critique.code)
    return Critique(value=pick(critique.value), points=pick(critique.points), code=code)


def _gradients(loss: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss.sum(), inputs, retain_graph=True, materialize_grads=True)


def _initial(network: Any, space: SampleSpace, global_seed: int) -> Parameters:
    torch.manual_seed(global_seed)
    return network.initial(space, torch.Generator().manual_seed(7))


def _drawn(network: Any, space: SampleSpace = _SPACE) -> Parameters:
    """Parameters of a network for all seeds, in general position: initial biases are 0."""
    each = []
    for generator in _streams():
        initial = network.initial(space, generator)
        each.append({n: v + 0.1 * torch.randn(v.shape, generator=generator) for n, v in initial.items()})
    return {name: torch.stack([one[name] for one in each]).double() for name in each[0]}


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in tensors.items()}


def _restored(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as a checkpoint gives them back."""
    file = BytesIO()
    torch.save(dict(tensors), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def _assert_untouched(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> None:
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert torch.equal(value, after[name]), f"{name} is not what it was"


def _play(
    *,
    objective: AnyObjective | None = None,
    constraint: AnyConstraint | None = None,
    generator: AnyGenerator | None = None,
    critic: AnyCritic | None = None,
    dim: int = DIM,
) -> None:
    """Three rounds, after which the numbers of every seed are finite, and both players have moved in some."""
    trainer = Trainer(
        objective=objective or Wasserstein(),
        constraint=constraint or Unconstrained(),
        networks=NetworkPair(
            generator=generator or MLPGenerator(width=8, depth=1, latent=4), critic=critic or _CRITICS["score"]
        ),
        training=Training(batch=BATCH),
        data=_cloud(dim),
        seeds=range(SEEDS),
        measures=Measures(samples=64, directions=16, cells=4),
    )
    players = trainer.generator, trainer.critic
    before = [player.flat.clone() for player in players]
    trainer.advance(3)
    for player, first in zip(players, before, strict=True):
        assert player.flat.isfinite().all(), "after three rounds a parameter is not finite"
        assert (player.flat != first).any(), "after three rounds a player has not moved in any seed"
    assert all(np.isfinite(values).all() for values in trainer.measure().values()), "a measurement is not finite"


def _cloud(dim: int) -> Dataset:
    points = (_normal(360, dim, seed=8) * torch.linspace(0.3, 0.9, dim)).float().numpy()
    train, search, confirm = np.split(points, [200, 280])
    return Dataset(name="cloud", train=train, search=search, confirm=confirm, shape=(dim,), bounded=False)
