"""Networks made from a `torch.nn.Module`, which need not be written with a seed axis.

`torch.vmap` runs the module once for all seeds. Such a network takes up to 1.5 times as long as those of this package
that are written with a seed axis.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, replace_all_batch_norm_modules_
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.modules.conv import _ConvTransposeNd
from torch.nn.parameter import is_lazy

from gan_core.networks.contracts import AnyGenerator, AutogradCritic
from gan_core.shapes import CriticOutput, Parameters, SampleShape

_NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


class _ModuleNetwork(ABC):
    @abstractmethod
    def module(self, shape: SampleShape) -> nn.Module:
        """Build the module for samples of this shape, with its initial parameters.

        The method may draw from torch's global generator, which its caller seeds for each seed and restores afterwards.
        A critic's output for a sample must depend on that sample and the parameters alone. A generator may have batch
        normalisation: it uses mean and variance of the z that are generated together, never running ones.

        Errors: the caller raises `ValueError` for layers that mix the samples of a critic's batch, draw random numbers
        when called, or change a buffer; each message states the remedy.
        """

    def _initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        seed = int(torch.randint(2**62, (1,), generator=generator))
        module = _build(self, shape, seed)
        return {name: value.detach().double() for name, value in module.named_parameters()}

    def _call_all_seeds(
        self, parameters: Parameters, inputs: Float[Tensor, "seeds batch *inputs"], shape: SampleShape
    ) -> Tensor:
        skeleton = _skeleton(self, shape)
        buffers = {
            name: value.to(inputs) if value.is_floating_point() else value.to(inputs.device)
            for name, value in skeleton.named_buffers()
        }

        def call_one_seed(seed_parameters: Parameters, batch: Tensor) -> Tensor:
            return functional_call(skeleton, (seed_parameters, buffers), (batch,))

        return torch.vmap(call_one_seed, randomness="error")(dict(parameters), inputs)


class ModuleGenerator(_ModuleNetwork, AnyGenerator):
    """Base of generators made from a torch module, which maps (batch, latent) to one sample per row of the batch.

    A sample has the shape of the data, as (batch, channels, height, width), or is flattened. A subclass is a frozen
    dataclass with the field `latent` and the method `module`. If the data lie in [-1, 1] (`shape.bounded`), the
    module's last layer should be a tanh.
    """

    chunk: ClassVar[int | None] = 128

    def couples_fakes(self, shape: SampleShape) -> bool:
        return any(isinstance(layer, _BatchNorm) for layer in _skeleton(self, shape).modules())

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        return self._initial(shape, generator)

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        fakes = self._call_all_seeds(parameters, z, shape)
        if fakes.shape[2:] not in (shape.shape, (shape.dim,)):
            raise ValueError(
                f"the module must return samples of the shape {shape.shape}, or flattened ones, but returns the shape "
                f"{tuple(fakes.shape[2:])}"
            )
        return fakes.flatten(2)


class ModuleCritic(_ModuleNetwork, AutogradCritic):
    """Base of critics made from a torch module, which maps a batch of samples to (batch, 1) or (batch,).

    Samples have the shape of the data: (batch, channels, height, width) for images, (batch, 2) for points of the plane.
    A subclass is a frozen dataclass with `form` and the method `module`.

    The parameters carry the names of the module, with two differences for the sake of spectral normalisation: the
    weight of a normalisation is a `gain`, and the kernel of a transposed convolution has its outputs first.
    """

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        weights = _special_weights(self, shape)
        return {
            weights.stored_names.get(name, name): value.transpose(0, 1) if name in weights.transposed else value
            for name, value in self._initial(shape, generator).items()
        }

    def call(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> CriticOutput:
        weights = _special_weights(self, shape)
        names = {stored: name for name, stored in weights.stored_names.items()}
        own = {
            names.get(name, name): value.transpose(1, 2) if name in weights.transposed else value
            for name, value in parameters.items()
        }
        value = self._call_all_seeds(own, samples.unflatten(-1, shape.shape), shape)
        if value.shape not in (samples.shape[:2], (*samples.shape[:2], 1)):
            raise ValueError(
                f"the module must return one number per sample, but returns the shape {tuple(value.shape[2:])}"
            )
        return CriticOutput(value=value.view(samples.shape[:2]), samples=samples)


@dataclass(frozen=True)
class _SpecialWeights:
    """Weights of a module that a critic stores in another way, by the module's names.

    stored_names  for the weight of a normalisation, its name as a gain
    transposed    kernels of transposed convolutions, which torch stores with the inputs first
    """

    stored_names: dict[str, str]
    transposed: set[str]


@lru_cache(maxsize=64)
def _special_weights(network: _ModuleNetwork, shape: SampleShape) -> _SpecialWeights:
    layers = {f"{name}.".removeprefix("."): layer for name, layer in _skeleton(network, shape).named_modules()}
    return _SpecialWeights(
        stored_names={f"{name}weight": f"{name}gain" for name, layer in layers.items() if isinstance(layer, _NORMS)},
        transposed={f"{name}weight" for name, layer in layers.items() if isinstance(layer, _ConvTransposeNd)},
    )


@lru_cache(maxsize=64)
def _skeleton(network: _ModuleNetwork, shape: SampleShape) -> nn.Module:
    """The module whose parameters are replaced by those of each seed."""
    return _build(network, shape, seed=0)


def _build(network: _ModuleNetwork, shape: SampleShape, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = network.module(shape)
    if not isinstance(module, nn.Module):
        raise ValueError(f"module() must return a torch.nn.Module, but returns {type(module).__name__}")
    if isinstance(network, AnyGenerator):
        replace_all_batch_norm_modules_(module)  # without running statistics, which are no parameters
    _refuse_unfit(module, of_critic=not isinstance(network, AnyGenerator))
    return module


def _refuse_unfit(module: nn.Module, of_critic: bool) -> None:
    """Raise `ValueError` for a module with an unfit layer (see `module`), without parameters or with lazy ones."""
    for layer in module.modules():
        name = type(layer).__name__
        if isinstance(layer, _BatchNorm) and of_critic:
            raise ValueError(
                f"the module of a critic must not mix the samples of a batch, but has {name}; use GroupNorm or "
                "LayerNorm"
            )
        if getattr(layer, "track_running_stats", False):
            raise ValueError(f"{name} must have track_running_stats=False: a running mean is not a parameter")
        if isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0:
            raise ValueError(f"the module must not draw random numbers when called, but has {name}; leave it out")
        if isinstance(layer, nn.utils.parametrizations._SpectralNorm):
            raise ValueError(
                "the module must not have torch's spectral_norm, which has one u for all seeds; use "
                'constraint = {kind = "spectral_norm"}'
            )
    parameters = list(module.parameters())
    if not parameters:
        raise ValueError("the module must have parameters, but has none")
    if any(is_lazy(value) for value in [*parameters, *module.buffers()]):
        raise ValueError("the module must not have lazy layers, whose sizes are unknown before the first call")
