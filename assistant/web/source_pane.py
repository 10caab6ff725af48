"""The source pane: links that say all of what they open, and the article with its passage and quote marked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import quote, unquote, urlencode, urlsplit

from assistant.citations import Citation
from assistant.web.wording import counted, day, escape
from index.articles import Article
from index.errors import SaidsoError
from index.passages import Span

_CONTEXT = 6_000  # characters of an article shown on either side of a passage
_CITED = re.compile(r"cite(?::(\d{1,9}:[0-9a-f]{8}))?-(\d{1,9})-(\d{1,9})-(\d{1,9})-(\d{1,9})-(\S{1,3000})")


@dataclass(frozen=True)
class Cited:
    """Where a citation points: what its link holds, so that the page need remember nothing.

    `words` tell whether the article still reads there as it did (see `known_by`); "" where nobody knows how it read.
    """

    article_id: str
    quote: Span
    passage: Span
    words: str = field(default="", compare=False)

    def stands_in(self, text: str) -> bool:
        """Whether an article of this text holds the place, and reads there as it did."""
        start, length = self.quote.start, int(self.words.partition(":")[0] or 0)
        is_same = not self.words or known_by(text[start : start + length]) == self.words
        return self.passage.end <= len(text) and is_same


def place_of(citation: Citation) -> Cited:
    """Return where a citation points."""
    return Cited(citation.article_id, Span(citation.start, citation.end), citation.passage, known_by(citation.quote))


def known_by(words: str) -> str:
    """Return how many characters words have, and by what they are known again."""
    return f"{len(words)}:{hashlib.sha256(words.encode('utf-8', 'replace')).hexdigest()[:8]}"


def cite_key(place: Cited) -> str:
    """Return a place as the fragment of an address."""
    places = (place.quote.start, place.quote.end, place.passage.start, place.passage.end)
    words = f":{place.words}" if place.words else ""
    return f"cite{words}-{'-'.join(map(str, places))}-{quote(place.article_id, safe='')}"


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
    start, end, passage_start, passage_end = map(int, found.groups()[1:5])
    if not passage_start <= start < end <= passage_end:
        return None
    return Cited(unquote(found[6]), Span(start, end), Span(passage_start, passage_end), found[1] or "")


def address(place: Cited) -> str:
    """Return what follows the page's address in a link that opens a place of an article."""
    told = {"article": place.article_id}
    if place.quote.end:
        told |= {"start": str(place.quote.start), "end": str(place.quote.end)}
    return f"?{urlencode(told | ({'words': place.words} if place.words else {}))}"


def linked(query: Mapping[str, str]) -> Cited | None:
    """Read what `address` wrote; None where it names no article, a place from 0 to 0 where it names no more than that.

    Raises SaidsoError for a place that is none.
    """
    if not query.get("article"):
        return None
    given = [query.get(name, "") for name in ("start", "end")]
    if not any(given):
        return Cited(query["article"], Span(0, 0), Span(0, 0))
    start, end = (int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1 for text in given)
    if not 0 <= start < end:
        raise SaidsoError(
            f"The link names no place of an article: its start is {given[0]!r:.40} and its end {given[1]!r:.40}. "
            "Copy it again from the source, or leave both out to open the whole article."
        )
    words = query.get("words", "")
    known = words if re.fullmatch(r"[0-9]{1,9}:[0-9a-f]{8}", words) else ""
    return Cited(query["article"], Span(start, end), Span(start, end), known)


def opened(place: Cited, article: Article | None) -> str:
    """Return what the pane shows: the article at the place, or all that can be shown of it. Raises SaidsoError if none.

    Where the place does not read as it did, that is said, and nothing is marked.
    """
    if article is None:
        raise SaidsoError(
            f"The article {place.article_id!r:.120} is no longer indexed, or the link is of another collection."
        )
    if place.stands_in(article.text):
        return source(article, place)
    changed = '<p class="problem">This article has changed since: what was cited no longer stands there.</p>'
    return changed + source(article, Cited(place.article_id, Span(0, 0), Span(0, 0)))


def source(article: Article, place: Cited) -> str:
    """Return an article with the passage set apart in it and the quote marked, unless both are empty."""
    text = article.text
    start = _paragraph_start(text, max(0, place.passage.start - _CONTEXT))
    end = min(len(text), place.passage.end + _CONTEXT)
    cuts = (start, place.passage.start, place.quote.start, place.quote.end, place.passage.end, end)
    before, lead, marked, rest, after = (escape(text[a:b]) for a, b in pairwise(cuts))
    return (
        f'<div class="source"><div class="head"><h2>{escape(article.title or article.id)}</h2>'
        f'{_byline(article, place)}</div><div class="text">{_left_out(start)}{before}'
        f"{_passage(lead, marked, rest)}{after}{_left_out(len(text) - end)}</div></div>"
    )


def _passage(lead: str, marked: str, rest: str) -> str:
    return f'<span class="passage">{lead}<mark>{marked}</mark>{rest}</span>' if marked else ""


def _paragraph_start(text: str, position: int) -> int:
    """Return where the paragraph around `position` starts, if that is not far."""
    return position if position == 0 else max(text.rfind("\n", max(0, position - 500), position) + 1, position - 500)


def _left_out(characters: int) -> str:
    return f'<span class="left-out">[{counted(characters, "character")} not shown here]</span>' if characters else ""


def _byline(article: Article, place: Cited) -> str:
    known = (article.source, ", ".join(article.authors), day(article.published))
    parts = [escape(part) for part in known if part]
    if original := safe_address(article.url):
        parts.append(f'<a href="{escape(original)}" target="_blank" rel="noopener noreferrer">Original article</a>')
    parts.append(f'<button type="button" class="copy-link" value="{escape(address(place))}">Copy link</button>')
    return f'<p class="byline">{" · ".join(parts)}</p>'


def safe_address(url: str) -> str | None:
    """Return `url` if it is a web address, else None."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return url.strip() if parts.scheme in {"http", "https"} and parts.hostname else None
