"""Networks, optimizers and conditions of a new study, by the shape of the data."""

from collections.abc import Sequence
from typing import Any, Literal

from gan_core.features import SMALL_SIDE
from gan_core.presets import PRESETS, SHARED_RANGES
from gan_core.shapes import SampleShape
from studies.file.trees import Tree

NetworkKind = Literal["mlp", "conv"]
DEFAULT_PRESETS = ("wgan-gp", "lsgan", "ebgan", "r3gan")
"""Presets that are compared if none are named: three kinds of critics with a penalty or none, and an autoencoder."""


def large_images(shape: SampleShape) -> bool:
    """True for images larger than 8 x 8 pixels, for which convolutions are the better networks."""
    return shape.of_images and max(shape.shape[1:]) > SMALL_SIDE


def networks(shape: SampleShape, kind: NetworkKind, classes: int = 0) -> Tree:
    """The table `[networks]` of all conditions, whose critic gives scores.

    classes  number of classes whose labels the networks get; 0 for unconditional GANs
    """
    labels: Tree = {"classes": classes} if classes else {}
    if kind == "conv":
        generator = {"kind": "conv", "base": 16, "latent": 32, **({"normalisation": "group"} if classes else {})}
        return {**labels, "generator": generator, "critic": {"kind": "conv", "base": 16}}
    critic = {"kind": "mlp", "width": _width(shape), "depth": 3}
    return {**labels, "generator": {**critic, "latent": 32 if shape.of_images else 16}, "critic": critic}


def optimizer(shape: SampleShape) -> Tree:
    """The optimizer of both networks, with the searched range of its learning rate."""
    if shape.of_images:
        return {"kind": "adam", "lr": {"log_uniform": [1e-4, 1e-2]}, "betas": [0.5, 0.9]}
    return {"kind": "adam", "lr": {"log_uniform": [3e-4, 3e-2]}, "betas": [0.0, 0.9]}


def conditions(presets: Sequence[str], shape: SampleShape, kind: NetworkKind) -> list[Tree]:
    """The tables of `[[conditions]]`: each preset with its own critic, if it needs one, and its own ranges."""
    return [_condition(name, shape, kind) for name in presets]


def needs_own_critic(preset: str) -> bool:
    """True for a preset whose critic gives an energy."""
    return "networks" in PRESETS[preset].table


def _condition(name: str, shape: SampleShape, kind: NetworkKind) -> Tree:
    preset = PRESETS[name]
    table: Tree = {"name": name, "preset": name}
    if needs_own_critic(name):
        table["networks.critic"] = _critic(preset.table["networks"]["critic"], shape, kind)
    return table | {path: "search" for path in preset.ranges if path not in SHARED_RANGES}


def _critic(given: Any, shape: SampleShape, kind: NetworkKind) -> Tree:
    """The critic that a preset needs, with the preset's settings of it, as large as those of the others."""
    options = {key: value for key, value in given.items() if key != "kind"}
    autoencoder, code = given["kind"] == "autoencoder", {"code": 16 if shape.of_images else 8}
    if kind == "conv":
        sized = {"kind": "conv_autoencoder", "base": 16, **code} if autoencoder else {"kind": "conv", "base": 16}
    else:
        depth = {"depth": 2, **code} if autoencoder else {"depth": 3}
        sized = {"kind": given["kind"], "width": _width(shape), **depth}
    return {**sized, **options}


def _width(shape: SampleShape) -> int:
    if large_images(shape):
        return 128
    return 32 if shape.shape == (2,) else 64
