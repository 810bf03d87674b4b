"""Networks of theoretical examples: the Dirac pair, and a generator of a line segment."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.fields import check_fields
from gan_core.networks.contracts import AnyGenerator, AutogradCritic
from gan_core.shapes import CriticOutput, Parameters, SampleShape


@dataclass(frozen=True, kw_only=True)
class SegmentGenerator(AnyGenerator):
    """Generator of uniform samples of the segment {theta} x [0, 1]: G(z) = (theta, Phi(z)).

    theta   initial value of the only parameter; its absolute value is the distance from the real segment
            (data `segments`)
    latent  coordinates of z: always 1

    Phi is the distribution function of the standard normal, so Phi(z) is uniform.

    Source: Arjovsky, Chintala & Bottou 2017, arXiv:1701.07875, Example 1; there z is uniform itself.
    """

    kind: Literal["segment"] = "segment"
    only_on: ClassVar[str] = "segments"
    theta: float = 1.0
    latent: Literal[1] = 1

    def __post_init__(self) -> None:
        check_fields(self)

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        return {"theta": torch.full((1, 1), self.theta, dtype=torch.float64)}

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        along = torch.special.ndtr(z)
        return torch.cat([parameters["theta"].expand_as(along), along], dim=-1)


@dataclass(frozen=True, kw_only=True)
class DiracGenerator(AnyGenerator):
    """Generator of the Dirac pair: a point mass at theta, its only parameter, for every z.

    theta   initial value of the parameter
    latent  coordinates of z, which has no effect
    """

    kind: Literal["dirac"] = "dirac"
    only_on: ClassVar[str] = "dirac"
    theta: float = 1.0
    latent: int = 1

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        return {"theta": torch.full((1, 1), self.theta, dtype=torch.float64)}

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        return parameters["theta"].expand(-1, z.shape[-2], -1)


@dataclass(frozen=True, kw_only=True)
class DiracCritic(AutogradCritic):
    """Critic of the Dirac pair: D(x) = psi x.

    psi  initial value of the only parameter
    """

    kind: Literal["dirac"] = "dirac"
    only_on: ClassVar[str] = "dirac"
    psi: float = -1.0
    form = "score"

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        return {"psi": torch.full((1, 1), self.psi, dtype=torch.float64)}

    def call(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> CriticOutput:
        return CriticOutput(value=(samples @ parameters["psi"]).squeeze(-1), samples=samples)


@dataclass(frozen=True, kw_only=True)
class DiracPair:
    """The Dirac GAN: the fakes are a point mass at theta, the critic is psi x, the real samples are a point mass at 0.

    theta  initial position of the fakes
    psi    initial slope of the critic

    Source: Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406, section 2; there psi has the opposite sign.
    """

    kind: Literal["dirac"] = "dirac"
    only_on: ClassVar[str] = "dirac"
    theta: float = 1.0
    psi: float = -1.0

    def __post_init__(self) -> None:
        check_fields(self)
        if self.theta == 0 and self.psi == 0:
            raise ValueError("theta: must differ from 0 if psi is 0, since (0, 0) is the equilibrium, but is 0")

    @property
    def generator(self) -> DiracGenerator:
        return DiracGenerator(theta=self.theta)

    @property
    def critic(self) -> DiracCritic:
        return DiracCritic(psi=self.psi)
