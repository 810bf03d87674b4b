"""The plan of a study as text for a terminal, and as a table for programs."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from itertools import groupby
from shlex import quote
from typing import Any

from rich.console import Console
from rich.table import Table

from studies.errors import GanStudyError
from studies.file.messages import count_noun, format_value
from studies.file.study import Study
from studies.forecast.run_forecast import Range
from studies.forecast.study_plan import ConditionPlan, Plan, cached_seconds
from studies.numbers import MISSING, format_bytes, format_duration

HOURS_FROM = 7200
"""Seconds from which a duration is printed in hours."""
BUSY = 0.5
"""Smallest load per core at which other programs are remarked on."""


def plan_table(plan: Plan) -> dict[str, Any]:
    """The plan as a JSON-serialisable table; docs/plan.md describes its keys."""
    return {
        "study": plan.study,
        "processes_at_once": plan.processes,
        "cores": plan.cores,
        "load_of_other_programs": plan.load,
        "trials_at_least": plan.least,
        "trials_at_most": plan.most,
        "trials_in_ledger": sum(condition.in_ledger for condition in plan.conditions),
        "trials_begun": plan.begun,
        "run_seconds": asdict(plan.seconds),
        "process_seconds": asdict(plan.process_seconds),
        "memory_bytes": plan.memory_bytes,
        "gpu_memory_bytes_per_process": plan.gpu_memory_bytes,
        "ledger_bytes": asdict(plan.ledger_bytes),
        "mlflow": None if plan.tracking is None else asdict(plan.tracking),
        "conditions": [_condition_table(condition) for condition in plan.conditions],
        "ledger": {
            "root": plan.ledger_root,
            "has_study": plan.changes.exists,
            "refused_changes": [_change_table(*change) for change in plan.changes.refused],
            "trained_again": [
                {
                    "condition": again.condition,
                    "trials": again.trials,
                    "changes": [_change_table(*c) for c in again.changes],
                }
                for again in plan.changes.retrained
            ],
            "trials_left_out": plan.changes.left_out,
        },
        "kinds_of_packs": {
            "all": plan.kinds,
            "measured_now": plan.measured_now,
            "extrapolated": plan.extrapolated,
            "errors": list(plan.errors),
        },
    }


def _condition_table(condition: ConditionPlan) -> dict[str, Any]:
    return {
        "name": condition.name,
        "trials_at_most": dict(condition.trials),
        "seeds_per_trial": dict(condition.seeds),
        "trials_in_ledger": condition.in_ledger,
        "trials_to_train": asdict(condition.to_train),
        "packs": asdict(condition.packs),
        "critic_steps_per_member": _ends_table(condition.critic_steps),
        "generator_steps_per_member": _ends_table(condition.generator_steps),
        "restarts_from_zero": condition.restarts,
        "process_seconds": asdict(condition.process_seconds),
        "memory_bytes_per_process": _ends_table(condition.memory_bytes),
    }


def _ends_table(ends: tuple[float, float] | None) -> dict[str, float] | None:
    return None if ends is None else {"low": ends[0], "high": ends[1]}


def _change_table(path: str, before: object, after: object) -> dict[str, object]:
    return {"key": path, "was": before, "is": after}


def print_plan(plan: Plan, console: Console) -> None:
    """Print the plan: a row for each condition, then time, memory, bytes, and what the ledger has."""
    table = Table(
        "condition",
        "trials",
        "to train",
        "packs",
        "critic steps",
        "generator steps",
        "training",
        "memory",
        title=f"{plan.study}, {_processes(plan)} at once",
    )
    for condition in plan.conditions:
        table.add_row(
            condition.name,
            _trials(condition),
            _count(condition.to_train),
            _count(condition.packs),
            _steps(condition.critic_steps),
            _steps(condition.generator_steps),
            duration_range(condition.process_seconds),
            _memory(condition.memory_bytes),
        )
    console.print(table)
    for line in _lines(plan):
        console.print(line, markup=False, soft_wrap=True)


def _trials(condition: ConditionPlan) -> str:
    """Trials of each phase with their seeds, as in "32 explore + 8 exploit (3 seeds) + 1 confirm (10 seeds)"."""
    phases = [phase for phase, count in condition.trials.items() if count]
    texts = []
    for seeds, alike in groupby(phases, key=condition.seeds.__getitem__):
        counted = " + ".join(f"{condition.trials[phase]} {phase.replace('_', ' ')}" for phase in alike)
        texts.append(f"{counted} ({count_noun(seeds, 'seed')})")
    return " + ".join(texts)


def _memory(ends: tuple[float, float] | None) -> str:
    """Smallest and largest memory of a process; one of them if both are written alike."""
    return MISSING if ends is None else " to ".join(dict.fromkeys(map(format_bytes, ends)))


def time_sentence(study: Study, file: str) -> str:
    """A sentence with the time of a run, if it is known without measuring, else how to find it out.

    file  name under which the user has given the study
    """
    with suppress(GanStudyError):  # plan and run say what is wrong
        seconds = cached_seconds(study)
        if seconds is not None and seconds.high == 0:
            return "The ledger has all its trials, so a run trains nothing."
        if seconds is not None:
            return (
                f"A run takes about {duration_range(seconds)} on this machine; gan-study plan {quote(file)} says more."
            )
    return f"gan-study plan {quote(file)} forecasts how long a run takes on this machine."


def restart_sentence(conditions: list[str]) -> str:
    """A sentence about conditions whose loop runs as a whole."""
    return (
        f"Interrupted trials of {', '.join(conditions)} start again from zero: their loop runs as a whole, without "
        "checkpoints."
    )


def busy_sentence(load: float, cores: int) -> str:
    """A sentence about other programs on the machine, empty if they are few.

    load   the load of the machine without the study
    cores  number of its cores
    """
    if load <= BUSY * cores:
        return ""
    return (
        f"Other programs use this machine (load {load:.1f} on {count_noun(cores, 'core')}): a run takes longer as long "
        "as they do."
    )


def _lines(plan: Plan) -> Iterator[str]:
    yield (
        f"Time: {duration_range(plan.seconds)} on this machine, from the start of Ray to the end of the last trial; "
        f"the processes train {duration_range(plan.process_seconds)} of it, added up."
    )
    if busy := busy_sentence(plan.load, plan.cores):
        yield busy
    if plan.memory_bytes is not None:
        yield f"Memory: about {format_bytes(plan.memory_bytes)} for {_processes(plan)}, besides the driver's."
    if plan.gpu_memory_bytes is not None:
        yield f"Memory of a GPU: at least {format_bytes(plan.gpu_memory_bytes)} for each process that shares it."
    yield f"Ledger: at most {format_bytes(plan.ledger_bytes.high)} more in {plan.ledger_root}."
    if plan.tracking is not None:
        rows = plan.tracking
        yield (
            f"MLflow: at most {count_noun(rows.runs, 'run')}, {rows.metric_rows:,} rows of metrics and {rows.params:,} "
            "params."
        )
    restarting = [condition.name for condition in plan.conditions if condition.restarts]
    if restarting:
        yield restart_sentence(restarting)
    yield from _ledger_lines(plan)
    if plan.extrapolated == plan.kinds:
        yield (
            "No kind of packs could be measured: the seconds above are a guess. A run may fail; "
            "gan-study run FILE --smoke tries it in seconds."
        )
    elif plan.extrapolated:
        yield (
            f"{plan.extrapolated} of {plan.kinds} kinds of packs were not measured: their seconds follow from those of "
            "others."
        )
    for error in plan.errors:
        yield f"A measurement failed: {error}"


def _ledger_lines(plan: Plan) -> Iterator[str]:
    has = sum(condition.in_ledger for condition in plan.conditions)
    most = f"{plan.most}" if plan.least == plan.most else f"{plan.least} to {plan.most}"
    if has == plan.most:
        yield f"The ledger has all {has} trials: a run trains nothing."
    elif has:
        yield f'The ledger has {has} of the {most} trials already; the column "to train" has what a run trains.'
    else:
        yield f"The ledger has none of the {most} trials."
    if plan.begun:
        were, them = ("was", "it") if plan.begun == 1 else ("were", "them")
        yield (
            f"{count_noun(plan.begun, 'trial')} {were} interrupted; a run goes on with {them} from the last "
            "checkpoint, if there is one."
        )
    for path, before, after in plan.changes.refused:
        yield (
            f"A run is refused: {path} was {format_value(before)} in the study of this name in the ledger and is "
            f"{format_value(after)} now; give the study another name."
        )
    refused = bool(plan.changes.refused)
    for again in () if refused or has == plan.most else plan.changes.retrained:
        trials = count_noun(again.trials, "finished trial")
        if again.changes:
            yield f"{again.condition}: {trials} would be trained again, since {again.changes_in_words}."
        else:
            yield (
                f"{again.condition}: {trials} may be trained again with another setting, if a further trial turns out "
                "better."
            )
    if plan.changes.left_out:
        yield f"{count_noun(plan.changes.left_out, 'finished trial')} in the ledger would leave the study's tables."


def _processes(plan: Plan) -> str:
    return f"{plan.processes} process{'' if plan.processes == 1 else 'es'}"


def duration_range(seconds: Range) -> str:
    """A duration with its range, as in "5:10 (4:20 to 6:30)"; in hours from two hours on."""
    low, middle, high = seconds.low, seconds.middle, seconds.high
    if middle >= HOURS_FROM:
        return f"{middle / 3600:.1f} h ({low / 3600:.1f} to {high / 3600:.1f} h)"
    return f"{format_duration(middle)} ({format_duration(low)} to {format_duration(high)})"


def _count(numbers: Range) -> str:
    low, high = round(numbers.low), round(numbers.high)
    return f"{low}" if low == high else f"{low} to {high}"


def _steps(steps: tuple[int, int] | None) -> str:
    if steps is None:
        return MISSING
    return f"{steps[0]:,}" if steps[0] == steps[1] else f"{steps[0]:,} to {steps[1]:,}"
