"""The query of a request: every parameter known, given once, and converted by its type."""

from typing import Any

import msgspec
from aiohttp import web
from msgspec import inspect

from sadd.web.fault import located
from sadd.web.problem import Problem, invalid_request

_MANY = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType)


class Query:
    """Converts the query into one struct type. Built once for each endpoint.

    ``model`` None takes no parameter at all. A field of a list, set or tuple type takes a parameter
    as often as it is given, any other field once.
    """

    __slots__ = ("_many", "_model", "_once")

    def __init__(self, model: type[msgspec.Struct] | None) -> None:
        self._model = model
        self._once: set[str] = set()
        self._many: set[str] = set()
        if model is not None:
            for name, many in _parameters(model):
                (self._many if many else self._once).add(name)

    def read(self, request: web.Request) -> Any:
        """An instance of the model, or None. Problem names the parameter that is wrong."""
        if self._model is None:
            # Looking at the target's text is enough here, and spares parsing it.
            if "?" not in request.raw_path:
                return None
            self._gathered(request)
            return None
        values = self._gathered(request) if "?" in request.raw_path else {}
        try:
            return msgspec.convert(values, self._model, strict=False)
        except msgspec.ValidationError as error:
            steps, what = located(str(error))
            raise _refusal(steps[0] if steps else "", what) from None

    def _gathered(self, request: web.Request) -> dict[str, str | list[str]]:
        values: dict[str, str | list[str]] = {}
        for name, value in request.query.items():
            if name in self._many:
                values.setdefault(name, []).append(value)  # type: ignore[union-attr]  # always a list here
            elif name not in self._once:
                raise _refusal(name, "unknown parameter")
            elif name in values:
                raise _refusal(name, "given more than once")
            else:
                values[name] = value
        return values


def _parameters(model: type[msgspec.Struct]) -> list[tuple[str, bool]]:
    """Each parameter's name on the wire, and whether it may be repeated."""
    shape = inspect.type_info(model)
    assert isinstance(shape, inspect.StructType)
    return [(field.encode_name, isinstance(field.type, _MANY)) for field in shape.fields]


def _refusal(parameter: str, what: str) -> Problem:
    detail = f"{what}: {parameter}" if parameter else what
    return invalid_request(detail, errors=[{"parameter": parameter, "detail": what}])
