"""SQL: articles, passages, claims, and what is still owed of what derives from them. The truth of all the rest."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    delete,
    exists,
    func,
    insert,
    inspect,
    literal,
    select,
)
from sqlalchemy.exc import IntegrityError

from index.articles import Article
from index.batches import parts
from index.claim_words import Piece
from index.claims import Claim
from index.database import connect, fitting, one_at_a_time, writing
from index.filters import Filters, iso_day
from index.passages import Span
from index.speakers import (
    PRONOUNS,
    known_by,
    lookup_words,
    named_otherwise,
    short_for,
    speaks_for,
    words_of,
    words_of_same,
)

_T = TypeVar("_T")
_schema = MetaData()
_Ordered = String().with_variant(String(collation="C"), "postgresql")  # by code point, as in SQLite, not by a language
_articles = Table(
    "articles",
    _schema,
    Column("id", _Ordered, primary_key=True),
    Column("title", String, nullable=False),
    Column("source", String, nullable=False, index=True),
    Column("authors", JSON, nullable=False),
    Column("published", _Ordered, nullable=False),
    Column("day", Integer, index=True),
    Column("url", String, nullable=False),
    Column("origin", String, nullable=False, index=True),
    Column("content_hash", String, nullable=False, index=True),
    Column("text", Text, nullable=False),
)
_passages = Table(
    "passages",
    _schema,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("article_id", ForeignKey("articles.id"), nullable=False, index=True),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    sqlite_autoincrement=True,  # an id is never used twice, so a stale vector can never stand for another passage
)
_claims = Table(
    "claims",
    _schema,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("article_id", ForeignKey("articles.id"), nullable=False, index=True),
    Column("stance", String, nullable=False, index=True),
    Column("direct", Boolean),
    Column("name", String),
    Column("said_by", _Ordered, index=True),  # the name, else the speaker's own words
    Column("cue_words", String, nullable=False, index=True),
)
# By which words whoever said something is looked up.
_speaker_words = Table(
    "speaker_words",
    _schema,
    Column("word", String, primary_key=True),
    Column("said_by", _Ordered, primary_key=True, index=True),
)
_pieces = Table(
    "claim_pieces",
    _schema,
    Column("claim_id", ForeignKey("claims.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("part", String, nullable=False),  # speaker, cue or content
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
)
# By what the claims of an article were found: where that is not what finds them now, they are owed.
_claims_found = Table(
    "claims_found",
    _schema,
    Column("article_id", ForeignKey("articles.id"), primary_key=True),
    Column("by", String, nullable=False),
    Column("until", Integer),  # the character up to which claims have been found so far, NULL for all of them
)
# Written in the transaction that changes a passage, struck off once Chroma and the keyword index have followed.
_outbox = Table(
    "outbox",
    _schema,
    Column("passage_id", Integer, primary_key=True, autoincrement=False),
    Column("article_id", String, nullable=False),
    Column("removed", Integer, nullable=False),
)
# What was struck off the outbox, in order, for the keyword indexes of other machines.
_changes = Table(
    "changes",
    _schema,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("passage_id", Integer, nullable=False),
    Column("article_id", String, nullable=False),
    Column("removed", Integer, nullable=False),
    sqlite_autoincrement=True,
)
_facts = Table("facts", _schema, Column("key", String, primary_key=True), Column("value", String, nullable=False))

# Claims beside the passages that have some of their content.
_WITH_CONTENT = (
    _claims.join(_articles)
    .join(_pieces, (_pieces.c.claim_id == _claims.c.id) & (_pieces.c.part == "content"))
    .join(
        _passages,
        (_passages.c.article_id == _claims.c.article_id)
        & (_pieces.c.start < _passages.c.end)
        & (_passages.c.start < _pieces.c.end),
    )
)

_ARTICLE_FIELDS = ("id", "text", "title", "source", "authors", "published", "url", "origin")
_BY_DAY = (_articles.c.day.nulls_first(), _articles.c.id)
_CHUNK = 500  # values in one SQL `IN (…)`
_TEXTS_AT_ONCE = 32  # of articles
_KNOWN = 1_000  # speakers that were asked for
_LOOKED_AT = 400  # rows of each index, by SQLite
_REMEMBERED = 100_000  # changes; a machine that is farther behind compares all that it has


class Place(NamedTuple):
    """Where a passage begins in its article."""

    id: int
    article_id: str
    start: int


@dataclass(frozen=True)
class Passage:
    """A run of whole sentences of an article, and what a reader needs to know about where it stands."""

    id: int
    article_id: str
    start: int
    end: int
    text: str
    title: str
    source: str
    published: str
    day: int | None
    url: str
    claims: tuple[Claim, ...] = ()  # those with content in the passage, where they were asked for


@dataclass(frozen=True)
class Holdings:
    """What is indexed: counts, outlets with their number of articles, and the first and last known day."""

    articles: int
    passages: int
    sources: tuple[tuple[str, int], ...]
    first: str
    last: str


@dataclass(frozen=True)
class Found:
    """The claims of an article's characters from `start` to `until`, which is None where the article ends there."""

    article_id: str
    claims: tuple[Claim, ...]
    start: int = 0
    until: int | None = None


