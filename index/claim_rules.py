"""Attributions that a few fixed wordings make, for where the network does not see them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from index.claim_finder import Attribution
from index.cues import stance_of
from index.passages import Span, split_sentences

# “The bridge, according to Ortiz, is shut”: what follows the speaker so goes on with what stands before.
_GOES_ON = re.compile(
    r"\s*,\s+(?=(?:is|are|was|were|has|have|had|will|would|can|could|may|might|must|should|does|did)\b)"
)
_NUMBER = r"(?:[\w-]+\s+){0,4}?(?:\d(?:[\d,.]*\d)?|two|three|four|five|six|seven|eight|nine|ten|dozens|hundreds)\b"
_SAYS = re.compile(
    r"\b(?:(?P<found>found)\s+(?:no|little)\s+evidence\s+(?:of|that|to)\b"
    r"|(?P<put>put|puts|placed|places)\s+the\s+(?:[\w-]+\s+){0,2}?(?:number|toll|count|figure|total)\b"
    rf"(?P<at>[^.;:\n“”\"]{{0,60}}?\bat\s+{_NUMBER}(?:\s+(?:and|to|or)\s+{_NUMBER})?))"
)
_GROUNDS = re.compile(r",?\s+(stating|saying|adding|claiming|insisting|arguing|asserting|noting|stressing)\s+that\s+")
_WITH_GROUNDS = frozenset("accuses admits confirms declines denies opposes supports".split())
_AUXILIARY = re.compile(r"(?:\s+(?:has|have|had|also|later|since))+\s*$")
_OPENING = re.compile(r"\s*(?:(?:but|and|yet|that)\s+)*", re.IGNORECASE)
_WORD = re.compile(r"[\w’'&-]+")
_LINKS = frozenset("on in at by after before during since until of for from with to near and or".split())
_DETERMINERS = frozenset("the a an its his her their he she it they".split())
_NO_SUBJECT = re.compile(r"[:;“”\"()]|\b(?:not|never|nobody|if|whether|is|are|was|were|been|be|to)\b|n[’']t\b", re.I)
_MOST_WORDS = 14


def with_rules(text: str, found: Sequence[Attribution]) -> list[Attribution]:
    """Return what the network found in a text, made whole, and what the wordings add to it."""
    found = [part for one in found for part in _parted(text, one, found)]
    matches = list(_SAYS.finditer(text))
    if not matches and not any(_is_according(text, one) for one in found):
        return found
    sentences = split_sentences(text)
    whole = [_whole(text, one, sentences) for one in found]
    return [*whole, *_added(text, matches, whole, sentences)]


def _parted(text: str, one: Attribution, found: Sequence[Attribution]) -> Iterator[Attribution]:
    """Yield “X denied shelling the port, | stating that …” as the two things that X says."""
    last = one.content[-1]
    grounds = _GROUNDS.search(text, last.start, last.end)
    if grounds is None or last.start < one.cue.end or stance_of(text[one.cue.start : one.cue.end]) not in _WITH_GROUNDS:
        yield one
        return
    yield replace(one, content=(*one.content[:-1], Span(last.start, grounds.start())))
    if not any(other.cue.start == grounds.start(1) for other in found):
        yield replace(one, cue=Span(*grounds.span(1)), content=(Span(grounds.end(), last.end),))


def _is_according(text: str, one: Attribution) -> bool:
    return text[one.cue.start : one.cue.end].casefold() == "according to"


def _whole(text: str, one: Attribution, sentences: Sequence[Span]) -> Attribution:
    """Return “according to X” in the midst of a clause with what the clause goes on with."""
    if not _is_according(text, one) or one.source is None or one.content[-1].start > one.cue.start:
        return one
    goes_on = _GOES_ON.match(text, one.source.end)
    if goes_on is None:
        return one
    return replace(one, content=(*one.content, Span(goes_on.end(), _sentence(sentences, one.cue.start).end)))


def _added(
    text: str, matches: Sequence[re.Match[str]], found: Sequence[Attribution], sentences: Sequence[Span]
) -> Iterator[Attribution]:
    """Yield “X found no evidence of …” and “X put the number at …” where no attribution has that cue."""
    cues = [one.cue for one in found]
    for match in matches:
        verb = Span(*match.span("found" if match["found"] else "put"))
        if any(cue.start < verb.end and verb.start < cue.end for cue in cues):
            continue
        sentence = _sentence(sentences, verb.start)
        before = [cue.end for cue in cues if sentence.start <= cue.start < verb.start]
        subject = _subject(text, max([sentence.start, *before]), verb.start)
        if subject:
            content = Span(verb.end + 1, sentence.end if match["found"] else match.end())
            yield Attribution(0.0, subject, verb, (content,))


def _sentence(sentences: Sequence[Span], at: int) -> Span:
    return sentences[bisect_right(sentences, at, key=lambda sentence: sentence.start) - 1]


def _subject(text: str, start: int, end: int) -> Span | None:
    """Return the words from `start` to the verb at `end` as its subject, without what only leads up to it."""
    opening = _OPENING.match(text, start, end)
    start = opening.end() if opening else start
    auxiliary = _AUXILIARY.search(text, start, end)
    words = list(_WORD.finditer(text, start, auxiliary.start() if auxiliary else end))
    if words and words[0].group().casefold() in _LINKS:
        words = _after_adverbial(words)
    if not words or len(words) > _MOST_WORDS or _NO_SUBJECT.search(text, words[0].start(), words[-1].end()):
        return None
    return Span(words[0].start(), words[-1].end())


def _after_adverbial(words: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    """Return the words from the first determiner on that nothing before it governs: “On the day … | the port”."""
    for at in range(2, len(words)):
        is_new = words[at].group().casefold() in _DETERMINERS and words[at - 1].group().casefold() not in _LINKS
        if is_new:
            return list(words[at:])
    return []
