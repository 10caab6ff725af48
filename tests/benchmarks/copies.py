"""A large collection made of a small one: copies of real articles, each with other words and vectors nearby.

A copy has the sentences of its origin, a share of whose words (two in five) give way to others of the same length and
the same case of the first letter, drawn as often as the collection has them. So every offset of a passage and of a
claim stays valid, a word is as frequent among a million passages as among a thousand, and names of speakers become
others, by the hundred thousand. The vector of a passage is its origin's with noise (cosine .93): purely random ones are
all alike to a search tree. Outlets and days are invented. Copy `n` is always the same; the first ones are the articles
themselves, so that questions about them have answers.
"""

from __future__ import annotations

import gzip
import json
import pickle
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from index.articles import Article
from index.claims import Claim, Piece, claims_of
from index.embedder import Embedder, Vectors
from index.ingest import OVERLAP_SENTENCES, PASSAGE_TOKENS
from index.passages import Span, split_passages

OUTLETS = 50
FIRST_DAY, DAYS = date(2010, 1, 1), 15 * 365
_REPLACED = 0.4  # of the words
_NOISE = 0.4  # length of what is added to a unit vector
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Original:
    """A real article, cut into passages, with their vectors (unit length, one a passage) and who said what in it."""

    text: str
    spans: tuple[Span, ...]
    vectors: Vectors
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Copy:
    """What the catalogue and the vector store take of one article."""

    article: Article
    spans: tuple[Span, ...]
    vectors: Vectors
    claims: tuple[Claim, ...]

    @property
    def texts(self) -> list[str]:
        """The passages' texts."""
        return [self.article.text[span.start : span.end] for span in self.spans]


def originals(data: Path, cache: Path) -> list[Original]:
    """Return the articles of the NewsQA sample, read by both networks once and kept in the file `cache`."""
    if not cache.exists():
        cache.write_bytes(pickle.dumps(_read(data / "newsqa" / "articles.jsonl.gz")))
    found: list[Original] = pickle.loads(cache.read_bytes())
    return found


def _read(file: Path) -> list[Original]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        texts = [str(json.loads(line)["text"]) for line in lines]
    embedder = Embedder()
    made = []
    for text, claims in zip(texts, claims_of(texts), strict=True):
        spans = split_passages(text, embedder.token_starts, PASSAGE_TOKENS, OVERLAP_SENTENCES)
        vectors = embedder.embed([text[span.start : span.end] for span in spans])
        made.append(Original(text, tuple(spans), vectors, tuple(claims)))
    return made


class Copies:
    """Makes copies by their number."""

    def __init__(self, made_of: Sequence[Original]) -> None:
        self._originals = made_of
        self._words = [[match.span() for match in _WORD.finditer(one.text)] for one in made_of]
        pools: dict[tuple[int, bool], list[str]] = defaultdict(list)
        for one, places in zip(made_of, self._words, strict=True):
            for start, end in places:
                pools[_shape(word := one.text[start:end])].append(word)
        self._pools = dict(pools)

    def vectors(self, number: int) -> Vectors:
        """Return the vectors of a copy's passages."""
        return self._near(number, np.random.default_rng(number))

    def make(self, number: int) -> Copy:
        """Return the copy of this number, from 0."""
        random = np.random.default_rng(number)
        vectors, origin = self._near(number, random), self._origin(number)
        text = self._reworded(number % len(self._originals), random) if self._is_moved(number) else origin.text
        day = FIRST_DAY + timedelta(int(random.integers(DAYS)))
        id_ = f"copy-{number:06d}"
        article = Article(id_, text, text[:60], f"Outlet {random.integers(OUTLETS)}", (), f"{day}", "", f"made:{id_}")
        return Copy(article, origin.spans, vectors, tuple(_reread(claim, origin.text, text) for claim in origin.claims))

    def _origin(self, number: int) -> Original:
        return self._originals[number % len(self._originals)]

    def _is_moved(self, number: int) -> bool:
        return number >= len(self._originals)

    def _near(self, number: int, random: np.random.Generator) -> Vectors:
        near = self._origin(number).vectors
        if not self._is_moved(number):
            return near
        noise = random.standard_normal(near.shape, dtype=np.float32)
        moved = near + _NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), dtype=np.float32)

    def _reworded(self, which: int, random: np.random.Generator) -> str:
        text, places = self._originals[which].text, self._words[which]
        draws = random.random((2, len(places)))
        pieces, reached = [], 0
        for at in np.flatnonzero(draws[0] < _REPLACED).tolist():
            start, end = places[at]
            pool = self._pools[_shape(text[start:end])]
            pieces += [text[reached:start], pool[int(draws[1][at] * len(pool))]]
            reached = end
        return "".join([*pieces, text[reached:]])


def _shape(word: str) -> tuple[int, bool]:
    return len(word), word[0].isupper()


def _reread(claim: Claim, before: str, after: str) -> Claim:
    """Return a claim with what now stands where its words and its speaker's name stood."""

    def read(piece: Piece) -> Piece:
        return Piece(piece.start, piece.end, after[piece.start : piece.end])

    speaker, cue = (piece and read(piece) for piece in (claim.speaker, claim.cue))
    at = before.find(claim.name) if claim.name else -1
    name = after[at : at + len(claim.name)] if claim.name and at >= 0 else claim.name
    return replace(claim, speaker=speaker, cue=cue, content=tuple(map(read, claim.content)), name=name)
