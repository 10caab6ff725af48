"""When an answer is the accepted one, and when a list is ranked well: plain functions over strings and numbers."""

from __future__ import annotations

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_MARKER = re.compile(r"\[\d+\]")
_WORD = re.compile(r"\w+")


def normalise(text: str) -> str:
    """Lower case, without punctuation, English articles and spare white space.

    As SQuAD's evaluation script does it (Rajpurkar et al. 2016), but for all of Unicode's punctuation, so that a
    curly quotation mark counts no more than a straight one.
    """
    kept = "".join(character for character in text.lower() if not _is_punctuation(character))
    return " ".join(_ARTICLES.sub(" ", kept).split())


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def exact_match(predicted: str, accepted: str) -> float:
    """1 if the two are the same once normalised, else 0 (SQuAD's EM)."""
    return float(normalise(predicted) == normalise(accepted))


def token_f1(predicted: str, accepted: str) -> float:
    """SQuAD's F1: 2·P·R / (P + R) over the bags of normalised words; where either is empty, whether both are."""
    one, other = normalise(predicted).split(), normalise(accepted).split()
    if not one or not other:
        return float(one == other)
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / (len(one) + len(other))


def contains(text: str, accepted: str) -> bool:
    """Whether the words of `accepted` stand in `text` in a row, whatever case, punctuation and articles are."""
    wanted = _words(accepted)
    if not wanted:
        return accepted.casefold() in text.casefold()
    return f" {' '.join(wanted)} " in f" {' '.join(_words(_MARKER.sub(' ', text)))} "


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.casefold()) if word not in ("a", "an", "the")]


def hit_at(gains: Sequence[float], k: int) -> float:
    """1 if something relevant is among the first k, else 0 (also called success@k)."""
    return float(any(gain > 0 for gain in gains[:k]))


def recall_at(gains: Sequence[float], relevant: int, k: int) -> float:
    """Relevant things among the first k ÷ all relevant things (Manning et al., Introduction to IR, ch. 8)."""
    return sum(gain > 0 for gain in gains[:k]) / relevant


def reciprocal_rank(gains: Sequence[float], k: int) -> float:
    """1 ÷ the rank of the first relevant thing among the first k, else 0; its mean is MRR@k (Voorhees 1999)."""
    return next((1 / rank for rank, gain in enumerate(gains[:k], start=1) if gain > 0), 0.0)


def ndcg_at(gains: Sequence[float], ideal: Sequence[float], k: int) -> float:
    """DCG ÷ the best possible DCG, DCG = Σ gain / log2(1 + rank) over the first k (Järvelin & Kekäläinen 2002).

    Linear gains, as trec_eval and scikit-learn have them. `ideal` are the gains of everything relevant.
    """
    return _dcg(gains[:k]) / _dcg(sorted(ideal, reverse=True)[:k])


def _dcg(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(1 + rank) for rank, gain in enumerate(gains, start=1))
