"""Questions to start with: those that the sample articles answer, or else some made from the titles at hand."""

from __future__ import annotations

from assistant.assistant import Assistant
from index.filters import Filters

COUNT = 6
# Each with a sample article that answers it: shown while that article is indexed.
_ON_SAMPLES = (
    ("What did the Pentagon claim was hit?", "2017-03-17-pahon-meeting-hall"),
    ("How many people were killed?", "2017-03-17-observatory-raises-count"),
    ("What did the U.N. commission find?", "2017-09-06-un-commission-findings"),
    ("Did Central Command target a mosque?", "2017-03-17-thomas-no-mosque-targeted"),
    ("What did Human Rights Watch say about the building?", "2017-04-18-human-rights-watch-report"),
    ("What did Bontrager acknowledge?", "2017-06-07-bontrager-investigation-findings"),
)
_NEWSY = "said announced denied"
_LONGEST_TITLE = 90


def suggestions(assistant: Assistant) -> list[str]:
    """Return up to `COUNT` questions that the articles can be expected to answer."""
    on_samples = [question for question, article_id in _ON_SAMPLES if assistant.article(article_id)]
    return on_samples or _from_titles(assistant)


def _from_titles(assistant: Assistant) -> list[str]:
    """Ask about articles of the outlets that have most of them."""
    sources = sorted(assistant.holdings().sources, key=lambda source: (-source[1], source[0]))[: COUNT // 2]
    titles: dict[str, None] = {}
    for source, _ in sources:
        filters = Filters(sources=(source,)) if source else Filters()
        found = [hit.passage.title for hit in assistant.search(_NEWSY, COUNT, filters)]
        named = [title for title in dict.fromkeys(found) if 0 < len(title) <= _LONGEST_TITLE and title not in titles]
        titles.update(dict.fromkeys(named[: COUNT // len(sources)]))
    return [f"What is said about {title.rstrip(' .?!')}?" for title in titles]
