"""Score Saidso on the question sets of a data folder, and append one line to the log.

    python -m tests.benchmarks.quality ../shared/data [--limit 200] [--keep FOLDER] [--runs FOLDER]

Sets that the folder does not hold are skipped, in words. `--keep` keeps the indexes, so that only the first time takes
long; `--runs` writes a run file a set, to compare later ones with (`saidso eval … --baseline`).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant.assistant import Assistant
from assistant.evaluation.gold import Gold, QuestionSet, from_fields
from assistant.evaluation.progress import counting
from assistant.evaluation.questions import read_questions
from assistant.evaluation.run import Run, evaluate
from assistant.evaluation.table import table
from assistant.settings import Settings

LOG = Path(__file__).parent / "LOG.md"
TELLING = (
    "mrr@10", "hit@1", "hit@10", "passage_mrr@10", "f1", "right", "citation_precision", "citation_recall", "verbatim",
    "answered", "abstained", "abstained@75", "aurc", "ece", "disagreement_shown",
)  # fmt: skip


@dataclass(frozen=True)
class Benchmark:
    """A question set, the files it is made of, the article files to read in, and what makes a QuestionSet of it."""

    name: str
    questions: str
    read: Callable[[Path], QuestionSet]
    articles: tuple[str, ...] = ()


def main(words: Sequence[str] | None = None) -> int:
    """Score every set that is there, print the tables, log one line. Return 0, or 1 where there was none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, help="ask so many questions of each set")
    parser.add_argument("--sets", nargs="*", default=[benchmark.name for benchmark in BENCHMARKS])
    parser.add_argument("--keep", type=Path, help="keep the indexes in this folder")
    parser.add_argument("--log", type=Path, default=LOG, help="append the line to this file")
    parser.add_argument("--runs", type=Path, help="write the run files to this folder")
    arguments = parser.parse_args(words)
    runs: dict[str, Run] = {}
    for benchmark in BENCHMARKS:
        if benchmark.name not in arguments.sets:
            continue
        if missing := _missing(benchmark, arguments.data):
            print(f"Skipped {benchmark.name}: {missing} is not there.")
            continue
        runs[benchmark.name] = _scored(benchmark, arguments)
        print(f"\n{benchmark.name}\n{table(runs[benchmark.name].as_json())}", flush=True)
    if runs:
        _log(runs, arguments.log)
    return 0 if runs else 1


def _missing(benchmark: Benchmark, data: Path) -> Path | None:
    files = [data / name for name in (benchmark.questions, *benchmark.articles)]
    return next((file for file in files if not file.is_file()), None)


def _scored(benchmark: Benchmark, arguments: argparse.Namespace) -> Run:
    asked = benchmark.read(arguments.data / benchmark.questions)
    with tempfile.TemporaryDirectory() as folder:
        home = (arguments.keep or Path(folder)).absolute() / benchmark.name
        home.mkdir(parents=True, exist_ok=True)
        own = home / "articles.jsonl"
        own.write_text("".join(json.dumps(article) + "\n" for article in asked.articles))
        files = [*(arguments.data / name for name in benchmark.articles), *([own] if asked.articles else [])]
        settings = replace(Settings.from_environment(home / "data"), catalogue_url=None, vectors_url=None)
        with closing(Assistant.open(settings)) as assistant, counting(sys.stderr) as show:
            assistant.ingest(files, without=asked.left_out)
            if arguments.runs:
                arguments.runs.mkdir(parents=True, exist_ok=True)
            out = arguments.runs / f"{benchmark.name}.json" if arguments.runs else None
            about = {"answer_threshold": settings.answer_threshold, "limit": arguments.limit}
            return evaluate(assistant, asked, limit=arguments.limit, settings=about, out=out, on_progress=show)


def _log(runs: dict[str, Run], file: Path) -> None:
    """Append the one line, to the list of such lines if the file ends in one."""
    written = file.read_text(encoding="utf-8") if file.exists() else "# Log of experiments\n"
    listed = written.rstrip().rpartition("\n")[2].startswith("- ")
    parts = [f"{name} ({len(run.questions):,} questions) {_figures(run)}" for name, run in runs.items()]
    line = f"- {datetime.now(UTC):%Y-%m-%d} · `make bench-quality`: {'; '.join(parts)}."
    file.write_text(f"{written.rstrip()}\n{'' if listed else chr(10)}{line}\n", encoding="utf-8")


def _figures(run: Run) -> str:
    shown = [f"{name} {run.summary[name]['value']:.3f}" for name in TELLING if name in run.summary]
    return ", ".join([*shown, f"p50 {run.latency_ms['p50']:,.0f} ms"])


