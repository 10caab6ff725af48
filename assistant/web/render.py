"""The conversation and what stands around it, as HTML made of escaped text: pure functions of what is shown."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.answer import Answer, Statement
from assistant.citations import Citation
from assistant.web import confidence
from assistant.web.accounts import differing
from assistant.web.source_pane import describe, link
from assistant.web.who_said_what import who_said_what
from assistant.web.wording import counted, day, days, escape
from index.catalogue import Holdings
from index.filters import Filters
from index.ingest import IngestReport

_ANSWER = '<div class="answer'


def holdings_line(holdings: Holdings) -> str:
    """Say in one line what is indexed."""
    if not holdings.articles:
        return "No articles are indexed yet. Add some to ask about."
    outlets = sum(1 for source, _ in holdings.sources if source)
    parts = [counted(holdings.articles, "article"), counted(holdings.passages, "passage")]
    parts += [days(holdings.first, holdings.last)] if holdings.first else []
    parts += [counted(outlets, "outlet")] if outlets else []
    return ", ".join(parts)


def holdings(holdings: Holdings, can_log_out: bool) -> str:
    """Show what is indexed and, where there is a session, the way out of it."""
    way_out = '<a class="log-out" href="/logout">Log out</a>' if can_log_out else ""
    return f"<p>{escape(holdings_line(holdings))}{way_out}</p>"


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
    rest = _foot(confidence.in_words(given.confidence), scope) + who_said_what(given) if whole else ""
    return f'{_ANSWER}">{differing(given)}{short}<ul class="statements">{listed}</ul>{rest}</div>'


def _abstention(given: Answer, scope: str) -> str:
    closest = "".join(f"<li>{_quoted(citation)}</li>" for citation in given.closest)
    listed = f'<p class="closest">What comes closest:</p><ul class="statements">{closest}</ul>' if closest else ""
    foot = _foot("Why no answer?" if closest else "", scope)
    return f'{_ANSWER} abstained"><p class="lead">{escape(given.text)}</p>{listed}{foot}</div>'


def _statement(statement: Statement) -> str:
    return f'<b class="speaker">{escape(statement.lead)}:</b> {_quoted(statement.citation)}'


def _quoted(citation: Citation) -> str:
    """Show a quote: its own marks may nest any way they like, so it is set apart by its type and not by more marks."""
    place = f'<span class="place">{escape(describe(citation))}</span>'
    return f'<q class="quote">{escape(citation.quote)}</q>&#160;{link(citation)}{place}'


def _foot(why: str, scope: str) -> str:
    """Return the last line: how sure the answer is, or why there is none, as what opens the explanation of it."""
    opens = f'<a class="why" href="#why" role="button" title="What this means">{why}</a>' if why else ""
    told = f"<span>{escape(scope)}</span>" if scope else ""
    return f'<p class="foot">{opens}{told}<a class="copy" href="#copy" role="button">Copy</a></p>'


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
