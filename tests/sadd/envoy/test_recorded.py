"""Two hundred random requests get the very answers that envoyproxy/ratelimit gave to them.

recorded/answers.jsonl was written by its own server (module version v1.4.1-0.20260122083618-3fb702589d36, on
an empty Valkey, LIMIT_RESPONSE_HEADERS_ENABLED=true, recorded/limits.yaml as its configuration), asked at
/json. Times are masked there as here. That server counts each limit by itself, which is asked for here too.
"""

import json
from pathlib import Path
from typing import Any

from sadd.envoy import protojson
from sadd.envoy.plan import Modes
from sadd.envoy.request import Code, InvalidRequest
from sadd.envoy.service import RateLimits
from tests.sadd.envoy.scene import service

RECORDED = Path(__file__).with_name("recorded")


async def answered(limits: RateLimits, request: Any) -> tuple[int, Any]:
    try:
        asked = protojson.asked(request)
        outcome = await limits.decide(asked.domain, asked.descriptors, asked.hits_addend)
    except (InvalidRequest, ValueError):
        return 400, "Bad Request\n"
    status = 429 if outcome.overall is Code.OVER_LIMIT else 200
    return status, masked(json.loads(protojson.encode(outcome)))


def masked(answer: Any) -> Any:
    """Without what depends on the time of day."""
    for status in answer.get("statuses", []):
        if "durationUntilReset" in status:
            status["durationUntilReset"] = "T"
    for header in answer.get("responseHeadersToAdd", []):
        if header["key"] == "RateLimit-Reset":
            header["value"] = "T"
    return answer


async def test_every_answer_is_the_recorded_one(valkey_url: str) -> None:
    """Status, codes, limits, what remains, headers; in the recorded order."""
    lines = [json.loads(line) for line in (RECORDED / "answers.jsonl").read_text().splitlines()]
    assert len(lines) == 200
    modes = Modes(together=False, headers=True)
    async with service(valkey_url, (RECORDED / "limits.yaml").read_text(), modes=modes) as limits:
        for number, line in enumerate(lines, 1):
            told = await answered(limits, line["request"])
            assert told == (line["status"], line["answer"]), f"line {number}: {line['request']}"
