"""The command about the lecture: lecture."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.options import AsJson
from services.cli.output import console, print_json, writing
from studies.errors import InputError


class PictureTheme(StrEnum):
    """Colours of a picture."""

    light = "light"
    dark = "dark"


def lecture(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Name of a picture. Default: all pictures.")
    ] = None,
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder to write. Default: ./lecture.")] = Path(
        "lecture"
    ),
    theme: Annotated[PictureTheme, typer.Option(help="Colours. Default: light.")] = PictureTheme.light,
    as_json: AsJson = False,
) -> None:
    """Draw the claims of the lecture as pictures, each in seconds.

    divergences, clipping, slopes, saturation, energies, margins. Each is computed by the objectives, constraints and
    networks that studies use, and written as NAME.png.

    \b
    Examples:
      gan-study lecture
      gan-study lecture slopes --theme dark
    """
    from studies.execution.torch_settings import set_torch
    from studies.file.validation import choose
    from studies.reporting.lecture import LECTURE

    names = list(LECTURE) if name is None else [choose(name, LECTURE, ("lecture",))]
    if output.exists() and not output.is_dir():
        raise InputError(f"--output: must be a folder, but {output} is a file")
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    set_torch("cpu", 1)
    screen, tables = console(), []
    for chosen in names:
        picture = LECTURE[chosen]
        with writing(output):
            written = picture.write(output, theme.value)
        if as_json:
            tables.append(
                {
                    "name": chosen,
                    "file": str(written.file),
                    "claim": picture.claim,
                    "caption": written.caption,
                    "papers": list(picture.papers),
                    "numbers": dict(written.numbers),
                    "seconds": round(written.seconds, 2),
                }
            )
        else:
            screen.print(f"{chosen}: {picture.claim}", markup=False, soft_wrap=True)
            screen.print(f"  {written.file}: {written.in_words}", markup=False, soft_wrap=True)
    if as_json:
        print_json(tables)


COMMANDS = (lecture,)