@dataclass(frozen=True)
class Unread:
    """An article whose claims are known up to a character, and how many characters it has."""

    id: str
    until: int
    length: int


@dataclass(frozen=True)
class Listing:
    """Some articles of those that were asked for, without their text, each with how many passages it has.

    The counts are of all that were asked for: in `sources` by outlet, in `months` by month of publication (`2017-03`),
    both in their order, and `undated` of those whose day is not known.
    """

    total: int
    articles: tuple[tuple[Article, int], ...]
    sources: tuple[tuple[str, int], ...]
    months: tuple[tuple[str, int], ...]
    undated: int


@dataclass(frozen=True)
class Changes:
    """Passages that a derived index must add or remove, and the articles that they belong to."""

    add: tuple[int, ...]
    remove: tuple[int, ...]
    articles: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)

    @classmethod
    def of(cls, rows: Sequence[Row[Any]]) -> Changes:
        """Gather rows of the outbox, or of what was struck off it."""
        return cls(
            add=tuple(row.passage_id for row in rows if not row.removed),
            remove=tuple(row.passage_id for row in rows if row.removed),
            articles=tuple(dict.fromkeys(row.article_id for row in rows)),
        )


class Catalogue:
    """Articles and passages in a SQL database; every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, list[str]] = {}  # the speakers that were asked for
        self._known_at: tuple[str | None, int | None] | None = None

    @classmethod
    def open(cls, url: str) -> Catalogue:
        """Connect to the database at `url` and create what is missing. Raises SaidsoError when that cannot be done."""
        return cls(connect(url, _schema, _drop_older_claims))

    def close(self) -> None:
        """Let go of the database's files."""
        self._engine.dispose()

    # ── articles ────────────────────────────────────────────────────────────────────────────────────────────

    def store(self, batch: Sequence[tuple[Article, Sequence[Span]]]) -> None:
        """Add the articles with their passages, each in place of the one that had its id, all or none."""
        self._known_at = None
        with writing(self._engine) as connection:
            _remove(connection, [article.id for article, _ in batch])
            _insert(connection, _articles, [_article_row(article) for article, _ in batch])
            cut = [(article.id, span) for article, spans in batch for span in spans]
            rows = [{"article_id": id_, "start": span.start, "end": span.end} for id_, span in cut]
            ids = _inserted(connection, _passages, rows)
            owing = [_owing(id_, article_id, 0) for id_, (article_id, _) in zip(ids, cut, strict=True)]
            _insert(connection, _outbox, owing)

    def remove(self, ids: Sequence[str]) -> int:
        """Remove the articles with these ids and their passages; return how many there were."""
        self._known_at = None
        with writing(self._engine) as connection:
            return _remove(connection, ids)

    def article(self, article_id: str) -> Article | None:
        """Return the article with this id, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(_select_articles().where(_articles.c.id == article_id)).one_or_none()
        return _to_article(row) if row else None

    def articles(self) -> Iterator[Article]:
        """Return all articles without their text, by date, then id."""
        with self._engine.connect() as connection:
            for row in connection.execute(_select_articles_briefly().order_by(*_BY_DAY)):
                yield _to_article(row)

    def newest(self, most: int) -> list[Article]:
        """Return the last `most` of all articles, the newest first, without their text."""
        query = _select_articles_briefly().order_by(_articles.c.day.desc().nulls_last(), _articles.c.id.desc())
        with self._engine.connect() as connection:
            return [_to_article(row) for row in connection.execute(query.limit(most))]

    def listing(self, words: str, filters: Filters, offset: int = 0, limit: int = 50) -> Listing:
        """Return `limit` of the articles, the newest first, that fit the filters and have all `words` in title or text.

        Upper and lower case are one; a part of a word is enough.
        """
        wanted = [
            _articles.c.title.icontains(word, autoescape=True) | _articles.c.text.icontains(word, autoescape=True)
            for word in words.split()
        ]
        query = (
            select(_articles.c.id, _articles.c.source, _articles.c.day)
            .where(*wanted, *fitting(_articles, filters))
            .order_by(_articles.c.day.desc().nulls_last(), _articles.c.id)
        )
        with self._engine.connect() as connection:
            found = connection.execute(query).all()
            shown = _listed(connection, [row.id for row in found[offset : offset + limit]])
        months = Counter(f"{row.day // 10_000:04}-{row.day // 100 % 100:02}" for row in found if row.day is not None)
        sources = Counter(row.source for row in found)
        undated = len(found) - months.total()
        return Listing(len(found), shown, tuple(sorted(sources.items())), tuple(sorted(months.items())), undated)

    def briefly(self, ids: Collection[str]) -> dict[str, Article]:
        """Return the articles that exist among `ids`, without their text, by id."""
        with self._engine.connect() as connection:
            return _briefly(connection, list(ids))

    def known(self, column: str, values: Iterable[str]) -> dict[str, tuple[str, str, str]]:
        """Return `{value: (id, origin, content_hash)}` for the articles whose `column` is one of `values`."""
        found: dict[str, tuple[str, str, str]] = {}
        key = _articles.c[column]
        query = select(key, _articles.c.id, _articles.c.origin, _articles.c.content_hash).order_by(_articles.c.id)
        with self._engine.connect() as connection:
            for chunk in _chunks(list(values)):
                for value, id_, origin, content_hash in connection.execute(query.where(key.in_(chunk))):
                    found.setdefault(value, (id_, origin, content_hash))
        return found

    def holdings(self) -> Holdings:
        """Return what is indexed, for people to see."""
        by_source = select(_articles.c.source, func.count()).group_by(_articles.c.source)
        with self._engine.connect() as connection:
            count = connection.scalar(select(func.count()).select_from(_articles)) or 0
            passages = connection.scalar(select(func.count()).select_from(_passages)) or 0
            sources = sorted(tuple(row) for row in connection.execute(by_source))
            days = [
                connection.scalar(select(of(_articles.c.day))) for of in (func.min, func.max)
            ]  # by index, unlike both
        first, last = (iso_day(day) if day is not None else "" for day in days)
        return Holdings(count, passages, tuple(sources), first, last)

    def undated(self, sources: Collection[str] = ()) -> int:
        """Return how many articles, of these outlets or of all, have no date."""
        query = select(func.count()).select_from(_articles).where(_articles.c.day.is_(None))
        with self._engine.connect() as connection:
            return connection.scalar(query.where(_articles.c.source.in_(sources)) if sources else query) or 0

    # ── passages ────────────────────────────────────────────────────────────────────────────────────────────

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Return the passages that exist among `ids`, by id."""
        found: dict[int, Passage] = {}
        with self._engine.connect() as connection:
            for chunk in _chunks(list(ids)):
                for row in connection.execute(_select_passages().where(_passages.c.id.in_(chunk))):
                    found[row.id] = Passage(**row._mapping)
        return found

    def places(self, ids: Sequence[int]) -> list[Place]:
        """Return where the passages begin that exist among `ids`: all that ranking them takes."""
        query = select(_passages.c.id, _passages.c.article_id, _passages.c.start)
        with self._engine.connect() as connection:
            return [
                Place(*row)
                for chunk in _chunks(ids)
                for row in connection.execute(query.where(_passages.c.id.in_(chunk)))
            ]

    def passages_of(self, article_id: str) -> list[Passage]:
        """Return one article's passages in their order."""
        query = _select_passages().where(_passages.c.article_id == article_id).order_by(_passages.c.start)
        with self._engine.connect() as connection:
            return [Passage(**row._mapping) for row in connection.execute(query)]

    def passage_count(self, article_id: str) -> int:
        """Return how many passages an article has."""
        query = select(func.count()).select_from(_passages).where(_passages.c.article_id == article_id)
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    # ── claims ──────────────────────────────────────────────────────────────────────────────────────────────────

    def store_claims(self, found: Mapping[str, Sequence[Claim]], by: str) -> None:
        """Store articles' claims, by article id, in place of those they had; `by` names what found them."""
        self.add_claims([Found(article_id, tuple(claims)) for article_id, claims in found.items()], by)

    def add_claims(self, found: Sequence[Found], by: str) -> None:
        """Store the claims of parts of articles; those of a first part take the place of all that its article had."""
        with writing(self._engine) as connection:
            _remove_claims(connection, [one.article_id for one in found if one.start == 0])
            reached = {one.article_id: {"article_id": one.article_id, "by": by, "until": one.until} for one in found}
            for chunk in _chunks(list(reached)):
                connection.execute(delete(_claims_found).where(_claims_found.c.article_id.in_(chunk)))
            _insert(connection, _claims_found, list(reached.values()))
            _add_claims(connection, [(one.article_id, claim) for one in found for claim in one.claims])

    def without_claims(self, by: str, limit: int) -> list[Unread]:
        """Return the next `limit` articles, at most, of which not all claims were found by what `by` names."""
        found = (_claims_found.c.article_id == _articles.c.id) & (_claims_found.c.by == by)
        query = (
            select(_articles.c.id, func.coalesce(_claims_found.c.until, 0), func.length(_articles.c.text))
            .select_from(_articles.outerjoin(_claims_found, found))
            .where(_claims_found.c.by.is_(None) | _claims_found.c.until.is_not(None))
        )
        with self._engine.connect() as connection:
            return [Unread(*row) for row in connection.execute(query.order_by(_articles.c.id).limit(limit))]

    def claims_of(self, article_id: str) -> list[Claim]:
        """Return one article's claims in their order."""
        with self._engine.connect() as connection:
            return [claim for _, _, claim in _claims_where(connection, _claims.c.article_id == article_id)]

    def speakers(self, asked: str) -> list[str]:
        """Return the speakers, as claims have them, whose words may be given as those of `asked`, by name.

        A person who is an officer of a body in one article is known as that in the others too. A body may be asked for
        by a noun of its name ("the Observatory") where it is the only one so called. Known until claims change.
        """
        with self._engine.connect() as connection:
            state = _fact(connection, "generation"), connection.scalar(select(func.max(_claims.c.id)))
        if state != self._known_at or len(self._known) >= _KNOWN:
            self._known, self._known_at = {}, state
        known = self._known
        if asked not in known:
            known[asked] = self._speakers(asked)
        return known[asked]

    def _speakers(self, asked: str) -> list[str]:
        with self._engine.connect() as connection:
            own = [name for name in _speakers_called(connection, lookup_words(asked)) if speaks_for(name, asked)]
            own = own or short_for(asked, _speakers_called(connection, words_of(asked)))
            known = known_by(asked, own)
            words = {word for name in known for word in words_of_same(name)}
            others = set(_speakers_called(connection, words)).difference(own)
        return sorted({*own, *named_otherwise(known, others)})

    def most_quoted(self, words: str, limit: int) -> list[tuple[str, int]]:
        """Return (speaker, number of claims), the most quoted first, of those with all `words` in their naming.

        Upper and lower case are one; a part of a word is enough. Pronouns name nobody.
        """
        number = func.count()
        wanted = [_claims.c.said_by.icontains(word, autoescape=True) for word in words.split()]
        query = (
            select(_claims.c.said_by, number)
            .where(_claims.c.said_by.is_not(None), func.lower(_claims.c.said_by).not_in(PRONOUNS), *wanted)
            .group_by(_claims.c.said_by)
            .order_by(number.desc(), _claims.c.said_by)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [(name, count) for name, count in connection.execute(query)]

    def claims_by(
        self, filters: Filters, limit: int = 1000, offset: int = 0, article_id: str | None = None
    ) -> list[tuple[str, Claim]]:
        """Return (article id, claim) for what fits the filters, at most `limit`: by date, an article's in order."""
        query = self._claims_that_fit(filters, article_id)
        ordered = query.order_by(*_BY_DAY, _claims.c.id).offset(offset).limit(limit)
        with self._engine.connect() as connection:
            return _claims_at(connection, list(connection.scalars(ordered)))

    def count_claims(self, filters: Filters, article_id: str | None = None) -> int:
        """Return how many claims fit the filters."""
        query = self._claims_that_fit(filters, article_id).with_only_columns(func.count())
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def _claims_that_fit(self, filters: Filters, article_id: str | None) -> Select[Any]:
        query = select(_claims.c.id).select_from(_claims.join(_articles)).where(*self._conditions(filters))
        return query if article_id is None else query.where(_claims.c.article_id == article_id)

    def fitting(self, filters: Filters, most: int | None = None) -> list[int] | None:
        """Return the ids of the passages that fit the filters, or None where there are more than `most`.

        Where the filters ask for claims, a passage fits that has content of one.
        """
        query = self._ids_of_fitting(filters)
        with self._engine.connect() as connection:
            found = connection.scalars(query if most is None else query.limit(most + 1)).all()
        return sorted(found) if most is None or len(found) <= most else None

    def those_fitting(self, filters: Filters, passage_ids: Sequence[int]) -> set[int]:
        """Return which of these passages fit the filters."""
        query = self._ids_of_fitting(filters)
        with self._engine.connect() as connection:
            return {
                id_
                for chunk in _chunks(passage_ids)
                for id_ in connection.scalars(query.where(_passages.c.id.in_(chunk)))
            }

    def _ids_of_fitting(self, filters: Filters) -> Select[Any]:
        among = _WITH_CONTENT if filters.of_claims else _passages.join(_articles)
        return select(_passages.c.id).select_from(among).where(*self._conditions(filters)).distinct()

    def claims_in(self, passage_ids: Sequence[int], filters: Filters) -> list[tuple[str, Claim]]:
        """Return (article id, claim) for the claims that fit the filters and have content in the passages.

        They come in the order of the passages, each once, those of one passage in their order.
        """
        query = select(_passages.c.id, _claims.c.id).select_from(_WITH_CONTENT).distinct()
        rank = {id_: place for place, id_ in enumerate(passage_ids)}
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(_passages.c.id.in_(passage_ids), *self._conditions(filters)))
            ranked = sorted((rank[passage], claim) for passage, claim in rows)
            return _claims_at(connection, list(dict.fromkeys(claim for _, claim in ranked)))

    def _conditions(self, filters: Filters) -> list[ColumnElement[bool]]:
        """Return what SQL must ask of claims joined with articles."""
        conditions: list[ColumnElement[bool]] = []
        if filters.speaker:
            conditions.append(_claims.c.said_by.in_(self.speakers(filters.speaker)))
        if filters.stances:
            conditions.append(_claims.c.stance.in_(filters.stances))
        if filters.cue:
            conditions.append(_claims.c.cue_words == " ".join(filters.cue.casefold().split()))
        return [*conditions, *fitting(_articles, filters)]

    def with_claims(self, passages: Sequence[Passage], filters: Filters | None = None) -> list[Passage]:
        """Return the passages, each with the claims that have content in it, and fit the filters, if there are any."""
        theirs = select(_claims.c.id).select_from(_WITH_CONTENT).where(*self._conditions(filters or Filters()))
        by_article: dict[str, dict[int, Claim]] = {passage.article_id: {} for passage in passages}
        with self._engine.connect() as connection:
            for chunk in _chunks([passage.id for passage in passages]):
                of_chunk = theirs.where(_passages.c.id.in_(chunk)).correlate(None)
                for id_, article_id, claim in _claims_where(connection, _claims.c.id.in_(of_chunk)):
                    by_article[article_id][id_] = claim
        return [
            replace(
                passage,
                claims=tuple(
                    claim
                    for _, claim in sorted(by_article[passage.article_id].items())
                    if claim.within(passage.start, passage.end)
                ),
            )
            for passage in passages
        ]

    # ── what the derived indexes owe ────────────────────────────────────────────────────────────────────────

    def owed(self, limit: int, after: int = 0) -> Changes:
        """Return the next `limit` passages, at most, that the derived indexes must still add or remove.

        They are those whose id is above `after`, in order.
        """
        query = select(_outbox).where(_outbox.c.passage_id > after).order_by(_outbox.c.passage_id).limit(limit)
        with self._engine.connect() as connection:
            return Changes.of(connection.execute(query).all())

    def owed_articles(self, by: str) -> int:
        """Return in how many articles not all claims were found by what `by` names."""
        whole = select(_claims_found.c.article_id).where(_claims_found.c.by == by, _claims_found.c.until.is_(None))
        query = select(func.count()).select_from(_articles).where(_articles.c.id.not_in(whole))
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def owed_passages(self) -> int:
        """Return how many passages the derived indexes must still add or remove."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(_outbox)) or 0

    def settle(self, owed: Changes) -> int:
        """Strike off what the derived indexes have followed; return the number of the last change so far."""
        with writing(self._engine) as connection:
            for removed, ids in ((0, owed.add), (1, owed.remove)):
                for chunk in _chunks(list(ids)):
                    these = _outbox.c.passage_id.in_(chunk), _outbox.c.removed == removed
                    columns = ["passage_id", "article_id", "removed"]
                    struck = select(*[_outbox.c[name] for name in columns]).where(*these)
                    connection.execute(insert(_changes).from_select(columns, struck))
                    connection.execute(delete(_outbox).where(*these))
            _next_generation(connection)
            last = _last_change(connection)
            connection.execute(delete(_changes).where(_changes.c.number <= last - _REMEMBERED))
        return last

    def last_change(self) -> int:
        """Return the number of the last change that was settled, 0 before there is one."""
        with self._engine.connect() as connection:
            return _last_change(connection)

    def changes_after(self, number: int, limit: int) -> list[Changes] | None:
        """Return what was settled after the change of this number, in runs of `limit`; None where that is forgotten."""
        query = select(_changes).where(_changes.c.number > number).order_by(_changes.c.number)
        with self._engine.connect() as connection:
            first = connection.scalar(select(func.min(_changes.c.number)))
            rows = connection.execute(query).all()
        if first is None or first > number + 1:
            return None
        return [Changes.of(some) for some in parts(rows, limit)]

    def tell_of_change(self) -> None:
        """Have other processes look at the derived indexes anew."""
        with writing(self._engine) as connection:
            _next_generation(connection)

    def owe(self, passage_ids: Sequence[int]) -> None:
        """Make the derived indexes owe these passages, where they are not owed already."""
        owing = select(_passages.c.id, _passages.c.article_id, literal(0))
        with writing(self._engine) as connection:
            for chunk in _chunks(list(passage_ids)):
                connection.execute(delete(_outbox).where(_outbox.c.passage_id.in_(chunk)))
                of_these = owing.where(_passages.c.id.in_(chunk))
                connection.execute(insert(_outbox).from_select(["passage_id", "article_id", "removed"], of_these))

    def passage_ids(self) -> list[int]:
        """Return the ids of all passages, in order."""
        with self._engine.connect() as connection:
            return list(connection.scalars(select(_passages.c.id).order_by(_passages.c.id)))

    def articles_with_passages(self) -> list[str]:
        """Return the ids of the articles that have a passage, in order."""
        with self._engine.connect() as connection:
            query = select(_passages.c.article_id).distinct().order_by(_passages.c.article_id)
            return list(connection.scalars(query))

    def derived_counts(self) -> tuple[int, int]:
        """Return how many passages, and how many articles that have any, the settled indexes must hold."""
        passages = select(func.count()).select_from(_passages)
        cut = exists().where(_passages.c.article_id == _articles.c.id)
        with self._engine.connect() as connection:
            articles = connection.scalar(select(func.count()).select_from(_articles).where(cut))
            return connection.scalar(passages) or 0, articles or 0

    def orphans(self) -> int:
        """Return how many rows belong to an article or a claim that is not there."""
        with self._engine.connect() as connection:
            counts = [select(func.count()).select_from(table).where(lost) for table, lost in _orphaned()]
            return sum(connection.scalar(count) or 0 for count in counts)

    def remove_orphans(self) -> None:
        """Remove the rows that belong to an article or a claim that is not there."""
        with writing(self._engine) as connection:
            for table, lost in _orphaned():
                connection.execute(delete(table).where(lost))

    def fault(self) -> str | None:
        """Return what SQLite finds wrong with its file, or None. Other databases look after themselves."""
        if self._engine.dialect.name != "sqlite":
            return None
        with self._engine.connect() as connection:
            checked = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        return None if checked == "ok" else checked

    def gather_statistics(self) -> None:
        """Have SQLite know how its values are spread, in a tenth of a second; other databases look by themselves.

        Without that it may look up a few passages' claims among all claims of one stance, seconds among a million.
        """
        if self._engine.dialect.name == "sqlite":
            with writing(self._engine) as connection:
                connection.exec_driver_sql(f"PRAGMA analysis_limit={_LOOKED_AT}")
                connection.exec_driver_sql("ANALYZE")

    def adopt(self, model: str, vectors: str) -> None:
        """Make the vectors in the folder of this name, of this embedding model, the ones that are searched."""
        with writing(self._engine) as connection:
            _set_fact(connection, "embedding_model", model)
            _set_fact(connection, "vectors", vectors)
            _next_generation(connection)

    def forget_derived(self) -> None:
        """Forget what derived indexes there are and what they owe: they are to be built from nothing.

        The generation is one that there never was, so that whoever follows this catalogue opens them anew.
        """
        with writing(self._engine) as connection:
            _set_fact(connection, "generation", str(time.time_ns()))
            connection.execute(delete(_outbox))
            connection.execute(delete(_facts).where(_facts.c.key.in_(["vectors", "vectors_at", "index_id"])))

    def identity(self) -> str:
        """Return what tells this index from all others, and from what it was before it was restored."""
        if (known := self.fact("index_id")) is None:
            with suppress(IntegrityError), writing(self._engine) as connection:  # another process may be first
                connection.execute(insert(_facts).values(key="index_id", value=secrets.token_hex(6)))
            known = str(self.fact("index_id"))
        return known

    @contextmanager
    def one_writer(self, patience: float) -> Iterator[bool]:
        """Hold the one writer's place among machines; yield whether it could be had within so many seconds."""
        with one_at_a_time(self._engine, "saidso writer", patience) as held:
            yield held

    def fact(self, key: str) -> str | None:
        """Return a fact about the index itself (`embedding_model`, `generation`, `vectors` …), or None."""
        with self._engine.connect() as connection:
            return _fact(connection, key)

    def set_fact(self, key: str, value: str) -> None:
        """Remember a fact about the index itself."""
        with writing(self._engine) as connection:
            _set_fact(connection, key, value)


