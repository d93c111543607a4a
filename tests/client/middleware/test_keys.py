import pytest

from sadd_client.middleware.keys import address_key, bounded_key


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 198.51.100.1", None),
        ("/run/app.sock", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_is_a_key(address: str | None, key: str | None) -> None:
    """An IPv6 caller is its /64, one by way of IPv6 is its IPv4 address, and what is no address is nobody."""
    assert address_key(address) == key


def test_any_text_becomes_a_key_that_the_platform_takes() -> None:
    """A caller who sends a strange name gets a limit of his own, not an error and not nobody's."""
    strange = ["", "x" * 600, "ض" * 300, "\ud800"]
    bounded = [bounded_key(text) for text in strange]

    assert len(set(bounded)) == len(strange)
    assert all(0 < len(key.encode()) <= 512 for key in bounded)
    assert bounded_key("citizen-1") == "citizen-1"
