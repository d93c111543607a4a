"""``/openapi.json`` and ``/docs``: the interface, for programs and for people."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
import msgspec
from aiohttp import hdrs, web
from markupsafe import Markup, escape

from sadd.web.endpoint import Call, Endpoint
from sadd.web.example import example_of
from sadd.web.openapi import SCHEME, Json, document
from sadd.web.problem import TYPE_BASE

_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that does not change while the worker lives, with what it is served with."""

    body: bytes
    headers: Mapping[str, str]

    def answer(self, request: web.Request) -> web.StreamResponse:
        etag = self.headers[hdrs.ETAG]
        if etag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
            return web.Response(status=304, headers={hdrs.ETAG: etag})
        return web.Response(body=self.body, headers=self.headers)


def document_endpoints(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """The two endpoints that describe all the others, and themselves."""
    texts: dict[str, _Text] = {}

    async def openapi(call: Call) -> web.StreamResponse:
        return texts["openapi"].answer(call.request)

    async def docs(call: Call) -> web.StreamResponse:
        return texts["docs"].answer(call.request)

    own = [
        Endpoint("GET", "/openapi.json", openapi, "This interface, as an OpenAPI 3.1 document", "documents"),
        Endpoint(
            "GET", "/docs", docs, "This interface, as a page to read", "documents", media_type="text/html"
        ),
    ]
    described = document([*endpoints, *own])
    texts["openapi"] = _text(msgspec.json.encode(described), "application/json")
    page, policy = _page(described)
    texts["docs"] = _text(page.encode(), "text/html; charset=utf-8", policy)
    return own


def _text(body: bytes, media_type: str, policy: str | None = None) -> _Text:
    headers: dict[str, str] = {
        hdrs.CONTENT_TYPE: media_type,
        hdrs.ETAG: f'"{hashlib.sha256(body).hexdigest()[:24]}"',
        hdrs.CACHE_CONTROL: "no-cache",
    }
    if policy is not None:
        headers["Content-Security-Policy"] = policy
        headers["Referrer-Policy"] = "no-referrer"
    return _Text(body, headers)


def _page(described: Json) -> tuple[str, str]:
    """The page and its content security policy, which allows its one style sheet and nothing else."""
    folder = resources.files("sadd.web")
    style = folder.joinpath("docs.css").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["prose"] = _prose
    template = environment.from_string(folder.joinpath("docs.html").read_text("utf-8"))
    page = template.render(
        info=described["info"],
        style=style,
        sections=_sections(described),
        schemas=described["components"]["schemas"],
        problems=TYPE_BASE,
        type_of=type_of,
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return page, f"{policy}; frame-ancestors 'none'"


def _prose(text: str) -> Markup:
    """The one piece of Markdown that descriptions use: `code`."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped just now


def _sections(described: Json) -> dict[str, list[Json]]:
    """The operations by tag, each with its method, path and a curl line."""
    sections: dict[str, list[Json]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            entry = {
                **operation,
                "method": method.upper(),
                "path": path,
                "scope": operation["security"][0][SCHEME][0] if operation["security"] else None,
                "curl": _curl(method.upper(), path, operation, described["components"]["schemas"]),
            }
            sections.setdefault(operation["tags"][0], []).append(entry)
    return sections


def _curl(method: str, path: str, operation: Json, schemas: Json) -> str:
    words = [
        "curl" if method == "GET" else f"curl -X {method}",
        f'"$SADD{_called(path, operation, schemas)}"',
    ]
    if operation["security"]:
        words.append('-H "Authorization: Bearer $SADD_KEY"')
    words += [
        f'-H "{parameter["name"]}: …"'
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "header" and parameter["name"].startswith("Sadd-")
    ]
    words += _body_words(operation.get("requestBody", {}).get("content", {}))
    return " \\\n  ".join(words)


def _called(path: str, operation: Json, schemas: Json) -> str:
    """The path with its required query parameters filled in, and capitals where the reader fills in.

    Braces would not do: curl takes them for a list of addresses.
    """
    path = re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), path)
    required = [
        f"{parameter['name']}={example_of(parameter['schema'], schemas)}"
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter["required"]
    ]
    return path + ("?" + "&".join(required) if required else "")


def _body_words(content: Json) -> Iterator[str]:
    if "application/json" in content:
        yield '-H "Content-Type: application/json"'
        body = json.dumps(content["application/json"]["example"], ensure_ascii=False)
        yield "-d '" + body.replace("'", "'\\''") + "'"
    elif content:
        yield "--data-binary @file"


def type_of(schema: Mapping[str, Any]) -> str:
    """A schema in a few words: ``integer ≥ 1``, ``array of Check``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if choices := schema.get("anyOf"):
        return " or ".join(type_of(choice) for choice in choices)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"array of {type_of(schema['items'])}" if schema.get("items") else "array"
    bounds = [f"{sign} {schema[name]}" for name, sign in _BOUNDS.items() if name in schema]
    return " ".join([str(schema.get("type", "any")), *bounds])


_BOUNDS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "minLength": "length ≥",
    "maxLength": "length ≤",
    "pattern": "like",
}
