"""How likely a text bears a sentence out: shared words, runs of words and meaning, in a logistic regression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from assistant.regression import Features, probability
from assistant.words import content_words, stem, words_of

Embed = Callable[[Sequence[str]], NDArray[np.float32]]

# Fitted on one half of QAGS, by `python -m assistant.training.support DATA`, which measures on the other half: see the
# log of measurements.
WEIGHTS: Features = {
    "bias": -6.263, "words": 0.737, "pairs": -0.016, "threes": 0.638, "one": 1.671, "two": -0.03, "run": 1.585,
    "meaning": 1.935, "length": 0.79,
}  # fmt: skip
THRESHOLD = 0.52

_PAIRED = 6  # sentences that share most with the one in question are also looked at two by two


@dataclass(frozen=True)
class _Told:
    """A sentence of the text: its stems in order, and those that say what it is about."""

    stems: tuple[str, ...]
    about: frozenset[str]


class Source:
    """A text that is to bear sentences out, cut into its own sentences.

    `embed` gives unit vectors, (sentences, dimensions); those of the text are asked for once, when they are needed.
    """

    def __init__(self, sentences: Sequence[str], embed: Embed) -> None:
        self.sentences = sentences
        self._embed = embed
        self._told = [_Told(_stems(text), content_words(text)) for text in sentences]
        self._about = frozenset().union(*(told.about for told in self._told))
        self._bigrams: set[tuple[str, ...]] = {pair for told in self._told for pair in pairwise(told.stems)}
        self._trigrams = {three for told in self._told for three in _threes(told.stems)}

    def features(self, sentence: str) -> Features:
        """Return what `WEIGHTS` weighs; all but the length from 0 to 1."""
        stems, about = _stems(sentence), content_words(sentence)
        shares = sorted((_share(about, told.about) for told in self._told), reverse=True)
        return {
            "bias": 1.0,
            "words": _share(about, self._about),
            "pairs": _part([*pairwise(stems)], self._bigrams),
            "threes": _part(_threes(stems), self._trigrams),
            "one": shares[0] if shares else 0.0,
            "two": self._best_pair(about),
            "run": max((_run(stems, told.stems) for told in self._told), default=0) / max(1, len(stems)),
            "meaning": max(self.nearness(sentence), default=0.0),
            "length": float(np.log1p(len(stems))),
        }

    def probability(self, sentence: str) -> float:
        """Return how likely the text bears the sentence out, 0 to 1."""
        return probability(self.features(sentence), WEIGHTS)

    @cached_property
    def _vectors(self) -> NDArray[np.float32]:
        return self._embed(self.sentences)

    def nearness(self, sentence: str) -> list[float]:
        """Return the cosine of each of the text's sentences to this one."""
        return [float(one) for one in self._vectors @ self._embed([sentence])[0]] if self.sentences else []

    def best(self, sentence: str) -> int:
        """Return which of the text's sentences bears this one out best: by words shared, and then by meaning."""
        about = content_words(sentence)
        near = self.nearness(sentence)
        return max(range(len(near)), key=lambda at: _share(about, self._told[at].about) + near[at])

    def _best_pair(self, about: frozenset[str]) -> float:
        likeliest = sorted(self._told, key=lambda told: -len(about & told.about))[:_PAIRED]
        pairs = (one.about | other.about for one, other in combinations(likeliest, 2))
        return max((_share(about, both) for both in pairs), default=_share(about, self._about))


def _stems(text: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in words_of(text))


def _threes(stems: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(stems[at : at + 3]) for at in range(len(stems) - 2)]


def _share(wanted: frozenset[str], held: frozenset[str]) -> float:
    return len(wanted & held) / len(wanted) if wanted else 1.0


def _part(wanted: Sequence[tuple[str, ...]], held: set[tuple[str, ...]]) -> float:
    return sum(one in held for one in wanted) / len(wanted) if wanted else 1.0


def _run(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many stems in a row the two have in common at most."""
    longest, before = 0, [0] * (len(other) + 1)
    for word in one:
        now = [0] * (len(other) + 1)
        for at, theirs in enumerate(other, start=1):
            if word == theirs:
                now[at] = before[at - 1] + 1
        longest, before = max(longest, *now), now
    return longest
