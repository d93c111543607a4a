"""What is sealed opens where it was sealed, with a key in force, unaltered; and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.sealing import OVERHEAD_BYTES, Sealer, SealKey, Unsealable

OLD = SealKey("00000001", b"o" * 32)
NEW = SealKey("00000002", b"n" * 32)


@given(plain=st.binary(max_size=300), place=st.binary(max_size=60))
def test_what_was_sealed_opens_in_its_place(plain: bytes, place: bytes) -> None:
    """The plain text comes back; the sealed one is 32 bytes longer, whatever it holds."""
    sealed = Sealer([OLD]).seal(plain, place)
    assert Sealer([OLD]).open(sealed, place) == plain
    assert len(sealed) == len(plain) + OVERHEAD_BYTES


@given(
    plain=st.binary(max_size=100),
    place=st.binary(max_size=60),
    other=st.binary(max_size=60),
    at=st.integers(0, 131),
    bit=st.integers(0, 7),
)
def test_what_was_moved_or_altered_stays_shut(
    plain: bytes, place: bytes, other: bytes, at: int, bit: int
) -> None:
    """Another place, any bit turned, any end cut off."""
    sealer = Sealer([OLD])
    sealed = sealer.seal(plain, place)
    if other != place:
        with pytest.raises(Unsealable):
            sealer.open(sealed, other)
    at %= len(sealed)
    turned = sealed[:at] + bytes([sealed[at] ^ 1 << bit]) + sealed[at + 1 :]
    for spoilt in (turned, sealed[:at]):
        with pytest.raises(Unsealable):
            sealer.open(spoilt, place)


def test_a_rotation_shuts_nothing() -> None:
    """Both keys open, the newest seals; what an old worker still seals opens too; retired is retired."""
    old = Sealer([OLD]).seal(b"x", b"here")
    sealer = Sealer([OLD])
    sealer.renew([NEW, OLD])
    assert sealer.open(old, b"here") == b"x"
    assert Sealer([NEW]).open(sealer.seal(b"y", b"here"), b"here") == b"y"
    assert Sealer([OLD, NEW]).open(sealer.seal(b"y", b"here"), b"here") == b"y"
    sealer.renew([NEW])
    with pytest.raises(Unsealable):
        sealer.open(old, b"here")


@pytest.mark.parametrize("keys", [[], [SealKey("00000001", b"short")]])
def test_a_sealer_has_good_keys(keys: list[SealKey]) -> None:
    """None, and one of another length, are the programmer's error."""
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(keys)


def test_a_secret_is_not_in_a_repr() -> None:
    """A key in a log line shows its id only."""
    assert "ooo" not in repr(OLD)
