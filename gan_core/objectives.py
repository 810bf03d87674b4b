"""Objectives: the losses that critic and generator minimise.

An objective is a frozen dataclass whose fields are its hyperparameters. Its losses are pure functions of the critic's
outputs and reduce over the batch axis alone, so the same code trains one GAN or S GANs at once. A score is high on real
samples, an energy low.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Le
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, relu, softplus

from gan_core.fields import NonNegative, check_fields, is_exactly
from gan_core.metric_description import MetricDescription
from gan_core.shapes import CriticForm, CriticOutput, State


class AnyObjective(ABC):
    """Abstract base class of every objective, also of those that users write.

    critic_form           `score` or `energy`: the critic output that the losses are functions of
    generator_reads_real  True if `generator_loss` depends on `real`; if False, and without a state, `real` may be None
    described_metrics     descriptions of the metrics that `metrics` returns
    special_values        values of hyperparameters at which the losses take another branch, by name; the losses compare
                          with `is_exactly`, and the members of a pack have all the special value or none

    Losses have the shape `seeds`: they reduce over the batch axis and keep the leading axes.
    """

    kind: str
    critic_form: ClassVar[CriticForm]
    generator_reads_real: ClassVar[bool] = False
    described_metrics: ClassVar[tuple[MetricDescription, ...]] = ()
    special_values: ClassVar[Mapping[str, float]] = {}

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def reads_code(self) -> bool:
        """True if `generator_loss` depends on the codes of fakes, which only an autoencoder critic outputs."""
        return False

    @abstractmethod
    def critic_loss(self, real: CriticOutput, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        """The loss that the critic minimises."""

    @abstractmethod
    def generator_loss(self, real: CriticOutput | None, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        """The loss that the generator minimises."""

    @abstractmethod
    def initial_state(self, members: int) -> State:
        """State of `members` seeds before the first step, with a leading seed axis; `{}` for a stateless objective."""

    @abstractmethod
    def next_state(self, real: CriticOutput, fake: CriticOutput, state: State) -> State:
        """State after a generator step, from the critic's outputs in that step; both outputs are detached."""

    @abstractmethod
    def metrics(self, real: CriticOutput, fake: CriticOutput, state: State) -> dict[str, Float[Tensor, "*seeds"]]:
        """Metrics of this objective besides its losses, by name; `{}` if there are none."""


class Stateless(AnyObjective):
    """An objective without a state: its losses depend on its hyperparameters and the critic's outputs alone."""

    def initial_state(self, members: int) -> State:
        return {}

    def next_state(self, real: CriticOutput, fake: CriticOutput, state: State) -> State:
        return state

    def metrics(self, real: CriticOutput, fake: CriticOutput, state: State) -> dict[str, Float[Tensor, "*seeds"]]:
        return {}


