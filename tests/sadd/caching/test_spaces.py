"""Which namespace is what, by the catalogue of the moment."""

from dataclasses import dataclass

import msgspec
import pytest

from cache.policy import Times
from sadd.caching import spaces as module
from sadd.caching.place import checked_key, space_named
from sadd.caching.spaces import DEFAULT, Spaces
from sadd.catalogue.model import CacheClass, Catalogue
from sadd.catalogue.wording import ID_LENGTH_MAX
from tests.sadd.catalogue.scene import service, small


@dataclass
class Moving:
    """A view whose catalogue a test changes."""

    current: Catalogue


@pytest.fixture
def view() -> Moving:
    return Moving(small())


@pytest.fixture
def spaces(view: Moving) -> Spaces:
    return Spaces(view)


def changed(view: Moving, **fields: object) -> CacheClass:
    """The class of the scene, with other fields, is in force from now on."""
    class_: CacheClass = msgspec.structs.replace(view.current.classes.caches["page"], **fields)
    classes = msgspec.structs.replace(view.current.classes, caches={"page": class_})
    view.current = msgspec.structs.replace(view.current, classes=classes)
    return class_


def test_a_namespace_called_like_a_service_has_its_class(view: Moving, spaces: Spaces) -> None:
    """And so has what the caching proxy keeps of it, which makes room for itself."""
    changed(view, ttl_seconds=60, stale_seconds=30, stale_error_seconds=90, lease_seconds=7, sealed=True)
    for name in ("moehe-results", "shield-moehe-results"):
        space = spaces.of("moehe", name)
        assert (space.sealed, space.lease_ms, space.jitter) == (True, 7_000, 0.1)
        assert spaces.times("moehe", name) == Times(60_000, 90_000, 150_000)
        assert space.evicts == name.startswith("shield-")


def test_another_agencys_service_is_any_name(spaces: Spaces) -> None:
    """Whoever calls a namespace like it has a namespace of its own."""
    space = spaces.of("moph", "moehe-results")
    assert (space.tenant, space.bytes_max) == ("moph", DEFAULT.bytes_max)
    assert spaces.class_of("moph", "moehe-results") is DEFAULT


def test_a_change_of_the_class_holds_from_the_next_call_on(view: Moving, spaces: Spaces) -> None:
    """Without a change the very same space is given."""
    before = spaces.of("moehe", "moehe-results")
    assert spaces.of("moehe", "moehe-results") is before
    changed(view, entries_max=7)
    assert spaces.of("moehe", "moehe-results").entries_max == 7


def test_invented_names_do_not_fill_the_memory(spaces: Spaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many are at hand, and all are right."""
    monkeypatch.setattr(module, "SPACES_MAX", 3)
    assert [spaces.of("moehe", f"n{number}").namespace for number in range(10)] == [
        f"n{number}" for number in range(10)
    ]
    assert len(spaces._made) <= 3


def test_an_agency_may_have_a_bound_of_its_own(view: Moving, spaces: Spaces) -> None:
    """Else the one that is given."""
    assert spaces.bytes_max("moehe", 5) == 5
    agency = msgspec.structs.replace(view.current.agencies["moehe"], cache_bytes_max=9)
    view.current = msgspec.structs.replace(view.current, agencies={**view.current.agencies, "moehe": agency})
    assert (spaces.bytes_max("moehe", 5), spaces.bytes_max("moph", 5)) == (9, 5)


def test_every_service_has_a_namespace_of_each_kind(spaces: Spaces) -> None:
    """However long its id: the catalogue takes ids of so many characters."""
    longest = "a" * ID_LENGTH_MAX
    assert spaces.of("moehe", longest).namespace == longest
    assert spaces.of("moehe", f"shield-{longest}").evicts


def test_the_proxys_namespaces_are_known(view: Moving, spaces: Spaces) -> None:
    """Of services in the offer that have a class, of one agency or of all."""
    view.current = small(
        service("moehe-a"), service("moph-b", "moph"), service("moph-c", "moph", status="retired")
    )
    assert spaces.of_shield(None) == {"shield-moehe-a": "moehe", "shield-moph-b": "moph"}
    assert spaces.of_shield("moph") == {"shield-moph-b": "moph"}


@pytest.mark.parametrize("name", ["", "Pages", "a_b", "-a", "a" * 88, "a/b", "shield-moehe-results"])
def test_a_name_of_another_form_is_none(spaces: Spaces, name: str) -> None:
    """Nor is one of the caching proxy's for an agency to write."""
    with pytest.raises(ValueError, match="namespace"):
        space_named(spaces, "moehe", name)


@pytest.mark.parametrize("key", ["", "a b", "a%20b", "é", "a\nb", "k" * 257, "events", 'a"b', "a?b", "a#b"])
def test_a_key_of_another_form_is_none(key: str) -> None:
    """What a path could hold in two spellings is no key."""
    with pytest.raises(ValueError, match="key"):
        checked_key(key)
