import random
from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from sadd_client.caching.entry import Entry
from sadd_client.caching.shelf import OVERHEAD_BYTES, Shelf

KEYS = 2_000
ROOM = 200
BODY_BYTES = 100


def entry(size: int) -> Entry:
    return Entry(b"x" * size, "t", "", (), "memory", 0.0, 0.0)


def ask(shelf: Shelf, key: str) -> bool:
    """Whether it was there; afterwards it is."""
    held = shelf.items.get(key)
    if held is not None:
        held.uses = min(3, held.uses + 1)
        return True
    shelf.put(key, entry(BODY_BYTES), 0)
    return False


def popular(chance: random.Random, count: int) -> list[str]:
    """Zipf 0.9 over KEYS."""
    weights = [1 / rank**0.9 for rank in range(1, KEYS + 1)]
    return [f"{number:04}" for number in chance.choices(range(KEYS), weights, k=count)]


def least_recent(keys: list[str]) -> int:
    """Hits of a cache that forgets what was used longest ago, with as many places."""
    held: OrderedDict[str, None] = OrderedDict()
    hits = 0
    for key in keys:
        if key in held:
            held.move_to_end(key)
            hits += 1
        else:
            held[key] = None
            if len(held) > ROOM:
                held.popitem(last=False)
    return hits


def shelf_of(entries: int) -> Shelf:
    return Shelf(entries * (OVERHEAD_BYTES + BODY_BYTES + len("0000") + len("t")))


def test_more_is_found_than_by_least_recent_use() -> None:
    """With room for a tenth of what is asked for, by six in a hundred and more."""
    keys = popular(random.Random(1), 60_000)
    shelf = shelf_of(ROOM)
    hits = sum(ask(shelf, key) for key in keys)

    assert hits / len(keys) > least_recent(keys) / len(keys) + 0.05


def test_a_scan_pushes_nothing_out() -> None:
    """Pages that are asked for once, however many, do not cost what is asked for again and again."""
    shelf = shelf_of(ROOM)
    asked = [f"hot-{number}" for number in range(20)]
    for _ in range(5):
        for key in asked:
            ask(shelf, key)
    for number in range(10 * ROOM):
        ask(shelf, f"once-{number}")
        if number % 20 == 0:
            for key in asked:
                ask(shelf, key)

    assert all(key in shelf.items for key in asked)


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "use", "drop"]), st.integers(0, 30), st.integers(0, 4_000)),
        max_size=120,
    )
)
def test_used_bytes_are_never_above_the_bound(steps: list[tuple[str, int, int]]) -> None:
    """At no step, whatever the sizes; and they are what is really there."""
    shelf = Shelf(10_000)
    for word, number, size in steps:
        key = str(number)
        if word == "put":
            shelf.put(key, entry(size), 0)
        elif word == "drop":
            shelf.drop(key)
        elif key in shelf.items:
            shelf.items[key].uses += 1
        assert shelf.used_bytes == sum(held.size_bytes for held in shelf.items.values()) <= 10_000


def test_what_is_too_large_is_not_kept() -> None:
    """And it does not cost the rest its place."""
    shelf = Shelf(2_000)
    assert shelf.put("small", entry(10), 0)
    assert not shelf.put("large", entry(3_000), 0)
    assert "small" in shelf.items
