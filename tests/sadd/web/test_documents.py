"""The interface as a document and as a page."""

import base64
import hashlib
import html
import re
from typing import Annotated, Any, Literal

import msgspec
import pytest
from aiohttp import web
from multidict import istr
from openapi_spec_validator import OpenAPIV31SpecValidator

from sadd.web.answer import json_answer
from sadd.web.documents import document_endpoints
from sadd.web.endpoint import Call, Endpoint
from sadd.web.health import Health, endpoints
from sadd.web.openapi import document
from tests.sadd.web.served import endpoint, served


class Item(msgspec.Struct):
    """One thing."""

    id: str
    kind: Literal["red", "green"]
    children: "list[Item]" = []


class Search(msgspec.Struct):
    q: Annotated[str, msgspec.Meta(min_length=1, description="What to look for.")]
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    tag: tuple[str, ...] = ()
    new: bool | None = None


class Order(msgspec.Struct, forbid_unknown_fields=True):
    key: Annotated[str, msgspec.Meta(examples=["citizen-1's"])]
    cost: Annotated[int, msgspec.Meta(ge=2)]
    note: str | None = None


async def nothing(call: Call) -> web.StreamResponse:
    return json_answer({})


EVERY_KIND = [
    endpoint(nothing, query=Search, answers={200: list[Item]}),
    endpoint(
        nothing, method="POST", body=Order, scope="limits:check", answers={201: Item, 204: None, 503: None}
    ),
    endpoint(
        nothing, method="PUT", path="/bytes/{room}/{key:[a-z]{2,3}}", raw_body=True, scope="cache:write"
    ),
    endpoint(nothing, path="/ticket", headers={istr("Sadd-Ticket"): "The ticket."}, media_type="text/plain"),
    *endpoints(Health({})),
]


@pytest.fixture
def described() -> dict[str, Any]:
    return document(EVERY_KIND)


def test_the_document_is_valid(described: dict[str, Any]) -> None:
    """OpenAPI 3.1 by its own schema, with what describes the document itself."""
    OpenAPIV31SpecValidator(document([*EVERY_KIND, *document_endpoints(EVERY_KIND)])).validate()
    OpenAPIV31SpecValidator(described).validate()


def test_parameters_come_from_path_query_and_headers(described: dict[str, Any]) -> None:
    """Each with its place, its bounds, its default and its meaning."""
    search = {parameter["name"]: parameter for parameter in described["paths"]["/try"]["get"]["parameters"]}
    assert search["q"]["required"]
    assert search["q"]["description"] == "What to look for."
    assert search["new"]["schema"] == {"type": "boolean"}  # left out, or given: never null
    assert search["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}

    room, key = described["paths"]["/bytes/{room}/{key}"]["put"]["parameters"]
    assert (room["in"], room["required"], key["schema"]["pattern"]) == ("path", True, "^[a-z]{2,3}$")

    (ticket,) = described["paths"]["/ticket"]["get"]["parameters"]
    assert (ticket["in"], ticket["name"]) == ("header", "Sadd-Ticket")


def test_problems_are_among_the_answers(described: dict[str, Any]) -> None:
    """An endpoint lists what the server may say for it, and its own."""
    answers = described["paths"]["/try"]["post"]["responses"]
    assert sorted(answers) == ["201", "204", "400", "401", "403", "408", "413", "415", "422", "500", "503"]
    assert "application/problem+json" in answers["503"]["content"]
    assert "401" not in described["paths"]["/try"]["get"]["responses"]


def test_the_scope_is_in_the_security_requirement(described: dict[str, Any]) -> None:
    """Public endpoints say that they are."""
    assert described["paths"]["/try"]["post"]["security"] == [{"apiKey": ["limits:check"]}]
    assert described["paths"]["/try"]["get"]["security"] == []


def test_the_example_is_a_valid_request(described: dict[str, Any]) -> None:
    """What the document shows would be accepted."""
    example = described["paths"]["/try"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert msgspec.convert(example, Order) == Order(key="citizen-1's", cost=2)


def test_two_endpoints_on_one_path_are_a_mistake() -> None:
    """Start-up stops on it: one of them would never be called."""
    with pytest.raises(ValueError, match="GET /try is mounted twice"):
        document([endpoint(nothing), endpoint(nothing)])


@pytest.mark.parametrize(
    ("path", "plain"), [("/a/{b}", "/a/{b}"), ("/{a:.+}", "/{a}"), ("/{a:[0-9]{2}}/{b_c}", "/{a}/{b_c}")]
)
def test_patterns_are_not_in_paths(path: str, plain: str) -> None:
    """OpenAPI has templates without regular expressions."""
    assert endpoint(nothing, path=path).template == plain


async def test_the_document_is_served_with_a_validator() -> None:
    """A client that has it gets 304."""
    async with served(EVERY_KIND) as site:
        async with site.client.get("/openapi.json") as response:
            etag = response.headers["ETag"]
            assert "/openapi.json" in (await response.json())["paths"]
        async with site.client.get("/openapi.json", headers={"If-None-Match": etag}) as response:
            assert (response.status, await response.read()) == (304, b"")


async def test_the_page_needs_nothing_but_itself() -> None:
    """One style sheet, whose hash is all that the policy allows; no script, nothing from elsewhere."""
    async with served(EVERY_KIND) as site, site.client.get("/docs") as response:
        page, policy = await response.text(), response.headers["Content-Security-Policy"]

        (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in policy
        assert policy.startswith("default-src 'none'")
        assert not re.search(r"<script|<link|<img|<iframe|\bstyle=|\bon\w+=|@import|url\(", page)
        assert "prefers-color-scheme: dark" in style


async def test_the_page_shows_each_endpoint_with_a_call() -> None:
    """Method, path, scope, and a line for the shell in which quotes are safe."""
    async with served(EVERY_KIND) as site, site.client.get("/docs") as response:
        page = html.unescape(await response.text())

        for mounted in EVERY_KIND:
            assert f"<b>{mounted.method}</b> <code>{mounted.template}</code>" in page
        assert 'curl -X POST \\\n  "$SADD/try"' in page
        assert '-H "Authorization: Bearer $SADD_KEY"' in page
        assert """-d '{"key": "citizen-1'\\''s", "cost": 2}'""" in page
        assert 'curl \\\n  "$SADD/try?q=string"' in page
        assert '"$SADD/bytes/ROOM/KEY"' in page
        assert '-H "Sadd-Ticket: …"' in page


def test_what_endpoints_say_is_escaped() -> None:
    """A summary is text, never markup."""
    nasty = Endpoint("GET", "/x", nothing, "<script>alert(1)</script>", "tests", description="`<b>`")
    page = document_endpoints([nasty])
    assert page  # rendering happens when the endpoints are made
