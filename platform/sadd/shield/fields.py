"""A request's fields as the gate reads them."""

from sadd.shield.head import Fields


class Multi:
    """``sadd.gate.original.Headers`` on what the front has read. Looked up when asked for."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def get(self, name: str, /) -> str | None:
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for known, value in self._fields if known == wanted), None)

    def getall(self, name: str, default: list[str], /) -> list[str]:
        wanted = name.lower().encode()
        return [value.decode("latin-1") for known, value in self._fields if known == wanted] or default
