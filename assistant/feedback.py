"""What people thought of answers, as a question set that `saidso eval` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assistant.conversations import Conversation, Conversations, Turn
from index.errors import SaidsoError


def question_set(conversations: Conversations, everybodys: bool = False) -> Iterator[dict[str, Any]]:
    """Yield a question of the contract for each turn that somebody has thought something of.

    The answers are those that the person has given; else, of an answer marked good, its short answer, or none where it
    was rightly an abstention. An answer marked good also gives the articles and spans of its citations. What Saidso
    answered, the rating, the note, when and under which settings and filters are carried in fields of their own, by
    which scores are broken down.
    """
    for conversation, turn in conversations.rated(everybodys):
        yield _question(conversation, turn)


def as_lines(conversations: Conversations, everybodys: bool = False) -> str:
    """Return the question set as JSON lines. Raises SaidsoError where nothing has been marked yet."""
    lines = [json.dumps(question, ensure_ascii=False) + "\n" for question in question_set(conversations, everybodys)]
    if not lines:
        raise SaidsoError("No answer has been marked yet; mark some on the page, with the thumbs below each answer.")
    return "".join(lines)


def export(conversations: Conversations, out: Path) -> int:
    """Write everybody's question set to a file; return how many questions it has. Raises SaidsoError as `as_lines`."""
    lines = as_lines(conversations, everybodys=True)
    try:
        out.write_text(lines, encoding="utf-8")
    except OSError as error:
        raise SaidsoError(f"{out} cannot be written ({error.strerror or error}).") from error
    return lines.count("\n")


def _question(conversation: Conversation, turn: Turn) -> dict[str, Any]:
    feedback = turn.feedback
    about = {"rating": feedback.rating, "note": feedback.note, "filters": turn.filters}
    return {
        "id": f"{conversation.id}-{turn.number}",
        "question": turn.told.standalone_question if turn.told else turn.question,
        **_right(turn),
        **{name: value for name, value in about.items() if value},
        **({"as_of": turn.filters["as_of"]} if turn.filters and "as_of" in turn.filters else {}),
        "given": turn.answer["answer"] if turn.answer else None,
        "asked": turn.asked,
        "settings": turn.settings,
    }


def _right(turn: Turn) -> dict[str, Any]:
    """Return what is known of the right answer: answers, articles and spans, each only where it is known."""
    told, feedback = turn.told, turn.feedback
    good = told if feedback.rating == "up" else None
    answers = None if feedback.answers is None else list(feedback.answers)
    if answers is None and good:
        answers = [] if good.abstained else [good.short_answer] if good.short_answer else None
    right: dict[str, Any] = {} if answers is None else {"answers": answers}
    if good and good.citations and answers != []:
        spans = [{"article": cited.article_id, "start": cited.start, "end": cited.end} for cited in good.citations]
        right |= {"articles": list(dict.fromkeys(span["article"] for span in spans)), "spans": spans}
    return right
