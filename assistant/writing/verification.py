"""Each written sentence held against the evidence, without another model: kept, repaired, or found not borne out.

In turn: it cites passages that are there; its quotation marks hold their words; its numbers and names stand in what
it cites; what it says is borne out by that, and not turned round; and what somebody said is not told as a fact, nor put
into another's mouth. Each sentence then gets the exact places that it rests on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.citations import Citation
from assistant.counts import numbers_in
from assistant.prose import Written
from assistant.words import content_words, stem, words_of
from assistant.writing.exhibits import Exhibit
from assistant.writing.polarity import turned_round
from assistant.writing.support import THRESHOLD, Embed, Source
from index.claims import Claim
from index.cues import stance_of
from index.passages import Span
from index.people import named_in
from index.speakers import speaks_for

_MARKERS = re.compile(r"\s*\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")
_QUOTED = re.compile(
    r"“([^”]*)”|\"([^\"]*)\"|«([^»]*)»|„([^“”]*)[“”]|‘([^‘]*?)’(?!\w)|(?<![\w.,])'([^']+(?:'\w[^']*)*)'(?!\w)"
)
_MARKS = re.compile(r"[“”„«»\"‘]")
_LISTED = re.compile(r"^\s*(?:[-*•–—]|\d{1,2}[.)]|#{1,6})\s+")
_SAYS_NOTHING = re.compile(
    r"^(?:however,?\s+)?(?:the|these)\s+(?:articles|passages)\s+(?:do|does|did)\s+not\s+"
    r"(?:say|state|mention|tell|give|name|explain|specify|describe|report|identify|answer|hold|contain)\b"
    r"(?!(?<!say)(?<!state)\s+that\b)(?P<what>[^.!?;:]*)[.]?$",  # "not mention that" takes it for granted
    re.IGNORECASE,
)
_LONGEST_NOTHING = 40  # words
_MOST_OF_ITS_OWN = 2  # words that neither the question nor a passage has, in what the articles are said not to say
_MONTHS = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday".split()
)
_ABOUT_SPEAKERS = 0.5  # of a sentence's words in what somebody is reported to have said: then it is that
_MATTERS = 0.4  # of a sentence's words in an evidence sentence, from which on a passage is cited for it


class _WrongError(Exception):
    """Why a sentence is not borne out."""


class Verifier:
    """Holds the sentences of one answer against its exhibits.

    `cited` are the citations that the answer has already; `citations` are these and those that sentences add, one for
    each place in the articles. `embed` gives unit vectors.
    """

    def __init__(self, question: str, exhibits: Sequence[Exhibit], cited: Sequence[Citation], embed: Embed) -> None:
        self.citations: list[Citation] = list(cited)
        self._exhibits = {exhibit.number: exhibit for exhibit in exhibits}
        self._asked, self._shown = _Named.of(question), _Named.of(" ".join(map(_all_of, exhibits)))
        self._embed = _Remembering(embed)
        self._sources = {
            exhibit.number: Source([exhibit.words(span) for span in exhibit.sentences], self._embed)
            for exhibit in exhibits
        }

    def prepare(self) -> None:
        """Embed all evidence, in one go; without this, each passage is embedded when a sentence first cites it."""
        self._embed([text for source in self._sources.values() for text in source.sentences])

    def check(self, written: str) -> Written:
        """Return the sentence as it can be shown, or with the reason why it cannot."""
        written = " ".join(_LISTED.sub("", written).split())
        plain, numbers = _without_markers(written)
        try:
            if _says_nothing(plain):
                self._asked_for(plain)
                return Written(plain, written)
            return self._borne_out(plain, numbers, written)
        except _WrongError as fault:
            return Written(plain, written, fault=str(fault))

    def _borne_out(self, plain: str, numbers: Sequence[int], written: str) -> Written:
        if not words_of(plain):
            raise _WrongError("says nothing")
        repairs = []
        there = [number for number in numbers if number in self._exhibits]
        if not there:
            raise _WrongError(f"cites {numbers[0]}, which is not there" if numbers else "cites nothing")
        if len(there) < len(numbers):
            repairs.append("a number of a passage that is not there is left out")
        plain, there, requoted = self._requoted(plain, there)
        repairs += requoted
        self._known(plain, there)
        if self._source(there).probability(plain) < THRESHOLD:
            raise _WrongError("is not borne out by what it cites")
        if turned_round(plain, self._sentences(there)):
            raise _WrongError("says the opposite of what it cites")
        plain, attributed = self._attributed(plain, there)
        repairs += attributed
        markers = self._cite(plain, there)
        return Written(f"{plain} {''.join(f'[{one}]' for one in markers)}", written, markers, repairs=tuple(repairs))

    # ── what it is made of ──────────────────────────────────────────────────────────────────────────────────

    def _requoted(self, plain: str, there: list[int]) -> tuple[str, list[int], list[str]]:
        """Take quotation marks off what no passage says; cite the passage that says it where another was cited."""
        repairs = []
        for match in reversed([*_QUOTED.finditer(plain)]):
            words = next(group for group in match.groups() if group is not None)
            if any(_says(self._exhibits[number], words) for number in there):
                continue
            other = next((number for number, one in self._exhibits.items() if _says(one, words)), None)
            if other is not None:
                there = [*there, other]
                repairs.append(f"“{words}” stands in another passage than was cited")
            else:
                plain = plain[: match.start()] + words + plain[match.end() :]
                repairs.append(f"“{words}” are not the words of a passage: without quotation marks")
        unpaired = _without_half_marks(plain)
        return unpaired, there, repairs if unpaired == plain else [*repairs, "a quotation mark without its other half"]

    def _asked_for(self, plain: str) -> None:
        """Raise a fault where a sentence tells something of its own in saying that the articles do not say it."""
        held = self._asked.or_in(self._shown)
        _check_named(plain, held)
        own = {stem(word) for word in words_of(_SAYS_NOTHING.sub(r"\g<what>", plain))} - held.stems
        if len(own & content_words(plain)) > _MOST_OF_ITS_OWN:
            raise _WrongError("cites nothing")

    def _known(self, plain: str, there: Sequence[int]) -> None:
        """Raise a fault for a number, a name or a date that is not in what is cited.

        Those of the question will do, but only where some passage has them: a question can be mistaken.
        """
        cited = _Named.of(" ".join(_all_of(self._exhibits[number]) for number in there))
        _check_named(plain, cited.or_in(self._asked.and_in(self._shown)))

    def _source(self, there: Sequence[int]) -> Source:
        if len(there) == 1:
            return self._sources[there[0]]
        return Source(self._sentences(there), self._embed)

    def _sentences(self, there: Sequence[int]) -> list[str]:
        exhibits = [self._exhibits[number] for number in there]
        return [exhibit.words(span) for exhibit in exhibits for span in exhibit.sentences]

    # ── whose word it is ────────────────────────────────────────────────────────────────────────────────────

    def _attributed(self, plain: str, there: Sequence[int]) -> tuple[str, list[str]]:
        """Put before a sentence that tells a claim as a fact whose claim it is; one in the wrong mouth is a fault."""
        claim, exhibit = self._claim_told(plain, there)
        is_told = claim is not None and _tells_that_it_is_said(plain, claim)
        if claim is None or (is_told and _names_speaker(plain, claim)):
            return plain, []
        outlet = exhibit.passage.source
        speaker = claim.said_by
        if is_told:
            others = _named_beside(plain, claim)
            if speaker is None or any(_stands_for(other, speaker, outlet) for other in others):
                return plain, []
            if others:
                raise _WrongError(f"has {others[0]} say what {speaker} says")
        whose = speaker or f"somebody whom {outlet or 'the article'} does not name"
        return f"According to {_lowered_article(whose)}, {_lowered_start(plain)}", [f"told as a fact: {whose} says so"]

    def _claim_told(self, plain: str, there: Sequence[int]) -> tuple[Claim | None, Exhibit]:
        """Return the claim whose content is what the sentence tells, if it is a claim's; and where that stands."""
        about = content_words(plain)
        best, found, where = _ABOUT_SPEAKERS, None, self._exhibits[there[0]]
        for number in there:
            exhibit = self._exhibits[number]
            for claim in exhibit.passage.claims:
                content = content_words(" ".join(piece.text for piece in claim.content))
                share = len(about & content) / len(about) if about else 0.0
                if share > best:
                    best, found, where = share, claim, exhibit
        return found, where

    # ── where it stands ─────────────────────────────────────────────────────────────────────────────────────

    def _cite(self, plain: str, there: Sequence[int]) -> tuple[int, ...]:
        """Return the markers of the exact sentences that this one rests on, one a passage."""
        about = content_words(plain)
        markers: list[int] = []
        for number in dict.fromkeys(there):
            exhibit = self._exhibits[number]
            span = exhibit.sentences[self._sources[number].best(plain)]
            shared = len(about & content_words(exhibit.words(span)))
            if not markers or shared >= _MATTERS * len(about):
                markers.append(self._marker(exhibit, span))
        return tuple(dict.fromkeys(markers))

    def _marker(self, exhibit: Exhibit, span: Span) -> int:
        """Return the marker of a place in an article; a new one where nothing cites it yet."""
        passage = exhibit.passage
        for citation in self.citations:
            inside = citation.start <= span.start and span.end <= citation.end
            if citation.article_id == passage.article_id and inside:
                return citation.marker
        marker = len(self.citations) + 1
        self.citations.append(Citation.of(marker, passage, span.start, span.end))
        return marker


