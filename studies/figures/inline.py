"""A figure as an element of an HTML page: drawn once for whichever theme the page is shown in, and small.

In the theme "both" colours are placeholders. They become variables of the page's style sheet, so that one drawing
serves light and dark. What a page needs once is taken out of its figures: the style, and the shapes of letters, which
are most of a figure.
"""

import re
from collections.abc import Iterable
from html import escape
from io import BytesIO

from studies.figures.style import SAVED, THEMES, Drawn, Theme, ThemeName

STYLE = "figure svg * { stroke-linejoin: round; stroke-linecap: butt; }"
"""What matplotlib takes for granted within its drawings."""
_LETTER = re.compile(r'<path id="(DejaVu[^"]*)"[^>]*>')
_LENGTHS = re.compile(r' (?:d|x|y)="[^"]*"|translate\([^)]*\)')
_REFERENCE = re.compile(r'(?<=["(])#([^")]+)')


def svg(drawn: Drawn) -> str:
    """The figure as an SVG element that says its numbers in words; letters as shapes, since a reader may lack the font.

    Errors: `ValueError` for a figure of another theme than "both", since it would stay in it.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    held = BytesIO()
    with rc_context(SAVED | {"svg.fonttype": "path"}):
        FigureCanvasSVG(drawn.figure).print_svg(held, metadata={"Date": None})  # savefig would draw it twice
    _, _, text = held.getvalue().decode().partition("</metadata>")
    text = re.sub(r"<defs>\s*<style.*?</defs>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text).replace("> <", "><").replace("base64, ", "base64,").replace("xlink:href", "href")
    text = re.sub(r' fill="([^"]*)"', r' style="fill: \1"', text)  # a variable is for a style alone
    text = _LENGTHS.sub(_shortened, text)
    width, height = (72 * inches for inches in drawn.figure.get_size_inches())
    opening = f'<svg role="img" aria-label="{escape(drawn.alternative)}" viewBox="0 0 {width:g} {height:g}">'
    return opening + _named(_colored(text), drawn.name).strip()


def letters(elements: Iterable[str]) -> tuple[list[str], str]:
    """The elements without the shapes of their letters, and an element with each of these once."""
    shapes: dict[str, str] = {}
    bare = []
    for element in elements:
        shapes |= {found[1]: found[0] for found in _LETTER.finditer(element)}
        bare.append(_LETTER.sub("", element).replace("<defs></defs>", ""))
    held = f"<defs>{''.join(shapes.values())}</defs>"
    return bare, f'<svg width="0" height="0" style="position: absolute" aria-hidden="true">{held}</svg>'


def variables(theme: ThemeName) -> str:
    """What gives the figures of a page the colours of a theme."""
    return " ".join(f"--figure-{role}: {color};" for role, color in roles(THEMES[theme]).items())


def roles(theme: Theme) -> dict[str, str]:
    """Every colour of a theme that a placeholder stands for, by its name."""
    own = {name: getattr(theme, name) for name in ("background", "ink", "muted", "faint", "main")}
    several = {f"several-{place}": color for place, color in enumerate(theme.several)}
    return own | several | {outcome.replace(" ", "-"): look.color for outcome, look in theme.looks.items()}


def _colored(text: str) -> str:
    """Variables in place of placeholders."""
    placeholders = {color.lower(): f"var(--figure-{role})" for role, color in roles(THEMES["both"]).items()}
    if THEMES["both"].background.lower() not in text:
        raise ValueError('svg: must be given a figure in the theme "both"')
    return re.sub("|".join(placeholders), lambda found: placeholders[found[0]], text)


def _named(text: str, name: str) -> str:
    """Every name that something refers to made the figure's own, but for a letter's; no other name."""
    used = set(_REFERENCE.findall(text))

    def own(one: str) -> str:
        return one if one.startswith("DejaVu") else f"{name}-{one}"

    text = re.sub(r' id="([^"]+)"', lambda found: f' id="{own(found[1])}"' if found[1] in used else "", text)
    return _REFERENCE.sub(lambda found: f"#{own(found[1])}", text)


def _shortened(place: re.Match[str]) -> str:
    """Two decimals: a hundredth of a point is less than any screen shows."""
    text = re.sub(r"\d+\.\d{3,}", lambda number: f"{round(float(number[0]), 2):g}", place[0])
    return re.sub(r"(?<=[\d\"]) ?([A-Zz]) ?", r"\1", text)
