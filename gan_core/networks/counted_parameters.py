"""Shapes and number of a network's parameters, found without memory for the parameters themselves."""

import math
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from gan_core.networks.contracts import AnyCritic, AnyGenerator
from gan_core.shapes import SampleShape

_ARITHMETIC = ("mul", "add", "sub", "div", "__mul__", "__add__", "__sub__", "__truediv__", "__rsub__")
"""Names of the operators whose result has the shape of a tensor, if the other operand is a number."""


class _ShapesAlone(TorchFunctionMode):
    """Context in which tensors without numbers are made and changed without PyTorch's functions for such tensors.

    Those import PyTorch's compiler, which takes seconds and leaves a folder among the temporary files, and accept no
    random generator. Draws give tensors of their shape, and arithmetic with a number changes no shape.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in _ARITHMETIC and len(args) == 2 and _is_changed_by_number(*args):
            return args[0]
        called = torch.empty if func in (torch.rand, torch.randn) else func
        return called(*args, **{name: value for name, value in (kwargs or {}).items() if name != "generator"})


def _is_changed_by_number(operand: Any, other: Any) -> bool:
    return isinstance(operand, torch.Tensor) and operand.is_meta and isinstance(other, int | float)


def parameter_shapes(network: AnyGenerator | AnyCritic, shape: SampleShape) -> dict[str, tuple[int, ...]]:
    """Shapes of one seed's parameters, by name.

    Only a network whose `initial` reads the numbers that it draws gets memory for them.

    Errors: `OverflowError` for a tensor of more than 2^63 bytes.
    """
    generator = torch.Generator()
    try:
        with torch.device("meta"), _ShapesAlone():
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
