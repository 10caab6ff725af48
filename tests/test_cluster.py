"""Ingestion over a real Ray cluster of three nodes on this machine: as in one process, whatever is killed meanwhile."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from assistant.assistant import Assistant
from assistant.settings import Settings, sample_articles
from index.catalogue import Catalogue
from index.claims import Claim, Stretch, found_by
from index.embedder import Embedder, Vectors
from index.errors import SaidsoError
from index.ingest import Progress
from index.reindex import reindex
from index.store import Store
from index.workers import Workers, workers_at

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster as Nodes

    from index.cluster import Cluster

ROOT = Path(__file__).parent.parent
QUESTIONS = ("What did the Pentagon claim was hit?", "How many people were killed?", "Who won the 2022 World Cup?")
STORE = 80 << 20  # bytes a node, the least that Ray takes


@contextmanager
def nodes_here(count: int) -> Iterator[Nodes]:
    """Run a Ray cluster of so many nodes here, each with one processor to offer: to Ray each is a machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))  # whoever reaches a cluster runs what they like on it
        patch.setenv("RAY_worker_niceness", "0")  # else they stand back for all other tests
        pytest.importorskip("index.cluster", reason="ray has no wheel for this Python", exc_type=ModuleNotFoundError)
        from ray.cluster_utils import Cluster as Nodes  # reads the settings once it is imported

        here = {"num_cpus": 1, "object_store_memory": STORE}
        nodes = Nodes(initialize_head=True, head_node_args={**here, "include_dashboard": False})
        for _ in range(count - 1):
            nodes.add_node(**here)
        yield nodes
        nodes.shutdown()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with nodes_here(3) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def workers(nodes: Nodes) -> Iterator[Cluster]:
    from index.cluster import cluster_at

    with cluster_at(nodes.address, None) as workers:
        yield workers


@pytest.fixture
def with_model(workers: Cluster) -> Callable[[str | None], Cluster]:
    """Give the same workers, to compute with another embedding model."""
    return lambda model: type(workers)("here", model)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make about sixteen batches of the sample articles."""
    monkeypatch.setattr("index.claims._CHARACTERS_TOGETHER", 2_000)
    monkeypatch.setattr("index.store._LEAST_BATCH", 5)


def assert_alike(one: Store, other: Store) -> None:
    """Compare all that two stores hold; the same numbers added in another order differ in the last digits."""
    one_held, other_held = held(one), held(other)
    assert one_held.keys() == other_held.keys()
    for id_, (text, claims, passages, vectors) in one_held.items():
        assert (text, claims, passages) == other_held[id_][:3]
        np.testing.assert_allclose(vectors, other_held[id_][3], atol=1e-5)
    assert not one.gaps()


def held(store: Store) -> dict[str, tuple[str, list[Claim], list[tuple[int, int]], Vectors]]:
    found = {}
    for listed in list(store.catalogue.articles()):
        article, passages = store.catalogue.article(listed.id), store.catalogue.passages_of(listed.id)
        assert article
        vectors = np.concatenate([*store.vectors.stored([passage.id for passage in passages])])
        claims = store.catalogue.claims_of(listed.id)
        found[listed.id] = article.text, claims, [(passage.start, passage.end) for passage in passages], vectors
    return found


def test_what_is_stored_and_answered_is_as_in_this_process(
    workers: Cluster, samples: Assistant, tmp_path: Path
) -> None:
    assert workers.at_once == 12
    with closing(Assistant.open(Settings(tmp_path / "data"), workers)) as assistant:
        report = assistant.ingest([sample_articles()])
        assert (len(report.added), report.passages) == (22, 73)
        assert_alike(assistant._store, samples._store)
        for question in QUESTIONS:
            answer, same = assistant.ask(question), samples.ask(question)
            assert replace(answer, confidence=pytest.approx(same.confidence)) == same


def test_a_node_that_is_killed_takes_nothing_with_it(
    workers: Cluster, nodes: Nodes, samples: Assistant, tmp_path: Path
) -> None:
    lost: list[Any] = []

    def kill_one(progress: Progress) -> None:
        """Kill a node other than the first with a worker that is computing claims."""
        if lost or not progress.step or progress.step.stage != "claims" or not progress.step.done:
            return
        for node in sorted(nodes.worker_nodes, key=lambda node: str(node.unique_id)):
            if worker := stopped_at_work(node):
                nodes.remove_node(node, allow_graceful=False)
                worker.kill()
                lost.append(node)
                return

    with closing(Assistant.open(Settings(tmp_path / "data"), workers)) as assistant:
        report = assistant.ingest([sample_articles()], kill_one)
        assert lost and workers.lost
        assert (len(report.added), report.passages) == (22, 73)
        assert_alike(assistant._store, samples._store)


def stopped_at_work(node: Any) -> psutil.Process | None:
    """Stop a node's worker in the midst of a batch, if one is at it: Ray names it so until it has sent the result."""
    (raylet,) = node.all_processes["raylet"]
    for worker in psutil.Process(raylet.process.pid).children():
        worker.suspend()
        if worker.cmdline()[:1] == ["ray::_claims"]:
            return worker
        worker.resume()
    return None


