"""A request is read in one way, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadd.shield.head import Unreadable, read_head

HOST = b"Host: moehe-results\r\n"


def head(line: bytes = b"GET / HTTP/1.1", fields: bytes = HOST) -> bytes:
    return line + b"\r\n" + fields + b"\r\n"


REFUSED = {
    "both lengths": head(fields=HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
    "a length twice": head(fields=HOST + b"Content-Length: 3\r\nContent-Length: 3\r\n"),
    "two lengths in a list": head(fields=HOST + b"Content-Length: 3, 3\r\n"),
    "a length with a sign": head(fields=HOST + b"Content-Length: +3\r\n"),
    "a length with a space in it": head(fields=HOST + b"Content-Length: 1 3\r\n"),
    "another coding": head(fields=HOST + b"Transfer-Encoding: gzip, chunked\r\n"),
    "a coding that looks like it": head(fields=HOST + b"Transfer-Encoding: xchunked\r\n"),
    "a coding with a tab in its name": head(fields=HOST + b"Transfer-Encoding\t: chunked\r\n"),
    "a coding twice": head(fields=HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    "a coding in HTTP/1.0": head(b"POST / HTTP/1.0", HOST + b"Transfer-Encoding: chunked\r\n"),
    "a space before the colon": head(fields=HOST + b"Content-Length : 3\r\n"),
    "a folded line": head(fields=HOST + b"X: a\r\n b\r\n"),
    "a bare line end": head(fields=HOST + b"X: a\nContent-Length: 3\r\n"),
    "a bare carriage return": head(fields=HOST + b"X: a\rContent-Length: 3\r\n"),
    "a NUL": head(fields=HOST + b"X: a\0b\r\n"),
    "no name": head(fields=HOST + b": a\r\n"),
    "no colon": head(fields=HOST + b"X\r\n"),
    "no host": head(fields=b""),
    "an empty host": head(fields=b"Host:\r\n"),
    "two hosts": head(fields=HOST + HOST),
    "a host with a path": head(fields=b"Host: moehe-results/x\r\n"),
    "a host with a user": head(fields=b"Host: me@moehe-results\r\n"),
    "two spaces": head(b"GET  / HTTP/1.1"),
    "a tab in the request line": head(b"GET\t/ HTTP/1.1"),
    "a space in the target": head(b"GET /a b HTTP/1.1"),
    "another version": head(b"GET / HTTP/2.0"),
    "a version of old": head(b"GET /"),
    "another host in the target": head(b"GET http://other.example/ HTTP/1.1"),
    "no path": head(b"GET moehe-results HTTP/1.1"),
    "an asterisk": head(b"OPTIONS * HTTP/1.1"),
    "Connection names the length": head(fields=HOST + b"Content-Length: 0\r\nConnection: content-length\r\n"),
    "Connection names the host": head(fields=HOST + b"Connection: close, Host\r\n"),
    "a fragment": head(b"GET /a#b HTTP/1.1"),
    "too many fields": head(fields=HOST + b"X: a\r\n" * 100),
}
TWO_WAYS = [
    b"/a/../b",
    b"/..",
    b"/a/.",
    b"/a/./b",
    b"/a/%2e%2e/b",
    b"/a/.%2E/b",
    b"/a/..;/b",
    b"/a/..;x=1/b",
    b"/a%2fb",
    b"/a%2Fb",
    b"/a%5cb",
    b"/a\\b",
    b"/a%00",
    b"/a%0d%0aX",
    b"/a%7f",
    b"/a%",
    b"/a%zz",
    b"/a%u002f",
    b"/<a>",
]
ONE_WAY = [
    b"/",
    b"/a.b/..c/d..",
    b"/a;b=1/c",
    b"//a",
    b"/%D9%82",
    b"/a%252fb",
    b"/a?b=../%2f%00",
    b"/...",
    b"/a:b@c",
]


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_what_two_readers_could_read_differently_is_refused(raw: bytes) -> None:
    """RFC 9112 §2.2, §3.2, §5.1, §5.2, §6.3: and 400 is what the client hears."""
    with pytest.raises(Unreadable) as refused:
        read_head(raw)
    assert refused.value.problem.status == 400


@pytest.mark.parametrize("target", TWO_WAYS)
def test_a_path_with_a_second_spelling_is_refused(target: bytes) -> None:
    """An origin may take it for another page than the one under whose name it would be kept."""
    with pytest.raises(Unreadable) as refused:
        read_head(head(b"GET " + target + b" HTTP/1.1"))
    assert refused.value.problem.slug in ("ambiguous-path", "malformed-http")


@pytest.mark.parametrize("target", ONE_WAY)
def test_a_usual_path_is_taken_byte_for_byte(target: bytes) -> None:
    """What is merely unusual goes on as it was sent."""
    assert read_head(head(b"GET " + target + b" HTTP/1.1")).target == target


@pytest.mark.parametrize("method", [b"CONNECT", b"TRACE"])
def test_tunnels_and_echoes_are_not_served(method: bytes) -> None:
    """TRACE would show what stands between."""
    with pytest.raises(Unreadable) as refused:
        read_head(head(method + b" / HTTP/1.1"))
    assert refused.value.problem.status == 501


def test_a_whole_url_of_the_same_host_is_its_path() -> None:
    """RFC 9112 §3.2.2."""
    read = read_head(head(b"GET http://MOEHE-Results/a?b HTTP/1.1"))

    assert (read.host, read.target) == (b"moehe-results", b"/a?b")


def test_a_host_is_compared_in_small_letters_and_without_a_port() -> None:
    """RFC 9110 §4.2.3."""
    assert read_head(head(fields=b"Host: MOEHE-results:8080\r\n")).host == b"moehe-results"


@pytest.mark.parametrize(
    ("line", "connection", "keeps"),
    [
        (b"GET / HTTP/1.1", b"", True),
        (b"GET / HTTP/1.1", b"Connection: Close\r\n", False),
        (b"GET / HTTP/1.0", b"", False),
        (b"GET / HTTP/1.0", b"Connection: keep-alive\r\n", True),
    ],
)
def test_whether_a_connection_is_kept(line: bytes, connection: bytes, *, keeps: bool) -> None:
    """RFC 9112 §9.3."""
    assert read_head(head(line, HOST + connection)).keeps_open is keeps


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(line: bytes, fields: bytes) -> None:
    """Nothing else comes of them, and what is read has no line end in it."""
    try:
        read = read_head(head(line, HOST + fields + b"\r\n"))
    except Unreadable:
        return
    assert not any(
        b"\n" in value or b"\r" in value or b"\0" in value for field in read.fields for value in field
    )
