"""A conversation to take along: as Markdown, HTML or PDF, with every quote, where it stands and the way to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from assistant.answer import Answer
from assistant.citations import Citation
from assistant.conversations import ANSWERED, FAILED, STOPPED, Conversation, Turn
from assistant.pdf import Writer
from assistant.scope import scope
from assistant.standing import ArticleOf, check
from assistant.web.source_pane import address, describe, place_of, safe_address
from assistant.web.wording import counted, day

_MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$])")


@dataclass(frozen=True)
class Line:
    """One paragraph of an export: what it is, and its text; a statement's `lead` says who says it.

    `kind` is title, question, note, short, lead, statement, source or problem. A source has `links`: (label, address).
    """

    kind: str
    text: str
    lead: str = ""
    links: tuple[tuple[str, str], ...] = ()


def as_markdown(conversation: Conversation, turns: Sequence[Turn], site: str, article_of: ArticleOf | None) -> bytes:
    """Return the conversation as Markdown; `site` is the address of the page, which links begin with."""
    written = "\n\n".join(map(_markdown, lines(conversation, turns, site, article_of)))
    return f"{written}\n".encode("utf-8", "replace")


def as_html(conversation: Conversation, turns: Sequence[Turn], site: str, article_of: ArticleOf | None) -> bytes:
    """Return the conversation as one HTML page without a script, which prints well."""
    body = "\n".join(map(_html, lines(conversation, turns, site, article_of)))
    return _PAGE.format(title=escape(conversation.title), body=body).encode("utf-8", "replace")


def as_pdf(conversation: Conversation, turns: Sequence[Turn], site: str, article_of: ArticleOf | None) -> bytes:
    """Return the conversation as PDF; letters that no font at hand has are named in it, see `assistant.pdf`."""
    found = list(lines(conversation, turns, site, article_of))
    texts = [text for line in found for text in (line.lead, line.text, *(label for label, _ in line.links))]
    writer = Writer(conversation.title, datetime.fromisoformat(conversation.changed), "".join(texts))
    for line in found:
        writer.paragraph(line.kind, line.text, line.lead, line.links)
    return writer.finished()


FORMATS: dict[str, tuple[str, Callable[[Conversation, Sequence[Turn], str, ArticleOf | None], bytes]]] = {
    "md": ("text/markdown; charset=utf-8", as_markdown),
    "html": ("text/html; charset=utf-8", as_html),
    "pdf": ("application/pdf", as_pdf),
}


# ── what it says ────────────────────────────────────────────────────────────────────────────────────────────


def lines(conversation: Conversation, turns: Sequence[Turn], site: str, article_of: ArticleOf | None) -> Iterator[Line]:
    """Yield the paragraphs of an export, each answer held against the articles as they are now."""
    yield Line("title", conversation.title)
    yield Line(
        "note",
        f"{counted(len(turns), 'question')}, {_moment(conversation.created)}. All that stands in quotation marks is "
        "quoted exactly; the numbers after a source say which characters of the article that is.",
    )
    for turn in turns:
        yield Line("question", f"{turn.number}. {' '.join(turn.question.split())}")
        only = scope(turn.scope, write_day=day)
        yield Line("note", f"Asked {_moment(turn.asked)}.{f' {only}.' if only else ''}")
        if turn.told is not None:
            checked = check(turn.told, article_of) if article_of else None
            yield from _answer(checked.answer if checked else turn.told, site)
            yield from (Line("problem", note) for note in (checked.notes if checked else ()))
        if turn.state != ANSWERED:
            yield Line("problem", _ending(turn))


def _ending(turn: Turn) -> str:
    if turn.state == FAILED:
        return turn.why or "No answer could be given."
    if turn.state == STOPPED:
        return "This answer was stopped while it was being told." if turn.answer else "This question was stopped."
    return "This question was broken off before there was an answer."


def _answer(given: Answer, site: str) -> Iterator[Line]:
    cited = given.citations or given.closest
    if given.abstained or not given.statements:
        yield Line("lead", given.text)
    if given.disagreement:
        yield Line("lead", given.disagreement)
        for account in given.accounts:
            markers = " ".join(f"[{marker}]" for marker in account.citations)
            yield Line("statement", f"{', '.join(account.speakers)} {markers}", account.position)
    if given.short_answer:
        yield Line("short", f"“{given.short_answer}”")
    for statement in given.statements:
        yield Line("statement", f"“{statement.citation.quote}” [{statement.citation.marker}]", f"{statement.lead}:")
    if given.abstained and given.closest:
        yield Line("lead", "What comes closest:")
        yield from (Line("statement", f"“{citation.quote}” [{citation.marker}]") for citation in given.closest)
    yield from (_source(citation, site) for citation in cited)


def _source(citation: Citation, site: str) -> Line:
    where = f"[{citation.marker}] {describe(citation)}, characters {citation.start}–{citation.end}"
    own = f"{site.rstrip('/')}/{address(place_of(citation))}"
    original = safe_address(citation.url)
    return Line("source", where, links=(("In Saidso", own), *((("Original article", original),) if original else ())))


def _moment(iso: str) -> str:
    return f"{day(iso)}, {iso[11:16]} UTC"


# ── how it is written ───────────────────────────────────────────────────────────────────────────────────────


def _markdown(line: Line) -> str:
    text, lead = _plain(line.text), _plain(line.lead)
    links = "".join(f" · [{label}](<{_in_brackets(where)}>)" for label, where in line.links)
    return {
        "title": f"# {text}",
        "question": f"## {text}",
        "note": f"*{text}*",
        "short": f"> {text}",
        "lead": f"**{text}**",
        "statement": f"- **{lead}** {text}" if lead else f"- {text}",
        "source": f"{text}{links}",
        "problem": f"> *{text}*",
    }[line.kind]


def _plain(text: str) -> str:
    """Return text in which Markdown finds no sign of its own; a number that would begin a list is not taken for one."""
    return _MARKDOWN_SIGNS.sub(r"\\\1", " ".join(text.split()))


def _in_brackets(where: str) -> str:
    return where.replace("<", "%3C").replace(">", "%3E").replace("\\", "%5C")


def _html(line: Line) -> str:
    text, lead = escape(line.text), escape(line.lead)
    links = "".join(
        f' · <a href="{escape(where)}" rel="noopener noreferrer">{label}</a>' for label, where in line.links
    )
    return {
        "title": f'<h1 dir="auto">{text}</h1>',
        "question": f'<h2 dir="auto">{text}</h2>',
        "note": f'<p class="note">{text}</p>',
        "short": f'<p class="short" dir="auto">{text}</p>',
        "lead": f'<p class="lead" dir="auto">{text}</p>',
        "statement": f'<p class="statement" dir="auto">{f"<b>{lead}</b> " if lead else ""}{text}</p>',
        "source": f'<p class="source">{text}{links}</p>',
        "problem": f'<p class="problem">{text}</p>',
    }[line.kind]


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --soft: light-dark(#635c52, #aea79b); --accent: light-dark(#8f1d1d, #f0a497); }}
body {{ max-width: 42rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere;
  font: 1.0625rem/1.55 Charter, "Bitstream Charter", "Iowan Old Style", Georgia, serif; }}
h1 {{ font-size: 1.8rem; line-height: 1.2; margin: 0 0 0.4rem; }}
h2 {{ margin: 2rem 0 0.2rem; padding-top: 1rem; border-top: 1px solid var(--soft); font-size: 1.3rem; }}
h2, .lead {{ break-after: avoid; }}
p {{ margin: 0 0 0.7rem; break-inside: avoid; white-space: pre-wrap; }}
.note, .source {{ color: var(--soft); font-size: 0.9375rem; }}
.source {{ margin-bottom: 0.3rem; }}
.short {{ font-size: 1.25rem; padding-inline-start: 0.9rem; border-inline-start: 4px solid var(--accent); }}
.lead {{ font-weight: 700; }}
.problem {{ padding: 0.4rem 0.8rem; border-inline-start: 4px solid var(--accent); }}
a {{ color: var(--accent); }}
@page {{ margin: 2cm; }}
@media print {{ body {{ margin: 0; max-width: none; font-size: 11pt; }} }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
