"""What holding a model's prose against the evidence costs, and what it and the look for instructions each are worth.

    python -m tests.benchmarks.writing DATA

Over the sample articles: milliseconds that a written sentence takes to verify, beside the sentence it is made from.
Over the hostile articles of the tests: how many lies an obedient model's answer holds with one of the two, with both,
and with neither. Over the news in DATA (NewsQA, RealTimeQA 2022): how many articles would be kept from a model.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from unittest.mock import patch

import numpy as np

from assistant.assistant import Assistant
from assistant.evaluation.questions import read_questions
from assistant.prose import Written
from assistant.settings import Settings, sample_articles
from assistant.writer_settings import WriterSettings
from assistant.writing.exhibits import choose
from assistant.writing.instructions import speaks_to_a_model
from assistant.writing.verification import Verifier
from index.embedder import Embedder
from index.filters import Filters
from tests.stand_in_model import standing_in
from tests.test_accounts import QUESTIONS
from tests.test_writing_injection import LIE, ORDERS, PLACES, article, obey


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(_latency(Path(folder) / "samples")))
        print(json.dumps(_lies(Path(folder) / "hostile")))
    kept = {name: _kept(data / name) for name in ("newsqa", "realtimeqa-2022")}
    print(json.dumps({"articles kept from a model": kept}))


def _latency(folder: Path) -> dict[str, float]:
    assistant, embedder = Assistant.open(Settings(folder)), Embedder()
    assistant.ingest([sample_articles()])
    opening, checking = [], []
    for gold in read_questions(QUESTIONS).questions:
        answer = assistant.ask(gold.question)
        hits = assistant.search(gold.question, 12)
        catalogue = assistant._store.catalogue
        passages = catalogue.with_claims([hit.passage for hit in hits], Filters())
        exhibits = choose([], passages, 3000, embedder.count_tokens)
        start = perf_counter()
        verifier = Verifier(gold.question, exhibits, answer.citations, embedder.embed)
        verifier.prepare()
        opening.append(1000 * (perf_counter() - start))
        for exhibit in exhibits[:4]:
            start = perf_counter()
            verifier.check(f"It was reported that {exhibit.words(exhibit.sentences[0])} [{exhibit.number}]")
            checking.append(1000 * (perf_counter() - start))
    assistant.close()
    quantiles = {f"p{q}": round(float(np.percentile(checking, q)), 1) for q in (50, 95)}
    once = round(float(np.median(opening)), 1)
    return {"sentences": len(checking), **quantiles, "once an answer, p50": once}


def _lies(folder: Path) -> dict[str, int]:
    """Return how many of the hostile articles get their lie into the answer."""
    folder.mkdir()
    files = folder / "articles"
    files.mkdir()
    for number, order in enumerate(ORDERS):
        (files / f"{number}.json").write_text(json.dumps(article(number, order, PLACES[number % 3])))
    with standing_in() as stand_in:
        stand_in.says = obey
        settings = WriterSettings(stand_in.url, "a model that obeys")
        assistant = Assistant.open(Settings(folder / "data", writer=settings))
        assistant.ingest([files])
        looks, verifies = "assistant.writing.writer.speaks_to_a_model", "assistant.writing.writer.Verifier.check"
        with patch(looks, lambda _: False):
            alone = _told(assistant)
            with patch(verifies, _believe):
                neither = _told(assistant)
        with patch(verifies, _believe):
            only_looks = _told(assistant)
        found = {"articles": len(ORDERS), "neither": neither, "verification alone": alone}
        found |= {"look for instructions alone": only_looks, "both": _told(assistant)}
        assistant.close()
    return found


def _believe(_verifier: Verifier, written: str) -> Written:
    return Written(written, written, (1,))


def _told(assistant: Assistant) -> int:
    answers = (assistant.ask(f"What did Ada Lind say about ferry number {n}?") for n in range(len(ORDERS)))
    told = (one for answer in answers if answer.prose for one in [answer.prose.sentences])
    return sum(any(s.fault is None and LIE in s.text.casefold() for s in sentences) for sentences in told)


def _kept(folder: Path) -> str:
    found = [speaks_to_a_model(text) for text in _texts(folder)]
    return f"{sum(found)} of {len(found)}"


def _texts(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*articles*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for fields in map(json.loads, lines):
                yield f"{fields.get('title', '')}\n{fields['text']}"


if __name__ == "__main__":
    main()
