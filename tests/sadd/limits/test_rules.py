"""Which rules hold for a request."""

from hypothesis import given
from hypothesis import strategies as st

from sadd.limits.asked import Asked
from sadd.limits.candidate import candidate_of
from sadd.limits.rule import Override, Rule, When
from tests.sadd.limits.scene import CLINIC, FIVE, OTHER, RESULTS, TWO, asked, holding, judge, reasons, rule


def test_without_rules_the_class_holds() -> None:
    """Each caller has a counter of the service's class."""
    assert holding([], asked()) == {"class": "somebody"}


def test_limits_of_different_names_hold_together() -> None:
    """The platform's, the agency's and the service's, beside the class."""
    rules = [rule("flood"), rule("of-agency", agency="moehe"), rule("of-service", service=RESULTS)]
    assert set(holding(rules, asked())) == {"flood", "of-agency", "of-service", "class"}
    assert set(holding(rules, asked(OTHER))) == {"flood", "of-agency", "class"}
    assert set(holding(rules, asked(CLINIC))) == {"flood", "class"}


def test_of_one_name_the_most_specific_holds() -> None:
    """Platform gives way to agency, agency to service, service to route, route to key."""
    rules = [
        rule("a", name="pace"),
        rule("b", name="pace", agency="moehe"),
        rule("c", name="pace", service=RESULTS),
        rule("d", name="pace", service=RESULTS, route="/pdf/*"),
        rule("e", name="pace", when=(When("key", any_of=("vip",)),)),
    ]
    assert set(holding(rules, asked(CLINIC))) == {"a", "class"}
    assert set(holding(rules, asked(OTHER))) == {"b", "class"}
    assert set(holding(rules, asked(route="/html/1"))) == {"c", "class"}
    assert set(holding(rules, asked(route="/pdf/1"))) == {"d", "class"}
    assert set(holding(rules, asked(route="/pdf/1", key="vip"))) == {"e", "class"}


def test_a_rule_can_take_the_place_of_the_class() -> None:
    """By its name: for a service at once, for all only with a higher priority."""
    assert set(holding([rule("own", name="class", service=RESULTS)], asked())) == {"own"}
    assert set(holding([rule("all", name="class")], asked())) == {"class"}
    assert set(holding([rule("all", name="class", priority=1)], asked())) == {"all"}


def test_unlimited_takes_a_limits_place_and_counts_nothing() -> None:
    """The one limit is gone, the others hold."""
    rules = [rule("flood"), rule("free", effect="unlimited", name="flood", service=RESULTS)]
    assert set(holding(rules, asked())) == {"class"}
    assert set(holding([rule("free", effect="unlimited", name="class", service=RESULTS)], asked())) == set()


def test_a_denial_ends_it() -> None:
    """Whoever is on the list is refused, and no counter moves."""
    blocked = rule("blocked", effect="deny", when=(When("ip", any_of=("203.0.113.0/24", "2001:db8::/32")),))
    for address in ("203.0.113.9", "::ffff:203.0.113.9", "2001:db8:77::1"):
        ruling = judge([rule("flood"), blocked], asked(descriptors={"ip": address}))
        assert ruling.denied_by is not None
        assert ruling.denied_by.id == "blocked"
        assert ruling.held == []
    assert judge([blocked], asked(descriptors={"ip": "203.0.114.9"})).denied_by is None
    assert judge([blocked], asked()).denied_by is None


def test_a_network_in_either_of_its_forms() -> None:
    """A list of IPv4 networks may be written in IPv6's clothes: it once held for nobody."""
    when = (When("ip", any_of=("::ffff:203.0.113.0/120", "::ffff:198.51.100.7")),)
    blocked = rule("blocked", effect="deny", when=when)
    for address in ("203.0.113.9", "::ffff:203.0.113.9", "198.51.100.7"):
        assert judge([blocked], asked(descriptors={"ip": address})).denied_by is not None
    for address in ("203.0.114.9", "198.51.100.8", "::1"):
        assert judge([blocked], asked(descriptors={"ip": address})).denied_by is None


def test_an_allowance_lifts_what_has_its_priority_or_less() -> None:
    """A denial at the same priority stands before it; one below it is lifted."""
    friends = rule("friends", effect="allow", priority=5, when=(When("app", any_of=("metrash",)),))
    blocked = rule("blocked", effect="deny", priority=4)
    hard = rule("hard", priority=6)
    friend = asked(descriptors={"app": "metrash"})
    assert set(holding([friends, blocked, hard], friend)) == {"hard"}
    stranger = judge([friends, blocked, hard], asked(descriptors={"app": "other"}))
    assert stranger.denied_by is not None
    beside = rule("beside", effect="deny", priority=5)
    assert judge([friends, beside], friend).denied_by is not None


