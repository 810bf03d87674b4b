"""Networks that are a `torch.nn.Module`, lifted to S seeds.

Whoever has a module need not rewrite it with a seed axis: `torch.vmap` runs it once for all seeds, which takes up to
half again as long as the networks that are written for it.
"""

from abc import ABC, abstractmethod
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from gan_core.constraints import Parameters
from gan_core.networks import AnyGenerator, AutogradCritic, SampleSpace
from gan_core.objectives import Critique


class _Lifted(ABC):
    @abstractmethod
    def module(self, space: SampleSpace) -> nn.Module:
        """The module for samples of this space, as it is before the first step.

        What it draws comes from torch's global generator, which is seeded for each seed and left as it was. It must
        treat its samples one by one, and what it is must be in its parameters: whatever mixes a batch, draws numbers
        when it is called, or changes a buffer is refused.
        """

    def initial(self, space: SampleSpace, generator: torch.Generator) -> Parameters:
        seed = int(torch.randint(2**62, (1,), generator=generator))
        module = _built(self, space, seed)
        return {name: value.detach().double() for name, value in module.named_parameters()}

    def _of_each_seed(
        self, parameters: Parameters, inputs: Float[Tensor, "seeds batch inputs"], space: SampleSpace
    ) -> Tensor:
        skeleton = _skeleton(self, space)
        buffers = {
            name: value.to(inputs) if value.is_floating_point() else value.to(inputs.device)
            for name, value in skeleton.named_buffers()
        }

        def of_one(own: Parameters, batch: Tensor) -> Tensor:
            return functional_call(skeleton, (own, buffers), (batch,))

        return torch.vmap(of_one, randomness="error")(dict(parameters), inputs)


class ModuleGenerator(_Lifted, AnyGenerator):
    """A generator that is a torch module: it takes (batch, latent) and gives (batch, ...), a sample each.

    A subclass is a frozen dataclass that says `latent` and defines `module`. Where the samples lie in [-1, 1]
    (`space.bounded`) its last layer should be a tanh.
    """

    def generate(
        self, parameters: Parameters, z: Float[Tensor, "seeds batch latent"], space: SampleSpace
    ) -> Float[Tensor, "seeds batch dim"]:
        fakes = self._of_each_seed(parameters, z, space).flatten(2)
        if fakes.shape[-1] != space.dim:
            raise ValueError(f"the module must give {space.dim} numbers a sample, but gives {fakes.shape[-1]}")
        return fakes


class ModuleCritic(_Lifted, AutogradCritic):
    """A critic that is a torch module: it takes (batch, dim) and gives (batch, 1) or (batch,), a number each.

    A subclass is a frozen dataclass that says `form` and defines `module`. A module for images begins with
    `nn.Unflatten(1, (1, 8, 8))`.
    """

    def criticise(
        self, parameters: Parameters, points: Float[Tensor, "seeds batch dim"], space: SampleSpace
    ) -> Critique:
        value = self._of_each_seed(parameters, points, space)
        if value.shape not in (points.shape[:2], (*points.shape[:2], 1)):
            raise ValueError(f"the module must give one number a sample, but gives the shape {tuple(value.shape[2:])}")
        return Critique(value=value.view(points.shape[:2]), points=points)


@lru_cache(maxsize=64)
def _skeleton(network: _Lifted, space: SampleSpace) -> nn.Module:
    """The module whose parameters are replaced by those of each seed."""
    return _built(network, space, seed=0)


def _built(network: _Lifted, space: SampleSpace, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = network.module(space)
    if not isinstance(module, nn.Module):
        raise ValueError(f"module() must return a torch.nn.Module, but returns {type(module).__name__}")
    _refuse_unfit(module)
    return module


def _refuse_unfit(module: nn.Module) -> None:
    for one in module.modules():
        what = type(one).__name__
        if isinstance(one, nn.modules.batchnorm._BatchNorm):
            raise ValueError(
                f"{what} mixes the samples of a batch, which a network must treat one by one; use LayerNorm"
            )
        if getattr(one, "track_running_stats", False):
            raise ValueError(f"{what} must have track_running_stats=False: a running mean is no parameter")
        if isinstance(one, nn.modules.dropout._DropoutNd) and one.p > 0:
            raise ValueError(f"{what} draws random numbers of its own, which no seed could repeat; leave it out")
        if isinstance(one, nn.utils.parametrizations._SpectralNorm):
            raise ValueError(
                'spectral_norm must be left to constraint = {kind = "spectral_norm"}, which has a u per seed'
            )
    parameters = list(module.parameters())
    if not parameters:
        raise ValueError("the module must have parameters, but has none")
    if any(is_lazy(value) for value in [*parameters, *module.buffers()]):
        raise ValueError("the module must know its sizes: a lazy layer has none before its first call")
