"""Figures over questions and how sure they are: bootstrap intervals and paired permutation tests.

A statistic is a frozen dataclass of arrays, one entry a question, that knows its value when each question counts
`weights` times. So one resampling serves them all, and swapping two runs' answers to a question is swapping entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 1_000
PERMUTATIONS = 2_000
BINS = 10
AT_LEAST_ANSWERED = 0.75
_BLOCK = 4_000_000  # weights held at a time
_TINY = 1e-12


class Statistic(Protocol):
    """A figure over questions."""

    def under(self, weights: Floats) -> Floats:
        """Return one value for each row of `weights`, in which question i counts `weights[row, i]` times."""
        ...

    @property
    def count(self) -> int:
        """How many questions have a say in it."""
        ...


@dataclass(frozen=True)
class Mean:
    """The mean of the scores that are known."""

    scores: Floats  # NaN where the question says nothing

    @classmethod
    def of(cls, scores: Sequence[float | None]) -> Self:
        """Return the mean over the scores that are not None."""
        return cls(np.array(scores, dtype=np.float64))

    def under(self, weights: Floats) -> Floats:
        """See Statistic."""
        return _divided(weights @ np.nan_to_num(self.scores), weights @ _is_known(self.scores))

    @property
    def count(self) -> int:
        """See Statistic."""
        return int(_is_known(self.scores).sum())


@dataclass(frozen=True)
class F1:
    """2·TP / (2·TP + FP + FN) of what was given against what was wanted (van Rijsbergen 1979)."""

    wanted: Floats  # 1, 0, or NaN where nobody knows
    given: Floats

    @classmethod
    def of(cls, wanted: Sequence[bool | None], given: Sequence[bool]) -> Self:
        """Return the F1 over the questions for which `wanted` is not None."""
        return cls(np.array(wanted, dtype=np.float64), np.array(given, dtype=np.float64))

    def under(self, weights: Floats) -> Floats:
        """See Statistic."""
        wanted, given = np.nan_to_num(self.wanted), self.given * _is_known(self.wanted)
        return _divided(weights @ (2 * wanted * given), weights @ (wanted + given))

    @property
    def count(self) -> int:
        """See Statistic."""
        return int(_is_known(self.wanted).sum())


@dataclass(frozen=True)
class RiskArea:
    """Area under the risk–coverage curve (AURC), over the share of questions that is answered.

    The answers given are taken by falling confidence; risk is the share of wrong ones among those taken so far, and
    the area is its mean over them: AURC = 1/n Σᵢ (wrong among the first i) / i (Geifman & El-Yaniv 2017; Traub et al.
    2024). Answers of equal confidence can only be taken together, so each counts with the risk after all of them.
    """

    confidence: Floats
    wrong: Floats  # 1, 0, or NaN where nothing was answered or no gold is known

    def under(self, weights: Floats) -> Floats:
        """See Statistic."""
        taken, ends = self._order()
        if not len(taken):
            return np.full(len(weights), np.nan)
        counts = weights[:, taken]
        reached = np.cumsum(counts, axis=1)[:, ends]
        risk = _divided(np.cumsum(counts * self.wrong[taken], axis=1)[:, ends], reached)
        steps = np.diff(reached, axis=1, prepend=0.0)
        return _divided(np.nansum(risk * steps, axis=1), reached[:, -1])

    def curve(self) -> list[tuple[float, float]]:
        """Return (coverage, risk) at each confidence; coverage is the share of all questions."""
        taken, ends = self._order()
        errors = np.cumsum(self.wrong[taken])[ends]
        return [
            (round((end + 1) / len(self.wrong), 6), round(float(error) / (end + 1), 6))
            for end, error in zip(ends.tolist(), errors, strict=True)
        ]

    def _order(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the answered questions by falling confidence, and the last place of each confidence."""
        answered = np.flatnonzero(~np.isnan(self.wrong))
        taken = answered[np.argsort(-self.confidence[answered], kind="stable")]
        sure = self.confidence[taken]
        return taken, np.flatnonzero(np.append(sure[1:] != sure[:-1], [True] if len(sure) else []))

    @property
    def count(self) -> int:
        """See Statistic."""
        return int((~np.isnan(self.wrong)).sum())


