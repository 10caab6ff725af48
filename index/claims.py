"""Who said what: the attributions of a text, as exact spans."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from index.batches import on_one_core
from index.claim_finder import Attribution, ClaimFinder
from index.claim_rules import with_rules
from index.claim_speakers import speaker_of, speaks
from index.claim_words import Piece, piece_of, trimmed
from index.cues import LEADING, is_particle, place_of_verb, stance_of
from index.embedder import bundled_model
from index.naming import VERSION, Mention, candidates_for, names_of
from index.passages import Span, split_sentences
from index.quotation_rules import touched, with_quotations
from index.quotations import GAP, Token, quotations, units

_WEIGHTS = Path(__file__).with_name("models") / "claims"
_RULES = 5  # counts the ways in which claims have been made of what the network finds
_CHARACTERS_TOGETHER = 80_000
_STRETCH = 40_000  # characters; hardly any article has more


@dataclass(frozen=True)
class Claim:
    """What a speaker is reported to have said: who, by which cue word, and what, in one or several pieces.

    `stance` is what the cue makes of it: says, claims, denies, confirms, accuses, admits, declines, asks, …
    `direct` is true where all of the content stands in quotation marks, false where none of it does, None where
    some does. `name` is whom the speaker's words stand for, as the article names them most fully ("Capt. Jeff Davis, a
    Pentagon spokesman" for "he"), None where that is not known.
    """

    speaker: Piece | None
    cue: Piece | None
    content: tuple[Piece, ...]
    stance: str
    direct: bool | None
    name: str | None = None

    @property
    def said_by(self) -> str | None:
        """Who says it: the name where it is known, else the speaker's own words, else None."""
        return self.name or (self.speaker.text if self.speaker else None)

    @property
    def mention(self) -> Mention:
        """Where the speaker stands, and the content."""
        spans = tuple(Span(piece.start, piece.end) for piece in self.content)
        return Mention(Span(self.speaker.start, self.speaker.end) if self.speaker else None, spans)

    def within(self, start: int, end: int) -> bool:
        """Whether some of the content stands in the characters `start` to `end` (exclusive)."""
        return any(piece.start < end and start < piece.end for piece in self.content)

    def moved(self, by: int) -> Claim:
        """Return the claim with all of its pieces `by` characters further on."""
        speaker, cue = (piece and piece.moved(by) for piece in (self.speaker, self.cue))
        return replace(self, speaker=speaker, cue=cue, content=tuple(piece.moved(by) for piece in self.content))


@cache
def found_by() -> str:
    """Return what the catalogue remembers of how claims are found: the network's hash, the versions of the rules."""
    weights = json.loads((_WEIGHTS / "config.json").read_text(encoding="utf-8"))["weights_sha256"]
    return f"claims@{weights[:12]}, rules@{_RULES}, names@{VERSION}"


@cache
def _finder() -> ClaimFinder:
    return on_one_core(lambda: ClaimFinder.load(_WEIGHTS, bundled_model()))


def find_claims(text: str) -> list[Claim]:
    """Return who said what in `text`, in order."""
    return next(claims_of([text]))


def claims_of(texts: Iterable[str]) -> Iterator[list[Claim]]:
    """Yield the claims of each text."""
    stretches = [list(stretches_of(text)) for text in texts]
    found = claims_in(stretch for of_one in stretches for stretch in of_one)
    for of_one in stretches:
        yield [claim for _ in of_one for claim in next(found)]


@dataclass(frozen=True)
class Stretch:
    """What is read of a text at once for its claims: the words from character `start` on, and whether it ends there.

    `of` is the id of its article, where it has one.
    """

    start: int
    text: str
    last: bool = True
    of: str = ""

    @property
    def end(self) -> int:
        """The character of the whole text after the last one."""
        return self.start + len(self.text)


def stretches_of(text: str, start: int = 0, of: str = "") -> Iterator[Stretch]:
    """Yield the stretches of a text from character `start`, where one begins: a single one but for a whole book.

    They end with a paragraph, or else a sentence. Each is read by itself, so that a text of any length takes no more
    memory, and no more time a character, than one; who is meant by a naming is told by the same stretch alone.
    """
    while len(text) - start > _STRETCH:
        end = _end_of_stretch(text, start)
        yield Stretch(start, text[start:end], last=False, of=of)
        start = end
    yield Stretch(start, text[start:], of=of)


