from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, permutation_test
from sklearn.calibration import calibration_curve
from sklearn.metrics import f1_score, roc_curve

from assistant.evaluation.statistics import F1, AbstainedAt, CalibrationError, Mean, RiskArea, compare, estimate

ANSWERS = st.lists(
    st.tuples(st.sampled_from([0.1, 0.25, 0.3, 0.5, 0.5, 0.81, 1.0]), st.sampled_from([0.0, 1.0, None])),
    min_size=1,
    max_size=25,
).filter(lambda answers: any(right is not None for _, right in answers))


def arrays(answers: list[tuple[float, float | None]]) -> tuple[Any, Any]:
    confidence, right = zip(*answers, strict=True)
    return np.array(confidence, dtype=float), np.array(right, dtype=float)


def once(statistic: Any, size: int) -> float:
    return float(statistic.under(np.ones((1, size)))[0])


@given(ANSWERS)
def test_the_risk_area_is_the_naive_one(answers: list[tuple[float, float | None]]) -> None:
    confidence, right = arrays(answers)
    area = RiskArea(confidence, 1 - right)
    given_ones = [(sure, 1 - good) for sure, good in answers if good is not None]
    risks = []
    for sure, _ in given_ones:  # with the threshold at this one's confidence, how many are wrong
        taken = [wrong for other, wrong in given_ones if other >= sure]
        risks.append(sum(taken) / len(taken))
    assert once(area, len(answers)) == pytest.approx(sum(risks) / len(risks))
    coverage, risk = area.curve()[-1]
    assert coverage == pytest.approx(len(given_ones) / len(answers), abs=1e-5)
    assert risk == pytest.approx(sum(wrong for _, wrong in given_ones) / len(given_ones), abs=1e-5)


def test_the_risk_area_by_hand() -> None:
    right = np.array([1.0, 0.0, 1.0, np.nan])
    area = RiskArea(np.array([0.9, 0.8, 0.7, 0.99]), 1 - right)
    assert once(area, 4) == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    assert area.curve() == [(0.25, 0.0), (0.5, 0.5), (0.75, pytest.approx(1 / 3, abs=1e-5))]
    assert area.count == 3


@given(ANSWERS.filter(lambda answers: {0.0, 1.0} <= {there for _, there in answers}))
def test_the_abstained_at_is_a_point_of_scikit_learns_curve(answers: list[tuple[float, float | None]]) -> None:
    confidence, there = arrays(answers)
    known = ~np.isnan(there)
    false, true, _ = roc_curve(there[known], confidence[known], drop_intermediate=False)
    wanted = 1 - false[np.flatnonzero(true >= 0.75)[0]]
    found = AbstainedAt(confidence, there)
    assert once(found, len(answers)) == pytest.approx(wanted)
    assert found.count == known.sum()
    twice = AbstainedAt(np.tile(confidence, 2), np.tile(there, 2))
    assert found.under(np.full((3, len(answers)), 2.0)) == pytest.approx(once(twice, 2 * len(answers)))


def test_nothing_is_abstained_at_where_every_question_has_an_answer() -> None:
    assert AbstainedAt(np.array([0.5, 0.9]), np.array([1.0, 1.0])).count == 0


@given(ANSWERS)
def test_the_calibration_error_is_the_naive_one(answers: list[tuple[float, float | None]]) -> None:
    confidence, right = arrays(answers)
    error = CalibrationError(confidence, right)
    bins: dict[int, list[tuple[float, float]]] = {}
    for sure, good in answers:
        if good is not None:
            bins.setdefault(min(int(sure * 10), 9), []).append((sure, good))
    total = sum(map(len, bins.values()))
    naive = sum(
        len(inside) / total * abs(np.mean([s for s, _ in inside]) - np.mean([g for _, g in inside]))
        for inside in bins.values()
    )
    assert once(error, len(answers)) == pytest.approx(float(naive))
    diagram = error.diagram()
    assert sum(row["n"] for row in diagram) == total
    assert naive == pytest.approx(sum(r["n"] / total * abs(r["confidence"] - r["accuracy"]) for r in diagram), abs=1e-5)