def _orphaned() -> list[tuple[Table, ColumnElement[bool]]]:
    """Return the tables that may hold rows of nothing, with which rows those are; who must go first comes first."""
    articles, claims, speakers = (select(column) for column in (_articles.c.id, _claims.c.id, _claims.c.said_by))
    return [
        (_passages, _passages.c.article_id.not_in(articles)),
        (_pieces, _pieces.c.claim_id.not_in(claims.where(_claims.c.article_id.in_(articles)))),
        (_claims, _claims.c.article_id.not_in(articles)),
        (_claims_found, _claims_found.c.article_id.not_in(articles)),
        (_speaker_words, _speaker_words.c.said_by.not_in(speakers.where(_claims.c.said_by.is_not(None)))),
    ]


def _drop_older_claims(engine: Engine) -> None:
    """Drop the tables of claims that an older Saidso left with other columns: all in them is found anew."""
    kept = inspect(engine)
    for table in (_claims, _claims_found):
        if kept.has_table(table.name):
            columns = {column["name"] for column in kept.get_columns(table.name)}
            if columns != set(table.c.keys()):
                _schema.drop_all(engine, [_pieces, _claims_found, _claims, _speaker_words])
                return


def _listed(connection: Connection, ids: list[str]) -> tuple[tuple[Article, int], ...]:
    """Return articles without their text, each with how many passages it has, in the order of `ids`."""
    counted = select(_passages.c.article_id, func.count()).group_by(_passages.c.article_id)
    passages: dict[str, int] = {}
    for chunk in _chunks(ids):
        counts = connection.execute(counted.where(_passages.c.article_id.in_(chunk)))
        passages |= {row[0]: row[1] for row in counts}
    articles = _briefly(connection, ids)
    return tuple((articles[id_], passages.get(id_, 0)) for id_ in ids)


