"""The real samples of a study, loaded by this library or by a user's class and then checked."""

import numpy as np

from gan_core.data import PARTS, AnyData, Dataset, Sizes
from studies.errors import GanStudyError
from studies.file.hung_code import hung_code_ended
from studies.file.messages import format_value
from studies.file.modules import describe_error, is_reference
from studies.file.refusal import Refusal
from studies.file.validation import RecordedTable

WIDEST = 32.0
"""Largest number in images of a user's class that are stored as floats; standardised pixels lie within."""
MOST_CHANNELS = 4
"""Largest length of the first axis of an image that is taken for its channels."""


def load_samples(data: AnyData) -> Dataset:
    """The real samples that a data description loads; those of a user's class are checked.

    Errors: `Refusal` for files that hold no such samples, and if a user's class raises an exception or loads samples
    that differ from its declaration or that no GAN can be trained on.
    """
    if not is_reference(data.kind):
        try:
            return data.load()
        except ValueError as error:
            raise _refusal(error) from None
    kind = f"kind {format_value(data.kind)}"
    try:
        with hung_code_ended():
            loaded, sizes = data.load(), data.sizes
        counts = (len(loaded.train), len(loaded.validation), len(loaded.test)) if isinstance(loaded, Dataset) else ()
    except GanStudyError:
        raise
    except Exception as error:
        raise Refusal(("data",), f"{kind} must load samples", f"it {describe_error(error)}") from None
    if not isinstance(loaded, Dataset):
        raise Refusal(("data",), f"{kind} must load a gan_core.Dataset", f"loads {type(loaded).__name__}")
    if counts != (sizes.train, sizes.held_out, sizes.held_out):
        declared = f"{sizes.train} training, {sizes.held_out} validation and {sizes.held_out} test samples"
        but = f"loads {counts[0]}, {counts[1]} and {counts[2]}"
        raise Refusal(("data",), f"{kind} must load {declared}, as its sizes declare", but)
    _check_shape(loaded, kind)
    for split in PARTS:
        _check_numbers(getattr(loaded, split), split, loaded, kind)
    for split, pairs in loaded.pairs.items():
        _check_numbers(pairs.target, f"the target of pairs of {split}", loaded, kind)
        if pairs.latent.ndim != 2 or len(pairs.latent) != len(pairs.target) or not np.isfinite(pairs.latent).all():
            must = f"{kind} must load pairs with one finite latent vector for each target"
            raise Refusal(("data",), must, f"in {split} it does not")
    _check_labels(loaded, kind)
    _check_varies(loaded, data, kind)
    return loaded


def sizes_of(data: AnyData) -> Sizes:
    """Sizes of the splits that a data description loads.

    Errors: `Refusal` for files that hold no such samples.
    """
    if is_reference(data.kind):
        return data.sizes
    try:
        return data.sizes
    except ValueError as error:
        raise _refusal(error) from None


def _refusal(error: ValueError) -> Refusal:
    key, _, sentence = str(error).partition(": ")
    return Refusal(("data", key), sentence)


def _check_shape(loaded: Dataset, kind: str) -> None:
    if not loaded.of_images:
        return
    first, last = loaded.shape[0], loaded.shape[2]
    if first > MOST_CHANNELS and last <= MOST_CHANNELS:
        must = f"{kind} must load images of shape (channels, height, width), flattened in this order"
        raise Refusal(("data",), must, f"{loaded.shape} seems to have its channels last")


def _check_numbers(samples: np.ndarray, split: str, loaded: Dataset, kind: str) -> None:
    if samples.dtype not in (np.float32, np.uint8) or samples.ndim != 2 or samples.shape[1] != np.prod(loaded.shape):
        but = f"{split} is {samples.dtype} of shape {samples.shape}, while a sample has the shape {loaded.shape}"
        raise Refusal(("data",), f"{kind} must load float32 or uint8 samples, each flattened in a row", but)
    if samples.dtype == np.uint8:
        if not loaded.bounded:
            must = f"{kind} must declare its samples bounded, since uint8 is scaled to [-1, 1]"
            raise Refusal(("data",), must, "bounded is false")
        return
    if not np.isfinite(samples).all():
        raise Refusal(("data",), f"{kind} must load finite numbers", f"{split} holds NaN or infinity")
    low, high = float(samples.min()), float(samples.max())
    if loaded.bounded and max(-low, high) > 1:
        must = f"{kind} must load numbers in [-1, 1], since its samples are declared bounded"
        raise Refusal(("data",), must, f"{split} holds numbers from {low:g} to {high:g}")
    if loaded.of_images and max(-low, high) > WIDEST:
        must = f"{kind} must load images as uint8, or as numbers in [-1, 1]"
        raise Refusal(("data",), must, f"{split} holds numbers from {low:g} to {high:g}")


def _check_labels(loaded: Dataset, kind: str) -> None:
    for split, labels in loaded.labels.items():
        if labels.shape != (len(getattr(loaded, split)),):
            must = f"{kind} must load one label for each sample"
            raise Refusal(("data",), must, f"those of {split} have the shape {labels.shape}")
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(loaded.classes):
            must = f"{kind} must load labels from 0 to {len(loaded.classes) - 1}, the numbers of its classes"
            raise Refusal(("data",), must, f"those of {split} are from {labels.min()} to {labels.max()}")


def _check_varies(loaded: Dataset, data: AnyData, kind: str) -> None:
    """Refuse training samples that are all equal: distances between samples could not be compared with anything."""
    recorded = isinstance(data, RecordedTable)  # whose class, with its distance, is not imported
    if not recorded and not loaded.varies and data.distance != "distance_to_equilibrium":
        count = len(loaded.train)
        but = "loads one sample" if count == 1 else f"all {count} are equal"
        raise Refusal(("data",), f"{kind} must load training samples that differ from each other", but)
