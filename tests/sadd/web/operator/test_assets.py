"""What the page loads is what was looked at."""

import hashlib
from pathlib import Path

from sadd.web.operator.assets import NAMES, assets

ROOT = Path(__file__).parents[4]


def test_the_library_of_charts_is_the_one_that_is_written_down() -> None:
    """Byte for byte, with its licence beside it."""
    page = (ROOT / "docs/dependencies.md").read_text("utf-8")
    for name in ("uplot.js", "uplot.css"):
        assert hashlib.sha256(assets()[name].body).hexdigest() in page
    assert b"MIT License" in assets()["uplot-licence.txt"].body
    assert b"v1.6.32" in assets()["uplot.js"].body


def test_every_file_there_is_served() -> None:
    """And no other."""
    folder = ROOT / "platform/sadd/web/operator/static"
    assert {file.name for file in folder.iterdir()} == set(NAMES)


def test_nothing_is_fetched_from_elsewhere() -> None:
    """No address of another site in our style and script; the library's only one is in its header."""
    for name in ("operator.css", "operator.js"):
        assert b"//" not in assets()[name].body.replace(b"// ", b"")
    assert assets()["uplot.js"].body.count(b"http") == 1