@dataclass(frozen=True)
class CalibrationError:
    """Expected calibration error: Σ over ten equal bins of (bin's share) · |mean confidence − share right|.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017; over the answers given. Its interval lies mostly
    above it, since every resampling adds noise to the bins and noise only ever adds to the error.
    """

    confidence: Floats
    right: Floats  # 1, 0, or NaN where nothing was answered or no gold is known

    def under(self, weights: Floats) -> Floats:
        """See Statistic."""
        judged, bins = self._bins()
        gaps = (self.confidence - np.nan_to_num(self.right)) * judged
        by_bin = np.zeros((len(gaps), BINS))
        by_bin[np.arange(len(gaps)), bins] = gaps
        return _divided(np.abs(weights @ by_bin).sum(axis=1), weights @ judged)

    def diagram(self) -> list[dict[str, float]]:
        """Return the bins that hold anything: their edges, mean confidence, share right and number."""
        judged, bins = self._bins()
        rows = []
        for at in range(BINS):
            inside = (bins == at) & (judged > 0)
            if count := int(inside.sum()):
                means = {"confidence": self.confidence[inside].mean(), "accuracy": self.right[inside].mean()}
                rounded = {name: round(float(value), 6) for name, value in means.items()}
                rows.append({"low": at / BINS, "high": (at + 1) / BINS, **rounded, "n": count})
        return rows

    def _bins(self) -> tuple[Floats, NDArray[np.intp]]:
        return _is_known(self.right), np.minimum((self.confidence * BINS).astype(np.intp), BINS - 1)

    @property
    def count(self) -> int:
        """See Statistic."""
        return int((~np.isnan(self.right)).sum())


