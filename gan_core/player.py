"""One side of the game: the parameters of S networks and the optimizer that moves them."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gan_core.constraints import Parameters
from gan_core.optimizers import Optimizer


class Player:
    """The parameters of S networks of one description: one flat tensor that the optimizer moves, and named views."""

    def __init__(self, initial: Sequence[Parameters], optimizer: Optimizer, device: torch.device, dtype: torch.dtype):
        flat = torch.stack([torch.cat([value.flatten() for value in one.values()]) for one in initial])
        self.flat = flat.to(device, dtype)
        self._shapes = {name: value.shape for name, value in initial[0].items()}
        self.frozen = self.views(self.flat)
        self.learning = {name: view.detach().requires_grad_() for name, view in self.frozen.items()}
        self._leaves = list(self.learning.values())
        self._description = optimizer
        self._optimizer = optimizer.build(self.flat)

    def views(self, flat: Float[Tensor, "seeds parameters"]) -> Parameters:
        """A flat tensor's parts under their names, sharing its memory."""
        views, start = {}, 0
        for name, shape in self._shapes.items():
            views[name] = flat[:, start : start + shape.numel()].view(len(flat), *shape)
            start += shape.numel()
        return views

    def gradient(self, losses: Float[Tensor, "seeds"]) -> Float[Tensor, "seeds parameters"]:
        """Each seed's gradient of its own loss: the sum's gradient falls apart by seed.

        A parameter that the loss does not reach (the theta of a critic step) has gradient 0.
        """
        gradients = torch.autograd.grad(losses.sum(), self._leaves, materialize_grads=True)
        return torch.cat([gradient.flatten(1) for gradient in gradients], dim=1)

    def descend(self, gradient: Float[Tensor, "seeds parameters"], step: int) -> None:
        """Move against the gradient, at the learning rate that the schedule has for this generator step."""
        self._optimizer.param_groups[0]["lr"] = self._description.lr * self._description.schedule.factor(step)
        self.flat.grad = gradient
        self._optimizer.step()

    def finite(self) -> Bool[Tensor, "seeds"]:
        """Whether all parameters of a seed are finite: 0 times anything else is NaN."""
        return (self.flat * 0).sum(1) == 0

    def state(self) -> dict[str, Any]:
        # state_dict() hands out the optimizer's own tensors, which the next step would move
        return {"flat": self.flat.clone(), "optimizer": deepcopy(self._optimizer.state_dict())}

    def load(self, state: dict[str, Any]) -> None:
        self.flat.copy_(state["flat"])
        self._optimizer.load_state_dict(deepcopy(state["optimizer"]))
