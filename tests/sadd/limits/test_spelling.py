"""One spelling for what can be spelled in several, whatever way a question comes in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.limiter import Limiter
from sadd.limits.desk import Desk
from sadd.limits.leases import Leases
from sadd.limits.rule import Rules, When
from sadd.limits.rules import Book
from sadd.limits.slots import Slots
from sadd.limits.spelling import Misspelt, plain, plain_route
from tests.sadd.limits.scene import Books, View, asked, reasons, rule

SECRET = rule("secret", effect="deny", route="/secret")
HEADER = rule("robots", effect="deny", when=(When("header:user-agent", any_of=("bot",)),))
NETWORK = rule("network", effect="deny", when=(When("ip", any_of=("203.0.113.0/24", "2001:db8::/32")),))
RULES = (SECRET, HEADER, NETWORK)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("/", "/"),
        ("/a//b", "/a/b"),
        ("//a", "/a"),
        ("/a/./b/../c", "/a/c"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/../../a", "/a"),
        ("/%72esults", "/results"),
        ("/a%2Fb", "/a/b"),
        ("/a/%2e%2e/b", "/b"),
        ("/%2561", "/%61"),
        ("/results;jsessionid=1/7", "/results/7"),
        ("/news/..;/results", "/results"),
        ("/news/..%3b/results", "/results"),
        ("/results;", "/results"),
        ("/a?b/../c", "/a"),
        ("/a#b", "/a"),
        ("https://portal.example/a?b", "/a"),
        ("https://portal.example", "/"),
        ("*", "*"),
        ("renew//a", "renew//a"),
        ("renew?to=https://portal.example", "renew?to=https://portal.example"),
        ("", ""),
        ("/نتائج", "/نتائج"),
    ],
)
def test_one_page_has_one_path(uri: str, path: str) -> None:
    """A rule for a page holds for each spelling that an origin takes for it."""
    assert plain_route(uri) == path


@given(st.lists(st.sampled_from(["/", ".", "..", "a", "%2f", "%2e", "?", "b", ";", "%3B"]), max_size=12))
def test_a_path_is_absolute_and_plain(pieces: list[str]) -> None:
    """Whatever comes in: one slash to begin with, no empty segment within, no dots."""
    path = plain_route("/" + "".join(pieces))
    segments = path.split("/")
    assert segments[0] == ""
    assert "" not in segments[1:-1]
    assert not {".", ".."} & set(segments)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"ip": "203.0.113.5:443"}, {"ip": "203.0.113.5"}),
        ({"ip": "203.0.113.5 "}, {"ip": "203.0.113.5"}),
        ({"ip": "[2001:db8::1]"}, {"ip": "2001:db8::1"}),
        ({"ip": "[2001:db8::1]:443", "app": "a"}, {"ip": "2001:db8::1", "app": "a"}),
        ({"header:User-Agent": "bot"}, {"header:user-agent": "bot"}),
        ({"Header:X": ""}, {"header:x": ""}),
        ({"key": "k", "citizen": "c"}, {"key": "k", "citizen": "c"}),
    ],
)
def test_what_is_meant_is_understood(said: dict[str, str], meant: dict[str, str]) -> None:
    """Addresses as the gate takes them, and header fields in any case."""
    assert plain(asked(descriptors=said)).descriptors == meant


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"ip": "not-an-ip"}, ("descriptors", "ip")),
        ({"ip": "009.9.9.9"}, ("descriptors", "ip")),
        ({"ip": "10.0.0.1, 203.0.113.9"}, ("descriptors", "ip")),
        ({"ip": ""}, ("descriptors", "ip")),
        ({"Ip": "203.0.113.5"}, ("descriptors", "Ip")),
        ({"app": "a", "citzen": "c"}, ("descriptors", "citzen")),
        ({"route": "/secret"}, ("descriptors", "route")),
        ({"header:": "x"}, ("descriptors", "header:")),
        ({"header:a b": "x"}, ("descriptors", "header:a b")),
        ({"header:A": "x", "header:a": "y"}, ("descriptors",)),
    ],
)
def test_what_nobody_can_mean_is_refused(said: dict[str, str], place: tuple[str, ...]) -> None:
    """With its place: a rule about it would not hold, and nobody would notice."""
    with pytest.raises(Misspelt) as wrong:
        plain(asked(descriptors=said))
    assert wrong.value.steps == place


def test_a_plain_question_is_left_alone() -> None:
    """Nothing is made anew where there is nothing to change."""
    question = asked(route="/secret", descriptors={"ip": "2001:db8::1", "header:x": "y"})
    assert plain(question) is question


@pytest.mark.parametrize(
    "fields",
    [
        *({"route": route} for route in ("/secret", "/%73ecret?x", "/secret#x", "//secret", "/x/../secret")),
        {"descriptors": {"header:User-Agent": "bot"}},
        {"descriptors": {"ip": "203.0.113.5:443"}},
        {"descriptors": {"ip": "[2001:db8::1]"}},
    ],
)
async def test_no_way_in_is_come_by_with_another_spelling(limiter: Limiter, fields: dict[str, Any]) -> None:
    """A check, one in a batch, a lease, a slot and an explanation are refused alike."""
    desk = Desk(limiter, View(), Books(Book.of(Rules(1, RULES))))
    question = asked(**fields)
    assert not (await desk.decide(None, question)).allowed
    assert [one.allowed for one in await desk.decide_many(None, [asked(), question])] == [True, False]
    assert (await Leases(limiter, desk).lease(None, question, 1)).granted == 0
    assert not (await Slots(limiter, desk).acquire(None, question)).decision.allowed
    assert "denies" in [fate for fate, _ in reasons(list(RULES), question).values()]


@pytest.mark.parametrize("rules", [(), RULES])
async def test_no_way_in_takes_what_is_misspelt(limiter: Limiter, rules: Any) -> None:
    """With rules and without; of a batch nothing is taken, and the refusal says which question it is."""
    desk = Desk(limiter, View(), Books(Book.of(Rules(1, rules))))
    question = asked(descriptors={"foo": "bar"})
    with pytest.raises(Misspelt):
        await desk.decide(None, question)
    with pytest.raises(Misspelt) as wrong:
        await desk.decide_many(None, [asked(), question])
    assert wrong.value.index == 1
    with pytest.raises(Misspelt):
        await Leases(limiter, desk).lease(None, question, 1)
    with pytest.raises(Misspelt):
        await Slots(limiter, desk).acquire(None, question)
    with pytest.raises(Misspelt):
        reasons(list(rules), question)
    assert (await desk.decide(None, asked(cost=0))).decision.remaining == 20
