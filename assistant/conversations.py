"""Conversations, kept in the catalogue's database: what was asked, what was answered, and what people thought of it."""

from __future__ import annotations

import secrets
import textwrap
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from assistant.answer import Answer
from index.database import connect, writing
from index.errors import SaidsoError
from index.filters import Filters

LONGEST_TITLE, LONGEST_NOTE, MOST_ANSWERS = 200, 10_000, 50
ASKED, ANSWERED, STOPPED, FAILED = "asked", "answered", "stopped", "failed"
_TITLE_FROM_QUESTION = 80  # characters
_LONGEST_SEARCH = 200
_RATINGS = ("up", "down", None)

_schema = MetaData()
_conversations = Table(
    "conversations",
    _schema,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False, index=True),
    Column("title", String, nullable=False),
    Column("title_words", String, nullable=False),
    Column("created", String, nullable=False),
    Column("changed", String, nullable=False, index=True),
)
_turns = Table(
    "turns",
    _schema,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("question", Text, nullable=False),
    Column("asked", String, nullable=False),
    Column("filters", JSON, nullable=False),
    Column("settings", String, nullable=False),
    Column("state", String, nullable=False),
    Column("answer", JSON(none_as_null=True)),
    Column("why", Text),
    Column("words", Text, nullable=False),  # of the question and the answer, as a search compares them
    Column("rating", String, index=True),
    Column("note", Text, nullable=False),
    Column("answers", JSON(none_as_null=True)),
    sqlite_autoincrement=True,  # the order of the turns, which a deleted one must not upset
)


class UnknownConversationError(SaidsoError):
    """There is no conversation, or no turn in it, of this id."""


class NotYoursError(SaidsoError):
    """The conversation is somebody else's."""

    def __init__(self, conversation_id: str) -> None:
        super().__init__(
            f"The conversation {conversation_id!r:.60} is somebody else's; you can read it, not change it."
        )


