"""What the HTTP API takes and gives, field by field: checks what comes in, and is what /openapi.json describes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from assistant.followup import Exchange
from index.cues import STANCES
from index.filters import Filters

MOST_LISTED, MOST_PASSAGES = 500, 100
_LONGEST = 1000  # characters of a name or of words to look for
_MOST = 1000  # names in a list


def _storable(text: str) -> str:
    """Raise ValueError for half a surrogate pair, which JSON can write and no text can hold."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("it should hold no half of a surrogate pair")
    return text


_Text = Annotated[str, AfterValidator(_storable)]
_Word = Annotated[_Text, Field(max_length=_LONGEST)]
_Since = Annotated[_Word | None, Field(alias="from", description="Only articles of this day or later, YYYY-MM-DD.")]
_Until = Annotated[_Word | None, Field(alias="to", description="Only articles of this day or earlier, YYYY-MM-DD.")]
_Speaker = Annotated[
    _Word | None, Field(description="Only what this person or body, or who speaks for it, is quoted with.")
]
_Cue = Annotated[_Word | None, Field(description="Only what is reported with exactly these words, such as “denied”.")]
_Offset = Annotated[int, Field(ge=0, le=2**31, description="How many to pass over.")]
_Limit = Annotated[int, Field(ge=0, le=MOST_LISTED, description="How many to give at most.")]
ArticleId = Annotated[
    str, Path(description="The article's id, percent-encoded.", examples=["2017-03-17-pahon-meeting-hall"])
]
NewArticleId = Annotated[str, Path(description="The article's id, percent-encoded.", examples=["bridge/1"])]
_STANCE_NAMES = f"Only what is told so: {', '.join(STANCES)}."


class _Asked(BaseModel):
    """What comes in: unknown fields are refused, so that a misspelt one is not passed over."""

    model_config = ConfigDict(extra="forbid")


class _Sent(_Asked):
    """What comes in as JSON, where types can be told apart."""

    model_config = ConfigDict(strict=True)


# ── what is asked ───────────────────────────────────────────────────────────────────────────────────────────


class _Narrowed(_Sent):
    """Which articles, and whose words, a question is asked of."""

    sources: list[_Word] = Field([], max_length=_MOST, description="Only articles of these outlets.")
    since: _Since = None
    until: _Until = None
    speaker: _Speaker = None
    stances: list[_Word] = Field([], max_length=_MOST, description=_STANCE_NAMES)
    cue: _Cue = None
    as_of: _Word | None = Field(
        None, description="Answer as on this day, YYYY-MM-DD: what was published later is not looked at."
    )

    @property
    def filters(self) -> Filters:
        """The filters. Raises SaidsoError for what is no date and what is no stance."""
        sources, stances = tuple(self.sources), tuple(self.stances)
        return Filters.parse(sources, self.since, self.until, self.speaker, stances, self.cue, self.as_of)


class Turn(_Sent):
    """A question of before, and what was answered."""

    question: _Text
    answer: _Text | None = None


class _Question(_Narrowed):
    """A question, and of which articles to ask it."""

    question: _Text = Field(description="The question, in plain words.")
    id: _Text | int | None = Field(None, description="Comes back with what was found, as text.")

    @property
    def name(self) -> str | None:
        """The id as text, or None."""
        return None if self.id is None else str(self.id)


class Ask(_Question):
    """A question to answer."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "How many bombs did the F-15s drop?", "from": "2017-03-01"}]}
    )

    history: list[Turn] = Field(
        [],
        max_length=_MOST,
        description="The conversation before it, the earliest first, for what it leans on.",
    )

    extractive: bool = Field(False, description="Quotes alone, though a language model is configured.")

    @property
    def conversation(self) -> list[Exchange]:
        """The conversation before the question."""
        return [Exchange(turn.question, turn.answer or "") for turn in self.history]


class Search(_Question):
    """A question to find passages for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "Who called for a probe?", "k": 3, "speaker": "Zakharova"}]}
    )

    k: int = Field(10, ge=1, le=MOST_PASSAGES, description="How many passages at most.")


class ListingQuery(_Asked):
    """Which articles to list."""

    q: _Word = Field("", description="Words that must all stand in the title or the text.", examples=["mosque"])
    source: list[_Word] = Field([], max_length=_MOST, description="Only articles of this outlet; may be repeated.")
    since: Annotated[_Since, Field(examples=["2017-03-17"])] = None
    until: _Until = None
    offset: _Offset = 0
    limit: Annotated[_Limit, Field(examples=[5])] = 50


