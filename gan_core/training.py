"""The game: S seeds side by side, one loop."""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gan_core.constraints import AnyConstraint, Parameters, slope
from gan_core.data import Dataset, Split
from gan_core.fields import Count, check_fields
from gan_core.metrics import RULER_SEED, Lines, Measures, Ruler
from gan_core.networks import DiracPair, Networks
from gan_core.objectives import AnyObjective, Critique, detached
from gan_core.optimizers import Adam, Optimizer
from gan_core.randomness import for_each_seed, stream

UpdateOrder = Literal["critic_first", "alternating", "simultaneous"]
ROUNDS_PER_BLOCK = 16
EVALUATION_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the game is played.

    A round is `n_critic` critic steps and one generator step. `critic_first` takes them in this order,
    `alternating` the generator first; `simultaneous` takes the generator's gradient before the critic moves and
    applies it after.
    """

    batch: Count = 64
    n_critic: Count = 1
    update_order: UpdateOrder = "critic_first"
    critic_optimizer: Optimizer = Adam()
    generator_optimizer: Optimizer = Adam()

    def __post_init__(self) -> None:
        check_fields(self)


class Player:
    """The parameters of S networks of one description: one flat tensor that the optimizer moves, and named views."""

    def __init__(self, initial: Sequence[Parameters], optimizer: Optimizer, device: torch.device, dtype: torch.dtype):
        flat = torch.stack([torch.cat([value.flatten() for value in one.values()]) for one in initial])
        self.flat = flat.to(device, dtype)
        self._shapes = {name: value.shape for name, value in initial[0].items()}
        self.frozen = self.views(self.flat)
        self.learning = {name: view.detach().requires_grad_() for name, view in self.frozen.items()}
        self.optimizer = optimizer.build(self.flat)

    def views(self, flat: Float[Tensor, "seeds parameters"]) -> Parameters:
        """A flat tensor's parts under their names, sharing its memory."""
        views, start = {}, 0
        for name, shape in self._shapes.items():
            views[name] = flat[:, start : start + shape.numel()].view(len(flat), *shape)
            start += shape.numel()
        return views

    def gradient(self, losses: Float[Tensor, "seeds"]) -> Float[Tensor, "seeds parameters"]:
        """Each seed's gradient of its own loss: the sum's gradient falls apart by seed.

        A parameter that the loss does not reach (the theta of a critic step) has gradient 0.
        """
        gradients = torch.autograd.grad(losses.sum(), list(self.learning.values()), materialize_grads=True)
        return torch.cat([gradient.flatten(1) for gradient in gradients], dim=1)

    def descend(self, gradient: Float[Tensor, "seeds parameters"]) -> None:
        self.flat.grad = gradient
        self.optimizer.step()

    def finite(self) -> Bool[Tensor, "seeds"]:
        """Whether all parameters of a seed are finite: 0 times anything else is NaN."""
        return (self.flat * 0).sum(1) == 0

    def state(self) -> dict[str, Any]:
        # state_dict() hands out the optimizer's own tensors, which the next step would move
        return {"flat": self.flat.clone(), "optimizer": deepcopy(self.optimizer.state_dict())}

    def load(self, state: dict[str, Any]) -> None:
        self.flat.copy_(state["flat"])
        self.optimizer.load_state_dict(deepcopy(state["optimizer"]))


