"""URLs of the store: every form, and the one line that a wrong one gets."""

import pytest

from sadd.valkey.address import Address, Login, Node, Shape, TlsFiles, node_of, parse
from sadd.valkey.errors import StoreRefused


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address(Shape.NODE, (Node("localhost", 6379),))),
        ("valkey://10.0.0.1:7000/2", Address(Shape.NODE, (Node("10.0.0.1", 7000),), Login(db=2))),
        ("redis://[::1]:7000", Address(Shape.NODE, (Node("::1", 7000),))),
        (
            "rediss://ada:p%40ss@store:7000?ca_file=/ca.pem",
            Address(Shape.NODE, (Node("store", 7000),), Login("ada", "p@ss"), TlsFiles(ca="/ca.pem")),
        ),
        ("redis://:secret@store", Address(Shape.NODE, (Node("store", 6379),), Login("", "secret"))),
        ("unix:///run/valkey.sock?db=1", Address(Shape.NODE, (Node(path="/run/valkey.sock"),), Login(db=1))),
        ("redis+cluster://a:1,b", Address(Shape.CLUSTER, (Node("a", 1), Node("b", 6379)))),
        ("valkeys+cluster://a", Address(Shape.CLUSTER, (Node("a", 6379),), tls=TlsFiles())),
        (
            "redis+sentinel://:pw@a,b:2/main?db=3&sentinel_password=other",
            Address(
                Shape.SENTINEL,
                (Node("a", 26379), Node("b", 2)),
                Login("", "pw", 3),
                None,
                "main",
                Login("", "other"),
            ),
        ),
    ],
)
def test_each_form_is_understood(url: str, address: Address) -> None:
    """Defaults are filled in; percent-encoding is for users and passwords with special characters."""
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://store", "scheme must be redis"),
        ("redis://a,b", "several hosts need"),
        ("redis+sentinel://a", "service's name"),
        ("redis+cluster://a/1", "db 1 found; a cluster has db 0 only"),
        ("redis://store?timeout=3", "unknown parameter timeout; accepted: db, ca_file"),
        ("redis://store:port", "a port or db that is no number"),
        ("redis://store/first", "a port or db that is no number"),
        ("unix://relative", "absolute path"),
        ("redis://:7000", "a host is missing"),
    ],
)
def test_a_wrong_url_gets_one_line(url: str, said: str) -> None:
    """The fault is named, and what is accepted where it is not plain."""
    with pytest.raises(StoreRefused, match=said) as refused:
        parse(url)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["redis://:sesame@[a", "redis://:sesame/@a:1", "sesame://:sesame@a", "redis://u:p:sesame@a:b"]
)
def test_a_wrong_url_never_repeats_its_password(url: str) -> None:
    """Whatever is wrong with it, and in the repr of a right one neither."""
    with pytest.raises(StoreRefused) as refused:
        parse(url)
    assert "sesame" not in f"{refused.value!r} {refused.value.__cause__!r}"
    assert "sesame" not in repr(parse("redis://u:sesame@a?sentinel_password=sesame"))


def test_moved_names_a_node() -> None:
    """host:port, an IPv6 address without brackets, or no host at all for a node that does not know it."""
    assert node_of("127.0.0.1:7000") == Node("127.0.0.1", 7000)
    assert node_of("::1:7000") == Node("::1", 7000)
    assert node_of(":7000") == Node("", 7000)
