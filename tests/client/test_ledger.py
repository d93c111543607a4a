from sadd_client.lease import Lease
from sadd_client.ledger import IDLE_LOOKED_AT_MAX, Ledger


def hold(ledger: Ledger, key: str, ends: float) -> None:
    ledger.slice(key, 0.0)
    ledger.keep(key, Lease(key, 100, ends), 0.0)


def test_a_flood_of_keys_fills_no_memory() -> None:
    """The number of keys is bounded, and one with a lease outlives those without."""
    ledger = Ledger(keys_max=10)
    hold(ledger, "busy", 60.0)
    for number in range(1000):
        ledger.slice(f"k{number}", 0.0)
        assert ledger.surplus(0.0) == []

    assert ledger.stats(0.0).keys == 10
    assert ledger.slices["busy"].take(1, 1.0)


def test_a_lease_that_must_go_is_given_back() -> None:
    """When all keys have leases the oldest goes, with what is unused of it."""
    ledger = Ledger(keys_max=3)
    for number in range(4):
        hold(ledger, f"k{number}", 60.0)
        ledger.slice(f"k{number}", 0.0).take(30, 0.0)
    (given,) = ledger.surplus(0.0)

    assert given[1] == 70
    assert ledger.stats(0.0).outstanding == 3 * 70


def test_idle_ones_are_found() -> None:
    """Two looks without use between them; what was used stays, what is past its time is counted as lost."""
    ledger = Ledger(keys_max=10)
    for name, ends in (("idle", 60.0), ("used", 60.0), ("past", 1.0)):
        hold(ledger, name, ends)
    assert ledger.idle(0.5) == []
    ledger.slices["used"].take(1, 1.0)

    assert [(lease.id, unused) for lease, unused in ledger.idle(2.0)] == [("idle", 100)]
    ledger.granted = 300
    stats = ledger.stats(2.0)
    assert (stats.expired, stats.outstanding) == (100, 99)
    assert [(lease.id, unused) for lease, unused in ledger.everything(3.0)] == [("used", 99)]
    assert not ledger.holds()


def test_a_look_at_many_is_bounded() -> None:
    """The event loop is not held up by ten thousand leases; each has its turn."""
    ledger = Ledger(keys_max=2 * IDLE_LOOKED_AT_MAX)
    for number in range(IDLE_LOOKED_AT_MAX + 10):
        hold(ledger, f"k{number}", 60.0)
    given = [len(ledger.idle(1.0)) for _ in range(5)]

    assert max(given) <= IDLE_LOOKED_AT_MAX
    assert sum(given) == IDLE_LOOKED_AT_MAX + 10
