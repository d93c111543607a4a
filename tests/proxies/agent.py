"""The agent of HAProxy's stream processing, before the same script as the other proxies' gate."""

import asyncio
import contextlib
import threading
from dataclasses import replace
from typing import Any, cast

from sadd.gate.agent import Agents
from sadd.gate.gate import Done, Gate
from sadd.gate.knock import Knock
from sadd.gate.reply import Reply
from sadd.web.serving import listen
from tests.proxies.scripted import SLOW, SLOW_SECONDS, ScriptedGate, Told
from tests.sadd.web.served import LOCAL


class ScriptedAgent(ScriptedGate):
    """A scripted gate that is asked by its agent too; both stop and start together."""

    def __init__(self) -> None:
        self.agent_port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[None] | None = None
        super().__init__()

    def start(self) -> None:
        super().start()
        listener = listen(replace(LOCAL, port=self.agent_port))
        self.agent_port = listener.getsockname()[1]
        agents = Agents(cast("Gate", self), "X-Forwarded-For")
        up = threading.Event()

        async def serve() -> None:
            self._loop, self._serving = asyncio.get_running_loop(), asyncio.current_task()
            up.set()
            await agents.serve(listener)

        self._thread = threading.Thread(target=_until_cancelled, args=(serve,), daemon=True)
        self._thread.start()
        up.wait(30)

    def stop(self) -> None:
        super().stop()
        if self._loop is not None and self._serving is not None:
            self._loop.call_soon_threadsafe(self._serving.cancel)
            self._loop = None
            self._thread.join(30)

    def trusts(self, peer: str) -> bool:
        return peer == "127.0.0.1"

    def ask(self, knock: Knock, done: Done) -> None:
        told = Told(knock.method, f"/gate/{knock.service}", cast("Any", knock.headers), b"")
        if knock.headers.get("X-Original-URI") == SLOW:
            asyncio.get_running_loop().call_later(SLOW_SECONDS, done, Reply(200, {}))
            return
        status, fields, _ = self.answer(told)
        done(Reply(status, fields))


def _until_cancelled(serve: Any) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(serve())
