"""Where accounts differ, as HTML."""

from __future__ import annotations

from assistant.answer import Account, Answer, Statement
from assistant.citations import Citation
from assistant.web import render
from assistant.web.accounts import differing
from assistant.web.source_pane import cite_key, place_of
from index.passages import Span


def cite(marker: int) -> Citation:
    return Citation(marker, "a", "Title", "Outlet", "2017-03-17", "", "42 dead", marker, marker + 7, Span(0, 40))


STATEMENTS = (Statement("Ann", cite(1)), Statement("Bob", cite(2)))
ACCOUNTS = (Account("<i>42</i> dead", ("Ann", "Bob"), (1, 2), 2), Account("46 dead", ("Cy [x](y)",), (2, 9)))
ANSWER = Answer("q", "", STATEMENTS, "42", accounts=ACCOUNTS, disagreement="Ann says <b>42</b>, Cy 46.")


def test_positions_have_their_speakers_sources_and_origins() -> None:
    html = differing(ANSWER)
    assert "Ann says &#60;b&#62;42&#60;&#47;b&#62;&#44; Cy 46&#46;" in html
    first, second = html.split("<li>")[1:]
    assert (
        "&#60;i&#62;42" in first
        and "<b>Ann&#44; Bob</b>" in first
        and "17 March 2017&#44; 2 independent origins" in first
    )
    assert all(cite_key(place_of(cite(marker))) in first for marker in (1, 2))
    assert "Cy &#91;x&#93;" in second and "[9]" in second and "origin" not in second
    assert second.count('class="cite"') == 1


def test_it_stands_above_the_answer_and_only_where_accounts_differ() -> None:
    html = render.answer(ANSWER)
    assert html.index("differing") < html.index('class="short"')
    assert render.is_answer(html)
    agreed = Answer("q", "", STATEMENTS, accounts=ACCOUNTS)
    assert differing(agreed) == "" and "differing" not in render.answer(agreed)
