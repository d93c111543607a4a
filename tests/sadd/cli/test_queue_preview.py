"""``sadd queue preview`` shows a room's page before anybody waits in it."""

import re
import shlex
from pathlib import Path

from sadd.web.room_page.view import PAGE_STATES
from tests.sadd.cli.conftest import Sadd

DOCUMENT = Path(__file__).parents[3] / "docs/waiting-room.md"
ROOM = "moehe-secondary-results"


def test_a_page_on_standard_output(sadd: Sadd) -> None:
    """In the state, language and size that were asked for."""
    ended = sadd("queue", "preview", ROOM, "--files", "--state", "called", "--lang", "en", "--size", "150")
    assert ended.code == 0
    assert ended.out.startswith("<!DOCTYPE html>")
    assert "Secondary certificate results" in ended.out
    assert 'data-size="150"' in ended.out
    assert "It is your turn" in ended.out


def test_every_state_in_both_languages(sadd: Sadd, tmp_path: Path) -> None:
    """A file each."""
    ended = sadd("queue", "preview", ROOM, "--files", "--all", "pages")
    assert ended.code == 0, ended.err
    assert {page.stem for page in (tmp_path / "pages").iterdir()} == {
        f"{state}-{lang}" for state in PAGE_STATES for lang in ("ar", "en")
    }


def test_a_template_is_tried(sadd: Sadd, tmp_path: Path) -> None:
    """One that fails says why, and ends with 1."""
    own = tmp_path / "own.html"
    own.write_text('{% extends "room.html" %}{% block intro %}<p>ours</p>{% endblock %}')
    assert "<p>ours</p>" in sadd("queue", "preview", ROOM, "--files", "--template", "own.html").out
    own.write_text('{% extends "room.html" %}{% block intro %}{{ nothing }}{% endblock %}')
    ended = sadd("queue", "preview", ROOM, "--files", "--template", "own.html")
    assert ended.code == 1
    assert ended.err.strip() == (
        "sadd queue preview: the template fails for waiting: UndefinedError: 'nothing' is undefined"
    )


def test_what_is_not_there(sadd: Sadd) -> None:
    """A room, a file: one line and exit 2."""
    for words in ((ROOM, "--template", "none.html"), ("no-room",)):
        ended = sadd("queue", "preview", *words, "--files")
        assert ended.code == 2
        assert ended.err.count("\n") == 1


def test_the_documents_lines_and_template_work(sadd: Sadd, tmp_path: Path) -> None:
    """What docs/waiting-room.md shows is tried as it stands there, in every state."""
    text = DOCUMENT.read_text()
    (lines,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in lines.splitlines():
        words = shlex.split(line.partition(" >")[0])
        assert sadd(*words[1:]).code == 0, line
    (template,) = re.findall(r"```html\n(.*?)```", text, re.DOTALL)
    (tmp_path / "mine.html").write_text(template)
    ended = sadd("queue", "preview", ROOM, "--files", "--template", "mine.html", "--all", "pages")
    assert ended.code == 0, ended.err
