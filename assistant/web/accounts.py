"""Where the accounts differ, above an answer: each position with who holds it, and a sentence that says it all."""

from __future__ import annotations

from collections.abc import Mapping

from assistant.answer import Account, Answer
from assistant.citations import Citation
from assistant.web.source_pane import link
from assistant.web.wording import counted, days, escape


def differing(answer: Answer) -> str:
    """Return the disagreement and the positions as HTML; nothing where the accounts do not differ."""
    if answer.disagreement is None:
        return ""
    cited = {citation.marker: citation for citation in answer.citations}
    positions = "".join(f"<li>{_position(account, cited)}</li>" for account in answer.accounts)
    return (
        '<section class="differing"><h2><span class="sign">≠</span> How the accounts differ</h2>'
        f"<ul>{positions}</ul><p>{escape(answer.disagreement)}</p></section>"
    )


def _position(account: Account, cited: Mapping[int, Citation]) -> str:
    links = " ".join(link(cited[marker]) if marker in cited else f"[{marker}]" for marker in account.citations)
    dates = sorted(cited[marker].published for marker in account.citations if marker in cited)
    known = [date for date in dates if date]
    told = [days(known[0], known[-1])] if known else []
    told += [counted(account.origins, "independent origin")] if account.origins > 1 else []
    return (
        f'<span class="position">{escape(account.position)}</span> <b>{escape(", ".join(account.speakers))}</b> '
        f'{links}<span class="told">{escape(", ".join(told))}</span>'
    )
