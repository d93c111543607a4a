"""A round of drand counts only with the signature of the group whose key is pinned."""

import pytest
from py_arkworks_bls12381 import G1Point

from queueing.draw.beacon import QUICKNET, randomness_of_signature, randomness_of_statement
from tests.queueing.draw.chain import OURS, VECTOR_RANDOMNESS, VECTOR_ROUND, VECTOR_SIGNATURE, signature

SIGNATURE = bytes.fromhex(VECTOR_SIGNATURE)


def test_a_known_round_of_quicknet_is_confirmed() -> None:
    """A known round of quicknet is confirmed."""
    assert QUICKNET.holds(VECTOR_ROUND, SIGNATURE)
    assert randomness_of_signature(SIGNATURE).hex() == VECTOR_RANDOMNESS


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (VECTOR_ROUND + 1, SIGNATURE),
        (VECTOR_ROUND, SIGNATURE[:-1] + bytes((SIGNATURE[-1] ^ 1,))),
        (VECTOR_ROUND, bytes((SIGNATURE[0] ^ 0x20,)) + SIGNATURE[1:]),
        (VECTOR_ROUND, signature(VECTOR_ROUND)),
        (VECTOR_ROUND, G1Point.identity().to_compressed_bytes()),
        (VECTOR_ROUND, b""),
        (VECTOR_ROUND, b"\xff" * 48),
    ],
    ids=["another round", "a bit", "its negative", "another group", "infinity", "nothing", "no point"],
)
def test_anything_else_is_refused(number: int, shown: bytes) -> None:
    """Anything else is refused."""
    assert not QUICKNET.holds(number, shown)


def test_another_chain_has_its_own_key() -> None:
    """Another chain has its own key."""
    assert OURS.holds(7, signature(7))
    assert not OURS.holds(8, signature(7))


def test_rounds_come_out_every_three_seconds_from_the_genesis() -> None:
    """Rounds come out every three seconds from the genesis."""
    genesis_ms = QUICKNET.genesis_s * 1000

    assert QUICKNET.at_ms(1) == genesis_ms
    assert QUICKNET.first_round(0) == 1
    assert QUICKNET.first_round(genesis_ms + 1) == 2
    assert QUICKNET.first_round(genesis_ms + 3_000) == 2
    assert QUICKNET.at_ms(QUICKNET.first_round(1_800_000_000_123)) >= 1_800_000_000_123


def test_source_and_text_of_a_statement_do_not_run_into_each_other() -> None:
    """Source and text of a statement do not run into each other."""
    assert randomness_of_statement("lottery 1", "2 3") != randomness_of_statement("lottery 12", " 3")
