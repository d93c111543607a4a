"""Envoy's external authorization, v3: its question put to the gate, and the gate's reply as Envoy reads it.

``context_extensions`` of the route names the service (``service: moehe-results``). What Envoy itself knows
(the request's method and path, and the address that it was called from) is taken from its own fields, never
from header fields that a visitor may have written.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from google.protobuf.message import DecodeError

from sadd.gate.knock import Knock
from sadd.gate.original import METHOD_FIELDS, URI_FIELDS
from sadd.gate.reply import ACCEL, REFUSAL, SUBJECT, Reply
from sadd.grpc.messages import CheckRequest, CheckResponse
from sadd.grpc.status import Code, Done, Status, Unary
from sadd.web.answer import problem_answer

CHECK = "/envoy.service.auth.v3.Authorization/Check"

SERVICE = "service"
"""The context extension that names the service."""

_OVERWRITE = 2
"""HeaderValueOption.HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD"""
_RPC_CODES = {403: 7, 404: 5, 429: 8, 503: 14}
"""google.rpc.Code of a refusal; Envoy asks only whether it is 0."""

KEPT_MAX = 64
"""Admissions of which only the values change: the fields have few names."""

_HIDDEN = frozenset(name.lower() for name in (*URI_FIELDS, *METHOD_FIELDS, ACCEL, REFUSAL))
"""Fields in which other proxies tell what Envoy tells in its own: from here they can only be a visitor's."""

_NO_MESSAGE = Status(Code.INTERNAL, "not a CheckRequest")
_NO_SERVICE = Status(Code.INVALID_ARGUMENT, f"context_extensions has no {SERVICE!r}")

_from_wire = CheckRequest.FromString


class Gate(Protocol):
    """What is asked of ``sadd.gate``."""

    def ask(self, knock: Knock, done: Callable[[Reply], None]) -> None: ...


class Fields:
    """The header fields of the visitor's request, as the gate looks at them; names in any case."""

    __slots__ = ("_client_ip", "_sent", "_source")

    def __init__(self, sent: Mapping[str, str], source: str, client_ip: str) -> None:
        """``sent`` by names in small letters; ``source`` is who called Envoy, and is the last of the
        ``client_ip`` field, as if Envoy had appended it there.
        """
        self._sent = sent
        self._source = source
        self._client_ip = client_ip

    def get(self, name: str, /) -> str | None:
        lowered = name.lower()
        return None if lowered in _HIDDEN else self._sent.get(lowered)

    def getall(self, name: str, default: list[str], /) -> list[str]:
        value = self.get(name)
        found = default if value is None else [value]
        return [*found, self._source] if self._source and name.lower() == self._client_ip else found


def authorization(gate: Gate, client_ip_header: str) -> Unary:
    """The method Check. ``client_ip_header`` is the gate's own setting."""
    client_ip = client_ip_header.lower()

    def check(message: bytes, peer: str, done: Done) -> None:
        try:
            attributes = _from_wire(message).attributes
        except DecodeError:
            done(_NO_MESSAGE)
            return
        service = attributes.context_extensions.get(SERVICE)
        if not service:
            done(_NO_SERVICE)
            return
        http = attributes.request.http
        fields = Fields(_sent(http), attributes.source.address.socket_address.address, client_ip)
        gate.ask(Knock(service, peer, fields, http.method, http.path), lambda reply: done(_answer(reply)))

    return check


def _sent(http: Any) -> Mapping[str, str]:
    """Header fields by their names in small letters; ``encode_raw_headers`` puts them elsewhere."""
    if not http.HasField("header_map"):
        return cast("Mapping[str, str]", http.headers)
    sent: dict[str, str] = {}
    for header in http.header_map.headers:
        value = header.value or header.raw_value.decode("latin-1")
        joint = "; " if header.key == "cookie" else ","
        sent[header.key] = f"{sent[header.key]}{joint}{value}" if header.key in sent else value
    return sent


def _answer(reply: Reply) -> bytes:
    if reply.problem is None:
        return _admitted(reply.fields)
    response = CheckResponse()
    response.status.code = _RPC_CODES.get(reply.status, 7)
    _refuse(response.denied_response, reply)
    return cast("bytes", response.SerializeToString())


def _admitted(fields: Mapping[str, str]) -> bytes:
    """The usual answer. One with the same fields is kept, and only their values are set anew."""
    shape = (bool(fields.get(SUBJECT)), *fields)
    kept = _kept.get(shape)
    if kept is None:
        if len(_kept) >= KEPT_MAX:
            _kept.clear()
        _kept[shape] = kept = _Admission(fields)
    for header, value in zip(kept.headers, fields.values(), strict=True):
        header.value = value
    return cast("bytes", kept.response.SerializeToString())


class _Admission:
    """OK: the subject for the origin, or nobody's whatever the visitor sent; the rest for the visitor."""

    __slots__ = ("headers", "response")

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.response: Any = CheckResponse()
        ok = self.response.ok_response
        self.headers: list[Any] = []
        if not fields.get(SUBJECT):
            ok.headers_to_remove.append(SUBJECT.lower())
        for name, value in fields.items():
            if name != SUBJECT:
                self.headers.append(_put(ok.response_headers_to_add, name, value))
            elif value:
                self.headers.append(_put(ok.headers, name, value))
            else:
                self.headers.append(_Nowhere())


class _Nowhere:
    """Stands for the header of a subject that is nobody: it is removed, and has no value."""

    value = ""


_kept: dict[tuple[object, ...], _Admission] = {}


def _refuse(denied: Any, reply: Reply) -> None:
    assert reply.problem is not None
    page = problem_answer(reply.problem, uuid.uuid4().hex)
    denied.status.code = reply.status
    denied.body = cast("bytes", page.body).decode()
    for name, value in page.headers.items():
        if name.lower() not in {SUBJECT.lower(), "content-length"}:
            _put(denied.headers, name, value)


def _put(options: Any, name: str, value: str) -> Any:
    """Adds a header, and returns it."""
    header = options.add(append_action=_OVERWRITE).header
    header.key = name.lower()
    header.value = value
    return header