@dataclass(frozen=True)
class Feedback:
    """What a person thinks of an answer.

    `rating` is "up", "down" or None; `answers` are the right answers as the person knows them: an empty tuple says that
    the articles do not hold one, None that the person has not said.
    """

    rating: str | None = None
    note: str = ""
    answers: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be kept. Raises SaidsoError naming it."""
        if self.rating not in _RATINGS:
            raise SaidsoError(f"{self.rating!r} is no rating; a rating is up, down or null.")
        if len(self.note) > LONGEST_NOTE:
            raise SaidsoError(f"The note has {len(self.note):,} characters; it may have {LONGEST_NOTE:,}.")
        answers = self.answers or ()
        if len(answers) > MOST_ANSWERS or any(len(answer) > LONGEST_NOTE for answer in answers):
            raise SaidsoError(f"There may be {MOST_ANSWERS} right answers of {LONGEST_NOTE:,} characters each.")


@dataclass(frozen=True)
class Conversation:
    """A conversation without its turns; times are ISO 8601, in UTC. `is_own`: whether it is the looker's own."""

    id: str
    title: str
    created: str
    changed: str
    is_own: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return the conversation as the routes send it."""
        return asdict(self)


@dataclass(frozen=True)
class Turn:
    """A question and what became of it.

    `number` counts a conversation's turns from 1. `state` is asked (no more is known: it is being answered, or that
    broke off), answered, stopped (by a person; the answer may have been found all the same) or failed, and `why` is the
    sentence that says why it failed. `answer` is the whole answer as JSON; `settings` names those it was made under.
    """

    id: int
    conversation_id: str
    number: int
    question: str
    asked: str
    state: str = ASKED
    answer: Mapping[str, Any] | None = None
    why: str | None = None
    filters: Mapping[str, Any] | None = None
    settings: str = ""
    feedback: Feedback = Feedback()

    @property
    def scope(self) -> Filters:
        """The filters that the question was asked with."""
        return Filters.from_json(self.filters or {})

    @property
    def told(self) -> Answer | None:
        """The answer, if there is one."""
        return None if self.answer is None else Answer.from_json(self.answer)

    def as_json(self) -> dict[str, Any]:
        """Return the turn as the routes send it."""
        return {name: value for name, value in asdict(self).items() if name not in ("id", "conversation_id")}


class Conversations:
    """One owner's conversations in a database, which is opened at first use. Safe to use from several threads.

    Nobody else's are listed or changed; but who knows a conversation's id, which cannot be guessed, can read it. Every
    method raises SaidsoError where the database cannot be opened or written, and changes nothing then.
    """

    def __init__(self, url: str, owner: str = "") -> None:
        self._database = _Database(url)
        self._owner = owner

    def of(self, owner: str) -> Conversations:
        """Return the conversations of another owner in the same database."""
        theirs = copy(self)
        theirs._owner = owner
        return theirs

    @property
    def _engine(self) -> Engine:
        return self._database.engine()

    def close(self) -> None:
        """Let go of the database's files, for all owners."""
        self._database.close()

    # ── asking ──────────────────────────────────────────────────────────────────────────────────────────────

    def ask(self, conversation_id: str | None, question: str, filters: Filters, settings: str) -> Turn:
        """Keep a question as the next turn of a conversation.

        Begin one where there is none, or it has been deleted, or is somebody else's.
        """
        question, now = _storable(question), _now()
        values = {
            "question": question, "asked": now, "filters": filters.as_json(), "settings": settings,
            "state": ASKED, "words": _words(question), "note": "",
        }  # fmt: skip
        with writing(self._engine) as connection:
            if conversation_id is None or not self._touch(connection, conversation_id, now):
                conversation_id = self._begin(connection, question, now)
            new = insert(_turns).values(conversation_id=conversation_id, **values).returning(*_turns.c)
            row = connection.execute(new).one()
            return _turn(row, _number(connection, row))

    def answered(self, turn: Turn, answer: Answer) -> None:
        """Keep the answer of a turn."""
        words = _words(turn.question, answer.text, *(citation.title for citation in answer.citations))
        self._settle(turn, state=ANSWERED, answer=answer.as_json(), words=words)

    def stopped(self, turn: Turn) -> None:
        """Note that a person has stopped the answer of a turn."""
        self._settle(turn, state=STOPPED)

    def failed(self, turn: Turn, why: str) -> None:
        """Note why there is no answer of a turn."""
        self._settle(turn, state=FAILED, why=why)

    def _settle(self, turn: Turn, **values: Any) -> None:
        """Write what became of a turn; nothing is written where it has been deleted meanwhile."""
        with writing(self._engine) as connection:
            connection.execute(update(_turns).where(_turns.c.id == turn.id).values(**values))
            self._touch(connection, turn.conversation_id, _now())

    def _begin(self, connection: Connection, question: str, now: str) -> str:
        id_, title = secrets.token_hex(16), _title(question)
        values = {"owner": self._owner, "title": title, "title_words": _words(title), "created": now, "changed": now}
        connection.execute(insert(_conversations).values(id=id_, **values))
        return id_

    def _touch(self, connection: Connection, conversation_id: str, now: str) -> bool:
        """Note that a conversation has changed; return whether it is there, and the owner's."""
        own = update(_conversations).where(_conversations.c.id == conversation_id, self._is_own())
        return connection.execute(own.values(changed=now)).rowcount > 0

    def _is_own(self) -> ColumnElement[bool]:
        return _conversations.c.owner == self._owner

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, conversation_id: str) -> Conversation:
        """Return a conversation. Raises UnknownConversationError."""
        query = self._listing().where(_conversations.c.id == conversation_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise UnknownConversationError(
                f"There is no conversation {conversation_id!r:.60}; it has been deleted, or the link is not whole."
            )
        return Conversation(**row._mapping)

    def own(self, conversation_id: str) -> Conversation:
        """Return a conversation of the owner's. Raises UnknownConversationError and NotYoursError."""
        conversation = self.get(conversation_id)
        if not conversation.is_own:
            raise NotYoursError(conversation_id)
        return conversation

    def _listing(self) -> Any:
        columns = (_conversations.c[name] for name in Conversation.__dataclass_fields__ if name != "is_own")
        return select(*columns, self._is_own().label("is_own"))

    def turns(self, conversation_id: str) -> list[Turn]:
        """Return the turns of a conversation in their order; none where there is no such conversation."""
        with self._engine.connect() as connection:
            return _turns_where(connection, _turns.c.conversation_id == conversation_id)

    def listed(self, words: str = "", limit: int = 50, offset: int = 0) -> list[Conversation]:
        """Return conversations, the newest first; only those that hold all `words`, whole or in part, if there are any.

        Words are looked for in titles, questions and answers, whatever their case.
        """
        wanted = _words(words[:_LONGEST_SEARCH]).split()
        found = self._listing().where(self._is_own(), *map(_holds, wanted))
        query = found.order_by(_conversations.c.changed.desc(), _conversations.c.id)
        with self._engine.connect() as connection:
            return [Conversation(**row._mapping) for row in connection.execute(query.limit(limit).offset(offset))]

    def rated(self, everybodys: bool = False) -> Iterator[tuple[Conversation, Turn]]:
        """Yield every turn that its owner has thought something of, with its conversation, the oldest first."""
        ids = select(_turns.c.conversation_id).where(_is_marked()).distinct()
        query = self._listing().where(_conversations.c.id.in_(ids), *([] if everybodys else [self._is_own()]))
        query = query.order_by(_conversations.c.created, _conversations.c.id)
        with self._engine.connect() as connection:
            for row in connection.execute(query).all():
                conversation = Conversation(**row._mapping)
                for turn in _turns_where(connection, _turns.c.conversation_id == conversation.id):
                    if turn.feedback != Feedback():
                        yield conversation, turn

    def count_marked(self) -> int:
        """Return how many turns the owner has thought something of."""
        with_turns = _turns.join(_conversations)
        with self._engine.connect() as connection:
            return (
                connection.scalar(select(func.count()).select_from(with_turns).where(_is_marked(), self._is_own())) or 0
            )

    # ── changing ────────────────────────────────────────────────────────────────────────────────────────────

    def rename(self, conversation_id: str, title: str) -> Conversation:
        """Give a conversation another title. Raises as `own` does, and SaidsoError for no title."""
        title = " ".join(_storable(title).split())
        if not 0 < len(title) <= LONGEST_TITLE:
            raise SaidsoError(f"A title has 1 to {LONGEST_TITLE} characters; this one has {len(title):,}.")
        self.own(conversation_id)
        with writing(self._engine) as connection:
            changed = update(_conversations).where(_conversations.c.id == conversation_id)
            connection.execute(changed.values(title=title, title_words=_words(title)))
        return self.get(conversation_id)

    def delete(self, conversation_id: str) -> None:
        """Remove a conversation with its turns, for good. Raises as `own` does."""
        self.own(conversation_id)
        with writing(self._engine) as connection:
            connection.execute(delete(_turns).where(_turns.c.conversation_id == conversation_id))
            connection.execute(delete(_conversations).where(_conversations.c.id == conversation_id))

    def rate(self, conversation_id: str, number: int, feedback: Feedback) -> Turn:
        """Keep what the owner thinks of a turn, in place of what was thought before. Raises as `own` does."""
        self.own(conversation_id)
        turn = self.turn(conversation_id, number)
        answers = None if feedback.answers is None else [_storable(answer) for answer in feedback.answers]
        values = {"rating": feedback.rating, "note": _storable(feedback.note), "answers": answers}
        with writing(self._engine) as connection:
            connection.execute(update(_turns).where(_turns.c.id == turn.id).values(**values))
        return replace(turn, feedback=feedback)

    def turn(self, conversation_id: str, number: int) -> Turn:
        """Return one turn of a conversation. Raises UnknownConversationError."""
        title = self.get(conversation_id).title
        turns = self.turns(conversation_id)
        if not 1 <= number <= len(turns):
            raise UnknownConversationError(f"“{title}” has no turn {number}; it has {len(turns)}.")
        return turns[number - 1]


class _Database:
    """The database, opened at first use."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._guard = threading.Lock()

    def engine(self) -> Engine:
        with self._guard:
            if self._engine is None:
                self._engine = connect(self._url, _schema)
            return self._engine

    def close(self) -> None:
        with self._guard:
            if self._engine is not None:
                self._engine.dispose()
            self._engine = None


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_marked() -> ColumnElement[bool]:
    return or_(_turns.c.rating.is_not(None), _turns.c.answers.is_not(None), _turns.c.note != "")


def _turns_where(connection: Connection, condition: ColumnElement[bool]) -> list[Turn]:
    """Return the turns of one conversation."""
    rows = connection.execute(select(_turns).where(condition).order_by(_turns.c.id)).all()
    return [_turn(row, number) for number, row in enumerate(rows, start=1)]


def _number(connection: Connection, row: Row[Any]) -> int:
    earlier = select(func.count()).where(_turns.c.conversation_id == row.conversation_id, _turns.c.id <= row.id)
    return connection.scalar(earlier) or 0


def _turn(row: Row[Any], number: int) -> Turn:
    kept = {name: value for name, value in row._mapping.items() if name in Turn.__dataclass_fields__}
    answers = None if row.answers is None else tuple(row.answers)
    return Turn(number=number, feedback=Feedback(row.rating, row.note, answers), **kept)


def _holds(word: str) -> ColumnElement[bool]:
    in_turns = select(_turns.c.conversation_id).where(_turns.c.words.contains(word, autoescape=True))
    return or_(_conversations.c.title_words.contains(word, autoescape=True), _conversations.c.id.in_(in_turns))


def _words(*texts: str) -> str:
    """Return texts as a search compares them: databases know upper and lower case of English only."""
    return unicodedata.normalize("NFKC", " ".join(map(_storable, texts))).casefold()


def _title(question: str) -> str:
    """Return a question as a title, cut between words where it can be."""
    whole = " ".join(question.split())
    cut = textwrap.shorten(whole, _TITLE_FROM_QUESTION, placeholder="…")
    return cut if cut != "…" else f"{whole[: _TITLE_FROM_QUESTION - 1]}…"


def _storable(text: str) -> str:
    """Return `text` without what a database cannot keep: a zero, and half of a character."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode("utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
