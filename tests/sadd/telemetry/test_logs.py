"""What the log looks like."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from sadd.telemetry.context import RequestContext, enter_request
from sadd.telemetry.logs import configure_logs


class Log:
    """Logging into memory, set up as a test wants it."""

    def __init__(self) -> None:
        self._written = io.BytesIO()
        self._stream = io.TextIOWrapper(self._written, encoding="utf-8", write_through=True)

    def configure(self, level: str = "info", style: str = "json") -> None:
        configure_logs(level, style, self._stream)

    @property
    def text(self) -> str:
        return self._written.getvalue().decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._written.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    """Logging that is as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Log()
    root.handlers[:], root.level = handlers, level
    logging.getLogger("asyncio").setLevel(logging.NOTSET)
    structlog.reset_defaults()
    enter_request(None)


def test_a_line_is_one_json_object(log: Log) -> None:
    """With level, time and fields, Arabic as it is, nothing below the level."""
    log.configure("info", "json")
    structlog.get_logger("sadd.web").debug("unseen")
    structlog.get_logger("sadd.web").warning("store", store="valkey", name="وزارة الصحة\nx")

    (line,) = log.lines
    assert (line["event"], line["level"], line["store"]) == ("store", "warning", "valkey")
    assert line["name"] == "وزارة الصحة\nx"
    assert line["at"].endswith("Z")


def test_a_line_knows_its_request(log: Log) -> None:
    """Id, trace and agency, without the module having been told."""
    log.configure()
    context = RequestContext("r-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    context.agency = "moe"
    enter_request(context)
    structlog.get_logger().info("one")

    (line,) = log.lines
    assert (line["request_id"], line["agency"]) == ("r-1", "moe")
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert line["span_id"] == context.trace.span_id


def test_an_exception_is_logged_without_secrets(log: Log) -> None:
    """The traceback is text in one field; its message is masked, local variables are not shown."""
    log.configure()
    local_secret = "sesame"
    try:
        raise ConnectionError("redis://u:hunter2@h is away")
    except ConnectionError:
        structlog.get_logger().exception("failed", password=local_secret)

    (line,) = log.lines
    assert "ConnectionError" in line["exception"]
    assert "hunter2" not in str(line)
    assert "sesame" not in str(line)


def test_libraries_come_out_alike(log: Log) -> None:
    """A record of the standard library's logging is a line like ours."""
    log.configure("warning")
    logging.getLogger("asyncpg").warning("cannot reach %s", "postgresql://sadd:hunter2@db/x")
    logging.getLogger("asyncpg").info("unseen")

    (line,) = log.lines
    assert (line["logger"], line["level"]) == ("asyncpg", "warning")
    assert line["event"] == "cannot reach postgresql://sadd:***@db/x"


@pytest.mark.parametrize("value", ["\ud800", 2**70, object(), {1: {2: 3}}, b"\xff", float("nan")])
def test_no_value_breaks_a_line(log: Log, value: object) -> None:
    """What JSON cannot say is described; logging never raises."""
    log.configure()
    structlog.get_logger().info("odd", value=value)
    assert log.lines[0]


def test_lines_for_people(log: Log) -> None:
    """On a terminal the same fields are readable, and masked as well."""
    log.configure("debug", "console")
    structlog.get_logger().debug("connected", url="redis://u:hunter2@h")

    text = log.text
    assert "connected" in text
    assert "redis://u:***@h" in text


def test_auto_writes_for_whoever_reads(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """``auto`` is lines for people on a terminal and JSON everywhere else."""
    log.configure("info", "auto")
    structlog.get_logger().info("into a file")
    assert log.lines[0]["event"] == "into a file"

    monkeypatch.setattr(log._stream, "isatty", lambda: True)
    log.configure("info", "auto")
    structlog.get_logger().info("to a person")
    assert not log.text.splitlines()[1].startswith("{")
