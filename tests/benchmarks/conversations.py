"""Follow-up questions: `python -m tests.benchmarks.conversations ../shared/data [--index DIR] [--half measured]`.

`tests/conversations.jsonl` holds 64 conversations over the sample articles and the NewsQA sample, which are read into
one index. Each turn after the first is searched for in three ways: as it was asked, as the conversation completes it,
and as a person wrote it to stand alone. The conversations were written before the rules of `assistant/followup.py`;
those with an odd number tuned them, those with an even number measure.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from assistant.assistant import Assistant
from assistant.evaluation.run import Conversations
from assistant.evaluation.statistics import Mean, estimate
from assistant.followup import read_history
from assistant.settings import Settings, sample_articles
from index.filters import Filters

QUESTIONS = Path(__file__).parent.parent / "conversations.jsonl"
DEPTH = 10
WAYS = ("as asked", "completed", "by hand")


def half_of(item: dict[str, Any]) -> str:
    """Whether a conversation tuned the rules or measures them."""
    return "tuned" if int(item["id"].partition("-")[0][1:]) % 2 else "measured"


def reciprocal_rank(assistant: Assistant, question: str, articles: Sequence[str]) -> float:
    """1 / the rank of the first right article, 0 beyond the tenth passage."""
    found = dict.fromkeys(hit.passage.article_id for hit in assistant.search(question, DEPTH))
    return next((1 / rank for rank, article in enumerate(found, 1) if article in articles), 0.0)


def completed(assistant: Assistant, item: dict[str, Any]) -> str:
    """The last question as it is understood after the conversation before it, held with the assistant."""
    held = Conversations(assistant).held(read_history(item["history"]), Filters())
    return assistant.ask(item["question"], history=held).standalone_question


def index(data: Path, folder: Path) -> Assistant:
    """An assistant over both collections; what is indexed already is passed over."""
    assistant = Assistant.open(Settings(folder))
    unpacked = folder / "newsqa.jsonl"
    unpacked.write_bytes(gzip.decompress((data / "newsqa" / "articles.jsonl.gz").read_bytes()))
    assistant.ingest([sample_articles(), unpacked])
    return assistant


def main() -> None:
    """Print each turn and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--index", type=Path, help="a data folder to keep between runs")
    parser.add_argument("--half", choices=("tuned", "measured"))
    options = parser.parse_args()
    if not (options.data / "newsqa").is_dir():
        parser.exit(0, f"Skipped: {options.data} has no folder `newsqa`.\n")
    items = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    chosen = [item for item in items if item.get("articles") and options.half in (None, half_of(item))]
    ranks: dict[str, list[tuple[float, ...]]] = {"tuned": [], "measured": []}
    with tempfile.TemporaryDirectory() as passing, closing(index(options.data, options.index or Path(passing))) as it:
        for item in chosen:
            asked = (item["question"], completed(it, item), item["standalone"])
            ranks[half_of(item)].append(tuple(reciprocal_rank(it, one, item["articles"]) for one in asked))
            told = " ".join(f"{rank:.2f}" for rank in ranks[half_of(item)][-1])
            print(f"{item['id']}  {told}  {asked[0]}  →  {asked[1]}  |  {asked[2]}")
    for half, rows in ranks.items():
        columns = dict(zip(WAYS, zip(*rows, strict=True), strict=False))
        found = estimate({way: Mean.of(column) for way, column in columns.items()}, seed=1)
        for way, figure in found.items():
            print(
                f"{half}, {figure.n} turns, {way}: MRR@{DEPTH} {figure.value:.3f} ({figure.low:.3f}–{figure.high:.3f})"
            )


if __name__ == "__main__":
    main()