@dataclass
class Noted:
    """Workers that note which articles they are given."""

    workers: Workers
    articles: set[str] = field(default_factory=set)

    @property
    def at_once(self) -> int:
        return self.workers.at_once

    def embed(self, batches: Iterable[Sequence[str]]) -> Iterator[Vectors]:
        return self.workers.embed(batches)

    def claims(self, batches: Iterable[Sequence[Stretch]]) -> Iterator[list[list[Claim]]]:
        return self.workers.claims(map(self._noted, batches))

    def _noted(self, batch: Sequence[Stretch]) -> Sequence[Stretch]:
        self.articles.update(stretch.of for stretch in batch)
        return batch


KILLED = """
import os, signal, sys
import index.claims
from index.catalogue import Catalogue
from assistant.cli import main

index.claims._CHARACTERS_TOGETHER = 2_000
add_claims = Catalogue.add_claims

def add_claims_and_die(*given):
    add_claims(*given)
    os.kill(os.getpid(), signal.SIGKILL)

Catalogue.add_claims = add_claims_and_die
main()
"""


def test_the_command_goes_on_where_it_was_killed(
    workers: Cluster, nodes: Nodes, samples: Assistant, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    command = [sys.executable, "-c", KILLED, "ingest", str(sample_articles()), "--data-dir", str(folder)]
    environment = {**os.environ, "SAIDSO_RAY_ADDRESS": nodes.address}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    with closing(Catalogue.open(f"sqlite:///{folder / 'catalogue.sqlite'}")) as catalogue:
        left = {one.id for one in catalogue.without_claims(found_by(), 100)}
    assert 0 < len(left) < 22
    noted = Noted(workers)
    with closing(Assistant.open(Settings(folder), noted)) as assistant:
        assert assistant.ingest([sample_articles()]).unchanged == 22
        assert noted.articles == left
        assert_alike(assistant._store, samples._store)


def test_all_vectors_are_computed_anew_there(
    workers: Cluster, copy_of_samples: Callable[[], Path], samples: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.reindex.SETTLE_BATCH", 20)
    folder, embedder = copy_of_samples(), Embedder()
    with closing(Catalogue.open(f"sqlite:///{folder / 'catalogue.sqlite'}")) as catalogue:
        catalogue.set_fact("embedding_model", "another")
    assert reindex(folder, embedder, workers=workers) == 73
    assert not (folder / "chroma").exists()
    with closing(Store.open(folder, embedder)) as store:
        assert_alike(store, samples._store)


def test_a_worker_with_another_saidso_is_refused(
    with_model: Callable[[str | None], Cluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "saidso-9.9.9.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: saidso\nVersion: 9.9.9\n"
    (tmp_path / "saidso-9.9.9.dist-info" / "METADATA").write_text(metadata)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SaidsoError, match=r"has another Saidso \(.*; here it is 9\.9\.9\); install the same"):
        next(with_model(None).claims([[Stretch(0, "Ortiz said so.")]]))


def test_what_fails_on_a_worker_is_said(with_model: Callable[[str | None], Cluster], tmp_path: Path) -> None:
    (tmp_path / "weights").touch()
    there = with_model(str(tmp_path))
    (tmp_path / "weights").unlink()
    with pytest.raises(SaidsoError, match=r"^A worker .* failed: There is no embedding model in '/.*; give all"):
        next(there.embed([["A text."]]))


def test_a_worker_with_another_model_is_refused(with_model: Callable[[str | None], Cluster], tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("of one kind")
    there = with_model(str(tmp_path))
    (tmp_path / "weights").write_text("of another")
    with pytest.raises(SaidsoError, match=r"has another embedding model \(\w{12}; here it is \w{12}\); install"):
        next(there.claims([[Stretch(0, "Ortiz said so.")]]))


class Deadly:
    """Ends the process that it is sent to."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


def test_what_kills_each_worker_is_given_up(
    with_model: Callable[[str | None], Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.cluster._TRIES", 2)
    there = with_model(None)
    with pytest.raises(SaidsoError, match=r"^2 workers .* died one after another .* run the same command again"):
        next(there.claims([[Deadly()]]))  # type: ignore[list-item]
    assert there.lost == 2


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:9", "No Ray cluster answers at SAIDSO_RAY_ADDRESS='127.0.0.1:9'"),
        ("ray://host.invalid:10001", "No Ray cluster answers at .* check that it runs"),
        ("ray://127.0.0.1:99999", "No Ray cluster answers"),
        ("http://127.0.0.1:8265", "is no address of a Ray cluster; one looks like ray://host:10001"),
        ("somewhere", "is no address of a Ray cluster"),
    ],
)
def test_an_address_that_does_not_work_is_told(address: str, said: str) -> None:
    settings = Settings.from_environment(environment={"SAIDSO_RAY_ADDRESS": address})
    with pytest.raises(SaidsoError, match=said), workers_at(settings.ray_address, None):
        pass


def test_without_ray_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "index.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    said = r"SAIDSO_RAY_ADDRESS='auto' wants ray; `pip install 'saidso\[ray\]'`"
    with pytest.raises(SaidsoError, match=said), workers_at("auto", None):
        pass


def test_without_an_address_this_process_computes() -> None:
    with workers_at(Settings.from_environment(environment={}).ray_address, None) as workers:
        assert workers is None
