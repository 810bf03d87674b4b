"""A figure as an element of an HTML page, in the colours of whichever theme the page is shown in.

In the theme "both" colours are placeholders. They become variables of the page's style sheet, so that one drawing
serves light and dark. Parts that all figures share are removed from each and written once per page: the style, and the
shapes of letters, which take up most of the text of an SVG element.
"""

import re
from collections.abc import Iterable
from html import escape
from io import BytesIO

from studies.reporting.figures.canvas import DETERMINISTIC, DrawnFigure
from studies.reporting.figures.themes import THEMES, Theme, ThemeName

STYLE = "figure svg * { stroke-linejoin: round; stroke-linecap: butt; }"
"""Style that matplotlib's drawings rely on."""
_LETTER = re.compile(r'<path id="(DejaVu[^"]*)"[^>]*>')
_SHIFTED_LETTER = re.compile(r'(<use href="#DejaVu[^"]*") transform="translate\(([-\d.]+) 0\)"')
_LENGTHS = re.compile(r' (?:d|x|y)="[^"]*"|translate\([^)]*\)')
_REFERENCE = re.compile(r'(?<=["(])#([^")]+)')


def svg(drawn: DrawnFigure) -> str:
    """The figure as an SVG element with its alternative text; letters are shapes, since a reader may lack the font.

    Errors: `ValueError` for a figure in another theme than "both", whose colours could not follow the page.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = BytesIO()
    with rc_context(DETERMINISTIC | {"svg.fonttype": "path"}):
        FigureCanvasSVG(drawn.figure).print_svg(buffer, metadata={"Date": None})  # savefig would draw it twice
    _, _, text = buffer.getvalue().decode().partition("</metadata>")
    text = re.sub(r"<defs>\s*<style.*?</defs>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text).replace("> <", "><").replace("base64, ", "base64,").replace("xlink:href", "href")
    text = re.sub(r' fill="([^"]*)"', r' style="fill: \1"', text)  # only a style may hold a variable
    text = _LENGTHS.sub(_rounded, text)
    text = _SHIFTED_LETTER.sub(r'\1 x="\2"', text)  # the same in half as many bytes
    width, height = (72 * inches for inches in drawn.figure.get_size_inches())
    opening = f'<svg role="img" aria-label="{escape(drawn.alternative)}" viewBox="0 0 {width:g} {height:g}">'
    return opening + _with_own_ids(_with_variables(text), drawn.name).strip()


def split_letters(elements: Iterable[str]) -> tuple[list[str], str]:
    """The elements without the shapes of their letters, and one hidden element that holds each shape once."""
    shapes: dict[str, str] = {}
    without_letters = []
    for element in elements:
        shapes |= {match[1]: match[0] for match in _LETTER.finditer(element)}
        without_letters.append(_LETTER.sub("", element).replace("<defs></defs>", ""))
    definitions = f"<defs>{''.join(shapes.values())}</defs>"
    hidden = f'<svg width="0" height="0" style="position: absolute" aria-hidden="true">{definitions}</svg>'
    return without_letters, hidden


def css_variables(theme: ThemeName) -> str:
    """Declarations of CSS variables that give the figures of a page the colours of a theme."""
    return " ".join(f"--figure-{role}: {color};" for role, color in color_roles(THEMES[theme]).items())


def color_roles(theme: Theme) -> dict[str, str]:
    """The colours of a theme that become CSS variables, by role: `ink`, `several-0`, an outcome."""
    plain = {name: getattr(theme, name) for name in ("background", "ink", "muted", "faint", "main")}
    several = {f"several-{index}": color for index, color in enumerate(theme.several)}
    return plain | several | {outcome.replace(" ", "-"): style.color for outcome, style in theme.outcomes.items()}


def _with_variables(text: str) -> str:
    """The SVG text with a CSS variable in place of each placeholder colour."""
    placeholders = {color.lower(): f"var(--figure-{role})" for role, color in color_roles(THEMES["both"]).items()}
    if THEMES["both"].background.lower() not in text:
        raise ValueError('svg: must be given a figure in the theme "both"')
    return re.sub("|".join(placeholders), lambda match: placeholders[match[0]], text)


def _with_own_ids(text: str, prefix: str) -> str:
    """The SVG text with `prefix` before each id that is referred to, except ids of letters; unused ids are removed."""
    used = set(_REFERENCE.findall(text))

    def renamed(identifier: str) -> str:
        return identifier if identifier.startswith("DejaVu") else f"{prefix}-{identifier}"

    text = re.sub(r' id="([^"]+)"', lambda match: f' id="{renamed(match[1])}"' if match[1] in used else "", text)
    return _REFERENCE.sub(lambda match: f"#{renamed(match[1])}", text)


def _rounded(attribute: re.Match[str]) -> str:
    """The attribute with numbers rounded to 0.01 point, less than any screen shows, and fewer spaces in paths."""
    text = re.sub(r"\d+\.\d{3,}", lambda number: f"{round(float(number[0]), 2):g}", attribute[0])
    return re.sub(r"(?<=[\d\"]) ?([A-Zz]) ?", r"\1", text)
