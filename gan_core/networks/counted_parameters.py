"""Shapes and number of a network's parameters, found without memory for the parameters themselves."""

import math
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from gan_core.networks.contracts import AnyCritic, AnyGenerator
from gan_core.shapes import SampleShape


class _WithoutGenerators(TorchFunctionMode):
    """Context in which random draws ignore their generator, which tensors without numbers do not accept."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **{name: value for name, value in (kwargs or {}).items() if name != "generator"})


def parameter_shapes(network: AnyGenerator | AnyCritic, shape: SampleShape) -> dict[str, tuple[int, ...]]:
    """Shapes of one seed's parameters, by name.

    Only a network whose `initial` reads the numbers that it draws gets memory for them.

    Errors: `OverflowError` for a tensor of more than 2^63 bytes.
    """
    generator = torch.Generator()
    try:
        with torch.device("meta"), _WithoutGenerators():
            parameters = network.initial(shape, generator)
    except RuntimeError as error:
        if "overflow" in str(error):
            raise OverflowError(f"a tensor of {type(network).__name__} has more than 2^63 bytes") from None
        parameters = network.initial(shape, generator)
    return {name: tuple(value.shape) for name, value in parameters.items()}


def parameter_count(network: AnyGenerator | AnyCritic, shape: SampleShape) -> int:
    """Number of parameters of one seed.

    Errors: as for `parameter_shapes`.
    """
    return sum(math.prod(sizes) for sizes in parameter_shapes(network, shape).values())
