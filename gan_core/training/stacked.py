"""Parameters of S networks of equal shape in one tensor, with their optimizer."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

from gan_core.shapes import Parameters
from gan_core.training.member_optimizers import MemberOptimizers

ALIGNMENT = 64
"""A row of the optimizer's tensor has a multiple of this many numbers."""


class StackedParameters:
    """Parameters of S networks of equal shape: one flat tensor that the optimizer updates, and views of it by name.

    The optimizer's tensor has zeros at the end of each row. Without them the vector instructions of a processor would
    meet the end of one network's row within another's, and a network's last bits would depend on their number.

    flat      all parameters, (seeds, parameters)
    frozen    views of `flat` that require no gradient
    learning  views of `flat` that require a gradient
    """

    def __init__(
        self,
        initial: Sequence[Parameters],
        optimizers: MemberOptimizers,
        device: torch.device,
        dtype: torch.dtype,
    ):
        flat = torch.stack([torch.cat([value.flatten() for value in parameters.values()]) for parameters in initial])
        self._rows = pad(flat.to(device, dtype), (0, -flat.shape[1] % ALIGNMENT))
        self.flat = self._rows[:, : flat.shape[1]]
        self._shapes = {name: value.shape for name, value in initial[0].items()}
        self.frozen = self.views(self.flat)
        self.learning = {name: view.detach().requires_grad_() for name, view in self.frozen.items()}
        self._leaves = list(self.learning.values())
        self._learning_rate = optimizers.learning_rate
        self._optimizer = optimizers.build(self._rows)

    def views(self, flat: Float[Tensor, "seeds parameters"]) -> Parameters:
        """Views of `flat` by parameter name, each (seeds, *shape)."""
        views, start = {}, 0
        for name, shape in self._shapes.items():
            views[name] = flat[:, start : start + shape.numel()].view(len(flat), *shape)
            start += shape.numel()
        return views

    def gradient(self, losses: Float[Tensor, "seeds"]) -> Float[Tensor, "seeds row"]:
        """Gradient of each seed's loss, from one backward pass through the sum of the losses.

        It is 0 for a parameter that the loss does not depend on, and in the columns after the parameters.
        """
        gradients = torch.autograd.grad(losses.sum(), self._leaves, materialize_grads=True)
        columns = [gradient.flatten(1) for gradient in gradients]
        return torch.cat([*columns, torch.zeros_like(self._rows[:, self.flat.shape[1] :])], dim=1)

    def descend(self, gradient: Float[Tensor, "seeds row"], step: int) -> None:
        """Take one optimizer step in place, with the schedule's learning rate for generator step number `step`."""
        self._optimizer.step(gradient, self._learning_rate(step))

    def finite(self) -> Bool[Tensor, "seeds"]:
        """True for each seed whose parameters are all finite: 0 times NaN or infinity is NaN."""
        return (self.flat * 0).sum(1) == 0

    def state(self) -> dict[str, Any]:
        """Copies of parameters and optimizer state."""
        return {"flat": self.flat.clone(), "optimizer": self._optimizer.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore parameters and optimizer state from `state()`."""
        self.flat.copy_(state["flat"])
        self._optimizer.load(state["optimizer"])
