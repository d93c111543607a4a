"""What is told to who watches a namespace, and that a gap is told as one."""

import pytest

from sadd.caching.hub import GAP, Event, Hub


class Proof:
    proven_until = 12.5


@pytest.fixture
def hub() -> Hub:
    return Hub(Proof(), 0.1)


def test_each_watcher_hears_of_its_namespace_in_order(hub: Hub) -> None:
    """Keys, tags, the namespace; puts and fills end what was there; a lease given back ends nothing."""
    mine: list[Event] = []
    others: list[Event] = []
    hub.watch("moehe:pages", mine.append)
    hub.watch("moph:pages", others.append)
    for number, (kind, name) in enumerate(
        [("p", "a"), ("f", "b"), ("k", "c d"), ("t", "x"), ("n", ""), ("r", "a")]
    ):
        hub.heard(f"{kind} {number + 7} 1 moehe:pages {name}".encode())
    assert mine == [
        Event("key", "a"),
        Event("key", "b"),
        Event("key", "c d"),
        Event("tag", "x"),
        Event("namespace"),
    ]
    assert others == []


def test_a_missing_number_is_a_gap(hub: Hub) -> None:
    """Told before what came after it; what comes twice is told once."""
    heard: list[Event] = []
    hub.watch("moehe:pages", heard.append)
    for number in (1, 2, 2, 4):
        hub.heard(f"k {number} 1 moehe:pages k{number}".encode())
    assert heard == [Event("key", "k1"), Event("key", "k2"), GAP, Event("key", "k4")]


def test_a_loss_is_a_gap_for_all(hub: Hub) -> None:
    """And whatever number comes then is right."""
    heard: list[Event] = []
    hub.watch("moehe:a", heard.append)
    hub.watch("moph:b", heard.append)
    hub.heard(b"k 5 1 moehe:a x")
    hub.lost()
    hub.heard(b"k 1 1 moehe:a y")
    assert heard == [Event("key", "x"), GAP, GAP, Event("key", "y")]


def test_who_leaves_hears_nothing_more(hub: Hub) -> None:
    """Also in the middle of it; nothing of him stays."""
    heard: list[Event] = []

    def once(event: Event) -> None:
        heard.append(event)
        leave()

    leave = hub.watch("moehe:a", once)
    stay = hub.watch("moehe:a", heard.append)
    hub.heard(b"k 1 1 moehe:a x")
    hub.heard(b"k 2 1 moehe:a y")
    assert heard == [Event("key", "x"), Event("key", "x"), Event("key", "y")]
    stay()
    assert hub._watched == {}


@pytest.mark.parametrize("said", [b"", b"k", b"k x 1 moehe:a x", b"\xff 1 1 moehe:a x", b"k 1 1 moehe:a"])
def test_what_is_no_notice_is_let_pass(hub: Hub, said: bytes) -> None:
    """Another version's, or nobody's."""
    heard: list[Event] = []
    hub.watch("moehe:a", heard.append)
    hub.heard(said)
    assert heard == []


def test_a_proof_counts_from_when_it_was_sent(hub: Hub) -> None:
    """Not from when it came back."""
    assert hub.proven_at == pytest.approx(12.4)
