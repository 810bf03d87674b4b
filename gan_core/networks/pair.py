"""A generator and a critic together, and the unions of this library's generators, critics and networks."""

from dataclasses import dataclass
from typing import Literal

from gan_core.networks.autoencoder import AutoencoderCritic
from gan_core.networks.contracts import AnyCritic, AnyGenerator
from gan_core.networks.conv import ConvCritic, ConvGenerator
from gan_core.networks.conv_autoencoder import ConvAutoencoderCritic
from gan_core.networks.mlp import MLPCritic, MLPGenerator
from gan_core.networks.toy import DiracPair, SegmentGenerator

Generator = MLPGenerator | ConvGenerator | SegmentGenerator
Critic = MLPCritic | ConvCritic | AutoencoderCritic | ConvAutoencoderCritic


@dataclass(frozen=True, kw_only=True)
class NetworkPair:
    """A generator and a critic.

    generator  the generator, with its own `kind`
    critic     the critic, with its own `kind`
    """

    kind: Literal["pair"] = "pair"
    generator: Generator | AnyGenerator
    critic: Critic | AnyCritic


Networks = NetworkPair | DiracPair
