"""Exceptions of a user's code in words: one line, printable, of bounded length, with the place in the user's module."""

import sysconfig
import traceback
from pathlib import Path

_LONGEST_MESSAGE, _LONGEST_LINE, _LONGEST_TRACEBACK = 200, 500, 20_000
"""Largest numbers of characters of a message, of a line of a traceback, and of a traceback."""
_NOT_USERS = tuple(
    f"{folder.resolve()}/"
    for folder in (
        *(Path(sysconfig.get_paths()[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(Path(__file__).parents[2] / package for package in ("gan_core", "studies", "services")),
    )
)


def error_in_words(error: BaseException) -> str:
    """Type and message of an exception, and the last line of a user's module that it came through, if there is one.

    For example "ValueError: no such margin (my_module.py, line 12)".
    """
    try:
        message = str(error)
    except Exception:  # of a user's own __str__
        message = "its message cannot be read"
    # half a megabyte of it would otherwise be split into words
    text = printable(" ".join(message[: 20 * _LONGEST_MESSAGE].split()))
    text = text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 3]}..."
    frames = [] if isinstance(error, SyntaxError) else traceback.extract_tb(error.__traceback__)  # it names its line
    place = next((f" ({place_of(frame.filename, frame.lineno)})" for frame in reversed(frames) if _is_users(frame)), "")
    return f"{type(error).__name__}: {text}{place}"


def traceback_in_words(error: BaseException) -> str:
    """The traceback of an exception, without control characters; of long lines and tracebacks the middle is left out.

    The beginning has the calls, the end the message.
    """
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:  # of a user's own __str__ or __cause__
        text = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
    lines = (_without_middle(line, _LONGEST_LINE, " ... ") for line in text.split("\n"))
    return _without_middle("\n".join(map(printable, lines)), _LONGEST_TRACEBACK, "\n...\n")


def printable(text: str) -> str:
    """The text with every character that is not printable as its escape sequence; no line breaks stay."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def is_users_file(file: str) -> bool:
    """True for a source file that belongs neither to this project nor to Python or an installed package."""
    return not file.startswith("<") and not str(Path(file).resolve()).startswith(_NOT_USERS)


def raised_by_user(error: BaseException) -> bool:
    """True if an exception was raised in a line of a user's module itself, not in something that it calls."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and _is_users(frames[-1])


def place_of(file: str, line: int | None) -> str:
    """A line of a source file, as in "my_module.py, line 12"."""
    return f"{printable(Path(file).name)}, line {line}"


def _is_users(frame: traceback.FrameSummary) -> bool:
    return is_users_file(frame.filename)


def _without_middle(text: str, longest: int, gap: str) -> str:
    return text if len(text) <= longest else f"{text[: longest // 2]}{gap}{text[-longest // 2 :]}"
