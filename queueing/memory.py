"""What a room's controller knows, in at most 2 KiB, for the leader after this one."""

import struct
from dataclasses import dataclass, field

from queueing.coverage import LEVELS, PROBES_PER_LEVEL, Coverage, Probe
from queueing.forecast import Flow, Forecast
from queueing.margins import Margins
from queueing.pace import NODES_MS

VERSION = 2
MEMORY_BYTES_MAX = 2048

_NODES = len(NODES_MS)
_HEAD = struct.Struct(f"<B5d3d5d{2 * LEVELS}f{3 * _NODES}fIB")
_PROBE = struct.Struct("<BQQf2f")  # 29 bytes; 60 of them fit


@dataclass(slots=True)
class Memory:
    """The state of ``queueing.outflow.Outflow`` between two steps."""

    credit: float = 1.0
    ahead: float = 0.0
    departures_per_s: float = 0.0
    factor: float = 1.0
    usual_ms: float = 0.0
    showing: tuple[float, float, float] = (0.0, 0.0, 0.0)
    forecast: Forecast = field(default_factory=Forecast)


def packed(memory: Memory) -> bytes:
    flow, margins, coverage = memory.forecast.flow, memory.forecast.margins, memory.forecast.coverage
    cases, held, weight = coverage.remembered
    probes = [(level, probe) for level, held in enumerate(coverage.probes) for probe in held]
    head = _HEAD.pack(
        VERSION,
        memory.credit,
        memory.ahead,
        memory.departures_per_s,
        memory.factor,
        memory.usual_ms,
        *memory.showing,
        flow.called,
        flow.allowed,
        flow.waited_ms,
        flow.departed,
        flow.stayed_ms,
        *held,
        *weight,
        *(edge for node in margins.spread for edge in node),
        *margins.cases,
        cases,
        len(probes),
    )
    body = b"".join(
        _PROBE.pack(level, probe.number, probe.made_ms, probe.expected_ms, probe.low_ms, probe.high_ms)
        for level, probe in probes
    )
    return head + body


def unpacked(raw: bytes) -> Memory:
    """A fresh memory for bytes that are none: what was learned can be learned again."""
    if len(raw) < _HEAD.size or raw[0] != VERSION:
        return Memory()
    _, credit, ahead, departures_per_s, factor, usual_ms, *rest = _HEAD.unpack_from(raw)
    if len(raw) != _HEAD.size + rest[-1] * _PROBE.size:
        return Memory()
    showing, flow, rest = rest[:3], rest[3:8], rest[8:]
    held, weight, rest = rest[:LEVELS], rest[LEVELS : 2 * LEVELS], rest[2 * LEVELS :]
    edges, learned = rest[: 2 * _NODES], rest[2 * _NODES : 3 * _NODES]
    coverage = Coverage(rest[-2], held, weight)
    for level, *probe in _PROBE.iter_unpack(raw[_HEAD.size :]):
        if level < LEVELS and len(coverage.probes[level]) < PROBES_PER_LEVEL:
            coverage.follow(level, Probe(*probe))
    margins = Margins(tuple(zip(edges[::2], edges[1::2], strict=True)), learned)
    forecast = Forecast(Flow(*flow), margins, coverage)
    came = (showing[0], showing[1], showing[2])
    return Memory(credit, ahead, departures_per_s, factor, usual_ms, came, forecast)
