"""Accounts: what the parties say on what is asked, and where they differ. Facts with quotes, never who is right."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.answer import Account, Statement


def as_said(statements: Sequence[Statement]) -> tuple[Account, ...]:
    """Return the positions of statements as their claims have them: each one's words, by its speaker."""
    held: dict[tuple[str, str], list[int]] = {}
    for statement in statements:
        for claim in statement.claims:
            words = " … ".join(piece.text for piece in claim.content)
            markers = held.setdefault((words, claim.said_by or statement.speaker), [])
            markers.append(statement.citation.marker)
    return tuple(Account(words, (who,), tuple(dict.fromkeys(cited))) for (words, who), cited in held.items())
