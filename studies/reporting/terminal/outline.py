"""Outline of a study before it runs: its trials, conditions and searched hyperparameters."""

from studies.design import total
from studies.file.study import Study
from studies.reporting.terminal.preset_text import format_distribution


def outline(study: Study) -> str:
    """The number of trials and, per condition, the kinds of objective and constraint and the searched ranges."""
    search, authors_trials = study.search, sum(condition.authors is not None for condition in study.conditions)
    authors = f" + {authors_trials} trials at authors' settings" if authors_trials else ""
    lines = [
        f"{study.name} is valid: {len(study.conditions)} conditions x ({search.explore} explore + {search.exploit} "
        f"exploit + {search.confirm.best} confirm){authors} = {total(study)} trials, with {study.seeds} seeds each "
        f"({search.confirm.seeds} to confirm), {study.budget.steps} {study.budget.unit.replace('_', ' ')}."
    ]
    for condition in study.conditions:
        setting = next(condition.extreme_settings())
        lines.append(f"  {condition.name}: {setting.objective.kind} x {setting.constraint.kind}")
        lines += [
            f"    {path} {format_distribution(distribution.table())}"
            for path, distribution in condition.hyperparameters.items()
        ]
    return "\n".join(lines)
