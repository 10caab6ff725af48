"""Question → ranked passages: vectors and keywords asked side by side, their scores fused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from index.catalogue import Catalogue, Passage, Place
from index.filters import Filters
from index.store import Store

# Tuned on halves of two question sets and measured on the others; see tests/benchmarks/LOG.md.
_DEPTH = 100
_VECTOR_WEIGHT = 0.30
_PASSAGE_WORDS_WEIGHT = 0.30
_ARTICLE_WORDS_WEIGHT = 0.27
_EARLY_WEIGHT = 0.13
_EARLY = 350  # characters into an article, about a passage, at which being early counts half
_PASSAGES_AN_ARTICLE = 2
_FEW = 2_000  # passages that indexes are told one by one
_WIDER, _WIDEST = 4, 20_000  # how many times as many are looked at where filters leave many, and how many at most
_READ_CHARACTERS = 2_000  # of a question; the embedding model reads no more

_Search = Callable[[int], list[tuple[int, float]]]  # the best so many passages (id, score), best first


@dataclass(frozen=True)
class Hit:
    """A passage with how well it fits the question, from 0 to 1."""

    passage: Passage
    score: float

    def as_json(self) -> dict[str, Any]:
        """Return the hit as the contract writes it."""
        names = ("article_id", "start", "end", "text", "title", "source", "published")
        return {**{name: getattr(self.passage, name) for name in names}, "score": round(self.score, 6)}


def search(
    store: Store, question: str, k: int = 10, filters: Filters | None = None, claims: Filters | None = None
) -> list[Hit]:
    """Return the `k` passages that fit the question best, best first, each with its claims, or those that fit `claims`.

    Three scores, each scaled to 0…1 over its best 100, are added: the cosine of question and passage (meaning), BM25
    of the passage (its words), and BM25 of the whole article, its title and lead before all (what the passage is
    about, which the passage itself often names only as "he" or "the group"). Score fusion after Bruch et al., "An
    Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023, with min-max scaling. To that comes how early the
    passage stands in its article, since news tells the main thing first.
    """
    store.refresh()
    question, filters = question.strip()[:_READ_CHARACTERS], filters or Filters()
    if not question or k < 1:
        return []
    depth = max(_DEPTH, k)
    kept = _Kept(store.catalogue, filters)
    by_meaning = _by_meaning(store, question, depth, kept)
    by_words = _by_words(store, question, depth, kept)
    by_article = dict(store.words.articles.search(question, depth, filters))
    places = store.catalogue.places([*by_meaning, *(id_ for id_ in by_words if id_ not in by_meaning)])
    scores = _fuse(places, _scaled(by_meaning), _scaled(by_words), _scaled(by_article))
    ranked = _spread(sorted(places, key=lambda place: (-scores[place.id], place.id)))[:k]
    passages = store.catalogue.passages([place.id for place in ranked])
    best = [passages[place.id] for place in ranked if place.id in passages]
    return [Hit(passage, scores[passage.id]) for passage in store.catalogue.with_claims(best, claims)]


class _Kept:
    """What filters leave of the passages: all ids where those are few, else which of some."""

    def __init__(self, catalogue: Catalogue, filters: Filters) -> None:
        self.filters = filters
        self._catalogue = catalogue
        self.few = None if filters == Filters() else catalogue.fitting(filters, _FEW)

    @property
    def is_all(self) -> bool:
        return self.filters == Filters()

    def ids(self) -> list[int] | None:
        """Return all ids where the filters ask for claims, which the indexes know nothing of."""
        if self.few is None and self.filters.of_claims:
            return self._catalogue.fitting(self.filters)
        return self.few

    def best(self, found_by: _Search, depth: int, widest: int) -> list[tuple[int, float]] | None:
        """Return the best `depth` of what is kept, of the best that are found at all; None where they are too sparse.

        An index that is told what to keep must be told all of it, be it half a million passages.
        """
        wide = _WIDER * depth
        while wide <= widest:
            found = found_by(wide)
            kept = self._catalogue.those_fitting(self.filters, [id_ for id_, _ in found])
            left = [hit for hit in found if hit[0] in kept]
            if len(left) >= depth or len(found) < wide:
                return left[:depth]
            wide = max(2 * wide, 3 * wide * depth // (2 * max(1, len(left))))
        return None


def _by_meaning(store: Store, question: str, depth: int, kept: _Kept) -> dict[int, float]:
    vector, vectors = store.embedder.embed([question])[0], store.vectors
    best = None
    if not kept.is_all and kept.few is None:
        best = kept.best(lambda wide: vectors.search(vector, wide, Filters()), depth, vectors.widest)
    return dict(vectors.search(vector, depth, kept.filters, kept.ids()) if best is None else best)


def _by_words(store: Store, question: str, depth: int, kept: _Kept) -> dict[int, float]:
    def found(wide: int, only: Sequence[int] | None = None) -> list[tuple[int, float]]:
        keys = None if only is None else list(map(str, only))
        return [(int(key), score) for key, score in store.words.passages.search(question, wide, kept.filters, keys)]

    if not kept.filters.of_claims:
        return dict(found(depth))
    best = kept.best(found, depth, _WIDEST) if kept.few is None else None
    return dict(found(depth, kept.ids()) if best is None else best)


def _scaled(scores: Mapping[int, float] | Mapping[str, float]) -> dict[int | str, float]:
    """Scale scores to 0…1, the worst of the list being 0 (as everything outside the list is)."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    return {key: (score - low) / (high - low) if high > low else 1.0 for key, score in scores.items()}


def _fuse(
    passages: Iterable[Place],
    by_meaning: Mapping[int | str, float],
    by_words: Mapping[int | str, float],
    by_article: Mapping[int | str, float],
) -> dict[int, float]:
    return {
        passage.id: _VECTOR_WEIGHT * by_meaning.get(passage.id, 0.0)
        + _PASSAGE_WORDS_WEIGHT * by_words.get(passage.id, 0.0)
        + _ARTICLE_WORDS_WEIGHT * by_article.get(passage.article_id, 0.0)
        + _EARLY_WEIGHT / (1 + passage.start / _EARLY)
        for passage in passages
    }


def _spread(ranked: Sequence[Place]) -> list[Place]:
    """Put an article's third and later passages behind, so that one long article cannot fill the list."""
    seen: Counter[str] = Counter()
    first: list[Place] = []
    later: list[Place] = []
    for passage in ranked:
        seen[passage.article_id] += 1
        (first if seen[passage.article_id] <= _PASSAGES_AN_ARTICLE else later).append(passage)
    return first + later
