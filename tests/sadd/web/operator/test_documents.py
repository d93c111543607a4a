"""The page for operators says what is so: commands parse, paths are served, metrics are counted."""

import re
import shlex
from pathlib import Path

import pytest

from queueing.recorder import RoomGauges
from sadd.catalogue.reading import SHIPPED, read_folder
from sadd.cli.command import _parser
from sadd.rooms.findings import findings
from sadd.rooms.reading import read_rooms
from sadd.web import rooms, rooms_invited
from sadd.web.operator.words import words
from tests.sadd.catalogue.scene import TODAY

PAGE = (Path(__file__).parents[4] / "docs/operating-queues.md").read_text("utf-8")
COMMANDS = sorted(
    {line.removeprefix("$ ") for line in re.findall(r"^\$ sadd .+$", PAGE, re.MULTILINE)}
    | {
        code
        for code in re.findall(r"`(sadd [^`]+)`", PAGE)
        if "ROOM" not in code and " keys revoke" not in code
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_commands(command: str) -> None:
    """Each is understood whole."""
    rest = shlex.split(command)[1:]
    _, extra = _parser(rest).parse_known_args(rest)
    assert extra == []


def test_the_paths_are_served() -> None:
    """Those of lists and of levers that the page names."""
    served = {rooms_invited.MEMBERS, f"{rooms_invited.MEMBERS}/remove", f"{rooms.ROOM}/pause"}
    for path in re.findall(r"\$SADD(/v1/queues/[^\"?]+)", PAGE):
        template = path.replace("moehe-secondary-results", "{room}").replace("/invited/", "/{lane}/")
        assert template in served | {"/v1/queues/{room}/tickets"}, path


def test_the_metrics_of_rooms_are_all_told() -> None:
    """Every gauge has its line, and no other is named."""
    told = set(re.findall(r"`sadd_room_([a-z_]+)`", PAGE))
    assert told == set(RoomGauges.__slots__)


def test_the_rooms_file_of_the_page_has_no_fault(tmp_path: Path) -> None:
    """By the shipped catalogue."""
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "rooms.yaml").write_text(block)
    catalogue = read_folder(SHIPPED, TODAY).catalogue
    assert catalogue is not None
    read = read_rooms([tmp_path], catalogue)
    assert read.faults == ()
    assert [list(findings(room, catalogue)) for room in read.rooms or ()] == [[]]


def test_the_labels_of_the_page_are_the_pages() -> None:
    """What the table explains is what an operator reads."""
    said = {text.lower() for text in words("en").values()}
    for label in (
        "cap of active users",
        "called who did not come",
        "wait of the last in line",
        "term of the leader",
    ):
        assert label in said
        assert label.split(" of active")[0] in PAGE.lower()
