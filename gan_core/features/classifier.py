"""Features of a small convolutional classifier, trained on the labels of the training split."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from gan_core.data import Dataset, coordinates
from gan_core.features.convolutions import (
    Weights,
    convolved,
    drawn_convolutions,
    drawn_linear,
    input_scale,
    side_after,
    typed,
)
from gan_core.features.map import AnyFeatures, FeatureMap, hash_of_weights, images, in_blocks
from gan_core.fields import Whole
from gan_core.reference_cache import Arrays, ReferenceCache

BATCH = 64
"""Number of images of a training step."""
RATE = 2e-3
"""Adam's learning rate at the first step; it falls to 0 along half a cosine."""
CHANNELS = 32
"""Channels of the first convolution; each further one has twice as many, at most 128."""
SMALLEST_SIDE = 4
"""Smallest height or width of the last convolution's output; convolutions are added while no side gets smaller."""


@dataclass(frozen=True, kw_only=True)
class ClassifierFeatures(AnyFeatures):
    """The last hidden layer, 128 numbers, of a small convolutional classifier of the data's own classes.

    steps  training steps, each of 64 images
    seed   random seed of initial weights and of batches

    It is trained once on the training split alone, on one processor core in seconds, and cached on disk. Missing
    classes, wrong shapes, blur and strong noise change its features clearly. It may miss changes of what all classes
    share, such as colour or background, and faint noise.
    """

    kind: Literal["classifier"] = "classifier"
    steps: Annotated[int, Ge(1)] = 800
    seed: Whole = 0

    def check(self, data: Dataset) -> None:
        super().check(data)
        if not has_classes(data):
            raise ValueError("features: must not be of kind classifier for data without labels of two classes")

    def determined_by(self, data: Dataset) -> dict[str, Any]:
        return {"data": data.fingerprint, "labels": data.labels_fingerprint}

    def map(self, data: Dataset, cache: ReferenceCache) -> FeatureMap:
        self.check(data)
        key = {"hash": self.hash(data)}
        arrays = cache.arrays("classifier", key, lambda: _trained(self, data))
        accuracy = float(arrays.pop("accuracy"))
        weights = {name: torch.from_numpy(array) for name, array in arrays.items()}
        scale = input_scale(data)

        def hidden(samples: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
            return _hidden(typed(weights, samples), _inputs(samples, data, scale))

        def probabilities(features: Float[Tensor, "n features"]) -> Float[Tensor, "n classes"]:
            return _logits(typed(weights, features), features).softmax(1)

        return FeatureMap(
            self.kind,
            self.hash(data),
            in_blocks(hidden),
            in_blocks(probabilities),
            accuracy,
            hash_of_weights(weights),
        )


def has_classes(data: Dataset) -> bool:
    """True if the training samples have labels of at least two classes."""
    return len(data.classes) >= 2 and "train" in data.labels and len(np.unique(data.labels["train"])) >= 2


def _trained(features: ClassifierFeatures, data: Dataset) -> Arrays:
    """Weights of the classifier by name, and its accuracy on the validation split."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order would give other bits
    try:
        weights = _weights_after_training(features, data)
        return {
            **{name: value.numpy() for name, value in weights.items()},
            "accuracy": np.asarray(_accuracy(weights, data)),
        }
    finally:
        torch.set_num_threads(threads)


def _weights_after_training(features: ClassifierFeatures, data: Dataset) -> Weights:
    generator = torch.Generator().manual_seed(features.seed)
    weights = _initial(data, generator)
    optimizer = torch.optim.Adam([value.requires_grad_() for value in weights.values()], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, features.steps)
    scale, batch = input_scale(data), min(BATCH, len(data.train))
    labels = torch.from_numpy(np.asarray(data.labels["train"], dtype=np.int64))
    order = torch.empty(0, dtype=torch.int64)
    with torch.enable_grad():
        for _ in range(features.steps):
            if len(order) < batch:
                order = torch.randperm(len(data.train), generator=generator)
            chosen, order = order[:batch], order[batch:]
            samples = coordinates(torch.from_numpy(data.train[chosen.numpy()]), torch.float32)
            logits = _logits(weights, _hidden(weights, _inputs(samples, data, scale)))
            optimizer.zero_grad()
            functional.cross_entropy(logits, labels[chosen]).backward()
            optimizer.step()
            schedule.step()
    return {name: value.detach() for name, value in weights.items()}


def _initial(data: Dataset, generator: torch.Generator) -> Weights:
    channels, height, width = data.shape
    layers = 1
    while min(side_after(height, layers + 1), side_after(width, layers + 1)) >= SMALLEST_SIDE:
        layers += 1
    widths = [channels, *(min(CHANNELS * 2**layer, 128) for layer in range(layers))]
    pixels = side_after(height, layers) * side_after(width, layers)
    return (
        drawn_convolutions(widths, generator)
        | drawn_linear(widths[-1] * pixels, 128, "hidden", generator)
        | drawn_linear(128, len(data.classes), "classes", generator)
    )


def _inputs(
    samples: Float[Tensor, "n dim"], data: Dataset, scale: tuple[float, float]
) -> Float[Tensor, "n channels height width"]:
    return (images(samples, data.shape) - scale[0]) / scale[1]


def _hidden(weights: Weights, pictures: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n features"]:
    last = convolved(weights, pictures)[-1].flatten(1)
    return functional.leaky_relu(functional.linear(last, weights["hidden"], weights["hidden_bias"]), 0.1)


def _logits(weights: Weights, hidden: Float[Tensor, "n features"]) -> Float[Tensor, "n classes"]:
    return functional.linear(hidden, weights["classes"], weights["classes_bias"])


def _accuracy(weights: Weights, data: Dataset) -> float:
    scale = input_scale(data)

    def named(samples: Float[Tensor, "n dim"]) -> Int[Tensor, "n"]:
        return _logits(weights, _hidden(weights, _inputs(samples, data, scale))).argmax(1)

    stored = torch.from_numpy(np.ascontiguousarray(data.validation))
    with torch.no_grad():
        classes = torch.cat([named(coordinates(rows, torch.float32)) for rows in stored.split(BATCH)])
    return float((classes.numpy() == data.labels["validation"]).mean())
