"""The source pane: links that say all of what they open, and the article with its passage and quote marked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote, unquote, urlsplit

from assistant.citations import Citation
from assistant.web.wording import counted, day, escape
from index.articles import Article
from index.passages import Span

_CONTEXT = 6_000  # characters of an article shown on either side of a passage
_CITED = re.compile(r"cite-(\d{1,9})-(\d{1,9})-(\d{1,9})-(\d{1,9})-(\S{1,3000})")


@dataclass(frozen=True)
class Cited:
    """Where a citation points: what its link holds, so that the page need remember nothing."""

    article_id: str
    quote: Span
    passage: Span


def place_of(citation: Citation) -> Cited:
    """Return where a citation points."""
    return Cited(citation.article_id, Span(citation.start, citation.end), citation.passage)


def cite_key(place: Cited) -> str:
    """Return a place as the fragment of an address."""
    places = (place.quote.start, place.quote.end, place.passage.start, place.passage.end)
    return f"cite-{'-'.join(map(str, places))}-{quote(place.article_id, safe='')}"


def link(citation: Citation, place: Cited | None = None) -> str:
    """Return a citation's marker as the link that opens it, or another place of its article."""
    told = escape(f"Source {citation.marker}: {describe(citation)}")
    return f'<a class="cite" href="#{cite_key(place or place_of(citation))}" title="{told}">[{citation.marker}]</a>'


def describe(citation: Citation) -> str:
    """Say which article a citation is of: its title, outlet and date."""
    known = (citation.title or citation.article_id, citation.source, day(citation.published))
    return ", ".join(part for part in known if part)


def cited(key: str) -> Cited | None:
    """Read what `cite_key` wrote; None for anything else, for it comes from a browser."""
    found = _CITED.fullmatch(key)
    if not found:
        return None
    start, end, passage_start, passage_end = map(int, found.groups()[:4])
    if not passage_start <= start < end <= passage_end:
        return None
    return Cited(unquote(found[5]), Span(start, end), Span(passage_start, passage_end))


def source(article: Article, place: Cited) -> str:
    """Return an article with the passage set apart in it and the quote marked."""
    text = article.text
    start = _paragraph_start(text, max(0, place.passage.start - _CONTEXT))
    end = min(len(text), place.passage.end + _CONTEXT)
    cuts = (start, place.passage.start, place.quote.start, place.quote.end, place.passage.end, end)
    before, lead, marked, rest, after = (escape(text[a:b]) for a, b in pairwise(cuts))
    return (
        f'<div class="source"><div class="head"><h2>{escape(article.title or article.id)}</h2>{_byline(article)}</div>'
        f'<div class="text">{_left_out(start)}{before}<span class="passage">{lead}<mark>{marked}</mark>{rest}</span>'
        f"{after}{_left_out(len(text) - end)}</div></div>"
    )


def _paragraph_start(text: str, position: int) -> int:
    """Return where the paragraph around `position` starts, if that is not far."""
    return position if position == 0 else max(text.rfind("\n", max(0, position - 500), position) + 1, position - 500)


def _left_out(characters: int) -> str:
    return f'<span class="left-out">[{counted(characters, "character")} not shown here]</span>' if characters else ""


def _byline(article: Article) -> str:
    known = (article.source, ", ".join(article.authors), day(article.published))
    parts = [escape(part) for part in known if part]
    if address := safe_address(article.url):
        parts.append(f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer">Original article</a>')
    return f'<p class="byline">{" · ".join(parts)}</p>' if parts else ""


def safe_address(url: str) -> str | None:
    """Return `url` if it is a web address, else None."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return url.strip() if parts.scheme in {"http", "https"} and parts.hostname else None
