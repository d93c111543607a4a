"""The tree is that of RFC 9162, and a proof is good for the entry and the place that it was made for."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from queueing.draw import merkle

entries = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70, unique=True)


def _rfc(entries: list[bytes]) -> bytes:
    """MTH as section 2.1.1 defines it: the left half is the largest power of two below the size."""
    if len(entries) <= 1:
        return sha256(b"\0" + entries[0] if entries else b"").digest()
    half = 1 << (len(entries) - 1).bit_length() - 1
    return sha256(b"\1" + _rfc(entries[:half]) + _rfc(entries[half:])).digest()


@given(entries)
def test_the_root_is_the_one_that_the_rfc_defines(entries: list[bytes]) -> None:
    """The root is the one that the RFC defines."""
    assert merkle.root(entries) == _rfc(entries)


def test_trees_of_more_than_a_chunk_and_of_nothing_are_the_rfc_s_too() -> None:
    """Trees of more than a chunk and of nothing are the RFC's too."""
    many = [number.to_bytes(32, "big") for number in range(5 * merkle.CHUNK + 3)]

    for count in (0, merkle.CHUNK - 1, merkle.CHUNK, merkle.CHUNK + 1, len(many)):
        assert merkle.root(many[:count]) == _rfc(many[:count])


def test_every_entry_of_a_large_list_has_a_proof() -> None:
    """Every entry of a large list has a proof."""
    many = [number.to_bytes(32, "big") for number in range(3 * merkle.CHUNK + 5)]
    root = merkle.root(many)

    for index in (0, 1, merkle.CHUNK - 1, merkle.CHUNK, 2 * merkle.CHUNK + 7, len(many) - 5, len(many) - 1):
        assert merkle.root_of_proof(many[index], index, len(many), merkle.proof(many, index)) == root


@given(entries, st.data())
def test_a_proof_is_good_for_its_entry_at_its_place_alone(entries: list[bytes], data: st.DataObject) -> None:
    """A proof is good for its entry at its place alone."""
    index = data.draw(st.integers(0, len(entries) - 1))
    other = data.draw(st.integers(0, len(entries) + 2))
    root, count = merkle.root(entries), len(entries)
    path = merkle.proof(entries, index)

    assert merkle.root_of_proof(entries[index], index, count, path) == root
    assert merkle.root_of_proof(b"another", index, count, path) != root
    assert merkle.root_of_proof(entries[index], index, count, [*path, b"\0" * 32]) is None
    if path:
        assert merkle.root_of_proof(entries[index], index, count, path[:-1]) is None
    if other != index:
        assert merkle.root_of_proof(entries[index], other, count, path) != root


def test_a_node_is_not_taken_for_an_entry() -> None:
    """Leaves and nodes are hashed apart, so 64 bytes of a list are not two entries of another."""
    first, second = b"1" * 32, b"2" * 32

    assert merkle.root([merkle.leaf(first) + merkle.leaf(second)]) != merkle.root([first, second])
