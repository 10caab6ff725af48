"""What finding claims adds to ingestion, and where its time goes.

    python -m tests.benchmarks.ingestion ARTICLES.jsonl.gz [HOW_MANY]

Both figures come from one run, in seconds of processor time by one thread a batch, so that other work on the machine
counts little. All the rest is what an ingestion takes less what its claims took.
"""

from __future__ import annotations

import gzip
import itertools
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import TypeVar

from index.claim_finder import ClaimFinder, attributions
from index.claim_input import tokenise
from index.claims import claims_from, claims_of, found_by
from index.embedder import Embedder, bundled_model
from index.ingest import ingest
from index.store import Store

_Result = TypeVar("_Result")
_CLAIMS = Path(__file__).parents[2] / "index" / "models" / "claims"


class Clock:
    """Seconds of processor by what they were spent on."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    def time(self, what: str, work: Callable[[], _Result]) -> _Result:
        began = process_time()
        result = work()
        self.spent[what] += process_time() - began  # type: ignore[assignment]
        return result


def main() -> None:
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    folder = Path(tempfile.mkdtemp())
    with gzip.open(sys.argv[1], "rt", encoding="utf-8") as lines:
        (folder / "part.jsonl").write_text("".join(itertools.islice(lines, count)), encoding="utf-8")
    embedder = Embedder()
    embedder.embed(["A first text, so that nothing is loaded while the clock runs."])
    list(claims_of(["Ortiz said so."]))
    store = Store.open(folder / "data", embedder)
    clock = Clock()
    clock.time("ingestion", lambda: ingest(store, [folder / "part.jsonl"]))
    texts = dict(_texts(store))
    found = clock.time("claims", lambda: dict(zip(texts, claims_of(texts.values()), strict=True)))
    clock.time("storing", lambda: store.catalogue.store_claims(found, found_by()))
    of_claims = clock.spent["claims"] + clock.spent["storing"]
    rest = clock.spent["ingestion"] - of_claims
    print(f"{count} articles, {sum(map(len, texts.values())):,} characters, {sum(map(len, found.values())):,} claims")
    print(f"ingestion {clock.spent['ingestion']:.2f} s; of claims {of_claims:.2f} s; all the rest {rest:.2f} s")
    print(f"claims add {of_claims / rest:.2f}")
    parts(list(texts.values()), clock)
    for what in ("tokens", "network", "decoding", "claims from it", "storing"):
        print(f"    {what:16} {clock.spent[what]:6.2f} s")
    store.close()


def _texts(store: Store) -> Iterator[tuple[str, str]]:
    for listed in store.catalogue.articles():
        if article := store.catalogue.article(listed.id):
            yield article.id, article.text


def parts(texts: Sequence[str], clock: Clock) -> None:
    """Find the claims once more, stage by stage."""
    finder = ClaimFinder.load(_CLAIMS, bundled_model())
    read = clock.time("tokens", lambda: [tokenise(finder.tokenizer, text) for text in texts])
    judged = clock.time("network", lambda: finder.judge(read))
    pairs = list(zip(read, judged, strict=True))
    found = clock.time("decoding", lambda: [attributions(tokens, one, finder.costs) for tokens, one in pairs])
    clock.time("claims from it", lambda: list(map(claims_from, texts, found)))


if __name__ == "__main__":
    main()
