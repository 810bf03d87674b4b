"""The command gan-study: parse, call, print."""

import json
import math
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import pandas as pd
import typer
from rich.console import Console

from gan_core.presets import PRESETS
from services import display, live, words
from services.settings import cluster_token, cluster_url, sends_token_in_clear
from studies.errors import GanStudyError, InputError, TrackingError
from studies.place import Place
from studies.source import question
from studies.study import Study, load_study
from studies.validation import choose

if TYPE_CHECKING:
    from services.cluster import Attempt, Cluster
    from studies.results import Results

app = typer.Typer(
    name="gan-study",
    help="Write down which GAN objectives to compare and which knobs to turn; get back which one stays stable.\n\n"
    "A study is a TOML file, or the name of one that ships (first-study). What it finds goes into a ledger, a folder "
    "that is ./gan-studies unless the study says otherwise; running a study again runs only what is missing there.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

StudyFile = Annotated[str, typer.Argument(metavar="FILE", help="A study file, or the name of a study that ships.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a field: budget.steps=500, conditions.wgan.training.n_critic=5."
    ),
]
Smoke = Annotated[bool, typer.Option("--smoke", help="Run everything tiny, under the name NAME-smoke: does it work?")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of text for a reader.")]
ClusterAddress = Annotated[
    str | None, typer.Option(metavar="URL", help="The cluster's dashboard, http://HOST:8265; else GAN_STUDY_CLUSTER.")
]
StudyName = Annotated[str, typer.Argument(metavar="NAME", help="A study that was submitted.")]
Root = Annotated[Path | None, typer.Option(metavar="FOLDER", help="The ledger to read, if it is not ./gan-studies.")]


Output = Annotated[Path | None, typer.Option(metavar="FILE", help="Write to a file instead of here.")]
NoTracking = Annotated[
    bool, typer.Option("--no-tracking", envvar="GAN_STUDY_NO_TRACKING", help="Record nothing in MLflow.")
]
Tracking = Annotated[str | None, typer.Option(metavar="URI", help="Read from this MLflow server instead of a ledger.")]


class TableName(StrEnum):
    """The tables of a study's results."""

    ranking = "ranking"
    trials = "trials"
    members = "members"
    curves = "curves"


class Format(StrEnum):
    """How a table is written."""

    text = "text"
    csv = "csv"
    parquet = "parquet"
    json = "json"
    markdown = "markdown"


class Verdict(StrEnum):
    """How a verdict is written."""

    text = "text"
    markdown = "markdown"
    json = "json"


@app.command()
def objectives(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One of them, with its formula.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the methods that a study can name as a preset, or show one: formula, settings, ranges, papers."""
    if name is not None:
        preset = PRESETS[choose(name, PRESETS, ("objectives",))]
        if as_json:
            _print_json(display.preset_table(preset))
        else:
            _console().print(display.preset(preset), markup=False, soft_wrap=True, highlight=False)
    elif as_json:
        _print_json([display.preset_table(preset) for preset in PRESETS.values()])
    else:
        _console().print(display.presets(list(PRESETS.values())))
        _console().print("gan-study objectives NAME shows one with its formula, settings, ranges and papers.")


@app.command()
def validate(file: StudyFile, overrides: Overrides = None, smoke: Smoke = False, as_json: AsJson = False) -> None:
    """Check a study file without running it, and show what it would run."""
    study = load_study(file, overrides=overrides or [], smoke=smoke)
    if as_json:
        _print_json(study.table())
    else:
        _console().print(display.outline(study), markup=False, soft_wrap=True)


@app.command()
def run(
    file: StudyFile,
    overrides: Overrides = None,
    smoke: Smoke = False,
    no_tracking: NoTracking = False,
    as_json: AsJson = False,
) -> None:
    """Run a study on this machine, or what is missing of it, and print the ranking.

    Interrupt it whenever you like: the same command goes on where it stopped. What it finds is recorded in MLflow too,
    where MLFLOW_TRACKING_URI says, else in mlflow.db in this folder; see it with gan-study ui.
    """
    study = load_study(file, overrides=overrides or [], smoke=smoke)
    raise typer.Exit(_run(study, asked=question(file), tracking=not no_tracking, as_json=as_json))


def _run(study: Study, *, asked: str, tracking: bool = True, as_json: bool = False, place: Place | None = None) -> int:
    from studies.results import results
    from studies.runner import run as run_study
    from studies.tracking.tracker import Tracker

    console = Console(stderr=True, width=_width()) if as_json else _console()
    shown = live.listener(study, console)
    trackers = [Tracker(study, shown.warn)] if tracking else []
    ending = run_study(study, shown, *trackers, question=asked, place=place)
    found = results(study.name, root=study.ledger.root)
    if as_json:
        _print_json({"interrupted": ending.interrupted, "ranking": _records(found.ranking)})
    display.verdict(found, ending, console)
    if ending.interrupted:
        return 130
    return 1 if ending.failed else 0


# -- on a cluster -------------------------------------------------------------------------------------------------


@app.command()
def submit(
    file: StudyFile,
    cluster: ClusterAddress = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return at once instead of following the log.")] = False,
    overrides: Overrides = None,
    smoke: Smoke = False,
) -> None:
    """Send a study to a Ray cluster, follow it there, and return its exit code.

    A study that was stopped there, or died, goes on where it was: submit it again. Leaving with Ctrl-C leaves it
    running.
    """
    study = load_study(file, overrides=overrides or [], smoke=smoke)
    there, url = _cluster(cluster)
    attempt = there.submit(study, file)
    where = f" --cluster {url}" if cluster else ""
    print(f"submitted {study.name} to {url}, attempt {attempt.number}", flush=True)
    if detach:
        print(f"next: gan-study logs {study.name}{where} --follow")
        return
    _follow(there, attempt)


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A study; else all of them.")] = None,
    cluster: ClusterAddress = None,
    as_json: AsJson = False,
) -> None:
    """List the attempts of a study, or of all studies, that a cluster remembers."""
    there, _ = _cluster(cluster)
    if name is not None:
        there.latest(name)
    attempts = there.attempts(name)
    if as_json:
        _print_json([display.attempt_table(attempt) for attempt in attempts])
    else:
        _console().print(display.attempts(attempts))


@app.command()
def logs(
    name: StudyName,
    cluster: ClusterAddress = None,
    attempt: Annotated[int | None, typer.Option(help="Which attempt; else the last.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the attempt is over; return its code.")] = False,
) -> None:
    """Print what an attempt of a study printed on the cluster."""
    there, _ = _cluster(cluster)
    chosen = there.latest(name, attempt)
    if follow:
        _follow(there, chosen)
    print(there.log(chosen), end="")


@app.command()
def stop(name: StudyName, cluster: ClusterAddress = None) -> None:
    """Stop a study on a cluster; its trials keep what they learned, and submitting it again goes on."""
    there, _ = _cluster(cluster)
    attempt = there.stop(name)
    print(f"{name}: attempt {attempt.number} is {attempt.status.lower()}; submit it again to go on")


@app.command(hidden=True)
def drive() -> None:
    """Run the study of the job that this process is: what submit starts on the cluster."""
    from services.driver import drive as drive_study

    raise typer.Exit(drive_study(_driven))


def _driven(study: Study, place: Place, asked: str) -> int:
    """The run with its errors told here, where they go into the attempt's log in the ledger too."""
    try:
        return _run(study, asked=asked, place=place)
    except GanStudyError as error:
        return _told(error)
    except KeyboardInterrupt:
        return _told_interrupted()


def _cluster(given: str | None) -> tuple["Cluster", str]:
    from services.cluster import Cluster
    from services.jobs import JobsServer

    url, token = cluster_url(given), cluster_token()
    if sends_token_in_clear(url, token):
        print(f"gan-study: the token goes to {url} unencrypted; a tunnel (ssh -L) or https hides it", file=sys.stderr)
    return Cluster(JobsServer(url, token)), url


def _follow(there: "Cluster", attempt: "Attempt") -> NoReturn:
    """Print an attempt's log to its end, and leave with its exit code."""
    try:
        ended = there.follow(attempt, lambda text: print(text, end="", flush=True))
    except KeyboardInterrupt:
        name = attempt.study
        print(f"\ngan-study: {name} goes on without you; gan-study stop {name} ends it", file=sys.stderr)
        raise typer.Exit(130) from None
    if ended.exit_code is None and ended.status == "FAILED":
        print(f"gan-study: {attempt.study} failed: {' '.join(ended.message.split())[:500]}", file=sys.stderr)
    raise typer.Exit(ended.outcome())


@app.command()
def results(
    study: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A study's name, or its folder in a ledger.")],
    table: Annotated[TableName, typer.Option(help="Which table.")] = TableName.ranking,
    format_: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.text,
    output: Output = None,
    root: Root = None,
    tracking: Tracking = None,
    as_json: AsJson = False,
) -> None:
    """Print what a study has found so far, or write it to a file."""
    found = _found(study, root, tracking)
    chosen = Format.json if as_json else format_
    if chosen is Format.text and table is TableName.ranking and output is None:
        display.ranking(found, _console())
        return
    frame = getattr(found, table.value)
    if chosen is Format.parquet:
        if output is None:
            raise InputError("--output: must name a file, since Parquet is no text")
        _write_file(output, lambda path: frame.to_parquet(path, index=False))
        return
    text = {
        Format.text: lambda: frame.to_string(index=False),
        Format.csv: lambda: frame.to_csv(index=False),
        Format.json: lambda: json.dumps(_records(frame), indent=1),
        Format.markdown: lambda: display.markdown(frame),
    }[chosen]()
    _print_or_write(text, output)


@app.command()
def compare(
    names: Annotated[list[str], typer.Argument(metavar="NAME|FOLDER ...", help="One study, or several.")],
    tau: Annotated[
        list[float] | None,
        typer.Option(metavar="DISTANCE", help="A distance to reach; several may be given, else three are."),
    ] = None,
    format_: Annotated[Verdict, typer.Option("--format", help="How to write it.")] = Verdict.text,
    output: Output = None,
    root: Root = None,
    tracking: Tracking = None,
    as_json: AsJson = False,
) -> None:
    """Say which objective stays stable: the ranking, the shares of settings that work, and a verdict in words.

    Of several studies each is told, then how near every condition comes to the best one on each of them.
    """
    from studies.comparison import Comparison

    taus = _distances(tau)
    _refuse_unwritable(output)
    compared = [Comparison(found, tau=taus) for found in _different(names, root, tracking)]
    chosen = Verdict.json if as_json else format_
    if chosen is Verdict.text and output is None:
        words.tell(compared, _console())
        return
    text = {
        Verdict.text: words.text,
        Verdict.markdown: words.markdown,
        Verdict.json: lambda every: json.dumps(words.content(every, _records), indent=1),
    }[chosen](compared)
    _print_or_write(text, output)


@app.command()
def report(
    study: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A study's name, or its folder in a ledger.")],
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it; else NAME.html here.")] = None,
    tau: Annotated[
        list[float] | None, typer.Option(metavar="DISTANCE", help="A distance to reach; several may be given.")
    ] = None,
    root: Root = None,
    tracking: Tracking = None,
    no_tracking: NoTracking = False,
) -> None:
    """Write one page for a colleague: verdict, figures, tables, methods, citations. It needs no network to be read.

    Where MLflow holds the study, its run gets the page too.
    """
    from studies.comparison import Comparison
    from studies.report import report_page

    taus = _distances(tau)
    compared = Comparison(_found(study, root, tracking), tau=taus)
    path = output or Path(f"{compared.results.study.name}.html")
    _refuse_unwritable(path)
    text = report_page(compared)
    _write_file(path, lambda file: file.write_text(text))
    print(f"{compared.results.study.name}: {path} holds the verdict, figures and tables; open it in a browser")
    if not no_tracking:
        _attach(compared.results, path, tracking)


def _attach(found: "Results", page: Path, tracking: str | None) -> None:
    """Log the page on the study's run, if there is one; a server that is down costs a warning."""
    from services.tracking_server import recorded_here
    from studies.tracking.attachment import attach
    from studies.tracking.connection import default_address, shown_address

    if tracking is None and not recorded_here():
        return
    try:
        if attach(found, page, "report", tracking):
            where = shown_address(tracking or default_address())
            print(f"{found.study.name}: its run in MLflow at {where} holds the page too, among its artifacts")
    except TrackingError as error:
        print(f"gan-study: {error}; the page is written all the same", file=sys.stderr)


def _distances(tau: list[float] | None) -> list[float] | None:
    """The distances to reach that were given, each once."""
    for one in tau or []:
        if not (math.isfinite(one) and one > 0):
            raise InputError(f"--tau: must be a finite distance > 0, but is {one:g}")
    return list(dict.fromkeys(tau)) if tau else None


def _refuse_unwritable(output: Path | None) -> None:
    """Before anything is computed for it."""
    if output is None:
        return
    if output.is_dir():
        raise InputError(f"--output: must be a file, but {output} is a folder")
    if not output.absolute().parent.is_dir():
        raise InputError(f"--output: cannot write {output}, since there is no folder {output.parent}")


def _different(names: list[str], root: Path | None, tracking: str | None) -> "list[Results]":
    """Several studies; each may be given by its name or by its folder, and one of a name is enough."""
    found: dict[str, Results] = {}
    for name in names:
        one = _found(name, root, tracking)
        if one.study.name in found:
            twice = one.ledger.root == found[one.study.name].ledger.root
            given = f"{one.study.name} is given twice" if twice else f"two of them are called {one.study.name}"
            raise InputError(f"{name}: must be another study, but {given}")
        found[one.study.name] = one
    return list(found.values())


def _found(name: str, root: Path | None, tracking: str | None) -> "Results":
    from studies.results import results as read_results

    return read_results(name, root=root, tracking_uri=tracking)


@app.command()
def sync(
    study: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A study's name, or its folder in a ledger.")],
    root: Root = None,
    tracking: Annotated[
        str | None, typer.Option(metavar="URI", help="Record there, instead of where MLFLOW_TRACKING_URI says.")
    ] = None,
) -> None:
    """Record a study in MLflow again from its ledger alone: after a server was down, or into an empty one."""
    from studies.results import results as read_results
    from studies.tracking.connection import shown_address
    from studies.tracking.tracker import sync as project

    found = read_results(study, root=root or "gan-studies")
    where = project(found, tracking)
    print(f"{found.study.name} is recorded in MLflow at {shown_address(where)}")


@app.command()
def ui(
    port: Annotated[int | None, typer.Option(metavar="PORT", help="Where to serve it, if not at a free port.")] = None,
) -> None:
    """Serve MLflow on the studies that were recorded in this folder, until Ctrl-C, and say where each one's page is.

    Where MLFLOW_TRACKING_URI names a server nothing is started, and the pages are those of that server.
    """
    from services import tracking_server
    from studies.tracking.connection import shown_address

    if server := tracking_server.elsewhere():
        pages = tracking_server.studies_at(server)
        print(f"MLflow shows what is recorded at {shown_address(server)}")
        _print_pages(pages)
        return
    with tracking_server.served(port) as address:
        print(f"MLflow shows what is recorded here: {address}")
        _print_pages(tracking_server.studies_at(address))
        print("Ctrl-C ends it.", flush=True)
        tracking_server.wait_for_interrupt()


def _print_pages(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        print(f"  {name}: {page}")


def _print_or_write(text: str, output: Path | None) -> None:
    whole = text.rstrip("\n")
    if output is None:
        print(whole)
    else:
        _write_file(output, lambda path: path.write_text(whole + "\n"))


def _write_file(path: Path, write: Any) -> None:
    try:
        write(path)
    except OSError as error:
        raise InputError(f"--output: cannot write {path} ({error.strerror or error})") from error


def _records(frame: Any) -> list[dict[str, Any]]:
    """Rows as JSON can hold them: an empty value is null."""
    rows = frame.to_dict("records")  # not to_json, which rounds small learning rates away
    return [{name: None if _is_empty(value) else value for name, value in row.items()} for row in rows]


def _is_empty(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value))


def _print_json(content: Any) -> None:
    print(json.dumps(content, indent=1))


def _console() -> Console:
    return Console(width=_width(), highlight=False)


def _width() -> int | None:
    """A terminal's own width; elsewhere one that no table of ours is cut at."""
    return None if sys.stdout.isatty() else 160


def main() -> None:
    """The entry point: every error that a user can mend is one sentence and an exit code."""
    try:
        app(prog_name="gan-study")
    except GanStudyError as error:
        sys.exit(_told(error))
    except KeyboardInterrupt:
        sys.exit(_told_interrupted())
    except BrokenPipeError:
        sys.exit(0)


def _told(error: GanStudyError) -> int:
    print(f"gan-study: {error}", file=sys.stderr)
    return error.exit_code


def _told_interrupted() -> int:
    print("gan-study: interrupted; the same command goes on where it stopped", file=sys.stderr)
    return 130
