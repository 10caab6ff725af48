"""The chat page: Gradio components and what happens when they are used. The one file that imports gradio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import HTTPConnection

from assistant.access_settings import Permission
from assistant.conversations import Conversations
from assistant.question import understand
from assistant.settings import Settings
from assistant.standing import ArticleOf
from assistant.web import render, source_pane
from assistant.web.access import count_question, owner_of, require
from assistant.web.confidence import explanation
from assistant.web.reply import reply
from assistant.web.startup import Startup
from assistant.web.suggestions import COUNT, Suggestions
from assistant.web.talk import UNKEPT, Message, Talk, Waiting, asked, drawn, told
from index.errors import SaidsoError
from index.filters import Filters

# Read by gradio when it is imported: without them it calls its makers.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr
from gradio.context import LocalContext
from gradio.themes.utils import fonts

Update = dict[Any, Any]  # component → its new value
_MESSAGES_SHOWN = 100
_DATE = "YYYY-MM-DD"
_QUESTION_SHOWN = 300  # characters of a question that is refused for its length
_WELCOME = (
    '<div class="welcome"><p class="lead">Ask the articles.</p><p>Every statement comes with who said it and the exact '
    "words, and every quote opens the article that it stands in.</p></div>"
)
_MASTHEAD = '<header class="masthead"><h1>Saidso</h1><p>Who said what, in their exact words</p></header>'


@dataclass(frozen=True)
class Widgets:
    """The components that change while the page is used."""

    holdings: gr.Markdown
    chat: gr.Chatbot
    example: tuple[gr.Button, ...]
    question: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    cited: gr.Textbox
    wanted: gr.Textbox
    conversation: gr.Markdown
    waiting: gr.State
    source: gr.Markdown
    sources: gr.Dropdown
    filters: tuple[gr.Textbox, ...]  # speaker, since, until, as of
    only: gr.Markdown
    extractive: gr.Checkbox
    clear: gr.Button
    suggested: gr.Textbox
    refresh: gr.Button
    timer: gr.Timer


def theme() -> gr.themes.Base:
    """Return the look: fonts that come with gradio, so that none is fetched; colours are set in saidso.css."""
    sans = (fonts.LocalFont("Source Sans Pro", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif")
    return gr.themes.Base(
        neutral_hue="stone", radius_size="sm", text_size="lg", font=sans, font_mono=("ui-monospace", "monospace")
    )


def build_page(
    startup: Startup,
    suggestions: Suggestions,
    conversations: Conversations,
    settings: Settings,
    diagram: str,
    warning: Callable[[], str | None],
) -> gr.Blocks:
    """Lay the page out and connect it to the assistant that `startup` brings, and to what it suggests and keeps.

    `diagram` is the address of the picture that shows how reliable the confidence is; `warning` says what all should
    know of the server now, if anything.
    """
    page: gr.Blocks
    with gr.Blocks(title="Saidso", analytics_enabled=False, fill_width=True, delete_cache=(3600, 86400)) as page:
        widgets = _lay_out(explanation(settings, diagram), settings.writer.model if settings.writer else None)
        _connect(page, widgets, startup, suggestions, conversations, settings, warning)
    page.queue(default_concurrency_limit=8, max_size=64)
    return page


# ── layout ──────────────────────────────────────────────────────────────────────────────────────────────────


def _lay_out(confidence: str, model: str | None) -> Widgets:
    _markdown(_MASTHEAD)
    holdings = _markdown(render.stage("Opening the collection…"), elem_id="holdings")
    with gr.Row(elem_id="desk"):
        with gr.Column(scale=3, min_width=320, elem_id="talk"):
            chat = gr.Chatbot(
                label="Conversation", show_label=False, elem_id="chat", layout="panel", placeholder=_WELCOME,
                height=None, buttons=[], feedback_options=None, latex_delimiters=[], group_consecutive_messages=False,
                autoscroll=False,
            )  # fmt: skip
            with gr.Column(elem_id="examples"):  # shown while the conversation is empty, see saidso.css
                _markdown("<p>For example:</p>", elem_id="for-example")
                example = tuple(gr.Button("", visible=False, elem_classes="example", size="sm") for _ in range(COUNT))
            only = _markdown("", elem_id="only")
            with gr.Row(elem_id="composer"):
                question = gr.Textbox(
                    label="Your question", placeholder="Who said what?", lines=1, max_lines=5, autofocus=True,
                    scale=6, min_width=160, elem_id="question",
                    html_attributes=gr.InputHTMLAttributes(enterkeyhint="send", autocomplete="off"),
                )  # fmt: skip
                ask = gr.Button("Ask", variant="primary", scale=1, min_width=88, elem_id="ask")
                stop = gr.Button("Stop", variant="stop", scale=1, min_width=88, elem_id="stop", visible=False)
            extractive = gr.Checkbox(
                label=f"Quotes alone, without {model}", value=False, visible=model is not None, elem_id="extractive",
                container=False,
            )  # fmt: skip
        with gr.Column(scale=2, min_width=300, elem_id="rail"):
            with gr.Column(elem_id="source-pane"):
                gr.Button("Close", elem_id="close-source", size="sm")
                source = _markdown("", elem_id="source")
            with gr.Accordion("Filters", open=False, elem_id="filters"):
                sources = gr.Dropdown([], value=[], multiselect=True, label="Outlets", elem_id="sources")
                speaker = _line("Speaker", "speaker", "Anyone")
                with gr.Row():
                    since = _line("From", "since", _DATE)
                    until = _line("To", "until", _DATE)
                as_of = _line("As of: nothing later counts", "as-of", _DATE)
            with gr.Accordion("When it answers", open=False, elem_id="confidence"):
                _markdown(confidence)
    # In the document, though unseen: scripts write into these what was opened or chosen, or press them; from
    # `conversation` they read which one is open. It is kept here, in the browser, so that it outlives the server.
    cited = gr.Textbox(label="Opened citation", visible="hidden", elem_id="cited")
    wanted = gr.Textbox(label="Opened conversation", visible="hidden", elem_id="wanted")
    conversation = gr.Markdown("", visible="hidden", elem_id="conversation")
    suggested = gr.Textbox(label="Chosen example", visible="hidden", elem_id="suggested")
    clear = gr.Button("Clear filters", visible="hidden", elem_id="clear-filters")
    refresh = gr.Button("Look again", visible="hidden", elem_id="refresh")
    return Widgets(
        holdings, chat, example, question, ask, stop, cited, wanted, conversation, gr.State(Waiting()), source, sources,
        (speaker, since, until, as_of), only, extractive, clear, suggested, refresh, gr.Timer(1.0),
    )  # fmt: skip


def _markdown(value: str, elem_id: str | None = None) -> gr.Markdown:
    return gr.Markdown(value, elem_id=elem_id, latex_delimiters=[])


def _line(label: str, elem_id: str, placeholder: str) -> gr.Textbox:
    return gr.Textbox(label=label, placeholder=placeholder, max_lines=1, min_width=120, elem_id=elem_id)


# ── events ──────────────────────────────────────────────────────────────────────────────────────────────────


def _connect(
    page: gr.Blocks,
    w: Widgets,
    startup: Startup,
    suggestions: Suggestions,
    conversations: Conversations,
    settings: Settings,
    warning: Callable[[], str | None],
) -> None:
    quiet: Any = {"show_progress": "hidden", "api_visibility": "private"}
    put: Any = {
        "fn": partial(_converse, startup, conversations, settings, w),
        "inputs": [w.waiting, w.question, w.conversation, w.chat, w.extractive, w.sources, *w.filters],
        "outputs": [w.chat, w.question, w.ask, w.stop, w.conversation],
        **quiet,
    }
    turns = [gr.on([w.question.submit, w.ask.click], **put)]
    for button in w.example:
        turns.append(button.click(lambda text: text, button, w.question, **quiet).then(**put))
    turns.append(w.suggested.change(_told_by_script, w.suggested, w.question, **quiet).then(**put))
    w.stop.click(Waiting.leave, w.waiting, None, **quiet)
    for turn in turns:  # only once it is let go: until then gradio would drop a question without a word
        turn.failure(partial(_busy, w, False), None, [w.ask, w.stop], **quiet)
    shown = [w.chat, w.conversation]
    # A cancelled answer may still be telling, and would in another conversation's place.
    left = w.wanted.change(Waiting.over, w.waiting, None, cancels=turns, **quiet)
    left.then(partial(_wanted, startup, conversations, w), w.wanted, shown, **quiet)
    w.chat.clear(_cleared, w.conversation, w.conversation, **quiet)
    w.cited.change(partial(_open_source, startup), w.cited, w.source, **quiet)

    narrowed: list[Any] = [w.sources, *w.filters]
    gr.on([field.change for field in narrowed], _only, narrowed, w.only, **quiet)
    w.clear.click(lambda: [[], *[""] * len(w.filters)], None, narrowed, **quiet)

    async def arrive(request: gr.Request) -> AsyncIterator[Update]:
        async for update in _arrive(startup, conversations, w, dict(request.query_params)):
            yield update

    page.load(arrive, None, [*shown, w.source], **quiet)
    seen: Any = {
        "fn": partial(_look, startup, warning, w),
        "outputs": [w.holdings, w.sources, w.refresh, w.timer],
        **quiet,
    }
    offered: Any = {"fn": partial(_offer, suggestions, w), "outputs": [*w.example], **quiet}
    gr.on([page.load, w.timer.tick, w.refresh.click], **seen).then(**offered)


async def _converse(
    startup: Startup,
    conversations: Conversations,
    settings: Settings,
    w: Widgets,
    waiting: Waiting,
    question: str,
    conversation: str,
    history: list[Message],
    extractive: bool,
    sources: list[str],
    *narrowed: str,
) -> AsyncIterator[Update]:
    """Put a question into the conversation and answer it there, as far as it has got at every moment."""
    question = question.strip()
    if not question:
        yield {w.question: ""}
        return
    history = history[-_MESSAGES_SHOWN:]
    try:
        count_question(_request())
        filters = _filters(sources, *narrowed)
        understand(question)
    except SaidsoError as error:
        cut = question if len(question) <= _QUESTION_SHOWN else f"{question[:_QUESTION_SHOWN]}…"
        yield {w.chat: [*history, asked(cut), told(render.problem(str(error)))]}
        return
    talk = Talk(conversations.of(owner_of(_request())), question, filters, extractive)
    waiting.talk = talk
    turns, said = [*history, asked(question)], ""
    yield {w.question: "", **_shown(w, talk, turns)}
    try:
        await asyncio.to_thread(talk.begin, conversation, settings.fingerprint)
        before = await asyncio.to_thread(drawn, talk.earlier, _article_of(startup)) if talk.turn else history
        turns = [*before, asked(question, talk.turn.number if talk.turn else None)]
        yield {w.question: "", **_shown(w, talk, turns)}
        async with aclosing(reply(startup, talk)) as told_so_far:
            async for said in told_so_far:
                yield _shown(w, talk, [*turns, told(said)])
        if not talk.is_over:
            await asyncio.to_thread(talk.stopped)
            said = _stopped(said)
    except SaidsoError as error:
        await asyncio.to_thread(talk.failed, str(error))
        said = render.problem(str(error))
    finally:  # also where another conversation was opened, or the page closed
        if waiting.talk is talk:
            waiting.talk = None
        if not talk.is_over:
            await asyncio.to_thread(talk.stopped)
    yield _shown(w, talk, [*turns, told(said)], busy=False)


def _filters(sources: list[str], speaker: str, since: str, until: str, as_of: str) -> Filters:
    return Filters.parse(tuple(sources), since, until, speaker, as_of=as_of)


def _only(sources: list[str], *narrowed: str) -> str:
    """Show beside the question which articles it will be put to."""
    try:
        return render.only(_filters(sources, *narrowed))
    except SaidsoError as error:
        return render.problem(str(error))


def _told_by_script(key: str) -> str:
    """Return what a script wrote without the number that makes the same thing twice a change as well."""
    return key.rpartition(" ")[0]


def _stopped(said: str) -> str:
    """Leave what was said so far, if that is of the answer, and say that it was stopped."""
    return (said if render.is_answer(said) else "") + render.notice("Stopped.")


def _shown(w: Widgets, talk: Talk, messages: list[Message], busy: bool = True) -> Update:
    """Say of every component how it is now: gradio's page loses what it hears just before it is told of no change."""
    known = {w.conversation: talk.turn.conversation_id} if talk.turn else {}
    return {w.chat: messages, **known, **_busy(w, busy)}