def _briefly(connection: Connection, ids: list[str]) -> dict[str, Article]:
    query = _select_articles_briefly()
    rows = (row for chunk in _chunks(ids) for row in connection.execute(query.where(_articles.c.id.in_(chunk))))
    return {row.id: _to_article(row) for row in rows}


def _remove(connection: Connection, ids: Sequence[str]) -> int:
    count = 0
    for chunk in _chunks(list(ids)):
        query = select(_passages.c.id, _passages.c.article_id).where(_passages.c.article_id.in_(chunk))
        for part in _chunks(list(connection.execute(query))):
            connection.execute(delete(_outbox).where(_outbox.c.passage_id.in_([id_ for id_, _ in part])))
            connection.execute(insert(_outbox), [_owing(id_, article_id, 1) for id_, article_id in part])
        connection.execute(delete(_passages).where(_passages.c.article_id.in_(chunk)))
        _remove_claims(connection, chunk)
        count += connection.execute(delete(_articles).where(_articles.c.id.in_(chunk))).rowcount
    return count


def _remove_claims(connection: Connection, article_ids: Sequence[str]) -> None:
    for chunk in _chunks(list(article_ids)):
        of_these = select(_claims.c.id).where(_claims.c.article_id.in_(chunk))
        speakers = select(_claims.c.said_by).where(_claims.c.article_id.in_(chunk), _claims.c.said_by.is_not(None))
        gone = list(connection.scalars(speakers.distinct()))
        connection.execute(delete(_pieces).where(_pieces.c.claim_id.in_(of_these)))
        connection.execute(delete(_claims).where(_claims.c.article_id.in_(chunk)))
        for names in _chunks(gone):
            still = exists().where(_claims.c.said_by == _speaker_words.c.said_by)
            connection.execute(delete(_speaker_words).where(_speaker_words.c.said_by.in_(names), ~still))
        connection.execute(delete(_claims_found).where(_claims_found.c.article_id.in_(chunk)))