def _end_of_stretch(text: str, start: int) -> int:
    end = start + _STRETCH
    if gaps := list(GAP.finditer(text, start + _STRETCH // 2, end)):
        return gaps[-1].end()
    sentences = split_sentences(text[start:end])  # none in white space
    return start + sentences[-1].start if sentences and sentences[-1].start else end


def claims_in(stretches: Iterable[Stretch]) -> Iterator[list[Claim]]:
    """Yield the claims of each stretch, where they stand in its text; several short ones are read together: faster."""
    for together in batches(stretches):
        texts = [stretch.text for stretch in together]
        for stretch, found in zip(together, _finder().find(texts), strict=True):
            yield [claim.moved(stretch.start) for claim in claims_from(stretch.text, found)]


def claims_from(text: str, found: Sequence[Attribution]) -> list[Claim]:
    """Return what the network found in a text as claims, and what rules and its bare quotations add to them."""
    quoted = quotations(text)
    claims = [
        claim
        for one in with_quotations(text, with_rules(text, found), quoted)
        if (claim := _made(text, one, quoted)).content and _is_said(text, claim)
    ]
    return _named(text, sorted(_with_bare_quotations(text, claims, quoted), key=lambda claim: claim.content[0].start))


def nearest(text: str, claims: Sequence[Claim]) -> list[list[str]]:
    """Return for each claim of an article whom its speaker may stand for, where it has no name: the nearest first."""
    near: list[list[str]] = []
    for stretch in stretches_of(text):
        own = [claim for claim in claims if stretch.start <= claim.content[0].start < stretch.end]
        mentions = [claim.moved(-stretch.start).mention for claim in own]
        unnamed = [at for at, claim in enumerate(own) if claim.name is None and claim.speaker]
        found = dict(zip(unnamed, candidates_for(stretch.text, mentions, unnamed), strict=True))
        near += [found.get(at, []) for at in range(len(own))]
    return near


def _named(text: str, claims: Sequence[Claim]) -> list[Claim]:
    """Give each claim the name of its speaker, where the article tells it."""
    names = names_of(text, [claim.mention for claim in claims])
    return [replace(claim, name=name) for claim, name in zip(claims, names, strict=True)]


def batches(stretches: Iterable[Stretch]) -> Iterator[list[Stretch]]:
    """Yield the stretches in their order, as many at once as are best read together."""
    batch: list[Stretch] = []
    for stretch in stretches:
        batch.append(stretch)
        if sum(len(one.text) for one in batch) >= _CHARACTERS_TOGETHER:
            yield batch
            batch = []
    if batch:
        yield batch


_PARTICLE = re.compile(r"\s+([a-z]+)\s+")
_ASKED = re.compile(r"(?:[\w.’'-]+\s+){1,4}(?=(?:whether|if)\s)")  # the person asked, before what was asked
_AFTER_CUE = frozenset("of about that on in today yesterday tonight later earlier".split()) | {
    f"{day}day" for day in "mon tues wednes thurs fri satur sun".split()
}
_NOBODY = ("nobody", "no one", "none")
_OF_DEEDS = frozenset("admits confirms declines denies".split())  # what was done follows the cue, as a participle
_DEED = re.compile(r"([a-z]+) ([a-z]+ing)")
_CONDITION = re.compile(r"\b(?:if|unless|whether)\s+$", re.IGNORECASE)
_UNSAID = re.compile(
    r"(?:\b(?:not|never|cannot|would|could|might|may|should|can)|n[’']t|[’']d)\s+(?:[\w’'-]+\s+){0,2}$", re.IGNORECASE
)
_HEARSAY = re.compile(r"(?:said|told|reported|claimed|alleged|believed|thought|known)\b(?!\s+by\b)", re.IGNORECASE)
_PASSIVE = re.compile(r"\b(?:am|is|are|was|were|be|been|being)\s+(?:\w+ly\s+|also\s+)?$", re.IGNORECASE)
_THAT = re.compile(r"^that\s+", re.IGNORECASE)
_WORDS_THAT = re.compile(r"(?:[\w’'.-]+\s+){1,3}that\s+(?=\w)")  # "said in videos from | the site that …"
_WHEN_THAT = re.compile(  # "said on Friday that …"
    r"(?:(?:on|in|at|late|early|last|earlier|this)\s|[A-Z][a-z]+day\b)[^,;:“”\"]{0,40}?\bthat\s+(?=\w)"
)


def _made(text: str, found: Attribution, quoted: Sequence[Token]) -> Claim:
    """Return an attribution as a claim: no loose punctuation, and quotations whole and without their marks."""
    content: list[Piece] = []
    inside: list[bool | None] = []
    for span in found.content:
        for piece, direct in _content(text, span, quoted):
            content.append(piece)
            inside.append(direct)
    speaker = speaker_of(text, found)
    cue = _cue(text, found.cue)
    if speaker and cue.start < speaker.end < cue.end:  # “the complaints | allege”
        cue = trimmed(text, Span(speaker.end, cue.end))
    if content and not inside[0] and (particle := _PARTICLE.match(text, cue.end)):
        first = content[0]
        if particle.start(1) == first.start and particle.end() < first.end and is_particle(cue.text, particle[1]):
            cue = piece_of(text, cue.start, particle.end(1))
            content[0] = piece_of(text, particle.end(), first.end)
    if content and not inside[0] and content[0].start >= cue.end:
        after_more = text[cue.end : content[0].start].strip()
        when = (_WORDS_THAT if after_more else _WHEN_THAT).match(content[0].text)
        content[0] = piece_of(text, content[0].start + (when.end() if when else 0), content[0].end)
        cue, content[0] = _with_deed(text, cue, content[0])
    stance = stance_of(cue.text, text[cue.end : cue.end + 40])
    asked = _ASKED.match(content[0].text) if stance == "asks" and content and not inside[0] else None
    if asked:
        content[0] = piece_of(text, content[0].start + asked.end(), content[0].end)
    direct = inside[0] if len(set(inside)) == 1 else None
    return Claim(speaker, cue, tuple(content), stance, direct)


def _with_deed(text: str, cue: Piece, content: Piece) -> tuple[Piece, Piece]:
    """Give “denied | attacking the port” its deed as content, where the cue has taken it: “denied attacking”."""
    deed = _DEED.fullmatch(cue.text)
    if deed is None or stance_of(deed[1]) not in _OF_DEEDS or text[cue.end : content.start].strip():
        return cue, content
    return piece_of(text, cue.start, cue.start + deed.end(1)), piece_of(text, cue.start + deed.start(2), content.end)


def _is_said(text: str, claim: Claim) -> bool:
    """Whether what the cue reports was said at all: neither "did not say", "would say", "if X says" nor "is said"."""
    cue, speaker = claim.cue, claim.speaker
    if cue is None:
        return True
    if cue.text == ":" and not claim.direct:
        return speaker is not None and speaks(text, speaker)
    verb = cue.start + place_of_verb(cue.text)
    if speaker and (speaker.start < verb < speaker.end or _is_inside(claim.content, speaker)):
        return False  # “in reports detailing …” is nobody's claim, nor are “aircraft known to fly”
    before = text[max(0, verb - 60) : verb]
    if speaker and verb - 60 < speaker.end <= verb:
        if speaker.text.casefold() in _NOBODY or _CONDITION.search(text, max(0, speaker.start - 9), speaker.start):
            return False
        before = text[speaker.end : verb]
    reduced = claim.content[0].text.startswith("by ")  # "the figures reported by …"
    return not (reduced or _UNSAID.search(before) or (_HEARSAY.match(text, verb) and _PASSIVE.search(before)))


def _is_inside(content: Sequence[Piece], speaker: Piece) -> bool:
    return all(speaker.start <= piece.start and piece.end <= speaker.end for piece in content)


def _content(text: str, span: Span, quoted: Sequence[Token]) -> Iterator[tuple[Piece, bool | None]]:
    inside = touched(quoted, span)
    rest = _outside(text, span, inside)
    if inside and not any(character.isalnum() for character in rest):
        for quotation in inside:
            inner = quotation.inner or Span(quotation.start, quotation.end)
            piece = _inside(text, Span(max(span.start, inner.start), min(span.end, inner.end)))
            if piece.text:
                yield piece, True
        return
    piece = trimmed(text, span)
    that = _THAT.match(piece.text)
    if that:
        piece = piece_of(text, piece.start + that.end(), piece.end)
    if piece.text:
        yield piece, None if inside else False


def _outside(text: str, span: Span, touched: Sequence[Token]) -> str:
    at, parts = span.start, []
    for quotation in touched:
        parts.append(text[at : max(at, quotation.start)])
        at = max(at, quotation.end)
    return "".join([*parts, text[at : span.end]])


def _cue(text: str, span: Span) -> Piece:
    """Return the cue without auxiliaries before it ("has said") and a preposition after it ("said of")."""
    piece = trimmed(text, span)
    words = list(re.finditer(r"\S+", piece.text))
    if not words:
        return piece_of(text, span.start, span.end)
    first = next((at for at, word in enumerate(words) if word.group().casefold() not in LEADING), 0)
    last = len(words) - 1
    if last > first and words[last].group().casefold() in _AFTER_CUE:
        last -= not is_particle(words[last - 1].group(), words[last].group())
    return piece_of(text, piece.start + words[first].start(), piece.start + words[last].end())


def _with_bare_quotations(text: str, claims: Sequence[Claim], quoted: Sequence[Token]) -> list[Claim]:
    """Give each sentence that is nothing but quotations, and of no claim, to the speaker of the sentence before it.

    It goes on with what is quoted there, or else is a claim of its own. The speaker is nobody where that sentence has
    none or several, and where it stands in another paragraph, unless that one leaves its quotation open.
    """
    if not quoted:
        return list(claims)
    read = list(units(text, split_sentences(text)))
    told = _told(claims, [Span(tokens[0].start, tokens[-1].end) for tokens in read])
    all_claims = list(claims)
    speaking: int | None = None
    voice: Piece | None = None
    goes_on = False
    end = 0
    for tokens, here in zip(read, told, strict=True):
        if GAP.search(text, end, tokens[0].start) and not goes_on:
            speaking = voice = None
        bare = () if here else _bare(text, tokens)
        if bare and speaking is not None:
            all_claims[speaking] = replace(all_claims[speaking], content=(*all_claims[speaking].content, *bare))
        elif bare:
            all_claims.append(Claim(voice, None, bare, "says", True))
            speaking = len(all_claims) - 1
        else:
            speaking = next((at for at in reversed(here) if all_claims[at].direct is not False), None)
            voices = {all_claims[at].speaker for at in here}
            voice = voices.pop() if len(voices) == 1 else None
        end = tokens[-1].end
        # A paragraph whose quotation is not closed tells that the next one goes on with it.
        goes_on = tokens[-1].inner is not None and tokens[-1].inner.end == end
    return all_claims


def _told(claims: Sequence[Claim], sentences: Sequence[Span]) -> list[list[int]]:
    """Return for each sentence which claims have content in it, in the order in which their contents begin."""
    told: list[list[int]] = [[] for _ in sentences]
    for number in sorted(range(len(claims)), key=lambda number: claims[number].content[0].start):
        for piece in claims[number].content:
            at = bisect_right(sentences, piece.start, key=lambda sentence: sentence.end)
            while at < len(sentences) and sentences[at].start < piece.end:
                if told[at][-1:] != [number]:
                    told[at].append(number)
                at += 1
    return told


def _bare(text: str, tokens: Sequence[Token]) -> tuple[Piece, ...]:
    """Return the quotations of a sentence that is nothing else."""
    if any(token.inner is None and token.word[0].isalnum() for token in tokens):
        return ()
    return tuple(piece for token in tokens if token.inner and (piece := _inside(text, token.inner)).text)


def _inside(text: str, span: Span) -> Piece:
    words = text[span.start : span.end]
    start = span.start + len(words) - len(words.lstrip())
    return piece_of(text, start, start + len(words.strip().rstrip(",")))
