"""The training loop: S GANs of one structure, trained together."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.constraints import AnyConstraint
from gan_core.data import Dataset, labels_in_shares
from gan_core.networks import CriticAt, Networks, generate_in_chunks, with_labels
from gan_core.objectives import AnyObjective
from gan_core.training.batches import RealBatches
from gan_core.training.draws import Draws, DrawShapes
from gan_core.training.health import HEALTH_BATCH, HealthBatch, health_metrics
from gan_core.training.losses import Losses
from gan_core.training.member_optimizers import MemberOptimizers
from gan_core.training.packable import why_unpackable
from gan_core.training.packs import Alike, Member, Pack
from gan_core.training.randomness import evaluation_latents, one_hot, stream
from gan_core.training.settings import Training, check_compatible, check_conditional
from gan_core.training.stacked import StackedParameters


class Trainer:
    """S GANs of one configuration, one per seed, trained together; or a pack, whose members have their own numbers.

    `advance(iterations)` trains, `generate(count)` returns fakes, `health()` returns losses, slopes and gradient
    norms, `state()` and `load(state)` save and resume: a resumed training gives the same bits. Random numbers depend on
    (seed, purpose, block of steps) alone.

    objective, constraint, training
                         settings of all members; of a pack's first member, whose numbers the others do not share
    iteration            iterations so far, pre-training steps included
    nonfinite_iteration  for each seed the first iteration after which its parameters or losses were not finite; -1 if
                         there is none. Training of the other seeds goes on
    generator, critic    parameters of S networks, with their optimizers
    average              moving average of the generators' parameters, (seeds, parameters); None if there is none
    classes              classes whose labels conditional networks get; None for others
    objective_state      state of the objective, by name, each with a leading seed axis
    constraint_state     state of the constraint, likewise

    `health_batch` is the number of samples on which `health()` measures.

    Conditional networks get the labels of the real samples of each batch, and the fakes of the batch have the same
    labels: real sample i and fake i, which paired losses compare and between which a penalty's points lie, are of one
    class. Labels of generator steps are those of a real batch of their own.

    Errors: `ValueError` if objective, networks and training settings cannot be combined, and for conditional networks
    that do not fit the classes of the data.
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
        device: str = "cpu",
        health_batch: int = HEALTH_BATCH,
    ):
        check_compatible(objective, networks, training)
        self._start(
            Alike(objective=objective, constraint=constraint, training=training, seeds=tuple(seeds)),
            networks,
            data,
            torch.device(device),
            health_batch,
        )

    @classmethod
    def of_pack(
        cls,
        members: Sequence[Member],
        *,
        networks: Networks,
        data: Dataset,
        device: str = "cpu",
        health_batch: int = HEALTH_BATCH,
    ) -> "Trainer":
        """The trainer of a pack: one GAN per member, with the member's own numbers.

        A member's bits depend on the number of members and its place among them, not on the others' numbers.

        Errors: `ValueError` if the members differ in more than numbers (`structure`), if the mathematics of objective
        or constraint cannot be mapped over them (`why_unpackable`), or if they do not fit the networks.
        """
        pack = Pack(members, torch.device(device))
        for member in members:
            check_compatible(member.objective, networks, member.training)
        reason = why_unpackable(pack.objective, pack.constraint, networks, data.sample_shape)
        if reason is not None:
            raise ValueError(reason)
        trainer = cls.__new__(cls)
        trainer._start(pack, networks, data, torch.device(device), health_batch)
        return trainer

    def _start(
        self, settings: Alike | Pack, networks: Networks, data: Dataset, device: torch.device, health_batch: int
    ) -> None:
        training = settings.training
        check_conditional(networks, data)
        self.objective, self.constraint, self.training = settings.objective, settings.constraint, training
        self.networks, self.seeds, self.shape = networks, settings.seeds, data.sample_shape
        self.device, self.dtype = device, getattr(torch, training.dtype)
        self._settings = settings
        self._losses = Losses(
            objective=settings.objectives, constraint=settings.constraints, networks=networks, shape=self.shape
        )
        self.generator = self._stacked("generator", settings.generator_optimizers)
        self.critic = self._stacked("critic", settings.critic_optimizers)
        self.average = self.generator.flat.clone() if training.generator_average else None
        initial = self._losses.objective.initial_state(len(self.seeds))
        self.objective_state = {name: value.to(self.device, self.dtype) for name, value in initial.items()}
        streams = [stream(seed, "constraint") for seed in self.seeds]
        self.constraint_state = self._losses.constraint.initial_state(self.critic.frozen, streams)
        self.iteration = 0
        self.nonfinite_iteration = torch.full((len(self.seeds),), -1, device=self.device)
        latent, noise = networks.generator.latent, self.constraint.noise_width(self.shape.dim)
        shapes = DrawShapes(batch=training.batch, latent=latent, noise=noise, real=len(data.train), dim=self.shape.dim)
        self._draws = Draws(self.seeds, shapes, self.device, self.dtype)
        self.classes = data.condition_classes if networks.generator.label_width else None
        self._batches = RealBatches(data, self._draws, self.device, self.dtype, classes=networks.generator.label_width)
        self._health_batch = HealthBatch.draw(
            size=health_batch, latent=latent, noise=noise, real=len(data.train), for_all_seeds=self._for_all_seeds
        )

    def _stacked(self, role: Literal["generator", "critic"], optimizers: MemberOptimizers) -> StackedParameters:
        network = getattr(self.networks, role)
        initial = [network.initial(self.shape, stream(seed, f"{role}_parameters")) for seed in self.seeds]
        return StackedParameters(initial, optimizers, self.device, self.dtype)

    # -- training ----------------------------------------------------------------------------------------------------

    @property
    def generator_steps(self) -> int:
        """Generator steps so far."""
        return self.training.generator_steps(self.iteration)

    def advance(self, iterations: int) -> None:
        """Train for `iterations` more iterations: pre-training comes first, every later one updates both networks."""
        for _ in range(iterations):
            pretraining = self.iteration < self.training.pretrain_steps
            finite = self._pretraining_step() if pretraining else self._generator_iteration()
            finite &= self.generator.finite() & self.critic.finite()
            self.iteration += 1
            first = ~finite & (self.nonfinite_iteration < 0)
            self.nonfinite_iteration = torch.where(first, self.iteration, self.nonfinite_iteration)

    def _generator_iteration(self) -> Tensor:
        """Critic steps and one generator step; True for each seed whose losses are finite."""
        step = self.generator_steps
        match self.training.update_order:
            case "critic_first":
                critic_finite = self._critic_steps(step)
                gradient, generator_finite = self._generator_gradient(step)
                self._update_generator(gradient, step)
            case "alternating":
                gradient, generator_finite = self._generator_gradient(step)
                self._update_generator(gradient, step)
                critic_finite = self._critic_steps(step)
            case "simultaneous":
                gradient, generator_finite = self._generator_gradient(step)
                critic_finite = self._critic_steps(step)
                self._update_generator(gradient, step)
        return critic_finite & generator_finite

    def _pretraining_step(self) -> Tensor:
        index = self._draws.pretraining(self.iteration)
        real = self._batches.of_step(index, "pretraining", self.iteration)
        self.constraint_state = self._losses.constraint.next_state(self.critic.frozen, self.constraint_state)
        critic = self._learning_critic(self._batches.labels(index))
        return self._update_critic(critic.value(real).mean(-1), 0)

    def _critic_steps(self, generator_step: int) -> Tensor:
        finite = torch.ones(len(self.seeds), dtype=torch.bool, device=self.device)
        first = self.training.critic_steps_before(generator_step)
        for step in range(first, first + self.training.critic_steps_at(generator_step)):
            draw = self._draws.critic(step)
            real, labels = self._batches.of_step(draw.index, "critic", step), self._batches.labels(draw.index)
            with torch.no_grad():
                fake = self._losses.generate(self.generator.frozen, with_labels(draw.z, labels))
            self.constraint_state = self._losses.constraint.next_state(self.critic.frozen, self.constraint_state)
            result = self._losses.critic(
                self._learning_critic(labels),
                real,
                fake,
                draw.noise,
                self.objective_state,
                penalty_factor=self._losses.constraint.penalty_factor(step),
            )
            finite &= self._update_critic(result.loss, generator_step)
        return finite

    def _update_critic(self, loss: Tensor, generator_step: int) -> Tensor:
        self.critic.descend(self.critic.gradient(loss), generator_step)
        self._losses.constraint.project_(self.critic.flat)
        return loss.detach().isfinite()

    def _generator_gradient(self, generator_step: int) -> tuple[Tensor, Tensor]:
        """Gradient of each generator's loss, and True where the loss is finite; also updates the objective's state."""
        draw = self._draws.generator(generator_step)
        reads_real = self.objective.generator_reads_real or bool(self.objective_state)
        labels = self._batches.labels(draw.index)
        result = self._losses.generator(
            self.critic_now(labels),
            self.generator.learning,
            with_labels(draw.z, labels),
            self._batches.of_step(draw.index, "generator", generator_step) if reads_real else None,
            self.objective_state,
        )
        gradient = self.generator.gradient(result.loss)
        if result.real is not None:
            real, fake = result.real.detach(), result.fake.detach()
            self.objective_state = self._losses.objective.next_state(real, fake, self.objective_state)
        return gradient, result.loss.detach().isfinite()

    def _update_generator(self, gradient: Tensor, generator_step: int) -> None:
        self.generator.descend(gradient, generator_step)
        if self.average is not None:
            self.average.lerp_(self.generator.flat, self._settings.average_weight(generator_step))

    def _learning_critic(self, labels: Tensor | None) -> CriticAt:
        return self._losses.critic_at(self.critic.learning, self.constraint_state, labels)

    def critic_now(self, labels: Float[Tensor, "seeds batch classes"] | None = None) -> CriticAt:
        """Critics at their present parameters, which require no gradient; conditional ones for one-hot labels."""
        return self._losses.critic_at(self.critic.frozen, self.constraint_state, labels)

    # -- samples, health metrics, critic values ----------------------------------------------------------------------

    def generate(
        self, count: int, flat: Float[Tensor, "seeds parameters"] | None = None
    ) -> Float[Tensor, "seeds count dim"]:
        """Fakes generated from the first `count` evaluation latents, which are the same for every seed and every trial.

        Conditional generators get labels in the shares of the training samples.

        `flat` replaces the generators' present parameters, in the layout of `generator.flat`.
        """
        z = evaluation_latents(count, self.networks.generator.latent)
        if self.classes is not None:
            labels = labels_in_shares(np.asarray(self.classes.shares), count)
            z = with_labels(z, one_hot(labels, len(self.classes.names)))
        with torch.no_grad():
            parameters = self.generator.frozen if flat is None else self.generator.views(flat)
            return generate_in_chunks(self.networks.generator, parameters, self._for_all_seeds(z), self.shape)

    def health(self) -> dict[str, Float[Tensor, "seeds"]]:
        """Metrics of the training by name, described in `HEALTH_METRICS`; changes no number of the training."""
        return health_metrics(
            self._losses,
            self._health_batch,
            self._batches.at(self._health_batch.index),
            labels=self._batches.labels(self._health_batch.index),
            generator=self.generator,
            critic=self.critic,
            objective_state=self.objective_state,
            constraint_state=self.constraint_state,
        )

    def critic_values(self, samples: Float[np.ndarray, "samples dim"]) -> Float[np.ndarray, "seeds samples"]:
        """Scores or energies that each seed's critic outputs for these samples.

        Those of conditional critics are means over the classes, in the shares of the training samples.
        """
        shared = self._for_all_seeds(torch.from_numpy(samples))
        with torch.no_grad():
            if self.classes is None:
                return self.critic_now().value(shared).cpu().numpy()
            every = torch.eye(len(self.classes.names))
            values = [
                share * self.critic_now(self._for_all_seeds(label.expand(len(samples), -1))).value(shared)
                for label, share in zip(every, self.classes.shares, strict=True)
            ]
            return torch.stack(values).sum(0).cpu().numpy()

    def _for_all_seeds(self, shared: Tensor) -> Tensor:
        """`shared` on the device, repeated along a leading seed axis without a copy."""
        shared = shared.to(self.device, self.dtype) if shared.is_floating_point() else shared.to(self.device)
        return shared.expand(len(self.seeds), *shared.shape)

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that later iterations depend on; no random state, since streams are keyed by step number."""
        return {
            "iteration": self.iteration,
            "generator": self.generator.state(),
            "critic": self.critic.state(),
            "average": None if self.average is None else self.average.clone(),
            "objective_state": dict(self.objective_state),
            "constraint_state": dict(self.constraint_state),
            "nonfinite_iteration": self.nonfinite_iteration.clone(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Resume from `state()`: the following iterations give the same bits as without the interruption."""
        self.iteration = state["iteration"]
        self.generator.load(state["generator"])
        self.critic.load(state["critic"])
        if self.average is not None:
            self.average.copy_(state["average"])
        self.objective_state = {name: value.to(self.device) for name, value in state["objective_state"].items()}
        self.constraint_state = {name: value.to(self.device) for name, value in state["constraint_state"].items()}
        self.nonfinite_iteration = state["nonfinite_iteration"].to(self.device)
