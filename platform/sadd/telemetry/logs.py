"""Logging: one JSON object a line on standard error, with the request and the trace, without secrets.

Modules say ``structlog.get_logger("sadd.…")``; what libraries log through ``logging`` comes out alike.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor

from sadd.telemetry.context import current_request
from sadd.telemetry.masking import masked_field, masked_text

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_logs(level: str = "info", style: str = "json", stream: TextIO | None = None) -> None:
    """Set up logging for this process, replacing what was set up before.

    ``level`` and ``style`` (``json``, ``console``, or ``auto``: console on a terminal) are those of the
    settings; ``stream`` is standard error unless given. Lines are written by whoever logs: a pipe that
    nobody reads blocks the worker.
    """
    threshold = _LEVELS[level]
    stream = stream or sys.stderr
    style = style if style != "auto" else "console" if stream.isatty() else "json"
    structlog.configure(
        processors=[*_processors(), _rendered if style == "json" else _console(stream)],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.BytesLoggerFactory(stream.buffer)
        if style == "json"
        else structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[Forwarded()], level=threshold, force=True)
    logging.getLogger("asyncio").setLevel(max(threshold, logging.WARNING))


def _processors() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _about_request,
        structlog.processors.format_exc_info,  # plain: local variables may hold secrets
        _masked,
    ]


def _console(stream: TextIO) -> Processor:
    return structlog.dev.ConsoleRenderer(
        timestamp_key="at", exception_formatter=structlog.dev.plain_traceback, colors=stream.isatty()
    )


def _about_request(_logger: Any, _method: str, event: EventDict) -> EventDict:
    request = current_request()
    if request is not None:
        event.setdefault("request_id", request.request_id)
        event.setdefault("trace_id", request.trace.trace_id)
        event.setdefault("span_id", request.trace.span_id)
        if request.agency is not None:
            event.setdefault("agency", request.agency)
    return event


def _masked(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {name: masked_field(name, value) for name, value in event.items()}


def _rendered(_logger: Any, _method: str, event: EventDict) -> bytes:
    try:
        return orjson.dumps(event, default=_described)
    except TypeError:  # a lone surrogate, an integer past 64 bits: still a line, never an exception
        return orjson.dumps({name: ascii(value) for name, value in event.items()})


def _described(value: object) -> str:
    return masked_text(repr(value))


class Forwarded(logging.Handler):
    """Hands records of the standard library's logging to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = record.levelname.lower() if record.levelname.lower() in _LEVELS else "error"
            more: MutableMapping[str, Any] = {"logger": record.name}
            if record.exc_info:
                more["exc_info"] = record.exc_info
            getattr(structlog.get_logger(), level)(record.getMessage(), **more)
        except Exception:
            self.handleError(record)
