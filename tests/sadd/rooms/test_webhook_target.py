"""Where webhooks may go, and how they are signed."""

from base64 import b64decode

import pytest

from sadd.rooms.webhook_events import event_of, may_wait
from sadd.rooms.webhook_signing import headers, new_id, shown
from sadd.rooms.webhook_target import Forbidden, check_address, check_url


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.moehe.gov.example/queues?a=1",
        "https://hooks.moehe.gov.example:8443/",
        "https://93.184.216.34/",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/",
    ],
)
def test_the_open_internet_over_tls_may_be_called(url: str) -> None:
    """By name or by address, on any port."""
    check_url(url, to_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0.0.0.0/",
        "https://10.0.0.8/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fd00::1]/",
        "https://[fe80::1%25eth0]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:0a00:0001::]/",
        "https://postgres/",
        "https://valkey.internal/",
        "https://printer.local./",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com/#fragment",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https:///path",
        "ftp://hooks.example.com/",
        "https://hooks.example.com/ a",
        "https://hooks.example.com/\nHost: x",
        "https://مثال.example/",
        "https://hooks.example.com/" + "a" * 500,
    ],
)
def test_no_network_behind_us_is_called(url: str) -> None:
    """In whatever spelling; nor is anything sent in the clear."""
    with pytest.raises(Forbidden):
        check_url(url, to_loopback=False)


def test_this_machine_only_where_a_setting_says_so() -> None:
    """To try webhooks; other private networks stay closed then too."""
    for url in ("http://127.0.0.1:8080/", "http://localhost/", "https://[::1]:8443/"):
        check_url(url, to_loopback=True)
    for url in ("http://10.0.0.8/", "https://10.0.0.8/", "http://hooks.example.com/"):
        with pytest.raises(Forbidden):
            check_url(url, to_loopback=True)


def test_each_address_of_a_name_is_judged() -> None:
    """A name may say another one by the time it is called."""
    check_address("93.184.216.34", to_loopback=False)
    for address in ("10.0.0.1", "::1", "fe80::1%eth0", "no address"):
        with pytest.raises(Forbidden):
            check_address(address, to_loopback=False)


def test_messages_are_signed_as_the_specification_has_it() -> None:
    """Its reference example: the same secret, id, time and body give the same signature."""
    secret = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    fields = headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert fields["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert shown(secret) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert new_id("msg", lambda count: b"\0" * count) == "msg_aaaaaaaaaaaaaaaa"


def test_changes_of_state_have_their_names() -> None:
    """And what is no news has none."""
    assert event_of("open", "queueing", None) == "opened"
    assert event_of("queueing", "open", None) == "drained"
    assert event_of("queueing", "paused", None) == "paused"
    assert event_of("paused", "queueing", None) == event_of("paused", "open", None) == "resumed"
    assert event_of("queueing", "ended", 0) == "stock_ended"
    assert event_of("queueing", "ended", 5) is None
    assert event_of("queueing", "queueing", None) is None
    assert event_of("scheduled", "open", None) is None


def test_a_gust_is_no_news() -> None:
    """A line that comes and goes within seconds is told of later, if it is still so; a pause at once."""
    assert may_wait("opened", 3.0)
    assert may_wait("drained", 3.0)
    assert not may_wait("opened", 11.0)
    assert not may_wait("paused", 0.1)
