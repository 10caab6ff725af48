from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.settings import Settings
from index.catalogue import Place
from index.claims import Claim
from index.embedder import Embedder
from index.errors import SaidsoError
from index.filters import Filters
from index.search import _by_meaning, _by_words, _fuse, _Kept
from index.speakers import speaks_for
from index.store import Store


def test_the_passage_that_fits_comes_first(samples: Assistant) -> None:
    hit = samples.search("How many bombs did the F-15s drop?")[0]
    assert hit.passage.article_id == "2017-06-07-bontrager-investigation-findings"
    assert 0 < hit.score <= 1


def test_every_hit_is_an_exact_span(samples: Assistant) -> None:
    for hit in samples.search("mosque", k=50):
        article = samples.article(hit.passage.article_id)
        assert article is not None
        assert article.text[hit.passage.start : hit.passage.end] == hit.passage.text


def test_filters_by_outlet_and_date(samples: Assistant) -> None:
    filters = Filters.parse(("Sample Digest: Washington",), "2017-06-01", "2017-06-30")
    hits = samples.search("Who was killed?", 20, filters)
    assert {hit.passage.source for hit in hits} == {"Sample Digest: Washington"}
    assert {hit.passage.published[:7] for hit in hits} == {"2017-06"}


def test_filters_by_speaker_stance_and_cue(samples: Assistant) -> None:
    for filters in (
        Filters.parse(speaker="the Pentagon"),
        Filters.parse(stances=("Denies",)),
        Filters.parse(cue="told"),
    ):
        hits = samples.search("What was hit?", 20, filters)
        assert hits
        for hit in hits:
            assert any(_fits(claim, filters) for claim in hit.passage.claims), hit.passage.text
    assert samples.search("What was hit?", 20, Filters.parse(speaker="the Vatican")) == []


@pytest.mark.parametrize("depth", [3, 40])
@pytest.mark.parametrize(
    "filters",
    [
        Filters(sources=("Sample Digest: Washington",)),
        Filters(since=20170401),
        Filters(stances=("says",)),
        Filters(sources=("Sample Digest: Washington",), speaker="the Pentagon"),
        Filters(speaker="the Vatican"),
    ],
)
def test_sifting_the_best_of_all_finds_what_is_found_among_those_that_fit(
    samples_folder: Path, embedder: Embedder, filters: Filters, depth: int
) -> None:
    with closing(Store.open(samples_folder, embedder)) as store:
        few, many = _Kept(store.catalogue, filters), _Kept(store.catalogue, filters)
        many.few = None
        for found_by in (_by_meaning, _by_words):
            among_few, among_all = (found_by(store, "Who hit the mosque?", depth, kept) for kept in (few, many))
            assert list(among_few) == list(among_all)
            assert list(among_few.values()) == pytest.approx(list(among_all.values()), abs=1e-5)
            assert bool(among_few) == (filters.speaker != "the Vatican")


def _fits(claim: Claim, filters: Filters) -> bool:
    if filters.speaker:  # Jeff Davis is called the Pentagon's spokesman in another article than some of his words
        return speaks_for(claim.said_by or "", filters.speaker) or "Jeff Davis" in (claim.said_by or "")
    if filters.stances:
        return claim.stance in filters.stances
    return claim.cue is not None and claim.cue.text == filters.cue


def test_what_is_no_stance_is_named_with_those_there_are() -> None:
    with pytest.raises(SaidsoError, match=r"'denied' is not a stance; the stances are accuses, .*, denies, "):
        Filters.parse(stances=("denied",))


def test_an_article_is_found_by_its_title(tmp_path: Path) -> None:
    assistant = Assistant.open(Settings(tmp_path / "data"))
    text = "Workers walked out on Monday. They want more money, their leader said."
    articles = [{"id": "other", "title": "Rain in the north", "text": text}]
    articles.append({"id": "strike", "title": "Ferry crews on strike", "text": text})
    (tmp_path / "articles.jsonl").write_text("\n".join(map(json.dumps, articles)))
    assistant.ingest([tmp_path / "articles.jsonl"])
    assert assistant.search("Why do ferries not sail?")[0].passage.article_id == "strike"


def test_of_two_passages_that_fit_alike_the_earlier_comes_first() -> None:
    early, late = Place(1, "a", 0), Place(2, "a", 3_000)
    scores = _fuse([late, early], {}, {1: 0.5, 2: 0.5}, {})
    assert scores[1] > scores[2] > 0


def test_no_article_fills_the_first_places(samples: Assistant) -> None:
    hits = samples.search("Omar Ibn al-Khatab mosque Human Rights Watch Solvang", 10)
    assert max(Counter(hit.passage.article_id for hit in hits).values()) <= 2


def test_the_same_question_gives_the_same_ranking(samples: Assistant) -> None:
    first, second = (samples.search("How many civilians were killed?", 20) for _ in range(2))
    assert first == second


def test_nothing_indexed_nothing_found(tmp_path: Path) -> None:
    assert Assistant.open(Settings(tmp_path)).search("anything at all?") == []


def test_what_another_process_ingested_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The zebra crossed the bridge.")
    reading, writing = Assistant.open(Settings(tmp_path / "data")), Assistant.open(Settings(tmp_path / "data"))
    assert reading.search("zebra") == []
    writing.ingest([tmp_path / "a.txt"])
    assert reading.search("zebra")[0].passage.article_id == "a"
    writing.remove(["a"])
    assert reading.search("zebra") == []