@dataclass(frozen=True)
class AbstainedAt:
    """Share of the unanswerable questions that are refused from the confidence on that lets 75 % of the others pass.

    One point of the ROC curve: the specificity at a sensitivity of 75 %, whatever the threshold in use. Questions of
    equal confidence fall on the same side.
    """

    confidence: Floats
    answerable: Floats  # 1, 0, or NaN where nobody knows

    def under(self, weights: Floats) -> Floats:
        """See Statistic."""
        order = np.argsort(-self.confidence, kind="stable")
        sure, counts = self.confidence[order], weights[:, order]
        answered = np.cumsum(counts * (self.answerable[order] == 1), axis=1)
        passed = np.cumsum(counts * (self.answerable[order] == 0), axis=1)
        last = np.searchsorted(-sure, -sure, side="right") - 1  # of those that are as sure
        first = (answered >= AT_LEAST_ANSWERED * answered[:, -1:]).argmax(axis=1)
        rows = np.arange(len(weights))
        share = _divided(passed[rows, last[first]], passed[:, -1])
        return np.where(answered[:, -1] > 0, 1.0 - share, np.nan)

    @property
    def count(self) -> int:
        """See Statistic."""
        known = _is_known(self.answerable)
        return int(known.sum()) if {0.0, 1.0} <= set(self.answerable.tolist()) else 0


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval, and the number of questions behind it."""

    value: float
    low: float
    high: float
    n: int

    def as_json(self) -> dict[str, float]:
        """Return it as a run file writes it."""
        return {"value": _rounded(self.value), "low": _rounded(self.low), "high": _rounded(self.high), "n": self.n}


@dataclass(frozen=True)
class Difference:
    """How much a figure changed, the 95 % interval of the change, and how often chance alone changes it as much."""

    value: float
    low: float
    high: float
    p: float

    def as_json(self) -> dict[str, float]:
        """Return it as a run file writes it."""
        return {field.name: _rounded(getattr(self, field.name)) for field in fields(self)}


def estimate(statistics: Mapping[str, Statistic], seed: int) -> dict[str, Estimate]:
    """Return each statistic that any question has a say in, with its 95 % percentile interval.

    The questions are drawn anew, with replacement, 1,000 times; the interval runs from the 2.5th to the 97.5th
    percentile (Efron & Tibshirani, An Introduction to the Bootstrap, ch. 13). All statistics see the same draws.
    """
    present = {name: statistic for name, statistic in statistics.items() if statistic.count}
    size = _size(present)
    drawn = _resampled(present, size, seed)
    found = {}
    for name, statistic in present.items():
        low, high = _interval(drawn[name])
        found[name] = Estimate(_value(statistic, size), low, high, statistic.count)
    return found


def compare(after: Mapping[str, Statistic], before: Mapping[str, Statistic], seed: int) -> dict[str, Difference]:
    """Return after − before of each statistic, over the same questions in the same order in both.

    Paired: a question has a say only where both runs have a score for it, so that the precision of a run that answers
    little is not held against that of other questions. The interval is the paired bootstrap's: both runs see the same
    draws. p is two-sided, of the paired permutation test: swapping the two runs' answers to each question by a coin,
    2,000 times, how often is the difference at least as large; (1 + times) / (1 + 2,000), which is never 0 (Phipson &
    Smyth 2010; Smucker et al. 2007).
    """
    size = _size(after)
    shared = {name: _in_both(statistic, before[name]) for name, statistic in after.items()}
    pairs = {name: (one, other) for name, (one, other) in shared.items() if one.count}
    now, then = (_resampled({name: pair[at] for name, pair in pairs.items()}, size, seed) for at in (0, 1))
    swaps = np.random.default_rng([seed, 1]).random((PERMUTATIONS, size)) < 0.5
    found = {}
    for name, (one, other) in pairs.items():
        value = _value(one, size) - _value(other, size)
        low, high = _interval(now[name] - then[name])
        found[name] = Difference(value, low, high, _p_value(one, other, value, swaps))
    return found


def _in_both(one: Any, other: Any) -> tuple[Any, Any]:
    """Return the two with NaN wherever either has it."""
    names = [field.name for field in fields(one)]
    gaps = [np.isnan(getattr(one, name)) | np.isnan(getattr(other, name)) for name in names]
    masked = [
        type(one)(*(np.where(gap, np.nan, getattr(run, name)) for name, gap in zip(names, gaps, strict=True)))
        for run in (one, other)
    ]
    return masked[0], masked[1]


def _size(statistics: Mapping[str, Statistic]) -> int:
    return next((len(getattr(s, fields(s)[0].name)) for s in statistics.values()), 0)  # type: ignore[arg-type]


def _value(statistic: Statistic, size: int) -> float:
    return float(statistic.under(np.ones((1, size)))[0])


def _resampled(statistics: Mapping[str, Statistic], size: int, seed: int) -> dict[str, Floats]:
    parts: dict[str, list[Floats]] = {name: [] for name in statistics}
    for weights in _draws(size, seed):
        for name, statistic in statistics.items():
            parts[name].append(statistic.under(weights))
    return {name: np.concatenate(part) for name, part in parts.items()}


def _draws(size: int, seed: int) -> Iterator[Floats]:
    """Yield blocks of rows that say how often each question is drawn."""
    generator = np.random.default_rng([seed, 0])
    rows = max(1, _BLOCK // max(size, 1))
    for start in range(0, RESAMPLES if size else 0, rows):
        drawn = generator.multinomial(size, np.full(size, 1 / size), min(rows, RESAMPLES - start))
        yield drawn.astype(np.float64)


def _interval(values: Floats) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    return float(low), float(high)


def _p_value(after: Statistic, before: Statistic, observed: float, swaps: NDArray[np.bool_]) -> float:
    ones = np.ones((1, swaps.shape[1]))
    as_large = 0
    for swap in swaps:
        one, other = _mixed(after, before, swap), _mixed(before, after, swap)
        # Where a swap leaves one run without a value, nothing speaks against chance.
        as_large += not abs(float((one.under(ones) - other.under(ones))[0])) < abs(observed) - _TINY
    return (1 + as_large) / (1 + len(swaps))


def _mixed(one: Any, other: Any, swap: NDArray[np.bool_]) -> Any:
    """Return `one` with the entries of `other` where `swap` says so."""
    return type(one)(*(np.where(swap, getattr(other, f.name), getattr(one, f.name)) for f in fields(one)))


def _is_known(values: Floats) -> Floats:
    return (~np.isnan(values)).astype(np.float64)


def _divided(numerator: Floats, denominator: Floats) -> Floats:
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)


def _rounded(value: float) -> float:
    return round(value, 6)
