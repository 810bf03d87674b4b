"""Networks made from a `torch.nn.Module`, which need not be written with a seed axis.

`torch.vmap` runs the module once for all seeds. Such a network takes up to 1.5 times as long as those of this package
that are written with a seed axis.
"""

from abc import ABC, abstractmethod
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from gan_core.networks.contracts import AnyGenerator, AutogradCritic
from gan_core.shapes import CriticOutput, Parameters, SampleShape


class _ModuleNetwork(ABC):
    @abstractmethod
    def module(self, shape: SampleShape) -> nn.Module:
        """Build the module for samples of this shape, with its initial parameters.

        The method may draw from torch's global generator, which its caller seeds for each seed and restores afterwards.
        The module's output for a sample must depend on that sample and the parameters alone.

        Errors: the caller raises `ValueError` for layers that mix the samples of a batch, draw random numbers when
        called, or change a buffer; each message states the remedy.
        """

    def initial(self, shape: SampleShape, generator: torch.Generator) -> Parameters:
        seed = int(torch.randint(2**62, (1,), generator=generator))
        module = _build(self, shape, seed)
        return {name: value.detach().double() for name, value in module.named_parameters()}

    def _call_all_seeds(
        self, parameters: Parameters, inputs: Float[Tensor, "seeds batch inputs"], shape: SampleShape
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

    A subclass is a frozen dataclass with the field `latent` and the method `module`. If the data lie in [-1, 1]
    (`shape.bounded`), the module's last layer should be a tanh.
    """

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], shape: SampleShape
    ) -> Float[Tensor, "seeds batch dim"]:
        fakes = self._call_all_seeds(parameters, z, shape).flatten(2)
        if fakes.shape[-1] != shape.dim:
            raise ValueError(f"the module must return {shape.dim} numbers per sample, but returns {fakes.shape[-1]}")
        return fakes


class ModuleCritic(_ModuleNetwork, AutogradCritic):
    """Base of critics made from a torch module, which maps (batch, dim) to (batch, 1) or (batch,).

    A subclass is a frozen dataclass with `form` and the method `module`. Samples are flattened: a module for images of
    8 x 8 pixels begins with `nn.Unflatten(1, (1, 8, 8))`.
    """

    def call(
        self, parameters: Parameters, samples: Float[Tensor, "seeds batch dim"], shape: SampleShape
    ) -> CriticOutput:
        value = self._call_all_seeds(parameters, samples, shape)
        if value.shape not in (samples.shape[:2], (*samples.shape[:2], 1)):
            raise ValueError(
                f"the module must return one number per sample, but returns the shape {tuple(value.shape[2:])}"
            )
        return CriticOutput(value=value.view(samples.shape[:2]), samples=samples)


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
    _refuse_unfit(module)
    return module


def _refuse_unfit(module: nn.Module) -> None:
    """Raise `ValueError` for a module with an unfit layer (see `module`), without parameters or with lazy ones."""
    for layer in module.modules():
        name = type(layer).__name__
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            raise ValueError(f"the module must not mix the samples of a batch, but has {name}; use LayerNorm")
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
