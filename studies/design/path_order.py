"""The order of the changes on the path from the authors' setting to the setting found, and its choice by trials."""

from collections.abc import Callable, Sequence

from studies.design.ended_trials import EndedTrials
from studies.design.specification import Configuration, TrialSpec
from studies.file.authors_path import AuthorsPath, Change, possible_changes

ChoiceTrial = Callable[[int], TrialSpec | None]
"""The path-choice trial of an index; None if it is not known yet."""


def step_of(index: int, changes: int) -> tuple[int, int]:
    """Step, and position among its candidates, of path-choice trial `index`; both from 0.

    Of n changes, step 0 has n candidates, step 1 has n - 1, and so on to the 2 of step n - 2: the last change is not
    chosen.
    """
    step = 0
    while index >= changes - step:
        index -= changes - step
        step += 1
    return step, index


def first_of_step(step: int, changes: int) -> int:
    """Index of the first of the trials (phase `path_choice`) that try the candidates for a step, counted from 0."""
    return step * changes - step * (step - 1) // 2


def choice_trials(changes: int) -> int:
    """Number of path-choice trials for n changes: n + (n - 1) + ... + 2."""
    return first_of_step(max(changes - 1, 0), changes)


def path_configuration(index: int, path: AuthorsPath, choice: ChoiceTrial, ended: EndedTrials) -> Configuration | None:
    """Configuration of trial `index` of the path, with that many changes; None if their order is not known yet.

    What is not searched is changed in all of them.
    """
    order = _order(path, index, choice, ended)
    return None if order is None else path.configuration(order)


def choice_configuration(
    index: int, path: AuthorsPath, choice: ChoiceTrial, ended: EndedTrials
) -> Configuration | None:
    """Configuration of path-choice trial `index`: a candidate after the changes of the steps before; None as above."""
    changes = possible_changes(path.condition)
    step, position = step_of(index, len(changes))
    order = _order(path, step, choice, ended)
    return None if order is None else path.configuration([*order, _left(changes, order)[position]])


def _order(path: AuthorsPath, steps: int, choice: ChoiceTrial, ended: EndedTrials) -> list[Change] | None:
    """The first `steps` changes from the authors' setting towards the setting found, in order.

    None if trials that choose one of them have not ended.

    In each step the change that gives the best setting, see `EndedTrials.best`, is made. Those to an equal value come
    last.

    Source: Fawcett & Hoos 2016, doi:10.1007/s10732-014-9275-9, ablation with greedy choices.
    """
    changes = possible_changes(path.condition)
    order: list[Change] = []
    for step in range(steps):
        left = _left(changes, order)
        first = first_of_step(step, len(changes))
        trials = {change: choice(first + position) for position, change in enumerate(left)}
        finished = {change: trial for change, trial in trials.items() if trial is not None and trial in ended}
        if len(finished) < len(left):
            return None
        real = {change: trial for change, trial in finished.items() if path.values(change)} or finished
        (best,) = ended.best(list(real.values()), 1)
        order.append(next(change for change, trial in real.items() if trial is best))
    return order


def _left(changes: Sequence[Change], order: Sequence[Change]) -> list[Change]:
    return [change for change in changes if change not in order]
