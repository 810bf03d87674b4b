"""Durations as people write them: 90s, 30m, 2h."""

import re

from studies.errors import InputError
from studies.file.messages import format_value

_UNITS = {"h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def read_duration(text: str) -> float:
    """Seconds of a duration such as `90s`, `30m`, `2h` or `1h30m`.

    Errors: `InputError` for anything else, and for no time at all.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    numbers = [float(number or 0) for number in found.groups()] if found else [0.0] * len(_UNITS)
    seconds = sum(number * unit for number, unit in zip(numbers, _UNITS.values(), strict=True))
    if seconds <= 0:
        raise InputError(f"--budget: must be a duration, as in 90s, 30m or 2h, but is {format_value(text)}")
    return seconds


def duration_text(seconds: float) -> str:
    """The shortest duration of whole seconds that is not shorter; from ten minutes on of whole minutes."""
    whole = -int(-seconds // 1)
    if whole > 600:
        whole = 60 * -(-whole // 60)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return "".join(f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if number) or "0s"
