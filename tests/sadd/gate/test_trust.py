"""Whose word is taken, and what a visitor can do about it: nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.gate.trust import HOPS_MAX, Trust, prefix_of
from sadd.limits.spelling import parsed

OURS = Trust(["10.0.0.0/8", "fd00::/8"])
VISITOR = "203.0.113.7"

anything = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)
proxies = st.lists(st.sampled_from(["10.0.0.1", "10.9.9.9:4711", "fd00::1", "[fd00::2]:80"]), max_size=4)


@given(sent=st.lists(anything, max_size=3), chain=proxies)
def test_a_visitor_cannot_move_its_address(sent: list[str], chain: list[str]) -> None:
    """Whatever stands in the field already, the address that our outermost proxy appends is the visitor's."""
    appended = ", ".join([*sent[-1:], VISITOR, *chain])
    assert OURS.visitor("10.0.0.1", [*sent[:-1], appended]) == VISITOR


@given(anything)
def test_a_stranger_is_not_believed(sent: str) -> None:
    """A peer outside the ranges gets no answer, whatever it says."""
    assert OURS.visitor(VISITOR, [sent]) is None


@pytest.mark.parametrize(
    ("told", "visitor"),
    [
        ([], "10.0.0.1"),
        ([""], "10.0.0.1"),
        (["198.51.100.2"], "198.51.100.2"),
        (["198.51.100.2:5555"], "198.51.100.2"),
        (["1.1.1.1, 198.51.100.2"], "198.51.100.2"),
        (["1.1.1.1", "198.51.100.2, 10.2.2.2"], "198.51.100.2"),
        (["2001:DB8:0::1"], "2001:db8::1"),
        (["[2001:db8::1]:443"], "2001:db8::1"),
        (["::ffff:198.51.100.2"], "198.51.100.2"),
        (["198.51.100.2, unknown"], "10.0.0.1"),
        (["198.51.100.2, unknown, 10.3.3.3"], "10.3.3.3"),
        (["10.5.5.5, 10.6.6.6"], "10.5.5.5"),
    ],
)
def test_the_last_that_is_none_of_ours(told: list[str], visitor: str) -> None:
    """From the right: past our proxies, never past what makes no sense."""
    assert OURS.visitor("10.0.0.1", told) == visitor


def test_an_ipv4_peer_on_a_socket_for_both() -> None:
    """A listener on :: sees IPv4 peers as mapped addresses; the ranges hold for them all the same."""
    assert OURS.visitor("::ffff:10.0.0.1", [VISITOR]) == VISITOR
    assert OURS.visitor("", [VISITOR]) is None


def test_a_chain_has_an_end() -> None:
    """A field of thousands of members costs a few."""
    told = ", ".join([VISITOR, *["10.0.0.1"] * 5000])
    assert OURS.visitor("10.0.0.1", [told]) == "10.0.0.1"
    within = ", ".join([VISITOR, *["10.0.0.1"] * (HOPS_MAX - 1)])
    assert OURS.visitor("10.0.0.1", [within]) == VISITOR


@pytest.mark.parametrize(
    "text",
    ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "g::1", "[", "[]:80", ":", "1.2.3.4\0", "01.2.3.4"],
)
def test_what_is_no_address(text: str) -> None:
    """RFC 7239 obfuscations and slips are no addresses."""
    assert parsed(text) is None


@given(st.ip_addresses(v=6))
def test_one_household_has_one_name(address: object) -> None:
    """IPv6 addresses are told apart by their first 64 bits, and the name is an address itself."""
    whole = parsed(str(address))
    named = prefix_of(str(whole))
    assert parsed(named) is not None
    assert prefix_of(named) == named
    if ":" in named:
        assert int(parsed(named)) >> 64 == int(whole) >> 64  # type: ignore[arg-type]  # both are addresses


def test_zones_are_the_proxys_affair() -> None:
    """fe80::1%eth0 is fe80::1."""
    assert str(parsed("fe80::1%eth0")) == "fe80::1"


@pytest.mark.parametrize("bad", ["10.0.0.1/8", "ten", "10.0.0.0/33"])
def test_ranges_that_are_none(bad: str) -> None:
    """A slip in the settings is told, not guessed at."""
    with pytest.raises(ValueError):
        Trust([bad])
