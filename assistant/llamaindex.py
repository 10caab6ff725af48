"""Saidso for llama-index programs: a retriever and a query engine over one data folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from assistant.assistant import Assistant
from assistant.citations import Citation
from assistant.settings import Settings
from index.filters import Filters
from index.search import Hit


class SaidsoRetriever(BaseRetriever):
    """Passages as llama-index nodes, whose start and end count in the article's text."""

    def __init__(self, assistant: Assistant, k: int = 10, filters: Filters | None = None) -> None:
        super().__init__(callback_manager=CallbackManager())
        self.assistant = assistant
        self._k = k
        self._filters = filters

    @classmethod
    def open(cls, data_dir: Path | str | None = None, k: int = 10, filters: Filters | None = None) -> SaidsoRetriever:
        """Open a data folder, without `data_dir` the user's own. Raises SaidsoError when it cannot be used."""
        return cls(_open(data_dir), k, filters)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [_hit_node(hit) for hit in self.assistant.search(query_bundle.query_str, self._k, self._filters)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class SaidsoQueryEngine(BaseQueryEngine):
    """Saidso's answers as llama-index responses: source nodes are the exact quotes, metadata is the answer's JSON."""

    def __init__(self, assistant: Assistant, filters: Filters | None = None) -> None:
        super().__init__(callback_manager=CallbackManager())
        self.assistant = assistant
        self._filters = filters

    @classmethod
    def open(cls, data_dir: Path | str | None = None, filters: Filters | None = None) -> SaidsoQueryEngine:
        """Open a data folder, without `data_dir` the user's own. Raises SaidsoError when it cannot be used."""
        return cls(_open(data_dir), filters)

    def _query(self, query_bundle: QueryBundle) -> Response:
        answer = self.assistant.ask(query_bundle.query_str, self._filters)
        nodes = [_citation_node(citation) for citation in answer.citations]
        return Response(answer.text, source_nodes=nodes, metadata=answer.as_json())

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return await asyncio.to_thread(self._query, query_bundle)

    def _get_prompt_modules(self) -> dict[str, Any]:
        return {}


def _open(data_dir: Path | str | None) -> Assistant:
    return Assistant.open(Settings.from_environment(None if data_dir is None else Path(data_dir)))


def _hit_node(hit: Hit) -> NodeWithScore:
    passage = hit.passage
    about = {name: getattr(passage, name) for name in ("article_id", "title", "source", "published", "url")}
    node = TextNode(
        id_=f"{passage.article_id}:{passage.start}-{passage.end}",
        text=passage.text,
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        metadata=about,
    )
    return NodeWithScore(node=node, score=hit.score)


def _citation_node(citation: Citation) -> NodeWithScore:
    node = TextNode(
        id_=f"{citation.article_id}:{citation.start}-{citation.end}",
        text=citation.quote,
        start_char_idx=citation.start,
        end_char_idx=citation.end,
        metadata={
            name: getattr(citation, name) for name in ("article_id", "title", "source", "published", "url", "marker")
        },
    )
    return NodeWithScore(node=node)
