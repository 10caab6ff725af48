from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from index.articles import Article
from index.catalogue import Catalogue, Owed
from index.claims import Claim, Piece
from index.errors import SaidsoError
from index.passages import Span


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.sqlite'}")


def article(id_: str = "a", text: str = "One. Two.", **fields: str) -> Article:
    return Article(id=id_, text=text, **fields)


def everything_owed(catalogue: Catalogue) -> Owed:
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
    assert everything_owed(catalogue) == Owed(add=(), remove=added, articles=("a",))
    assert catalogue.passages(added) == {}


def test_a_batch_is_stored_whole_or_not_at_all(catalogue: Catalogue) -> None:
    with pytest.raises(IntegrityError):
        catalogue.store([(article(), [Span(0, 4)]), (article(), [])])
    assert catalogue.article("a") is None
    assert not everything_owed(catalogue)


def test_everything_can_be_owed_again(catalogue: Catalogue) -> None:
    catalogue.store([(article(), [Span(0, 4)])])
    owed = everything_owed(catalogue)
    catalogue.settle(owed)
    assert not everything_owed(catalogue)
    catalogue.owe_everything()
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


def test_claims_come_back_as_they_were(catalogue: Catalogue) -> None:
    catalogue.store([(article(text=TEXT), [])])
    catalogue.store_claims({"a": CLAIMS}, by="x")
    assert catalogue.claims_of("a") == CLAIMS
    assert catalogue.claims_of("b") == []


def test_claims_found_again_replace_what_was_found(catalogue: Catalogue) -> None:
    catalogue.store([(article(text=TEXT), []), (article("b"), [])])
    assert [found.id for found in catalogue.without_claims("x", 10)] == ["a", "b"]
    catalogue.store_claims({"a": CLAIMS, "b": []}, by="x")
    assert catalogue.without_claims("x", 10) == []
    assert [found.text for found in catalogue.without_claims("y", 1)] == [TEXT]
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
