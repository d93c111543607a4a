"""Requests, plain and odd, that both ways must answer alike. Each is sent, then ``END``.

A case of two pieces has a bad request behind a good one. aiohttp forgets the good one if both come at once,
so it gets them one by one; the lane must give that answer either way.
"""

import json

from tests.sadd.web.lane.scene import BODY, KEY, post

BATCH = b"/v1/limits/check-batch"
TRY = b"GET /try HTTP/1.1\r\nHost: x\r\n\r\n"
ROOM = b"GET /v1/queues/moehe-results HTTP/1.1\r\nHost: x\r\n\r\n"
TICKET = b"GET /v1/queues/moehe-results/ticket HTTP/1.1\r\nHost: x\r\n\r\n"
CLAIM = b"POST /v1/queues/moehe-results/claim HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
JOIN = (
    b"POST /v1/queues/moehe-results/tickets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b'Content-Length: 15\r\n\r\n{"subject":"x"}'
)
PUT = b"PUT /try HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = b"1f\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (BODY[:31], len(BODY) - 31, BODY[31:])


def chunked(*headers: bytes, chunks: bytes = CHUNKS) -> bytes:
    head = post(*headers, b"Transfer-Encoding: chunked", body=b"")
    return head.replace(b"Content-Length: 0\r\n", b"") + chunks


def knock(*headers: bytes, service: bytes = b"moehe-results", method: bytes = b"GET") -> bytes:
    return raw(b"%b /gate/%b HTTP/1.1" % (method, service), b"Host: x", *headers)


def check(**members: object) -> bytes:
    return post(body=json.dumps({"policy": "moehe-results", "key": "k", **members}).encode())


