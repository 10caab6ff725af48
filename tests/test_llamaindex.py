from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.base_selector import BaseSelector, SelectorResult, SingleSelection
from llama_index.core.llms import MockLLM
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.query_engine import RetrieverQueryEngine, RouterQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.tools import QueryEngineTool, ToolMetadata

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.llamaindex import SaidsoQueryEngine, SaidsoRetriever
from index.search import Hit

BOMBS = "How many bombs did the F-15s drop?"


def check(assistant: Assistant, nodes: Sequence[NodeWithScore]) -> None:
    """Each node stands at its place, and says where that is."""
    assert nodes
    for found in nodes:
        article = assistant.article(found.node.metadata["article_id"])
        assert article is not None
        start, end = found.node.start_char_idx, found.node.end_char_idx  # type: ignore[attr-defined]
        assert article.text[start:end] == found.node.get_content()
        assert (found.node.metadata["title"], found.node.metadata["published"]) == (article.title, article.published)


def test_the_retriever_gives_nodes_at_exact_offsets(samples: Assistant) -> None:
    retriever = SaidsoRetriever(samples, k=3)
    nodes = retriever.retrieve(BOMBS)
    assert len(nodes) == 3
    check(samples, nodes)
    assert asyncio.run(retriever.aretrieve(BOMBS)) == nodes


def test_the_query_engine_answers_with_quotes_as_sources(samples: Assistant) -> None:
    engine = SaidsoQueryEngine(samples)
    response = engine.query(BOMBS)
    assert "ten bombs" in str(response)
    assert any("ten bombs" in source.node.get_content() for source in response.source_nodes)
    check(samples, response.source_nodes)
    assert response.metadata is not None
    assert response.metadata["abstained"] is False
    assert str(asyncio.run(engine.aquery(BOMBS))) == str(response)


def test_a_folder_is_opened_in_one_line(samples: Assistant, samples_folder: Path) -> None:
    engine = SaidsoQueryEngine.open(str(samples_folder))
    assert "ten bombs" in str(engine.query(BOMBS))
    engine.assistant.close()


def test_without_a_folder_the_users_own_is_opened(own_data_folder: Path) -> None:
    retriever = SaidsoRetriever.open(k=2)
    assert own_data_folder.is_dir()
    assert retriever.retrieve(BOMBS) == []
    retriever.assistant.close()


class Meeting(Assistant):
    """An assistant that tells a loop when it works, and goes on when it is let."""

    def __init__(self, loop: asyncio.AbstractEventLoop, there: asyncio.Event) -> None:
        self.go_on = threading.Event()
        self._tell = partial(loop.call_soon_threadsafe, there.set)

    def ask(self, question: str, *_: Any, **__: Any) -> Answer:
        self._meet()
        return Answer(question, "Nobody.")

    def search(self, *_: Any, **__: Any) -> list[Hit]:
        self._meet()
        return []

    def _meet(self) -> None:
        self._tell()
        assert self.go_on.wait(30)


@pytest.mark.parametrize("waiting", ["aquery", "aretrieve"])
def test_others_go_on_while_it_works(waiting: str) -> None:
    """The assistant goes on only when the program's loop lets it, so a loop that is held up would never come back."""

    async def program() -> None:
        there = asyncio.Event()
        assistant = Meeting(asyncio.get_running_loop(), there)
        of = {"aquery": SaidsoQueryEngine(assistant).aquery, "aretrieve": SaidsoRetriever(assistant).aretrieve}
        asking = asyncio.create_task(of[waiting]("Who?"))  # type: ignore[operator]
        await there.wait()
        assistant.go_on.set()
        await asking

    asyncio.run(program())


class First(BaseSelector):
    """Chooses the first of the tools, without asking a language model."""

    def _get_prompts(self) -> PromptDictType:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        pass

    def _select(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        return SelectorResult(selections=[SingleSelection(index=0, reason="it is the first")])

    async def _aselect(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        return self._select(choices, query)


def test_it_takes_its_place_in_a_llama_index_program(samples: Assistant) -> None:
    synthesizer = get_response_synthesizer(llm=MockLLM())
    written = RetrieverQueryEngine(SaidsoRetriever(samples, k=3), response_synthesizer=synthesizer).query(BOMBS)
    check(samples, written.source_nodes)
    assert "ten bombs" in str(written)  # the mock repeats its prompt, which holds the passages
    tool = QueryEngineTool.from_defaults(SaidsoQueryEngine(samples), name="news", description="Who said what.")
    router = RouterQueryEngine(selector=First(), query_engine_tools=[tool], llm=MockLLM(), summarizer=synthesizer)
    routed = asyncio.run(router.aquery(BOMBS))
    assert str(routed) == samples.ask(BOMBS).text
    check(samples, routed.source_nodes)
    assert routed.metadata is not None and routed.metadata["citations"] == samples.ask(BOMBS).as_json()["citations"]
