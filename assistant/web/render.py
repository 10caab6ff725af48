"""The conversation and what stands around it, as HTML made of escaped text: pure functions of what is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from assistant.answer import Answer, Statement
from assistant.citations import Citation
from assistant.scope import scope
from assistant.web import confidence
from assistant.web.accounts import differing
from assistant.web.receipts import request_for
from assistant.web.source_pane import describe, link
from assistant.web.who_said_what import who_said_what
from assistant.web.wording import counted, day, days, escape
from index.catalogue import Holdings
from index.filters import Filters

_ANSWER = '<div class="answer'


@dataclass(frozen=True)
class Kept:
    """Where an answer is kept, and what was thought of it: its rating, and whether there is a note."""

    conversation_id: str
    number: int
    rating: str | None = None
    noted: bool = False


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


def question(text: str, number: int | None = None) -> str:
    """Return a question as the conversation shows it; `number` makes it the end of a link (see `turn_address`)."""
    where = f' id="turn-{number}"' if number else ""
    return f'<p class="asked"{where}>{escape(text)}</p>'


def turn_address(kept: Kept) -> str:
    """Return what follows the page's address in a link that opens a conversation at one of its turns."""
    return f"?conversation={quote(kept.conversation_id, safe='')}#turn-{kept.number}"


def stage(text: str) -> str:
    """Return what the assistant is doing right now."""
    return f'<p class="stage">{escape(text)}</p>'


def notice(text: str) -> str:
    """Return a sentence about the conversation itself."""
    return f'<p class="notice">{escape(text)}</p>'


def problem(text: str) -> str:
    """Return a sentence that says what went wrong."""
    return f'<p class="problem">{escape(text)}</p>'


def only(filters: Filters, undated: int = 0) -> str:
    """Say which articles are asked, with what clears the filters; nothing where it is all of them."""
    told = scope(filters, undated, day)
    if not told:
        return ""
    clear = '<a class="clear" href="#clear" role="button">Clear filters</a>'
    return f'<p class="only"><span>{escape(told)}</span> {clear}</p>'


def is_answer(html: str) -> bool:
    """Whether `html` is an answer, whole or in part, and not a stage or a notice."""
    return html.startswith(_ANSWER)


def answer(given: Answer, shown: int | None = None, kept: Kept | None = None, notes: Sequence[str] = ()) -> str:
    """Return an answer, or its first `shown` statements while it is being streamed.

    First stands how the question was understood and what was filtered, if anything was; `kept` says where the answer is
    kept, if it is, and `notes` what has changed since.
    """
    since = "".join(map(notice, notes))
    if given.abstained:
        return _abstention(given, since, kept)
    statements = given.statements[:shown]
    short = f'<p class="short">“{escape(given.short_answer)}”</p>' if given.short_answer else ""
    listed = "".join(f"<li>{_statement(statement)}</li>" for statement in statements)
    whole = len(statements) == len(given.statements)
    foot = since + _foot(given, confidence.in_words(given.confidence), kept)
    rest = foot + who_said_what(given) if whole else ""
    return f'{_ANSWER}">{_asked(given)}{differing(given)}{short}<ul class="statements">{listed}</ul>{rest}</div>'


def _abstention(given: Answer, since: str, kept: Kept | None) -> str:
    closest = "".join(f"<li>{_quoted(citation)}</li>" for citation in given.closest)
    listed = f'<p class="closest">What comes closest:</p><ul class="statements">{closest}</ul>' if closest else ""
    lead = f'<p class="lead"><span class="sign">∅</span> {escape(given.text)}</p>'
    foot = since + _foot(given, "Why no answer?" if closest else "", kept)
    return f'{_ANSWER} abstained">{_asked(given)}{lead}{listed}{foot}</div>'


def _asked(given: Answer) -> str:
    """Say what was asked, where it is not just what was typed: completed from the conversation, or of some articles."""
    understood = f'<p class="understood">Understood as: {escape(given.standalone)}</p>' if given.standalone else ""
    return understood + only(given.filters, given.undated)


def _statement(statement: Statement) -> str:
    return f'<b class="speaker">{escape(statement.lead)}:</b> {_quoted(statement.citation)}'


def _quoted(citation: Citation) -> str:
    """Show a quote: its own marks may nest any way they like, so it is set apart by its type and not by more marks."""
    place = f'<span class="place">{escape(describe(citation))}</span>'
    return f'<q class="quote">{escape(citation.quote)}</q>&#160;{link(citation)}{place}'


def _foot(given: Answer, why: str, kept: Kept | None) -> str:
    """Return the last line: how sure the answer is, or why there is none, as what opens the explanation; its copies.

    Of an answer that is kept, also what copies a link to it, and what says how good it is.
    """
    opens = f'<a class="why" href="#why" role="button" title="What this means">{why}</a>' if why else ""
    wanted = quote(json.dumps(request_for(given.as_json()), ensure_ascii=False), safe="")
    title = "Save the answer with its evidence"
    receipt = f'<a class="receipt" href="#receipt-{wanted}" role="button" title="{title}">Receipt</a>'
    deeds = _deeds(kept) if kept else ""
    return f'<p class="foot">{opens}<a class="copy" href="#copy" role="button">Copy</a>{receipt}{deeds}</p>'


def _deeds(kept: Kept) -> str:
    thumbs = "".join(
        f'<button type="button" class="thumb {rating}{" pressed" if kept.rating == rating else ""}" '
        f'value="{kept.number}" title="{name}"><span class="unseen">{name}</span></button>'
        for rating, name in (("up", "Good answer"), ("down", "Bad answer"))
    )
    note = "Edit note" if kept.noted else "Add a note"
    return (
        f'<button type="button" class="copy-link" value="{escape(turn_address(kept))}">Copy link</button>'
        f'<span class="rate">{thumbs}<button type="button" class="remark" value="{kept.number}">{note}</button></span>'
    )