def raw(request_line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([request_line, *headers]) + b"\r\n\r\n" + body


LINE = b"POST /v1/limits/check HTTP/1.1"
AUTH = b"Authorization: " + KEY
TYPE = b"Content-Type: application/json"
LENGTH = b"Content-Length: %d" % len(BODY)

CASES: dict[str, bytes | tuple[bytes, bytes]] = {
    "a check": post(),
    "refused": check(cost=21),
    "answered at once": check(key="at once"),
    "three checks in a row": post() * 3,
    "many checks in a row": post() * 100,
    "checks answered at once and later": (check(key="at once") + post()) * 5,
    "a batch": post(path=BATCH, body=b'{"checks":[%b,%b]}' % (BODY, BODY)),
    "a large batch": post(path=BATCH, body=b'{"checks":[%b]}' % b",".join([BODY] * 1000)),
    "a batch of none": post(path=BATCH, body=b'{"checks":[]}'),
    "a batch of one unknown": post(path=BATCH, body=b'{"checks":[%b]}' % BODY.replace(b"moehe", b"other")),
    "checks among others": post() + TRY + post() + PUT + post() + TRY + TRY + post(),
    "another path first": TRY + post() * 2,
    "cost 0": check(cost=0),
    "cost below 0": check(cost=-1),
    "cost with a fraction": check(cost=1.5),
    "cost true": check(cost=True),
    "cost huge": check(cost=10**30),
    "key empty": check(key=""),
    "key Arabic": check(key="مواطن"),
    "key too long": check(key="x" * 513),
    "key of many bytes": check(key="م" * 300),
    "unknown field": check(colour="red"),
    "descriptors": check(descriptors={"ip": "10.0.0.1"}, route="/a"),
    "unknown policy": check(policy="moehe-nothing"),
    "another's policy": check(policy="moph-appointment"),
    "retired policy": check(policy="moehe-closed"),
    "same field twice": post(body=b'{"policy":"moph-x","key":"k","policy":"moehe-results"}'),
    "bad JSON": post(body=b'{"policy":'),
    "JSON and more": post(body=BODY + b"x"),
    "JSON and spaces": post(body=b"  " + BODY + b"\n"),
    "JSON null": post(body=b"null"),
    "JSON of bad bytes": post(body=b'{"policy":"moehe-results","key":"\xff\xfe"}'),
    "JSON of UTF-16": post(body=BODY.decode().encode("utf-16")),
    "JSON with a NUL": post(body=b'{"policy":"moehe-results","key":"a\x00b"}'),
    "JSON with an escaped NUL": post(body=rb'{"policy":"moehe-results","key":"a\u0000b"}'),
    "JSON with half a surrogate": post(body=rb'{"policy":"moehe-results","key":"\ud800"}'),
    "JSON nested deeply": post(body=b"[" * 20_000),
    "no body": post(body=b""),
    "no length": (post().replace(LENGTH + b"\r\n", b"").removesuffix(BODY), BODY),
    "two lengths": post(LENGTH),
    "two lengths that differ": post(b"Content-Length: 1"),
    "two lengths in one": post(length=b"%d, %d" % (len(BODY), len(BODY))),
    "length signed": post(length=b"+%d" % len(BODY)),
    "length negative": post(length=b"-1"),
    "length hexadecimal": post(length=b"0x35"),
    "length with zeros": post(length=b"000%d" % len(BODY)),
    "length in other digits": post(length="٥٣".encode()),
    "length huge": post(length=b"9" * 30),
    "length with a space in it": post(length=b"5 3"),
    "body too large": post(body=b"x" * 70_000),
    "body announced too large": post(length=b"70000", body=b"x"),
    "no key": post(key=None),
    "wrong key": post(key=b"Bearer sadd_nobody_secret"),
    "key without the scope": post(key=b"Bearer sadd_reader_secret"),
    "basic credentials": post(key=b"Basic YTpi"),
    "key twice": post(AUTH),
    "key with spaces": post(key=b"  " + KEY + b"  "),
    "no media type": post(media_type=None),
    "another media type": post(media_type=b"text/plain"),
    "media type in capitals": post(media_type=b"Application/JSON"),
    "media type with charset": post(media_type=b"application/json; charset=utf-8"),
    "media type with another charset": post(media_type=b"application/json; charset=latin-1"),
    "media type twice": post(TYPE),
    "compressed": post(b"Content-Encoding: gzip"),
    "identity": post(b"Content-Encoding: identity"),
    "chunked": chunked(),
    "chunked, then a check": chunked() + post(),
    "chunked badly": chunked(chunks=b"zz\r\n"),
    "chunked with a trailer": chunked(chunks=CHUNKS[:-2] + b"X-Late: 1\r\n\r\n"),
    "chunked with an extension": chunked(chunks=CHUNKS.replace(b"1f\r\n", b"1f;a=b\r\n")),
    "chunked and a length": post(b"Transfer-Encoding: chunked"),
    "chunked in capitals and a length": post(b"transfer-ENCODING: Chunked"),
    "chunked not last": chunked().replace(b"chunked", b"chunked, gzip"),
    "chunked twice": chunked(b"Transfer-Encoding: chunked"),
    "transfer identity": post(b"Transfer-Encoding: identity"),
    "expects 100": post(b"Expect: 100-continue"),
    "expects another": post(b"Expect: the-unexpected"),
    "keep-alive": post(b"Connection: keep-alive") * 2,
    "Keep-Alive": post(b"Connection: Keep-Alive"),
    "connection of several": post(b"Connection: keep-alive, x-foo"),
    "connection twice": post(b"Connection: keep-alive", b"Connection: close"),
    "upgrade": post(b"Connection: upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
    "websocket": post(b"Connection: upgrade", b"Upgrade: websocket"),
    "upgrade without connection": post(b"Upgrade: h2c"),
    "HTTP/1.0": post().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.0 kept alive": post(b"Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.2": post().replace(b"HTTP/1.1", b"HTTP/1.2"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http/1.1": post().replace(b"HTTP/1.1", b"http/1.1"),
    "no version": raw(b"POST /v1/limits/check", b"Host: x"),
    "no host": post().replace(b"Host: x\r\n", b""),
    "two hosts": post(b"Host: y"),
    "empty host": post().replace(b"Host: x", b"Host: "),
    "strange host": post().replace(b"Host: x", b"Host: a b@c/d"),
    "request id": post(b"X-Request-Id: id-1"),
    "request id not well-formed": post(b"X-Request-Id: <id>"),
    "request id twice": post(b"X-Request-Id: id-1", b"X-Request-Id: id-2"),
    "trace": post(b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    "trace not well-formed": post(b"traceparent: 00-zz"),
    "trace of zeros": post(b"traceparent: 00-" + b"0" * 32 + b"-b7ad6b7169203331-01"),
    "conditions": post(b'If-Match: "a"', b"If-None-Match: *", b"Range: bytes=0-1"),
    "cookies": post(b"Cookie: a=b; c=d"),
    "an unknown field": post(b"X-Whatever: " + b"v" * 100),
    "empty field": post(b"X-Empty:"),
    "no space after the colon": post().replace(b"Host: x", b"Host:x"),
    "many spaces after the colon": post().replace(b"Host: x", b"Host:     x"),
    "tab after the colon": post().replace(b"Host: x", b"Host:\tx"),
    "spaces at the end": post(b"X-Spaced: a   "),
    "space before the colon": post(b"X-Spaced : a"),
    "space before length's colon": post().replace(b"Content-Length:", b"Content-Length :"),
    "folded": post(b"X-Folded: a\r\n b"),
    "folded length": post().replace(b"Content-Length: ", b"Content-Length:\r\n "),
    "folded first": post().replace(b"Host: x", b" Host: x"),
    "no colon": post(b"X-No-Colon"),
    "no name": post(b": value"),
    "name with a space": post(b"X Name: value"),
    "name with odd letters": post(b"X-!#$%&'*+.^_`|~: value"),
    "name with a bracket": post(b"X(Name): value"),
    "name not ASCII": post(b"X-N\xc3\xa4me: value"),
    "value not ASCII": post("X-Name: قطر".encode()),
    "value of bad bytes": post(b"X-Name: \xff\xfe"),
    "value with a NUL": post(b"X-Name: a\x00b"),
    "value with a bell": post(b"X-Name: a\x07b"),
    "value with a tab": post(b"X-Name: a\tb"),
    "value with DEL": post(b"X-Name: a\x7fb"),
    "value with CR": post(b"X-Name: a\rb"),
    "value with LF": post(b"X-Name: a\nX-Other: b"),
    "length after a bare LF": post(b"X-Name: a\nContent-Length: 0"),
    "length after a bare CR": post(b"X-Name: a\rContent-Length: 0"),
    "lines end with LF": post().replace(b"\r\n", b"\n"),
    "head ends with LF": post().replace(b"\r\n\r\n", b"\r\n\n"),
    "head ends with LF LF": post().replace(b"\r\n\r\n", b"\n\n"),
    "lines end with CR": post().replace(b"\r\n", b"\r"),
    "lines end with CR CR LF": post().replace(b"\r\n", b"\r\r\n"),
    "empty line first": b"\r\n" + post(),
    "empty lines first": b"\r\n\r\n\r\n" + post(),
    "empty line between": post() + b"\r\n" + post(),
    "empty lines between": post() + b"\r\n\r\n" + post(),
    "LF first": b"\n" + post(),
    "space first": b" " + post(),
    "NUL first": b"\x00" + post(),
    "two spaces in the line": post().replace(b"POST ", b"POST  "),
    "tab in the line": post().replace(b"POST ", b"POST\t"),
    "space at the line's end": post().replace(b"HTTP/1.1\r\n", b"HTTP/1.1 \r\n"),
    "target with a query": post(path=b"/v1/limits/check?a=b"),
    "target with an empty query": post(path=b"/v1/limits/check?"),
    "target with a fragment": post(path=b"/v1/limits/check#a"),
    "target encoded": post(path=b"/v1/limits/%63heck"),
    "target encoded badly": post(path=b"/v1/limits/check%zz"),
    "target with a slash at the end": post(path=b"/v1/limits/check/"),
    "target with two slashes": post(path=b"//v1/limits/check"),
    "target with dots": post(path=b"/v1/../v1/limits/check"),
    "target with a dot": post(path=b"/v1/./limits/check"),
    "target with a parameter": post(path=b"/v1/limits/check;a=b"),
    "target with a backslash": post(path=b"\\v1\\limits\\check"),
    "target absolute": post(path=b"http://x/v1/limits/check"),
    "target absolute of another": post(path=b"https://y:1/v1/limits/check"),
    "target with bad bytes": post(path=b"/v1/limits/check\xff"),
    "target with a NUL": post(path=b"/v1/limits/check\x00"),
    "target without a slash": post(path=b"v1/limits/check"),
    "target a star": post(path=b"*"),
    "target empty": post(path=b""),
    "GET": post().replace(b"POST ", b"GET ", 1),
    "PUT": post().replace(b"POST ", b"PUT ", 1),
    "HEAD": raw(b"HEAD /v1/limits/check HTTP/1.1", b"Host: x"),
    "DELETE": raw(b"DELETE /v1/limits/check HTTP/1.1", b"Host: x", AUTH),
    "OPTIONS": raw(b"OPTIONS /v1/limits/check HTTP/1.1", b"Host: x"),
    "OPTIONS *": raw(b"OPTIONS * HTTP/1.1", b"Host: x"),
    "CONNECT": raw(b"CONNECT x:443 HTTP/1.1", b"Host: x"),
    "TRACE": raw(b"TRACE /v1/limits/check HTTP/1.1", b"Host: x"),
    "method in small letters": post().replace(b"POST", b"post"),
    "method unknown": post().replace(b"POST", b"ASK"),
    "method of odd bytes": post().replace(b"POST", b"P\xc3\x96ST"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "words": b"hello there\r\n\r\n",
    "head too large": post(b"X-Large: " + b"x" * 5000),
    "head too large in sum": post(*[b"X-%d: %b" % (number, b"x" * 200) for number in range(25)]),
    "head just below": post(b"X-Large: " + b"x" * 3500),
    "too many fields": post(*[b"X-%d: 1" % number for number in range(65)]),
    "many fields": post(*[b"X-%d: 1" % number for number in range(58)]),
    "target too large": post(path=b"/" + b"x" * 5000),
    "parameter": raw(b"GET /v1/echo/room-1 HTTP/1.1", b"Host: x"),
    "parameter encoded": raw(b"GET /v1/echo/a%2Fb HTTP/1.1", b"Host: x"),
    "parameter of dots": raw(b"GET /v1/echo/.. HTTP/1.1", b"Host: x"),
    "more than a parameter": raw(b"GET /v1/echo/a/b HTTP/1.1", b"Host: x"),
    "room": ROOM,
    "room again": ROOM + ROOM + post() + ROOM,
    "room whose store is away": ROOM.replace(b"moehe-results", b"moph-appointment"),
    "room unknown": ROOM.replace(b"moehe-results", b"moehe-nothing"),
    "ticket of none": TICKET,
    "ticket forged": TICKET.replace(b"Host: x", b"Host: x\r\nSadd-Ticket: forged"),
    "ticket in a cookie": TICKET.replace(b"Host: x", b"Host: x\r\nCookie: a=b; sadd_ticket=forged; x"),
    "ticket of no room": TICKET.replace(b"moehe-results", b"moehe-nothing"),
    "ticket of dots": TICKET.replace(b"moehe-results", b".."),
    "ticket with a query": TICKET.replace(b"/ticket", b"/ticket?a=b"),
    "ticket deeper": TICKET.replace(b"/ticket", b"/ticket/x"),
    "claim of none": CLAIM,
    "claim with a body": CLAIM.replace(b"Length: 0", b"Length: 2") + b"{}",
    "claim by another method": CLAIM.replace(b"POST", b"PUT"),
    "join for a subject without a key": JOIN,
    "join with a foreign field": JOIN.replace(b"subject", b"subjekt"),
    "join with a broken body": JOIN.replace(b'"x"}', b'"x""'),
    "join with text": JOIN.replace(b"application/json", b"text/plain"),
    "claims in a row": CLAIM * 3 + TICKET + CLAIM,
    "room with a query": ROOM.replace(b"moehe-results", b"moehe-results?a=b"),
    "room encoded": ROOM.replace(b"moehe-results", b"moehe%2Dresults"),
    "room of dots": ROOM.replace(b"moehe-results", b".."),
    "room of none": ROOM.replace(b"moehe-results", b""),
    "room known to the caller": ROOM.replace(b"Host: x", b"Host: x\r\nIf-None-Match: *"),
    "room with a body": ROOM.replace(b"Host: x", b"Host: x\r\nContent-Length: 2") + b"{}",
    "room with a key": ROOM.replace(b"Host: x", b"Host: x\r\n" + AUTH),
    "room with a wrong key": ROOM.replace(b"Host: x", b"Host: x\r\nAuthorization: Bearer sadd_x"),
    "room with another's credentials": ROOM.replace(b"Host: x", b"Host: x\r\nAuthorization: Basic YTpi"),
    "room's HEAD": ROOM.replace(b"GET", b"HEAD"),
    "gate": knock(),
    "gate, refused": knock(b"X-Forwarded-For: 203.0.113.1"),
    "gate of a contradiction": knock(b"X-Original-URI: /a", b"X-Forwarded-Uri: /b"),
    "gate by any method": b"".join(
        knock(method=method) for method in (b"POST", b"PUT", b"DELETE", b"OPTIONS")
    ),
    "gate by HEAD": knock(method=b"HEAD"),
    "gate for nginx": knock(b"X-Accel: 1", b"X-Original-URI: /a?b=c"),
    "gate for a citizen": knock(b"Sadd-Session: s-7"),
    "gate for a stranger's session": knock(b"Cookie: sadd_session=s-8"),
    "gate for two fields of one name": knock(b"X-Forwarded-For: 10.0.0.1", b"X-Forwarded-For: 10.0.0.2"),
    "gate of an unknown service": knock(service=b"moehe-nothing"),
    "gate of a closed service": knock(service=b"moehe-closed"),
    "gate with more of a path": knock(service=b"moehe-results/a/b?c=d"),
    "gate of an encoded service": knock(service=b"moehe%2Dresults"),
    "gate with a body": knock(b"Content-Length: 2") + b"{}",
    "gate with an empty body": knock(b"Content-Length: 0"),
    "gate with a visitor's key": knock(b"Authorization: Bearer eyJ.x.y"),
    "gate with a key of ours": knock(b"Authorization: Bearer sadd_nobody_x"),
    "gate in a row": knock() * 3 + post() + knock(b"X-Request-Id: id-1") + knock(b"traceparent: x"),
    "a bad one behind a check": (post(), b"NONSENSE\r\n\r\n" + post()),
    "a lie about the length": (post(length=b"%d" % (len(BODY) - 1))[:-1], b"}"),
    "a smuggled request": post(body=BODY + b"\r\n\r\n" + TRY, length=b"%d" % len(BODY)),
    "a body that looks like a request": PUT.replace(b"Content-Length: 5", b"Content-Length: 42").replace(
        b"hello", TRY[:42].ljust(42)
    ),
}

OPEN_ENDED: dict[str, bytes] = {
    "close": post(b"Connection: close"),
    "close in capitals": post(b"Connection: CLOSE"),
    "a check, then close": post() + post(b"Connection: close"),
    "nothing": b"",
    "half a line": b"POST /v1/lim",
    "half a head": post()[:60],
    "a head without its last byte": post(body=b"", length=b"0")[:-1],
    "half a body": post()[:-10],
    "half a body behind a check": post() + post()[:-10],
    "half a head behind a check": post() + post()[:60],
    "no body at all": post(body=b"", length=b"10"),
    "a check, then silence": post(),
    "another, then half a head": TRY + post()[:60],
    "half a body of another": PUT[:-2],
    "half a chunk": chunked(chunks=CHUNKS[:20]),
    "CONNECT": raw(b"CONNECT x:443 HTTP/1.1", b"Host: x"),
    "TLS": b"\x16\x03\x01\x02\x00",
}

"""Nothing is sent behind these: they are never complete, or end the connection themselves."""

SPLIT = ("a check", "checks among others", "wrong key", "chunked", "expects 100", "folded", "unknown policy")
"""Cases that are also sent in two pieces, cut at every byte."""

MIXED = (
    *("a check", "a check", "refused", "answered at once", "a batch", "cookies", "request id", "trace"),
    *("unknown policy", "bad JSON", "cost below 0", "JSON null", "key Arabic"),
    *("gate", "gate for nginx", "gate for a citizen", "gate of an unknown service"),
    *("room", "room again", "room unknown", "room known to the caller"),
    *("parameter", "chunked", "keep-alive", "many spaces after the colon", "target with a query"),
)
"""Cases that leave the connection open, wherever they are cut and whatever comes behind them.

Not so a wrong key: aiohttp ends the connection if the body was still to come when it refused.
"""
