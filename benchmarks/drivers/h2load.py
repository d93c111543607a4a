"""h2load: the check on our own pump. One body, so one key, for all calls; it looks at HTTP statuses only."""

import re
import shutil
import subprocess
import tempfile

from benchmarks.drivers.asked import Grpc
from benchmarks.drivers.outcome import Outcome, children_cpu_seconds
from benchmarks.drivers.pump import messages

ABSENT = "h2load is absent (Debian: apt-get install nghttp2-client): nothing checks our pump in this run."
COUNTS = re.compile(r"requests: \d+ total, \d+ started, (\d+) done, \d+ succeeded, (\d+) failed")


def present() -> bool:
    return shutil.which("h2load") is not None


def run(asked: Grpc, port: int, seconds: float, lines: int, streams: int) -> Outcome:
    with tempfile.NamedTemporaryFile() as body:
        body.write(messages(asked, 1)[0])
        body.flush()
        words = f"h2load -c{lines} -m{streams} -D{max(1, round(seconds))} -d {body.name}".split()
        headers = ("-H", "content-type: application/grpc", "-H", "te: trailers")
        before = children_cpu_seconds()
        done = subprocess.run(
            [*words, *headers, f"http://127.0.0.1:{port}{asked.path}"],
            check=True,
            capture_output=True,
            text=True,
        )
    return parse(done.stdout, float(max(1, round(seconds))), children_cpu_seconds() - before)


def parse(said: str, seconds: float, cpu_seconds: float) -> Outcome:
    found = COUNTS.search(said)
    if found is None:
        raise ValueError(f"h2load said no counts: {said[-200:]!r}")
    answers, failed = map(int, found.groups())
    return Outcome(answers, seconds, cpu_seconds, answers, failed=failed)
