"""The index of one question set: what is not read in, what is left behind and what is gone on with."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from filelock import FileLock

from assistant.evaluation.collection import temporary_collection
from assistant.evaluation.gold import Gold, QuestionSet
from assistant.evaluation.questions import read_questions
from assistant.settings import Settings
from index.articles import find_files
from index.errors import SaidsoError

ROOT = Path(__file__).parent.parent


def asked(*left_out: str, articles: tuple[Mapping[str, str], ...] = ()) -> QuestionSet:
    return QuestionSet("q", "", (Gold("1", "Who?", left_out=left_out),), articles)


def indexes(temporary: Path) -> set[Path]:
    """The indexes in a folder that torch uses too."""
    return set(temporary.glob("saidso-eval-*"))


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    for name in ("bridge", "tunnel"):
        (folder / f"{name}.txt").write_text(f"The mayor said the {name} would open in May.")
    return folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_what_the_set_leaves_out_is_not_read_in(articles: Path, tmp_path: Path, temporary: Path) -> None:
    own = {"id": "own", "text": "The mayor said the ferry would sail."}
    with temporary_collection(Settings(tmp_path), [articles], asked("tunnel", articles=(own,))) as found:
        assert {article.id for article in found.assistant.articles()} == {"bridge", "own"}
        assert len(indexes(temporary)) == 1
    assert not indexes(temporary)


def test_where_nothing_can_be_read_nothing_is_kept(articles: Path, tmp_path: Path, temporary: Path) -> None:
    for out in (None, tmp_path / "run.json"):
        with (
            pytest.raises(SaidsoError, match="No article could be read in: there is none"),
            temporary_collection(Settings(tmp_path), [articles], asked("tunnel", "bridge"), out),
        ):
            pytest.fail()
    assert not indexes(temporary) and not list(tmp_path.glob("run*"))
    with (
        pytest.raises(SaidsoError, match=r"run\.json\.index cannot be written .*; choose another --out"),
        temporary_collection(Settings(tmp_path), [articles], asked(), tmp_path / "no" / "run.json"),
    ):
        pytest.fail()


def test_an_interrupted_one_is_gone_on_with_unless_the_articles_have_changed(articles: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "run.json", tmp_path / "run.json.index"

    def held(question_set: QuestionSet, interrupted: bool = True) -> list[str]:
        with temporary_collection(Settings(tmp_path), [articles], question_set, out) as found:
            if interrupted:
                raise Interrupted(found)
            return sorted(article.id for article in found.assistant.articles())

    def interrupt() -> tuple[float, ...]:
        with pytest.raises(Interrupted):
            held(asked())
        return tuple(path.stat().st_mtime for path in (kept / ".data" / "keywords").rglob("*.store"))

    first = interrupt()
    assert [found for found in find_files([tmp_path]) if "run.json" in str(found)] == [], "it is no article"
    assert first and interrupt() == first, "nothing was read in again"
    with FileLock(kept / "lock"), pytest.raises(SaidsoError, match="Another process is scoring with"):
        held(asked())
    (articles / "tunnel.txt").unlink()
    assert interrupt() != first
    own = {"id": "a", "text": "It sails."}
    assert held(asked("bridge", articles=(own,)), interrupted=False) == ["a"], "nothing is left of what was there"
    assert not kept.exists(), "done, it is gone"


class Interrupted(KeyboardInterrupt):
    pass


def test_the_index_of_a_killed_process_is_removed_by_the_next_and_no_living_ones(
    articles: Path, tmp_path: Path, temporary: Path
) -> None:
    code = (
        "import sys, tempfile, time; from pathlib import Path; from tests.test_evaluation_collection import *;"
        "tempfile.tempdir = sys.argv[1];"
        "temporary_collection(Settings(Path('x')), [Path(sys.argv[2])], asked()).__enter__(); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(temporary), str(articles)]
    living, strange = temporary / "saidso-eval-living", temporary / "saidso-eval-strange"
    for folder in (living, strange):
        (folder / ".data").mkdir(parents=True)
    with subprocess.Popen(command, cwd=ROOT) as killed, FileLock(living / "lock"):
        deadline = time.monotonic() + 60
        while not (left := list(temporary.glob("saidso-eval-*/.data/catalogue.sqlite"))):
            assert time.monotonic() < deadline and killed.poll() is None
            time.sleep(0.02)
        with temporary_collection(Settings(tmp_path), [articles], asked()):
            assert left[0].exists(), "its process lives"
        killed.kill()
        killed.wait()
        with temporary_collection(Settings(tmp_path), [articles], asked()):
            assert not left[0].parent.parent.exists()
    assert indexes(temporary) == {living, strange}


def test_a_question_file_says_what_is_left_out(tmp_path: Path) -> None:
    lines = [{"question": "Who?", "left_out": "a"}, {"question": "Why?", "left_out": ["a", "b"]}, {"question": "When?"}]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "q.csv").write_text("question,left_out\nWho?,a\nWhy?,a|b\nWhen?,\n")
    for name in ("q.jsonl", "q.csv"):
        read = read_questions(tmp_path / name)
        assert [gold.left_out for gold in read.questions] == [("a",), ("a", "b"), ()]
        assert read.left_out == {"a", "b"} and not any("left_out" in gold.fields for gold in read.questions)
    (tmp_path / "q.jsonl").write_text('{"question": "Who?", "left_out": {"a": 1}}')
    with pytest.raises(SaidsoError, match='line 1: the question has "left_out"'):
        read_questions(tmp_path / "q.jsonl")
