"""Commands for studies on a Ray cluster: submit, status, logs, stop."""

import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from services.cli.options import AsJson, ClusterAddress, Overrides, Smoke, StudyFile, StudyName
from services.cli.output import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from services.cluster import Attempt, Cluster


def submit(
    file: StudyFile,
    cluster: ClusterAddress = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return at once. Default: print the log until the study ends.")
    ] = False,
    send_data: Annotated[
        bool,
        typer.Option(
            "--send-data",
            help="Send the images or the table of the study with it, at most 100 MiB. Default: they must lie at "
            "data.path on every node.",
        ),
    ] = False,
    processors: Annotated[
        int,
        typer.Option(
            metavar="COUNT",
            min=0,
            help="Start when the cluster has this many processor cores, as while its nodes are being started; an "
            "autoscaler is asked for them. Default: start with those that it has.",
        ),
    ] = 0,
    overrides: Overrides = None,
    smoke: Smoke = False,
) -> None:
    """Send a study to a Ray cluster and print its log.

    Without --detach the command waits for the end of the study, and exits with its exit code. A study that was stopped
    or that failed resumes when it is submitted again. Ctrl-C ends this command; the study continues to run.

    \b
    Examples:
      gan-study submit first-study --cluster http://127.0.0.1:8265
      gan-study submit photos.toml --send-data --detach
    """
    from studies.execution.allowed_environment import others_removed
    from studies.file.study import Study

    with others_removed():
        study = Study.load(file, overrides=overrides or [], smoke=smoke)
    connected = _cluster(cluster)
    attempt = connected.submit(study, file, send_data=send_data, processors=processors)
    print(f"submitted {study.name} to {connected.url}, attempt {attempt.number}", flush=True)
    if detach:
        print(f"next: gan-study logs {study.name} --follow{_option(cluster)}")
        return
    _follow(connected, attempt, cluster)


def status(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Name of a study. Default: all studies.")] = None,
    cluster: ClusterAddress = None,
    as_json: AsJson = False,
) -> None:
    """List the attempts of studies on a cluster.

    Each submission of a study is one attempt.

    \b
    Examples:
      gan-study status
      gan-study status first-study --cluster http://127.0.0.1:8265
    """
    connected = _cluster(cluster)
    if name is not None:
        connected.latest(name)
    attempts = connected.attempts(name)
    if as_json:
        print_json([_attempt_record(attempt) for attempt in attempts])
    else:
        console().print(_attempt_list(attempts))
        latest = {attempt.study: attempt for attempt in attempts}
        for failed in (study for study, attempt in latest.items() if attempt.status == "FAILED"):
            print(f"gan-study logs {failed}{_option(cluster)} says why {failed} failed")


def logs(
    name: StudyName,
    cluster: ClusterAddress = None,
    attempt: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Number of the attempt. Default: the last one.")
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="Print until the attempt ends, and exit with its exit code. Default: print the log so far.",
        ),
    ] = False,
) -> None:
    """Print the log of an attempt to run a study on a cluster.

    \b
    Examples:
      gan-study logs first-study --follow
      gan-study logs first-study --attempt 1
    """
    connected = _cluster(cluster)
    selected = connected.latest(name, attempt)
    if follow:
        _follow(connected, selected, cluster)
    print(connected.log(selected), end="")


def stop(name: StudyName, cluster: ClusterAddress = None) -> None:
    """Stop a study on a cluster. Its trials write checkpoints; the study resumes when it is submitted again.

    \b
    Examples:
      gan-study stop first-study
    """
    connected = _cluster(cluster)
    attempt = connected.stop(name)
    print(f"{name}: attempt {attempt.number} is {attempt.status.lower()}; submit the study again to resume it")


def _cluster(address: str | None) -> "Cluster":
    """The cluster at an address, by default GAN_STUDY_CLUSTER; print a warning if the token is sent unencrypted."""
    from services.submission import cluster_at

    cluster, warning = cluster_at(address)
    if warning:
        print(f"gan-study: {warning}", file=sys.stderr)
    return cluster


def _option(address: str | None) -> str:
    """The option --cluster of further commands, if this command had one."""
    return f" --cluster {address}" if address else ""


def _follow(cluster: "Cluster", attempt: "Attempt", address: str | None) -> NoReturn:
    """Print the log of an attempt until it ends, then commands that read its results; exit with its exit code."""
    from services.results_here import next_commands

    try:
        ended = cluster.follow(attempt, lambda text: print(text, end="", flush=True))
    except KeyboardInterrupt:
        name, option = attempt.study, _option(address)
        print(
            f"\ngan-study: {name} is still running; gan-study logs {name} --follow{option} prints its log again, "
            f"gan-study stop {name}{option} stops it",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
    if ended.exit_code is None and ended.status == "FAILED":
        reason = " ".join(ended.message.split())[:500]
        print(f"gan-study: {attempt.study} failed: {reason}; submit it again to resume it", file=sys.stderr)
    if ended.exit_code in (0, 1):
        print(next_commands(ended))
    raise typer.Exit(ended.return_code())


def _attempt_list(attempts: list["Attempt"]) -> "Table":
    from datetime import UTC, datetime

    from rich.table import Table

    from studies.numbers import format_duration

    columns = ["study", "attempt", "status", "exit code", "started (UTC)", "duration"]
    of_repositories = any(attempt.commit for attempt in attempts)
    table = Table(*columns, *(["commit"] if of_repositories else []))
    for attempt in attempts:
        code = "" if attempt.exit_code is None else str(attempt.exit_code)
        end = attempt.ended or datetime.now(UTC)
        duration = "" if attempt.started is None else format_duration((end - attempt.started).total_seconds())
        started = "" if attempt.started is None else f"{attempt.started:%Y-%m-%d %H:%M:%S}"
        commit = f"{(attempt.commit or '')[:10]}{' with changes' if attempt.dirty else ''}"
        cells = [attempt.study, str(attempt.number), attempt.status.lower(), code, started, duration]
        table.add_row(*cells, *([commit] if of_repositories else []))
    return table


def _attempt_record(attempt: "Attempt") -> dict[str, Any]:
    """An attempt with its times as text, for JSON."""
    times = {
        name: None if (time := getattr(attempt, name)) is None else time.isoformat() for name in ("started", "ended")
    }
    return {**vars(attempt), **times}


COMMANDS = (submit, status, logs, stop)
