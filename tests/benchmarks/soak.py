"""Many at once for half an hour: askers, one who adds articles, one who removes them, all through the API.

    python -m tests.benchmarks.soak [--minutes 30] [--askers 20]

The server starts over the sample articles and answers all questions once in quiet. Then askers ask them again and
again, while articles on other matters come and go. At the end all of those are removed, and each question must have the
answer that it had in quiet, word for word. Errors, memory and open files are counted all the time; exit code 1 where
there was an error, an answer is another, or the medians of memory or files are by more than a tenth higher in the last
sixth of the time than in the second one (one look finds some batches in flight, or none).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from assistant.assistant import Assistant
from assistant.settings import Settings, sample_articles
from tests.benchmarks.serving import QUESTIONS, resident, served

_QUESTIONS = (*QUESTIONS, "What do the parties say about the building?", "Has Central Command changed its account?")
_SENTENCES = (
    "The mayor of Quarry Bay said that the ferry was late on Monday",
    "Ortiz denied that the orchard had been sold",
    "Growers of the valley waited for rain",
    "A spokesman for the dairy claimed that no milk had been lost",
    "The jury counted forty-two apple pies",
)
_KEPT = 60  # articles of other matters that are there at once
_EVERY = 20.0  # seconds between two looks at the process
_GROWTH = 1.1
_REFUSED = 503  # a full waiting line: no error, the asker comes again


class Soak:
    """One server and what has come of everybody's requests."""

    def __init__(self, client: httpx.Client, pid: int) -> None:
        self.client = client
        self.pid = pid
        self.done = threading.Event()
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        self.there: list[str] = []  # ids of articles that may be removed
        self.looks: list[tuple[int, int]] = []  # MB resident, open files

    def ask(self, question: str) -> str | None:
        """Return the answer's text, None where the line was full."""
        answer = self.client.post("/api/ask", json={"question": question})
        return None if self._noted("asked", answer) is None else str(answer.json()["answer"])

    def asker(self, numbers: count[int]) -> None:
        while not self.done.is_set():
            self.ask(_QUESTIONS[next(numbers) % len(_QUESTIONS)])

    def ingester(self) -> None:
        rng = random.Random(0)
        for number in count():
            if self.done.is_set():
                return
            text = " ".join(f"{rng.choice(_SENTENCES)} ({rng.random():.6f})." for _ in range(rng.randrange(4, 40)))
            article = {"id": f"soak-{number}", "source": "Valley News", "published": "2019-05-01", "text": text}
            if self._noted("added", self.client.post("/api/articles", json=article)) is not None:
                self.there.append(f"soak-{number}")
            self.done.wait(0.5)
            while len(self.there) > 2 * _KEPT and not self.done.wait(0.5):
                pass  # the remover is behind: memory is compared over as many articles

    def remover(self) -> None:
        while not self.done.wait(0.5):
            if len(self.there) > _KEPT:
                self.remove(self.there.pop(0))

    def remove(self, article: str) -> None:
        """Remove it, however often that is refused because somebody else is writing."""
        while self._noted("removed", self.client.delete(f"/api/articles/{article}")) is None:
            pass

    def watcher(self) -> None:
        while not self.done.wait(_EVERY):
            self.looks.append((resident(self.pid), len(os.listdir(f"/proc/{self.pid}/fd"))))  # noqa: PTH208 - it names no files
            print(
                f"{self.looks[-1][0]} MB, {self.looks[-1][1]} files, {dict(self.counts)}", file=sys.stderr, flush=True
            )

    def _noted(self, what: str, answer: httpx.Response) -> httpx.Response | None:
        if answer.status_code == _REFUSED:
            self.counts[f"{what} too early"] += 1
            self.done.wait(float(answer.headers.get("retry-after", 1)))
            return None
        self.counts[what] += 1
        if not answer.is_success:
            self.errors.append(f"{what}: {answer.status_code} {answer.text[:200]}")
        return answer

    def run(self, minutes: float, askers: int) -> None:
        """Let everybody work for so long."""
        numbers = count()
        works: list[Callable[[], None]] = [lambda: self.asker(numbers)] * askers
        threads = [threading.Thread(target=work) for work in (*works, self.ingester, self.remover, self.watcher)]
        for thread in threads:
            thread.start()
        time.sleep(minutes * 60)
        self.done.set()
        for thread in threads:
            thread.join()

    @staticmethod
    def _usual(looks: list[tuple[int, int]]) -> tuple[float, ...]:
        """Return the median memory and the median number of files."""
        return tuple(median(values) for values in zip(*looks, strict=True))

    def report(self, quiet: dict[str, str | None]) -> dict[str, Any]:
        """Return what was found, once all added articles are gone."""
        for article in self.there:
            self.remove(article)
        changed = [question for question, answer in quiet.items() if self.ask(question) != answer]
        sixth = max(1, len(self.looks) // 6)
        early, last = self._usual(self.looks[sixth : 2 * sixth]), self._usual(self.looks[-sixth:])
        return {
            "requests": dict(self.counts),
            "errors": self.errors[:20],
            "answers changed": changed,
            "MB early and last": [early[0], last[0]],
            "files early and last": [early[1], last[1]],
            "sound": not self.errors
            and not changed
            and all(b <= a * _GROWTH for a, b in zip(early, last, strict=True)),
        }


def main() -> None:
    """Soak a server and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--askers", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        assistant = Assistant.open(Settings(Path(folder)))
        assistant.ingest([sample_articles()])
        assistant.close()
        with served(Path(folder), options.askers + 4, timeout=300) as (client, pid):
            soak = Soak(client, pid)
            quiet = {question: soak.ask(question) for question in _QUESTIONS}
            soak.run(options.minutes, options.askers)
            found = soak.report(quiet)
    print(json.dumps(found, indent=1))
    sys.exit(not found["sound"])


if __name__ == "__main__":
    main()
