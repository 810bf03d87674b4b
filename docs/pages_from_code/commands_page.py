"""The page commands.md: the help of every command."""

import re
from collections.abc import Iterable
from inspect import cleandoc
from textwrap import dedent, indent
from typing import Any

import typer.main

from pages_from_code.markdown import table
from services.cli.app import app


def commands_page() -> Iterable[str]:
    """Paragraphs of the page."""
    group: Any = typer.main.get_command(app)
    yield "# Commands"
    yield _help_text(group.help)
    yield "`gan-study COMMAND --help` prints what stands here."
    shown = {name: command for name, command in group.commands.items() if not command.hidden}
    for name, command in shown.items():
        arguments = " ".join(_usage(part) for part in command.params if part.param_type_name == "argument")
        yield f"## `{name}`"
        yield f"    gan-study {name} {arguments}".rstrip()
        yield _help_text(command.help)
        rows = [
            [", ".join(f"`{option}`" for option in (*part.opts, *part.secondary_opts)), _cell(part)]
            for part in command.params
        ]
        yield table(("argument or option", "meaning"), rows)


def _usage(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).strip("[]") + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _help_text(text: str | None) -> str:
    """Paragraphs of a help text as Markdown, which would take what is in angle brackets for tags."""
    return "\n\n".join(_paragraph(paragraph) for paragraph in cleandoc(text or "").split("\n\n"))


def _paragraph(text: str) -> str:
    title, _, lines = text.removeprefix("\b\n").partition("\n")
    if title == "Examples:":
        return f"{title}\n\n{indent(dedent(lines), '    ')}"
    return text.replace("<", "&lt;").replace("*", "\\*")


def _cell(part: Any) -> str:
    return re.sub(r"\s+", " ", (part.help or "").strip()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
