"""The conversation and what stands around it, as HTML made of escaped text: pure functions of what is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from assistant.answer import Answer, Statement
from assistant.citations import Citation
from assistant.prose import Prose, Written
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
    noted = notice(given.note) if given.note else ""
    foot = noted + since + _foot(given, confidence.in_words(given.confidence), kept)
    rest = foot + who_said_what(given) if whole else ""
    told = _prose(given.prose) if given.prose else f'<ul class="statements">{listed}</ul>'
    return f'{_ANSWER}">{_asked(given)}{differing(given)}{short}{told}{rest}</div>'


def being_written(text: str) -> str:
    """Return what a language model has written so far, each sentence verified already."""
    return f'{_ANSWER}"><p class="prose">{escape(text)}</p></div>'


def _prose(prose: Prose) -> str:
    """Show what a language model wrote, what is not borne out struck through, and below it the quotes it rests on."""
    links = {citation.marker: link(citation) for citation in prose.citations}
    sentences = " ".join(filter(None, (_sentence(one, links, prose.shows_struck) for one in prose.sentences)))
    rests = "".join(f"<li>{_quoted(citation)}</li>" for citation in prose.citations)
    return (
        f'<p class="prose">{sentences}</p><p class="closest">Written by {escape(prose.model)}; each sentence was held '
        f'against these quotes:</p><ul class="statements">{rests}</ul>'
    )


def _sentence(sentence: Written, links: Mapping[int, str], shows_struck: bool) -> str:
    if sentence.fault is None:
        plain = sentence.text.removesuffix("".join(f"[{marker}]" for marker in sentence.markers)).rstrip()
        mended = f' <span class="mended">({escape("; ".join(sentence.repairs))})</span>' if sentence.repairs else ""
        return f"{escape(plain)}&#160;{''.join(links[marker] for marker in sentence.markers)}{mended}"
    return (
        f'<s>{escape(sentence.text)}</s> <span class="mended">({escape(sentence.fault)})</span>' if shows_struck else ""
    )


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
    wanted = quote(json.dumps(request_for(given.in_quotes().as_json()), ensure_ascii=False), safe="")
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
