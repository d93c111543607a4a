import hashlib
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.identity.key import Key, mint, parse, secret_hash

BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
any_key = st.builds(Key, st.text(BASE32, min_size=12, max_size=12), st.text(BASE32, min_size=32, max_size=32))


@given(any_key)
def test_round_trip(key: Key) -> None:
    """A key reads back from its own text."""
    assert parse(key.text) == key


@given(st.binary(min_size=20, max_size=20))
def test_minted_keys_are_read(raw: bytes) -> None:
    """Whatever the random source gives, the minted key has the documented form."""
    key = mint(lambda count: raw[:count])

    assert re.fullmatch("sadd_[a-z2-7]{12}_[a-z2-7]{32}", key.text)
    assert parse(key.text) == key


@given(st.text())
def test_any_text(text: str) -> None:
    """Any text is a key that spells the same text, or none."""
    key = parse(text)

    assert key is None or key.text == text


@given(any_key, st.integers(0, 49), st.characters(exclude_characters=BASE32))
def test_one_wrong_letter(key: Key, place: int, letter: str) -> None:
    """One letter that base32 does not have makes a key none."""
    text = key.text
    if letter != text[place]:
        changed = text[:place] + letter + text[place + 1 :]
        assert parse(changed) is None or changed[:5] == "sadd_" == text[:5]


@pytest.mark.parametrize("around", ["{} ", " {}", "{}\n", "{}a", "Bearer {}"])
def test_nothing_around(around: str) -> None:
    """A key with anything before or after it is none."""
    assert parse(around.format(mint().text)) is None


def test_strength() -> None:
    """A secret spells all of 160 random bits: it takes 20 random bytes five to a letter."""
    asked: list[int] = []

    def ones(count: int) -> bytes:
        asked.append(count)
        return b"\xff" * count

    key = mint(ones)

    assert asked == [8, 20]
    assert len(key.secret) * 5 == 20 * 8
    assert key.secret == "7" * 32


def test_no_two_alike() -> None:
    """Ten thousand keys have ten thousand prefixes and secrets."""
    keys = [mint() for _ in range(10_000)]

    assert len({key.prefix for key in keys}) == len({key.secret for key in keys}) == 10_000


def test_no_letter_to_escape() -> None:
    """A key needs no quoting in a shell, a URL or a header, and a double click selects all of it."""
    assert set(mint().text) <= set(string.ascii_lowercase + string.digits + "_")


def test_repr() -> None:
    """The repr of a key does not give its secret away."""
    key = mint()

    assert key.secret not in repr(key)
    assert key.prefix in repr(key)


def test_hash() -> None:
    """The hash is the SHA-256 of the secret alone."""
    assert secret_hash("abc") == hashlib.sha256(b"abc").digest() == Key("p", "abc").hash
