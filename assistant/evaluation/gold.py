"""A question whose right answer is known, and what makes one out of a file's fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assistant.followup import Exchange, read_history
from assistant.question import understand
from index.errors import SaidsoError
from index.filters import parse_day

KNOWN_FIELDS = frozenset(
    "id question answers articles spans speaker as_of history conflicting conflict left_out".split()
)


@dataclass(frozen=True)
class GoldSpan:
    """Characters `start` to `end` of an article, which hold the answer."""

    article: str
    start: int
    end: int

    def lies_in(self, article: str, start: int, end: int) -> bool:
        """Whether characters `start` to `end` of `article` cover the whole span."""
        return self.article == article and start <= self.start and self.end <= end

    def as_json(self) -> dict[str, Any]:
        """Return the span as a question file writes it."""
        return {"article": self.article, "start": self.start, "end": self.end}


@dataclass(frozen=True)
class Gold:
    """A question, and what is known of its right answer.

    `answers` are accepted strings; an empty tuple says that the articles do not hold the answer, None that nobody has
    written it down. `grades` says how relevant each gold article is (1 where the file does not say). `fields` are the
    fields of the question file that mean nothing to Saidso: scores can be broken down by them.
    """

    id: str
    question: str
    answers: tuple[str, ...] | None = None
    articles: tuple[str, ...] = ()
    spans: tuple[GoldSpan, ...] = ()
    speaker: str | None = None
    conflicting: bool = False
    as_of: int | None = None  # the day (yyyymmdd) on which it is asked: nothing later counts
    left_out: tuple[str, ...] = ()  # articles that must not be indexed when this is asked
    grades: Mapping[str, float] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Exchange, ...] = ()  # the conversation before it; what has no answer there is asked first

    @property
    def answerable(self) -> bool | None:
        """Whether the articles hold an answer, or None where the file does not say."""
        return None if self.answers is None else bool(self.answers)

    @property
    def gold_articles(self) -> dict[str, float]:
        """The articles that hold the answer, with how relevant each is."""
        named = dict.fromkeys((*self.articles, *(span.article for span in self.spans)))
        return {article: self.grades.get(article, 1.0) for article in named}

    @property
    def places(self) -> list[list[GoldSpan]]:
        """The spans, those that overlap put together: several people's markings of one place are one place."""
        found: list[list[GoldSpan]] = []
        reach = -1
        for span in sorted(set(self.spans), key=lambda span: (span.article, span.start, span.end)):
            if found and found[-1][0].article == span.article and span.start < reach:
                found[-1].append(span)
                reach = max(reach, span.end)
            else:
                found.append([span])
                reach = span.end
        return found


@dataclass(frozen=True)
class QuestionSet:
    """The questions of one file, what its articles are if it brings its own, and what was odd about it."""

    file: str
    sha256: str
    questions: tuple[Gold, ...]
    articles: tuple[Mapping[str, str], ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def left_out(self) -> frozenset[str]:
        """The articles that some question is to be asked without."""
        return frozenset(article for gold in self.questions for article in gold.left_out)

    def __post_init__(self) -> None:
        """Refuse what cannot be scored. Raises SaidsoError for no questions and for two with the same id."""
        if not self.questions:
            raise SaidsoError(f"{self.file} holds no questions; there is nothing to score.")
        seen: dict[str, int] = {}
        for number, gold in enumerate(self.questions, start=1):
            if gold.id in seen:
                raise SaidsoError(
                    f"{self.file}: questions {seen[gold.id]} and {number} both have the id {gold.id!r}; "
                    "give every question an id of its own."
                )
            seen[gold.id] = number


class WrongFieldError(Exception):
    """A field that is not what it should be; `str(error)` is the rest of a sentence that begins with its place."""


def from_fields(fields: object, fallback_id: str) -> Gold:
    """Make a Gold of a JSON object. Raises WrongFieldError, naming the field and what it should be."""
    if not isinstance(fields, dict):
        raise WrongFieldError('is not an object; write {"id": "1", "question": "Who …?"}.')
    return Gold(
        id=_identifier(fields.get("id"), fallback_id),
        question=_question(fields.get("question")),
        answers=None if fields.get("answers") is None else _strings("answers", fields["answers"]),
        articles=_strings("articles", fields.get("articles") or []),
        spans=_spans(fields.get("spans") or []),
        speaker=_speaker(fields.get("speaker")),
        conflicting=bool(fields.get("conflicting") or fields.get("conflict")),
        as_of=_day(fields.get("as_of")),
        left_out=_strings("left_out", _listed(fields.get("left_out"))),
        fields={name: value for name, value in fields.items() if name not in KNOWN_FIELDS},
        history=_history(fields.get("history") or []),
    )


def _identifier(value: object, fallback: str) -> str:
    if value is None or value == "":
        return fallback
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise WrongFieldError(f'has "id": {value!r}, which is not text.')
    return str(value)


def _question(value: object) -> str:
    if not isinstance(value, str):
        raise WrongFieldError('has no text under "question"; write {"id": "1", "question": "Who …?"}.')
    try:
        understand(value)
    except SaidsoError as error:
        raise WrongFieldError(f"cannot be asked: {error}") from error
    return value


def _history(value: object) -> tuple[Exchange, ...]:
    try:
        return read_history(value)
    except SaidsoError as error:
        raise WrongFieldError(f'has a wrong "history": {error}') from error


def _strings(name: str, value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else None
    if values is None or any(isinstance(item, bool) or not isinstance(item, str | int) for item in values):
        raise WrongFieldError(f'has "{name}": {value!r:.60}, which is not a list of texts.')
    return tuple(dict.fromkeys(str(item) for item in values))


def _listed(value: object) -> object:
    """Return a list of one where a lone text stands in the place of a list."""
    return [] if value is None or value == "" else [value] if isinstance(value, str) else value


def _spans(value: object) -> tuple[GoldSpan, ...]:
    if not isinstance(value, list):
        raise WrongFieldError(f'has "spans": {value!r:.60}, which is not a list.')
    return tuple(_span(item) for item in value)


def _span(value: object) -> GoldSpan:
    match value:
        case {"article": str() | int() as article, "start": int() as start, "end": int() as end} if 0 <= start < end:
            return GoldSpan(str(article), start, end)
    raise WrongFieldError(f'has a span {value!r:.80}; write {{"article": id, "start": 0, "end": 9}}, end after start.')


def _speaker(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise WrongFieldError(f'has "speaker": {value!r:.60}, which is not a name.')
    return value or None


def _day(value: object) -> int | None:
    try:
        return parse_day(str(value)) if value else None
    except SaidsoError:
        raise WrongFieldError(f'has "as_of": {value!r:.60}, which is not a date; write it as 2024-05-31.') from None
