"""Arguments and options that several commands share. The help of every option states its default."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.completion import study_files, study_names

StudyFile = Annotated[
    str,
    typer.Argument(metavar="FILE", help="Study file, or name of a study in the catalog.", autocompletion=study_files),
]
StudyName = Annotated[str, typer.Argument(metavar="NAME", help="Name of a submitted study.")]
StudyOrFolder = Annotated[
    str,
    typer.Argument(
        metavar="NAME|FOLDER", help="Name of a study, or its folder in a ledger.", autocompletion=study_names
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a field of the study file, as in budget.steps=500 or conditions.wgan.training.n_critic=5. "
        "May be repeated. Default: the study file as it is.",
    ),
]
Smoke = Annotated[
    bool,
    typer.Option(
        "--smoke",
        help="Make the study as small as possible and add -smoke to its name, to test it. Default: the full study.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON. Default: text.")]
ClusterAddress = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Address of the cluster's dashboard, as in http://HOST:8265. "
        "Default: the environment variable GAN_STUDY_CLUSTER. A cluster with a token takes it from RAY_AUTH_TOKEN.",
    ),
]
Root = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder of the ledger. Default: ./gan-studies.")]
Output = Annotated[Path | None, typer.Option(metavar="FILE", help="Write to this file. Default: standard output.")]
NoTracking = Annotated[
    bool,
    typer.Option(
        "--no-tracking",
        envvar="GAN_STUDY_NO_TRACKING",
        show_envvar=False,
        help="Write nothing to MLflow. Default: write to MLflow, unless the environment variable "
        "GAN_STUDY_NO_TRACKING is 1.",
    ),
]
Tracking = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help="Read the study from this MLflow store. Default: from the ledger, or if that has no such study, from the "
        "store in the environment variable MLFLOW_TRACKING_URI.",
    ),
]
Tau = Annotated[
    list[float] | None,
    typer.Option(
        metavar="DISTANCE",
        help="Distance that a setting must reach to count as a success. May be repeated. "
        "Default: three distances between those of real data and of the constant at the data's mean.",
    ),
]


Evaluation = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Show the metrics of a further evaluation that gan-study evaluate made. Default: the study's own.",
    ),
]


class TableName(StrEnum):
    """The four tables of a study's results, then those of the comparison of its conditions."""

    ranking = "ranking"
    trials = "trials"
    members = "members"
    curves = "curves"
    pairs = "pairs"
    search_pairs = "search_pairs"
    tuning_curves = "tuning_curves"
    reference_intervals = "reference_intervals"
    metric_rankings = "metric_rankings"
    metric_pairs = "metric_pairs"
    volumes = "volumes"
    volume_differences = "volume_differences"
    chances = "chances"
    stable_ranges = "stable_ranges"
    stable_areas = "stable_areas"
    shares = "shares"
    importances = "importances"
    tuning = "tuning"
    paths = "paths"
    outcomes = "outcomes"
    robustness = "robustness"
    equal_critic_steps = "equal_critic_steps"


class TableFormat(StrEnum):
    """Formats of a table."""

    text = "text"
    csv = "csv"
    parquet = "parquet"
    json = "json"
    markdown = "markdown"
    latex = "latex"


class VerdictFormat(StrEnum):
    """Formats of a verdict."""

    text = "text"
    markdown = "markdown"
    json = "json"
