"""Runs a supervisor in a process of its own: ``python -m … ORDERS_JSON WORKERS DRAIN_SECONDS [uvloop]``.

The exit code is 0 after a signal and 1 after a crash loop, as that of ``sadd up``.
"""

import json
import sys

import uvloop

from sadd.supervisor.port import PortTaken, reserve_port
from sadd.supervisor.signals import run
from sadd.supervisor.workers import CrashLoop, Crew, Supervisor
from sadd.telemetry.logs import configure_logs

WORKER = (sys.executable, "-m", "tests.sadd.supervisor.worker")


async def supervise(orders: dict[str, object], workers: int, drain_seconds: float) -> int:
    try:
        with reserve_port("127.0.0.1", int(str(orders.get("port", 0)))) as port:
            sys.stdout.write(f"{port}\n")
            sys.stdout.flush()
            text = json.dumps(orders | {"port": port}).encode()
            crew = Crew(WORKER, lambda _slot: text, workers, 5.0, drain_seconds)
            await Supervisor(crew).run()
    except (CrashLoop, PortTaken) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    configure_logs("warning")
    if "uvloop" in sys.argv:
        uvloop.install()
    sys.exit(run(supervise(json.loads(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
