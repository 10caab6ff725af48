"""What a language model is shown: numbered passages, whole sentences of them, as many as it can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from index.catalogue import Passage
from index.passages import Span, split_sentences

MOST = 12  # passages of one question


@dataclass(frozen=True)
class Exhibit:
    """A passage under a number, from 1, and those of its sentences (places in the article) that are shown."""

    number: int
    passage: Passage
    sentences: tuple[Span, ...]

    @property
    def text(self) -> str:
        """The sentences shown, with a mark where some are left out between them."""
        parts, end = [], self.sentences[0].start
        for sentence in self.sentences:
            gap = self.passage.text[end - self.passage.start : sentence.start - self.passage.start]
            parts += [" […] " if gap.strip() else gap and " ", self.words(sentence)]
            end = sentence.end
        return "".join(parts)

    def words(self, span: Span) -> str:
        """Return the article's words at a place within the passage."""
        return self.passage.text[span.start - self.passage.start : span.end - self.passage.start]


def choose(
    cited: Sequence[tuple[Passage, Span]], further: Iterable[Passage], budget: int, count: Callable[[str], int]
) -> tuple[Exhibit, ...]:
    """Return what fits into `budget` tokens, as `count` counts them.

    The sentences that the answer `cited` come first, all of them, since between them they hold both sides of a
    disagreement; then what stands around these; then the `further` passages, the best first.
    """
    wanted: dict[int, _Wanted] = {}
    for passage, sentence in cited:
        wanted.setdefault(passage.id, _Wanted(passage)).first.append(sentence)
    for passage in further:
        wanted.setdefault(passage.id, _Wanted(passage))
    left = budget
    for of_answer in (True, False):
        for one in [*wanted.values()][:MOST]:
            for sentence in one.first if of_answer else one.rest():
                cost = count(one.words(sentence))
                if cost <= left and sentence not in one.shown:
                    one.shown.append(sentence)
                    left -= cost
    shown = (one for one in wanted.values() if one.shown)
    return tuple(
        Exhibit(number, one.passage, tuple(sorted(one.shown, key=lambda span: span.start)))
        for number, one in enumerate(shown, start=1)
    )


class _Wanted:
    """A passage on its way to be shown: the sentences that must be, and those that are."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        self.first: list[Span] = []
        self.shown: list[Span] = []

    def rest(self) -> Iterator[Span]:
        """Yield the passage's sentences, those beside what is shown first."""
        whole = [Span(self.passage.start + one.start, self.passage.start + one.end) for one in self._cut()]
        near = self.first[0].start if self.first else self.passage.start
        yield from sorted(whole, key=lambda span: abs(span.start - near))

    def words(self, span: Span) -> str:
        return self.passage.text[span.start - self.passage.start : span.end - self.passage.start]

    def _cut(self) -> list[Span]:
        return split_sentences(self.passage.text)
