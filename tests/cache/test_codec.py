"""Contents as the store holds them: what goes in comes out, and from nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.codec import COMPRESSED, SEALED, Codec, Packed
from cache.entry import TAGS_MAX, Content, Entry
from cache.space import Space
from sadd.sealing import Sealer, SealKey

PLAIN = Space("moe", "results")
SMALL = Space("moe", "results", compress_above_bytes=100)
SECRET = Space("moe", "results", sealed=True, compress_above_bytes=100)
KEY = SealKey("0a0b0c0d", bytes(32))
PLACE = PLAIN.place("k")

contents = st.builds(
    Content,
    st.binary(max_size=300) | st.just(b"long " * 200),
    st.sampled_from(["", "text/html; charset=utf-8"]),
    st.lists(st.text(min_size=1, max_size=20), max_size=4).map(tuple),
    st.binary(max_size=50),
)


def stored(packed: Packed) -> bytes:
    """As ``fill.lua`` does it, with ends 1, 2, 3, 4 s and a load of 5 ms."""
    ends = b"".join(at.to_bytes(6, "big") for at in (0, 1_000, 2_000, 3_000, 4_000))
    head = bytes((2, packed.flags)) + (77).to_bytes(8, "big") + ends + (5).to_bytes(4, "big")
    return head + len(packed.tags).to_bytes(2, "big") + packed.tags + packed.payload


@given(contents, st.sampled_from([PLAIN, SMALL, SECRET]))
def test_what_is_packed_is_read(content: Content, space: Space) -> None:
    """Body, type, tags and meta, with the ends that a soft purge drew forward."""
    codec = Codec(Sealer([KEY]))
    entry = codec.entry(space, PLACE, stored(codec.packed(space, PLACE, content)), 500)
    assert entry == Entry(content, 0, 500, 1_500, 2_500, 3_500, 77, 5)


def test_what_is_long_is_compressed() -> None:
    """Above the namespace's size, and only where it is then smaller."""
    codec = Codec()
    long, random = Content(b"long " * 200), Content(bytes(range(256)))
    assert codec.packed(SMALL, PLACE, long).flags == COMPRESSED
    assert len(codec.packed(SMALL, PLACE, long).payload) < 100
    assert codec.packed(SMALL, PLACE, random).flags == 0
    assert codec.packed(PLAIN, PLACE, long).flags == 0


def test_what_is_sealed_opens_at_its_place_only() -> None:
    """Moved to another key, given other tags or altered it is no entry; nor without the key."""
    codec = Codec(Sealer([KEY]))
    packed = codec.packed(SECRET, PLACE, Content(b"secret", tags=("a",)))
    assert packed.flags & SEALED
    assert b"secret" not in packed.payload
    assert codec.entry(SECRET, PLACE, stored(packed), 0)
    assert codec.entry(SECRET, SECRET.place("other"), stored(packed), 0) is None
    assert codec.entry(SECRET, PLACE, stored(Packed(packed.flags, b"\x01b", packed.payload)), 0) is None
    assert codec.entry(SECRET, PLACE, stored(packed)[:-1], 0) is None
    assert Codec().entry(SECRET, PLACE, stored(packed), 0) is None
    with pytest.raises(ValueError, match="no key"):
        Codec().packed(SECRET, PLACE, Content(b"secret"))


def test_a_sealed_namespace_believes_nothing_open() -> None:
    """Whoever can write to the store but has no key cannot put words into our mouth."""
    codec = Codec(Sealer([KEY]))
    assert codec.entry(SECRET, PLACE, stored(codec.packed(PLAIN, PLACE, Content(b"forged"))), 0) is None


def test_a_bomb_is_not_unpacked() -> None:
    """A frame that claims more than any entry holds is no entry, before a byte of it is made."""
    wide = Space("moe", "results", body_bytes_max=50_000_000, compress_above_bytes=0)
    packed = Codec().packed(wide, PLACE, Content(bytes(40_000_000)))
    assert len(packed.payload) < 10_000
    assert Codec().entry(SMALL, PLACE, stored(packed), 0) is None


@given(st.binary(max_size=80), st.integers(0, 3))
def test_rubbish_is_no_entry(rubbish: bytes, flags: int) -> None:
    """Whatever stands behind a head: an entry or none, never an error."""
    Codec(Sealer([KEY])).entry(SMALL, PLACE, stored(Packed(flags, b"", rubbish)), 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tags": ("",)},
        {"tags": ("x" * 256,)},
        {"tags": ("x",) * (TAGS_MAX + 1)},
        {"meta": bytes(65_537)},
    ],
)
def test_what_cannot_be_stored_is_refused(wrong: dict[str, tuple[str, ...]]) -> None:
    """Before it is sent."""
    with pytest.raises(ValueError):
        Content(b"", **wrong)  # type: ignore[arg-type]  # one dict for all