@dataclass(frozen=True, kw_only=True)
class Minimax(Stateless):
    """Minimax GAN: the critic classifies real and fake, the generator maximises the critic's loss.

    critic     mean softplus(-D(real)) + mean softplus(D(fake))
    generator  -mean softplus(D(fake))

    D is the logit. At the optimal critic the critic loss is 2 log 2 - 2 JS, with JS the Jensen-Shannon divergence, so
    it is 2 log 2 if real and fake have the same distribution. softplus of the logit keeps the gradient that
    log(sigmoid(D) + eps) loses.

    Source: Goodfellow et al. 2014, arXiv:1406.2661, eq. 1.
    """

    kind: Literal["minimax"] = "minimax"
    critic_form: ClassVar[CriticForm] = "score"

    def critic_loss(self, real: CriticOutput, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return _classification_loss(real, fake)

    def generator_loss(self, real: CriticOutput | None, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return -softplus(fake.value).mean(-1)


@dataclass(frozen=True, kw_only=True)
class NonSaturating(Stateless):
    """Non-saturating GAN: the generator's gradient does not vanish where the critic rejects its fakes.

    critic     mean softplus(-D(real)) + mean softplus(D(fake))
    generator  mean softplus(-D(fake))

    The critic's loss is that of `minimax`.

    Source: Goodfellow et al. 2014, arXiv:1406.2661, section 3.
    """

    kind: Literal["non_saturating"] = "non_saturating"
    critic_form: ClassVar[CriticForm] = "score"

    def critic_loss(self, real: CriticOutput, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return _classification_loss(real, fake)

    def generator_loss(self, real: CriticOutput | None, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return softplus(-fake.value).mean(-1)


def _classification_loss(real: CriticOutput, fake: CriticOutput) -> Float[Tensor, "*seeds"]:
    return softplus(-real.value).mean(-1) + softplus(fake.value).mean(-1)


@dataclass(frozen=True, kw_only=True)
class LeastSquares(Stateless):
    """LSGAN: least-squares regression of scores onto one target for real samples and another for fakes.

    critic     1/2 mean (D(real) - real_target)^2 + 1/2 mean (D(fake) - fake_target)^2
    generator  1/2 mean (D(fake) - generator_target)^2

    fake_target       target of fake scores in the critic's loss
    real_target       target of real scores in the critic's loss; must differ from `fake_target`
    generator_target  target of fake scores in the generator's loss

    In the paper's notation they are a, b and c. 0, 1, 1 are the usual targets; with -1, 1, 0 the generator minimises
    the Pearson chi-squared divergence at the optimal critic.

    Source: Mao et al. 2017, arXiv:1611.04076, eq. 2, 8 and 9.
    """

    kind: Literal["least_squares"] = "least_squares"
    fake_target: float = 0.0
    real_target: float = 1.0
    generator_target: float = 1.0
    critic_form: ClassVar[CriticForm] = "score"

    def __post_init__(self) -> None:
        check_fields(self)
        if self.fake_target == self.real_target:
            raise ValueError(f"real_target: must differ from fake_target, but both are {self.real_target}")

    def critic_loss(self, real: CriticOutput, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        on_real = (real.value - self.real_target).square().mean(-1)
        on_fake = (fake.value - self.fake_target).square().mean(-1)
        return (on_real + on_fake) / 2

    def generator_loss(self, real: CriticOutput | None, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return (fake.value - self.generator_target).square().mean(-1) / 2


@dataclass(frozen=True, kw_only=True)
class Wasserstein(Stateless):
    """WGAN: the difference of mean scores, a dual estimate of the Wasserstein-1 distance.

    critic     mean D(fake) - mean D(real)
    generator  -mean D(fake)

    Minus the critic loss is a lower bound of K times the distance for a critic with Lipschitz constant K. Without a
    constraint that bounds K the critic loss has no minimum.

    Source: Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1.
    """

    kind: Literal["wasserstein"] = "wasserstein"
    critic_form: ClassVar[CriticForm] = "score"

    def critic_loss(self, real: CriticOutput, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return fake.value.mean(-1) - real.value.mean(-1)

    def generator_loss(self, real: CriticOutput | None, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return -fake.value.mean(-1)


@dataclass(frozen=True, kw_only=True)
class Hinge(Stateless):
    """Hinge loss: a real score above 1 or a fake score below -1 adds nothing to the critic's loss.

    critic     mean max(0, 1 - D(real)) + mean max(0, 1 + D(fake))
    generator  -mean D(fake)

    The maximum is taken per sample, before the mean.

    Source: Lim & Ye 2017, arXiv:1705.02894, eq. 10-11; Miyato et al. 2018, arXiv:1802.05957, eq. 16-17.
    """

    kind: Literal["hinge"] = "hinge"
    critic_form: ClassVar[CriticForm] = "score"

    def critic_loss(self, real: CriticOutput, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return relu(1 - real.value).mean(-1) + relu(1 + fake.value).mean(-1)

    def generator_loss(self, real: CriticOutput | None, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return -fake.value.mean(-1)


@dataclass(frozen=True, kw_only=True)
class Relativistic(Stateless):
    """RpGAN: the critic classifies which sample of a pair is real, from the difference of their scores.

    critic     mean softplus(D(fake_i) - D(real_i))
    generator  mean softplus(D(real_i) - D(fake_i))

    Pairs are formed by index. A constant added to every score does not change the losses.

    Source: Jolicoeur-Martineau 2018, arXiv:1807.00734, section 4.1; Huang et al. 2024 (R3GAN), arXiv:2501.05441, eq. 2.
    """

    kind: Literal["relativistic"] = "relativistic"
    critic_form: ClassVar[CriticForm] = "score"
    generator_reads_real: ClassVar[bool] = True

    def critic_loss(self, real: CriticOutput, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return softplus(fake.value - real.value).mean(-1)

    def generator_loss(self, real: CriticOutput | None, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        assert real is not None
        return softplus(real.value - fake.value).mean(-1)


@dataclass(frozen=True, kw_only=True)
class EnergyMargin(Stateless):
    """EBGAN: the critic lowers the energy of real samples and raises that of fakes up to a margin.

    critic     mean [ U(real) + max(0, margin - U(fake)) ]
    generator  mean U(fake) + pull_away_weight * PT(codes of fakes)

    margin            energy above which a fake adds nothing to the critic's loss, in the unit of the critic's energy
    pull_away_weight  weight of the pull-away term; above 0 the critic must be an autoencoder

    The maximum is taken per sample, before the mean. PT is the mean squared cosine between the codes of different
    fakes: 1 if all codes are parallel.

    Source: Zhao et al. 2017, arXiv:1609.03126, eq. 1-2 and section 2.4.
    """

    kind: Literal["energy_margin"] = "energy_margin"
    margin: Annotated[float, Gt(0)] = 10.0
    pull_away_weight: NonNegative = 0.0
    critic_form: ClassVar[CriticForm] = "energy"
    special_values: ClassVar[Mapping[str, float]] = {"pull_away_weight": 0.0}

    @property
    def reads_code(self) -> bool:
        return not is_exactly(self.pull_away_weight, 0)

    def critic_loss(self, real: CriticOutput, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return real.value.mean(-1) + relu(self.margin - fake.value).mean(-1)

    def generator_loss(self, real: CriticOutput | None, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        energy = fake.value.mean(-1)
        if not self.reads_code:
            return energy
        assert fake.code is not None
        return energy + self.pull_away_weight * pull_away(fake.code)


def pull_away(code: Float[Tensor, "*seeds batch code"]) -> Float[Tensor, "*seeds"]:
    """Pull-away term: mean of the squared cosine between the codes of different samples.

    mean over i != j of (c_i . c_j / (norm(c_i) norm(c_j)))^2

    0 if all codes are orthogonal, 1 if all are parallel, whatever their lengths and signs.

    Source: Zhao et al. 2017, arXiv:1609.03126, eq. 4.
    """
    direction = normalize(code, dim=-1)
    squared_cosine = (direction @ direction.mT).square()
    with_itself = squared_cosine.diagonal(dim1=-2, dim2=-1)
    batch = code.shape[-2]
    return (squared_cosine.sum((-2, -1)) - with_itself.sum(-1)) / (batch * (batch - 1))


@dataclass(frozen=True, kw_only=True)
class BoundaryEquilibrium(AnyObjective):
    """BEGAN: the critic lowers the energy of real samples and raises that of fakes, with a controlled weight k.

    critic     mean U(real) - k mean U(fake)
    generator  mean U(fake)
    state      k <- clip(k + balance_rate (gamma mean U(real) - mean U(fake)), 0, 1) after each generator step; k_0 = 0

    gamma         ratio mean U(fake) / mean U(real) at which k is constant; a lower gamma gives sharper samples, a
                  higher gamma more variety
    balance_rate  step size of k, per unit of energy

    Critic step and generator step draw their own z. Further metrics: `balance`, which is k, and `convergence`, which is
    M = mean U(real) + |gamma mean U(real) - mean U(fake)|; a lower M is better.

    Source: Berthelot et al. 2017, arXiv:1703.10717, section 3.3-3.4; there U is the mean absolute error.
    """

    kind: Literal["boundary_equilibrium"] = "boundary_equilibrium"
    gamma: Annotated[float, Ge(0), Le(1)] = 0.5
    balance_rate: NonNegative = 1e-3
    critic_form: ClassVar[CriticForm] = "energy"
    described_metrics: ClassVar[tuple[MetricDescription, ...]] = (
        MetricDescription(
            name="balance",
            unit="ratio",
            direction="neither",
            applies_to="`boundary_equilibrium`",
            description="k, weight of the fakes in the critic's loss, between 0 and 1",
        ),
        MetricDescription(
            name="convergence",
            unit="energy",
            direction="lower",
            applies_to="`boundary_equilibrium`",
            description="M = U(real) + |gamma U(real) - U(fake)|",
        ),
    )

    def critic_loss(self, real: CriticOutput, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return real.value.mean(-1) - state["balance"] * fake.value.mean(-1)

    def generator_loss(self, real: CriticOutput | None, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return fake.value.mean(-1)

    def initial_state(self, members: int) -> State:
        return {"balance": torch.zeros(members)}

    def next_state(self, real: CriticOutput, fake: CriticOutput, state: State) -> State:
        return {"balance": (state["balance"] + self.balance_rate * self._imbalance(real, fake)).clamp(0, 1)}

    def metrics(self, real: CriticOutput, fake: CriticOutput, state: State) -> dict[str, Float[Tensor, "*seeds"]]:
        convergence = real.value.mean(-1) + self._imbalance(real, fake).abs()
        return {"balance": state["balance"], "convergence": convergence}

    def _imbalance(self, real: CriticOutput, fake: CriticOutput) -> Float[Tensor, "*seeds"]:
        return self.gamma * real.value.mean(-1) - fake.value.mean(-1)


@dataclass(frozen=True, kw_only=True)
class LossSensitive(Stateless):
    """LS-GAN: the energy of a fake must exceed that of a real sample by a margin proportional to their distance.

    critic     mean C(margin Delta(real_i, fake_i) + U(real_i) - U(fake_i)) + real_weight mean U(real)
    generator  mean U(fake)

    C(a) = max(a, slope a). Delta is the absolute difference of the samples of a pair, summed or averaged over the
    coordinates. Pairs are formed by index from two independent batches.

    margin       required difference of the energies per unit of Delta
    difference   Delta is the sum over the coordinates (`absolute_sum`) or their mean (`absolute_mean`)
    slope        slope of C for a pair beyond its margin, at most 1. 0: LS-GAN; other values: GLS-GAN; -1: absolute
                 value; 1: WGAN's gradient
    real_weight  weight of the mean energy of real samples: 1 in the paper, 0 in the authors' code

    The paper's margin of 2e-4 is for the sum over 64x64x3 pixel values in [-1, 1]; for their mean the same margin is
    2.4576. U is a scalar network output, not a reconstruction error.

    Source: Qi 2017, arXiv:1701.06264, eq. 6, and appendix D (GLS-GAN).
    """

    kind: Literal["loss_sensitive"] = "loss_sensitive"
    margin: NonNegative = 2e-4
    difference: Literal["absolute_sum", "absolute_mean"] = "absolute_sum"
    slope: Annotated[float, Le(1)] = 0.0
    real_weight: NonNegative = 0.0
    critic_form: ClassVar[CriticForm] = "energy"
    special_values: ClassVar[Mapping[str, float]] = {"slope": 1.0}

    def critic_loss(self, real: CriticOutput, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        difference = (real.samples - fake.samples).abs()
        distance = difference.sum(-1) if self.difference == "absolute_sum" else difference.mean(-1)
        violation = self.margin * distance + real.value - fake.value
        cost = violation if is_exactly(self.slope, 1) else torch.maximum(violation, self.slope * violation)
        return cost.mean(-1) + self.real_weight * real.value.mean(-1)

    def generator_loss(self, real: CriticOutput | None, fake: CriticOutput, state: State) -> Float[Tensor, "*seeds"]:
        return fake.value.mean(-1)


Objective = (
    Minimax
    | NonSaturating
    | LeastSquares
    | Wasserstein
    | Hinge
    | Relativistic
    | EnergyMargin
    | BoundaryEquilibrium
    | LossSensitive
)
"""Every objective in this library; study files, tests and documentation derive their lists from this union."""
