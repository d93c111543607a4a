"""A worker's memory: fresh and proven, or silent."""

import pytest

from cache.clock import StoreClock
from cache.entry import Content, Entry
from cache.near import Near
from cache.space import Space

SPACE, OTHER = Space("moe", "results"), Space("moe", "other")


class Hands:
    """Clock and proof, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.proven_until = 2_000.0

    def near(self, purges_max: int = 100) -> Near:
        clock = StoreClock(monotonic=lambda: self.now)
        clock.ahead_ms = 0
        return Near(100_000, self, clock, purges_max=purges_max)


def entry(stamp: int = 10, soft_ms: int = 9_000_000, tags: tuple[str, ...] = ()) -> Entry:
    return Entry(Content(b"body", tags=tags), 0, soft_ms, soft_ms, soft_ms, stamp=stamp)


@pytest.fixture
def hands() -> Hands:
    return Hands()


def say(near: Near, said: str) -> None:
    near.heard(said.encode())


def test_it_answers_while_it_is_proven(hands: Hands) -> None:
    """Not a moment longer; and again when it is proven anew, for nothing was missed."""
    near = hands.near()
    assert near.keep(SPACE, "k", entry(), near.position)
    assert near.get(SPACE, "k") is not None
    hands.now = 2_000.0
    assert near.get(SPACE, "k") is None
    hands.proven_until = 3_000.0
    assert near.get(SPACE, "k") is not None
    assert near.get(OTHER, "k") is None


def test_without_a_feed_it_is_silent() -> None:
    """A memory that nobody proves answers nothing."""
    near = Near(100_000)
    near.keep(SPACE, "k", entry(), near.position)
    assert near.get(SPACE, "k") is None


def test_it_answers_nothing_stale(hands: Hands) -> None:
    """At the soft end the store is asked, which knows who loads."""
    near = hands.near()
    near.keep(SPACE, "k", entry(soft_ms=1_000_500), near.position)
    assert near.get(SPACE, "k") is not None
    hands.now = 1_000.5
    assert near.get(SPACE, "k") is None


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ("k 1 11 moe:results k", True),
        ("p 1 11 moe:results k", True),
        ("f 1 11 moe:results k", True),
        ("t 1 11 moe:results x", True),
        ("n 1 11 moe:results ", True),
        ("k 1 10 moe:results k", False),
        ("f 1 9 moe:results k", False),
        ("r 1 11 moe:results k", False),
        ("k 1 11 moe:results other", False),
        ("t 1 11 moe:results y", False),
        ("n 1 11 moe:other ", False),
        ("t 1 9 moe:results x", False),
    ],
)
def test_a_notice_ends_what_is_older(hands: Hands, said: str, ends: bool) -> None:
    """Of its key, its tag, its namespace; by stamps, so an own fill's notice does not end the own entry."""
    near = hands.near()
    near.keep(SPACE, "k", entry(10, tags=("x",)), near.position)
    say(near, said)
    assert (near.get(SPACE, "k") is None) == ends


def test_what_was_overtaken_is_not_kept(hands: Hands) -> None:
    """Read before a purge, kept after its notice: it is refused."""
    near = hands.near()
    position = near.position
    say(near, "t 1 11 moe:results x")
    assert not near.keep(SPACE, "k", entry(10, tags=("x",)), position)
    assert near.keep(SPACE, "k", entry(12, tags=("x",)), position)


def test_a_loss_forgets_all(hands: Hands) -> None:
    """What is held, and what was asked for before: its purge may be among what was lost."""
    near = hands.near()
    near.keep(SPACE, "k", entry(), near.position)
    asked_at = near.position
    near.lost()
    assert near.get(SPACE, "k") is None
    assert not near.keep(SPACE, "k", entry(), asked_at)
    assert near.keep(SPACE, "k", entry(), near.position)


def test_a_gap_in_the_numbers_is_a_loss(hands: Hands) -> None:
    """1, 2, 4: one was missed. The same one again, as a cluster tells it, is none."""
    near = hands.near()
    for number in (1, 2, 2, 1):
        say(near, f"k {number} 5 moe:results other")
    near.keep(SPACE, "k", entry(), near.position)
    assert near.get(SPACE, "k") is not None
    say(near, "k 4 6 moe:results other")
    assert near.get(SPACE, "k") is None
    assert near.gaps == 1


def test_purges_that_were_forgotten_are_not_believed_away(hands: Hands) -> None:
    """More purges than it remembers: an entry that one of the forgotten could have ended is not served."""
    near = hands.near(purges_max=10)
    near.keep(SPACE, "unseen", entry(10, tags=("x",)), near.position)
    near.keep(SPACE, "seen", entry(10), near.position)
    asked_at = near.position
    say(near, "t 1 11 moe:results x")
    for number in range(12):
        assert near.get(SPACE, "seen") is not None  # looked at since: it stands
        say(near, f"k {number + 2} 11 moe:results other-{number}")
    assert near.get(SPACE, "unseen") is None
    assert not near.keep(SPACE, "late", entry(10), asked_at)
    assert near.get(SPACE, "seen") is not None
    assert len(near._purges) <= 10


def test_who_waits_is_woken(hands: Hands) -> None:
    """By what is told of the key, of all of the namespace, by a loss; once; and not after leaving."""
    near = hands.near()
    woken: list[str] = []
    near.wake_at_notice(SPACE, "a", lambda: woken.append("a"))
    near.wake_at_notice(SPACE, "b", lambda: woken.append("b"))
    near.wake_at_notice(OTHER, "a", lambda: woken.append("other"))
    near.wake_at_notice(SPACE, "a", lambda: woken.append("left"))()
    say(near, "r 1 5 moe:results a")
    say(near, "f 2 5 moe:results a")
    assert woken == ["a"]
    say(near, "n 3 6 moe:results ")
    assert woken == ["a", "b"]
    near.lost()
    assert woken == ["a", "b", "other"]
    assert not near._waiting


def test_what_is_asked_for_most(hands: Hands) -> None:
    """Most first, with its hits; what nobody asked for is not among them."""
    near = hands.near()
    for key, times in (("a", 3), ("b", 5), ("c", 0)):
        near.keep(SPACE, key, entry(), near.position)
        for _ in range(times):
            near.get(SPACE, key)
    assert near.hot(5) == [("moe:results", "b", 5), ("moe:results", "a", 3)]
