"""Who said what, as HTML: whose claims, in what order, with nothing of an article read as a sign."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from assistant.answer import Answer, Statement
from assistant.citations import Citation
from assistant.web.source_pane import cite_key
from assistant.web.who_said_what import said_in, who_said_what
from index.claim_words import Piece
from index.claims import Claim
from index.passages import Span

TEXT = "“They fled,” said Capt. Jeff Davis, a Pentagon spokesman. “We did not hit it.” Davis denied it. He left."


def piece(words: str) -> Piece:
    start = TEXT.index(words)
    return Piece(start, start + len(words), words)


def claim(speaker: str, *content: str, stance: str = "says", name: str | None = None) -> Claim:
    return Claim(piece(speaker), None, tuple(map(piece, content)), stance, True, name)


def cite(marker: int = 1, published: str = "2017-03-17", start: int = 0, end: int = 12) -> Citation:
    return Citation(marker, "a", "Title", "Outlet", published, "", TEXT[start:end], start, end, Span(start, end))


def answer(*claims: Claim, citation: Citation | None = None) -> Answer:
    return Answer("q", "", (Statement("X", citation or cite(), claims),))


FULL = claim("Capt. Jeff Davis, a Pentagon spokesman", "They fled", "We did not hit it")


def test_a_claim_points_to_all_of_its_words_in_a_passage_that_holds_them() -> None:
    (said,) = said_in(answer(FULL))
    assert TEXT[said.place.quote.start : said.place.quote.end].startswith("They fled,” said Capt. ")
    assert TEXT[said.place.quote.start : said.place.quote.end].endswith("We did not hit it")
    assert said.place.passage == Span(0, said.place.quote.end)
    assert said.words == "They fled … We did not hit it"
    assert f'href="#{cite_key(said.place)}"' in who_said_what(answer(FULL))


def test_namings_of_one_speaker_are_one_and_a_pronoun_is_nobody_else() -> None:
    claims = (FULL, claim("Davis", "denied it", stance="denies"), claim("He", "left"), claim("He", "it"))
    said = said_in(answer(*claims))
    assert [one.number for one in said] == [1, 1, 2, 3]
    assert [one.speaker for one in said] == ["Capt. Jeff Davis, a Pentagon spokesman"] * 2 + ["“He”"] * 2
    body = said_in(
        answer(claim("He", "it", name="the Pentagon"), claim("He", "left", name="an unnamed Pentagon spokesman"))
    )
    assert [one.speaker for one in body] == ["The Pentagon"] * 2
    resolved = said_in(answer(FULL, claim("He", "left", name="Capt. Jeff Davis")))
    assert [one.number for one in resolved] == [1, 1]
    html = who_said_what(answer(FULL, claim("He", "left", name="Capt. Jeff Davis")))
    assert '<span class="called">(“He”)</span>' in html


def test_a_claim_that_two_statements_report_is_shown_once() -> None:
    twice = Answer("q", "", (Statement("X", cite(1), (FULL,)), Statement("X", cite(2), (FULL,))))
    assert [one.citation.marker for one in said_in(twice)] == [1]


def test_no_claims_no_table() -> None:
    assert who_said_what(Answer("q", "", (Statement("X", cite()),))) == ""
    assert who_said_what(Answer("q", "x", abstained=True, closest=(cite(),))) == ""


def test_days_are_sorting_keys_and_gaps_are_said() -> None:
    told = Answer(
        "q",
        "",
        (
            Statement("X", cite(1, "2017-06-07T10:00:00Z"), (FULL,)),
            Statement("X", cite(2, "2017-03-17"), (claim("Davis", "denied it"),)),
            Statement("X", cite(3, ""), (claim("He", "left"),)),
            Statement("X", cite(4, "2017-03-18"), (claim("He", "it"),)),
        ),
    )
    html = who_said_what(told)
    table, timeline = html.split("<h3>")
    assert table.count("<time") == 3 and '<td role="cell">undated</td>' in table
    assert re.findall('datetime="([^"]+)"', timeline) == ["2017-03-17", "2017-03-18", "2017-06-07"]
    assert "the next day" in timeline and "81 days later" in timeline
    assert timeline.index("Undated") > timeline.index("7 June 2017")
    assert timeline.split("Undated")[1].count("said by-") == 1


@pytest.mark.parametrize("sign", ["<script>x</script>", "**b** [x](javascript:y)", '" onclick="x', "'><img src=x>"])
def test_article_text_is_data(sign: str) -> None:
    hostile = Claim(Piece(0, 1, sign), None, (Piece(2, 3, sign),), sign, None, f"{sign} {sign}")
    citation = replace(cite(), title=sign, source=sign, article_id=sign, published=sign)
    html = who_said_what(answer(hostile, FULL, citation=citation))
    assert sign not in html and "**" not in html
    parser = Elements()
    parser.feed(html)
    assert {"table", "a", "button"} < parser.tags < {*"section h2 h3 h4 p div span b q a ul li".split(), *TABLE}
    assert parser.attributes == {"class", "href", "title", "role", "type", "value", "scope"}
    assert sign in parser.text


TABLE = ("table", "thead", "tbody", "tr", "th", "td", "button", "time", "ol")


class Elements(HTMLParser):
    """Collects what is in a document."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data
