"""Holding a receipt against the index: what still stands, and what has changed since, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.assistant import Assistant
from assistant.receipt import Receipt, article_facts, evidence_of
from assistant.receipt_file import read_receipt
from index.articles import Article
from index.errors import SaidsoError
from index.filters import Filters
from index.version import saidso_version

_QUOTED_BACK = 120  # characters of an answer that is shown


@dataclass(frozen=True)
class Finding:
    """One thing that was checked, and what was found.

    `about` is "receipt", "article", "quote", "version", "models", "settings", "index" or "answer".
    """

    about: str
    changed: bool
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """Return the finding as `saidso verify --json` prints it."""
        return {"about": self.about, "changed": self.changed, "sentence": self.sentence}


def verify(assistant: Assistant, path: Path, again: bool = False) -> list[Finding]:
    """Check the receipt in a file; with `again`, ask its question once more.

    Raises SaidsoError where the file cannot be read or holds no receipt.
    """
    receipt, altered = read_receipt(path)
    findings = [Finding("receipt", bool(altered), altered or "The receipt is as it was written.")]
    findings += [*_quotes(assistant, receipt), *_made_with(assistant, receipt)]
    return [*findings, _again(assistant, receipt)] if again else findings


# ── articles and quotes ─────────────────────────────────────────────────────────────────────────────────────


def _quotes(assistant: Assistant, receipt: Receipt) -> Iterator[Finding]:
    answer = receipt.content["answer"]
    for article_id, then in receipt.content["articles"].items():
        article, now = assistant.article(article_id), article_facts(assistant, article_id)
        cited = [one for one in (*answer["citations"], *answer["closest"]) if one["article_id"] == article_id]
        if article is None or now is None:
            markers = ", ".join(f"[{one['marker']}]" for one in cited)
            yield Finding("article", True, f"Article {article_id!r} is gone; quote {markers} cannot be checked.")
            continue
        is_same = now["text_sha256"] == then["text_sha256"]
        if not is_same:
            yield Finding("article", True, f"The text of article {article_id!r} has changed.")
        if changed := [name for name in ("title", "source", "published", "url") if now[name] != then.get(name)]:
            yield Finding("article", True, f"Article {article_id!r} has another {' and '.join(changed)} now.")
        yield from (_quote(one, article, is_same) for one in cited)


def _quote(citation: Mapping[str, Any], article: Article, is_same: bool) -> Finding:
    quote, start, end = citation["quote"], citation["start"], citation["end"]
    named = f"Quote [{citation['marker']}]"
    if article.text[start:end] == quote:
        return Finding("quote", False, f"{named} stands in {article.id!r} at characters {start}–{end}.")
    if is_same:
        return Finding("quote", True, f"{named} is not what {article.id!r} says there, nor was it then.")
    places = _places(article.text, quote)
    if not places:
        return Finding("quote", True, f"{named} is no longer in {article.id!r}.")
    moved = min(places, key=lambda place: abs(place - start))
    return Finding(
        "quote", True, f"{named} still stands in {article.id!r}, now at characters {moved}–{moved + len(quote)}."
    )


def _places(text: str, quote: str) -> list[int]:
    places, found = [], text.find(quote)
    while found >= 0:
        places.append(found)
        found = text.find(quote, found + 1)
    return places


# ── what made it ────────────────────────────────────────────────────────────────────────────────────────────


def _made_with(assistant: Assistant, receipt: Receipt) -> Iterator[Finding]:
    then, version = receipt.content, saidso_version()
    if then["saidso"] != version:
        yield Finding("version", True, f"It was written by Saidso {then['saidso']!r}; this is {version!r}.")
    for part, now in assistant.made_with().items():
        for name in sorted({*then[part], *now}):
            was, is_ = then[part].get(name), now.get(name)
            if was != is_:
                yield Finding(part, True, f"{name} was {was!r:.80}; it is {is_!r:.80} now.")
    articles, held = assistant.holdings().articles, then["index"]["articles"]
    if articles != held:
        yield Finding("index", False, f"The index holds {articles:,} articles; it held {held:,}.")


def _again(assistant: Assistant, receipt: Receipt) -> Finding:
    then = receipt.content["answer"]
    try:
        answer = assistant.ask(
            then["standalone_question"], Filters.from_json(then["filters"]), extractive=True
        ).as_json()
    except SaidsoError as error:
        return Finding("answer", True, f"The question cannot be asked again ({error}).")
    now, before = evidence_of(answer), evidence_of(then)
    if all(now.get(name) == value for name, value in before.items()):
        return Finding("answer", False, "Asked again, the answer is the same.")
    if now["answer"] != before.get("answer"):
        told = f"{answer['answer']:.{_QUOTED_BACK}}"
        return Finding("answer", True, f"Asked again, the answer is another: {told!r}")
    return Finding("answer", True, "Asked again, the answer has the same words, but what it rests on has changed.")
