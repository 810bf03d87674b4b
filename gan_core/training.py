"""The game: S seeds side by side, one loop."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.constraints import AnyConstraint, Parameters, slope
from gan_core.data import Dataset, Split
from gan_core.draws import CriticDraw, Draws, Shapes
from gan_core.fields import Count, Fraction, Whole, check_fields
from gan_core.metrics import RULER_SEED, Lines, Measures, Ruler
from gan_core.metrics.meanings import AVERAGE
from gan_core.networks import AnyCritic, CriticAt, DiracPair, Networks
from gan_core.objectives import AnyObjective, Critique, detached, halves
from gan_core.optimizers import Adam, Optimizer
from gan_core.player import Player
from gan_core.randomness import stream

UpdateOrder = Literal["critic_first", "alternating", "simultaneous"]
EVALUATION_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the game is played.

    A round is `n_critic` critic steps and one generator step. `critic_first` takes them in this order,
    `alternating` the generator first; `simultaneous` takes the generator's gradient before the critic moves and
    applies it after.

    warmup_steps       rounds at the start in which the critic takes `warmup_n_critic` steps instead of `n_critic`
    warmup_every       every so many rounds it takes that many again; 0 is never. The authors of WGAN have 25, 100, 500
    pretrain_steps     critic steps on the energy of real data alone, before the game; for autoencoder critics
    generator_average  decay of the average of the generator's parameters that is measured beside it; 0 is none
    dtype              the precision of all parameters and samples

    Source of the warm-up: the code of Arjovsky et al. 2017, main.py. The average's decay is held below
    (1 + step) / (10 + step), as TensorFlow's ExponentialMovingAverage does, since otherwise it remembers the start.
    """

    batch: Count = 64
    n_critic: Count = 1
    warmup_steps: Whole = 0
    warmup_n_critic: Count = 100
    warmup_every: Whole = 0
    pretrain_steps: Whole = 0
    update_order: UpdateOrder = "critic_first"
    generator_average: Fraction = 0.0
    dtype: Literal["float32", "float64"] = "float32"
    critic_optimizer: Optimizer = Adam()
    generator_optimizer: Optimizer = Adam()

    def __post_init__(self) -> None:
        check_fields(self)

    def critic_steps_in(self, round_: int) -> int:
        """How many steps the critic takes in that round."""
        warm = round_ < self.warmup_steps or (self.warmup_every > 0 and round_ % self.warmup_every == 0)
        return self.warmup_n_critic if warm else self.n_critic

    def critic_steps_before(self, round_: int) -> int:
        """How many steps the critic has taken in the rounds before that one; pretraining is not among them."""
        warm = cold = min(round_, self.warmup_steps)
        if self.warmup_every:
            warm += math.ceil(round_ / self.warmup_every) - math.ceil(cold / self.warmup_every)
        return warm * self.warmup_n_critic + (round_ - warm) * self.n_critic

    def generator_steps(self, turns: int) -> int:
        """A turn is a step of pretraining or, after the last of them, a round: the rounds among so many turns."""
        return max(0, turns - self.pretrain_steps)

    def critic_steps(self, turns: int) -> int:
        """How many steps the critic has taken after so many turns, pretraining included."""
        return min(turns, self.pretrain_steps) + self.critic_steps_before(self.generator_steps(turns))


