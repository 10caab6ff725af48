"""The windows a reader is shown: a stretch of a document short enough to be read at once, with an answer at a random
place in it, or with none, to be told apart; and the endless, reproducible stream of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from assistant.reader_input import CLS, MASK, SEP, Pair, pair
from assistant.training.data import Ids, Item, Source, overlap, share


@dataclass(frozen=True)
class Example:
    """One input of the network and where, rightly, an answer may start and end (0 is [CLS]: nowhere).

    `rival` is a window of the same question that holds no answer, which the answer has to beat.
    """

    pair: Pair
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    answers: bool
    rival: Pair | None = None


Lengths = tuple[int, int]
Mix = dict[str, float]

RIVALLED = ("newsqa-a", "newsqa-b", "realtimeqa", "polnear", "cloze")
"""Sources of whole articles, in which the window with the answer has to be told from the others."""

NEGATIVES: Mix = {"newsqa-a": 0.3, "newsqa-b": 0.3, "realtimeqa": 0.25, "polnear": 0.25, "cloze": 0.25, "squad2": 0.1}
OTHER_NEGATIVES = 0.33
"""How often an item is shown without its answer; less where answers have rivals or items have no answer."""

PUNCTUATION, DIGITS = range(999, 1036), range(1014, 1024)
"""In BERT's vocabulary punctuation stands before the letters, the digits in its middle."""


def example(source: Source, item: Item, rng: np.random.Generator, lengths: Lengths) -> Example:
    """The item as one input: a window with its answer at a random place, or, sometimes, one without any.

    Of the inputs without an answer some ask a changed question of a window that answers the right one.
    """
    room = int(rng.integers(*lengths)) - 3 - len(item.question)
    doc = source.docs[item.doc]
    if not item.spans:
        return unanswered(item.question, likeliest(item.question, [window(doc, room, rng) for _ in range(3)]))
    if rng.random() < NEGATIVES.get(source.name, OTHER_NEGATIVES):
        if item.unlike and rng.random() < 0.4:
            shown = answered(doc, item, room, rng).pair
            changed = item.unlike[int(rng.integers(len(item.unlike)))]
            return unanswered(changed, shown.ids[shown.passage_start : -1])
        other = without_answer(source, item, room, rng)
        if other is not None:
            return unanswered(item.question, other)
    made = answered(doc, item, room, rng)
    other = without_answer(source, item, room, rng) if source.name in RIVALLED else None
    return made if other is None else replace(made, rival=pair(item.question, other))


def answered(doc: Ids, item: Item, room: int, rng: np.random.Generator) -> Example:
    """A window that holds one of the item's spans whole; its other spans count too where they are in it."""
    first, last = item.spans[int(rng.integers(len(item.spans)))]
    last = min(last, first + room - 1)
    low, high = max(0, last + 1 - room), max(0, min(first, len(doc) - room))
    start = int(rng.integers(min(low, high), high + 1))
    joined = pair(item.question, doc[start : start + room])
    shift = joined.passage_start - start
    inside = [(a, b) for a, b in (*item.spans, (first, last)) if a >= start and b < start + room]
    own = [(first, last)] if overlapping(inside) else inside
    return Example(joined, tuple(a + shift for a, _ in own), tuple(b + shift for _, b in own), True)


def overlapping(spans: Sequence[tuple[int, int]]) -> bool:
    """Whether two different spans share a token: then they are people's variants of one answer, not two
    answers."""
    ordered = sorted(set(spans))
    return any(a[1] >= b[0] for a, b in pairwise(ordered))


def unanswered(question: Ids, ids: Ids) -> Example:
    """An input whose answer is [CLS]: nowhere here."""
    return Example(pair(question, ids), (0,), (0,), False)


def window(doc: Ids, room: int, rng: np.random.Generator) -> Ids:
    """A random stretch of `room` tokens of the document."""
    start = int(rng.integers(max(0, len(doc) - room) + 1))
    return doc[start : start + room]


