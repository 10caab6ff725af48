from __future__ import annotations

import math
from dataclasses import replace

import pytest

from assistant.assistant import Assistant
from assistant.neural_reader import Reading as PassageReading
from assistant.question import understand
from assistant.reader import TrainedReader, candidates, confidence_features, probability


def test_candidates_are_the_sentences_each_once(samples: Assistant) -> None:
    hits = samples.search("mosque", 12)
    found = candidates(understand("What did Davis say?"), hits)
    assert len({(evidence.passage.article_id, evidence.sentence) for evidence in found}) == len(found)
    for evidence in found:
        article = samples.article(evidence.passage.article_id)
        assert article is not None
        assert article.text[evidence.sentence.start : evidence.sentence.end] == evidence.text
        for claim in evidence.claims:
            for piece in (claim.speaker, claim.cue, *claim.content):
                assert piece is None or article.text[piece.start : piece.end] == piece.text


def test_the_asked_speakers_own_words_are_told_apart(samples: Assistant) -> None:
    question = understand("What did Solvang say?")
    own = [e for e in candidates(question, samples.search(question.text, 12)) if e.by_speaker]
    assert own
    assert all(any(c.speaker and "Solvang" in c.speaker.text for c in evidence.claims) for evidence in own)


def test_no_passages_no_evidence(samples: Assistant) -> None:
    reader = samples._reader
    assert isinstance(reader, TrainedReader)
    reading = reader.read(understand("Who was hit?"), [])
    assert (reading.evidence, reading.confidence) == ((), 0.0)


def test_evidence_is_ranked_and_what_answers_comes_first(samples: Assistant) -> None:
    question = understand("How many bombs did the F-15s drop?")
    reading = samples._reader.read(question, samples.search(question.text, 12))
    scores = [evidence.score for evidence in reading.evidence]
    assert scores == sorted(scores, reverse=True)
    assert "ten" in reading.evidence[0].text
    assert reading.evidence[0].short is not None
    assert reading.evidence[0].within(reading.evidence[0].short) == "ten"


def test_how_many_is_answered_with_a_number(samples: Assistant) -> None:
    question = understand("How many people were killed?")
    best, *_ = samples._reader.read(question, samples.search(question.text, 12)).evidence
    assert best.short is not None
    assert any(character.isdigit() for character in best.within(best.short))


def test_probability_is_logistic() -> None:
    assert probability({"bias": 1.0, "x": 2.0, "unused": 9.0}, {"bias": -1.0, "x": 0.5}) == 0.5
    assert probability({"x": 1.0}, {"x": math.log(3)}) == pytest.approx(0.75)


def test_confidence_looks_at_the_three_best_and_at_every_reading() -> None:
    rows = [{"x": 0.1}, {"x": 0.9}, {"x": 0.2}, {"x": 0.3}]
    readings = [PassageReading(0, 1, -2.0, 3.0), PassageReading(0, 1, -5.0, 4.0)]
    found = confidence_features(rows, [0.9, 0.1, 0.8, 0.7], readings)
    assert found["x"] == 0.3
    assert found["score"] == pytest.approx(math.log(9))
    assert found["ahead"] == pytest.approx(math.log(9) - math.log(4))
    assert (found["span"], found["relevance"]) == (-2.0, 4.0)
    counting = confidence_features(rows, [0.9, 0.1, 0.8, 0.7], readings, [True, False, True, False])
    assert counting["ahead"] == pytest.approx(math.log(9) - math.log(7 / 3)), "accounts of one thing are no rivals"
    alone = confidence_features(rows[:1], [1.0], readings)
    assert alone["score"] == pytest.approx(math.log(99))
    assert alone["ahead"] == pytest.approx(2 * math.log(99))


def test_the_word_for_saying_is_not_missed_where_the_speaker_speaks(samples: Assistant) -> None:
    reader = samples._reader
    assert isinstance(reader, TrainedReader)
    question = understand("What did Solvang say?")
    hits = samples.search(question.text, 12)
    found = candidates(question, hits)
    rows = reader.features(question, hits, found, reader.spans(question, hits))
    assert max(row["words"] for row, evidence in zip(rows, found, strict=True) if evidence.by_speaker) == 1.0


def test_a_passage_found_far_less_surely_than_the_best_is_not_read_but_still_evidence(samples: Assistant) -> None:
    reader = samples._reader
    assert isinstance(reader, TrainedReader)
    question = understand("How many bombs did the F-15s drop?")
    first, *others = samples.search(question.text, 4)
    hits = [replace(first, score=0.9), *(replace(hit, score=0.3) for hit in others)]
    assert list(reader.spans(question, hits)) == [first.passage.id]
    assert {one.passage.id for one in reader.read(question, hits).evidence} == {hit.passage.id for hit in hits}
    assert [hit.passage.id for hit in reader.rank(question, hits, 4)] == [hit.passage.id for hit in hits]
