"""What the page shows, as HTML made of escaped text: pure functions of answers, articles and holdings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from urllib.parse import quote, unquote, urlsplit

from assistant.answer import Answer, Statement
from assistant.citations import Citation
from index.articles import Article
from index.catalogue import Holdings
from index.filters import Filters
from index.ingest import IngestReport
from index.passages import Span

_CONTEXT = 6_000  # characters of an article shown on either side of a passage
_CITED = re.compile(r"cite-(\d{1,9})-(\d{1,9})-(\d{1,9})-(\d{1,9})-(\S{1,3000})")
_PLAIN = re.compile(r"[^\w ]|_")
_SURE, _FAIRLY_SURE = 0.85, 0.65
_ANSWER = '<div class="answer'
_NO_ANSWER = "The articles do not hold an answer to this."


def escape(text: str) -> str:
    """Return `text` for a place where HTML and Markdown are read alike, so that neither finds a sign of its own."""
    return _PLAIN.sub(lambda sign: f"&#{ord(sign[0])};", text)


def day(published: str) -> str:
    """Return an ISO date as people write it, "16 March 2017"; anything else as it is."""
    try:
        value = date.fromisoformat(published[:10])
    except ValueError:
        return published
    return f"{value.day} {value:%B} {value.year}"


def days(first: str, last: str) -> str:
    """Return a range of ISO dates, without saying the same year or day twice."""
    start, end = day(first), day(last)
    if start == end:
        return start
    return f"{start.removesuffix(first[:4]).strip() if first[:4] == last[:4] else start} – {end}"


def counted(number: int, thing: str) -> str:
    """Return "1 article", "1,200 articles"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def confidence(probability: float) -> str:
    """Return a probability in words."""
    if probability >= _SURE:
        return "High confidence"
    return "Fair confidence" if probability >= _FAIRLY_SURE else "Low confidence"


def holdings_line(holdings: Holdings) -> str:
    """Say in one line what is indexed."""
    if not holdings.articles:
        return "No articles are indexed yet. Add some to ask about."
    outlets = sum(1 for source, _ in holdings.sources if source)
    parts = [counted(holdings.articles, "article"), counted(holdings.passages, "passage")]
    parts += [days(holdings.first, holdings.last)] if holdings.first else []
    parts += [counted(outlets, "outlet")] if outlets else []
    return ", ".join(parts)


# ── the conversation ────────────────────────────────────────────────────────────────────────────────────────


def question(text: str) -> str:
    """Return a question as the conversation shows it."""
    return f'<p class="asked">{escape(text)}</p>'


def stage(text: str) -> str:
    """Return what the assistant is doing right now."""
    return f'<p class="stage">{escape(text)}</p>'


def notice(text: str) -> str:
    """Return a sentence about the conversation itself."""
    return f'<p class="notice">{escape(text)}</p>'


def problem(text: str) -> str:
    """Return a sentence that says what went wrong."""
    return f'<p class="problem">{escape(text)}</p>'


def scope(filters: Filters) -> str:
    """Say which articles a question was put to, or nothing if it was all of them."""
    said = [", ".join(filters.sources)] if filters.sources else []
    if filters.since:
        said.append(f"from {day(str(filters.since))}")
    if filters.until:
        said.append(f"to {day(str(filters.until))}")
    return f"Only: {', '.join(said)}" if said else ""


def is_answer(html: str) -> bool:
    """Whether `html` is an answer, whole or in part, and not a stage or a notice."""
    return html.startswith(_ANSWER)


def answer(given: Answer, shown: int | None = None, scope: str = "") -> str:
    """Return an answer, or its first `shown` statements while it is being streamed; `scope` says what was filtered."""
    if given.abstained:
        return _abstention(given, scope)
    statements = given.statements[:shown]
    short = f'<p class="short">“{escape(given.short_answer)}”</p>' if given.short_answer else ""
    listed = "".join(f"<li>{_statement(statement)}</li>" for statement in statements)
    whole = len(statements) == len(given.statements)
    foot = _foot(confidence(given.confidence), scope) if whole else ""
    return f'{_ANSWER}">{short}<ul class="statements">{listed}</ul>{foot}</div>'


def _abstention(given: Answer, scope: str) -> str:
    lead = _NO_ANSWER if given.closest else given.text
    closest = "".join(f"<li>{_quoted(citation)}</li>" for citation in given.closest)
    listed = f'<p class="closest">What comes closest:</p><ul class="statements">{closest}</ul>' if closest else ""
    return f'{_ANSWER} abstained"><p class="lead">{escape(lead)}</p>{listed}{_foot("", scope)}</div>'


def _statement(statement: Statement) -> str:
    return f'<b class="speaker">{escape(statement.lead)}:</b> {_quoted(statement.citation)}'


def _quoted(citation: Citation) -> str:
    """Show a quote: its own marks may nest any way they like, so it is set apart by its type and not by more marks."""
    place = f'<span class="place">{escape(_describe(citation))}</span>'
    return f'<q class="quote">{escape(citation.quote)}</q>&#160;{_link(citation)}{place}'


def _link(citation: Citation) -> str:
    told = escape(f"Source {citation.marker}: {_describe(citation)}")
    return f'<a class="cite" href="#{cite_key(citation)}" title="{told}">[{citation.marker}]</a>'


def _describe(citation: Citation) -> str:
    known = (citation.title or citation.article_id, citation.source, day(citation.published))
    return ", ".join(part for part in known if part)


def _foot(sure: str, scope: str) -> str:
    said = "".join(f"<span>{escape(text)}</span>" for text in (sure, scope) if text)
    return f'<p class="foot">{said}<a class="copy" href="#copy" role="button">Copy</a></p>'


# ── the source pane ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Cited:
    """Where a citation points: what its link holds, so that the page need remember nothing."""

    article_id: str
    quote: Span
    passage: Span


def cite_key(citation: Citation) -> str:
    """Return a citation as the fragment of an address."""
    places = (citation.start, citation.end, citation.passage.start, citation.passage.end)
    return f"cite-{'-'.join(map(str, places))}-{quote(citation.article_id, safe='')}"


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


# ── adding articles ─────────────────────────────────────────────────────────────────────────────────────────


def outcome(name: str, report: IngestReport) -> str:
    """Say what became of one file."""
    numbers = (("added", len(report.added)), ("replaced", len(report.replaced)), ("already there", report.unchanged))
    said = [f"{counted(number, 'article')} {what}" for what, number in numbers if number]
    good = f'<li class="good">{_named(name)}: {escape(", ".join(said))}.</li>' if said else ""
    bad = "".join(failed(name, rejected.reason) for rejected in report.rejected)
    return good + bad or f'<li class="bad">{_named(name)}: no article was found in it.</li>'


def failed(name: str, reason: str) -> str:
    """Say what is wrong with a file; most reasons begin with its name."""
    rest = escape(reason.removeprefix(name)) if reason.startswith(name) else f": {escape(reason)}"
    return f'<li class="bad">{_named(name)}{rest}</li>'


def outcomes(lines: Sequence[str], working_on: str = "") -> str:
    """Return the files' outcomes so far, and which one is being read."""
    now = f'<li class="stage">{escape(working_on)}</li>' if working_on else ""
    return f'<ul class="outcomes" role="status">{"".join(lines)}{now}</ul>'


def _named(name: str) -> str:
    return f"<b>{escape(name)}</b>"