def test_a_limit_counts_by_its_descriptors() -> None:
    """One value is the key itself, several are joined, none is one counter for all."""
    who = asked(descriptors={"citizen": "c1", "app": "metrash", "header:x-device": "d|1"}, route="/a")
    assert holding([rule(by=("citizen",))], who)["flood"] == "c1"
    assert holding([rule(by=("citizen", "service", "route"))], who)["flood"] == f"c1|{RESULTS}|/a"
    assert holding([rule(by=("citizen", "header:x-device"))], who)["flood"] == r"c1|d\|1"
    assert holding([rule(by=())], who)["flood"] == "*"
    long = asked(descriptors={"header:x-device": "x" * 500})
    assert len(holding([rule(by=("header:x-device",))], long)["flood"]) == 71


def test_an_address_counts_by_its_network() -> None:
    """IPv4 by the address, IPv6 by its /64; a rule may say otherwise."""
    near, far = asked(descriptors={"ip": "2001:db8:1:2:3::4"}), asked(descriptors={"ip": "192.0.2.77"})
    assert holding([rule(by=("ip",))], near)["flood"] == "2001:db8:1:2::/64"
    assert holding([rule(by=("ip",))], far)["flood"] == "192.0.2.77"
    wide = rule(by=("ip",), ipv4_prefix=24, ipv6_prefix=48)
    assert holding([wide], near)["flood"] == "2001:db8:1::/48"
    assert holding([wide], far)["flood"] == "192.0.2.0/24"
    alone = asked(key="", descriptors={"ip": "2001:db8:1:2:3::4"})
    assert holding([], alone)["class"] == "2001:db8:1:2::/64"


def test_who_lacks_a_descriptor_is_skipped_or_counted_together_or_refused() -> None:
    """As the rule says; skipped, a less specific rule of the name takes its place."""
    rules = [rule("each", name="pace", agency="moehe", by=("citizen",)), rule("all", name="pace", by=("ip",))]
    nameless = asked(descriptors={"ip": "192.0.2.1"})
    assert set(holding(rules, nameless)) == {"all", "class"}
    assert holding([rule(by=("citizen",), without="together")], asked())["flood"] == "*"
    refused = judge([rule(by=("citizen",), without="deny")], asked()).denied_by
    assert refused is not None
    assert refused.id == "flood"


def test_some_keys_have_other_numbers() -> None:
    """The same counter with another policy, or none."""
    own = (Override(("gold",), limit=50), Override(("staff", "robot"), unlimited=True))
    pace = rule(limit=FIVE, overrides=own)
    (_, held) = judge([pace], asked(key="gold")).held
    assert (held.policy.id, held.policy.limit, held.policy.burst) == ("rule.flood", 50, 50)
    assert set(holding([pace], asked(key="robot"))) == {"class"}
    assert judge([pace], asked(key="tin")).held[1].policy.limit == 5


def test_a_rule_on_trial_refuses_nobody() -> None:
    """It displaces no other rule of its name, and an allowance does not hide it."""
    trial = rule("next", name="pace", service=RESULTS, limit=TWO, shadow=True)
    ruling = judge([rule("now", name="pace"), trial], asked())
    assert {held.candidate.id for held in ruling.held} == {"now", None}
    assert [held.candidate.id for held in ruling.trials] == ["next"]
    denial = rule("ban", effect="deny", shadow=True)
    ruling = judge([denial], asked())
    assert ruling.denied_by is None
    assert [one.id for one in ruling.trial_denials] == ["ban"]


def test_each_rule_has_a_reason() -> None:
    """What became of it, and why."""
    rules = [
        rule("pace", by=("citizen",)),
        rule("closer", name="pace", service=RESULTS),
        rule("paper", route="/pdf/*"),
        rule("robots", effect="deny", when=(When("header:user-agent", any_of=("*bot*",)),)),
        rule("theirs", agency="moph"),
        rule("device", by=("header:x-device",)),
        rule("trial", shadow=True),
    ]
    question = asked(route="/html", descriptors={"citizen": "c", "header:user-agent": "curl"})
    assert reasons(rules, question) == {
        "robots": ("passed over", "header:user-agent 'curl' is not in any_of"),
        "paper": ("passed over", "route '/html' is another one"),
        "closer": ("holds", "counts 'somebody'"),
        "pace": ("passed over", "closer has the same name 'pace' and comes first"),
        "class": ("holds", "counts 'somebody'"),
        "theirs": ("passed over", "it is for the agency moph"),
        "device": ("passed over", "the request has not all of header:x-device"),
        "trial": ("on trial", "counts 'somebody'"),
    }


