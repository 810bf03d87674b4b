"""A figure as an image in HTML, for places that remove SVG elements, as notebooks of other people do."""

from base64 import b64encode
from io import BytesIO

from studies.reporting.figures.canvas import PNG_DPI, DrawnFigure


def png_address(drawn: DrawnFigure) -> str:
    """The figure as the address of a PNG image that holds the image itself."""
    buffer = BytesIO()
    drawn.figure.savefig(buffer, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"