class PassageQuery(_Asked):
    """A span of an article's text."""

    start: int = Field(ge=0, le=2**31, description="Its first character, counted from 0.", examples=[120])
    end: int = Field(ge=1, le=2**31, description="The character after its last.", examples=[180])


class ClaimsQuery(_Asked):
    """Which claims to list."""

    article_id: str | None = Field(None, description="Only those of this article.")
    speaker: Annotated[_Speaker, Field(examples=["the Pentagon"])] = None
    stance: list[_Word] = Field(
        [], max_length=_MOST, description=f"{_STANCE_NAMES} May be repeated.", examples=["denies"]
    )
    cue: _Cue = None
    source: list[_Word] = Field([], max_length=_MOST, description="Only articles of this outlet; may be repeated.")
    since: _Since = None
    until: _Until = None
    offset: _Offset = 0
    limit: _Limit = 50

    @property
    def filters(self) -> Filters:
        """The filters. Raises SaidsoError for what is no date and what is no stance."""
        return Filters.parse(tuple(self.source), self.since, self.until, self.speaker, tuple(self.stance), self.cue)


# ── what is given ───────────────────────────────────────────────────────────────────────────────────────────


class Refusal(BaseModel):
    """Why a request was not met."""

    detail: str = Field(description="One sentence that names what is wrong and what to do.")


class Place(BaseModel):
    """A span of an article's text, in characters (Unicode code points)."""

    start: int
    end: int = Field(description="The character after the last.")


class Piece(Place):
    """Exact words of an article."""

    text: str


class Citation(BaseModel):
    """A quote with where it stands: `text[start:end]` of the article is the quote, character by character."""

    marker: int = Field(description="Its number in the answer's text, there in brackets.")
    article_id: str
    title: str
    source: str = Field(description="The outlet, empty where it is not known.")
    published: str = Field(description="An ISO 8601 date or date-time, empty where it is not known.")
    url: str
    quote: str
    start: int
    end: int
    passage: Place = Field(description="The passage that the quote was found in.")


class Claim(BaseModel):
    """What a speaker is reported to have said."""

    article_id: str
    speaker: Piece | None = Field(description="Who says it, in the article's words.")
    cue: Piece | None = Field(description="The words of saying, such as “denied”.")
    content: Piece | list[Piece] | None = Field(description="What is said; a list where it stands in several pieces.")
    stance: str = Field(description="What the cue makes of it: says, claims, denies, …")
    direct: bool | None = Field(description="Whether all of it is in quotation marks; null where some is.")
    name: str | None = Field(description="Whom the speaker's words stand for, where that is known.")


class PlacedClaim(Claim):
    """A claim with the outlet and the date of its article."""

    source: str
    published: str


class ListedClaim(PlacedClaim):
    """A claim in a list, with whom a speaker without a name may stand for."""

    candidates: list[str] = Field(description="Where `name` is null: who is named near by, the nearest first.")


class CitedClaim(PlacedClaim):
    """A claim of an answer, with the marker of the citation that reports it."""

    citation: int


class Verdict(BaseModel):
    """A plain yes or no, with whose word it is."""

    verdict: str
    speaker: str
    citation: int


class Stated(BaseModel):
    """A line of the answer: whose word it is, a plain yes or no where it is one, and the marker of its citation."""

    speaker: str
    verdict: str | None
    citation: int


class Account(BaseModel):
    """A position on what is asked, who holds it, and the markers of the citations that say so."""

    position: str
    speakers: list[str]
    citations: list[int]
    origins: int = Field(description="How many of the citations are not copies of one another.")


class Sentence(BaseModel):
    """A sentence that a language model wrote: as it is shown and as it was written."""

    text: str
    written: str
    citations: list[int]
    fault: str | None = Field(description="Why the evidence does not bear it out, if it does not.")
    repairs: list[str] = Field(description="What was changed in it.")


class Prose(BaseModel):
    """What a language model wrote."""

    model: str
    shows_struck: bool = Field(description="Whether `answer` shows what is not borne out, struck through.")
    sentences: list[Sentence]


