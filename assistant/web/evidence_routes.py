"""Evidence over HTTP: the words that a citation stands for, and who said what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query

from assistant.answer import claim_as_json
from assistant.web import schema
from assistant.web.openapi import described, refusals
from assistant.web.refusals import known_article
from assistant.web.startup import Startup
from index.articles import Article
from index.errors import SaidsoError
from index.passages import Span


def evidence_router(startup: Startup) -> APIRouter:
    """Return the routes that open a citation and list claims."""
    routes, router = _Routes(startup), APIRouter(prefix="/api", tags=["Evidence"], responses=refusals(404, 422, 503))
    passage = described("Open a citation", schema.PassageText)
    router.add_api_route("/passages/{article_id:path}", routes.passage, **passage)
    router.add_api_route("/claims", routes.claims, **described("List who said what", schema.Claims))
    return router


class _Routes:
    """What each route does, in a thread."""

    def __init__(self, startup: Startup) -> None:
        self._startup = startup

    def passage(self, article_id: schema.ArticleId, place: Annotated[schema.PassageQuery, Query()]) -> dict[str, Any]:
        """The exact words of a span, with the passage around it: what a citation points to."""
        assistant = self._startup.assistant
        article = known_article(assistant, article_id)
        if not place.start < place.end <= len(article.text):
            raise SaidsoError(
                f"There are no characters {place.start} to {place.end} in this article; it has {len(article.text):,}, "
                "and start must be less than end."
            )
        around = _around(assistant.passages(article_id), Span(place.start, place.end))
        facts = {name: getattr(article, name) for name in ("title", "source", "published", "url")}
        words = _words(article, Span(place.start, place.end))
        return {"article_id": article_id, **words, "passage": _words(article, around), **facts}

    def claims(self, asked: Annotated[schema.ClaimsQuery, Query()]) -> dict[str, Any]:
        """Who said what, by date: of one article, or of all that the filters keep."""
        assistant = self._startup.assistant
        if asked.article_id is not None:
            known_article(assistant, asked.article_id)
        total, told = assistant.claims_by(asked.filters, asked.article_id, asked.offset, asked.limit)
        claims = [
            {
                **claim_as_json(claim, article.id),
                "candidates": candidates,
                "source": article.source,
                "published": article.published,
            }
            for (article, claim), candidates in zip(told, assistant.candidates_for(told), strict=True)
        ]
        return {"total": total, "claims": claims}


def _words(article: Article, span: Span) -> dict[str, Any]:
    return {"start": span.start, "end": span.end, "text": article.text[span.start : span.end]}


def _around(passages: Sequence[Span], span: Span) -> Span:
    """Return the passage that holds the span, or where none holds it whole, all that it touches."""
    for passage in passages:
        if passage.start <= span.start and span.end <= passage.end:
            return passage
    touched = [passage for passage in passages if passage.start < span.end and span.start < passage.end]
    starts, ends = [one.start for one in (*touched, span)], [one.end for one in (*touched, span)]
    return Span(min(starts), max(ends))
