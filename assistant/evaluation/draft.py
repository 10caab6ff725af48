"""Drafts of a question set from articles: a start for a person to edit, never a measure by itself."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count as counting
from itertools import groupby, islice
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.evaluation.draft_cloze import clozes
from assistant.evaluation.draft_said import claimed
from assistant.evaluation.draft_wording import Drafted, is_clear
from index.articles import Article, Rejected, find_files, read_file
from index.errors import SaidsoError

_SOME_REJECTED = 3
# The share of a question's longer words that an article may have without being thought to answer it too: fewer where
# it also holds the answer.
_COMMON, _SAME = 0.6, 0.9


def draft(articles: Sequence[Article], count: int, seed: int = 0, left_out: float = 0.25) -> Iterator[dict[str, Any]]:
    """Yield up to `count` questions about the articles, as lines of a question file.

    Articles take turns, so that all have their share. Of every four articles (with `left_out` at a quarter) one is
    to be left out when the set is scored: its questions say so, and the right answer to them is to abstain; those that
    another article seems to answer are passed over. The same articles and the same seed give the same drafts, in
    whatever order the articles come.
    """
    if not 0 <= left_out <= 1:
        raise SaidsoError(f"The share of articles to leave out is {left_out:g}; give one between 0 and 1.")
    ordered = sorted(articles, key=lambda article: article.id)
    random.Random(seed).shuffle(ordered)
    absent = [article for at, article in enumerate(ordered) if _is_left_out(at, left_out)]
    kept = [article for at, article in enumerate(ordered) if not _is_left_out(at, left_out)]
    told = [article.text.casefold() for article in kept]
    unanswered = (_absent(*made) for made in _in_turns(absent, seed) if not _is_told(*made, told))
    answered = (_present(*made) for made in _in_turns(kept, seed))
    entries = islice(_each_once(_blended(answered, unanswered, left_out)), count)
    for number, entry in enumerate(entries, start=1):
        yield {"id": f"draft-{number:04}", **entry}


def _blended(most: Iterator[dict[str, Any]], few: Iterator[dict[str, Any]], share: float) -> Iterator[dict[str, Any]]:
    """Yield from two iterators so that `few` has its share from the start; where one runs dry, from the other."""
    for at in counting():
        first, second = (few, most) if _is_left_out(at, share) else (most, few)
        entry = next(first, None) or next(second, None)
        if entry is None:
            return
        yield entry


def _each_once(entries: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Pass over a question that another article has raised in the same words."""
    asked: set[str] = set()
    for entry in entries:
        if entry["question"] not in asked:
            asked.add(entry["question"])
            yield entry


def _is_left_out(at: int, share: float) -> bool:
    """Whether the article at this place is one of the share, which are spread evenly; a lone article never is."""
    return math.floor((at + 1) * share + 0.5) > math.floor(at * share + 0.5)


def _in_turns(articles: Sequence[Article], seed: int) -> Iterator[tuple[Article, Drafted]]:
    """Yield one question of each article, then another of each, until none has any left."""
    waiting = [(article, _mixed(article, seed)) for article in articles]
    while waiting:
        going_on = []
        for article, drafts in waiting:
            drafted = next(drafts, None)
            if drafted is not None:
                yield article, drafted
                going_on.append((article, drafts))
        waiting = going_on


def _mixed(article: Article, seed: int) -> Iterator[Drafted]:
    """Yield the questions of an article, its forms by turns in an order of its own; a gap only after all others."""
    chance = random.Random(f"{seed} {article.id}")
    forms: dict[str, list[Drafted]] = {}
    for drafted in drafts_of(article.text):
        forms.setdefault(drafted.form, []).append(drafted)
    gaps = forms.pop("gap", [])
    for drafts in (*forms.values(), gaps):
        chance.shuffle(drafts)
    turns = list(forms.values())
    chance.shuffle(turns)
    for at in range(max(map(len, turns), default=0)):
        yield from (drafts[at] for drafts in turns if at < len(drafts))
    yield from gaps


def _is_told(article: Article, drafted: Drafted, kept: Sequence[str]) -> bool:
    """Whether an article that stays seems to answer the question too, so that abstaining might be wrong."""
    answer, own = drafted.gold[0].text.casefold(), article.text.casefold()
    words = set(re.findall(r"\w{4,}", drafted.question.casefold()))
    asked = {word for word in words if word in own and word not in answer}
    return any(
        sum(word in text for word in asked) >= (_COMMON if answer in text else _SAME) * len(asked) for text in kept
    )


