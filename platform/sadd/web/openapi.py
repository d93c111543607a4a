"""The OpenAPI 3.1 document, made from the very endpoints that are mounted."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import hdrs

from sadd.version import __version__
from sadd.web.answer import PROBLEM_JSON
from sadd.web.endpoint import PATH_PARAMETER, Endpoint
from sadd.web.example import example_of

Json = dict[str, Any]

_SCHEMA_REF = "#/components/schemas/{name}"
SCHEME = "apiKey"

_ABOUT = """Shared services that absorb the surge: limits, cache, waiting rooms, sessions.

Durations are whole milliseconds with `_ms` in the name. A refusal is an answer: `check` says 200 with
`allowed: false`. Errors are problem details (RFC 9457) whose `type` stays the same; tell us the
`request_id`. Every answer carries it as `X-Request-Id`, and takes yours if you send one."""


class ProblemDetails(msgspec.Struct, frozen=True):
    """An error, as RFC 9457 has it. Each type may have members of its own."""

    type: str
    title: str
    status: int
    request_id: str
    detail: str = ""


class _Schemas:
    """All types of all endpoints, described together so that equal names are told apart."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._types: list[Any] = [ProblemDetails, *_types(endpoints)]
        schemas, self.components = msgspec.json.schema_components(self._types, ref_template=_SCHEMA_REF)
        self._schemas = list(schemas)

    def of(self, described: Any) -> Json:
        return self._schemas[self._types.index(described)]


def document(endpoints: Sequence[Endpoint]) -> Json:
    """The document as plain JSON values. ValueError: two endpoints on one method and path."""
    schemas = _Schemas(endpoints)
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        operations = paths.setdefault(endpoint.template, {})
        # What takes any method is described by one: OpenAPI has no word for any.
        method = "get" if endpoint.method == hdrs.METH_ANY else endpoint.method.lower()
        if method in operations:
            raise ValueError(f"{endpoint.method} {endpoint.path} is mounted twice")
        operations[method] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Sadd", "version": __version__, "description": _ABOUT},
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.tag for endpoint in endpoints)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {_problem_name(status): _problem(status, schemas) for status in _PROBLEMS},
            "securitySchemes": {
                SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "sadd_<prefix>_<secret>",
                    "description": "An agency's API key. What it may do is in its scopes.",
                }
            },
        },
    }


def _types(endpoints: Iterable[Endpoint]) -> Iterator[Any]:
    for endpoint in endpoints:
        if endpoint.body is not None:
            yield endpoint.body
        if endpoint.query is not None:
            yield from (field.type for field in msgspec.structs.fields(endpoint.query))
        yield from (answer for answer in endpoint.answers.values() if answer is not None)


def _operation(endpoint: Endpoint, schemas: _Schemas) -> Json:
    operation: Json = {
        "operationId": re.sub(r"\W+", "_", f"{endpoint.method.lower()}{endpoint.template}").strip("_"),
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "security": [{SCHEME: [endpoint.scope]}] if endpoint.scope else [],
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.description:
        operation["description"] = endpoint.description
    if parameters := [
        *_path_parameters(endpoint),
        *_query_parameters(endpoint, schemas),
        *_headers(endpoint),
    ]:
        operation["parameters"] = parameters
    if content := _body(endpoint, schemas):
        operation["requestBody"] = {"required": not endpoint.body_optional, "content": content}
    return operation


def _body(endpoint: Endpoint, schemas: _Schemas) -> Json:
    if endpoint.raw_body:
        return {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    if endpoint.body is None:
        return {}
    schema = schemas.of(endpoint.body)
    return {"application/json": {"schema": schema, "example": example_of(schema, schemas.components)}}


def _path_parameters(endpoint: Endpoint) -> Iterator[Json]:
    for found in PATH_PARAMETER.finditer(endpoint.path):
        schema: Json = {"type": "string"}
        if found["pattern"]:
            schema["pattern"] = f"^{found['pattern']}$"
        yield {"name": found["name"], "in": "path", "required": True, "schema": schema}


def _query_parameters(endpoint: Endpoint, schemas: _Schemas) -> Iterator[Json]:
    if endpoint.query is None:
        return
    for field in msgspec.structs.fields(endpoint.query):
        schema = _given(schemas.of(field.type))
        if not field.required and field.default not in (msgspec.NODEFAULT, None):
            schema["default"] = msgspec.json.decode(msgspec.json.encode(field.default))
        parameter: Json = {"name": field.encode_name, "in": "query", "required": field.required}
        if meaning := schema.pop("description", None):
            parameter["description"] = meaning
        yield parameter | {"schema": schema}


def _given(schema: Json) -> Json:
    """The schema of a parameter that is there: one that may be left out is never null in a query."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    others = {name: value for name, value in schema.items() if name != "anyOf"}
    if len(choices) > 1:
        return others | {"anyOf": choices}
    return others | (choices[0] if choices else {})


def _headers(endpoint: Endpoint) -> Iterator[Json]:
    for name, meaning in endpoint.headers.items():  # names may be istr, as aiohttp has them
        yield {"name": str(name), "in": "header", "description": meaning, "schema": {"type": "string"}}


def _responses(endpoint: Endpoint, schemas: _Schemas) -> Json:
    responses: Json = {}
    for status, described in sorted(endpoint.answers.items()):
        if described is None and status >= 400:
            responses[str(status)] = _problem(status, schemas)
            continue
        response: Json = {"description": HTTPStatus(status).phrase}
        if described is not None:
            response["content"] = {endpoint.media_type: {"schema": schemas.of(described)}}
        elif endpoint.media_type != "application/json" and status == 200:
            response["content"] = {endpoint.media_type: {"schema": {"type": "string"}}}
        responses[str(status)] = response
    for status in _statuses(endpoint):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{_problem_name(status)}"})
    return responses


_PROBLEMS: Mapping[int, str] = {
    400: "The body is not what its media type says, or a parameter names nothing that is known.",
    401: "No API key in force.",
    403: "The API key lacks the scope.",
    404: "There is nothing of that name.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body has another media type than JSON.",
    422: "A field or a parameter breaks a rule; `errors` names it.",
    500: "The platform failed; the fault is ours.",
}


def _statuses(endpoint: Endpoint) -> list[int]:
    """The problems that the server itself may answer on this endpoint."""
    statuses = [422, 500]
    if endpoint.scope:
        statuses += [401, 403]
    if endpoint.body or endpoint.raw_body:
        statuses += [408, 413]
    if endpoint.body or endpoint.raw_body or endpoint.query:
        statuses += [400]
    if PATH_PARAMETER.search(endpoint.path):
        statuses += [404]
    if endpoint.body:
        statuses += [415]
    return sorted(statuses)


def _problem_name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _problem(status: int, schemas: _Schemas) -> Json:
    return {
        "description": _PROBLEMS.get(status, HTTPStatus(status).phrase),
        "content": {PROBLEM_JSON: {"schema": schemas.of(ProblemDetails)}},
    }
