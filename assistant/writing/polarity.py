"""Whether a sentence turns round what its source says: a "not" put in or left out, a denial told as a statement.

Shared words and near meaning, which the support of a sentence is made of, hardly change with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from assistant.words import content_words
from index.cues import stance_of
from index.people import named_in

_TURNS = re.compile(
    r"\bneither\b[^.;]*?\bnor\b|\b(?:not(?!\s+only\b)|never|no(?!\.)|none|nobody|nothing|neither|nor|without|cannot)\b|"
    r"n[’']t\b|\bfail(?:s|ed)?\s+to\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_BREAK = re.compile(r"[,;:–—]|\b(?:and|but|while|whereas|although|though|because|which|who)\b", re.IGNORECASE)
_LEAST = 3  # words that say what it is about in common, from which on two clauses are about the same
_SAME = 0.75  # of those of the shorter of the two


def turned_round(sentence: str, source: Sequence[str]) -> bool:
    """Whether a clause of `sentence` affirms what each clause of `source` about the same denies, or the other way."""
    clauses = [_clause(clause) for told in source for clause in _clauses(told)]
    return any(_against(_clause(clause), clauses) for clause in _clauses(sentence))


def _against(clause: _Clause, source: Sequence[_Clause]) -> bool:
    alike = [theirs for theirs in source if clause.is_about_the_same(theirs)]
    return bool(alike) and all(theirs.turns != clause.turns for theirs in alike)


class _Clause(NamedTuple):
    """What a clause is about, and whether it says that something is not so."""

    about: frozenset[str]
    turns: bool

    def is_about_the_same(self, other: _Clause) -> bool:
        shared, shorter = len(self.about & other.about), min(len(self.about), len(other.about))
        return shared >= _LEAST and shared >= _SAME * shorter


def _clause(text: str) -> _Clause:
    return _Clause(content_words(_without_people(text)), _turns(text))


def _without_people(text: str) -> str:
    """Return a clause without those whom it names: that both are of one speaker does not make two claims one."""
    for named in reversed(named_in(text)):
        if named.person:
            text = f"{text[: named.start]}{text[named.end :]}"
    return text


def _clauses(sentence: str) -> Iterator[str]:
    yield from (part for part in _BREAK.split(sentence) if part.strip())


def _turns(clause: str) -> bool:
    """Whether a clause says that something is not so: an odd number of words that turn it round."""
    denials = sum(stance_of(word) in ("denies", "declines") for word in _WORD.findall(clause))
    return (len(_TURNS.findall(clause)) + denials) % 2 == 1