def _busy(w: Widgets, busy: bool) -> Update:
    return {w.ask: gr.update(visible=not busy), w.stop: gr.update(visible=busy)}


async def _arrive(
    startup: Startup, conversations: Conversations, w: Widgets, query: Mapping[str, str]
) -> AsyncIterator[Update]:
    """Open the conversation and the article that the page's address names."""
    if "widget" in query:
        yield {w.conversation: UNKEPT}
        return
    if not (query.get("conversation") or query.get("article")):
        yield {w.source: ""}  # gradio empties all that is written to where nothing comes
        return
    wait = render.stage("Opening the collection…")
    yield {w.chat: [told(wait)]} if query.get("conversation") else {w.source: wait}
    try:
        await asyncio.to_thread(startup.wait)
        if place := source_pane.linked(query):
            yield {w.source: source_pane.opened(place, startup.assistant.article(place.article_id))}
    except SaidsoError as error:
        yield {w.source: render.problem(str(error))}
    if query.get("conversation"):
        yield _open(startup, conversations, w, query["conversation"])


def _wanted(startup: Startup, conversations: Conversations, w: Widgets, key: str) -> Update:
    """Open what was chosen; the key is its id, and then the click's number."""
    return _open(startup, conversations, w, key.partition(" ")[0])


def _open(startup: Startup, conversations: Conversations, w: Widgets, conversation: str) -> Update:
    """Show the conversation of this id, or begin a new one where it is ""."""
    try:
        if conversation:
            conversations.get(conversation)
        messages = drawn(conversations.turns(conversation), _article_of(startup)) if conversation else []
    except SaidsoError as error:
        conversation, messages = "", [told(render.problem(str(error)))]
    return {w.chat: messages, w.conversation: conversation}


