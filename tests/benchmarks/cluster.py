"""What a Ray cluster adds to ingestion, and that a node which is killed takes nothing with it.

    python -m tests.benchmarks.cluster DATA [--articles 60] [--nodes 3] [--kill]

Reads the first articles of the NewsQA sample in, in this process and over nodes that run on this machine, each with one
processor to offer; DATA holds the folder `newsqa`. All models are loaded before. Nodes that share two cores can be no
faster than one process with both: what this shows is what handing batches on costs, in seconds of processor here and in
the nodes, and that the same is stored. With --kill one of them is killed, with the batch that it is at, once the first
is stored. Batches are smaller than usual, so that a few articles make many.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import numpy as np
import psutil

import index.claims
from index.embedder import Embedder
from index.ingest import Progress, ingest
from index.store import Store
from index.workers import ThisProcess, Workers
from tests.test_cluster import held, nodes_here, stopped_at_work

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster as Nodes


@dataclass
class Machines:
    """Ray's nodes: the processor time they have taken, and one of them to be killed at work."""

    nodes: Nodes
    killed: bool = False
    _of_killed: float = 0.0

    def taken(self) -> float:
        """Return the seconds of processor that all nodes have taken so far, those that were killed too."""
        return self._of_killed + sum(map(_taken_by, self.nodes.list_all_nodes()))

    def kill_one(self, progress: Progress) -> None:
        """Kill a node other than the first, in the midst of finding claims, once some are stored."""
        if self.killed or not progress.step or progress.step.stage != "claims" or not progress.step.done:
            return
        for node in list(self.nodes.worker_nodes):
            if worker := stopped_at_work(node):
                self._of_killed += _taken_by(node)
                self.nodes.remove_node(node, allow_graceful=False)
                worker.kill()
                self.killed = True
                return


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--articles", type=int, default=60)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--characters", type=int, default=10_000, help="how much is read for its claims at once")
    options = parser.parse_args()
    index.claims._CHARACTERS_TOGETHER = options.characters
    folder = Path(tempfile.mkdtemp())
    for name, count in (("warm", options.nodes * 8), ("all", options.articles)):
        with gzip.open(options.data / "newsqa" / "articles.jsonl.gz", "rt", encoding="utf-8") as lines:
            (folder / f"{name}.jsonl").write_text("".join(itertools.islice(lines, count)), encoding="utf-8")
    print("| | seconds | seconds of processor | of them here | articles | batches computed again | stored as in one |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    embedder = Embedder()
    alone = _row("this process", folder, ThisProcess(embedder), embedder)
    with nodes_here(options.nodes) as nodes:
        from index.cluster import cluster_at

        machines = Machines(nodes)
        with cluster_at(nodes.address, None) as cluster:
            _row(f"{options.nodes} nodes", folder, cluster, embedder, alone, machines)
            if options.kill:
                _row("one of them killed", folder, cluster, embedder, alone, machines, machines.kill_one)
                assert machines.killed
    alone.close()


def _row(
    name: str,
    folder: Path,
    workers: Workers,
    embedder: Embedder,
    alone: Store | None = None,
    machines: Machines | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Store:
    """Ingest all articles, print how that went, and return what is stored."""
    with closing(Store.open(folder / f"{name}, warm", embedder, workers=workers)) as warm:
        ingest(warm, [folder / "warm.jsonl"])
    store = Store.open(folder / name, embedder, workers=workers)
    lost, there = getattr(workers, "lost", 0), machines.taken() if machines else 0.0
    began, here = perf_counter(), process_time()
    report = ingest(store, [folder / "all.jsonl"], on_progress)
    seconds, here = perf_counter() - began, process_time() - here
    processor = here + (machines.taken() - there if machines else 0.0)
    lost = getattr(workers, "lost", 0) - lost
    print(f"| {name} | {seconds:.1f} | {processor:.1f} | {here:.1f} | {len(report.added)} | {lost} | ", end="")
    print(f"{'' if alone is None else 'yes' if _alike(store, alone) else 'NO'} |", flush=True)
    return store


def _alike(one: Store, other: Store) -> bool:
    """Whether two stores hold the same texts, claims and passages, and the same vectors but for rounding."""
    one_held, other_held = held(one), held(other)
    return one_held.keys() == other_held.keys() and all(
        found[:3] == other_held[id_][:3] and np.allclose(found[3], other_held[id_][3], atol=1e-5)
        for id_, found in one_held.items()
    )


def _taken_by(node: object) -> float:
    """Return the seconds of processor that the living processes of a node have taken."""
    (raylet,) = node.all_processes["raylet"]  # type: ignore[attr-defined]
    own = psutil.Process(raylet.process.pid)
    return sum(sum(process.cpu_times()[:2]) for process in (own, *own.children(recursive=True)))


if __name__ == "__main__":
    main()
