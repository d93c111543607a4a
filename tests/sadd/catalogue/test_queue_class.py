"""What a class of queues may say of its rooms, beside its shares."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from sadd.catalogue import rules
from sadd.catalogue.model import QueueClass
from tests.sadd.catalogue.scene import TODAY

PAGE = (Path(__file__).parents[3] / "docs/catalogue.md").read_text("utf-8")
OLD = QueueClass("surge", 0.15, 0.9, 120, 300)


def test_an_old_entry_is_read_as_before() -> None:
    """A row of the database from before the new fields: in order, no renewal, no grace, no lane."""
    row = b"""{"id": "surge", "outflow_share": 0.15, "active_share": 0.9, "claim_window_seconds": 120,
               "pass_seconds": 300, "status": "live"}"""
    assert msgspec.json.decode(row, type=QueueClass) == OLD


def test_the_class_of_the_page_has_no_fault() -> None:
    """And it has every field."""
    (block,) = (one for one in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "queues:" in one)
    (said,) = yaml.safe_load(block)["queues"]
    class_ = msgspec.convert(said, QueueClass)
    assert list(rules.findings(class_, rules.Known(), TODAY)) == []
    assert set(said) == {*QueueClass.__struct_fields__} - {"status"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pass_cap_seconds", 299),
        ("pass_cap_seconds", 86_401),
        ("reentry_grace_seconds", -1),
        ("accessible_share", 1.0),
        ("accessible_share", -0.1),
        ("accessible_share", float("nan")),
    ],
)
def test_what_a_room_would_not_take_is_refused(field: str, value: float) -> None:
    """By the catalogue's check, with the field's name."""
    class_ = msgspec.structs.replace(OLD, **{field: value})
    assert [finding.path for finding in rules.findings(class_, rules.Known(), TODAY)] == [(field,)]
