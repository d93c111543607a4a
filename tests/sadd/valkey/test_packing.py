"""Script calls on the wire are what hiredis would have packed, kept or not."""

import string

from hiredis import pack_command
from hypothesis import given
from hypothesis import strategies as st

from sadd.valkey.packing import KEPT_MAX, Packing
from sadd.valkey.script import Script

WORDS = st.one_of(st.binary(max_size=600), st.integers(-(2**60), 2**60), st.text(string.printable + "جسر"))
SCRIPT = Script("any", b"return 1")


@given(st.lists(st.binary(max_size=600), max_size=3), st.lists(WORDS, max_size=4).map(tuple))
def test_a_packed_call_is_what_hiredis_packs(keys: list[bytes], args: tuple[bytes | int | str, ...]) -> None:
    """The first time and the second, when head and tail come from the books."""
    expected = pack_command(("EVALSHA", SCRIPT.sha, len(keys), *keys, *args))  # type: ignore[arg-type]  # its type
    packing = Packing()
    assert packing.evalsha(SCRIPT, keys, args) == expected
    assert packing.evalsha(SCRIPT, keys, args) == expected
    assert packing.evalsha(SCRIPT, keys, list(args)) == expected


def test_the_books_are_bounded() -> None:
    """Arguments that never come again do not fill the memory, nor do long ones."""
    packing = Packing()
    for number in range(KEPT_MAX + 10):
        packing.evalsha(SCRIPT, [b"key"], (number,))
    packing.evalsha(SCRIPT, [b"key"], (b"x" * 1000,))
    assert len(packing._tails) == 10
