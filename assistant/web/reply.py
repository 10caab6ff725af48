"""A question's reply as it comes: what its place in the chat shows from the first moment to the whole answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial

from assistant.answer import Answer
from assistant.web import render
from assistant.web.startup import Startup
from assistant.web.talk import Talk

_STAGES = {
    "understanding": "Reading the question…",
    "searching": "Searching the articles…",
    "reading": "Reading what was found…",
    "writing": "Putting the quotes together…",
    "wording": "Having it written…",
}
_STATEMENT_PAUSE = 0.15  # seconds between statements, so that the eye can follow
_LOOK_AGAIN = 0.05


async def reply(startup: Startup, talk: Talk) -> AsyncGenerator[str, None]:
    """Yield HTML: that we wait, the stages, then the answer statement by statement. Keeps the answer as soon as it is.

    Ends early where the talk is left. Raises SaidsoError where there is nothing to ask, or the question is refused.
    """
    waited_for = ""
    while startup.under_way and not talk.is_left:
        if startup.stage != waited_for:
            waited_for = startup.stage
            yield render.stage(f"Still loading ({waited_for[0].lower()}{waited_for[1:]}). Your question is next.")
        await asyncio.sleep(_LOOK_AGAIN)
    if talk.is_left:
        return
    heard = _Heard()
    ask = partial(startup.assistant.ask, talk.question, talk.filters, on_stage=heard.on_stage, history=talk.history)
    ask = partial(ask, extractive=talk.extractive, on_text=heard.on_text)
    asking = asyncio.create_task(asyncio.to_thread(startup.metrics.asking, ask))
    asking.add_done_callback(lambda task: task.cancelled() or task.exception())  # where nobody waits for it any more
    shown = ""
    try:
        while not (asking.done() or talk.is_left):
            if (html := heard.html) != shown:
                shown = html
                yield html
            await asyncio.wait([asking], timeout=_LOOK_AGAIN)
    finally:
        heard.is_over = True
    if talk.is_left:
        return
    answer = await asking
    await asyncio.to_thread(talk.answered, answer)
    async for html in _told(answer, talk):
        yield html


class _StoppedError(Exception):
    """Nobody waits for the answer any more."""


class _Heard:
    """What is known of an answer on its way, from the thread that makes it; once it `is_over` the thread is stopped."""

    def __init__(self) -> None:
        self.html = ""
        self.is_over = False
        self._text = ""

    def on_stage(self, stage: str) -> None:
        self.html = render.stage(_STAGES[stage])

    def on_text(self, text: str) -> None:
        if self.is_over:
            raise _StoppedError
        if text:
            self._text += text
            self.html = render.being_written(self._text)


async def _told(answer: Answer, talk: Talk) -> AsyncIterator[str]:
    for shown in range(1, 0 if answer.prose else len(answer.statements)):
        yield render.answer(answer, shown)
        await asyncio.sleep(_STATEMENT_PAUSE)
        if talk.is_left:
            return
    notice = render.notice(talk.notice) if talk.notice else ""
    talk.is_over = True
    yield render.answer(answer, kept=talk.kept) + notice
