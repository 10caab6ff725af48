"""Kills an ingesting process at random moments, again and again, and looks each time whether anything is lost.

    python -m tests.benchmarks.kills [--kills 200] [--seed 0] [--minutes 30]

A round: a child process opens the same data folder, ingests new and changed articles and removes one, noting each that
is committed; it is killed (SIGKILL) at a random moment of what such a round takes. Every fifth time an article of a
thousand passages is replaced, and the child killed while Chroma writes its search tree, which it does once in a
thousand changes. Then the folder is opened, which mends it; every article that was noted must be there as it was noted,
or gone, and the doctor must find nothing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from contextlib import closing
from hashlib import sha256
from itertools import islice
from math import inf
from pathlib import Path

from index.articles import Article
from index.catalogue import Catalogue
from index.doctor import examine
from index.embedder import Embedder
from index.ingest import ingest
from index.passages import split_sentences
from index.store import Store

_ARTICLES = 4  # a round
_LONG = "long"  # the article of many passages
_LONG_SENTENCES = 1050  # Chroma writes its search tree after 1,000 changes
_LONG_EVERY = 5  # rounds
_TREE_TAKES = 0.05  # seconds to write one, about
_SENTENCES = (
    "The mayor said the bridge over the harbour was closed on Monday",
    "Ortiz denied that the council had known of the report",
    "Residents of the old town waited for the water to fall",
    "A spokesman for the port claimed that no ship had been delayed",
    "The commission counted forty-two damaged houses near the river",
    "“We will rebuild it,” Brown told reporters",
)


def work(folder: Path, incoming: Path, leaving: str | None, notes: Path) -> None:
    """Ingest the articles one after the other, and remove one; note each that is committed."""
    with notes.open("a", encoding="utf-8", buffering=1) as noted, closing(Store.open(folder, Embedder())) as store:
        noted.write("opened\n")
        for file in sorted(incoming.iterdir()):
            noted.write(f"begun {file.stem}\n")
            if file.stem == _LONG:
                store_long(store, file.read_text(encoding="utf-8"))
            else:
                ingest(store, [file])
            noted.write(f"stored {file.stem} {sha256(file.read_bytes()).hexdigest()}\n")
        if leaving:
            noted.write(f"begun {leaving}\n")
            with store.writing():
                store.catalogue.remove([leaving])
                store.settle()
            noted.write(f"removed {leaving}\n")
        noted.write("done\n")


def store_long(store: Store, text: str) -> None:
    """Store an article with a passage for each sentence: as many vectors as make Chroma write its search tree."""
    with store.writing():
        store.catalogue.store([(Article(_LONG, text), split_sentences(text))])
        store.settle()


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
        self._stored: dict[str, str | None] = {}  # hash of the text by article; None for one that must not be there
        self._takes = 0.0  # seconds, of a round that is not killed
        self._children = multiprocessing.get_context("forkserver")
        self._children.set_forkserver_preload([__name__, "torch", "chromadb", "tantivy", "index.sentence_network"])

    def one(self) -> None:
        """Kill one child, and look. One that is done before its moment comes is looked at too, and another begun."""
        if not self._takes:
            self._round()  # of the first one most goes into the server that children are forked from
            began = time.monotonic()
            self._round()
            self._takes = time.monotonic() - began
        killed = self.killed
        while self.killed == killed and not self.faults:
            if killed % _LONG_EVERY == _LONG_EVERY - 1:
                self._round(long=True)
            else:
                self._round(self._random.uniform(0.0, self._takes))

    def _round(self, until: float = inf, long: bool = False) -> None:
        self._write_articles(long)
        self._notes.unlink(missing_ok=True)
        there = [name for name, written in self._stored.items() if written and name != _LONG]
        leaving = self._random.choice(there) if there else None
        child = self._children.Process(target=work, args=(self.folder, self._incoming, leaving, self._notes))
        trees = self._trees()
        child.start()
        ends = time.monotonic() + until
        while child.exitcode is None and time.monotonic() < ends:
            child.join(0.002)
            if self._trees() - trees:
                child.join(self._random.uniform(0.0, _TREE_TAKES))
                ends = 0.0
        if child.exitcode is None:
            child.kill()
            child.join()
            self.killed += 1
            self._count(writing_tree=not ends)
        elif child.exitcode:
            self.faults.append(f"the child ended with {child.exitcode}")
        self._look()

    def _trees(self) -> set[tuple[str, int]]:
        """Return the files of Chroma's search tree, each with when it was last written."""
        return {(file.name, file.stat().st_mtime_ns) for file in self.folder.glob("chroma/*/*")}

    def _count(self, writing_tree: bool) -> None:
        notes = self._lines()
        doing = "writing the search tree" if writing_tree else notes[-1].split()[0] if notes else "starting"
        self.at[doing] = self.at.get(doing, 0) + 1

    def _lines(self) -> list[str]:
        return self._notes.read_text(encoding="utf-8").splitlines() if self._notes.exists() else []

    def _write_articles(self, long: bool) -> None:
        """Write articles to ingest: new ones, and other texts for some that may be there."""
        texts = {_LONG: [f"Bread is {self._random.random():.6f} dear." for _ in range(_LONG_SENTENCES)]} if long else {}
        for _ in range(_ARTICLES):
            sentences = (f"{self._random.choice(_SENTENCES)} ({self._random.random():.6f})." for _ in range(60))
            texts[f"article-{self._random.randrange(400)}"] = list(islice(sentences, self._random.randrange(5, 60)))
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir()
        for name, text in texts.items():
            (self._incoming / f"{name}.txt").write_text(" ".join(text), encoding="utf-8")

    def _look(self) -> None:
        notes = [line.split() for line in self._lines()]
        begun = {note[1] for note in notes if note[0] == "begun"}
        now = {note[1]: note[2] if note[0] == "stored" else None for note in notes if note[0] in ("stored", "removed")}
        self._stored |= now
        Store.open(self.folder, self._embedder).close()
        with closing(Catalogue.open(f"sqlite:///{self.folder / 'catalogue.sqlite'}")) as catalogue:
            for name, written in self._stored.items():
                article = catalogue.article(name)
                found = sha256(article.text.encode()).hexdigest() if article else None
                if found != written and name not in begun - now.keys():
                    self.faults.append(f"{name} was committed as {written} and is {found}")
                self._stored[name] = found
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
