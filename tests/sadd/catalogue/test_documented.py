"""The page about classes of sessions says what the catalogue takes."""

from pathlib import Path

import msgspec
import yaml

from sadd.catalogue import rules
from sadd.catalogue.model import SessionClass
from sadd.session.policy import LONGEST
from tests.sadd.catalogue.scene import TODAY

PAGE = Path(__file__).parents[3] / "docs" / "session-classes.md"


def test_the_example_is_a_class() -> None:
    """It is read and passes the check, and each field of a class stands on the page."""
    text = PAGE.read_text(encoding="utf-8")
    example = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    (shown,) = msgspec.convert(example["sessions"], list[SessionClass])
    assert not list(rules.findings(shown, rules.Known(), TODAY))
    for name in SessionClass.__struct_fields__:
        assert name in ("id", "status") or f"`{name}`" in text or f"    {name}:" in text


def test_the_catalogue_bounds_what_sessions_bound() -> None:
    """The same longest times in both, and on the page."""
    told = {name: (each.idle_ms / 3_600_000, each.absolute_ms / 3_600_000) for name, each in LONGEST.items()}
    assert told == rules.SESSION_LONGEST