class Trainer:
    """S GANs of one configuration, trained and measured together.

    `advance(rounds)` plays, `measure()` looks without touching, `state()` and `load(state)` stop and go on with the
    same bits. What is random depends on (seed, purpose, block of rounds) alone.
    """

    def __init__(
        self,
        *,
        objective: AnyObjective,
        constraint: AnyConstraint,
        networks: Networks,
        training: Training,
        data: Dataset,
        seeds: Sequence[int],
        measures: Measures | None = None,
        split: Split = "search",
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        self.objective, self.constraint, self.training = objective, constraint, training
        self.networks, self.seeds, self.space = networks, tuple(seeds), data.space
        self.measures = measures or Measures()
        self._device, self._dtype = torch.device(device), dtype
        self._train = torch.from_numpy(data.train).to(self._device, dtype)
        self._ruler = Ruler(data, split, self.measures, device=self._device, dtype=dtype) if data.varies else None
        self.generator = self._player("generator", training.generator_optimizer)
        self.critic = self._player("critic", training.critic_optimizer)
        self.memory = {name: v.to(self._device, dtype) for name, v in objective.initial_memory(len(seeds)).items()}
        streams = [stream(seed, "constraint") for seed in self.seeds]
        self.constraint_state = constraint.initial_state(self.critic.frozen, streams)
        self.round = 0
        self.nonfinite_round = torch.full((len(self.seeds),), -1, device=self._device)
        self._draws = Draws(self)
        self._evaluation = self._evaluation_draws()

    def _player(self, role: Literal["generator", "critic"], optimizer: Optimizer) -> Player:
        network = getattr(self.networks, role)
        initial = [network.initial(self.space, stream(seed, f"{role}_parameters")) for seed in self.seeds]
        return Player(initial, optimizer, self._device, self._dtype)

    # -- playing ------------------------------------------------------------------------------------------------

    def advance(self, rounds: int) -> None:
        """Play that many rounds: a generator step each, and the critic steps that go with it."""
        for _ in range(rounds):
            match self.training.update_order:
                case "critic_first":
                    finite = self._critic_steps()
                    finite &= self._generator_step()
                case "alternating":
                    finite = self._generator_step()
                    finite &= self._critic_steps()
                case "simultaneous":
                    gradient, finite = self._generator_gradient()
                    finite &= self._critic_steps()
                    self.generator.descend(gradient)
            finite &= self.generator.finite() & self.critic.finite()
            self.round += 1
            first = ~finite & (self.nonfinite_round < 0)
            self.nonfinite_round = torch.where(first, self.round, self.nonfinite_round)

    def _critic_steps(self) -> Tensor:
        finite = torch.ones(len(self.seeds), dtype=torch.bool, device=self._device)
        for update in range(self.training.n_critic):
            draw = self._draws.critic(self.round, update)
            real = self._real(draw.index)
            with torch.no_grad():
                fake = self._generate(self.generator.frozen, draw.z)
            self.constraint_state = self.constraint.iterate(self.critic.frozen, self.constraint_state)
            loss, _ = self._critic_loss(self.critic.learning, real, fake, draw.noise)
            self.critic.descend(self.critic.gradient(loss))
            self.constraint.project_(self.critic.flat)
            finite &= loss.detach().isfinite()
        return finite

    def _generator_step(self) -> Tensor:
        gradient, finite = self._generator_gradient()
        self.generator.descend(gradient)
        return finite

    def _generator_gradient(self) -> tuple[Tensor, Tensor]:
        draw = self._draws.generator(self.round)
        reads_real = self.objective.generator_reads_real or bool(self.memory)
        loss, of_real, of_fake = self._generator_loss(
            self.generator.learning, draw.z, self._real(draw.index) if reads_real else None
        )
        gradient = self.generator.gradient(loss)
        if of_real is not None:
            self.memory = self.objective.remember(detached(of_real), detached(of_fake), self.memory)
        return gradient, loss.detach().isfinite()

    def _critic_loss(
        self, parameters: Parameters, real: Tensor, fake: Tensor, noise: Tensor
    ) -> tuple[Tensor, Critique]:
        mapped = self.constraint.mapped(parameters, self.constraint_state)
        of_real, of_fake = self._criticise(mapped, real), self._criticise(mapped, fake)
        loss = self.objective.critic_loss(of_real, of_fake, self.memory)
        penalty = self.constraint.penalty(lambda points: self._criticise(mapped, points).value, real, fake, noise)
        return (loss if penalty is None else loss + penalty), of_real

    def _generator_loss(
        self, parameters: Parameters, z: Tensor, real: Tensor | None
    ) -> tuple[Tensor, Critique | None, Critique]:
        mapped = self.constraint.mapped(self.critic.frozen, self.constraint_state)
        of_fake = self._criticise(mapped, self._generate(parameters, z))
        of_real = None if real is None else self._criticise(mapped, real)
        return self.objective.generator_loss(of_real, of_fake, self.memory), of_real, of_fake

    def _criticise(self, parameters: Parameters, points: Tensor) -> Critique:
        return self.networks.critic.criticise(parameters, points, self.space)

    def _generate(self, parameters: Parameters, z: Tensor) -> Tensor:
        return self.networks.generator.generate(parameters, z, self.space)

    def _real(self, index: Int[Tensor, "seeds batch"]) -> Float[Tensor, "seeds batch dim"]:
        return self._train[index]

    # -- looking ------------------------------------------------------------------------------------------------

    def measure(self) -> dict[str, Float[np.ndarray, "seeds"]]:
        """The metrics of every seed at this point; changes no number of the training.

        Losses, slope and gradients are taken on one evaluation batch that every member of every study shares, so
        they can be compared and exist at round 0.
        """
        metrics = self._health()
        if self._ruler is None:
            parameters = torch.cat([self.generator.flat, self.critic.flat], dim=1)
            metrics["distance_to_equilibrium"] = torch.linalg.vector_norm(parameters, dim=1)
        else:
            metrics |= self._ruler.measure(self.samples(self.measures.samples))
        return {name: value.detach().cpu().numpy().astype(np.float64) for name, value in metrics.items()}

    def reference_lines(self) -> Lines:
        """What the distance is held against; for the Dirac pair 0 and the distance of its start values."""
        if self._ruler is not None:
            return self._ruler.lines
        pair = self.networks
        assert isinstance(pair, DiracPair)
        return Lines(floor=0.0, ref=math.hypot(pair.theta, pair.psi), gaussian=None)

    @property
    def real_cells(self) -> int | None:
        """How many cells the real reference occupies; None for data without spread."""
        return None if self._ruler is None else self._ruler.real_cells

    @property
    def floors(self) -> dict[str, float]:
        """What real samples get in each measure that is taken of the fakes; none for data without spread."""
        return {} if self._ruler is None else self._ruler.floors

    def samples(self, count: int) -> Float[Tensor, "seeds count dim"]:
        """The fakes of the first `count` evaluation z, which all members share."""
        # torch fills whole blocks of 16 numbers in order, but draws a remainder anew
        rows = 16 * math.ceil(count / 16)
        z = torch.randn((rows, self.networks.generator.latent), generator=stream(RULER_SEED, "samples_z"))
        with torch.no_grad():
            return self._generate(self.generator.frozen, self._for_all(z[:count]))

    def critic_surface(self, points: Float[np.ndarray, "points dim"]) -> Float[np.ndarray, "seeds points"]:
        """What every seed's critic says at these points: its scores, or its energies."""
        shared = self._for_all(torch.from_numpy(points))
        with torch.no_grad():
            mapped = self.constraint.mapped(self.critic.frozen, self.constraint_state)
            return self._criticise(mapped, shared).value.cpu().numpy()

    def _health(self) -> dict[str, Float[Tensor, "seeds"]]:
        draw = self._evaluation
        with torch.no_grad():
            fake = self._generate(self.generator.frozen, draw.z)
        real = self._real(draw.index)
        critic_loss, of_real = self._critic_loss(self.critic.learning, real, fake, draw.noise)
        generator_loss, _, of_fake = self._generator_loss(self.generator.learning, draw.z, real)
        mapped = self.constraint.mapped(self.critic.frozen, self.constraint_state)
        between = torch.lerp(fake, real, draw.between)
        return {
            "critic_loss": critic_loss,
            "generator_loss": generator_loss,
            "critic_on_real": of_real.value.mean(-1),
            "critic_on_fake": of_fake.value.mean(-1),
            "critic_gradient_norm": torch.linalg.vector_norm(self.critic.gradient(critic_loss), dim=1),
            "generator_gradient_norm": torch.linalg.vector_norm(self.generator.gradient(generator_loss), dim=1),
            "critic_slope": slope(lambda points: self._criticise(mapped, points).value, between).mean(-1),
        }

    def _evaluation_draws(self) -> "_Evaluation":
        generator = stream(RULER_SEED, "evaluation")
        latent, width = self.networks.generator.latent, self.constraint.noise_width(self.space.dim)
        return _Evaluation(
            z=self._for_all(torch.randn((EVALUATION_BATCH, latent), generator=generator)),
            index=self._for_all(torch.randint(len(self._train), (EVALUATION_BATCH,), generator=generator)),
            between=self._for_all(torch.rand((EVALUATION_BATCH, 1), generator=generator)),
            noise=self._for_all(torch.rand((EVALUATION_BATCH, width), generator=generator)),
        )

    def _for_all(self, shared: Tensor) -> Tensor:
        """One draw for every seed."""
        shared = shared.to(self._device, self._dtype) if shared.is_floating_point() else shared.to(self._device)
        return shared.expand(len(self.seeds), *shared.shape)

    # -- stopping and going on ----------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that the coming rounds depend on; no random state, since streams are named by the round."""
        return {
            "round": self.round,
            "generator": self.generator.state(),
            "critic": self.critic.state(),
            "memory": dict(self.memory),
            "constraint": dict(self.constraint_state),
            "nonfinite_round": self.nonfinite_round.clone(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from there with the bits of a trainer that was never stopped."""
        self.round = state["round"]
        self.generator.load(state["generator"])
        self.critic.load(state["critic"])
        self.memory, self.constraint_state = dict(state["memory"]), dict(state["constraint"])
        self.nonfinite_round = state["nonfinite_round"].to(self._device)


@dataclass(frozen=True)
class CriticDraw:
    """What one critic step draws."""

    index: Int[Tensor, "seeds batch"]
    z: Float[Tensor, "seeds batch latent"]
    noise: Float[Tensor, "seeds batch noise"]


@dataclass(frozen=True)
class GeneratorDraw:
    """What one generator step draws; the real samples are looked up only for an objective that reads them."""

    index: Int[Tensor, "seeds batch"]
    z: Float[Tensor, "seeds batch latent"]


@dataclass(frozen=True)
class _Evaluation(CriticDraw):
    between: Float[Tensor, "seeds batch one"]


class Draws:
    """The random numbers of a round, drawn a block of rounds at a time; each player has its own z."""

    def __init__(self, trainer: "Trainer"):
        self._seeds, self._training = trainer.seeds, trainer.training
        self._latent, self._real_count = trainer.networks.generator.latent, len(trainer._train)
        self._noise_width = trainer.constraint.noise_width(trainer.space.dim)
        self._device, self._dtype = trainer._device, trainer._dtype
        self._block = -1

    def critic(self, round_: int, update: int) -> CriticDraw:
        self._go_to(round_)
        at = (round_ % ROUNDS_PER_BLOCK) * self._training.n_critic + update
        return CriticDraw(index=self._critic_index[at], z=self._critic_z[at], noise=self._noise[at])

    def generator(self, round_: int) -> GeneratorDraw:
        self._go_to(round_)
        at = round_ % ROUNDS_PER_BLOCK
        return GeneratorDraw(index=self._generator_index[at], z=self._generator_z[at])

    def _go_to(self, round_: int) -> None:
        block = round_ // ROUNDS_PER_BLOCK
        if block == self._block:
            return
        self._block = block
        batch, updates = self._training.batch, ROUNDS_PER_BLOCK * self._training.n_critic
        self._critic_z = self._normal("critic_z", updates, batch, self._latent)
        self._critic_index = self._integers("critic_index", updates, batch)
        self._noise = self._uniform("critic_noise", updates, batch, self._noise_width)
        self._generator_z = self._normal("generator_z", ROUNDS_PER_BLOCK, batch, self._latent)
        self._generator_index = self._integers("generator_index", ROUNDS_PER_BLOCK, batch)

    def _normal(self, purpose: str, *shape: int) -> Tensor:
        return self._stacked(purpose, lambda generator: torch.randn(shape, generator=generator))

    def _uniform(self, purpose: str, *shape: int) -> Tensor:
        return self._stacked(purpose, lambda generator: torch.rand(shape, generator=generator))

    def _integers(self, purpose: str, *shape: int) -> Tensor:
        draws = for_each_seed(
            self._seeds, purpose, self._block, lambda g: torch.randint(self._real_count, shape, generator=g)
        )
        return draws.to(self._device)

    def _stacked(self, purpose: str, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        return for_each_seed(self._seeds, purpose, self._block, draw).to(self._device, self._dtype)
