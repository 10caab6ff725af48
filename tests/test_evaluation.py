from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.evaluation.baseline import Baseline
from assistant.evaluation.command import eval_app
from assistant.evaluation.gate import Gate
from assistant.evaluation.gold import QuestionSet
from assistant.evaluation.journal import Journal
from assistant.evaluation.questions import read_questions
from assistant.evaluation.run import Run, Step, evaluate
from assistant.evaluation.table import table
from assistant.followup import Exchange
from assistant.settings import sample_articles
from index.articles import Article
from index.catalogue import Holdings
from index.errors import SaidsoError
from index.search import Hit
from tests.conftest import interruptible

ASKED: list[tuple[str, str | None, str | None]] = [  # question, article, the words in it that answer
    ("How many bombs did the F-15s drop?", "2017-06-07-bontrager-investigation-findings", "ten bombs"),
    ("What did Ole Solvang say about the investigation?", "2017-06-07-solvang-answers-investigation", "not end"),
    ("How many civilians did Airwars say the coalition had killed?", "2017-03-17-airwars-coalition-toll", "2,462"),
    ("What did Mohamed al Shaghel say about the people inside?", "2017-03-17-al-shaghel-no-affiliation", "affiliation"),
    ("What did Bellingcat say was destroyed?", "2017-04-18-bellingcat-northern-side", "northern side"),
    ("What was opened by the Defense Department on March 20?", "2017-03-20-credibility-assessment", "assessment"),
    ("Who won the 2022 World Cup?", None, None),
    ("How do I bake sourdough bread?", None, None),
]  # fmt: skip
TIMES = {"created", "latency_ms", "peak_memory_mb"}


@pytest.fixture(scope="module")
def asked(samples: Assistant, tmp_path_factory: pytest.TempPathFactory) -> QuestionSet:
    path = tmp_path_factory.mktemp("questions") / "samples.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines(samples)))
    return read_questions(path)


def lines(samples: Assistant) -> Iterator[dict[str, Any]]:
    for number, (question, article_id, words) in enumerate(ASKED):
        gold: dict[str, Any] = {"answers": []}
        if article_id and words:
            article = samples.article(article_id)
            assert article is not None
            start = article.text.index(words)
            span = {"article": article_id, "start": start, "end": start + len(words)}
            gold = {"answers": [words], "articles": [article_id], "spans": [span]}
        yield {"id": f"q{number}", "question": question, "half": number % 2, "note": f"nr {number}", **gold}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "run.json"


@pytest.fixture(scope="module")
def run(samples: Assistant, asked: QuestionSet, out: Path) -> Run:
    return evaluate(samples, asked, out=out)


class Silent(Assistant):
    """Holds one article, finds nothing, answers nothing, at once."""

    def __init__(self) -> None:
        pass

    def warm_up(self) -> None:
        pass

    def ask(self, question: str, *_: object, id: str | None = None, **__: object) -> Answer:
        return Answer(question, "Nothing.", abstained=True, id=id, timings_ms={"total": 1.0})

    def search(self, *_: object, **__: object) -> list[Hit]:
        return []

    def article(self, article_id: str) -> Article | None:
        return Article("here", "The bridge is closed.", source="Post") if article_id == "here" else None

    def articles(self) -> list[Article]:
        return [Article("here", "")]

    def unsearchable(self) -> None:
        return None

    def holdings(self) -> Holdings:
        return Holdings(1, 1, (("Post", 1),), "", "")


def without_times(value: dict[str, Any]) -> dict[str, Any]:
    questions = [{**entry, "answer": {**entry["answer"], "timings_ms": None}} for entry in value["questions"]]
    return {name: part for name, part in {**value, "questions": questions}.items() if name not in TIMES}