class Answer(BaseModel):
    """Statements with their citations; or, where `abstained`, the closest passages instead."""

    id: str | None
    question: str
    standalone_question: str = Field(description="The question as it would be asked alone.")
    answer: str = Field(description="The text, with `[1]` for the citation of that marker.")
    short_answer: str | None = Field(description="The bare answer, where there is one.")
    abstained: bool
    confidence: float = Field(description="How likely the answer is right, 0 to 1, calibrated.")
    mode: str
    citations: list[Citation]
    statements: list[Stated]
    claims: list[CitedClaim]
    verdicts: list[Verdict]
    accounts: list[Account]
    disagreement: str | None = Field(description="Where accounts differ, a sentence that says so.")
    closest: list[Citation] = Field(description="Where nothing was answered: what came closest.")
    filters: dict[str, str | list[str]] = Field(description="Of which articles it was asked, where not of all.")
    undated_left_out: int = Field(description="How many articles the filters left out because they have no date.")
    prose: Prose | None = Field(description="Where a language model wrote the answer (`mode` is then `llm`): how.")
    note: str | None = Field(description="Why no language model did, where one is configured.")
    timings_ms: dict[str, float]


class FoundPassage(BaseModel):
    """A passage, and how well it fits the question, 0 to 1."""

    article_id: str
    start: int
    end: int
    text: str
    title: str
    source: str
    published: str
    score: float


class Found(BaseModel):
    """Passages, the best first."""

    id: str | None
    question: str
    passages: list[FoundPassage]


class ArticleBrief(BaseModel):
    """An article without its text."""

    id: str
    title: str
    source: str
    authors: list[str]
    published: str
    url: str
    passages: int = Field(description="How many passages it is cut into.")


class ArticleWhole(ArticleBrief):
    """An article."""

    text: str = Field(description="What all offsets count in, in Unicode code points.")


class SourceCount(BaseModel):
    """An outlet, empty where it is not known, and how many of the articles are its."""

    source: str
    articles: int


class MonthCount(BaseModel):
    """A month, such as 2017-03, and how many of the articles are of it."""

    month: str
    articles: int


class Listing(BaseModel):
    """A page of articles, with counts over all that were asked for."""

    total: int
    articles: list[ArticleBrief]
    sources: list[SourceCount]
    months: list[MonthCount]
    undated: int


class Rejected(BaseModel):
    """What could not be read, and why."""

    origin: str
    reason: str


class Outcome(BaseModel):
    """What became of each article: ids of those that are new and of those that changed."""

    added: list[str]
    replaced: list[str]
    unchanged: int
    passages: int
    rejected: list[Rejected]


class RefusedOutcome(Outcome):
    """What was sent holds no article that could be read."""

    detail: str


class PassageText(BaseModel):
    """Exact words of an article, with the passage around them."""

    article_id: str
    start: int
    end: int
    text: str
    passage: Piece
    title: str
    source: str
    published: str
    url: str


class Claims(BaseModel):
    """A page of claims, by date, with how many there are."""

    total: int
    claims: list[ListedClaim]


class Options(BaseModel):
    """What was chosen about an evaluation; `baseline` is the id of the one it is compared with."""

    limit: int | None
    seed: int
    baseline: str | None
    gates: list[str]


class EvaluationBrief(BaseModel):
    """An evaluation: how far it is, and in the end which share of the answers was right."""

    id: str
    file: str = Field(description="What its sender calls the question file.")
    created: str
    total: int
    options: Options
    state: str = Field(description="queued, running, done, failed or cancelled.")
    done: int
    seconds_left: float | None
    finished: str | None
    why: str | None = Field(description="Why it failed, if it did.")


class EvaluationListed(EvaluationBrief):
    """An evaluation without its figures but for one."""

    right: float | None = Field(description="The share of answers that were right.")


class Evaluations(BaseModel):
    """All evaluations, the newest first."""

    evaluations: list[EvaluationListed]


class Evaluation(EvaluationBrief):
    """An evaluation with its figures, each with a 95 % interval, and whether the gates were passed."""

    warnings: list[str]
    summary: dict[str, dict[str, float]]
    gates: list[dict[str, Any]]


class NewArticle(BaseModel):
    """An article to read in; what is not known is left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "bridge/1",
                    "title": "Bridge to open in May",
                    "source": "Example Times",
                    "authors": ["Ann Writer"],
                    "published": "2020-02-01",
                    "text": "The mayor said on Monday that the bridge would open in May.",
                }
            ]
        }
    )

    id: str = Field(description="A name of its own; an article that has it already is replaced.")
    text: str
    title: str = ""
    source: str = Field("", description="The outlet.")
    authors: list[str] = []
    published: str = Field("", description="An ISO 8601 date or date-time.")
    url: str = ""


class NewArticles(BaseModel):
    """Several articles to read in."""

    articles: list[NewArticle]
