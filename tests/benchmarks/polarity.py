"""How often a sentence that turns its source round is found out, and one that does not is taken for it.

    python -m tests.benchmarks.polarity DATA

Over the sentences of QAGS that people found borne out: as they are, and with a "not" put in or taken out. The articles
are halved as in `assistant.training.support`: `_SAME` and `_LEAST` were chosen on "fitted".
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
from collections import Counter
from pathlib import Path

from assistant.writing.polarity import turned_round
from assistant.writing.support import THRESHOLD, Source
from index.embedder import Embedder
from index.passages import split_sentences

_AUXILIARY = re.compile(r"\b(?:is|are|was|were|has|have|had|will|would|can|could|should|did|does)\b")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    path = parser.parse_args().data / "support" / "qags.jsonl.gz"
    embedder, found = Embedder(), {"fitted": Counter[str](), "measured": Counter[str]()}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            article = record["article"]
            told = [article[span.start : span.end] for span in split_sentences(article)]
            source = Source(told, embedder.embed)
            half = "measured" if hashlib.sha256(article.encode()).digest()[0] % 2 else "fitted"
            for one in record["summary_sentences"]:
                votes = [vote["response"] == "yes" for vote in one["responses"]]
                if 2 * sum(votes) > len(votes):
                    found[half].update(_outcomes(one["sentence"], told, source))
    print(json.dumps(found, indent=1))


def _outcomes(sentence: str, told: list[str], source: Source) -> Counter[str]:
    """Count what becomes of a sentence and of its opposite."""
    opposite = sentence.replace(" not ", " ", 1)
    if opposite == sentence:
        opposite = _AUXILIARY.sub(r"\g<0> not", sentence, count=1)
    counts = Counter(sentences=1, struck=int(turned_round(sentence, told)))
    if opposite != sentence:
        unsupported, turned = source.probability(opposite) < THRESHOLD, turned_round(opposite, told)
        counts += Counter(opposites=1)
        counts += Counter({"struck by support alone": unsupported, "struck by either": unsupported or turned})
        counts += Counter({"struck for the turn": turned})
    return counts


if __name__ == "__main__":
    main()
