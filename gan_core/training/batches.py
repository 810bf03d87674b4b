"""Batches of real samples, gathered from the training split as it is stored and converted on the way."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.data import Dataset, coordinates
from gan_core.training.draws import Draws


class RealBatches:
    """The training samples on the device: uint8 as it is stored, other numbers in the type of the training.

    classes  number of classes of a conditional training, 0 for any other
    """

    def __init__(self, data: Dataset, draws: Draws, device: torch.device, dtype: torch.dtype, classes: int = 0):
        stored = torch.from_numpy(data.train).to(device)
        self._stored = stored.to(dtype) if stored.is_floating_point() else stored
        self._shape, self._changes = data.shape, data.augmentation
        self._draws, self._dtype = draws, dtype
        if classes:
            self._labels = torch.from_numpy(data.labels_of("train")).to(device)
            self._one_hot = torch.eye(classes, dtype=dtype, device=device)
        self._conditional = classes > 0

    def labels(self, index: Int[Tensor, "seeds batch"]) -> Float[Tensor, "seeds batch classes"] | None:
        """One-hot labels of the samples with these numbers; None in an unconditional training."""
        if not self._conditional:
            return None
        chosen = self._labels.index_select(0, index.flatten())
        return self._one_hot.index_select(0, chosen).unflatten(0, index.shape)

    def at(self, index: Int[Tensor, "seeds batch"]) -> Float[Tensor, "seeds batch dim"]:
        """The samples with these numbers as they are."""
        return coordinates(self._rows(index), self._dtype)

    def of_step(self, index: Int[Tensor, "seeds batch"], purpose: str, step: int) -> Float[Tensor, "seeds batch dim"]:
        """The samples with these numbers, randomly changed as the data set says.

        purpose, step  kind and number of the training step, by which the random numbers are keyed
        """
        if self._changes.dequantise and self._stored.dtype == torch.uint8:
            grey = self._rows(index).to(self._dtype)
            real = (grey + self._draws.grey_noise(purpose, step)) / 128 - 1
        else:
            real = self.at(index)
        if not self._changes.flips:
            return real
        mirrored = real.unflatten(-1, self._shape).flip(-1).flatten(-len(self._shape))
        return torch.where(self._draws.flips(purpose, step)[..., None], mirrored, real)

    def _rows(self, index: Int[Tensor, "seeds batch"]) -> Tensor:
        # measured on a processor: a half to a fifth of the time of `self._stored[index]`
        return self._stored.index_select(0, index.flatten()).unflatten(0, index.shape)
