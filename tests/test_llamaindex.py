from __future__ import annotations

import asyncio

from assistant.assistant import Assistant
from assistant.llamaindex import SaidsoQueryEngine, SaidsoRetriever


def test_the_retriever_gives_nodes_at_exact_offsets(samples: Assistant) -> None:
    nodes = SaidsoRetriever(samples, k=3).retrieve("How many bombs did the F-15s drop?")
    assert len(nodes) == 3
    for found in nodes:
        article = samples.article(found.node.metadata["article_id"])
        assert article is not None
        start, end = found.node.start_char_idx, found.node.end_char_idx  # type: ignore[attr-defined]
        assert article.text[start:end] == found.node.get_content()


def test_the_query_engine_answers_with_quotes_as_sources(samples: Assistant) -> None:
    engine = SaidsoQueryEngine(samples)
    response = engine.query("How many bombs did the F-15s drop?")
    assert "ten bombs" in str(response)
    assert any("ten bombs" in source.node.get_content() for source in response.source_nodes)
    assert response.metadata is not None
    assert response.metadata["abstained"] is False
    assert str(asyncio.run(engine.aquery("How many bombs did the F-15s drop?"))) == str(response)
