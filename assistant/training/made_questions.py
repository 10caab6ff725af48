"""Questions made by rule from the text of articles: pure functions over strings.

- Changed questions: a question with a name, a number or a word swapped, which its text answers no more.
- From who-said-what annotations: "What did X say about Y?" and "Who said …?".
- Cloze: a sentence with a name or number blanked out, answered by another passage of its article that holds the
  same name (recurring spans, Ram et al. 2021, arXiv:2101.00438)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Record = dict[str, Any]
Made = tuple[str, str, list[tuple[int, int]]]
"""A text, a question about it, and the characters of the text that answer it."""


NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w’'-]+(?: (?:of |the )?[A-Z][\w’'-]+)*")
NUMBER = re.compile(r"\d[\d,.]*\d|\d")
OPPOSITES = [
    ("first", "last"), ("most", "least"), ("highest", "lowest"), ("largest", "smallest"), ("before", "after"),
    ("more", "less"), ("north", "south"), ("east", "west"), ("won", "lost"), ("oldest", "youngest"),
    ("best", "worst"), ("increase", "decrease"), ("always", "never"), ("higher", "lower"), ("start", "end"),
    ("began", "ended"), ("men", "women"), ("man", "woman"), ("son", "daughter"), ("father", "mother"),
    ("accept", "reject"), ("support", "oppose"), ("maximum", "minimum"), ("positive", "negative"),
]  # fmt: skip
OPPOSITE = dict(OPPOSITES) | {b: a for a, b in OPPOSITES}


def swapped(question: str, near: str, answers: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The question with a name, a number or a word changed, so that the text `near` its answer fits no more.

    The changes are ones that people often made for SQuAD 2.0's unanswerable questions (Rajpurkar et al. 2018,
    arXiv:1806.03822): another name or number of the same text, and the opposite of a word.
    """
    made = []
    for pattern in (NAME, NUMBER):
        names = sorted({m.group() for m in pattern.finditer(near)})
        asked = [name for name in names if whole(name).search(question)]
        apart = [n for n in names if not any(alike(n, other) for other in (question, *answers))]
        if asked and apart:
            old, new = (choice[int(rng.integers(len(choice)))] for choice in (asked, apart))
            made.append(new.join(whole(old).split(question)))
    words = [w for w in question.split() if w.lower() in OPPOSITE]
    if words:
        made.append(question.replace(words[0], OPPOSITE[words[0].lower()]))
    return made


def whole(name: str) -> re.Pattern[str]:
    """Where a name stands as a word of its own, in capitals or not."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)


def alike(name: str, text: str) -> bool:
    """Whether a word of the name stands in the text: then they may speak of the same thing."""
    return not set(re.findall(r"\w+", name.lower())).isdisjoint(re.findall(r"\w+", text.lower()))


PRONOUNS = {
    "he",
    "she",
    "it",
    "they",
    "we",
    "i",
    "you",
    "who",
    "that",
    "which",
    "this",
    "those",
    "some",
    "one",
}
BASE_FORMS = {
    "said": "say", "says": "say", "saying": "say", "told": "tell", "added": "add", "announced": "announce",
    "called": "call", "claimed": "claim", "argued": "argue", "wrote": "write", "tweeted": "tweet",
    "thinks": "think", "believes": "believe", "concluded": "conclude", "reported": "report", "noted": "note",
    "promised": "promise", "warned": "warn", "explained": "explain", "suggested": "suggest", "denied": "deny",
    "asked": "ask",
}  # fmt: skip


def of_attributions(article: Record, rng: np.random.Generator) -> Iterator[Made]:
    """Who said it, what was said about something, and all that one named source said."""
    text: str = article["text"]
    contents: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for source, cue, content in plain_attributions(article):
        contents[text[slice(*source)]].append(content)
        fragment = middle_words(text[slice(*content)], rng)
        yield text, f"Who {text[slice(*cue)]} {fragment}?", [source]
        verb = BASE_FORMS.get(text[slice(*cue)].lower(), "say")
        about = max(re.findall(r"\w+", fragment) or [""], key=len)
        yield text, f"What did {text[slice(*source)]} {verb} about {about}?", [content]
    for name, spans in contents.items():
        yield text, f"What did {name} say?", spans


def plain_attributions(article: Record) -> Iterator[tuple[tuple[int, int], tuple[int, int], tuple[int, int]]]:
    """Characters of source, cue and content of the attributions that make a question: named and in one
    piece."""
    for attribution in article["attributions"]:
        parts = [attribution[name] for name in ("source", "cue", "content")]
        if not all(parts) or any(len(part) != 1 for part in parts):
            continue
        source, cue, content = ((part[0]["start"], part[0]["end"]) for part in parts)
        name = article["text"][slice(*source)]
        named = name.lower() not in PRONOUNS and len(name) < 60
        if named and 15 < content[1] - content[0] < 250 and cue[1] - cue[0] < 25:
            yield source, cue, content


def middle_words(text: str, rng: np.random.Generator) -> str:
    """Up to nine words of a text, some left out, as somebody asking about it would remember it."""
    words = re.findall(r"[\w'’$%.-]*\w", text)
    first = int(rng.integers(0, max(1, len(words) - 8)))
    return " ".join(word for word in words[first : first + 9] if rng.random() > 0.2)


NAME_OR_NUMBER = re.compile(
    r"(?<=[a-z,] )(?:[A-Z][\w’'-]+(?: (?:of |the )?[A-Z][\w’'-]+)*"
    r"|\$?\d[\d,.]*\d(?: (?:million|billion|percent))?)"
)
SENTENCE = re.compile(r"[^\n.!?]{60,240}[.!?]")


def blanked(text: str, rng: np.random.Generator, most: int = 2) -> list[Made]:
    """Sentences of a text with a recurring name blanked, and where else the name stands near the same
    words."""
    made: list[Made] = []
    sentences = list(SENTENCE.finditer(text))
    for n in rng.permutation(len(sentences)):
        sentence = sentences[n]
        names = list(NAME_OR_NUMBER.finditer(sentence.group()))
        if not names or len(made) == most:
            continue
        name = names[int(rng.integers(len(names)))]
        rest = sentence.group()[: name.start()] + "[MASK]" + sentence.group()[name.end() :]
        rare = set(re.findall(r"\w{5,}", rest.lower()))
        places = []
        for other in re.finditer(rf"(?<!\w){re.escape(name.group())}(?!\w)", text):
            around = text[max(0, other.start() - 200) : other.end() + 200].lower()
            if not sentence.start() - 30 < other.start() < sentence.end() + 30 and sum(w in around for w in rare) >= 3:
                places.append(other.span())
        if places:
            made.append((text, rest.strip(), places[:4]))
    return made
