"""The real samples of a study, also where a user's own code loads them."""

import numpy as np

from gan_core.data import AnyData, Dataset
from studies.errors import GanStudyError
from studies.modules import is_reference, raises
from studies.refusal import Refusal
from studies.sentences import shown


def loaded(data: AnyData) -> Dataset:
    """The samples that a description loads.

    Errors: `Refusal` where a user's own kind cannot load them, or loads others than it says.
    """
    if not is_reference(data.kind):
        return data.load()
    try:
        found, sizes = data.load(), data.sizes
        held = (len(found.train), len(found.search), len(found.confirm)) if isinstance(found, Dataset) else ()
    except GanStudyError:
        raise
    except Exception as error:
        raise Refusal(("data",), f"kind {shown(data.kind)} must load samples", f"it {raises(error)}") from None
    must = f"kind {shown(data.kind)} must load"
    if not isinstance(found, Dataset):
        raise Refusal(("data",), f"{must} a gan_core.Dataset", f"loads {type(found).__name__}")
    if held != (sizes.train, sizes.reference, sizes.reference):
        told = f"{sizes.train} samples to train with, {sizes.reference} for the search and as many to confirm"
        raise Refusal(("data",), f"{must} {told}, as it says", f"loads {held[0]}, {held[1]} and {held[2]}")
    for name in ("train", "search", "confirm"):
        part = getattr(found, name)
        if part.dtype != np.float32 or part.ndim != 2 or part.shape[1] != np.prod(found.shape):
            but = f"{name} is {part.dtype} of shape {part.shape} at a sample's shape {found.shape}"
            raise Refusal(("data",), f"{must} float32 samples, each flattened in a row", but)
        if not np.isfinite(part).all():
            raise Refusal(("data",), f"{must} finite numbers", f"{name} holds others")
        if found.bounded and np.abs(part).max() > 1:
            raise Refusal(("data",), f"{must} numbers in [-1, 1], since it says bounded", f"{name} holds others")
    return found
