"""Header blocks: skimmed, they mean what hpack makes of them."""

import pytest
from hpack import Decoder, Encoder
from hypothesis import example, given
from hypothesis import strategies as st

from sadd.grpc.blocks import (
    BLOCK_BYTES_MAX,
    BLOCKS_MAX,
    CALL_SECONDS_MAX,
    Blocks,
    Service,
    Unskimmed,
    seconds_of,
    skim,
)
from sadd.grpc.status import Method

SAY = Method("tests.Echo/Say", None)
SERVICE = Service({"/tests.Echo/Say": SAY, "/tests.Echo/Other": Method("tests.Echo/Other", None)})

USUAL = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/tests.Echo/Say"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
]

names = st.sampled_from(
    ["grpc-timeout", "content-type", ":path", ":method", "traceparent", "x-envoy-internal", "x" * 130]
)
values = st.sampled_from(
    [
        "20m",
        "1S",
        "9H",
        "soon",
        "",
        "application/grpc+proto",
        "text/plain",
        "/tests.Echo/Other",
        "POST",
        "GET",
    ]
) | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=200)
fields = st.lists(st.tuples(names, values), max_size=6)


@given(st.permutations(USUAL), fields, st.booleans())
@example(USUAL, [("grpc-timeout", "20m")], True)
@example(USUAL, [("content-type", "text/plain")], True)
@example(USUAL, [("content-type", "")], False)  # a field of the static table, name and value
def test_a_skimmed_block_means_the_same(
    usual: list[tuple[str, str]], more: list[tuple[str, str]], huffman: bool
) -> None:
    """Or the skimmer says that it does not know."""
    encoder = Encoder()
    encoder.header_table_size = 0
    encoder.encode([])
    block = encoder.encode([*usual, *more], huffman=huffman)
    try:
        skimmed = skim(block, SERVICE)
    except (Unskimmed, IndexError):
        return
    assert skimmed == SERVICE.head(dict(Decoder().decode(block, raw=True)))


def test_what_proxies_send_is_skimmed() -> None:
    """A trace id in each call, and still nothing to decode."""
    encoder = Encoder()
    encoder.header_table_size = 0
    for huffman in (True, False):
        traced = [*USUAL, ("grpc-timeout", "20m"), ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-01")]
        head = skim(encoder.encode(traced, huffman=huffman), SERVICE)
        assert (head.method, head.timeout_seconds, head.refused) == (SAY, 0.02, None)


@given(st.binary(max_size=80))
def test_any_bytes_are_borne(block: bytes) -> None:
    """The skimmer ends on whatever it is given, and never reads past the end."""
    try:
        skim(block, SERVICE)
    except (Unskimmed, IndexError):
        return


def test_blocks_are_remembered_within_a_bound() -> None:
    """A connection whose every block is new keeps a fixed number of them."""
    blocks, encoder = Blocks(SERVICE), Encoder()
    blocks.settled()
    encoder.header_table_size = 0
    heads = [blocks.head(encoder.encode([*USUAL, ("traceparent", str(n))])) for n in range(1000)]
    long = blocks.head(encoder.encode([*USUAL, ("baggage", "x" * 4000)]))

    assert {head.method for head in (*heads, long)} == {SAY}
    assert len(blocks._known) <= BLOCKS_MAX
    assert max(map(len, blocks._known)) <= BLOCK_BYTES_MAX


@pytest.mark.parametrize(
    ("spelled", "seconds"),
    [
        (b"1H", 3600),
        (b"2M", 120),
        (b"3S", 3),
        (b"20m", 0.02),
        (b"50000u", 0.05),
        (b"99999999n", 0.099999999),
        (b"100000000S", None),
        (b"S", None),
        (b"", None),
        (b"-1S", None),
        (b"1s", None),
        ("١S".encode(), None),
    ],
)
def test_time_outs_are_read(spelled: bytes, seconds: float | None) -> None:
    """Up to eight digits and one of six units; anything else is none."""
    got = seconds_of(spelled)
    assert got == (None if seconds is None else pytest.approx(seconds))


def test_no_call_lasts_for_ever() -> None:
    """A call without a time-out, or with a longer one, has ours."""
    encoder = Encoder()
    encoder.header_table_size = 0
    long = skim(encoder.encode([*USUAL, ("grpc-timeout", "9H")]), SERVICE)
    assert long.timeout_seconds == skim(encoder.encode(USUAL), SERVICE).timeout_seconds == CALL_SECONDS_MAX