def likeliest(question: Ids, windows: Sequence[Ids]) -> Ids:
    """The one of some windows that has most of the question's rarer words: where a reader would look first."""
    return max(windows, key=lambda ids: overlap(question, ids))


def without_answer(source: Source, item: Item, room: int, rng: np.random.Generator) -> Ids | None:
    """A stretch of the same document, or of a lookalike, in which no answer stands; None where none was found."""
    doc = source.docs[item.doc]
    if item.near and (len(doc) < 1.6 * room or rng.random() < 0.35):
        lookalike = source.docs[item.near[int(rng.integers(len(item.near)))]]
        return likeliest(item.question, [window(lookalike, room, rng) for _ in range(3)])
    wanted = [bare(doc[a : b + 1]) for a, b in item.spans]
    tried = [window(doc, room, rng) for _ in range(5 if len(doc) > 1.6 * room else 0)]
    wrong = [ids for ids in tried if not any(contains(ids, answer) for answer in wanted)]
    return likeliest(item.question, wrong) if wrong else None


def bare(ids: Ids) -> Ids:
    """An answer without the punctuation at its ends, so that the same answer is found elsewhere."""
    kept = np.flatnonzero((ids > PUNCTUATION.stop) | ((ids >= DIGITS.start) & (ids < DIGITS.stop)))
    return ids[kept[0] : kept[-1] + 1] if len(kept) else ids


def contains(ids: Ids, part: Ids) -> bool:
    """Whether `part` stands in `ids`."""
    places = np.flatnonzero(ids[: len(ids) - len(part) + 1] == part[0]) if len(part) <= len(ids) else ()
    return any(np.array_equal(ids[n : n + len(part)], part) for n in places)


def forgetful(example: Example, rng: np.random.Generator, share: float) -> Example:
    """The example with some words outside its answer masked, lest questions are learnt by heart."""
    ids = example.pair.ids.copy()
    hidden = (rng.random(len(ids)) < share) & (ids != CLS) & (ids != SEP)
    for start, end in zip(example.starts, example.ends, strict=True):
        hidden[start : end + 1] = False
    ids[hidden] = MASK
    return replace(example, pair=replace(example.pair, ids=ids))


@dataclass(frozen=True)
class Stream:
    """An endless, reproducible order of examples in chunks; chunk n is the same whenever it is asked for.

    `mix(n)` gives each source's share of chunk n, `lengths(n)` the shortest and (less one) the longest of its inputs in
    tokens. A source is walked through in a shuffled order, again and again in new orders, so that its items are used
    equally often."""

    sources: list[Source]
    mix: Callable[[int], Mix]
    lengths: Callable[[int], Lengths]
    size: int
    seed: int
    forgotten: float = 0.06

    def chunk(self, n: int) -> list[Example]:
        """The examples of chunk n, shuffled."""
        rng = np.random.default_rng([self.seed, n])
        examples = []
        for source in self.sources:
            first = sum(self.taken(source.name, k) for k in range(n))
            for place in range(first, first + self.taken(source.name, n)):
                made = example(source, self.item(source, place), rng, self.lengths(n))
                examples.append(forgetful(made, rng, self.forgotten))
        return [examples[k] for k in rng.permutation(len(examples))]

    def taken(self, name: str, n: int) -> int:
        """How many examples of a source chunk n has."""
        return round(self.size * self.mix(n).get(name, 0.0))

    def item(self, source: Source, place: int) -> Item:
        """The item at a place of the source's endless shuffled order."""
        turn, rest = divmod(place, len(source.items))
        order = np.random.default_rng([self.seed, turn, share(source.name, 1 << 30)]).permutation(len(source.items))
        return source.items[int(order[rest])]


def batches(examples: list[Example], size: int, rng: np.random.Generator) -> list[list[Example]]:
    """The examples in full batches of `size`, alike in length so that little is padded, in random order."""
    ordered = sorted(examples[: len(examples) // size * size], key=lambda e: len(e.pair.ids))
    groups = [ordered[n : n + size] for n in range(0, len(ordered), size)]
    return [groups[k] for k in rng.permutation(len(groups))]
