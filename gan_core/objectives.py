"""What critic and generator minimise.

Every objective is a frozen value whose fields are its knobs. Its losses are pure and reduce over the batch axis
alone, so the same line serves one GAN and S of them side by side. Scores are high on real samples, energies low.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Le
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, relu, softplus

from gan_core.fields import NonNegative, check_fields

CriticForm = Literal["score", "energy"]
Memory = dict[str, Tensor]
"""What an objective carries from step to step, by name, each with a leading seed axis; `{}` for most."""


@dataclass(frozen=True, kw_only=True)
class Critique:
    """What the critic said about a batch.

    value   its score (high on real) or energy (low on real), one per sample
    points  the samples themselves, flattened
    code    what the encoder made of them, where the critic is an autoencoder
    """

    value: Float[Tensor, "*seeds batch"]
    points: Float[Tensor, "*seeds batch dim"]
    code: Float[Tensor, "*seeds batch code"] | None = None


class AnyObjective(ABC):
    """The contract of every objective, also of a user's own: losses of shape `seeds`, reduced over the batch."""

    kind: str
    critic_form: ClassVar[CriticForm]
    generator_reads_real: ClassVar[bool] = False
    """Whether `generator_loss` looks at `real`; where it does not, and there is no memory, it is given None."""

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def reads_code(self) -> bool:
        """Whether it looks at the codes of fakes, which an autoencoder critic alone has."""
        return False

    @abstractmethod
    def critic_loss(self, real: Critique, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        """The loss that the critic minimises."""

    @abstractmethod
    def generator_loss(self, real: Critique | None, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        """The loss that the generator minimises."""

    @abstractmethod
    def initial_memory(self, seeds: int) -> Memory:
        """The memory of S seeds before the first step."""

    @abstractmethod
    def remember(self, real: Critique, fake: Critique, memory: Memory) -> Memory:
        """The memory after a generator step, from what the critic said in that step."""

    @abstractmethod
    def measures(self, real: Critique, fake: Critique, memory: Memory) -> dict[str, Float[Tensor, "*seeds"]]:
        """What this objective lets one see besides its losses, by the metric's name; `{}` for most."""


class Memoryless(AnyObjective):
    """An objective whose losses depend on the two batches alone."""

    def initial_memory(self, seeds: int) -> Memory:
        return {}

    def remember(self, real: Critique, fake: Critique, memory: Memory) -> Memory:
        return memory

    def measures(self, real: Critique, fake: Critique, memory: Memory) -> dict[str, Float[Tensor, "*seeds"]]:
        return {}


@dataclass(frozen=True, kw_only=True)
class Minimax(Memoryless):
    """The original game: the critic estimates the Jensen-Shannon divergence and the generator descends on it.

    critic     mean softplus(-D(real)) + mean softplus(D(fake))        2 log 2 at the equilibrium
    generator  -mean softplus(D(fake))

    `D` is the raw linear output: softplus keeps the gradient that log(sigmoid + eps) loses.

    Source: Goodfellow et al. 2014, arXiv:1406.2661, eq. 1.
    """

    kind: Literal["minimax"] = "minimax"
    critic_form: ClassVar[CriticForm] = "score"

    def critic_loss(self, real: Critique, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return _classification_loss(real, fake)

    def generator_loss(self, real: Critique | None, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return -softplus(fake.value).mean(-1)


@dataclass(frozen=True, kw_only=True)
class NonSaturating(Memoryless):
    """The minimax critic with a generator whose gradient does not vanish where the critic wins.

    critic     mean softplus(-D(real)) + mean softplus(D(fake))
    generator  mean softplus(-D(fake))

    Source: Goodfellow et al. 2014, arXiv:1406.2661, section 3.
    """

    kind: Literal["non_saturating"] = "non_saturating"
    critic_form: ClassVar[CriticForm] = "score"

    def critic_loss(self, real: Critique, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return _classification_loss(real, fake)

    def generator_loss(self, real: Critique | None, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return softplus(-fake.value).mean(-1)


def _classification_loss(real: Critique, fake: Critique) -> Float[Tensor, "*seeds"]:
    return softplus(-real.value).mean(-1) + softplus(fake.value).mean(-1)


@dataclass(frozen=True, kw_only=True)
class LeastSquares(Memoryless):
    """LSGAN: regression of the linear output onto one number for real samples and another for fakes.

    critic     1/2 mean (D(real) - b)^2 + 1/2 mean (D(fake) - a)^2
    generator  1/2 mean (D(fake) - c)^2

    a = `fake_target`, b = `real_target`, c = `generator_target`; 0, 1, 1 is the lecture's coding, and -1, 1, 0
    makes the generator descend on the Pearson chi-squared divergence.

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

    def critic_loss(self, real: Critique, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        on_real = (real.value - self.real_target).square().mean(-1)
        on_fake = (fake.value - self.fake_target).square().mean(-1)
        return (on_real + on_fake) / 2

    def generator_loss(self, real: Critique | None, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return (fake.value - self.generator_target).square().mean(-1) / 2


@dataclass(frozen=True, kw_only=True)
class Wasserstein(Memoryless):
    """The dual of the earth mover's distance, up to the slope that a constraint allows the critic.

    critic     mean D(fake) - mean D(real)
    generator  -mean D(fake)

    Source: Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1.
    """

    kind: Literal["wasserstein"] = "wasserstein"
    critic_form: ClassVar[CriticForm] = "score"

    def critic_loss(self, real: Critique, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return fake.value.mean(-1) - real.value.mean(-1)

    def generator_loss(self, real: Critique | None, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return -fake.value.mean(-1)


@dataclass(frozen=True, kw_only=True)
class Hinge(Memoryless):
    """The critic pushes each score out of [-1, 1] and no further.

    critic     mean max(0, 1 - D(real)) + mean max(0, 1 + D(fake))      the hinge is each sample's own
    generator  -mean D(fake)

    Source: Lim & Ye 2017, arXiv:1705.02894, eq. 10-11; Miyato et al. 2018, arXiv:1802.05957, eq. 16-17.
    """

    kind: Literal["hinge"] = "hinge"
    critic_form: ClassVar[CriticForm] = "score"

    def critic_loss(self, real: Critique, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return relu(1 - real.value).mean(-1) + relu(1 + fake.value).mean(-1)

    def generator_loss(self, real: Critique | None, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return -fake.value.mean(-1)


@dataclass(frozen=True, kw_only=True)
class Relativistic(Memoryless):
    """RpGAN: the critic ranks one real sample above one fake, pair by pair, and the generator turns the pairs round.

    critic     mean softplus(D(fake_i) - D(real_i))
    generator  mean softplus(D(real_i) - D(fake_i))

    Pairs are formed by index. Adding a constant to every score changes nothing.

    Source: Jolicoeur-Martineau 2018, arXiv:1807.00734, section 4.1; Huang et al. 2024 (R3GAN), arXiv:2501.05441, eq. 2.
    """

    kind: Literal["relativistic"] = "relativistic"
    critic_form: ClassVar[CriticForm] = "score"
    generator_reads_real: ClassVar[bool] = True

    def critic_loss(self, real: Critique, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return softplus(fake.value - real.value).mean(-1)

    def generator_loss(self, real: Critique | None, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        assert real is not None
        return softplus(real.value - fake.value).mean(-1)


@dataclass(frozen=True, kw_only=True)
class EnergyMargin(Memoryless):
    """EBGAN: the critic digs real samples down and pushes each fake up, but only as far as the margin.

    critic     mean [ U(real) + max(0, margin - U(fake)) ]             the hinge is each sample's own
    generator  mean U(fake) + pull_away_weight * PT(code of fake)

    PT is the mean squared cosine between the codes of different fakes: 1 when all point one way. The margin is in
    the unit of the critic's energy.

    Source: Zhao et al. 2017, arXiv:1609.03126, eq. 1-2 and section 2.4.
    """

    kind: Literal["energy_margin"] = "energy_margin"
    margin: Annotated[float, Gt(0)] = 10.0
    pull_away_weight: NonNegative = 0.0
    critic_form: ClassVar[CriticForm] = "energy"

    @property
    def reads_code(self) -> bool:
        return self.pull_away_weight > 0

    def critic_loss(self, real: Critique, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return real.value.mean(-1) + relu(self.margin - fake.value).mean(-1)

    def generator_loss(self, real: Critique | None, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        energy = fake.value.mean(-1)
        if self.pull_away_weight == 0:
            return energy
        assert fake.code is not None
        return energy + self.pull_away_weight * pull_away(fake.code)


def pull_away(code: Float[Tensor, "*seeds batch code"]) -> Float[Tensor, "*seeds"]:
    """Mean over pairs i != j of the squared cosine between codes: 0 if orthogonal, 1 if parallel at any scale.

    Source: Zhao et al. 2017, arXiv:1609.03126, eq. 4.
    """
    direction = normalize(code, dim=-1)
    squared_cosine = (direction @ direction.mT).square()
    own = squared_cosine.diagonal(dim1=-2, dim2=-1)
    batch = code.shape[-2]
    return (squared_cosine.sum((-2, -1)) - own.sum(-1)) / (batch * (batch - 1))


@dataclass(frozen=True, kw_only=True)
class BoundaryEquilibrium(AnyObjective):
    """BEGAN: the critic reconstructs real samples and un-reconstructs fakes, by as much as a controller lets it.

    critic     mean U(real) - k mean U(fake)
    generator  mean U(fake)
    memory     k <- clip(k + balance_rate (gamma mean U(real) - mean U(fake)), 0, 1) after each generator step; k = 0

    The controller steers to `gamma` = E U(fake) / E U(real): less is sharper samples, more is greater variety. Each
    player draws its own z. Measured beside the losses: `balance` (k) and `convergence`, which is
    M = U(real) + |gamma U(real) - U(fake)| and falls as the game goes well.

    Source: Berthelot et al. 2017, arXiv:1703.10717, section 3.3-3.4; there U is the mean absolute error.
    """

    kind: Literal["boundary_equilibrium"] = "boundary_equilibrium"
    gamma: Annotated[float, Ge(0), Le(1)] = 0.5
    balance_rate: NonNegative = 1e-3
    critic_form: ClassVar[CriticForm] = "energy"

    def critic_loss(self, real: Critique, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return real.value.mean(-1) - memory["balance"] * fake.value.mean(-1)

    def generator_loss(self, real: Critique | None, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return fake.value.mean(-1)

    def initial_memory(self, seeds: int) -> Memory:
        return {"balance": torch.zeros(seeds)}

    def remember(self, real: Critique, fake: Critique, memory: Memory) -> Memory:
        return {"balance": (memory["balance"] + self.balance_rate * self._imbalance(real, fake)).clamp(0, 1)}

    def measures(self, real: Critique, fake: Critique, memory: Memory) -> dict[str, Float[Tensor, "*seeds"]]:
        convergence = real.value.mean(-1) + self._imbalance(real, fake).abs()
        return {"balance": memory["balance"], "convergence": convergence}

    def _imbalance(self, real: Critique, fake: Critique) -> Float[Tensor, "*seeds"]:
        return self.gamma * real.value.mean(-1) - fake.value.mean(-1)


@dataclass(frozen=True, kw_only=True)
class LossSensitive(Memoryless):
    """LS-GAN: a fake's energy must exceed a real sample's by a margin that shrinks as the fake comes close to it.

    critic     mean C(margin Delta(real_i, fake_i) + U(real_i) - U(fake_i)) + real_weight mean U(real)
    generator  mean U(fake)

    C(a) = max(a, slope a): slope 0 is LS-GAN; GLS-GAN takes any slope up to 1, where 1 has WGAN's gradient exactly and
    -1 is the absolute value. Delta is the absolute difference of pairs formed by index between two independent
    batches, summed over the coordinates or averaged, as `difference` says. `margin` multiplies it: the paper's 2e-4 is
    for the sum over 64x64x3 pixels in [-1, 1], which is 2.4576 for the mean over any number of them. `real_weight` is 1
    in the paper and 0 in the authors' code. U is a scalar network output rather than a reconstruction error.

    Source: Qi 2017, arXiv:1701.06264, eq. 6, and appendix D (GLS-GAN).
    """

    kind: Literal["loss_sensitive"] = "loss_sensitive"
    margin: NonNegative = 2e-4
    difference: Literal["absolute_sum", "absolute_mean"] = "absolute_sum"
    slope: Annotated[float, Le(1)] = 0.0
    real_weight: NonNegative = 0.0
    critic_form: ClassVar[CriticForm] = "energy"

    def critic_loss(self, real: Critique, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        apart = (real.points - fake.points).abs()
        distance = apart.sum(-1) if self.difference == "absolute_sum" else apart.mean(-1)
        violation = self.margin * distance + real.value - fake.value
        cost = violation if self.slope == 1 else torch.maximum(violation, self.slope * violation)
        return cost.mean(-1) + self.real_weight * real.value.mean(-1)

    def generator_loss(self, real: Critique | None, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
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


def halves(critique: Critique) -> tuple[Critique, Critique]:
    """What was said about two batches of one size that were shown together."""
    at = critique.value.shape[-1] // 2
    codes = (None, None) if critique.code is None else critique.code.split(at, dim=-2)
    parts = zip(critique.value.split(at, dim=-1), critique.points.split(at, dim=-2), codes, strict=True)
    first, second = (Critique(value=value, points=points, code=code) for value, points, code in parts)
    return first, second


def detached(critique: Critique) -> Critique:
    """The same words without the graph behind them."""
    code = None if critique.code is None else critique.code.detach()
    return Critique(value=critique.value.detach(), points=critique.points.detach(), code=code)
