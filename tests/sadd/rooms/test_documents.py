"""The page about the queue says what is so."""

import re
from datetime import date
from pathlib import Path

import pytest

from sadd.catalogue.model import Catalogue
from sadd.catalogue.reading import SHIPPED, read_folder
from sadd.rooms.reading import read_rooms
from sadd.rooms.webhook_events import EVENTS
from sadd.rooms.written import Activation, Bots, LaneSettings, RoomSettings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/queue.md").read_text("utf-8")


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    catalogue = read_folder(SHIPPED, date.today()).catalogue
    assert catalogue is not None
    return catalogue


def test_the_rooms_of_the_page_are_rooms(tmp_path: Path, shipped: Catalogue) -> None:
    """Each block of YAML is a file without faults, by the shipped catalogue."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.yaml").write_text(block, encoding="utf-8")
    assert read_rooms([tmp_path], shipped).faults == ()


@pytest.mark.parametrize("struct", [RoomSettings, Activation, LaneSettings, Bots])
def test_the_page_has_every_setting(struct: type) -> None:
    """Of a room, of its activation, its lanes, and of how joins are judged."""
    for field in struct.__struct_fields__:  # type: ignore[attr-defined]  # of every struct
        assert re.search(rf"[`\"]{field}[`\"]|{field}: ", PAGE), field


def test_the_page_has_every_event() -> None:
    """Of webhooks."""
    for event in EVENTS:
        assert f"`{event}`" in PAGE
