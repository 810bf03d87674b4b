"""Distributions as a study file writes them: recognition, reading with errors of one sentence, text."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from studies.errors import InputError
from studies.file.distributions import (
    KEYS,
    Choice,
    Distribution,
    Grid,
    IntLogUniform,
    IntUniform,
    LogUniform,
    Uniform,
    Value,
    When,
    as_value,
    is_number,
)
from studies.file.messages import cut, escape_control, format_value, nearest
from studies.file.trees import Parts, by_path, leaves

SEARCHABLE = ("objective", "constraint", "networks", "training", "trainer")
"""Tables that may hold distributions."""
OPTIONS = ("step", "when", "otherwise")
"""Keys that may stand beside a distribution."""
MOST_VALUES = 500
"""Largest number of values of a list, each of which is tried before a study starts."""
OTHER_LIBRARIES: Mapping[str, str] = {
    "loguniform": "{log_uniform = [low, high]}",
    "quniform": "{uniform = [low, high], step = q}",
    "qloguniform": "{log_uniform = [low, high]}, which has no step",
    "randint": "{int_uniform = [low, high]}, both ends included",
    "qrandint": "{int_uniform = [low, high], step = q}, both ends included",
    "lograndint": "{int_log_uniform = [low, high]}, both ends included",
    "qlograndint": "{int_log_uniform = [low, high]}, which has no step",
    "grid_search": "{grid = [...]}",
    "categorical": "{choice = [...]}",
    "suggest_float": "{uniform = [low, high]} or {log_uniform = [low, high]}",
    "suggest_int": "{int_uniform = [low, high]} or {int_log_uniform = [low, high]}",
    "suggest_categorical": "{choice = [...]}",
}
"""Spelling in a study file of the distributions of Ray Tune and Optuna, by their names there."""


def is_distribution(value: Any) -> bool:
    """True if a value of a study file is written as a distribution, even as an invalid one."""
    if isinstance(value, Mapping):
        return "kind" not in value and any(key in value for key in KEYS)
    return isinstance(value, str) and value == "search"


def distributions_in(tree: Any) -> Iterator[tuple[Parts, Any]]:
    """Every distribution in a tree, with its path."""
    return ((parts, value) for parts, value in leaves(tree, is_distribution) if is_distribution(value))


def unknown_distribution(table: Mapping[str, Any]) -> str:
    """The remark on a table that stands in the place of a number or choice and is no distribution."""
    for key in table:
        if key in OTHER_LIBRARIES:
            return f"a table with {key}; write {OTHER_LIBRARIES[key]}"
    key = next(iter(table), "")
    near = nearest(key, KEYS)
    hint = f"; did you mean {near}?" if near else ""
    return f"a table with {cut(escape_control(key)) or 'no key'}, which is none of {', '.join(KEYS)}{hint}"


def parse(table: Any, path: str, preset_range: Mapping[str, Any] | None = None) -> Distribution:
    """The distribution that a value of a study file describes. A range whose ends are equal is a choice of one value.

    path          dotted path of the value, for error messages
    preset_range  range that the preset gives for this path, used for `"search"`; None if it gives none

    Errors: `InputError` for two distributions in one table and for other keys than theirs, for ends that are not two
    numbers in ascending order, for ends of a log-uniform that are not positive, for a list of values that is empty,
    holds a value twice or holds a table, for a step that does not divide the range, and for `"search"` without a range.
    """
    if table == "search":
        if preset_range is None:
            raise InputError(
                f'{path}: "search" needs a preset with a range for this key, but there is none; '
                "write the range, as in {log_uniform = [0.001, 1.0]}"
            )
        table = preset_range
    given = [key for key in table if key in KEYS]
    if len(given) != 1:
        raise InputError(f"{path}: must hold one distribution, but holds {' and '.join(given)}")
    for key in table:
        if key not in (*given, *OPTIONS):
            near = nearest(key, OPTIONS)
            hint = f"did you mean {near}?" if near else f"a distribution may have {', '.join(OPTIONS)}"
            raise InputError(f"{path}.{cut(escape_control(key))}: unknown key; {hint}")
    return _parse_keyed(given[0], table, path, _when(table, path, given[0]))


def written(hyperparameter: Distribution) -> str:
    """The distribution as in a study file: `{log_uniform = [1e-05, 0.01]}`."""
    return _inline(hyperparameter.table())


def range_text(hyperparameter: Distribution) -> str:
    """Text of a distribution for a sentence, as in "uniform [0.0, 1.0] with step 0.25"."""
    table = hyperparameter.table()
    step = f" with step {table['step']}" if "step" in table else ""
    return f"{hyperparameter.key} {format_value(table[hyperparameter.key])}{step}"


def _parse_keyed(key: str, table: Mapping[str, Any], path: str, when: When | None) -> Distribution:
    content, here = table[key], f"{path}.{key}"
    if "step" in table and key not in ("uniform", "int_uniform"):
        raise InputError(f"{path}.step: must stand beside uniform or int_uniform, but stands beside {key}")
    if key in ("choice", "grid"):
        return (Choice if key == "choice" else Grid)(_values(content, here), when=when)
    low, high = _integer_ends(content, here) if key.startswith("int") else _ends(content, here)
    if key in ("log_uniform", "int_log_uniform") and low <= 0:
        raise InputError(f"{here}: must start above 0, but is {format_value(content)}")
    step = _step(table["step"], low, high, f"{path}.step") if "step" in table else None
    if low == high:
        return Choice((low,), when=when)
    match key:
        case "uniform":
            return Uniform(low, high, step=step, when=when)
        case "log_uniform":
            return LogUniform(low, high, when=when)
        case "int_uniform":
            return IntUniform(int(low), int(high), step=None if step is None else int(step), when=when)
        case _:
            return IntLogUniform(int(low), int(high), when=when)


def _ends(content: Any, path: str) -> tuple[float, float]:
    if not (_is_pair(content) and all(is_number(end) for end in content)):
        raise InputError(f"{path}: must be two finite numbers [low, high], but is {format_value(content)}")
    _check_order(content, path)
    return float(content[0]), float(content[1])


def _integer_ends(content: Any, path: str) -> tuple[int, int]:
    if not (_is_pair(content) and all(is_number(end) and isinstance(end, int) for end in content)):
        raise InputError(f"{path}: must be two integers [low, high], but is {format_value(content)}")
    _check_order(content, path)
    return content[0], content[1]


def _check_order(ends: list[Any], path: str) -> None:
    if ends[0] > ends[1]:
        raise InputError(f"{path}: must go from low to high, but is {format_value(ends)}")


def _step(step: Any, low: float, high: float, path: str) -> float:
    """The step as a number of the ends' type."""
    kind = "an integer" if isinstance(low, int) else "a finite number"
    if not is_number(step) or (isinstance(low, int) and not isinstance(step, int)):
        raise InputError(f"{path}: must be {kind}, but is {format_value(step)}")
    if step <= 0:
        raise InputError(f"{path}: must be > 0, but is {format_value(step)}")
    if (Decimal(str(high)) - Decimal(str(low))) % Decimal(str(step)) != 0:
        raise InputError(f"{path}: must divide the range {format_value([low, high])}, but is {format_value(step)}")
    return step if isinstance(low, int) else float(step)