# ── the sets ────────────────────────────────────────────────────────────────────────────────────────────────


def _with_gold_articles(path: Path) -> QuestionSet:
    asked = read_questions(path)
    return replace(asked, questions=tuple(gold for gold in asked.questions if gold.articles))


def _half_left_out(path: Path) -> QuestionSet:
    """The questions of a set, half of whose articles are not there: what they alone answer is to be abstained from."""
    asked = read_questions(path)
    return replace(asked, questions=tuple(_without_its_articles(g) if _is_left_out(g) else g for g in asked.questions))


def _is_left_out(gold: Gold) -> bool:
    return any(hashlib.sha256(article.encode()).digest()[0] % 2 for article in gold.articles)


def _without_its_articles(gold: Gold) -> Gold:
    return replace(gold, answers=(), articles=(), spans=(), left_out=gold.articles)


def _paragraphs(path: Path) -> QuestionSet:
    """SQuAD with the context on every line; what a context does not answer is to be abstained from."""
    ids: dict[str, str] = {}
    questions = []
    for line in _lines(path):
        article = ids.setdefault(line["context"], f"paragraph-{len(ids) + 1}")
        spans = [{"article": article, "start": a["start"], "end": a["start"] + len(a["text"])} for a in line["answers"]]
        answers = [answer["text"] for answer in line["answers"]]
        questions.append(
            {"id": line["id"], "question": line["question"], "answers": answers, "spans": _each_once(spans)}
        )
    return _set(path, questions, [{"id": id_, "text": context} for context, id_ in ids.items()])


def _passages(path: Path) -> QuestionSet:
    """CLAPNQ: each question with the passage it was asked of, which answers one half of them."""
    texts: dict[tuple[str, str], str] = {}
    questions = []
    for line in _lines(path):
        (passage,) = line["passages"]
        article = texts.setdefault((passage["title"], passage["text"]), f"passage-{len(texts) + 1}")
        answers = [output["answer"] for output in line["output"] if output["answer"]]
        marked = [passage["text"].index(quote) for quote in _marked(line)]
        spans = [
            {"article": article, "start": at, "end": at + len(q)} for at, q in zip(marked, _marked(line), strict=True)
        ]
        about = {"articles": [article], "spans": spans} if answers else {}
        questions.append({"id": line["id"], "question": line["input"], "answers": answers, **about})
    articles = [{"id": id_, "title": title, "text": text} for (title, text), id_ in texts.items()]
    return _set(path, questions, articles)


def _marked(line: dict[str, Any]) -> list[str]:
    return _each_once([quote for output in line["output"] for quote in output.get("selected_sentences") or ()])


def _conflicts(path: Path) -> QuestionSet:
    """RGB: each question with passages that give the true answer and passages that give a false one."""
    questions, articles = [], []
    for line in _lines(path):
        texts = {f"rgb-{line['id']}-{n}": text for n, text in enumerate([*line["positive"], *line["positive_wrong"]])}
        articles += [{"id": id_, "text": text} for id_, text in texts.items() if text.strip()]
        true = line["answer"] if isinstance(line["answer"], list) else [line["answer"]]
        answers = [str(true[0]), line["fakeanswer"]]
        asked = {"id": f"rgb-{line['id']}", "question": line["query"], "answers": answers, "conflicting": True}
        questions.append({**asked, "articles": list(texts)})
    return _set(path, questions, articles)


def _each_once(values: Sequence[Any]) -> list[Any]:
    return [value for at, value in enumerate(values) if value not in values[:at]]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _set(path: Path, questions: Sequence[dict[str, Any]], articles: Sequence[dict[str, str]]) -> QuestionSet:
    golds = tuple(from_fields(fields, str(number)) for number, fields in enumerate(questions, start=1))
    return QuestionSet(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), golds, tuple(articles))


BENCHMARKS = (
    Benchmark("newsqa", "newsqa/questions.jsonl.gz", read_questions, ("newsqa/articles.jsonl.gz",)),
    Benchmark("newsqa-half", "newsqa/questions.jsonl.gz", _half_left_out, ("newsqa/articles.jsonl.gz",)),
    Benchmark(
        "realtimeqa-2022",
        "realtimeqa-2022/questions.jsonl.gz",
        _with_gold_articles,
        ("realtimeqa-2022/articles.jsonl.gz",),
    ),
    Benchmark("squad2-dev-half", "reading/squad2-dev-half.jsonl.gz", _paragraphs),
    Benchmark("clapnq-dev", "reading/clapnq-dev.jsonl.gz", _passages),
    Benchmark("rgb-conflict", "conflict/rgb-fact.jsonl.gz", _conflicts),
)

if __name__ == "__main__":
    sys.exit(main())
