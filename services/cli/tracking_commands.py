"""Commands for MLflow: sync, ui."""

from typing import Annotated

import typer

from services.cli.options import Root, StudyOrFolder
from studies.file.messages import escape_control


def sync(
    study: StudyOrFolder,
    root: Root = None,
    tracking: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="MLflow store to write to. Default: the environment variable MLFLOW_TRACKING_URI, or else mlflow.db "
            "in the working folder.",
        ),
    ] = None,
) -> None:
    """Write a study from its ledger to MLflow.

    This adds the results that MLflow lacks, for example because its server was down while the study ran.

    \b
    Examples:
      gan-study sync first-study --tracking http://127.0.0.1:5000
    """
    from studies.locate import ledger_of, results
    from studies.tracking.connection import shown_address
    from studies.tracking.tracker import sync as export

    name = results(study, root=root or "gan-studies").study.name
    ledger, _ = ledger_of(study, root)
    address = export(ledger, name, tracking)
    print(f"{name} is recorded in MLflow at {shown_address(address)}")


def ui(
    port: Annotated[int | None, typer.Option(metavar="PORT", help="Port of the server. Default: a free one.")] = None,
) -> None:
    """Serve MLflow's pages of the studies in this folder.

    Prints the address of each study's page. Ctrl-C ends the server. Only this machine can reach it, and it has no
    password: everybody with an account on this machine can change what is recorded in MLflow, though not the ledger.
    If the environment variable MLFLOW_TRACKING_URI is the address of a server, no server is started, and the printed
    pages are those of that server.

    \b
    Examples:
      gan-study ui
      gan-study ui --port 5000
    """
    from services import tracking_server
    from studies.tracking.connection import shown_address

    if server := tracking_server.configured_server():
        pages = tracking_server.studies_at(server)
        print(f"MLflow at {shown_address(server)} shows these studies:")
        _print_pages(pages)
        return
    with tracking_server.served(port) as address:
        print(f"MLflow at {address} shows the studies of this folder.")
        print("It has no password: anybody with an account on this machine can read, change and delete them there.")
        _print_pages(tracking_server.studies_at(address))
        print("Press Ctrl-C to end the server.", flush=True)
        tracking_server.wait_for_interrupt()


def _print_pages(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        print(f"  {escape_control(name)}: {escape_control(page)}")


COMMANDS = (sync, ui)