def test_the_reliability_diagram_is_scikit_learns() -> None:
    generator = np.random.default_rng(3)
    confidence = generator.random(400)
    right = (generator.random(400) < confidence**2).astype(float)
    accuracy, mean = calibration_curve(right, confidence, n_bins=10)
    ours = CalibrationError(confidence, right).diagram()
    assert [row["accuracy"] for row in ours] == pytest.approx(accuracy, abs=1e-6)
    assert [row["confidence"] for row in ours] == pytest.approx(mean, abs=1e-6)


@given(st.data())
def test_weights_are_repetitions(data: st.DataObject) -> None:
    answers = data.draw(ANSWERS)
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(answers), max_size=len(answers)))
    confidence, right = arrays(answers)
    again = np.repeat(np.arange(len(answers)), times)
    for make in (lambda c, r: RiskArea(c, 1 - r), CalibrationError, lambda c, r: Mean(r)):
        weighted = make(confidence, right).under(np.array([times], dtype=float))[0]
        repeated = make(confidence[again], right[again])
        plain = once(repeated, len(again)) if len(again) else np.nan
        assert weighted == pytest.approx(plain, nan_ok=True)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30).filter(lambda p: any(map(any, p))))
def test_f1_is_scikit_learns(pairs: list[tuple[bool, bool]]) -> None:
    wanted, found = (list(side) for side in zip(*pairs, strict=True))
    assert once(F1.of(wanted, found), len(pairs)) == pytest.approx(float(f1_score(wanted, found)))
    assert once(F1.of([*wanted, None], [*found, True]), len(pairs) + 1) == pytest.approx(f1_score(wanted, found))


def test_the_interval_is_scipys() -> None:
    scores = np.random.default_rng(5).beta(2, 1, 300)
    theirs = bootstrap((scores,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    ours = estimate({"f1": Mean.of(scores.tolist())}, seed=0)["f1"]
    assert ours.value == pytest.approx(scores.mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.004)
    assert ours == estimate({"f1": Mean.of(scores.tolist())}, seed=0)["f1"]
    assert ours != estimate({"f1": Mean.of(scores.tolist())}, seed=1)["f1"]


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.4])
def test_the_p_value_is_scipys(shift: float) -> None:
    generator = np.random.default_rng(7)
    before = generator.random(40)
    after = before + generator.normal(shift, 0.2, 40)
    theirs = permutation_test(
        (after, before), lambda a, b, axis: np.mean(a - b, axis=axis), permutation_type="samples", vectorized=True,
        n_resamples=5000, rng=3,
    )  # fmt: skip
    ours = compare({"f1": Mean.of(after.tolist())}, {"f1": Mean.of(before.tolist())}, seed=0)["f1"]
    assert ours.value == pytest.approx(float((after - before).mean()))
    assert ours.p == pytest.approx(float(theirs.pvalue), abs=0.03)
    paired = bootstrap((after - before,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((paired.low, paired.high), abs=0.015)


@given(ANSWERS)
@settings(max_examples=5, deadline=None)
def test_a_run_does_not_differ_from_itself(answers: list[tuple[float, float | None]]) -> None:
    confidence, right = arrays(answers)
    made = {"aurc": RiskArea(confidence, 1 - right), "ece": CalibrationError(confidence, right)}
    for difference in compare(made, dict(made), seed=0).values():  # type: ignore[arg-type]
        assert (difference.value, difference.low, difference.high, difference.p) == (0, 0, 0, 1)


def test_nothing_measured_is_nothing_reported() -> None:
    silent = {"f1": Mean.of([None, None])}
    assert estimate(silent, 0) == {} == compare(silent, silent, 0)
    assert estimate({}, 0) == {}
    assert compare({"f1": Mean.of([1.0, None])}, {"f1": Mean.of([None, 0.0])}, 0) == {}, "none was scored in both"


def test_differences_are_over_the_questions_that_both_runs_score() -> None:
    before = Mean.of([1.0, 0.0, 0.0, 0.0] * 10)
    after = Mean.of([1.0, None, None, None] * 10)  # it answers only what is easy, no better than before
    assert compare({"p": after}, {"p": before}, 0)["p"].as_json() == {"value": 0, "low": 0, "high": 0, "p": 1}
