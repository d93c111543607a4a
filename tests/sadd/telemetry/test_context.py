"""Request ids and traces that come from outside are believed only if well-formed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.telemetry.context import RequestContext, continued, request_id_from, started

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEX = "0123456789abcdef"


def hexadecimal(digits: int) -> st.SearchStrategy[str]:
    return st.text(HEX, min_size=digits, max_size=digits)


@given(hexadecimal(32), hexadecimal(16), st.integers(0, 255))
def test_a_wellformed_trace_is_continued(trace_id: str, span_id: str, flags: int) -> None:
    """The trace id stays, the caller's span becomes the parent, unknown flags are dropped."""
    trace = continued(f"00-{trace_id}-{span_id}-{flags:02x}")

    if not int(trace_id, 16) or not int(span_id, 16):
        assert trace is None
    else:
        assert trace is not None
        assert (trace.trace_id, trace.parent_id) == (trace_id, span_id)
        assert trace.span_id != span_id
        assert trace.flags == flags & 3
        assert continued(trace.traceparent) is not None


@given(st.text() | st.text(HEX + "-", max_size=80) | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{31,33}-.*"))
def test_no_header_can_break_the_parser(header: str) -> None:
    """Whatever arrives, the answer is a well-formed trace or None."""
    trace = continued(header)
    assert trace is None or re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]", trace.traceparent)


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (CALLER, True),
        (CALLER.replace("00-", "01-", 1), True),
        (CALLER.replace("00-", "cc-", 1) + "-what-comes-later", True),
        (CALLER + "-what-comes-later", False),
        (CALLER.replace("00-", "ff-", 1), False),
        (CALLER.upper(), False),
        (CALLER + "\n", False),
        (" " + CALLER, False),
        ("", False),
    ],
)
def test_versions_of_the_header(header: str, accepted: bool) -> None:
    """A later version is read by its first four fields; version 00 has no others."""
    assert (continued(header) is not None) is accepted


@given(st.none() | st.text(max_size=200))
def test_a_request_id_is_always_fit_for_a_header_and_a_log(header: str | None) -> None:
    """It has no space, quote or control character and a bounded length."""
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:=+/@-]{0,127}", request_id_from(header))


@pytest.mark.parametrize(
    "header", ["a", "Root=1-67891233-abcdef", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "x" * 128]
)
def test_usual_request_ids_are_kept(header: str) -> None:
    """Those of proxies and clouds pass."""
    assert request_id_from(header) == header


def test_made_ids_differ() -> None:
    """Ten thousand ids and spans without a repetition."""
    assert len({request_id_from(None) for _ in range(10_000)}) == 10_000
    assert len({started().span_id for _ in range(10_000)}) == 10_000


def test_the_trace_is_made_once() -> None:
    """All log lines of a request have the same span."""
    assert (context := RequestContext("id", None)).trace is context.trace
    assert RequestContext("id", CALLER).trace.trace_id == CALLER[3:35]
    assert RequestContext("id", "nonsense").trace.parent_id is None
