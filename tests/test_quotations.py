from __future__ import annotations

import pytest

from index.claim_finder import Attribution
from index.passages import Span
from index.quotation_rules import with_quotations
from index.quotations import quotations


def span(text: str, part: str) -> Span:
    return Span(text.index(part), text.index(part) + len(part))


def words(text: str, found: list[Attribution]) -> list[tuple[str | None, str, list[str]]]:
    def of(part: Span) -> str:
        return text[part.start : part.end]

    return [(one.source and of(one.source), of(one.cue), list(map(of, one.content))) for one in found]


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("She said “yes” and ‘no’.", ["“yes”", "‘no’"]),
        ("He called them “thieves“ and “liars“, once.", ["“thieves“", "“liars“"]),
        ("“He said “no” to it,” she said.", ["“He said “no”"]),
        ("It began in ’08, or in the ‘90s, didn’t it?", []),
        ("“It is over.\n\n“Go home.”", ["“It is over.", "“Go home.”"]),
    ],
)
def test_quotations_are_found_with_their_marks(text: str, quoted: list[str]) -> None:
    assert [text[one.start : one.end] for one in quotations(text)] == quoted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("It rained. “Go home!” the crowd shouted.", ("the crowd", "shouted", ["“Go home!”"])),
        ("“It is over,” Lena Ortiz, the mayor, added.", ("Lena Ortiz", "added", ["“It is over,”"])),
        ("“Is it over?” asked a clerk.", ("a clerk", "asked", ["“Is it over?”"])),
        ("It rained. Ortiz went on: “It is over.”", ("Ortiz", "went on", ["“It is over.”"])),
    ],
)
def test_a_quotation_that_the_network_missed_goes_to_the_tag_beside_it(
    text: str, told: tuple[str, str, list[str]]
) -> None:
    assert words(text, with_quotations(text, [], quotations(text))) == [told]


@pytest.mark.parametrize(
    "text",
    [
        "On “Meet the Mayor,” Ortiz said little.",
        "“It is over.” The mayor said nothing.",
        "The “Harbour” is what they say it is.",
        "It rained.",
    ],
)
def test_no_tag_is_made_of_a_title_or_of_the_next_sentence(text: str) -> None:
    assert with_quotations(text, [], quotations(text)) == []


def test_a_quotation_right_after_another_cue_is_not_the_first_ones() -> None:
    text = "“It is over,” Ortiz said, adding, “Go home.”"
    source, both = span(text, "Ortiz"), (span(text, "“It is over,”"), span(text, "“Go home.”"))
    found = [
        Attribution(1.0, source, span(text, "said"), both),
        Attribution(1.0, source, span(text, "adding"), both[1:]),
    ]

    assert words(text, with_quotations(text, found, quotations(text))) == [
        ("Ortiz", "said", ["“It is over,”"]),
        ("Ortiz", "adding", ["“Go home.”"]),
    ]


def test_a_quotation_of_the_next_paragraph_is_a_claim_of_its_own_unless_it_is_anothers() -> None:
    text = "“It is over,” Ortiz said.\n\n“Go home.”\n\n“No,” Woods said."
    quoted = quotations(text)
    content = tuple(Span(one.start, one.end) for one in quoted)
    found = [
        Attribution(1.0, span(text, "Ortiz"), span(text, "said"), content),
        Attribution(1.0, span(text, "Woods"), span(text, "said."), content[2:]),
    ]

    assert [(source, content) for source, _, content in words(text, with_quotations(text, found, quoted))] == [
        ("Ortiz", ["“It is over,”"]),
        ("Woods", ["“No,”"]),
        ("Ortiz", ["“Go home.”"]),
    ]
