"""Exceptions of a user's code in words."""

import runpy
import sys
from pathlib import Path

import pytest
import torch

from studies.file.code_errors import error_in_words, raised_by_user, traceback_in_words


def error_of(folder: Path, code: str) -> BaseException:
    """The exception that a user's module raises."""
    (folder / "my_module.py").write_text(code)
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        runpy.run_path(str(folder / "my_module.py"), {"torch": torch})
    return caught.value


def test_the_message_is_one_printable_line_of_bounded_length(tmp_path: Path) -> None:
    code = 'raise ValueError("\\x1b[31mred\\x07\\nnext\\r\\u202eline" + "x" * 10**6)'
    words = error_in_words(error_of(tmp_path, code))
    assert words.startswith(r"ValueError: \x1b[31mred\x07 next \u202elinexxx")
    assert words.endswith("xxx... (my_module.py, line 1)")
    assert words.isprintable()
    assert len(words) == len("ValueError: ") + 200 + len(" (my_module.py, line 1)")


def test_the_line_is_the_users_and_not_that_of_a_library_that_it_calls(tmp_path: Path) -> None:
    code = "def f(x):\n    return torch.nn.functional.linear(x, x, x, x)\n\nimport json\njson.loads('[')\n"
    assert error_in_words(error_of(tmp_path, code)).endswith(" (my_module.py, line 5)")
    assert not raised_by_user(error_of(tmp_path, code))
    assert error_in_words(ValueError("of this project")) == "ValueError: of this project"


def test_a_call_of_sys_exit_is_the_users(tmp_path: Path) -> None:
    error = error_of(tmp_path, "import sys\nsys.exit(3)\n")
    assert isinstance(error, SystemExit)
    assert raised_by_user(error)
    assert error_in_words(error) == "SystemExit: 3 (my_module.py, line 2)"


def test_a_syntax_error_names_its_own_line(tmp_path: Path) -> None:
    assert error_in_words(error_of(tmp_path, "x = (\n")) == "SyntaxError: '(' was never closed (my_module.py, line 1)"


def test_an_error_without_a_readable_message_has_words_too(tmp_path: Path) -> None:
    code = "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\n\nraise Odd\n"
    error = error_of(tmp_path, code)
    assert error_in_words(error) == "Odd: its message cannot be read (my_module.py, line 5)"
    assert "my_module.py" in traceback_in_words(error)


def test_a_traceback_keeps_its_calls_and_its_end(tmp_path: Path) -> None:
    code = 'raise ValueError("\\x1b[2J" + "x" * 10**6 + "\\n" + "line\\n" * 10**5 + "the end")'
    text = traceback_in_words(error_of(tmp_path, code))
    assert text.startswith("Traceback (most recent call last):\n")
    assert 'my_module.py", line 1, in <module>' in text
    assert text.rstrip().endswith("the end")
    assert len(text) < 21_000
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_deep_recursion_has_words(tmp_path: Path) -> None:
    error = error_of(tmp_path, "def f():\n    f()\n\nf()\n")
    assert sys.getrecursionlimit() <= 10**4
    assert error_in_words(error) == "RecursionError: maximum recursion depth exceeded (my_module.py, line 2)"
