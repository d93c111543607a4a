"""The page's words: all there, in both languages, and none that no page says."""

import re
from pathlib import Path
from typing import get_args

from queueing.policy import METHODS
from queueing.standing import RoomState
from sadd.web.operator import words as module
from sadd.web.operator.words import LANGUAGES, words

FOLDER = Path(module.__file__).parent


def test_both_languages_say_each() -> None:
    """No word is empty, and none is left in the other's letters."""
    arabic = re.compile(r"[\u0600-\u06ff]")
    for name, text in words("ar").items():
        assert arabic.search(text) or name == "other_language", name
    for name, text in words("en").items():
        assert text
        assert not arabic.search(text) or name == "other_language", name


def test_every_state_and_method_has_a_word() -> None:
    """Those of the engine, and the one for a store that is away."""
    for language in LANGUAGES:
        said = words(language)
        assert all(f"state_{state}" in said for state in (*get_args(RoomState), "unknown"))
        assert all(f"method_{method}" in said for method in METHODS)


def test_no_word_is_unused() -> None:
    """Each name stands in a template or in the code, by itself or by its beginning."""
    files = [*FOLDER.glob("*.py"), *FOLDER.glob("templates/*.html")]
    text = "\n".join(file.read_text() for file in files if file.name != "words.py")
    made = ("state_", "method_", "field_", "chart_")
    unused = [
        name for name in words("en") if not name.startswith(made) and not re.search(rf"\b{name}\b", text)
    ]
    assert unused == []