def _cleared(conversation: str) -> str:
    return conversation if conversation == UNKEPT else ""


def _article_of(startup: Startup) -> ArticleOf | None:
    return startup.assistant.article if startup.ready else None


def _open_source(startup: Startup, key: str) -> str:
    """Show the article that a citation points to; the key is its link's, and then the click's number."""
    place = source_pane.cited(key.partition(" ")[0].removeprefix("#"))
    if place is None:
        return ""
    try:
        return source_pane.opened(place, startup.assistant.article(place.article_id))
    except SaidsoError as error:
        return render.problem(str(error))


def _look(startup: Startup, warning: Callable[[], str | None], w: Widgets) -> Update:
    """Show what is indexed now, and what this visitor may do about it."""
    try:
        visitor = require(_request(), Permission.ASK)
        holdings = startup.assistant.holdings()
    except SaidsoError as error:
        say = render.problem if startup.failure else render.stage
        return {w.holdings: say(str(error)), w.timer: gr.Timer(active=startup.failure is None)}
    said = warning()
    choices = [(f"{source} ({count})", source) for source, count in holdings.sources if source]
    return {
        w.holdings: render.holdings(holdings, visitor.has_session) + (render.notice(said) if said else ""),
        # By this the scripts know whether articles may be added and removed here.
        w.refresh: gr.update(visible="hidden" if visitor.permission >= Permission.INGEST else False),
        w.sources: gr.update(choices=choices),
        w.timer: gr.Timer(active=False),
    }


def _offer(suggestions: Suggestions, w: Widgets) -> Update:
    """Show examples of what the present articles can be asked."""
    try:
        offered = [example.question for example in suggestions.examples()]
    except SaidsoError:  # the assistant is on its way; we look again
        offered = []
    return {button: gr.update(value=text, visible=bool(text)) for button, text in _filled(w.example, offered)}


def _filled(buttons: Sequence[gr.Button], texts: Sequence[str]) -> Iterator[tuple[gr.Button, str]]:
    for number, button in enumerate(buttons):
        yield button, texts[number] if number < len(texts) else ""


def _request() -> HTTPConnection:
    """Return the request that the event at hand came with, to know who asks."""
    event = LocalContext.request.get(None)
    if event is None or event.request is None:
        raise RuntimeError("gradio does not say which request an event came with")
    return event.request


def mount(app: Any, page: gr.Blocks, head: str, max_file_size: int) -> None:
    """Mount the page at the root of a FastAPI application, with all that reaches out or gives away turned off."""
    gr.mount_gradio_app(
        app, page, path="/", theme=theme(), head=head, footer_links=[], run_history=False, ssr_mode=False,
        enable_monitoring=False, show_error=False, mcp_server=False, max_file_size=max_file_size,
    )  # fmt: skip
