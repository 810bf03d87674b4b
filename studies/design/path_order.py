"""Numbers of the trials that choose the changes on the path from the authors' setting to the setting found."""


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
