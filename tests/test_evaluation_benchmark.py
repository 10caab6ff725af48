"""The benchmark on a data folder made here; the real one is no part of the project."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.quality import BENCHMARKS, main

CONTEXT = "The bridge over the river was closed by the mayor on Monday."


def put(path: Path, *lines: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))


def test_sets_that_are_there_are_scored_and_the_rest_skipped_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(
        tmp_path / "reading/squad2-dev-half.jsonl.gz",
        {"id": "1", "question": "When was the bridge closed?", "context": CONTEXT,
         "answers": [{"text": "Monday", "start": 53}] * 3},
        {"id": "2", "question": "Who won the World Cup?", "context": CONTEXT, "answers": []},
    )  # fmt: skip
    put(
        tmp_path / "conflict/rgb-fact.jsonl.gz",
        {"id": 0, "query": "When did the bridge close?", "answer": ["Monday", "Mon"], "fakeanswer": "Tuesday",
         "positive": [CONTEXT], "positive_wrong": [CONTEXT.replace("Monday", "Tuesday")], "negative": []},
    )  # fmt: skip
    log = tmp_path / "LOG.md"
    log.write_text("# Log\n\nSomething earlier.\n")
    arguments = [str(tmp_path), "--log", str(log), "--keep", str(tmp_path), "--runs", str(tmp_path / "runs")]
    assert main(arguments) == main([*arguments, "--sets", "rgb-conflict"]) == 0
    said = capsys.readouterr().out
    assert f"Skipped newsqa: {tmp_path}/newsqa/questions.jsonl.gz is not there." in said
    lines = log.read_text().splitlines()
    assert lines[:4] == ["# Log", "", "Something earlier.", ""] and len(lines) == 6
    assert "squad2-dev-half (2 questions) mrr@10 1.000" in lines[4]
    assert "rgb-conflict (1 questions)" in lines[4] and "squad2" not in lines[5]
    squad, rgb = (
        json.loads((tmp_path / f"runs/{name}.json").read_text()) for name in ("squad2-dev-half", "rgb-conflict")
    )
    assert squad["summary"]["passage_hit@1"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 1}
    assert squad["questions"][0]["spans"] == [{"article": "paragraph-1", "start": 53, "end": 59}]
    assert rgb["summary"]["disagreement_shown"]["n"] == 1 and rgb["questions"][0]["answers"] == ["Monday", "Tuesday"]


def test_half_of_the_articles_left_out(tmp_path: Path) -> None:
    names = [f"article-{number}" for number in range(6)]
    put(tmp_path / "newsqa/articles.jsonl.gz", *({"id": name, "text": f"{name}: {CONTEXT}"} for name in names))
    put(
        tmp_path / "newsqa/questions.jsonl.gz",
        *(
            {"id": name, "question": f"Who closed {name}?", "answers": ["the mayor"], "articles": [name]}
            for name in names
        ),
    )
    runs = ["--runs", str(tmp_path / "runs"), "--keep", str(tmp_path / "kept"), "--log", str(tmp_path / "LOG.md")]
    assert main([str(tmp_path), "--sets", "newsqa-half", *runs]) == 0
    run = json.loads((tmp_path / "runs/newsqa-half.json").read_text())
    answerable = {entry["id"] for entry in run["questions"] if entry["answers"]}
    assert 0 < len(answerable) < len(names)
    found = {passage["article_id"] for entry in run["questions"] for passage in entry["passages"]}
    assert found == answerable


def test_an_empty_data_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--log", str(tmp_path / "LOG.md")]) == 1
    assert capsys.readouterr().out.count("Skipped") == len(BENCHMARKS)
    assert not (tmp_path / "LOG.md").exists()
