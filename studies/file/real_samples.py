"""The real samples of a study, loaded by this library or by a user's class and then checked."""

import numpy as np

from gan_core.data import AnyData, Dataset
from studies.errors import GanStudyError
from studies.file.messages import format_value
from studies.file.modules import describe_error, is_reference
from studies.file.refusal import Refusal


def load_samples(data: AnyData) -> Dataset:
    """The real samples that a data description loads; those of a user's class are checked.

    Errors: `Refusal` if a user's class raises an exception, or loads samples that differ from its declaration.
    """
    if not is_reference(data.kind):
        return data.load()
    kind = f"kind {format_value(data.kind)}"
    try:
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
    for split in ("train", "validation", "test"):
        _check_numbers(getattr(loaded, split), split, loaded, kind)
    for split, pairs in loaded.pairs.items():
        _check_numbers(pairs.target, f"the target of pairs of {split}", loaded, kind)
        if pairs.latent.ndim != 2 or len(pairs.latent) != len(pairs.target) or not np.isfinite(pairs.latent).all():
            must = f"{kind} must load pairs with one finite latent vector for each target"
            raise Refusal(("data",), must, f"those of {split} hold others")
    return loaded


def _check_numbers(samples: np.ndarray, split: str, loaded: Dataset, kind: str) -> None:
    if samples.dtype != np.float32 or samples.ndim != 2 or samples.shape[1] != np.prod(loaded.shape):
        but = f"{split} is {samples.dtype} of shape {samples.shape}, while a sample has the shape {loaded.shape}"
        raise Refusal(("data",), f"{kind} must load float32 samples, each flattened in a row", but)
    if not np.isfinite(samples).all():
        raise Refusal(("data",), f"{kind} must load finite numbers", f"{split} holds others")
    if loaded.bounded and np.abs(samples).max() > 1:
        must = f"{kind} must load numbers in [-1, 1], since its samples are declared bounded"
        raise Refusal(("data",), must, f"{split} holds others")
