from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from index.articles import Article
from index.claims import found_by
from index.embedder import Embedder
from index.errors import SaidsoError
from index.filters import Filters
from index.passages import Span
from index.store import BusyError, Store

ARTICLE = Article("a", "The mosque was hit. Bread is dear.", source="X", published="2017-03-16")
SAID = Article("b", "The mayor said the bridge was closed.")
SPANS = [Span(0, 19), Span(20, 34)]


def found(store: Store) -> tuple[int, int, int]:
    return store.vectors.count(), store.words.passages.count(), store.words.articles.count()


def test_settling_brings_the_indexes_up_to_the_catalogue(tmp_path: Path, embedder: Embedder) -> None:
    store = Store.open(tmp_path, embedder)
    with store.writing():
        store.catalogue.store([(ARTICLE, SPANS)])
        store.settle()
    assert found(store) == (2, 2, 1)
    with store.writing():
        store.catalogue.remove(["a"])
        store.settle()
    assert found(store) == (0, 0, 0)


def test_removed_articles_leave_no_trace_in_the_scores(tmp_path: Path, embedder: Embedder) -> None:
    store = Store.open(tmp_path, embedder)

    def change(add: Sequence[tuple[Article, list[Span]]] = (), remove: Sequence[str] = ()) -> None:
        with store.writing():
            store.catalogue.store(add)
            store.catalogue.remove(remove)
            store.settle()

    def scores() -> object:
        question = "Was the mosque hit, and is the bread dear?"
        indexes = store.words.passages, store.words.articles
        return [(index.search(question, 9), index.weights(question)) for index in indexes]

    change(add=[(ARTICLE, SPANS), (SAID, [Span(0, 38)])])
    before = scores()
    others = [Article(f"o{i}", f"The bread of the {i} bakers near the mosque was dear.") for i in range(12)]
    change(add=[(article, [Span(0, len(article.text))]) for article in others])
    assert scores() != before
    change(remove=[article.id for article in others[:5]])
    change(remove=[article.id for article in others[5:]])
    assert scores() == before
    store.close()


def test_what_a_killed_process_left_is_finished_at_the_next_start(tmp_path: Path, embedder: Embedder) -> None:
    code = (
        "import os, sys; from pathlib import Path; from index.store import Store; from index.embedder import Embedder;"
        "from tests.test_store import ARTICLE, SPANS;"
        "store = Store.open(Path(sys.argv[1]), Embedder()); store.catalogue.store([(ARTICLE, SPANS)]); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    store = Store.open(tmp_path, embedder)
    assert found(store) == (2, 2, 1)
    hit = store.vectors.search(embedder.embed(["the price of bread"])[0], 1, Filters())[0]
    assert store.catalogue.passages([hit[0]])[hit[0]].text == "Bread is dear."


def test_lost_indexes_are_rebuilt_from_the_catalogue(tmp_path: Path, embedder: Embedder) -> None:
    store = Store.open(tmp_path, embedder)
    store.catalogue.store([(ARTICLE, SPANS)])
    store.settle()
    before = store.vectors.search(embedder.embed(["bread"])[0], 2, Filters())
    store.vectors.delete([1, 2])
    store.words.passages.update([], ["1", "2"])
    store.catalogue.owe(store.catalogue.passage_ids())
    store.settle()
    after = store.vectors.search(embedder.embed(["bread"])[0], 2, Filters())
    assert [id_ for id_, _ in after] == [id_ for id_, _ in before] == [2, 1]
    # The vectors are the same to the bit; Chroma adds up their products in an order that depends on where they lie.
    assert [cosine for _, cosine in after] == pytest.approx([cosine for _, cosine in before], abs=1e-6)
    assert found(store) == (2, 2, 1)


def test_keyword_indexes_of_an_older_format_are_built_anew(tmp_path: Path, embedder: Embedder) -> None:
    store = Store.open(tmp_path, embedder)
    store.catalogue.store([(ARTICLE, SPANS)])
    store.settle()
    store.close()
    shutil.rmtree(tmp_path / "keywords")
    old = tmp_path / "keywords" / "passages"
    old.mkdir(parents=True)
    (old / "meta.json").write_text("of an older format")
    reopened = Store.open(tmp_path, embedder)
    assert found(reopened) == (2, 2, 1)
    assert not old.exists()


def test_one_writer_at_a_time(tmp_path: Path, embedder: Embedder) -> None:
    first, second = Store.open(tmp_path, embedder), Store.open(tmp_path, embedder)
    with first.writing(), pytest.raises(BusyError, match="Another Saidso process"), second.writing():
        pass
    with second.writing():
        pass


def test_models_do_not_mix(tmp_path: Path, embedder: Embedder) -> None:
    Store.open(tmp_path, embedder).close()
    with pytest.raises(SaidsoError, match=r"'other-model' is set now"):
        Store.open(tmp_path, Embedder("other-model"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, embedder: Embedder) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SaidsoError, match=r"file/data cannot be written .*--data-dir"):
        Store.open(tmp_path / "file" / "data", embedder)


def test_claims_that_are_owed_are_found_at_the_next_start(tmp_path: Path, embedder: Embedder) -> None:
    store = Store.open(tmp_path, embedder)
    store.catalogue.store([(SAID, [])])
    store.catalogue.store_claims({"b": []}, by="an older network")
    store.close()
    store = Store.open(tmp_path, embedder)
    (claim,) = store.catalogue.claims_of("b")
    assert claim.speaker is not None and claim.speaker.text == "The mayor"
    assert store.catalogue.without_claims(found_by(), 1) == []
