from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd_client.sse import EVENT_BYTES_MAX, Event, Parser

STREAM = (
    ": a comment\n\nevent: bump\nid: 7\ndata: {\ndata: }\n\nretry: 3000\n\ndata:نتيجة\r\n\r\nevent: x\n\n"
).encode()
EVENTS = [Event("bump", "{\n}", "7"), Event("message", "نتيجة")]


@given(st.lists(st.integers(0, len(STREAM))))
def test_events_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    """Comments, and blocks without data, are none."""
    parser, edges = Parser(), [0, *sorted(cuts), len(STREAM)]
    found = [event for at, until in pairwise(edges) for event in parser.feed(STREAM[at:until])]
    assert found == EVENTS


def test_an_endless_event_is_an_error() -> None:
    """Nobody can fill the memory with a line that does not end."""
    with pytest.raises(ValueError, match="over"):
        Parser().feed(b"a" * (EVENT_BYTES_MAX + 1))
