"""Checks of an entry's facts: the tables compute with them, and they may be forged."""

import math
from collections.abc import Mapping
from typing import Any

from studies.ledger.curves import Curves

STEPS = ("generator_steps", "critic_steps", "real_samples_seen")
"""Facts that count something."""
UNKNOWN = ("critic_steps", "real_samples_seen")
"""Those that are None, all of them, for a training by a user's loop."""


def check_facts(facts: Mapping[str, Any], curves: Curves) -> None:
    """Check that the facts have the types and the numbers of values that the tables need.

    Errors: `ValueError` with the name of the first fact that is wrong; `KeyError` for one that is missing.
    """
    references = facts["reference_distances"]
    unknown = all(facts[name] is None for name in UNKNOWN)
    holds = {
        "distance": facts["distance"] in curves.metrics,
        "highest": facts["highest"] is None or is_number(facts["highest"]),
        "reference_distances": isinstance(references, dict)
        and all(is_number(references[name]) for name in ("real", "constant"))
        and (references["gaussian"] is None or is_number(references["gaussian"])),
        "nonfinite_step": _are_steps(facts["nonfinite_step"], len(curves.seeds)),
        "elapsed_seconds": is_number(facts["elapsed_seconds"]),
        "ended_at": is_number(facts["ended_at"]),
        "steps": bool((curves.steps[1:] > curves.steps[:-1]).all()),
        **{name: facts[name] is None or is_count(facts[name]) for name in ("real_cells", "known_modes")},
        **{name: _are_values(facts[name]) for name in ("real_values", "gaussian_values")},
        **{name: is_count(facts[name]) or (name in UNKNOWN and unknown) for name in STEPS},
        "features": _are_features(facts.get("features", {})),
        "sample_shape": "sample_shape" not in facts or _is_shape(facts["sample_shape"]),
        "classes": "classes" not in facts or _are_classes(facts["classes"]),
    }
    if "measured_seconds" in facts:
        seconds = facts["measured_seconds"]
        right = isinstance(seconds, list) and len(seconds) == len(curves.steps)
        holds["measured_seconds"] = right and all(is_number(value) for value in seconds)
    wrong = [name for name, is_right in holds.items() if not is_right]
    if wrong:
        raise ValueError(wrong[0])


def is_number(value: Any) -> bool:
    """True for a finite number."""
    return type(value) in (int, float) and math.isfinite(value)


def is_count(value: Any) -> bool:
    """True for an integer of at least 0 that fits into 64 bits."""
    return type(value) is int and 0 <= value < 2**63


def _are_features(features: Any) -> bool:
    """True for a mapping from names to text or a finite number."""
    return isinstance(features, dict) and all(type(value) is str or is_number(value) for value in features.values())


def _is_shape(described: Any) -> bool:
    """True for the table of a `SampleShape` with at least one coordinate along each axis."""
    if not isinstance(described, dict) or described.keys() != {"shape", "bounded"}:
        return False
    shape, bounded = described["shape"], described["bounded"]
    sides = isinstance(shape, list | tuple) and all(is_count(side) and side > 0 for side in shape)
    return sides and type(bounded) is bool


def _are_classes(described: Any) -> bool:
    """True for the table of `Classes`: as many names as shares, which are numbers of at least 0."""
    if not isinstance(described, dict) or described.keys() != {"names", "shares"}:
        return False
    names, shares = described["names"], described["shares"]
    lists = isinstance(names, list | tuple) and isinstance(shares, list | tuple) and len(names) == len(shares) > 0
    return lists and all(type(name) is str for name in names) and all(is_number(s) and s >= 0 for s in shares)


def _are_steps(steps: Any, members: int) -> bool:
    """True for a list with a step or None for each member."""
    return isinstance(steps, list) and len(steps) == members and all(step is None or is_count(step) for step in steps)


def _are_values(values: Any) -> bool:
    """True for a mapping to values of metrics, which may be infinite or NaN."""
    return isinstance(values, dict) and all(type(value) in (int, float) for value in values.values())
