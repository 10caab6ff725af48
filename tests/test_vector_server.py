"""Vectors on a real Chroma server and in a real PostgreSQL: the same answers as with Chroma in the data folder."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.settings import Settings, sample_articles
from assistant.web.readiness import Readiness
from assistant.web.startup import Startup
from index.backup import back_up, restore
from index.doctor import examine
from index.embedder import Embedder
from index.errors import SaidsoError, UnwritableError
from index.reindex import reindex
from index.search import search
from index.store import Store
from tests.conftest import chroma_at

QUESTION = "What did the Pentagon claim was hit?"


@pytest.fixture(scope="module")
def articles() -> list[Path]:
    return sorted(sample_articles().glob("2017-03-1*.md"))[:5]


@pytest.fixture(params=["Chroma", "PostgreSQL"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "Chroma":
        return str(request.getfixturevalue("chroma_server"))
    return str(request.getfixturevalue("new_postgres_database")())


@pytest.fixture
def folder(tmp_path: Path, url: str, articles: list[Path]) -> Path:
    """A data folder whose vectors are on the server."""
    folder = tmp_path / "data"
    with closing(Assistant.open(Settings(folder, vectors_url=url))) as assistant:
        assistant.ingest(articles)
    assert not (folder / "chroma").exists()
    return folder


def found(folder: Path, embedder: Embedder, url: str | None) -> list[tuple[str, int]]:
    with closing(Store.open(folder, embedder, vectors_url=url)) as store:
        hits = search(store, QUESTION, 10)
        return [(hit.passage.article_id, hit.passage.start) for hit in hits]


def test_answers_are_those_of_the_data_folder(folder: Path, url: str, articles: list[Path], tmp_path: Path) -> None:
    with (
        closing(Assistant.open(Settings(folder, vectors_url=url))) as there,
        closing(Assistant.open(Settings(tmp_path / "embedded"))) as here,
    ):
        here.ingest(articles)
        for question in (QUESTION, "How many people were killed?", "Who won the 2022 World Cup?"):
            one, other = there.ask(question), here.ask(question)
            assert replace(one, confidence=pytest.approx(other.confidence)) == other


def test_vectors_move_in_and_out_and_none_from_another_time_are_taken(
    folder: Path, url: str, embedder: Embedder
) -> None:
    there = found(folder, embedder, url)
    assert found(folder, embedder, None) == there
    with closing(Store.open(folder, embedder)) as store, store.writing():
        store.catalogue.remove([there[0][0]])
        store.settle()
    after = found(folder, embedder, None)
    assert found(folder, embedder, url) == after != there
    with closing(Store.open(folder, embedder, vectors_url=url)) as store:
        assert not store.gaps()


def test_what_one_process_adds_another_finds(folder: Path, url: str, tmp_path: Path) -> None:
    settings = Settings(folder, vectors_url=url)
    new = tmp_path / "ferry.txt"
    new.write_text("The harbour master of Quarry Bay said the orchard ferry would sail again on Monday.")
    with closing(Assistant.open(settings)) as one, closing(Assistant.open(settings)) as other:
        one.ingest([new])
        answer = other.ask("What did the harbour master of Quarry Bay say?")
        assert "would sail again" in answer.statements[0].text


def test_doctor_and_reindex_know_the_server(folder: Path, url: str, embedder: Embedder, other_model: str) -> None:
    with closing(Store.open(folder, embedder, vectors_url=url)) as store:
        store.vectors.delete([1, 2])
    mended = [one for one in examine(folder, embedder, vectors_url=url, repair=True) if one.state != "fine"]
    assert [(one.check, one.found, one.state) for one in mended] == [("vectors", "2 missing, 0 of nothing", "mended")]
    before = found(folder, embedder, url)
    other = Embedder(other_model)
    reindex(folder, other, vectors_url=url)
    with closing(Store.open(folder, other, vectors_url=url)) as store:
        assert store.vectors.count() == len(store.catalogue.passage_ids())
    reindex(folder, embedder, vectors_url=url)
    assert found(folder, embedder, url) == before


def test_a_restored_index_leaves_the_vectors_of_the_first_alone(
    folder: Path, url: str, embedder: Embedder, tmp_path: Path
) -> None:
    before = found(folder, embedder, url)
    back_up(folder, tmp_path / "backup.tar.gz")
    restore(tmp_path / "backup.tar.gz", tmp_path / "copy", embedder)
    with closing(Store.open(tmp_path / "copy", embedder, vectors_url=url)) as store, store.writing():
        store.catalogue.remove([before[0][0]])
        store.settle()
    assert found(folder, embedder, url) == before


def test_while_the_server_is_down_all_is_kept_and_told(tmp_path: Path, articles: list[Path]) -> None:
    with chroma_at(tmp_path / "server") as address:
        settings = Settings(tmp_path / "data", vectors_url=address)
        assistant = Assistant.open(settings)
        assistant.ingest(articles[:1])
        known = assistant.search(QUESTION, 1)
    with pytest.raises(SaidsoError, match="does not answer"):
        assistant.ask(QUESTION)
    with pytest.raises(UnwritableError, match=r"no article is lost\. Check that the server runs"):
        assistant.ingest(articles[1:2])
    startup = Startup(lambda: assistant)
    startup.begin()
    startup.wait()
    assert Readiness(startup, tmp_path, 0.0).look().status == "unsearchable"
    assistant.close()
    with pytest.raises(SaidsoError, match="does not answer"):
        Assistant.open(settings)
    port = int(address.rpartition(":")[2])
    with chroma_at(tmp_path / "server", port), closing(Assistant.open(settings)) as again:
        assert again.holdings().articles == 2
        assert {hit.passage.article_id for hit in again.search(QUESTION, 20)} > {known[0].passage.article_id}


def test_an_address_of_something_else_is_told(tmp_path: Path) -> None:
    with pytest.raises(SaidsoError, match="is no address of a vector server"):
        Store.open(tmp_path, Embedder(), vectors_url="ftp://here")
