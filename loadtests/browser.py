"""A citizen's browser on gevent: one connection, cookies, and patience.

A page that takes longer than the patience is given up and its connection closed: the server has the
work, nobody has the page. Every request goes to ``heard`` with its step, latency and end.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import gevent
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPSocketResponse

from loadtests.tally import Step


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` 0 is none: ``error`` says why. ``ms`` is from being asked for to the last byte."""

    step: Step
    status: int
    ms: float
    error: str | None = None
    body: bytes = b""
    retry_after_seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.status in (200, 201)

    def json(self) -> dict[str, Any]:
        """The body as an object; empty when it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


Heard = Callable[[str, Answer], None]


class Browser:
    """Talks to the sites it is sent to, each over one kept connection."""

    def __init__(self, home: str, patience_seconds: float, heard: Heard) -> None:
        self.home = home.rstrip("/")
        self.cookies: dict[str, str] = {}
        self._patience_seconds = patience_seconds
        self._heard = heard
        self._clients: dict[str, HTTPClient] = {}

    def ask(
        self,
        step: Step,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request. ``url`` is a path of the home site or a whole address of another."""
        address = url if "://" in url else self.home + url
        body = urlencode(form).encode() if form is not None else b""
        begun = time.perf_counter()
        try:
            with gevent.Timeout(self._patience_seconds):
                status, body, kept = self._exchange(method, address, body, headers or {})
            answer = _answer(step, status, body, kept, begun)
        except gevent.Timeout:
            self._forget(address)
            answer = Answer(step, 0, _ms(begun), error="timeout")
        except OSError as away:
            self._forget(address)
            answer = Answer(step, 0, _ms(begun), error=type(away).__name__)
        except Exception as broken:  # the client has no common base for a torn answer
            self._forget(address)
            answer = Answer(step, 0, _ms(begun), error=type(broken).__name__)
        self._heard(method, answer)
        return answer

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _exchange(
        self, method: str, address: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, HTTPSocketResponse]:
        parts = urlsplit(address)
        response = self._client(address).request(
            method,
            parts.path + (f"?{parts.query}" if parts.query else ""),
            body=body,
            headers={"Accept": "application/json", **self._headers(address, bool(body)), **headers},
        )
        content = bytes(response.read())
        if address.startswith(self.home):
            self._keep_cookies(response)
        response.release()
        return response.status_code, content, response

    def _client(self, address: str) -> HTTPClient:
        site = "{0.scheme}://{0.netloc}".format(urlsplit(address))
        if site not in self._clients:
            self._clients[site] = HTTPClient.from_url(
                site,
                connection_timeout=self._patience_seconds,
                network_timeout=self._patience_seconds,
            )
        return self._clients[site]

    def _forget(self, address: str) -> None:
        site = "{0.scheme}://{0.netloc}".format(urlsplit(address))
        client = self._clients.pop(site, None)
        if client is not None:
            client.close()

    def _headers(self, address: str, has_form: bool) -> dict[str, str]:
        own = {"Content-Type": "application/x-www-form-urlencoded"} if has_form else {}
        if self.cookies and address.startswith(self.home):
            own["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return own

    def _keep_cookies(self, response: HTTPSocketResponse) -> None:
        for name, value in response.items():
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self.cookies[cookie] = content.strip('"')
        self.cookies = {name: value for name, value in self.cookies.items() if value}


def _answer(step: Step, status: int, body: bytes, response: HTTPSocketResponse, begun: float) -> Answer:
    refused = status == 429
    retry = response.get("retry-after") if refused else None
    error = f"status {status}" if status >= 400 and not refused else None
    seconds = float(retry) if isinstance(retry, str) and retry.isdigit() else 0.0
    return Answer(step, status, _ms(begun), error, body, seconds)


def _ms(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000
