"""Measures how attributions are found: `python -m assistant.training.measure_claims --data DATA`.

On PolNeAR's dev articles, which neither training nor any choice has seen; `--part held-out` takes the articles of
train that are kept for choices. An attribution is found when the characters of its content overlap those of the gold
content with a Jaccard index of .5 or more, one to one."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.training.claims import Article, articles, held_out
from index.claim_words import Piece
from index.claims import Claim, claims_of
from index.quotations import quotations

OVERLAP = 0.5

Characters = frozenset[int]


@dataclass(frozen=True)
class Scores:
    """What a set of articles gave: counts, and rates from them."""

    gold: int
    found: int
    right: int
    direct: int
    direct_right: int
    with_speaker: int
    speaker_right: int
    cue_right: int

    def as_json(self) -> dict[str, float]:
        """Return the counts and rates by name."""
        precision, recall = self.right / max(1, self.found), self.right / max(1, self.gold)
        rates = {
            "precision": precision,
            "recall": recall,
            "f1": 2 * precision * recall / max(1e-9, precision + recall),
            "direct_found": self.direct_right / max(1, self.direct),
            "speaker": self.speaker_right / max(1, self.with_speaker),
            "cue": self.cue_right / max(1, self.right),
        }
        counts = {"gold": self.gold, "found": self.found, "direct": self.direct}
        return {**{name: round(rate, 4) for name, rate in rates.items()}, **counts}


def characters(pieces: Sequence[dict[str, Any]] | Sequence[Piece] | None) -> Characters:
    """Return the numbers of the characters that some pieces cover."""
    spans = [(p.start, p.end) if isinstance(p, Piece) else (p["start"], p["end"]) for p in pieces or []]
    return frozenset(at for start, end in spans for at in range(start, end))


def matched(gold: Sequence[Characters], found: Sequence[Characters]) -> list[tuple[int, int]]:
    """Return which gold content is which found one, the best overlaps first."""
    pairs = []
    for number, one in enumerate(gold):
        for other, content in enumerate(found):
            common = len(one & content)
            if common and common / len(one | content) >= OVERLAP:
                pairs.append((-common / len(one | content), number, other))
    taken_gold: set[int] = set()
    taken_found: set[int] = set()
    chosen = []
    for _, number, other in sorted(pairs):
        if number not in taken_gold and other not in taken_found:
            chosen.append((number, other))
            taken_gold.add(number)
            taken_found.add(other)
    return chosen


def scores(read: Sequence[Article], claims: Sequence[Sequence[Claim]]) -> Scores:
    """Compare the claims found in articles with the gold attributions."""
    counts: Counter[str] = Counter()
    for article, found in zip(read, claims, strict=True):
        gold = article["attributions"]
        contents = [characters(one["content"]) for one in gold]
        pairs = matched(contents, [characters(claim.content) for claim in found])
        direct = {number for number, one in enumerate(gold) if is_direct(article["text"], one["content"])}
        counts += Counter(gold=len(gold), found=len(found), right=len(pairs), direct=len(direct))
        for number, other in pairs:
            one, claim = gold[number], found[other]
            source = characters(one["source"])
            counts["direct_right"] += number in direct
            counts["with_speaker"] += bool(source)
            counts["speaker_right"] += bool(source & characters([claim.speaker] if claim.speaker else []))
            counts["cue_right"] += bool(characters(one["cue"]) & characters([claim.cue] if claim.cue else []))
    names = Scores.__dataclass_fields__
    return Scores(**{name: counts[name] for name in names})


def is_direct(text: str, content: Sequence[dict[str, Any]]) -> bool:
    """Whether all letters and digits of a content stand in quotation marks."""
    quoted = characters([Piece(one.start, one.end, "") for one in quotations(text)])
    return all(at in quoted for at in characters(content) if text[at].isalnum())


def part(data: Path, name: str) -> list[Article]:
    """Return PolNeAR's `dev`, or the `held-out` part of train."""
    return articles(data, "dev") if name == "dev" else [one for one in articles(data, "train") if held_out(one)]


def main(arguments: list[str] | None = None, say: Callable[[str], object] = print) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds polnear/")
    parser.add_argument("--part", choices=("dev", "held-out"), default="dev")
    options = parser.parse_args(arguments)
    read = part(options.data, options.part)
    found = list(claims_of([article["text"] for article in read]))
    say(json.dumps(scores(read, found).as_json()))


if __name__ == "__main__":
    main()