def _insert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _inserted(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows; return the ids that they were given, in their order."""
    inserting = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(connection.scalars(inserting, rows)) if rows else []


def _add_claims(connection: Connection, told: Sequence[tuple[str, Claim]]) -> None:
    """Add claims, each with the id of its article."""
    ids = _inserted(connection, _claims, [_claim_row(article_id, claim) for article_id, claim in told])
    pieces = [
        {"claim_id": id_, "number": number, "part": part, "start": piece.start, "end": piece.end}
        for id_, (_, claim) in zip(ids, told, strict=True)
        for number, (part, piece) in enumerate(_parts(claim))
    ]
    _insert(connection, _pieces, pieces)
    _add_speakers(connection, {claim.said_by for _, claim in told if claim.said_by})


def _claim_row(article_id: str, claim: Claim) -> dict[str, Any]:
    cue = " ".join(claim.cue.text.casefold().split()) if claim.cue else ""
    facts = {"stance": claim.stance, "direct": claim.direct, "name": claim.name, "said_by": claim.said_by}
    return {"article_id": article_id, **facts, "cue_words": cue}


def _add_speakers(connection: Connection, names: Collection[str]) -> None:
    """Make those who are new in the catalogue findable by their words."""
    known: set[str] = set()
    for chunk in _chunks(list(names)):
        known |= set(connection.scalars(select(_speaker_words.c.said_by).where(_speaker_words.c.said_by.in_(chunk))))
    rows = [{"word": word, "said_by": name} for name in sorted(set(names) - known) for word in sorted(words_of(name))]
    _insert(connection, _speaker_words, rows)


def _parts(claim: Claim) -> Iterator[tuple[str, Piece]]:
    yield from ((part, piece) for part, piece in (("speaker", claim.speaker), ("cue", claim.cue)) if piece)
    yield from (("content", piece) for piece in claim.content)


def _speakers_called(connection: Connection, words: Collection[str]) -> list[str]:
    """Return the speakers that have one of some words in their naming."""
    query = select(_speaker_words.c.said_by).distinct()
    found: dict[str, None] = {}
    for chunk in _chunks(list(words)):
        found |= dict.fromkeys(connection.scalars(query.where(_speaker_words.c.word.in_(chunk))))
    return list(found)


def _claims_at(connection: Connection, ids: list[int]) -> list[tuple[str, Claim]]:
    """Return (article id, claim) for the ids of claims, in their order."""
    found = {
        id_: (article_id, claim)
        for chunk in _chunks(ids)
        for id_, article_id, claim in _claims_where(connection, _claims.c.id.in_(chunk))
    }
    return [found[id_] for id_ in ids]


def _claims_where(connection: Connection, condition: ColumnElement[bool]) -> Iterator[tuple[int, str, Claim]]:
    """Yield (id, article id, claim), an article's in their order, one article after the other."""
    query = (
        select(_claims, _pieces.c.part, _pieces.c.start, _pieces.c.end)
        .select_from(_claims.join(_articles).join(_pieces))
        .where(condition)
        .order_by(_claims.c.article_id, _claims.c.id, _pieces.c.number)
    )
    found = connection.execute(query).all()
    texts = _texts(connection, list(dict.fromkeys(row.article_id for row in found)))
    article_id, text = None, ""
    for _, rows in groupby(found, key=lambda row: row.id):
        parts: dict[str, list[Piece]] = {"speaker": [], "cue": [], "content": []}
        for row in rows:
            if row.article_id != article_id:
                article_id, text = row.article_id, next(texts)
            parts[row.part].append(Piece(row.start, row.end, text[row.start : row.end]))
        speaker, cue = (parts[part][0] if parts[part] else None for part in ("speaker", "cue"))
        yield row.id, row.article_id, Claim(speaker, cue, tuple(parts["content"]), row.stance, row.direct, row.name)


def _texts(connection: Connection, article_ids: Sequence[str]) -> Iterator[str]:
    """Yield the texts of articles in the order of their ids; some at a time, since they may be long."""
    for chunk in parts(article_ids, _TEXTS_AT_ONCE):
        query = select(_articles.c.id, _articles.c.text).where(_articles.c.id.in_(chunk))
        texts = {row.id: row.text for row in connection.execute(query)}
        yield from (texts.get(id_, "") for id_ in chunk)


def _owing(passage_id: int, article_id: str, removed: int) -> dict[str, Any]:
    return {"passage_id": passage_id, "article_id": article_id, "removed": removed}


def _last_change(connection: Connection) -> int:
    return connection.scalar(select(func.max(_changes.c.number))) or 0


def _fact(connection: Connection, key: str) -> str | None:
    return connection.scalar(select(_facts.c.value).where(_facts.c.key == key))


def _set_fact(connection: Connection, key: str, value: str) -> None:
    connection.execute(delete(_facts).where(_facts.c.key == key))
    connection.execute(insert(_facts).values(key=key, value=value))


def _next_generation(connection: Connection) -> None:
    _set_fact(connection, "generation", str(int(_fact(connection, "generation") or 0) + 1))


def _article_row(article: Article) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(article, name) for name in _ARTICLE_FIELDS}
    return {**row, "authors": list(article.authors), "day": article.day, "content_hash": article.content_hash}


def _select_articles() -> Select[Any]:
    return select(*[_articles.c[name] for name in _ARTICLE_FIELDS])


def _select_articles_briefly() -> Select[Any]:
    return select(*[_articles.c[name] for name in _ARTICLE_FIELDS if name != "text"])


def _to_article(row: Row[Any]) -> Article:
    fields = dict(row._mapping)
    return Article(**{"text": "", **fields, "authors": tuple(fields["authors"])})


def _select_passages() -> Select[Any]:
    joined = _passages.join(_articles)
    text = func.substr(_articles.c.text, _passages.c.start + 1, _passages.c.end - _passages.c.start)
    return select(
        _passages,
        text.label("text"),
        *[_articles.c[name] for name in ("title", "source", "published", "day", "url")],
    ).select_from(joined)


def _chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return parts(values, _CHUNK)
