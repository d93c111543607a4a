"""Files of rooms: every fault at once, with its line."""

from pathlib import Path

import pytest

from sadd.rooms.reading import read_rooms

ROOM = """\
- id: hall
  agency: moehe
  name: {ar: "قاعة", en: ""}
  colour: blue
  services: []
"""


@pytest.mark.parametrize("colour", ["  colour: blue\n", ""])
def test_an_unknown_field_hides_nothing(tmp_path: Path, colour: str) -> None:
    """What is wrong whatever that field should have been is told beside it."""
    file = tmp_path / "rooms.yaml"
    file.write_text(ROOM.replace("  colour: blue\n", colour), encoding="utf-8")
    told = [str(fault) for fault in read_rooms([file]).faults]
    assert any(":3: " in line and "name" in line for line in told), told
    assert any("colour: unknown field" in line for line in told) == bool(colour)
