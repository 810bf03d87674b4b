"""Number of MLflow runs of a study: one for each trial, or one for the whole study."""

from studies.design import total
from studies.file.study import Study

MOST_RUNS = 300
"""Largest number of trials that get a run each, unless `[tracking] runs` says otherwise: beyond some hundred rows a
table of runs shows nothing at a glance, and a run costs the server about a second."""
RUNS_TAG = "mlflow.gan_studies.runs"
"""Tag of a study's run: `trials` if each trial has a run, `study` if the study's run holds all of them."""


def has_one_run(study: Study) -> bool:
    """True if the study's own run holds all trials; False if each trial has a run."""
    runs = study.tracking.runs
    return total(study) > MOST_RUNS if runs == "auto" else runs == "study"


def in_words(study: Study) -> str:
    """One sentence about a study that has one run; empty if each trial has a run."""
    if not has_one_run(study):
        return ""
    return (
        f"MLflow: one run holds the tables of all {total(study)} trials; tracking.runs = 'trials' gives each trial a "
        f"run, the default up to {MOST_RUNS} trials"
    )