def _values(content: Any, path: str) -> tuple[Value, ...]:
    if not isinstance(content, list) or not content:
        raise InputError(f"{path}: must be a list of at least one value, but is {format_value(content)}")
    if len(content) > MOST_VALUES:
        raise InputError(f"{path}: must hold <= {MOST_VALUES} values, but holds {len(content)}")
    for position, value in enumerate(content):
        if not _is_value(value):
            must = "must hold finite numbers, text, booleans or lists of these"
            raise InputError(f"{path}: {must}, but holds {format_value(value)}")
        if value in content[:position]:
            raise InputError(f"{path}: must hold distinct values, but holds {format_value(value)} twice")
    return as_value(content)


def _when(table: Mapping[str, Any], path: str, key: str) -> When | None:
    if "when" not in table:
        if "otherwise" in table:
            raise InputError(f'{path}.otherwise: must stand beside when, as in when = {{"training.n_critic" = 5}}')
        return None
    if key == "grid":
        raise InputError(f"{path}.when: must not stand beside a grid, whose values explore takes in turn; use choice")
    given = table["when"]
    if not isinstance(given, Mapping) or not given:
        example = 'as in {"training.n_critic" = 5}'
        raise InputError(f"{path}.when: must be a table of values, {example}, but is {format_value(given)}")
    parents = by_path(given)
    for parent, values in parents.items():
        if not (_is_value(values) or (isinstance(values, list) and values and all(_is_value(one) for one in values))):
            must = "must be a value or a list of values"
            raise InputError(f"{path}.when.{cut(escape_control(parent))}: {must}, but is {format_value(values)}")
    if "otherwise" not in table:
        raise InputError(f"{path}.otherwise: must be given, since the key has no value of its own")
    if not _is_value(table["otherwise"]):
        raise InputError(f"{path}.otherwise: must be a value, but is {format_value(table['otherwise'])}")
    fitting = {
        parent: as_value(values) if isinstance(values, list) else (values,) for parent, values in parents.items()
    }
    return When(parents=tuple(fitting.items()), otherwise=as_value(table["otherwise"]))


def _is_value(value: Any) -> bool:
    """True for a value of a hyperparameter: a scalar, or a list of scalars that is not empty."""
    scalars = value if isinstance(value, list) and value else [value]
    return all(is_number(scalar) or isinstance(scalar, str | bool) for scalar in scalars)


def _is_pair(content: Any) -> bool:
    return isinstance(content, list) and len(content) == 2


def _inline(value: Any) -> str:
    if not isinstance(value, Mapping):
        return json.dumps(value)
    keys = {key: json.dumps(key) if "." in key else key for key in value}
    return f"{{{', '.join(f'{keys[key]} = {_inline(content)}' for key, content in value.items())}}}"