def _present(article: Article, drafted: Drafted) -> dict[str, Any]:
    spans = [{"article": article.id, "start": piece.start, "end": piece.end} for piece in drafted.gold]
    named = {"speaker": drafted.speaker} if drafted.speaker else {}
    answers = list(dict.fromkeys(piece.text for piece in drafted.gold))
    gold = {"question": drafted.question, "answers": answers, "articles": [article.id], "spans": spans, **named}
    return {**gold, "form": drafted.form, "draft": True}


def _absent(article: Article, drafted: Drafted) -> dict[str, Any]:
    return {
        "question": drafted.question,
        "answers": [],
        "form": drafted.form,
        "draft": True,
        "left_out": article.id,
        "left_out_answers": list(dict.fromkeys(piece.text for piece in drafted.gold)),
        "note": "To be asked with the article in left_out not indexed: the right answer is then to abstain.",
    }


# ── the questions of one text ───────────────────────────────────────────────────────────────────────────────


def drafts_of(text: str) -> list[Drafted]:
    """Return the questions that the rules can make of `text`, each once, with all that answers it."""
    made = [draft for draft in (*claimed(text), *clozes(text)) if is_clear(draft.question)]
    same = groupby(sorted(made, key=lambda draft: draft.question), key=lambda draft: draft.question)
    merged = [_merged(list(group)) for _, group in same]
    return sorted(merged, key=lambda draft: (draft.gold[0].start, draft.question))


def _merged(drafts: list[Drafted]) -> Drafted:
    gold = {(piece.start, piece.end): piece for draft in drafts for piece in draft.gold}
    return Drafted(drafts[0].form, drafts[0].question, tuple(gold[place] for place in sorted(gold)), drafts[0].speaker)


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────


def draft_command(
    articles: Annotated[list[Path], typer.Argument(help="Files and folders of articles, as for `saidso ingest`.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the drafts here. [default: standard output]", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="How many questions, at most.")] = 40,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same drafts.")] = 0,
    left_out: Annotated[
        float,
        typer.Option("--left-out", min=0.0, max=1.0, help="Share of articles whose questions should go unanswered."),
    ] = 0.25,
) -> None:
    """Propose questions about articles, with gold answers and spans, for a person to edit."""
    _say("These are drafts, made by rules: read each, mend or delete it, before you trust a score made with them.")
    read, rejected = _read(articles)
    drafts = list(draft(read, count, seed, left_out))
    _write(drafts, out)
    for line in _summary(drafts, count, {article.id: article.origin for article in read}):
        _say(line)
    for item in rejected:
        _say(f"{item.origin}: {item.reason}")
    if rejected:
        raise typer.Exit(_SOME_REJECTED)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _read(paths: Sequence[Path]) -> tuple[list[Article], list[Rejected]]:
    """Read all articles, each id once, and what could not be read. Raises SaidsoError where there is none."""
    found: dict[str, Article] = {}
    rejected = []
    for file in find_files(paths):
        for item in [file] if isinstance(file, Rejected) else (item for item, _ in read_file(file)):
            if isinstance(item, Rejected):
                rejected.append(item)
            else:
                found.setdefault(item.id, item)
    if not found:
        reasons = " ".join(item.reason for item in rejected[:3])
        raise SaidsoError(f"There is no article to make questions from. {reasons}".strip())
    return list(found.values()), rejected


def _write(drafts: Sequence[Mapping[str, Any]], out: Path | None) -> None:
    lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in drafts)
    if out is None:
        typer.echo(lines, nl=False)
        return
    try:
        out.write_text(lines, encoding="utf-8")
    except OSError as error:
        raise SaidsoError(
            f"The drafts could not be written to {out} ({error.strerror}); choose another --out."
        ) from error


def _summary(drafts: Sequence[Mapping[str, Any]], count: int, origins: Mapping[str, str]) -> Iterator[str]:
    """Say how many drafts there are, and how to use those whose article is to be left out."""
    absent = list(dict.fromkeys(entry["left_out"] for entry in drafts if "left_out" in entry))
    asked = sum("left_out" in entry for entry in drafts)
    short = "" if len(drafts) == count else f" of {count}; the articles give the rules no more to ask"
    yield f"{len(drafts)} drafts{short}, {asked} of them to be left unanswered."
    if absent:
        yield "`saidso eval DRAFTS --articles …` leaves these articles out; an index of your own must not hold them:"
    yield from (f"  {name} ({origins[name]})" if origins[name] else f"  {name}" for name in absent)
