"""A QR code as a picture inside the page."""

from functools import lru_cache
from io import BytesIO

import segno
from markupsafe import Markup, escape

KEPT_MAX = 4096
"""A worker keeps as many: who asks again gets the same without its milliseconds."""


@lru_cache(maxsize=KEPT_MAX)
def qr(text: str, title: str) -> Markup:
    """SVG, dark on light whatever the page's colours: not every camera reads the opposite."""
    drawn = BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn,
        kind="svg",
        xmldecl=False,
        svgns=False,
        border=3,
        light="#fff",
        omitsize=True,
        svgclass="qr",
        lineclass=None,
    )
    svg = drawn.getvalue().decode().strip()
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1))  # noqa: S704
