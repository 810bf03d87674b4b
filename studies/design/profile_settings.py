"""The settings of the profile phase: the setting found, with one hyperparameter at a time moved along its range."""

from studies.file.condition import Condition
from studies.file.distributions import Choice, Distribution, Grid, Value


def profile_settings(condition: Condition, count: int) -> list[tuple[str, Value]]:
    """Path and value of the hyperparameter that is moved, for each profile trial of a condition, in their order.

    count  number of values of each hyperparameter, at the middles of equally likely parts of its range; fewer where the
           distribution has fewer values

    Hyperparameters with listed values, those with `when`, and those that the `when` of another one names keep the value
    of the setting found.
    """
    return [
        (path, value)
        for path, hyperparameter in condition.hyperparameters.items()
        if _is_profiled(path, condition)
        for value in _values(hyperparameter, count)
    ]


def _is_profiled(path: str, condition: Condition) -> bool:
    if isinstance(condition.hyperparameters[path], Choice | Grid) or condition.hyperparameters[path].when is not None:
        return False
    parents = {
        parent
        for hyperparameter in condition.hyperparameters.values()
        if hyperparameter.when is not None
        for parent, _ in hyperparameter.when.parents
    }
    return path not in parents


def _values(hyperparameter: Distribution, count: int) -> list[Value]:
    return list(dict.fromkeys(hyperparameter.quantile((number + 0.5) / count) for number in range(count)))
