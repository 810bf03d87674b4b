import pytest

from studies.reporting.paper.latex_text import Tex, bounds, code, escape, fixed, listed, number, percent, scientific


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a_b", r"a\_b"),
        ("50% & more", r"50\% \& more"),
        (r"\x{1}", r"\textbackslash{}x\{1\}"),
        ("$#~^", r"\$\#\textasciitilde{}\textasciicircum{}"),
        ("a<b|c>d", r"a\textless{}b\textbar{}c\textgreater{}d"),
        ("two\nlines", "two lines"),
    ],
)
def test_text_is_escaped_once(text: str, source: str) -> None:
    assert escape(text) == source
    assert escape(escape(text)) == source
    assert code(text) == rf"\texttt{{{source}}}"


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (1500, "1,500"),
        (-2, "$-2$"),
        (1e-5, "$10^{-5}$"),
        (5e-05, r"$5 \times 10^{-5}$"),
        (-2.5e-7, r"$-2.5 \times 10^{-7}$"),
        (0.000134, "0.000134"),
        (1e30, "$10^{30}$"),
        ((0.5, 0.999), "(0.5, 0.999)"),
        (True, r"\texttt{true}"),
        ("absolute_sum", r"\texttt{absolute\_sum}"),
    ],
)
def test_numbers_are_written_as_in_papers(value: object, source: str) -> None:
    assert number(value) == source


def test_words_of_no_number_stay_words() -> None:
    assert scientific("failed") == "failed"
    assert scientific("0.046") == "0.046"


def test_intervals_have_the_decimals_of_their_estimate() -> None:
    assert bounds(0.05781, 0.06034, 4) == "[0.0578, 0.0603]"
    assert bounds(0.129, float("nan"), 3) == r"[0.129, $\infty$)"
    assert bounds(float("nan"), float("nan"), 3) == "--"
    assert bounds(-0.05, 0.05, 2) == "[$-0.05$, 0.05]"
    assert fixed(-0.0001, 2) == "0.00"
    assert percent(-0.06) == r"$-6$\%"


def test_lists_keep_source_and_escape_text() -> None:
    assert listed(["a_b", Tex("$x$"), "c"]) == r"a\_b, $x$ and c"
    assert listed([]) == ""
