"""A conversation as Markdown, HTML and PDF: every quote with its place, in any script, and hostile text as text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.conversations import ANSWERED, Conversation, Turn
from assistant.export import as_html, as_markdown, as_pdf
from assistant.pdf import chosen

SITE = "http://127.0.0.1:7860/"
HOSTILE = "<script>alert(1)</script> ![x](http://evil.test/x.png) [a](javascript:b) *c*"
CONVERSATION = Conversation("ab12", HOSTILE, "2026-11-27T08:00:00.000000+00:00", "2026-11-27T09:00:00.000000+00:00")


@pytest.fixture(scope="module")
def answer(samples: Assistant) -> Answer:
    return samples.ask("What did the Pentagon claim was hit?")


@pytest.fixture(scope="module")
def turns(answer: Answer, samples: Assistant) -> list[Turn]:
    none = samples.ask("Who won the 2022 World Cup?")
    asked = [(HOSTILE, answer), (none.question, none)]
    return [
        Turn(n, "ab12", n, question, "2026-11-27T08:00:00+00:00", ANSWERED, told.as_json())
        for n, (question, told) in enumerate(asked, start=1)
    ]


def text_of(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    return "".join(page.get_textpage().get_text_range() for page in document)


def test_every_quote_has_its_place_and_link(turns: list[Turn], answer: Answer, samples: Assistant) -> None:
    markdown = as_markdown(CONVERSATION, turns, SITE, samples.article).decode()
    html = as_html(CONVERSATION, turns, SITE, samples.article).decode()
    pdf = " ".join(text_of(as_pdf(CONVERSATION, turns, SITE, samples.article)).split())
    for citation in answer.citations:
        where = f"characters {citation.start}–{citation.end}"
        for written in (markdown, html, pdf):
            assert where in written and "March 2017" in written
        assert f"{SITE}?article={citation.article_id}&start={citation.start}&end={citation.end}" in markdown
    assert "What comes closest" in markdown and "What comes closest" in pdf


def test_hostile_text_is_text(turns: list[Turn]) -> None:
    html = as_html(CONVERSATION, turns, SITE, None).decode()
    assert "<script" not in html and "<img" not in html and "default-src 'none'" in html
    markdown = as_markdown(CONVERSATION, turns, SITE, None).decode()
    assert "<script" not in markdown.replace("\\<", "") and "![" not in markdown and "\\!\\[x\\]" in markdown


def test_a_pdf_has_letters_of_other_scripts_or_names_them(turns: list[Turn]) -> None:
    title = "Владимир Ελλάδα Nguyễn \U00010600"  # the last is of Linear A, which hardly any font has
    pdf = as_pdf(replace(CONVERSATION, title=title), turns[:1], SITE, None)
    assert pdf == as_pdf(replace(CONVERSATION, title=title), turns[:1], SITE, None)
    found = text_of(pdf)
    assert "Владимир Ελλάδα Nguyễn" in found
    assert ("[U+10600]" in found and "No font on this machine has" in found) or "\U00010600" in found


def test_fonts_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert chosen({0x627}, [str(tmp_path)]) == []
