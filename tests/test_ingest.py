from __future__ import annotations

import json
from pathlib import Path

import pytest

from index.claims import found_by
from index.embedder import Embedder
from index.ingest import IngestReport, Progress, ingest
from index.store import Step, Store


@pytest.fixture
def store(tmp_path: Path, embedder: Embedder) -> Store:
    return Store.open(tmp_path / "data", embedder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    for name in ("one", "two", "three"):
        (folder / f"{name}.txt").write_text(f"This is article {name}. It speaks of {name} things.")
    return folder


def outcome(report: IngestReport) -> tuple[int, int, int, int]:
    return len(report.added), len(report.replaced), report.unchanged, len(report.rejected)


def texts(store: Store) -> dict[str, str]:
    articles = (store.catalogue.article(listed.id) for listed in list(store.catalogue.articles()))
    return {article.id: article.text for article in articles if article}


def test_ingesting_twice_changes_nothing(store: Store, folder: Path) -> None:
    assert outcome(ingest(store, [folder])) == (3, 0, 0, 0)
    counts = store.catalogue.holdings(), store.vectors.count()
    assert outcome(ingest(store, [folder])) == (0, 0, 3, 0)
    assert (store.catalogue.holdings(), store.vectors.count()) == counts


def test_a_changed_file_replaces_its_article(store: Store, folder: Path) -> None:
    ingest(store, [folder])
    (folder / "one.txt").write_text("Something else altogether.")
    assert outcome(ingest(store, [folder])) == (0, 1, 2, 0)
    assert texts(store)["one"] == "Something else altogether."
    assert store.vectors.count() == 3


def test_the_same_text_elsewhere_is_not_stored_twice(store: Store, folder: Path, tmp_path: Path) -> None:
    ingest(store, [folder])
    copy = tmp_path / "copy.txt"
    copy.write_text((folder / "one.txt").read_text())
    assert outcome(ingest(store, [copy])) == (0, 0, 1, 0)


def test_files_of_one_name_in_two_folders_are_two_articles(store: Store, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "news.txt").write_text(f"News from {name}.")
    report = ingest(store, [tmp_path / "a", tmp_path / "b"])
    assert sorted(texts(store).values()) == ["News from a.", "News from b."]
    assert report.added[0] == "news" and report.added[1].startswith("news-")
    (tmp_path / "b" / "news.txt").write_text("Later news from b.")
    assert ingest(store, [tmp_path / "b"]).replaced == [report.added[1]]


def test_jsonl_ids_are_kept_and_texts_are_exact(store: Store, tmp_path: Path) -> None:
    lines = [{"id": "x-1", "text": "  A text\n\n\n\nwith its spaces. "}, {"id": "x-2", "text": "Another. " * 100}]
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\nbroken\n")
    assert outcome(ingest(store, [file])) == (2, 0, 0, 1)
    assert texts(store) == {line["id"]: line["text"] for line in lines}
    for line in lines:
        assert all(p.text == line["text"][p.start : p.end] for p in store.catalogue.passages_of(line["id"]))


def test_the_same_text_under_two_given_ids_is_two_articles(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "wire.jsonl"
    file.write_text('{"id": "a", "text": "Wire copy."}\n{"id": "b", "text": "Wire copy."}\n')
    assert outcome(ingest(store, [file])) == (2, 0, 0, 0)


def test_an_interruption_loses_nothing_that_was_committed(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.ingest._BATCH_ARTICLES", 10)
    for number in range(32):
        (folder / f"{number:02}.txt").write_text(f"Article number {number} was written.")

    def interrupt(progress: Progress) -> None:
        if progress.articles >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(store, [folder], interrupt)
    assert store.catalogue.holdings().articles == store.vectors.count() == 20
    assert outcome(ingest(store, [folder])) == (15, 0, 20, 0)
    assert store.catalogue.holdings().articles == store.vectors.count() == 35


def test_a_long_article_is_read_for_its_claims_where_an_interruption_left_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.claims._STRETCH", 100)
    monkeypatch.setattr("index.claims._CHARACTERS_TOGETHER", 100)
    paragraphs = [f"Speaker {name} said that the {name} bridge would close." for name in ("Ann", "Bob", "Cid", "Dan")]
    (tmp_path / "long.txt").write_text("\n\n".join(paragraphs))
    steps: list[Step] = []

    def interrupt(progress: Progress) -> None:
        if progress.step and progress.step.done:
            raise KeyboardInterrupt

    def note(progress: Progress) -> None:
        steps.extend(filter(None, [progress.step]))

    with pytest.raises(KeyboardInterrupt):
        ingest(store, [tmp_path / "long.txt"], interrupt)
    before = store.catalogue.claims_of("long")
    (unread,) = store.catalogue.without_claims(found_by(), 1)
    assert 0 < len(before) < 4
    assert outcome(ingest(store, [tmp_path / "long.txt"], note)) == (0, 0, 1, 0)
    assert store.catalogue.claims_of("long")[: len(before)] == before
    assert len(store.catalogue.claims_of("long")) == 4
    assert steps[0] == Step("claims", 0, unread.length - unread.until)
    assert [step.stage for step in steps][-1] == "vectors"


def test_progress_reaches_the_end(store: Store, folder: Path) -> None:
    seen: list[Progress] = []
    ingest(store, [folder], seen.append)
    assert seen[-1].articles == 3
    assert seen[-1].done_bytes == seen[-1].total_bytes > 0


def test_what_cannot_be_read_is_said_and_the_rest_goes_on(store: Store, folder: Path) -> None:
    (folder / "empty.txt").write_text("")
    (folder / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 4)
    report = ingest(store, [folder, folder / "missing.txt"])
    assert outcome(report) == (3, 0, 0, 3)
    assert all(rejected.reason.endswith(".") for rejected in report.rejected)


def test_an_upload_is_known_again_by_its_name(store: Store, tmp_path: Path) -> None:
    reports = []
    for number, text in enumerate(("The first version.", "The second version.")):
        (tmp_path / str(number)).mkdir()
        file = tmp_path / str(number) / "news.txt"
        file.write_text(text)
        reports.append(ingest(store, [file], origin_of=lambda origin: f"upload:{Path(origin).name}"))
    assert [outcome(report) for report in reports] == [(1, 0, 0, 0), (0, 1, 0, 0)]
    assert texts(store) == {"news": "The second version."}