def test_what_was_not_looked_at_has_a_reason_too() -> None:
    """Behind a denial, and under an allowance."""
    rules = [rule("ban", effect="deny", priority=1), rule("flood")]
    assert reasons(rules, asked()) == {
        "ban": ("denies", "no limit is asked"),
        "flood": ("passed over", "ban refuses before it"),
        "class": ("passed over", "ban refuses before it"),
    }
    rules = [rule("all", effect="allow"), rule("free", effect="unlimited", priority=1), rule("flood")]
    assert reasons(rules, asked()) == {
        "free": ("unlimited", "the limit 'free' does not count this request"),
        "all": ("allows", "whatever has priority 0 or less is lifted"),
        "flood": ("passed over", "lifted by all"),
        "class": ("passed over", "lifted by all"),
    }


LEVELS = st.sampled_from(
    [{}, {"agency": "moehe"}, {"agency": "moph"}, {"service": RESULTS}, {"service": OTHER}, {"route": "/a*"}]
)
RULES = st.lists(
    st.builds(
        lambda level, effect, name, priority, app: rule(
            "x",
            effect=effect,
            name=name if effect in ("limit", "unlimited") else None,
            priority=priority,
            when=(When("app", any_of=(app,)),) if app else (),
            **level,
        ),
        LEVELS,
        st.sampled_from(["limit", "limit", "limit", "unlimited", "allow", "deny"]),
        st.sampled_from(["pace", "quota", "class"]),
        st.integers(-1, 1),
        st.sampled_from(["", "", "metrash"]),
    ),
    max_size=8,
).map(lambda rules: [_named(f"r{i}", one) for i, one in enumerate(rules)])
QUESTIONS = st.builds(
    lambda s, route, app: asked(s, route=route, descriptors={"app": app} if app else {}),
    st.sampled_from([RESULTS, OTHER, CLINIC]),
    st.sampled_from(["", "/a/1", "/b"]),
    st.sampled_from(["", "metrash", "other"]),
)


def _named(id_: str, one: Rule) -> Rule:
    return rule(id_, **{f: getattr(one, f) for f in one.__struct_fields__ if f != "id"})


def _applies(one: Rule, question: Asked) -> bool:
    agency = {RESULTS: "moehe", OTHER: "moehe", CLINIC: "moph"}[question.service]
    return (
        one.agency in (None, agency)
        and one.service in (None, question.service)
        and (one.route is None or question.route.startswith("/a"))
        and all(question.descriptors.get("app") in when.any_of for when in one.when)
    )


def _model(rules: list[Rule], question: Asked) -> set[str] | None:
    """What the words say, read one by one: the ids of the limits that hold, None if it is refused."""
    fitting = [one for one in rules if _applies(one, question)]
    highest = max((one.priority for one in fitting if one.effect == "allow"), default=None)
    if any(one.effect == "deny" and (highest is None or one.priority >= highest) for one in fitting):
        return None
    left = [one for one in fitting if highest is None or one.priority > highest]
    limits = [
        (candidate_of(one).rank, one.limit_name, one) for one in left if one.effect in ("limit", "unlimited")
    ]
    if highest is None or highest < 0:
        limits.append(((0, 2, -3, 0, ""), "class", rule("class", name="class")))
    best: dict[str, tuple[object, Rule]] = {}
    for rank, name, one in sorted(limits, key=lambda each: each[0], reverse=True):
        best[name] = rank, one
    return {one.id for _, one in best.values() if one.effect == "limit"}


@given(RULES, QUESTIONS)
def test_the_rules_mean_what_their_words_say(rules: list[Rule], question: Asked) -> None:
    """Against a model that looks at all rules at once instead of going through them in order."""
    ruling = judge(rules, question)
    found = None if ruling.denied_by else {held.candidate.id or "class" for held in ruling.held}
    assert found == _model(rules, question)


@given(RULES, st.sampled_from([RESULTS, OTHER, CLINIC]))
def test_rules_that_want_more_than_is_said_are_left_out_beforehand(rules: list[Rule], service: str) -> None:
    """A request without a route and descriptors meets the same limits without the rules that want one."""
    question = asked(service)
    some = [one for one in rules if candidate_of(one).fits_bare]
    whole, bare = judge(rules, question), judge(some, question)
    assert [held.candidate.id for held in bare.held] == [held.candidate.id for held in whole.held]
    assert (bare.denied_by and bare.denied_by.id) == (whole.denied_by and whole.denied_by.id)
    assert (bare.lifted_by and bare.lifted_by.id) == (whole.lifted_by and whole.lifted_by.id)
    assert (bare.freed_by and bare.freed_by.id) == (whole.freed_by and whole.freed_by.id)
