"""Where an entry lives: tenant, namespace, key. Nobody reaches another tenant's."""

import re
from dataclasses import dataclass

NAMESPACE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
KEY = re.compile(r"[A-Za-z0-9._~:@,=+!$*()';/-]{1,256}")


@dataclass(frozen=True, slots=True)
class Address:
    """``tenant`` comes from the caller's key, never from the request. Raises ValueError for a bad form."""

    tenant: str
    namespace: str
    key: str

    def __post_init__(self) -> None:
        if not NAMESPACE.fullmatch(self.namespace):
            raise ValueError("a namespace is 1 to 63 of a-z, 0-9 and -, and does not begin with -")
        if not KEY.fullmatch(self.key):
            raise ValueError("a key is 1 to 256 letters, digits and ._~:@,=+!$*()';/-")
