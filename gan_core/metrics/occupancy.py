"""Occupied cells and spread of fakes: the two metrics that define a collapse."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def occupied_cells(fake: Float[Tensor, "seeds n dim"], centers: Float[Tensor, "cells dim"]) -> Int[Tensor, "seeds"]:
    """Number of cells with at least n / (10 cells) of the n fakes; a fake belongs to the cell of its nearest center."""
    nearest = torch.cdist(fake, centers.expand(len(fake), -1, -1)).argmin(-1)
    counts = torch.nn.functional.one_hot(nearest, len(centers)).sum(-2)
    return (counts >= fake.shape[-2] / (10 * len(centers))).sum(-1)


def spread(fake: Float[Tensor, "seeds n dim"], real_variance: float) -> Float[Tensor, "seeds"]:
    """Root of the ratio of total variances, fakes over training data (`real_variance`); 0 for a single point."""
    return (fake.var(-2, correction=0).sum(-1) / real_variance).sqrt()
