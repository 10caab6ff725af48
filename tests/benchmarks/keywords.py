"""Compare three ways to keep a BM25 index: tantivy (ours), SQLite's FTS5, and bm25s.

    pip install bm25s PyStemmer
    python -m tests.benchmarks.keywords QUESTIONS.jsonl.gz ARTICLES.jsonl.gz [MORE_ARTICLES.jsonl.gz …]

Quality: the rank of the first passage of the right article. Speed: indexing, one more passage, one question.
"""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from index.keywords import _QUESTION_WORDS, Entry, KeywordIndex
from index.passages import split_passages

Search = Callable[[str], list[int]]


def words(question: str) -> list[str]:
    return [word for word in re.findall(r"\w+", question) if word.casefold() not in _QUESTION_WORDS]


def tantivy(texts: list[str]) -> tuple[Search, Callable[[str], None]]:
    index = KeywordIndex.open(Path(tempfile.mkdtemp()))
    index.update([Entry(str(at), text, "", None) for at, text in enumerate(texts)], [])
    return (
        lambda question: [int(key) for key, _ in index.search(question, 100)],
        lambda text: index.update([Entry("new", text, "", None)], []),
    )


def fts5(texts: list[str]) -> tuple[Search, Callable[[str], None]]:
    database = sqlite3.connect(Path(tempfile.mkdtemp()) / "fts.sqlite")
    database.execute("CREATE VIRTUAL TABLE t USING fts5(text, tokenize='porter unicode61 remove_diacritics 2')")
    database.executemany("INSERT INTO t(rowid, text) VALUES (?, ?)", list(enumerate(texts)))
    database.commit()
    query = "SELECT rowid FROM t WHERE t MATCH ? ORDER BY bm25(t) LIMIT 100"

    def search(question: str) -> list[int]:
        match = " OR ".join(f'"{word}"' for word in words(question))
        return [row for (row,) in database.execute(query, (match,))] if match else []

    def add(text: str) -> None:
        database.execute("INSERT INTO t(text) VALUES (?)", (text,))
        database.commit()

    return search, add


def bm25s(texts: list[str]) -> tuple[Search, Callable[[str], None]]:
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")

    def build(corpus: list[str]) -> bm25s.BM25:
        index = bm25s.BM25(k1=1.2, b=0.75)
        index.index(bm25s.tokenize(corpus, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
        return index

    index = build(texts)

    def search(question: str) -> list[int]:
        tokens = bm25s.tokenize([" ".join(words(question))], stopwords="en", stemmer=stemmer, show_progress=False)
        found, _ = index.retrieve(tokens, k=100, show_progress=False)
        return [int(at) for at in found[0]]

    return search, lambda text: (build([*texts, text]), None)[1]  # it cannot be added to: all is built again


def reciprocal_rank(found: list[int], articles: list[str], gold: set[str]) -> float:
    seen = list(dict.fromkeys(articles[at] for at in found[:10]))
    return next((1 / rank for rank, article in enumerate(seen, start=1) if article in gold), 0.0)


def main() -> None:
    with gzip.open(sys.argv[1], "rt", encoding="utf-8") as lines:
        questions = [json.loads(line) for line in lines][::4]
    texts: list[str] = []
    articles: list[str] = []
    for path in sys.argv[2:]:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for article in map(json.loads, lines):
                starts = [match.start() for match in re.finditer(r"\w+|[^\w\s]", article["text"])]
                for span in split_passages(article["text"], lambda _, s=starts: s, 96, 1):
                    texts.append(article["text"][span.start : span.end])
                    articles.append(article["id"])
    print(f"{len(texts):,} passages, {len(questions)} questions")
    print(f"{'':8} MRR@10  index s  add one ms  question ms p50   p95")
    for make in (tantivy, fts5, bm25s):
        began = perf_counter()
        search, add = make(texts)
        indexed = perf_counter() - began
        ranks: list[float] = []
        times: list[float] = []
        for asked in questions:
            began = perf_counter()
            found = search(asked["question"])
            times.append((perf_counter() - began) * 1000)
            ranks.append(reciprocal_rank(found, articles, set(asked["articles"])))
        began = perf_counter()
        add("One more passage about a mosque.")
        added = (perf_counter() - began) * 1000
        p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        print(f"{make.__name__:8} {statistics.mean(ranks):.4f} {indexed:8.1f} {added:11.1f} {p50:16.2f} {p95:6.2f}")


if __name__ == "__main__":
    main()
