"""Generators and critics: base classes, fully connected and convolutional networks, toy and torch-module networks."""

from gan_core.networks.autoencoder import AutoencoderCritic
from gan_core.networks.contracts import (
    AnyCritic,
    AnyGenerator,
    AutogradCritic,
    CriticAt,
    generate_in_chunks,
    gradient_by_autograd,
    try_network,
    with_labels,
)
from gan_core.networks.conv import ConvCritic, ConvGenerator
from gan_core.networks.conv_autoencoder import ConvAutoencoderCritic
from gan_core.networks.counted_parameters import parameter_count, parameter_shapes
from gan_core.networks.labelled import ConditionalCritic, ConditionalGenerator
from gan_core.networks.mlp import MLPCritic, MLPGenerator
from gan_core.networks.module import ModuleCritic, ModuleGenerator
from gan_core.networks.pair import Critic, Generator, NetworkPair, Networks, without_labels
from gan_core.networks.toy import DiracCritic, DiracGenerator, DiracPair, SegmentGenerator

__all__ = [
    "AnyCritic",
    "AnyGenerator",
    "AutoencoderCritic",
    "AutogradCritic",
    "ConditionalCritic",
    "ConditionalGenerator",
    "ConvAutoencoderCritic",
    "ConvCritic",
    "ConvGenerator",
    "Critic",
    "CriticAt",
    "DiracCritic",
    "DiracGenerator",
    "DiracPair",
    "Generator",
    "MLPCritic",
    "MLPGenerator",
    "ModuleCritic",
    "ModuleGenerator",
    "NetworkPair",
    "Networks",
    "SegmentGenerator",
    "generate_in_chunks",
    "gradient_by_autograd",
    "parameter_count",
    "parameter_shapes",
    "try_network",
    "with_labels",
    "without_labels",
]