# ── a run ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_over_the_samples(run: Run, asked: QuestionSet) -> None:
    assert run.summary["verbatim"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": len(ASKED)}
    assert run.summary["right"]["n"] == len(ASKED)
    assert run.summary["mrr@10"]["n"] == run.summary["passage_mrr@10"]["n"] == 6
    assert run.summary["mrr@10"]["value"] >= 0.5
    assert run.summary["abstained"]["value"] == 1.0
    assert all(figure["low"] <= figure["value"] <= figure["high"] for figure in run.summary.values())
    assert "speaker" not in run.summary, "no question names one"
    assert run.warnings == [] and run.questions_sha256 == asked.sha256
    assert 0 < run.latency_ms["p50"] <= run.latency_ms["p95"] <= run.latency_ms["p99"]
    assert run.peak_memory_mb > 50
    assert [entry["id"] for entry in run.questions] == [gold.id for gold in asked.questions]


def test_the_run_file_keeps_its_schema(run: Run, out: Path) -> None:
    stored = json.loads(out.read_text())
    assert stored == json.loads(json.dumps(run.as_json()))
    assert set(stored) == {
        "saidso", "created", "questions_file", "questions_sha256", "settings", "seed", "warnings", "summary", "groups",
        "latency_ms", "peak_memory_mb", "curves", "questions", "baseline",
    }  # fmt: skip
    assert set(stored["questions"][0]) == {
        "id", "question", "answers", "articles", "spans", "speaker", "fields", "answer", "passages", "scores",
    }  # fmt: skip
    assert stored["baseline"] is None
    assert all(set(row) == {"low", "high", "confidence", "accuracy", "n"} for row in stored["curves"]["reliability"])
    coverage = [share for share, _ in stored["curves"]["risk_coverage"]]
    assert coverage == sorted(coverage) and 0 < coverage[-1] <= 1
    assert list(out.parent.iterdir()) == [out], "the journal is gone"


def test_groups(run: Run) -> None:
    assert set(run.groups) >= {"kind", "answerable", "half"}
    assert "note" not in run.groups, "it only says which question it is"
    assert {value: part["right"]["n"] for value, part in run.groups["answerable"].items()} == {"yes": 6, "no": 2}
    assert {value: part["right"]["n"] for value, part in run.groups["half"].items()} == {"0": 4, "1": 4}
    assert sum(part["right"]["n"] for part in run.groups["kind"].values()) == len(ASKED)


def test_an_interrupted_run_goes_on_and_ends_as_if_it_had_not_been(
    samples: Assistant, asked: QuestionSet, run: Run, tmp_path: Path
) -> None:
    file, steps = tmp_path / "again.json", []

    def stop_at_three(step: Step) -> None:
        if step.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(samples, asked, out=file, on_progress=stop_at_three)
    journal = tmp_path / "again.json.journal"
    with journal.open("a") as stream:
        stream.write('{"id": "q3", "answer": {"abst')  # as a killed process leaves it
    resumed = evaluate(samples, asked, out=file, on_progress=steps.append)
    assert [step.done for step in steps] == list(range(3, len(ASKED) + 1)), "three were not asked again"
    assert steps[0].seconds_left is None and steps[-1].seconds_left == 0
    assert without_times(resumed.as_json()) == without_times(run.as_json())
    assert not journal.exists()


def test_a_journal_of_another_run_is_not_read(tmp_path: Path) -> None:
    journal = Journal.beside(tmp_path / "run.json", {"settings": 1})
    appender = journal.append_to({"a": {"id": "a"}})
    appender.add({"id": "b"})
    appender.close()
    assert list(journal.outcomes()) == ["a", "b"]
    assert Journal.beside(tmp_path / "run.json", {"settings": 2}).outcomes() == {}
    assert Journal.beside(tmp_path / "other.json", {"settings": 1}).outcomes() == {}
    with pytest.raises(SaidsoError, match="choose another --out"):
        Journal.beside(tmp_path / "no" / "run.json", {}).append_to({})


def test_each_turn_of_a_conversation_is_asked_once(tmp_path: Path) -> None:
    asked: list[tuple[str, list[str]]] = []

    class Listening(Silent):
        def ask(self, question: str, *_: object, history: Sequence[Exchange] = (), **about: Any) -> Answer:
            asked.append((question, [turn.question for turn in history]))
            return super().ask(question, **about)

    turns = ["Who won?", "When?", "And then?"]
    lines = [{"id": str(n), "question": turn, "history": turns[:n]} for n, turn in enumerate(turns)]
    lines += [{"id": "late", "question": "Why?", "history": ["Where?"], "as_of": "2024-05-01"}]
    lines += [{"id": "later", "question": "Why?", "history": ["Where?"], "as_of": "2024-06-01"}]
    path = tmp_path / "talk.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    evaluate(Listening(), path)
    talk = [(turn, turns[:n]) for n, turn in enumerate(turns)]
    assert asked == [*talk, *[("Where?", []), ("Why?", ["Where?"])] * 2], "another day is another conversation"


def test_what_makes_figures_doubtful_is_said(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    odd = [
        {"id": "gone", "question": "Who?", "articles": ["no-such-1", "no-such-2"]},
        {"id": "far", "question": "How many?", "spans": [{"article": "here", "start": 0, "end": 999_999}]},
        {"id": "spoilt", "question": "Who now?", "answers": [], "left_out": "here"},
        {"id": "sound", "question": "Who else?", "answers": [], "left_out": ["gone"]},
    ]
    path.write_text("\n".join(map(json.dumps, odd)))
    run = evaluate(Silent(), path, warnings=["As given."])
    assert run.warnings == [
        "As given.",
        "2 gold articles are not indexed, so that nothing can find them: no-such-1, no-such-2.",
        "1 questions have spans that reach beyond their articles' ends: far.",
        "1 questions are to be asked without an article that is indexed, so are not scored; --articles leaves it out: "
        "spoilt.",
    ]
    assert run.summary["mrr@10"]["n"] == 2
    assert run.summary["right"]["n"] == 1, "of the spoilt question nobody knows what is right"
    assert run.questions[2]["answers"] is None and run.questions[2]["answer"]["abstained"]


def test_a_limit_draws_by_the_seed(asked: QuestionSet) -> None:
    assert len(evaluate(Silent(), asked, limit=99).questions) == len(ASKED)
    drawn = [[entry["id"] for entry in evaluate(Silent(), asked, limit=3, seed=s).questions] for s in (1, 1, 2)]
    assert drawn[0] == drawn[1] == sorted(drawn[0]) and len(drawn[0]) == 3
    assert drawn[0] != drawn[2]


# ── comparing and gating ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def worse(samples: Assistant, asked: QuestionSet, out: Path, run: Run) -> Run:
    """The same index, with a threshold at which nothing is answered."""
    timid = Assistant(samples._store, samples._reader, threshold=1.0)
    return evaluate(timid, asked, settings={"answer_threshold": 1.0}, baseline=Baseline.read(out))


def test_a_worse_setting_is_caught_by_the_paired_test_and_the_gate(run: Run, worse: Run) -> None:
    found = worse.as_json()
    assert found["baseline"]["differences"]["right"]["value"] < -0.4
    assert found["baseline"]["differences"]["right"]["high"] < 0
    assert found["baseline"]["differences"]["right"]["p"] < 0.1, "six of eight questions can tell no more"
    assert found["baseline"]["differences"]["mrr@10"] == {"value": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}
    changed = found["baseline"]["changed"]
    assert [abs(change["difference"]) for change in changed] == sorted(
        (abs(change["difference"]) for change in changed), reverse=True
    )
    assert {change["id"] for change in changed} <= {f"q{number}" for number in range(6)}
    assert Gate.parse("right>=0.5").check(run.as_json()).passed
    verdict = Gate.parse("right>=baseline-0.01").check(found)
    assert not verdict.passed
    assert "right is 0.2500, wanted >= " in verdict.sentence and "falls short by 0." in verdict.sentence
    assert Gate.parse("mrr@10>=baseline").check(found).passed


def test_the_table_fits_a_hundred_columns_and_names_what_changed(run: Run, worse: Run) -> None:
    for found in (run, worse):
        assert max(map(len, table(found.as_json()).splitlines())) <= 100
    assert "questions score differently" in table(worse.as_json())
    assert "worse" in table(worse.as_json()) or "right" in table(worse.as_json())


def test_a_baseline_that_is_none(asked: QuestionSet, run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"questions": [{"id": "x"}]}')
    (tmp_path / "broken.json").write_text("{")
    for name, words in (("other", "is not a run of"), ("broken", "is not JSON"), ("absent", "cannot be read")):
        with pytest.raises(SaidsoError, match=words):
            Baseline.read(tmp_path / f"{name}.json")
    others = replace(asked, questions=tuple(replace(gold, question="Another?") for gold in asked.questions))
    with pytest.raises(SaidsoError, match="no question in common"):
        evaluate(Silent(), others, baseline=Baseline("run.json", run.as_json()), on_progress=lambda _: pytest.fail())
    assert "Only 3 of 3 questions" in str(Baseline("run.json", run.as_json()).warning(run.questions[:3]))


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────


def saidso_eval(*arguments: object) -> Result:
    return CliRunner().invoke(eval_app, [str(argument) for argument in arguments])


def test_the_command_over_articles_leaves_nothing_behind(
    asked: QuestionSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_data_folder: Path
) -> None:
    for folder in ("tmp", "articles"):
        (tmp_path / folder).mkdir()
    for name in (article for _, article, _ in ASKED if article):
        shutil.copy(sample_articles() / f"{name}.md", tmp_path / "articles")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    arguments = ["--articles", tmp_path / "articles", "--out", tmp_path / "run.json", "--limit", 2, "--json"]
    ran = saidso_eval(asked.file, *arguments, "--gate", "verbatim>=1", "--gate", "f1>=1.1")
    assert ran.exit_code == 1, ran.output
    printed = json.loads(ran.stdout)
    assert "questions" not in printed and printed["settings"]["limit"] == 2
    assert [verdict["passed"] for verdict in printed["gates"]] == [True, False]
    assert "f1>=1.1: f1 is" in ran.stderr and "falls short by" in ran.stderr and "verbatim" not in ran.stderr
    assert len(json.loads((tmp_path / "run.json").read_text())["questions"]) == 2
    assert not list((tmp_path / "tmp").iterdir()) and not own_data_folder.exists()


def test_an_empty_index_and_an_empty_set_are_told(asked: QuestionSet, tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("\n")
    for arguments, words in (([asked.file], "No articles are indexed"), ([tmp_path / "none.jsonl"], "no questions")):
        ran = saidso_eval(*arguments)
        assert isinstance(ran.exception, SaidsoError) and words in str(ran.exception)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--gate", "nonsense"], 2, "is not a condition"),
        (["--gate", "f1>=baseline"], 2, "needs an earlier run"),
        (["--limit", "0"], 2, "--limit"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_asked(
    asked: QuestionSet, arguments: list[str], code: int, words: str
) -> None:
    ran = saidso_eval(asked.file, *arguments)
    assert ran.exit_code == code
    assert words in " ".join(ran.stderr.replace("│", " ").split())


def test_ctrl_c_and_the_same_command_again(tmp_path: Path) -> None:
    squad = [{"context": "The mayor said the bridge was closed on Monday.", "qas": [
        {"id": f"q{n}", "question": f"When was bridge {n} closed?", "answers": [{"text": "Monday", "answer_start": 40}]}
        for n in range(25)
    ]}]  # fmt: skip
    (tmp_path / "q.json").write_text(json.dumps({"data": [{"title": "Bridge", "paragraphs": squad}]}))
    out, journal = tmp_path / "run.json", tmp_path / "run.json.journal"
    code = "from assistant.evaluation.command import eval_app; eval_app()"
    command = [sys.executable, "-c", code, str(tmp_path / "q.json"), "--out", str(out)]
    running = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=interruptible
    )
    while running.poll() is None and not (journal.exists() and journal.read_text().count("\n") > 3):
        time.sleep(0.02)
    running.send_signal(2)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "run the same command again to go on" in err and "Traceback" not in err
    kept = journal.read_text().splitlines()[1:]
    assert 0 < len(kept) < 25 and not out.exists() and (tmp_path / "run.json.index").is_dir()
    ran = saidso_eval(tmp_path / "q.json", "--out", out)
    assert ran.exit_code == 0, ran.output
    assert "25 questions. Time for an answer" in ran.stdout
    first = json.loads(out.read_text())["questions"][0]["answer"]
    assert first == json.loads(kept[0])["answer"], "with the time it took then"
    assert {path.name for path in tmp_path.iterdir()} == {"q.json", "run.json"}, "nothing is left behind"
