"""An example value for a JSON schema: what the document and the page show."""

from collections.abc import Mapping
from typing import Any

_DEPTH_MAX = 6
_BY_TYPE: Mapping[str, Any] = {"boolean": True, "number": 1.0, "null": None}


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], depth: int = 0) -> Any:
    """The schema's own example, default or first choice, else a small value of its type.

    Only required members of an object are shown: the shortest request that works.
    """
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components, depth)
    for stated in ("examples", "enum"):
        if schema.get(stated):
            return schema[stated][0]
    for stated in ("default", "const"):
        if stated in schema:
            return schema[stated]
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices and depth < _DEPTH_MAX:
        return example_of(choices[0], components, depth + 1)
    return _of_type(schema, components, depth)


def _of_type(schema: Mapping[str, Any], components: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if depth >= _DEPTH_MAX or kind in _BY_TYPE:
        return _BY_TYPE.get(str(kind))
    if kind == "object":
        members = schema.get("properties", {})
        return {name: example_of(members[name], components, depth + 1) for name in schema.get("required", ())}
    if kind == "array":
        items = schema.get("items")
        return [example_of(items, components, depth + 1)] if items else []
    if kind == "integer":
        return max(1, schema.get("minimum", 1))
    return "string"
