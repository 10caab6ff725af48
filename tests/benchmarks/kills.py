"""Kills an ingesting process at random moments, again and again, and looks each time whether anything is lost.

    python -m tests.benchmarks.kills [--kills 200] [--seed 0] [--minutes 30]

A round: a child process opens the same data folder and ingests new and changed articles, noting each that is
committed; it is killed (SIGKILL) at a random moment of what such a round takes. Then the folder is opened, which mends
it; every article that was noted must be there as it was noted, and the doctor must find nothing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from index.catalogue import Catalogue
from index.doctor import examine
from index.embedder import Embedder
from index.ingest import ingest
from index.store import Store

_ARTICLES = 4  # a round
_SENTENCES = (
    "The mayor said the bridge over the harbour was closed on Monday",
    "Ortiz denied that the council had known of the report",
    "Residents of the old town waited for the water to fall",
    "A spokesman for the port claimed that no ship had been delayed",
    "The commission counted forty-two damaged houses near the river",
    "“We will rebuild it,” Brown told reporters",
)


def work(folder: Path, incoming: Path, notes: Path) -> None:
    """Ingest the articles one after the other; note each that is committed."""
    with notes.open("a", encoding="utf-8", buffering=1) as noted, closing(Store.open(folder, Embedder())) as store:
        noted.write("opened\n")
        for file in sorted(incoming.iterdir()):
            noted.write(f"begun {file.stem}\n")
            ingest(store, [file])
            noted.write(f"stored {file.stem} {sha256(file.read_bytes()).hexdigest()}\n")
        noted.write("done\n")


class Kills:
    """The rounds over one data folder: how many have been killed, where, and what was found wrong."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder = folder
        self.killed = 0
        self.at: dict[str, int] = {}  # how often, by what the child was doing
        self.faults: list[str] = []
        self._incoming = folder.with_name(f"{folder.name}-incoming")
        self._notes = folder.with_name(f"{folder.name}-notes")
        self._random = random.Random(seed)
        self._embedder = Embedder()
        self._stored: dict[str, str] = {}  # what must be there: hash of the text by article
        self._takes = 0.0  # seconds, of a round that is not killed
        self._children = multiprocessing.get_context("forkserver")
        self._children.set_forkserver_preload([__name__, "torch", "chromadb", "tantivy", "index.sentence_network"])

    def one(self) -> None:
        """Kill one child, and look. One that is done before its moment comes is looked at too, and another begun."""
        if not self._takes:
            self._round(None)  # of the first one most goes into the server that children are forked from
            self._round(None)
        killed = self.killed
        while self.killed == killed and not self.faults:
            self._round(self._random.uniform(0.0, self._takes))

    def _round(self, until: float | None) -> None:
        self._write_articles()
        self._notes.unlink(missing_ok=True)
        began = time.monotonic()
        child = self._children.Process(target=work, args=(self.folder, self._incoming, self._notes))
        child.start()
        child.join(until)
        if child.exitcode is None:
            child.kill()
            child.join()
            self.killed += 1
        elif child.exitcode:
            self.faults.append(f"the child ended with {child.exitcode}")
        self._takes = time.monotonic() - began if until is None else self._takes
        self._look()

    def _write_articles(self) -> None:
        """Write articles to ingest: new ones, and other texts for some that may be there."""
        self._incoming.mkdir(exist_ok=True)
        for old in self._incoming.iterdir():
            old.unlink()
        for _ in range(_ARTICLES):
            name, length = f"article-{self._random.randrange(400)}", self._random.randrange(5, 60)
            sentences = [f"{self._random.choice(_SENTENCES)} ({self._random.random():.6f})." for _ in range(length)]
            (self._incoming / f"{name}.txt").write_text(" ".join(sentences), encoding="utf-8")

    def _look(self) -> None:
        notes = self._notes.read_text(encoding="utf-8").splitlines() if self._notes.exists() else []
        begun = {line.split()[1] for line in notes if line.startswith("begun ")}
        now = dict(line.split()[1:] for line in notes if line.startswith("stored "))
        self._stored |= now
        doing = notes[-1].split()[0] if notes else "starting"
        self.at[doing] = self.at.get(doing, 0) + 1
        Store.open(self.folder, self._embedder).close()
        with closing(Catalogue.open(f"sqlite:///{self.folder / 'catalogue.sqlite'}")) as catalogue:
            for name, written in self._stored.items():
                article = catalogue.article(name)
                if article is None:
                    self.faults.append(f"{name} is lost")
                elif sha256(article.text.encode()).hexdigest() != written and name not in begun - now.keys():
                    self.faults.append(f"{name} is not as it was committed")
                elif article:
                    self._stored[name] = sha256(article.text.encode()).hexdigest()
        self.faults += [
            f"{one.check}: {one.found}" for one in examine(self.folder, self._embedder) if one.state != "fine"
        ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0)
    arguments = parser.parse_args()
    kills = Kills(Path(tempfile.mkdtemp()) / "data", arguments.seed)
    ends = time.monotonic() + 60 * arguments.minutes
    while kills.killed < arguments.kills and time.monotonic() < ends and not kills.faults:
        kills.one()
        print(f"{kills.killed} killed, while {kills.at}; faults: {kills.faults}", flush=True)
    sys.exit(bool(kills.faults))


if __name__ == "__main__":
    main()
