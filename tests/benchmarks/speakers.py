"""Who said it, over PolNeAR: `python -m tests.benchmarks.speakers ../shared/data [--split dev] [--limit 300]`.

All articles of a split are read into one index. Of every attribution with a named speaker and a content of eight words
or more three questions are asked: who said it (right where the answer's speaker shares a name with the gold speaker's),
whether its speaker said it (right where it is answered), and whether another speaker of the same article did (right
where that is refused or corrected). `--split train` takes as many articles of train, those that the claims network has
not learnt from first: choices are made on them, and dev is for measuring.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.settings import Settings
from assistant.training.claims import articles, held_out
from index.speakers import PRONOUNS, read_naming, same_speaker, speaks_for

ARTICLES = 84  # of dev
WORDS = 8


@dataclass(frozen=True)
class Item:
    """An attribution to ask about: its article, its speaker's name, what was said, and another speaker there."""

    article_id: str
    speaker: str
    content: str
    other: str | None


@dataclass
class Tally:
    """How many were asked and right."""

    asked: int = 0
    right: int = 0

    def note(self, right: bool) -> None:
        """Count one."""
        self.asked += 1
        self.right += right

    def __str__(self) -> str:
        return f"{self.right / max(1, self.asked):.3f} ({self.right} of {self.asked})"


def read(data: Path, split: str) -> list[dict[str, Any]]:
    """Return PolNeAR's dev, or as many articles of train, those first that are kept for choices."""
    if split == "dev":
        return articles(data, "dev")
    train = articles(data, "train")
    kept, learnt = [one for one in train if held_out(one)], [one for one in train if not held_out(one)]
    return [*kept, *learnt[:: max(1, len(learnt) // (ARTICLES - len(kept)))]][:ARTICLES]


def items(article: dict[str, Any]) -> Iterator[Item]:
    """Yield an article's attributions that have a named speaker and a long content."""
    named = [(name, _joined(one["content"])) for one in article["attributions"] if (name := _name(one["source"]))]
    for name, content in named:
        if len(content.split()) < WORDS:
            continue
        same = {other for other, said in named if said == content}
        others = sorted({other for other, _ in named if not _kin(other, [name, *same])})
        rest = random.Random(content).choice(others) if others else None
        yield Item(article["id"], name, content, rest)


def _joined(pieces: Sequence[dict[str, Any]] | None) -> str:
    return " ".join(" ".join(piece["text"].split()) for piece in pieces or []).strip(" .,;:!?“”\"'")


def _name(source: Sequence[dict[str, Any]] | None) -> str | None:
    """Return a gold speaker's naming without what stands beside it, or None where it names nobody."""
    words = _joined(source).split(",")[0].split(" (")[0]
    proper = any(word[0].isupper() for word in words.split()[1:]) or (words[:1].isupper() and len(words.split()) == 1)
    return words if proper and words.casefold() not in PRONOUNS and read_naming(words).name else None


def _kin(one: str, others: Sequence[str]) -> bool:
    return any(speaks_for(one, other) or speaks_for(other, one) or shares_name(one, other) for other in others)


def shares_name(one: str, other: str) -> bool:
    """Whether two namings are one's, or have a word of a name in common."""
    if same_speaker(one, other):
        return True
    a, b = (
        set(read_naming(naming).name) | {w for o in read_naming(naming).offices for w in o} for naming in (one, other)
    )
    return bool(a & b)


def speaker_of(answer: Answer) -> str:
    """Return who the answer says it was."""
    return answer.short_answer or (answer.statements[0].speaker if answer.statements else "")


def measure(assistant: Assistant, asked: Sequence[Item], tell: Callable[[str], object]) -> dict[str, Tally]:
    """Ask all questions; `tell` hears of every one that went wrong."""
    tallies = {"who": Tally(), "confirmed": Tally(), "swapped": Tally()}
    for item in asked:
        answer = assistant.ask(f"Who said {item.content}?")
        right = not answer.abstained and shares_name(speaker_of(answer), item.speaker)
        tallies["who"].note(right)
        if not right:
            tell(
                f"who\t{item.speaker}\t{speaker_of(answer)}\t{answer.confidence:.2f}\t{item.article_id}\t{item.content}"
            )
        answer = assistant.ask(f"Did {item.speaker} say that {item.content}?")
        tallies["confirmed"].note(not answer.abstained)
        if answer.abstained:
            tell(f"confirmed\t{item.speaker}\t{answer.text}\t{item.article_id}\t{item.content}")
        if item.other:
            answer = assistant.ask(f"Did {item.other} say that {item.content}?")
            tallies["swapped"].note(answer.abstained)
            if not answer.abstained:
                tell(f"swapped\t{item.other}\t{item.speaker}\t{answer.text[:200]!r}\t{item.article_id}\t{item.content}")
    return tallies


def main(words: Sequence[str] | None = None) -> int:
    """Read the articles in, ask, and print one line a kind of question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that holds polnear/")
    parser.add_argument("--split", choices=("dev", "train"), default="dev")
    parser.add_argument("--limit", type=int, help="ask about so many attributions, drawn evenly")
    parser.add_argument("--keep", type=Path, help="keep the index in this folder")
    parser.add_argument("--errors", type=Path, help="write what went wrong to this file")
    options = parser.parse_args(words)
    read_in = read(options.data, options.split)
    asked = [item for article in read_in for item in items(article)]
    asked = asked[:: max(1, len(asked) // options.limit)][: options.limit] if options.limit else asked
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "articles.jsonl"
        fields = ("id", "text", "source", "published")
        path.write_text("\n".join(json.dumps({name: one[name] for name in fields}) for one in read_in))
        with closing(Assistant.open(Settings(options.keep or Path(folder) / "data"))) as assistant:
            assistant.ingest([path])
            tallies = measure(assistant, asked, wrong.append)
    for name, tally in tallies.items():
        print(f"{options.split} {name}: {tally}")
    if options.errors:
        options.errors.write_text("\n".join(wrong))
    return 0


if __name__ == "__main__":
    sys.exit(main())
