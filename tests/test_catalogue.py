from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import IntegrityError

from index.articles import Article
from index.catalogue import Catalogue, Changes, Found, Unread
from index.claim_words import Piece
from index.claims import Claim
from index.errors import SaidsoError
from index.filters import Filters
from index.passages import Span


@pytest.fixture(params=["sqlite", "postgresql"])
def catalogue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalogue]:
    """An empty catalogue, in SQLite and in PostgreSQL: whatever holds for the one holds for the other."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    else:
        url = request.getfixturevalue("new_postgres_database")()
    with closing(Catalogue.open(url)) as catalogue:
        yield catalogue


def article(id_: str = "a", text: str = "One. Two.", **fields: str) -> Article:
    return Article(id=id_, text=text, **fields)


def everything_owed(catalogue: Catalogue) -> Changes:
    return catalogue.owed(1000)


def test_an_article_comes_back_as_it_was(catalogue: Catalogue) -> None:
    stored = Article("a", "Tëxt “here”.", "Title", "Outlet", ("A. B.", "C"), "2017-03-16", "https://x.test", "/f")
    catalogue.store([(stored, [Span(0, 12)])])
    assert catalogue.article("a") == stored
    assert catalogue.article("b") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), data=st.data())
def test_a_passage_reads_exactly_its_span(catalogue: Catalogue, text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    catalogue.store([(article(text=text), [Span(start, end)])])
    assert [passage.text for passage in catalogue.passages_of("a")] == [text[start:end]]


def test_storing_again_replaces_and_owes_both(catalogue: Catalogue) -> None:
    catalogue.store([(article(), [Span(0, 4), Span(5, 9)])])
    old = everything_owed(catalogue)
    catalogue.settle(old)
    catalogue.store([(article(text="Three."), [Span(0, 6)])])
    owed = everything_owed(catalogue)
    assert owed.remove == old.add
    assert [catalogue.passages(owed.add)[id_].text for id_ in owed.add] == ["Three."]
    assert owed.articles == ("a",)
    assert not set(owed.add) & set(old.add), "an id must never stand for two passages"


def test_removing_owes_the_removal(catalogue: Catalogue) -> None:
    catalogue.store([(article(), [Span(0, 4)])])
    added = everything_owed(catalogue).add
    assert catalogue.remove(["a", "unknown"]) == 1
    assert everything_owed(catalogue) == Changes(add=(), remove=added, articles=("a",))
    assert catalogue.passages(added) == {}


def test_a_batch_is_stored_whole_or_not_at_all(catalogue: Catalogue) -> None:
    with pytest.raises(IntegrityError):
        catalogue.store([(article(), [Span(0, 4)]), (article(), [])])
    assert catalogue.article("a") is None
    assert not everything_owed(catalogue)


def test_an_interrupt_waits_until_what_is_written_is_written(catalogue: Catalogue) -> None:
    def interrupt(_connection: object) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    event.listen(catalogue._engine, "commit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        catalogue.set_fact("written", "yes")
    event.remove(catalogue._engine, "commit", interrupt)
    signal.signal(signal.SIGINT, before)
    assert catalogue.fact("written") == "yes"


def test_everything_can_be_owed_again(catalogue: Catalogue) -> None:
    catalogue.store([(article(), [Span(0, 4)])])
    owed = everything_owed(catalogue)
    catalogue.settle(owed)
    assert not everything_owed(catalogue)
    catalogue.owe(catalogue.passage_ids())
    assert everything_owed(catalogue) == owed


def test_holdings_count_outlets_and_dates(catalogue: Catalogue) -> None:
    catalogue.store(
        [
            (article("a", source="X", published="2017-03-16"), [Span(0, 4)]),
            (article("b", source="Y", published="2017-09-06T10:00:00"), [Span(0, 4), Span(5, 9)]),
            (article("c", source="X"), []),
        ]
    )
    holdings = catalogue.holdings()
    assert (holdings.articles, holdings.passages) == (3, 3)
    assert holdings.sources == (("X", 2), ("Y", 1))
    assert (holdings.first, holdings.last) == ("2017-03-16", "2017-09-06")


def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").write_text("this is not a database, and long enough to be sure of it" * 50)
    with pytest.raises(SaidsoError, match=r"c\.sqlite cannot be opened"):
        Catalogue.open(f"sqlite:///{tmp_path / 'c.sqlite'}")


TEXT = "“We did,” Ortiz said, “and gladly.” The port denied it."


def piece(words: str) -> Piece:
    return Piece(TEXT.index(words), TEXT.index(words) + len(words), words)


CLAIMS = [
    Claim(piece("Ortiz"), piece("said"), (piece("We did"), piece("and gladly")), "says", True),
    Claim(piece("The port"), piece("denied"), (piece("it"),), "denies", False),
    Claim(None, None, (piece("We did"),), "says", None),
]


def test_the_newest_are_the_last_of_all(catalogue: Catalogue) -> None:
    days = ("2017-03-16", "2017-03-18", "2017-03-16", "")
    catalogue.store([(article(id_, published=day), []) for id_, day in zip("abcd", days, strict=True)])
    everything = [one.id for one in catalogue.articles()]
    assert [one.id for one in catalogue.newest(9)] == everything[::-1] == ["b", "c", "a", "d"]
    assert [one.id for one in catalogue.newest(2)] == ["b", "c"]


def test_claims_come_back_as_they_were(catalogue: Catalogue) -> None:
    catalogue.store([(article(text=TEXT), [])])
    catalogue.store_claims({"a": CLAIMS}, by="x")
    assert catalogue.claims_of("a") == CLAIMS
    assert catalogue.claims_of("b") == []


def test_claims_of_many_articles_each_have_their_own_words(catalogue: Catalogue) -> None:
    ids = [f"{number:02}" for number in range(40)]
    catalogue.store([(article(id_, f"{TEXT[:-1]} {id_}."), []) for id_ in ids])
    content = len(TEXT)
    denied = [Claim(None, None, (Piece(content, content + 2, id_),), "denies", None) for id_ in ids]
    catalogue.store_claims({id_: [claim] for id_, claim in zip(ids, denied, strict=True)}, by="x")
    assert catalogue.claims_by(Filters(stances=("denies",))) == list(zip(ids, denied, strict=True))


def test_the_claims_of_an_article_may_be_stored_part_by_part(catalogue: Catalogue) -> None:
    catalogue.store([(article(text=TEXT), [])])
    middle = CLAIMS[1].content[0].start
    catalogue.add_claims([Found("a", tuple(CLAIMS[:1]), 0, middle)], by="x")
    assert catalogue.without_claims("x", 10) == [Unread("a", middle, len(TEXT))]
    assert catalogue.claims_of("a") == CLAIMS[:1]
    catalogue.add_claims([Found("a", tuple(CLAIMS[1:]), middle)], by="x")
    assert catalogue.without_claims("x", 10) == []
    assert catalogue.claims_of("a") == CLAIMS
    catalogue.add_claims([Found("a", tuple(CLAIMS[:1]), 0, middle)], by="y")
    assert catalogue.claims_of("a") == CLAIMS[:1]


def test_claims_found_again_replace_what_was_found(catalogue: Catalogue) -> None:
    catalogue.store([(article(text=TEXT), []), (article("b"), [])])
    assert [found.id for found in catalogue.without_claims("x", 10)] == ["a", "b"]
    catalogue.store_claims({"a": CLAIMS, "b": []}, by="x")
    assert catalogue.without_claims("x", 10) == []
    assert catalogue.without_claims("y", 1) == [Unread("a", 0, len(TEXT))]
    catalogue.store_claims({"a": CLAIMS[1:]}, by="y")
    assert catalogue.claims_of("a") == CLAIMS[1:]


def test_an_article_that_goes_or_changes_takes_its_claims_along(catalogue: Catalogue) -> None:
    catalogue.store([(article(text=TEXT), []), (article("b", TEXT), [])])
    catalogue.store_claims({"a": CLAIMS, "b": CLAIMS}, by="x")
    catalogue.store([(article(text="Else."), [])])
    assert catalogue.claims_of("a") == []
    assert [found.id for found in catalogue.without_claims("x", 10)] == ["a"]
    catalogue.remove(["b"])
    assert catalogue.claims_of("b") == []


def test_a_passage_has_the_claims_with_content_in_it(catalogue: Catalogue) -> None:
    catalogue.store([(article(text=TEXT), [Span(0, 35), Span(36, 55)]), (article("b"), [Span(0, 4)])])
    catalogue.store_claims({"a": CLAIMS}, by="x")
    passages = [*catalogue.passages_of("a"), *catalogue.passages_of("b")]
    assert [passage.claims for passage in catalogue.with_claims(passages)] == [
        (CLAIMS[0], CLAIMS[2]),
        (CLAIMS[1],),
        (),
    ]


def quoted(catalogue: Catalogue, id_: str, *speakers: str, source: str = "", published: str = "") -> None:
    """Store an article in which each speaker says a sentence of its own."""
    lines = [f"{name} said it." for name in speakers]
    whole = "\n\n".join(lines)
    claims, at = [], 0
    for name, line in zip(speakers, lines, strict=True):
        cue, content = at + len(name) + 1, at + len(name) + 6
        pieces = Piece(at, at + len(name), name), Piece(cue, cue + 4, "said"), (Piece(content, content + 2, "it"),)
        claims.append(Claim(*pieces, "says", False, name))
        at += len(line) + 2
    spans = [Span(claim.speaker.start, claim.content[-1].end) for claim in claims if claim.speaker]
    catalogue.store([(Article(id_, whole, source=source, published=published), spans)])
    catalogue.store_claims({id_: claims}, by="x")


def said_by(catalogue: Catalogue, speaker: str, **fields: str) -> list[tuple[str, str | None]]:
    return [(id_, claim.said_by) for id_, claim in catalogue.claims_by(Filters(speaker=speaker, **fields))]  # type: ignore[arg-type]


def test_claims_are_looked_up_by_speaker(catalogue: Catalogue) -> None:
    quoted(catalogue, "a", "Capt. Jeff Davis, a Pentagon spokesman", "the Defense Department", "the mayor of Ostrava")
    quoted(catalogue, "b", "Jeff Davis", "Jim Davis", "CENTCOM", "he")
    assert said_by(catalogue, "the Pentagon") == [
        ("a", "Capt. Jeff Davis, a Pentagon spokesman"),
        ("a", "the Defense Department"),
        ("b", "Jeff Davis"),  # known from the other article as its spokesman
    ]
    assert [name for _, name in said_by(catalogue, "Davis")] == [
        "Capt. Jeff Davis, a Pentagon spokesman", "Jeff Davis", "Jim Davis",
    ]  # fmt: skip
    assert said_by(catalogue, "US Central Command") == [("b", "CENTCOM")]
    assert said_by(catalogue, "the Kremlin") == said_by(catalogue, "he") == []


def test_claims_are_looked_up_by_stance_cue_outlet_and_date(catalogue: Catalogue) -> None:
    catalogue.store([(article(text=TEXT), [Span(0, 35), Span(36, 55)])])
    catalogue.store_claims({"a": CLAIMS}, by="x")
    quoted(catalogue, "b", "Ortiz", source="Herald", published="2017-03-16")
    assert catalogue.claims_by(Filters(stances=("denies",))) == [("a", CLAIMS[1])]
    assert catalogue.claims_by(Filters(cue="Denied")) == [("a", CLAIMS[1])]
    assert [id_ for id_, _ in catalogue.claims_by(Filters(speaker="Ortiz"))] == ["a", "b"]
    assert [id_ for id_, _ in catalogue.claims_by(Filters(("Herald",), speaker="Ortiz"))] == ["b"]
    assert [id_ for id_, _ in catalogue.claims_by(Filters(since=20170316, speaker="Ortiz"))] == ["b"]
    assert [id_ for id_, _ in catalogue.claims_by(Filters(speaker="Ortiz"), limit=1)] == ["a"]
    denied = catalogue.fitting(Filters(stances=("denies",))) or []
    assert [catalogue.passages(denied)[id_].text for id_ in denied] == ["The port denied it."]


def test_sqlite_knows_that_one_stance_has_many_claims(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    with closing(Catalogue.open(url)) as catalogue:
        catalogue.store([(article(str(n), TEXT), [Span(0, 35), Span(36, 55)]) for n in range(100)])
        catalogue.store_claims({str(n): CLAIMS for n in range(100)}, by="x")
        catalogue.gather_statistics()
    with closing(create_engine(url).connect()) as connection:
        told = connection.scalar(text("SELECT stat FROM sqlite_stat1 WHERE idx = 'ix_claims_stance'"))
    assert int(told.split()[1]) >= 100


def test_claims_are_looked_up_by_passage(catalogue: Catalogue) -> None:
    catalogue.store([(article(text=TEXT), [Span(0, 35), Span(36, 55)]), (article("b", TEXT), [Span(0, 55)])])
    catalogue.store_claims({"a": CLAIMS, "b": CLAIMS}, by="x")
    first, second, whole = (passage.id for id_ in ("a", "b") for passage in catalogue.passages_of(id_))
    assert catalogue.claims_in([second, first], Filters()) == [("a", CLAIMS[n]) for n in (1, 0, 2)]
    denied = [("b", CLAIMS[1]), ("a", CLAIMS[1])]
    assert catalogue.claims_in([whole, first, second], Filters(stances=("denies",))) == denied
    assert catalogue.claims_in([first], Filters(stances=("denies",))) == catalogue.claims_in([], Filters()) == []


def test_speakers_go_with_their_last_claim(catalogue: Catalogue) -> None:
    quoted(catalogue, "a", "the Pentagon")
    quoted(catalogue, "b", "the Pentagon", "Ortiz")
    catalogue.remove(["b"])
    assert (catalogue.speakers("Ortiz"), catalogue.speakers("DoD")) == ([], ["the Pentagon"])
    quoted(catalogue, "a", "Ortiz")
    assert (catalogue.speakers("Ortiz"), catalogue.speakers("DoD")) == (["Ortiz"], [])


def test_claims_that_an_older_version_stored_are_found_anew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    catalogue = Catalogue.open(url)
    catalogue.store([(article(text=TEXT), [])])
    catalogue.store_claims({"a": CLAIMS}, by="x")
    catalogue.close()
    with create_engine(url).begin() as connection:
        for column in ("name", "cue_words"):
            connection.execute(text("DROP INDEX IF EXISTS ix_claims_cue_words"))
            connection.execute(text(f"ALTER TABLE claims DROP COLUMN {column}"))
    catalogue = Catalogue.open(url)
    assert [found.id for found in catalogue.without_claims("x", 10)] == ["a"]
    catalogue.store_claims({"a": CLAIMS}, by="x")
    assert catalogue.claims_of("a") == CLAIMS
