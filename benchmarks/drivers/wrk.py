"""wrk: a closed loop of keep-alive connections, each with one request in flight."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.drivers.asked import ADDRESS, CHOICE, FIRST_KEY, KEYS, SLOT, Http
from benchmarks.drivers.outcome import Outcome, children_cpu_seconds

ABSENT = "wrk is absent (Debian: apt-get install wrk): our own pump drives HTTP, at a higher cost of CPU."
TEXTS_BYTES_MAX = 60_000_000

# Texts are made before the first request, in `built` seconds of CPU; in the loop there is only an index.
LUA = """
local threads, texts, at = {}, {}, 0
function setup(thread) table.insert(threads, thread) end
function init()
  math.randomseed(%(seed)d)
  local template = %(template)s
  local function key() return string.format('%%011d', %(first)d + math.random(0, %(last)d)) end
  local function octet() return math.random(100, 199) end
  local choices = {%(choices)s}
  local function choice() return choices[math.random(1, #choices)] end
  local function address()
    return string.format('%%d.%%d.%%d.%%d', math.random(110, 119), octet(), octet(), octet())
  end
  for i = 1, %(count)d do
    texts[i] = template:gsub('%(slot)s', key):gsub('%(address)s', address):gsub('%(choice)s', choice)
  end
  built = os.clock()
end
function request()
  at = at %% %(count)d + 1
  return texts[at]
end
function done(summary, latency)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format('\\n{"requests":%%d,"us":%%d,"p50":%%d,"p99":%%d,"failed":%%d,"built":%%f}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed,
    threads[1]:get('built')))
end
"""


def present() -> bool:
    return shutil.which("wrk") is not None


def run(asked: Http, port: int, seconds: float, connections: int, seed: int) -> Outcome:
    """Raises CalledProcessError when it can't connect."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_script(asked, seed))
        script.flush()
        words = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "5s"]
        before = children_cpu_seconds()
        done = subprocess.run(
            [*words, "-s", str(Path(script.name)), f"http://127.0.0.1:{port}/"],
            check=True,
            capture_output=True,
            text=True,
        )
        cpu = children_cpu_seconds() - before
    return parse(done.stdout, cpu)


def parse(said: str, cpu_seconds: float) -> Outcome:
    told = json.loads(said.strip().splitlines()[-1])
    return Outcome(
        answers=told["requests"],
        seconds=told["us"] / 1e6,
        cpu_seconds=max(0.0, cpu_seconds - told["built"]),
        all_answers=told["requests"],
        p50_ms=told["p50"] / 1e3,
        p99_ms=told["p99"] / 1e3,
        failed=told["failed"],
    )


def _script(asked: Http, seed: int) -> str:
    quoted = asked.text.decode().replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")
    return LUA % {
        "seed": seed,
        "template": "'" + quoted.replace("'", "\\'") + "'",
        "count": min(KEYS, TEXTS_BYTES_MAX // len(asked.text)),
        "slot": SLOT.decode(),
        "address": ADDRESS.decode().replace(".", "%."),
        "choice": CHOICE.decode().replace(".", "%."),
        "choices": ", ".join(f"'{one.decode()}'" for one in asked.choices),
        "first": FIRST_KEY,
        "last": KEYS - 1,
    }
