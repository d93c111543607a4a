"""One worker process: reads its orders from standard input, says ``ready``, serves until SIGTERM.

python -m sadd.app.worker < orders.json
"""

import asyncio
import gc
import signal
import sys

import msgspec
import structlog
import uvloop

from sadd.app.compose import open_worker
from sadd.app.grpc import serve_calls
from sadd.app.orders import Orders
from sadd.app.shield import serve_visitors
from sadd.telemetry.logs import configure_logs
from sadd.web.serving import listen, serve

log = structlog.get_logger("sadd.app")


def main() -> None:
    orders = msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)
    configure_logs(orders.settings.log.level, orders.settings.log.format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(orders))


async def work(orders: Orders) -> None:
    """Serve until SIGTERM or SIGINT; then drain."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    limits = orders.settings.server
    async with open_worker(orders.settings, orders.slot) as worker:
        # What was built so far lives as long as we do: a full collection need not look at it again, which
        # would hold every request for 10 to 30 ms.
        gc.collect()
        gc.freeze()
        async with asyncio.TaskGroup() as serving:
            if worker.switchboard is not None:
                started = asyncio.Event()
                serving.create_task(
                    serve_calls(worker.switchboard, orders.settings, orders.slot, stop, started)
                )
                await started.wait()
            if worker.shield is not None:
                opened = asyncio.Event()
                serving.create_task(serve_visitors(worker.shield, orders.settings, stop, opened))
                await opened.wait()
            listener = listen(limits)
            await serve(
                worker.app,
                listener,
                stop,
                limits=limits,
                on_started=worker.started,
                on_draining=worker.health.drain,
            )


if __name__ == "__main__":
    main()
