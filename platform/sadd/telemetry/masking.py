"""Secrets in log lines, hidden: by the name of the field, and by their look inside any text."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_SECRET_NAME = re.compile(
    r"authorization|cookie|passw|secret|token|credential|private_key|api_key", re.IGNORECASE
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',]+")
# The prefix has twelve characters, which names of ours (sadd_cache_hits) do not imitate.
_API_KEY = re.compile(r"(?i)\b(sadd_[a-z0-9]{12})_[a-z0-9_-]+")
# Up to the last @ of the word: a password may hold an unescaped @ or slash.
_URL_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*):\S*@")
_DEPTH_MAX = 4


def masked_text(text: str) -> str:
    """The text without credentials, API keys (their public prefix stays) and passwords of URLs."""
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\1:{MASK}@", text)
    if "sadd_" in text.lower():
        text = _API_KEY.sub(rf"\1_{MASK}", text)
    return _BEARER.sub(rf"\1 {MASK}", text)


def masked_value(value: Any, depth: int = 0) -> Any:
    """The same for texts inside mappings and sequences; what is nested too deeply is hidden whole."""
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, bytes):
        return masked_text(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping | list | tuple) and depth >= _DEPTH_MAX:
        return MASK
    if isinstance(value, Mapping):
        return {str(name): masked_field(str(name), one, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [masked_value(one, depth + 1) for one in value]
    return value


def masked_field(name: str, value: Any, depth: int = 0) -> Any:
    """The value, or the mask if the field's name says that it is a secret."""
    return MASK if value is not None and _SECRET_NAME.search(name) else masked_value(value, depth)
