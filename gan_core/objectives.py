"""What critic and generator minimise.

Every objective is a frozen value whose fields are its knobs. Its losses are pure and reduce over the batch axis
alone, so the same line serves one GAN and S of them side by side. Scores are high on real samples, energies low.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, relu, softplus

from gan_core.fields import check_fields

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


class Memoryless(AnyObjective):
    """An objective whose losses depend on the two batches alone."""

    def initial_memory(self, seeds: int) -> Memory:
        return {}

    def remember(self, real: Critique, fake: Critique, memory: Memory) -> Memory:
        return memory


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
    pull_away_weight: Annotated[float, Ge(0)] = 0.0
    critic_form: ClassVar[CriticForm] = "energy"

    def critic_loss(self, real: Critique, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        return real.value.mean(-1) + relu(self.margin - fake.value).mean(-1)

    def generator_loss(self, real: Critique | None, fake: Critique, memory: Memory) -> Float[Tensor, "*seeds"]:
        energy = fake.value.mean(-1)
        if self.pull_away_weight == 0:
            return energy
        if fake.code is None:
            raise ValueError("pull_away_weight: needs the codes of an autoencoder critic, which this critic is not")
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


Objective = Minimax | NonSaturating | LeastSquares | Wasserstein | EnergyMargin


def detached(critique: Critique) -> Critique:
    """The same words without the graph behind them."""
    code = None if critique.code is None else critique.code.detach()
    return Critique(value=critique.value.detach(), points=critique.points.detach(), code=code)
