"""Questions to start with: made from the articles at hand and tried out, one or two of each kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.evaluation.draft_said import claimed
from assistant.evaluation.draft_wording import Drafted, is_clear

_ARTICLES = 24  # the newest, whose claims are looked at
_TRIES = 6  # questions of one kind that are asked until one does what its kind is to show
_LONGEST = 110  # characters of a question
_LONGEST_TITLE = 90
_FATES = "killed injured arrested displaced missing".split()
# What the articles may well not be about: the first that they are not shows what is said then.
_ELSEWHERE = ("the price of bread", "the chess championship", "the weather on Mars")
_TO_SAY = {
    "said": "say", "says": "say", "claimed": "claim", "announced": "announce", "reported": "report", "denied": "deny",
    "confirmed": "confirm", "warned": "warn", "argued": "argue", "insisted": "insist", "acknowledged": "acknowledge",
}  # fmt: skip
# A speaker that was read out of two things: "June the command".
_ODD = re.compile(r"\w (?:the|a|an) \w|^(?:January|February|March|April|June|July|August|\w+ember|October|\w+day)\b")
_WHO_SAID = re.compile(r"Who (?P<cue>\w+) that (?P<said>.+)")


@dataclass(frozen=True)
class Example:
    """A question that does on the present index what its kind is to show."""

    kind: str
    question: str


def examples(assistant: Assistant) -> list[Example]:
    """Return examples of each kind that the articles have one of; without claims, questions about titles."""
    drafts = list(_drafts(assistant))
    kinds: tuple[tuple[str, int, Iterable[str], Callable[[Answer], bool]], ...] = (
        ("What somebody said", 2, _asked(drafts, "what was said"), _is_answered),
        ("Who said it", 1, _asked(drafts, "who said"), _is_answered),
        ("How many, where accounts differ", 1, (f"How many people were {fate}?" for fate in _FATES), _differs),
        ("Yes or no", 1, _yes_no(drafts), _is_answered),
        ("Not in the articles", 1, _absent(drafts), lambda answer: answer.abstained),
    )
    found = [
        Example(kind, question)
        for kind, most, questions, fits in kinds
        for question in _tried(assistant, most, questions, fits)
    ]
    return found or [Example("About an article", question) for question in _about_titles(assistant)]


def _tried(assistant: Assistant, most: int, questions: Iterable[str], fits: Callable[[Answer], bool]) -> Iterator[str]:
    tried = ((question, assistant.ask(question, extractive=True)) for question in islice(questions, _TRIES))
    return islice((question for question, answer in tried if fits(answer)), most)


def _is_answered(answer: Answer) -> bool:
    return not answer.abstained


def _differs(answer: Answer) -> bool:
    return answer.disagreement is not None


def _drafts(assistant: Assistant) -> Iterator[Drafted]:
    """Yield questions that the newest articles raise, one of each article, then another of each."""
    raised = [_raised(assistant, article.id) for article in assistant.newest(_ARTICLES)]
    for turn in zip_longest(*raised):
        yield from (draft for draft in turn if draft is not None)


def _raised(assistant: Assistant, article_id: str) -> Iterator[Drafted]:
    told = assistant.told(article_id)
    for draft in claimed(told.text, told.claims) if told else ():
        if is_clear(draft.question) and len(draft.question) <= _LONGEST and not _ODD.search(draft.speaker or ""):
            yield draft


def _asked(drafts: Iterable[Drafted], form: str) -> Iterator[str]:
    """Yield the drafts of one form, each speaker's once."""
    speakers: set[str | None] = set()
    for draft in drafts:
        if draft.form == form and draft.speaker not in speakers:
            speakers.add(draft.speaker)
            yield draft.question


def _yes_no(drafts: Iterable[Drafted]) -> Iterator[str]:
    for draft in drafts:
        found = _WHO_SAID.match(draft.question)
        if found and draft.speaker and found["cue"] in _TO_SAY:
            yield f"Did {_within(draft.speaker)} {_TO_SAY[found['cue']]} that {found['said']}"


def _absent(drafts: Iterable[Drafted]) -> Iterator[str]:
    speakers = dict.fromkeys(draft.speaker for draft in drafts if draft.speaker)
    for speaker in islice(speakers, 1):
        yield from (f"What did {_within(speaker)} say about {topic}?" for topic in _ELSEWHERE)


def _within(speaker: str) -> str:
    """Return a speaker as named within a sentence."""
    return f"the{speaker[3:]}" if speaker.startswith("The ") else speaker


def _about_titles(assistant: Assistant) -> list[str]:
    titles = dict.fromkeys(article.title for article in assistant.newest(_ARTICLES))
    named = [title.rstrip(" .?!") for title in titles if 0 < len(title) <= _LONGEST_TITLE]
    return [f"What is said about {title}?" for title in named[:_TRIES]]