class Trainer:
    """S GANs of one configuration, trained and measured together.

    `advance(turns)` plays, `measure()` looks without touching, `state()` and `load(state)` stop and go on with the
    same bits. What is random depends on (seed, purpose, block of steps) alone.

    Errors: `ValueError` where objective, constraint, networks and training do not go together.
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
    ):
        check_game(objective, networks, training)
        self.objective, self.constraint, self.training = objective, constraint, training
        self.networks, self.seeds, self.space = networks, tuple(seeds), data.space
        self.measures = measures or Measures()
        self._device, self._dtype = torch.device(device), getattr(torch, training.dtype)
        self._train = torch.from_numpy(data.train).to(self._device, self._dtype)
        self._ruler = Ruler(data, split, self.measures, device=self._device, dtype=self._dtype) if data.varies else None
        self.generator = self._player("generator", training.generator_optimizer)
        self.critic = self._player("critic", training.critic_optimizer)
        self.average = self.generator.flat.clone() if training.generator_average else None
        initial = objective.initial_memory(len(seeds))
        self.memory = {name: value.to(self._device, self._dtype) for name, value in initial.items()}
        streams = [stream(seed, "constraint") for seed in self.seeds]
        self.constraint_state = constraint.initial_state(self.critic.frozen, streams)
        self.turn = 0
        self.nonfinite_turn = torch.full((len(self.seeds),), -1, device=self._device)
        shapes = Shapes(
            batch=training.batch,
            latent=networks.generator.latent,
            noise=constraint.noise_width(self.space.dim),
            real=len(self._train),
        )
        self._draws = Draws(self.seeds, shapes, self._device, self._dtype)
        self._evaluation = self._evaluation_draws()

    def _player(self, role: Literal["generator", "critic"], optimizer: Optimizer) -> Player:
        network = getattr(self.networks, role)
        initial = [network.initial(self.space, stream(seed, f"{role}_parameters")) for seed in self.seeds]
        return Player(initial, optimizer, self._device, self._dtype)

    # -- playing ------------------------------------------------------------------------------------------------

    @property
    def round(self) -> int:
        """The rounds played, which are the generator's steps."""
        return self.training.generator_steps(self.turn)

    def advance(self, turns: int) -> None:
        """Play that many turns: first the critic's steps before the game, if there are any, then rounds."""
        for _ in range(turns):
            finite = self._pretraining_step() if self.turn < self.training.pretrain_steps else self._play_round()
            finite &= self.generator.finite() & self.critic.finite()
            self.turn += 1
            first = ~finite & (self.nonfinite_turn < 0)
            self.nonfinite_turn = torch.where(first, self.turn, self.nonfinite_turn)

    def _play_round(self) -> Tensor:
        round_ = self.round
        match self.training.update_order:
            case "critic_first":
                finite = self._critic_steps(round_)
                gradient, finite_too = self._generator_gradient(round_)
                self._move_generator(gradient, round_)
            case "alternating":
                gradient, finite = self._generator_gradient(round_)
                self._move_generator(gradient, round_)
                finite_too = self._critic_steps(round_)
            case "simultaneous":
                gradient, finite = self._generator_gradient(round_)
                finite_too = self._critic_steps(round_)
                self._move_generator(gradient, round_)
        return finite & finite_too

    def _pretraining_step(self) -> Tensor:
        real = self._real(self._draws.pretraining(self.turn))
        self.constraint_state = self.constraint.iterate(self.critic.frozen, self.constraint_state)
        return self._move_critic(self._critic_at(self.critic.learning).value(real).mean(-1), 0)

    def _critic_steps(self, round_: int) -> Tensor:
        finite = torch.ones(len(self.seeds), dtype=torch.bool, device=self._device)
        first = self.training.critic_steps_before(round_)
        for step in range(first, first + self.training.critic_steps_in(round_)):
            draw = self._draws.critic(step)
            real = self._real(draw.index)
            with torch.no_grad():
                fake = self._generate(self.generator.frozen, draw.z)
            self.constraint_state = self.constraint.iterate(self.critic.frozen, self.constraint_state)
            loss, _, _ = self._critic_loss(self.critic.learning, real, fake, draw.noise)
            finite &= self._move_critic(loss, round_)
        return finite

    def _move_critic(self, loss: Tensor, round_: int) -> Tensor:
        self.critic.descend(self.critic.gradient(loss), round_)
        self.constraint.project_(self.critic.flat)
        return loss.detach().isfinite()

    def _generator_gradient(self, round_: int) -> tuple[Tensor, Tensor]:
        draw = self._draws.generator(round_)
        reads_real = self.objective.generator_reads_real or bool(self.memory)
        loss, of_real, of_fake = self._generator_loss(
            self.generator.learning, draw.z, self._real(draw.index) if reads_real else None
        )
        gradient = self.generator.gradient(loss)
        if of_real is not None:
            self.memory = self.objective.remember(detached(of_real), detached(of_fake), self.memory)
        return gradient, loss.detach().isfinite()

    def _move_generator(self, gradient: Tensor, round_: int) -> None:
        self.generator.descend(gradient, round_)
        if self.average is not None:
            decay = min(self.training.generator_average, (1 + round_) / (10 + round_))
            self.average.lerp_(self.generator.flat, 1 - decay)

    def _critic_loss(
        self, parameters: Parameters, real: Tensor, fake: Tensor, noise: Tensor
    ) -> tuple[Tensor, Critique, Critique]:
        critic = self._critic_at(parameters)
        of_real, of_fake = halves(critic.criticise(torch.cat([real, fake], dim=-2)))
        loss = self.objective.critic_loss(of_real, of_fake, self.memory)
        penalty = self.constraint.penalty(critic, real, fake, noise)
        return (loss if penalty is None else loss + penalty), of_real, of_fake

    def _generator_loss(
        self, parameters: Parameters, z: Tensor, real: Tensor | None
    ) -> tuple[Tensor, Critique | None, Critique]:
        critic = self._critic_at(self.critic.frozen)
        of_fake = critic.criticise(self._generate(parameters, z))
        of_real = None if real is None else critic.criticise(real)
        return self.objective.generator_loss(of_real, of_fake, self.memory), of_real, of_fake

    def _critic_at(self, parameters: Parameters) -> CriticAt:
        """The critics that these parameters make under the constraint."""
        mapped = self.constraint.mapped(parameters, self.constraint_state)
        return CriticAt(self.networks.critic, mapped, self.space)

    def _generate(self, parameters: Parameters, z: Tensor) -> Tensor:
        return self.networks.generator.generate(parameters, z, self.space)

    def _real(self, index: Int[Tensor, "seeds batch"]) -> Float[Tensor, "seeds batch dim"]:
        return self._train[index]

    # -- looking ------------------------------------------------------------------------------------------------

    def measure(self) -> dict[str, Float[np.ndarray, "seeds"]]:
        """The metrics of every seed at this point; changes no number of the training.

        Losses, slope and gradients are taken on one evaluation batch that every member of every study shares, so
        they can be compared and exist before the first turn.
        """
        metrics = self._health()
        if self._ruler is None:
            parameters = torch.cat([self.generator.flat, self.critic.flat], dim=1)
            metrics["distance_to_equilibrium"] = torch.linalg.vector_norm(parameters, dim=1)
        else:
            metrics |= self._ruler.measure(self.samples(self.measures.samples))
            if self.average is not None:
                averaged = self._ruler.measure(self.samples(self.measures.samples, self.average))
                metrics |= {f"{name}{AVERAGE}": value for name, value in averaged.items()}
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

    @property
    def gaussians(self) -> dict[str, float]:
        """What a Gaussian with the data's mean and covariance gets in each of them; none for data without spread."""
        return {} if self._ruler is None else self._ruler.gaussians

    def samples(
        self, count: int, flat: Float[Tensor, "seeds parameters"] | None = None
    ) -> Float[Tensor, "seeds count dim"]:
        """The fakes of the first `count` evaluation z, which all members share, at these parameters if given."""
        # torch fills whole blocks of 16 numbers in order, but draws a remainder anew
        rows = 16 * math.ceil(count / 16)
        z = torch.randn((rows, self.networks.generator.latent), generator=stream(RULER_SEED, "samples_z"))
        with torch.no_grad():
            parameters = self.generator.frozen if flat is None else self.generator.views(flat)
            return self._generate(parameters, self._for_all(z[:count]))

    def critic_surface(self, points: Float[np.ndarray, "points dim"]) -> Float[np.ndarray, "seeds points"]:
        """What every seed's critic says at these points: its scores, or its energies."""
        shared = self._for_all(torch.from_numpy(points))
        with torch.no_grad():
            return self._critic_at(self.critic.frozen).value(shared).cpu().numpy()

    def _health(self) -> dict[str, Float[Tensor, "seeds"]]:
        draw = self._evaluation
        with torch.no_grad():
            fake = self._generate(self.generator.frozen, draw.z)
        real = self._real(draw.index)
        critic_loss, of_real, of_fake = self._critic_loss(self.critic.learning, real, fake, draw.noise)
        generator_loss, _, _ = self._generator_loss(self.generator.learning, draw.z, real)
        between = torch.lerp(fake, real, draw.between)
        return {
            "critic_loss": critic_loss,
            "generator_loss": generator_loss,
            "critic_on_real": of_real.value.mean(-1),
            "critic_on_fake": of_fake.value.mean(-1),
            "critic_gradient_norm": torch.linalg.vector_norm(self.critic.gradient(critic_loss), dim=1),
            "generator_gradient_norm": torch.linalg.vector_norm(self.generator.gradient(generator_loss), dim=1),
            "critic_slope": self.critic_slope(between).mean(-1),
            **self.objective.measures(of_real, of_fake, self.memory),
        }

    def critic_slope(self, points: Float[Tensor, "seeds points dim"]) -> Float[Tensor, "seeds points"]:
        """How steep each seed's critic is at its points."""
        with torch.no_grad():
            return slope(self._critic_at(self.critic.frozen), points)

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
        """All that the coming turns depend on; no random state, since streams are named by the number of the step."""
        return {
            "turn": self.turn,
            "generator": self.generator.state(),
            "critic": self.critic.state(),
            "average": None if self.average is None else self.average.clone(),
            "memory": dict(self.memory),
            "constraint": dict(self.constraint_state),
            "nonfinite_turn": self.nonfinite_turn.clone(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from there with the bits of a trainer that was never stopped."""
        self.turn = state["turn"]
        self.generator.load(state["generator"])
        self.critic.load(state["critic"])
        if self.average is not None:
            self.average.copy_(state["average"])
        self.memory, self.constraint_state = dict(state["memory"]), dict(state["constraint"])
        self.nonfinite_turn = state["nonfinite_turn"].to(self._device)


@dataclass(frozen=True)
class _Evaluation(CriticDraw):
    between: Float[Tensor, "seeds batch one"]


def check_game(objective: AnyObjective, networks: Networks, training: Training) -> None:
    """Whether what was put together can be played.

    Errors: `ValueError` with the place and what must hold there.
    """
    critic = networks.critic
    if critic.form != objective.critic_form:
        raise ValueError(
            f"networks.critic: {_name(critic)} gives {_GIVES[critic.form]}, but objective {_name(objective)} reads "
            f"{_GIVES[objective.critic_form]}; {_remedy(objective, critic)}"
        )
    if objective.reads_code and not critic.has_code:
        raise ValueError(
            f"networks.critic: must be an autoencoder, whose codes objective {_name(objective)} reads, but kind is "
            f'"{_name(critic)}"'
        )
    if objective.reads_code and training.batch == 1:
        raise ValueError("training.batch: must be >= 2, since codes are compared in pairs, but is 1")
    if training.pretrain_steps and not critic.has_code:
        raise ValueError(
            "training.pretrain_steps: must be 0 unless the critic is an autoencoder, whose energy of real data has a "
            f'smallest value, but is {training.pretrain_steps} with kind "{_name(critic)}"'
        )


_GIVES = {"score": "scores", "energy": "energies"}


def _name(described: AnyObjective | AnyCritic) -> str:
    """Its kind; a class of the user's that no study file names has none."""
    return getattr(described, "kind", type(described).__name__)


def _remedy(objective: AnyObjective, critic: AnyCritic) -> str:
    if _name(critic) == "dirac":
        return "give it an objective that reads scores"
    if objective.critic_form == "score":
        return 'use kind = "mlp" with form = "score"'
    return 'use kind = "autoencoder", or "mlp" with form = "energy"'
