"""Whether what an answer quoted still stands in the articles, which may have changed or gone since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from assistant.answer import Answer, Statement
from assistant.citations import Citation
from index.articles import Article
from index.claim_words import Piece
from index.claims import Claim
from index.passages import Span

ArticleOf = Callable[[str], Article | None]


class Standing(Enum):
    """What became of a quote's place: nothing, it moved within its article, it or its article is gone."""

    AS_IT_WAS = "as it was"
    MOVED = "moved"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True)
class Checked:
    """An answer whose citations point to where their quotes stand now, and sentences on what has changed since."""

    answer: Answer
    notes: tuple[str, ...] = ()


def check(answer: Answer, article_of: ArticleOf) -> Checked:
    """Hold every quote of a stored answer against its article as it is now."""
    cited = answer.citations or answer.closest
    articles = {id_: article_of(id_) for id_ in dict.fromkeys(citation.article_id for citation in cited)}
    found = [_found(citation, articles[citation.article_id]) for citation in cited]
    now = {citation.marker: moved for citation, (_, moved) in zip(cited, found, strict=True)}
    notes = _notes([(citation, standing) for citation, (standing, _) in zip(cited, found, strict=True)])
    return Checked(
        replace(
            answer,
            statements=tuple(_moved(statement, now[statement.citation.marker]) for statement in answer.statements),
            closest=tuple(now[citation.marker] for citation in answer.closest),
        ),
        notes,
    )


def _found(citation: Citation, article: Article | None) -> tuple[Standing, Citation]:
    """Return what became of a quote, and the citation of where it stands now (as it was where it is nowhere)."""
    if article is None:
        return Standing.GONE, citation
    text, quote = article.text, citation.quote
    if text.startswith(quote, citation.start):
        return Standing.AS_IT_WAS, citation
    start = text.find(quote)
    if start < 0 or text.find(quote, start + 1) >= 0:  # nowhere, or who knows which
        return Standing.CHANGED, citation
    by = start - citation.start
    passage = Span(max(0, citation.passage.start + by), min(len(text), citation.passage.end + by))
    return Standing.MOVED, replace(citation, start=start, end=start + len(quote), passage=passage)


def _moved(statement: Statement, citation: Citation) -> Statement:
    by = citation.start - statement.citation.start
    claims = tuple(_claim_moved(claim, by) for claim in statement.claims) if by else statement.claims
    return replace(statement, citation=citation, claims=claims)


def _claim_moved(claim: Claim, by: int) -> Claim:
    return replace(
        claim,
        speaker=_piece_moved(claim.speaker, by),
        cue=_piece_moved(claim.cue, by),
        content=tuple(replace(piece, start=piece.start + by, end=piece.end + by) for piece in claim.content),
    )


def _piece_moved(piece: Piece | None, by: int) -> Piece | None:
    return replace(piece, start=piece.start + by, end=piece.end + by) if piece else None


def _notes(found: Sequence[tuple[Citation, Standing]]) -> tuple[str, ...]:
    """Return a sentence for each article and what became of its quotes."""
    grouped: dict[tuple[str, Standing], list[Citation]] = {}
    for citation, standing in found:
        if standing is not Standing.AS_IT_WAS:
            grouped.setdefault((citation.article_id, standing), []).append(citation)
    return tuple(_note(standing, citations) for (_, standing), citations in grouped.items())


def _note(standing: Standing, citations: Sequence[Citation]) -> str:
    article = f"“{citations[0].title or citations[0].article_id}”"
    markers = ", ".join(f"[{citation.marker}]" for citation in citations)
    several = len(citations) > 1
    if standing is Standing.GONE:
        return f"{article} ({markers}) is no longer indexed; what it said is kept here only."
    if standing is Standing.MOVED:
        return f"{article} has changed since; what {markers} {'quote' if several else 'quotes'} still stands in it."
    return f"{article} has changed since; what {markers} {'quote' if several else 'quotes'} no longer stands in it."
