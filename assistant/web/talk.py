"""A conversation on the page: its turns as messages, and the question that is being answered in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from assistant.answer import Answer
from assistant.conversations import ANSWERED, FAILED, STOPPED, Conversations, Turn, UnknownConversationError
from assistant.followup import Exchange
from assistant.standing import ArticleOf, Checked, check
from assistant.web import render
from index.errors import SaidsoError
from index.filters import Filters

MOST_SHOWN = 50  # turns; an older one is in the exports
UNKEPT = "unkept"  # in the place of a conversation's id where none is to be kept
Message = dict[str, Any]
_LOOK_AGAIN = 0.02  # seconds


class Talk:
    """A question on its way to an answer, and what is kept of it.

    `earlier` are the turns of its conversation that went before. Where something cannot be kept the question is
    answered all the same, and `notice` says why it is not kept. Once it `is_left` nobody waits for the answer.
    """

    def __init__(self, conversations: Conversations, question: str, filters: Filters, extractive: bool = False) -> None:
        self.question = question
        self.extractive = extractive  # quotes alone, though a language model is configured
        self.filters = filters
        self.earlier: Sequence[Turn] = ()
        self.notice = ""
        self.turn: Turn | None = None
        self.is_left = False
        self.is_over = False
        self._conversations = conversations

    def begin(self, conversation_id: str, settings: str) -> None:
        """Keep the question in its conversation: the one of this id, a new one where it is "", none where `UNKEPT`."""
        if conversation_id == UNKEPT:
            return
        try:
            self.turn = self._conversations.ask(conversation_id or None, self.question, self.filters, settings)
            self.earlier = self._conversations.turns(self.turn.conversation_id)[: self.turn.number - 1]
        except SaidsoError as error:
            self.notice = f"This turn is not kept: {error}"
        else:
            if conversation_id not in ("", self.turn.conversation_id):
                self.notice = self._why_new(conversation_id)

    def _why_new(self, conversation_id: str) -> str:
        try:
            self._conversations.get(conversation_id)
        except UnknownConversationError:
            return "The conversation that was open here has been deleted; this begins a new one."
        return "The conversation that was open here is somebody else's; this begins one of your own."

    def answered(self, answer: Answer) -> None:
        """Keep the answer."""
        self._keep(lambda turn: self._conversations.answered(turn, answer))

    def failed(self, why: str) -> None:
        """Keep why there is no answer."""
        self.is_over = True
        self._keep(lambda turn: self._conversations.failed(turn, why))

    def stopped(self) -> None:
        """Note that nobody waits for the answer any more."""
        self.is_over = True
        self._keep(self._conversations.stopped)

    def _keep(self, write: Callable[[Turn], None]) -> None:
        if self.turn:
            try:
                write(self.turn)
            except SaidsoError as error:
                self.notice = f"This answer is not kept: {error}"

    @property
    def history(self) -> tuple[Exchange, ...]:
        """The conversation so far, as a follow-up is understood by it."""
        return tuple(Exchange.of(turn.told) if turn.told else Exchange(turn.question) for turn in self.earlier)

    @property
    def kept(self) -> render.Kept | None:
        """Where the answer is kept, as the page shows it."""
        return kept(self.turn) if self.turn else None


class Waiting:
    """What one page waits for: the question that is being answered there, if any."""

    def __init__(self) -> None:
        self.talk: Talk | None = None

    def leave(self) -> None:
        """Have its answer end, with what was said so far."""
        if self.talk:
            self.talk.is_left = True

    async def over(self) -> None:
        """Leave it, and return when nothing of its answer is still to come."""
        self.leave()
        while self.talk:
            await asyncio.sleep(_LOOK_AGAIN)


def kept(turn: Turn) -> render.Kept:
    """Return where a turn is kept and what was thought of it, as the page shows it."""
    return render.Kept(turn.conversation_id, turn.number, turn.feedback.rating, bool(turn.feedback.note))


def asked(question: str, number: int | None = None) -> Message:
    """Return a question as a message of the chat."""
    return {"role": "user", "content": render.question(question, number)}


def told(html: str) -> Message:
    """Return HTML in the place of an answer as a message of the chat."""
    return {"role": "assistant", "content": html}


def drawn(turns: Sequence[Turn], article_of: ArticleOf | None) -> list[Message]:
    """Return the turns of a conversation as messages of the chat.

    Each answer is held against the articles as they are now, where `article_of` brings them.
    """
    shown = turns[-MOST_SHOWN:]
    left_out = len(turns) - len(shown)
    said = f"The first {left_out} turns are not shown here; an export holds them all."
    messages = [told(render.notice(said))] if left_out else []
    for turn in shown:
        messages += [asked(turn.question, turn.number), told(_drawn(turn, article_of))]
    return messages


def _drawn(turn: Turn, article_of: ArticleOf | None) -> str:
    notice = render.notice(_ending(turn)) if turn.state != ANSWERED else ""
    if turn.told is None:
        return render.problem(turn.why or "") if turn.state == FAILED else notice
    checked = check(turn.told, article_of) if article_of else Checked(turn.told)
    return render.answer(checked.answer, kept=kept(turn), notes=checked.notes) + notice


def _ending(turn: Turn) -> str:
    if turn.state != STOPPED:
        return "Broken off before there was an answer. Ask again to have one."
    return "Stopped while it was being told; this is the whole answer." if turn.answer else "Stopped."
