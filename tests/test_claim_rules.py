from __future__ import annotations

import pytest

from index.claim_finder import Attribution
from index.claim_rules import with_rules
from index.passages import Span


def words(text: str, one: Attribution) -> tuple[str | None, str, list[str]]:
    def of(span: Span) -> str:
        return text[span.start : span.end]

    return one.source and of(one.source), of(one.cue), list(map(of, one.content))


def span(text: str, part: str) -> Span:
    return Span(text.index(part), text.index(part) + len(part))


@pytest.mark.parametrize(
    ("text", "speaker", "cue", "content"),
    [
        ("It rained. The port has found no evidence of theft.", "The port", "found", "no evidence of theft."),
        ("But it found little evidence that it rained.", "it", "found", "little evidence that it rained."),
        ("On the day of the storm the port had put the toll at two.", "the port", "put", "the toll at two"),
        (
            "They put the number of people inside at between 200 and 300.",
            "They",
            "put",
            "the number of people inside at between 200 and 300",
        ),
        ("Ortiz placed the number of dead at 1,200 on Friday.", "Ortiz", "placed", "the number of dead at 1,200"),
    ],
)
def test_a_fixed_wording_is_read(text: str, speaker: str, cue: str, content: str) -> None:
    (one,) = with_rules(text, [])

    assert words(text, one) == (speaker, cue, [content])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Police found evidence in the car.",
        "She put the number at the end of the page.",
        "It was found no evidence of theft.",
        "“We,” he said: found no evidence of theft.",
        "found no evidence of theft",
        "If the port found no evidence of theft, it would say so.",
        "In Rome found no evidence of theft.",
    ],
)
def test_nothing_is_made_of_other_wordings(text: str) -> None:
    assert with_rules(text, []) == []


def test_what_the_network_sees_is_not_read_twice() -> None:
    text = "The port found no evidence of theft."
    seen = Attribution(1.0, span(text, "The port"), span(text, "found"), (span(text, "no evidence of theft"),))

    assert with_rules(text, [seen]) == [seen]


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("The bridge, according to Ortiz, is shut. It rained.", ["The bridge", "is shut."]),
        ("The bridge, according to Ortiz, a clerk.", ["The bridge"]),
        ("The bridge, according to Ortiz. It is shut.", ["The bridge"]),
    ],
)
def test_a_clause_goes_on_after_according_to(text: str, content: list[str]) -> None:
    seen = Attribution(1.0, span(text, "Ortiz"), span(text, "according to"), (span(text, "The bridge"),))
    (one,) = with_rules(text, [seen])

    assert words(text, one) == ("Ortiz", "according to", content)
