"""A generator and a critic together, and the unions of this library's generators, critics and networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args, overload

from gan_core.fields import Whole, check_fields
from gan_core.networks.autoencoder import AutoencoderCritic
from gan_core.networks.contracts import AnyCritic, AnyGenerator
from gan_core.networks.conv import ConvCritic, ConvGenerator
from gan_core.networks.conv_autoencoder import ConvAutoencoderCritic
from gan_core.networks.labelled import ConditionalCritic, ConditionalGenerator
from gan_core.networks.mlp import MLPCritic, MLPGenerator
from gan_core.networks.toy import DiracPair, SegmentGenerator

Generator = MLPGenerator | ConvGenerator | SegmentGenerator
Critic = MLPCritic | ConvCritic | AutoencoderCritic | ConvAutoencoderCritic


@dataclass(frozen=True, kw_only=True)
class NetworkPair:
    """A generator and a critic.

    generator  the generator, with its own `kind`
    critic     the critic, with its own `kind`
    classes    number of the data's classes, whose labels both networks get; 0: they get none

    With `classes` the GAN is conditional: `generator` and `critic` become the networks that get the labels too, a
    `ConditionalGenerator` and a `ConditionalCritic`.

    left_out   values of fields that a table does not hold, by name: trials without them keep their addresses

    Errors: `ValueError` for a generator without a field `latent`, and for an autoencoder critic of your own, which
    would reconstruct the labels too.
    """

    kind: Literal["pair"] = "pair"
    generator: Generator | AnyGenerator = MLPGenerator()
    critic: Critic | AnyCritic = MLPCritic()
    classes: Whole = 0
    left_out: ClassVar[Mapping[str, Any]] = {"classes": 0}

    def __post_init__(self) -> None:
        check_fields(self)
        generator, critic = without_labels(self.generator), without_labels(self.critic)
        if self.classes:
            if critic.has_code and not isinstance(critic, get_args(Critic)):
                raise ValueError(
                    "classes: must be 0 with an autoencoder critic of your own, which would reconstruct the labels "
                    f"too, but is {self.classes}"
                )
            generator = ConditionalGenerator(network=generator, classes=self.classes)
            critic = ConditionalCritic(network=critic, classes=self.classes)
        object.__setattr__(self, "generator", generator)
        object.__setattr__(self, "critic", critic)


@overload
def without_labels(network: AnyGenerator) -> AnyGenerator: ...
@overload
def without_labels(network: AnyCritic) -> AnyCritic: ...
def without_labels(network: AnyGenerator | AnyCritic) -> AnyGenerator | AnyCritic:
    """The network as it is described: that of a conditional one, any other as it is."""
    return network.network if isinstance(network, ConditionalGenerator | ConditionalCritic) else network


Networks = NetworkPair | DiracPair
