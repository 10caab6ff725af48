from __future__ import annotations

import pytest

from assistant.citations import BrokenCitationError, Citation
from index.catalogue import Passage

PASSAGE = Passage(1, "a", 10, 30, "“We struck it”, he s", "T", "S", "2017-03-16", 20170316, "")


def test_a_citation_quotes_its_span() -> None:
    citation = Citation.of(1, PASSAGE, 11, 23, "We struck it")
    assert citation.quote == "We struck it"
    assert citation.as_json() == {
        "marker": 1, "article_id": "a", "title": "T", "source": "S", "published": "2017-03-16", "url": "",
        "quote": "We struck it", "start": 11, "end": 23, "passage": {"start": 10, "end": 30},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "quote"),
    [
        (11, 23, "We hit it not"),  # reads differently
        (9, 12, None),  # begins before the passage
        (28, 31, None),  # ends after it
        (12, 12, None),  # is empty
        (15, 12, None),
    ],
)
def test_a_quote_that_is_not_there_is_never_made(start: int, end: int, quote: str | None) -> None:
    with pytest.raises(BrokenCitationError):
        Citation.of(1, PASSAGE, start, end, quote)