class _Named(NamedTuple):
    """What a text names: its numbers, and the stems of its words."""

    numbers: frozenset[float]
    stems: frozenset[str]

    @classmethod
    def of(cls, text: str) -> _Named:
        return cls(numbers_in(text), frozenset(map(stem, words_of(text))))

    def or_in(self, other: _Named) -> _Named:
        return _Named(self.numbers | other.numbers, self.stems | other.stems)

    def and_in(self, other: _Named) -> _Named:
        return _Named(self.numbers & other.numbers, self.stems & other.stems)


def _check_named(plain: str, held: _Named) -> None:
    """Raise a fault for a number, a name or a date of a sentence that is not among what is `held`."""
    if strange := numbers_in(plain) - held.numbers:
        raise _WrongError(f"names {min(strange):g}, which is not in what it cites")
    for named in named_in(plain):
        if unknown := [word for word in words_of(plain[named.start : named.end]) if stem(word) not in held.stems]:
            raise _WrongError(f"names “{unknown[0].capitalize()}”, which is not in what it cites")
    for word in words_of(plain):
        if word in _MONTHS and stem(word) not in held.stems and word != "may":
            raise _WrongError(f"names “{word.capitalize()}”, which is not in what it cites")


class _Remembering:
    """An embedder that embeds no text twice."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[str, NDArray[np.float32]] = {}

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])


def _without_markers(text: str) -> tuple[str, list[int]]:
    """Return a text without its [1] and [2, 3], and their numbers in order."""
    numbers = [int(number) for found in _MARKERS.findall(text) for number in re.findall(r"\d+", found)]
    plain = re.sub(r"\s+([.,;:!?])", r"\1", _MARKERS.sub("", text)).strip()
    return plain, [*dict.fromkeys(numbers)]


def _without_half_marks(plain: str) -> str:
    """Return a sentence without the quotation marks that have no other half."""
    pairs = [match.span() for match in _QUOTED.finditer(plain)]
    halves = [mark.start() for mark in _MARKS.finditer(plain) if not any(a <= mark.start() < b for a, b in pairs)]
    return "".join(letter for at, letter in enumerate(plain) if at not in halves)


def _says_nothing(plain: str) -> bool:
    """Whether a sentence only says that the articles do not say something."""
    return bool(_SAYS_NOTHING.match(plain)) and len(words_of(plain)) <= _LONGEST_NOTHING


def _says(exhibit: Exhibit, words: str) -> bool:
    """Whether a passage has just these words, whatever its white space, its marks and the capital they begin with."""
    wanted = _evened(words).strip(" .,;:!?…")
    return bool(wanted) and wanted in _evened(exhibit.passage.text)


def _evened(text: str) -> str:
    text = re.sub(r"[“”„«»\"]", '"', re.sub(r"[‘’]", "'", text))
    return " ".join(text.split()).casefold()


def _all_of(exhibit: Exhibit) -> str:
    passage = exhibit.passage
    day = f"{int(passage.published[8:10])}" if passage.published[8:10].isdigit() else ""
    month = _month(passage.published)
    names = " ".join(claim.said_by for claim in passage.claims if claim.said_by)
    return f"{passage.title} {passage.source} {passage.published[:4]} {month} {day} {names} {passage.text}"


def _month(published: str) -> str:
    names = "January February March April May June July August September October November December".split()
    return names[int(published[5:7]) - 1] if published[5:7].isdigit() and 1 <= int(published[5:7]) <= 12 else ""


def _names_speaker(plain: str, claim: Claim) -> bool:
    """Whether a sentence names who says it, by any of the words of the naming but the smallest."""
    namings = f"{claim.name or ''} {claim.speaker.text if claim.speaker else ''}"
    return bool(content_words(namings) & content_words(plain))


def _tells_that_it_is_said(plain: str, claim: Claim) -> bool:
    """Whether a sentence has a word of saying that is not part of what was said."""
    said = _said(claim)
    return any(stance_of(word) != "says" or word in _SAYING for word in words_of(plain) if stem(word) not in said)


def _named_beside(plain: str, claim: Claim) -> list[str]:
    """Return who is named in a sentence without being named in what was said."""
    said = _said(claim)
    names = (plain[named.start : named.end] for named in named_in(plain))
    return [name for name in names if not all(stem(word) in said for word in words_of(name))]


def _said(claim: Claim) -> set[str]:
    return {stem(word) for piece in claim.content for word in words_of(piece.text)}


def _stands_for(name: str, speaker: str, outlet: str) -> bool:
    """Whether who is named is the speaker, or speaks for them or they for it, or is the outlet that reports it."""
    outlets = bool(content_words(name) & content_words(outlet))
    return outlets or speaks_for(speaker, name) or speaks_for(name, speaker)


_ARTICLES = ("The", "A", "An")
_SAYING = frozenset(
    "say says said saying tell tells told telling according report reports reported state states stated stating add "
    "adds added adding note notes noted declare declares declared write writes wrote testify testified tweeted "
    "remarked commented mentioned observed stressed emphasised emphasized recalled continued informed account "
    "version".split()
)


def _lowered_start(text: str) -> str:
    """Return a sentence as it goes on after "According to X,": small, unless it begins with a name."""
    begins = any(named.start == 0 for named in named_in(text)) and text.split(" ", 1)[0] not in _ARTICLES
    return text if begins or text[:2].isupper() or text[:1] in '“"' else text[:1].lower() + text[1:]


def _lowered_article(name: str) -> str:
    return name[:1].lower() + name[1:] if name.split(" ", 1)[0] in _ARTICLES else name
