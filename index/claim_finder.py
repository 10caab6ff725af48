"""Runs the claim network over texts, and makes attributions of what it says of their tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.batches import side_by_side
from index.claim_input import Tokens, Window, padded, tokenise, windows
from index.embedder import open_tokenizer
from index.passages import Span

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

    from index.claim_network import ClaimNetwork

WORTH_A_SECOND_READING = -0.5
"""The log-odds of being an anchor above which a token is asked what belongs to it."""

MOST_ANCHORS = 32
"""Most anchors of a window: four times what prose has, so that junk takes no more memory than prose."""

_SAME = 0.8  # of the characters of two contents, shared: they are one
_JUST = 1.0  # what lifts the likeliest token of an unlikely source, and with it those that are nearly as likely

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Costs:
    """When an attribution is believed and where its parts end; chosen on articles kept out of training.

    All are log-odds. `real` is the least sum of the two that an anchor is one. A piece of content after the first
    costs `another`, each `torn` for an end within a quotation and `loose` for one between two words. A source is taken
    where its likeliest token has more than minus `named`, since nearly every attribution has one.
    """

    real: float = -0.5
    another: float = 2.0
    torn: float = 8.0
    loose: float = 2.0
    named: float = 3.0


@dataclass(frozen=True)
class Judged:
    """What the network says of one anchor: its token, the sum of the log-odds that it is one, and the roles around it.

    `roles` is (tokens, 4), log-probabilities for the tokens from number `first` on.
    """

    anchor: int
    real: float
    first: int
    roles: Floats


@dataclass(frozen=True)
class Attribution:
    """Where source, cue and content of an attribution stand in the text, as whole words."""

    score: float
    source: Span | None
    cue: Span
    content: tuple[Span, ...]


@dataclass(frozen=True)
class ClaimFinder:
    """A claim network with its tokenizer; make one with `load`."""

    network: ClaimNetwork
    tokenizer: Tokenizer
    dtype: torch.dtype
    costs: Costs = Costs()

    @classmethod
    def load(cls, folder: Path, encoder: Path, dtype: torch.dtype | None = None) -> ClaimFinder:
        """Return the finder whose weights lie in `folder`, over the sentence encoder in `encoder`.

        With a `dtype` it computes in that; without one in what the processor is fastest at, the large products in int8.
        """
        from index.claim_network import load_network
        from index.encoder import fast_dtype, in_int8

        network = load_network(folder / "claims.safetensors", encoder)
        if dtype is None:
            dtype = fast_dtype()
            in_int8(network.layers, dtype)
        for part in (network.layers, network.narrow, network.of_anchor, network.of_token):
            part.to(dtype)
        return cls(network, open_tokenizer(encoder), dtype)

    def find(self, texts: Sequence[str]) -> Iterator[list[Attribution]]:
        """Yield the attributions of each text, in order of their first word."""
        read = [tokenise(self.tokenizer, text) for text in texts]
        for tokens, judged in zip(read, self.judge(read), strict=True):
            yield attributions(tokens, judged, self.costs)

    def judge(self, texts: Sequence[Tokens]) -> list[list[Judged]]:
        """Return what the network says of the likely anchors of each text, in order.

        Each window is read by itself, so that what is found does not hang on what else is read.
        """
        shown = [(number, window) for number, tokens in enumerate(texts) for window in windows(tokens)]
        read = side_by_side(lambda pair: list(self._read(texts[pair[0]], pair[1])), shown)
        judged: list[list[Judged]] = [[] for _ in texts]
        for (number, _), found in zip(shown, read, strict=True):
            judged[number] += found
        return judged

    def _read(self, tokens: Tokens, window: Window) -> Iterator[Judged]:
        """Yield what is said of the anchors of a window, in order."""
        import torch

        from index.claim_network import NEAR_AFTER, NEAR_BEFORE

        ids, features, lengths = map(torch.from_numpy, padded([(tokens, window)]))
        with torch.inference_mode():
            states = self.network.states(ids, features, lengths, self.dtype)
            own = self.network.anchors(states)[0, window.first - window.start + 1 : window.last - window.start + 1]
            best = own.topk(min(MOST_ANCHORS, len(own)))
            places = best.indices[best.values > WORTH_A_SECOND_READING].sort().values
            if not len(places):
                return
            rows, at = torch.zeros_like(places), places + window.first - window.start + 1
            roles, real = self.network.judge(states, lengths, rows, at, NEAR_BEFORE, NEAR_AFTER)
            scores = (own[places] + real).tolist()
            said = roles.log_softmax(-1).numpy()
        for number, anchor in enumerate((places + window.first).tolist()):
            first = max(window.start, anchor - NEAR_BEFORE)
            shift = first - (anchor - NEAR_BEFORE)
            yield Judged(anchor, scores[number], first, said[number, shift : shift + window.end - first])


def attributions(tokens: Tokens, judged: Sequence[Judged], costs: Costs) -> list[Attribution]:
    """Return the attributions that are believed, in order of their first word."""
    found = [
        attribution
        for one in judged
        if one.real >= costs.real and (attribution := _attribution(tokens, one, costs)) is not None
    ]
    return sorted(
        _once(found), key=lambda one: min(span.start for span in (one.source or one.cue, one.cue, *one.content))
    )


def _first_character(one: Attribution) -> int:
    return min(span.start for span in (one.source or one.cue, one.cue, *one.content))


def _once(found: Sequence[Attribution]) -> list[Attribution]:
    """Leave out the less likely of two that two words of one cue have made of the same content: “pleaded guilty”."""
    kept: list[Attribution] = []
    for one in sorted(found, key=lambda one: -one.score):
        if not any(_is_same(one, other) for other in kept):
            kept.append(one)
    return kept


def _is_same(one: Attribution, other: Attribution) -> bool:
    if one.cue.end <= other.cue.start or other.cue.end <= one.cue.start:
        return False
    common = sum(max(0, min(a.end, b.end) - max(a.start, b.start)) for a in one.content for b in other.content)
    both = sum(span.end - span.start for span in (*one.content, *other.content))
    return common >= _SAME * (both - common)


def _attribution(tokens: Tokens, judged: Judged, costs: Costs) -> Attribution | None:
    from index.claim_network import CONTENT, CUE, SOURCE

    count = len(judged.roles)
    continues = tokens.continues[judged.first : judged.first + count]
    heads = np.maximum.accumulate(np.where(continues, 0, np.arange(count)))
    roles = judged.roles[heads]  # a word is what its first piece is, so that none is cut
    odds = roles - np.log1p(-np.exp(roles.clip(max=-1e-6)))

    def span(part: tuple[int, int]) -> Span:
        first, last = judged.first + part[0], judged.first + part[1] - 1
        return Span(int(tokens.starts[first]), int(tokens.ends[last]))

    source = _best(odds[:, SOURCE], costs.named)
    cue = _through(odds[:, CUE], judged.anchor - judged.first, continues)
    taken = np.zeros(count, dtype=bool)
    for first, last in (cue, source or cue):
        taken[first:last] = True
    content = _pieces(odds[:, CONTENT], _boundaries(tokens, judged.first, taken, costs), costs.another)
    if not content:
        return None
    return Attribution(judged.real, source and span(source), span(cue), tuple(map(span, content)))


class Boundaries(NamedTuple):
    """What it costs to begin a piece of content at each token, and to end one with it."""

    begin: list[float]
    end: list[float]


def _boundaries(tokens: Tokens, first: int, taken: NDArray[np.bool_], costs: Costs) -> Boundaries:
    part = slice(first, first + len(taken))
    quoted, words = tokens.quotations[part], tokens.words[part]
    torn = np.append(False, (quoted[1:] == quoted[:-1]) & (quoted[1:] > 0))  # between the token before and this one
    plain = words & ~taken
    loose = np.append(False, words[1:] & words[:-1])
    begin = costs.torn * torn + costs.loose * (loose & np.append(False, plain[:-1]))
    end = costs.torn * np.append(torn[1:], False) + costs.loose * np.append(loose[1:] & plain[1:], False)
    return Boundaries(begin.tolist(), end.tolist())


def _pieces(odds: Floats, cost: Boundaries, another: float) -> list[tuple[int, int]]:
    """Return the disjoint runs whose odds, less what they cost, sum to the most; each but the first costs `another`."""
    some, inside = -np.inf, -np.inf  # the best sums so far, the last token being outside or inside a run
    closed: tuple[tuple[int, int], ...] = ()
    before: tuple[tuple[int, int], ...] = ()  # the runs before the one that began at `start`
    start = 0
    for at, odd in enumerate(odds.tolist()):
        entered = max(0.0, some - another) - cost.begin[at]
        if entered > inside:
            inside, before, start = entered, closed if some > another else (), at
        inside += odd
        if inside - cost.end[at] > some:
            some, closed = inside - cost.end[at], (*before, (start, at + 1))
    return list(closed) if some > 0 else []


def _best(odds: Floats, named: float) -> tuple[int, int] | None:
    """Return the run whose odds sum to the most, if that is more than nothing when each is up to `named` higher."""
    highest = float(odds.max())
    if highest <= -named:
        return None
    sums = np.concatenate([[0.0], np.cumsum(odds if highest > 0 else odds - highest + _JUST)])
    end = int((sums - np.minimum.accumulate(sums)).argmax())
    return int(sums[: end + 1].argmin()), end


def _through(odds: Floats, anchor: int, continues: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the run around `anchor`, and of its whole word, whose odds sum to the most."""
    first, last = anchor, anchor + 1
    while first > 0 and continues[first]:
        first -= 1
    while last < len(odds) and continues[last]:
        last += 1
    before, after = np.cumsum(odds[:first][::-1]), np.cumsum(odds[last:])
    first -= int(before.argmax()) + 1 if len(before) and before.max() > 0 else 0
    last += int(after.argmax()) + 1 if len(after) and after.max() > 0 else 0
    return first, last
