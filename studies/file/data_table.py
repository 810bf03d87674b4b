"""The table `[data]` of a study: if it names files, and what of it is part of a trial's address."""

from collections.abc import Mapping
from typing import Any, get_args

from gan_core.data import AnyData, Data

_KINDS: Mapping[str, type[AnyData]] = {kind.kind: kind for kind in get_args(Data)}


def addressed_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resolved table `[data]` that is part of a trial's address, besides the hash of the samples.

    The same images at another path are the same data.
    """
    kind = _KINDS.get(data["kind"])
    unaddressed = () if kind is None else kind.unaddressed
    return {key: value for key, value in data.items() if key not in unaddressed}


def is_of_files(data: AnyData) -> bool:
    """True if the samples are read from files at `data.path`."""
    return "path" in data.unaddressed


def names_files(table: Mapping[str, Any]) -> bool:
    """True if the samples of a table `[data]` are read from files at its `path`."""
    kind = _KINDS.get(str(table.get("kind")))
    return kind is not None and "path" in kind.unaddressed
