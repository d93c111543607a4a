"""Places are those of the consensus specification, and every one is there once."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from queueing.draw.permutation import places
from queueing.draw.shuffle import index_at, place
from tests.queueing.draw.chain import digest

SEED = "01b4f6bd5d6a06a7b74a8565ceb4f845afe0ae96a0ac05cf5e86066bf7b538ec"
OFFICIAL = {
    33: "a014701e692faf6390f43a5b32470689ffdec35891f58bcd7572eb8226b19488",
    100: "76856e7b9132ba539787cc0563014a8c43e83f1052a814757e43258eda616a4f",
    1000: "1fe4a03c481ce317d63640d1caf23d3466c0583a194998a66d8a3be818a5932a",
    9999: "c3577795cf7bbe42bcca0c97e2d97b8caf8bf3defa8d1b3cffd6ce7813a06575",
}
"""SHA-256 of the files of ethereum/consensus-spec-tests, tests/mainnet/phase0/shuffling/core/shuffle."""

seeds = st.binary(min_size=32, max_size=32)
counts = st.integers(min_value=1, max_value=700)


def _as_their_file(count: int, mapping: list[int]) -> str:
    document = {"seed": f"0x{SEED}", "count": count, "mapping": mapping}
    return yaml.safe_dump(document, sort_keys=False, default_flow_style=None)


@pytest.mark.parametrize("count", OFFICIAL)
def test_the_whole_is_byte_for_byte_the_official_vector(count: int) -> None:
    """The file that our places make has the hash of theirs."""
    mapping = places(bytes.fromhex(SEED), count).tolist()

    assert digest(_as_their_file(count, mapping)) == OFFICIAL[count]


@pytest.mark.parametrize("count", [33, 1000])
def test_point_by_point_is_byte_for_byte_the_official_vector(count: int) -> None:
    """Point by point is byte for byte the official vector."""
    mapping = [place(bytes.fromhex(SEED), index, count) for index in range(count)]

    assert digest(_as_their_file(count, mapping)) == OFFICIAL[count]


@given(seeds, counts)
def test_every_place_is_given_once(seed: bytes, count: int) -> None:
    """Every place is given once."""
    assert sorted(places(seed, count).tolist()) == list(range(count))


@given(seeds, counts, st.data())
def test_one_place_is_that_of_the_whole_and_leads_back(seed: bytes, count: int, data: st.DataObject) -> None:
    """One place is that of the whole and leads back."""
    index = data.draw(st.integers(0, count - 1))

    at = place(seed, index, count)

    assert at == places(seed, count)[index]
    assert index_at(seed, at, count) == index


@pytest.mark.parametrize(
    ("seed", "index", "count"), [(b"short", 0, 1), (b"s" * 32, 5, 5), (b"s" * 32, -1, 5)]
)
def test_no_such_entry_or_no_seed_is_refused(seed: bytes, index: int, count: int) -> None:
    """No such entry or no seed is refused."""
    with pytest.raises(ValueError):
        place(seed, index, count)


def test_nobody_came() -> None:
    """A draw to which nobody came has no places."""
    assert places(b"s" * 32, 0).tolist() == []
