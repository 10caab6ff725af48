"""How many questions a server answers, beside the engine alone.

    python -m tests.benchmarks.serving [--seconds 60] [--askers 50] [--threads 2]

Opens the sample articles and asks in a loop, from as many threads as the server answers with; then starts the server
over the same folder, where that many askers wait for each answer before they ask again. Both ask and search in turn.
On a busy machine compare the processor time of a request: others cannot take it away.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from assistant.assistant import Assistant
from assistant.settings import Settings, sample_articles

QUESTIONS = (
    "How many bombs did the F-15s drop?",
    "What did the Pentagon claim was hit?",
    "Who called for a probe?",
    "How many people were killed?",
    "Did the coalition hit a mosque?",
    "Who won the 2022 World Cup?",
)
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Measure both and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--askers", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2, help="that the engine alone is asked from")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        alone = _engine(Path(folder), options.seconds, options.threads)
        served = _server(Path(folder), options.seconds, options.askers)
    ratio = served["requests/s"] / alone["requests/s"]
    cost = alone["processor ms"] / served["processor ms"]
    ratios = {"ratio of requests/s": round(ratio, 3), "ratio by processor time": round(cost, 3)}
    print(json.dumps({"engine alone": alone, "server": served, **ratios}, indent=1))


def _engine(folder: Path, seconds: float, threads: int) -> dict[str, Any]:
    assistant = Assistant.open(Settings(folder))
    assistant.ingest([sample_articles()])
    assistant.warm_up()

    def act(number: int) -> int:
        question = QUESTIONS[number // 2 % len(QUESTIONS)]
        assistant.search(question) if number % 2 else assistant.ask(question)
        return 200

    act(0)
    figures = _asked(act, seconds, threads, os.getpid())
    assistant.close()
    return figures


def _server(folder: Path, seconds: float, askers: int) -> dict[str, Any]:
    with served(folder, askers, timeout=120) as (client, pid):

        def act(number: int) -> int:
            route = "/api/search" if number % 2 else "/api/ask"
            return client.post(route, json={"question": QUESTIONS[number // 2 % len(QUESTIONS)]}).status_code

        _asked(act, seconds / 6, askers, pid)  # what is allocated once is not a leak
        before = resident(pid)
        figures = _asked(act, seconds, askers, pid)
        after = resident(pid)
    return {**figures, "RSS MB at start": before, "RSS MB at end": after}


@contextmanager
def served(folder: Path, connections: int, timeout: float) -> Iterator[tuple[httpx.Client, int]]:
    """Serve a data folder; give a client, once questions are answered, and the server's process id."""
    environment = {**os.environ, "SAIDSO_DATA_DIR": str(folder), "SAIDSO_PORT": "0"}
    command = [sys.executable, str(ROOT / "app.py")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        with httpx.Client(
            base_url=address, timeout=timeout, limits=httpx.Limits(max_connections=connections)
        ) as client:
            while client.get("/readyz").status_code != 200:
                time.sleep(0.2)
            yield client, server.pid
        server.send_signal(signal.SIGINT)


def _asked(act: Callable[[int], int], seconds: float, threads: int, pid: int) -> dict[str, Any]:
    """Call `act` with 0, 1, … from so many threads for so long; process `pid` does the work."""
    numbers, until = count(), time.monotonic() + seconds
    spent: list[float] = []
    errors: list[int] = []

    def loop(_: int) -> None:
        while time.monotonic() < until:
            began = time.perf_counter()
            status = act(next(numbers))
            spent.append(time.perf_counter() - began)
            if status != 200:
                errors.append(status)

    began, worked = time.perf_counter(), _processor_seconds(pid)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(loop, range(threads)))
    rate = len(spent) / (time.perf_counter() - began)
    processor = (_processor_seconds(pid) - worked) / len(spent) * 1000
    p50, p95, p99 = (np.percentile(spent, [50, 95, 99]) * 1000).round().tolist()
    latency = {"p50 ms": p50, "p95 ms": p95, "p99 ms": p99}
    return {"requests/s": round(rate, 2), "processor ms": round(processor), **latency, "errors": len(errors)}


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Return how many MB a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main()
