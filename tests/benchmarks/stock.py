"""Saidso beside the stock way, over the same articles: ingestion, embedding alone, search, memory and start.

    make bench [DATA=../shared/data]
    python -m tests.benchmarks.stock DATA [--newsqa 319] [--realtimeqa 500] [--questions 300] [--plot FILE.svg]

The stock way is llama-index's `VectorStoreIndex` with `HuggingFaceEmbedding` of the same model, chunks of 256 tokens
and Chroma; and txtai, hybrid, with the same model over the same chunks. Each runs in a process of its own, one after
the other. Seconds are of the clock and, in brackets, of the processor, which others on the machine cannot take away.
Saidso's "search" finds passages by vectors and words; `saidso search` then has the best of them read.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
_CHUNK, _OVERLAP = 256, 20  # tokens
_TOP = 10  # passages
_SAMPLE = 1_000  # chunks for embedding alone
_STARTS = 3
_QUESTION = "What did the spokesman say?"


def main() -> None:
    """Run all contestants and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--newsqa", type=int, default=319, help="articles of the NewsQA sample")
    parser.add_argument("--realtimeqa", type=int, default=500, help="articles of RealTimeQA 2022")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--plot", type=Path, help="an SVG file to draw the ratios in")
    parser.add_argument("--one", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(CONTESTANTS[options.one](options.data)))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        _articles(options.data, options.newsqa, options.realtimeqa, folder / "articles.jsonl")
        _questions(options.data, options.questions, folder / "questions.json")
        found = {name: _apart(name, folder) for name in CONTESTANTS}
        found["start"] = _starts(folder)
    print(table(found))
    if options.plot:
        options.plot.write_text(plot(ratios(found)), encoding="utf-8")


def _articles(data: Path, newsqa: int, realtimeqa: int, file: Path) -> None:
    with file.open("w", encoding="utf-8") as out:
        for name, count in (("newsqa", newsqa), ("realtimeqa-2022", realtimeqa)):
            with gzip.open(data / name / "articles.jsonl.gz", "rt", encoding="utf-8") as lines:
                out.writelines(itertools.islice(lines, count))


def _questions(data: Path, count: int, file: Path) -> None:
    with gzip.open(data / "newsqa" / "questions.jsonl.gz", "rt", encoding="utf-8") as lines:
        asked = [json.loads(line)["question"] for line in lines]
    file.write_text(json.dumps(asked[:: max(1, len(asked) // count)][:count]), encoding="utf-8")


def _apart(name: str, folder: Path) -> dict[str, Any]:
    """Run a contestant in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.stock", str(folder), "--one", name]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: {json.dumps(found)}", file=sys.stderr, flush=True)
    return found


def _timed(work: Callable[[], Any]) -> list[float]:
    """Return the seconds of the clock and of the processor that some work takes."""
    began, worked = time.perf_counter(), time.process_time()
    work()
    return [time.perf_counter() - began, time.process_time() - worked]


def _searched(search: Callable[[str], Any], folder: Path) -> dict[str, float]:
    """Return the percentiles of the milliseconds that a search takes."""
    questions = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
    for question in questions[:10]:
        search(question)
    spent = [_timed(lambda question=question: search(question))[0] * 1000 for question in questions]
    p50, p95 = np.percentile(spent, [50, 95])
    return {"search p50": float(p50), "search p95": float(p95)}


def _memory() -> dict[str, float]:
    return {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _read(folder: Path) -> Iterator[dict[str, Any]]:
    with (folder / "articles.jsonl").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _chunks(folder: Path) -> list[str]:
    """Return the articles in llama-index's chunks of 256 of the model's tokens."""
    from llama_index.core.node_parser import SentenceSplitter

    from index.embedder import Embedder

    splitter = SentenceSplitter(chunk_size=_CHUNK, chunk_overlap=_OVERLAP, tokenizer=Embedder().token_starts)
    return [chunk for article in _read(folder) for chunk in splitter.split_text(article["text"])]


def llamaindex(folder: Path) -> dict[str, Any]:
    """llama-index as its documentation shows it, with Chroma on disk."""
    import chromadb
    from llama_index.core import Document, StorageContext, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore

    from index.embedder import Embedder, bundled_model

    model = HuggingFaceEmbedding(model_name=str(bundled_model()))
    collection = chromadb.PersistentClient(str(folder / "llamaindex")).create_collection("news")
    stored = StorageContext.from_defaults(vector_store=ChromaVectorStore(chroma_collection=collection))
    splitter = SentenceSplitter(chunk_size=_CHUNK, chunk_overlap=_OVERLAP, tokenizer=Embedder().token_starts)
    index: list[Any] = []

    def ingest() -> None:
        documents = [Document(text=one["text"], metadata={"source": one["source"]}) for one in _read(folder)]
        made = VectorStoreIndex.from_documents(
            documents, storage_context=stored, embed_model=model, transformations=[splitter]
        )
        index.append(made)

    spent = _timed(ingest)
    found = {"ingestion": spent, "passages": collection.count()}
    found |= _searched(index[0].as_retriever(similarity_top_k=_TOP).retrieve, folder) | _memory()
    sample = _chunks(folder)[:_SAMPLE]
    return {**found, "embedding": _timed(lambda: model.get_text_embedding_batch(sample))}


def txtai(folder: Path) -> dict[str, Any]:
    """txtai over the same chunks, in its hybrid of vectors and words."""
    from txtai import Embeddings

    from index.embedder import bundled_model

    index = Embeddings(path=str(bundled_model()), content=True, hybrid=True)

    def ingest() -> None:
        index.index(_chunks(folder))
        index.save(str(folder / "txtai"))

    spent = _timed(ingest)
    search = _searched(lambda question: index.search(question, _TOP), folder)
    return {"ingestion": spent, "passages": index.count(), **search, **_memory()}


def saidso(folder: Path) -> dict[str, Any]:
    """Saidso, with the part of its ingestion that its claims take."""
    from assistant.assistant import Assistant
    from assistant.settings import Settings
    from index.claims import claims_of
    from index.embedder import Embedder
    from index.filters import Filters
    from index.search import search
    from index.store import Store

    assistant = Assistant.open(Settings(folder / "saidso"))
    spent = _timed(lambda: assistant.ingest([folder / "articles.jsonl"]))
    texts = [article["text"] for article in _read(folder)]
    claims = _timed(lambda: list(claims_of(texts)))
    found = {"ingestion": spent, "claims": claims, "passages": assistant.holdings().passages}
    found |= {f"answer {key[7:]}": ms for key, ms in _searched(assistant.ask, folder).items()}
    found |= {f"read {key}": ms for key, ms in _searched(lambda text: assistant.search(text, _TOP), folder).items()}
    assistant.close()
    store = Store.open(folder / "saidso", Embedder())
    found |= _searched(lambda question: search(store, question, _TOP, Filters()), folder) | _memory()
    store.close()
    sample, embedder = _chunks(folder)[:_SAMPLE], Embedder()
    embedder.embed(sample[:1])
    tokens = sum(min(_CHUNK, embedder.count_tokens(text) + 2) for text in sample)
    return {**found, "embedding": _timed(lambda: embedder.embed(sample)), "tokens": tokens, "limit": _limit()}


def _limit() -> dict[str, float]:
    """Return the most operations a second, in 10^9, at which this machine multiplies matrices of such sizes."""
    import torch

    from index.encoder import Int8Linear, fast_dtype

    rows, width, hidden = 4096, 384, 1536
    x, layer = torch.randn(rows, width), torch.nn.Linear(width, hidden)
    byte_layer = Int8Linear(layer, fast_dtype())
    moved = torch.randint(0, 255, (rows, width), dtype=torch.uint8)
    about = (byte_layer.matrix, byte_layer.scale, byte_layer.zero, None, 1.0, 0, byte_layer.dtype, "none", [], "")
    works = {
        "float32": lambda: layer(x),
        "bfloat16": lambda: torch.mm(x.bfloat16(), layer.weight.bfloat16().T),
        "int8": lambda: torch.ops.onednn.qlinear_pointwise(moved, 1.0, 128, *about),
    }
    with torch.inference_mode():
        return {name: 2 * rows * width * hidden / _least(work) / 1e9 for name, work in works.items()}


def _least(work: Callable[[], Any]) -> float:
    return min(_timed(work)[0] for _ in range(40))


CONTESTANTS: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "llamaindex": llamaindex,
    "txtai": txtai,
    "saidso": saidso,
}

_STOCK_ASK = """
import sys, chromadb
from llama_index.core import VectorStoreIndex
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.chroma import ChromaVectorStore
collection = chromadb.PersistentClient(sys.argv[1]).get_collection("news")
index = VectorStoreIndex.from_vector_store(
    ChromaVectorStore(chroma_collection=collection), embed_model=HuggingFaceEmbedding(model_name=sys.argv[2])
)
print(index.as_retriever(similarity_top_k=10).retrieve(sys.argv[3])[0].text)
"""
_BARE_PAGE = """
import gradio as gr
with gr.Blocks() as page:
    gr.ChatInterface(lambda message, history: message)
page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
print(page.local_url, flush=True)
input()
"""


def _starts(folder: Path) -> dict[str, Any]:
    """Return the least seconds from the start of a process to its answer, and to its page."""
    from index.embedder import bundled_model

    stock = [sys.executable, "-W", "ignore", "-c", _STOCK_ASK, str(folder / "llamaindex"), str(bundled_model())]
    data = ["--data-dir", str(folder / "saidso")]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "SAIDSO_PORT": "0", "GRADIO_ANALYTICS_ENABLED": "False"}
    return {
        "stock ask": min(_answered([*stock, _QUESTION], environment) for _ in range(_STARTS)),
        "saidso ask": min(
            _answered([sys.executable, "-m", "assistant", "ask", _QUESTION, *data], environment) for _ in range(_STARTS)
        ),
        "bare page": min(_served([sys.executable, "-c", _BARE_PAGE], environment) for _ in range(_STARTS)),
        "saidso page": min(_served([sys.executable, "app.py", *data], environment) for _ in range(_STARTS)),
    }


def _answered(command: Sequence[str], environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def _served(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return the seconds until the page's HTML has come."""
    import httpx

    began = time.perf_counter()
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        httpx.get(address, timeout=60).raise_for_status()
        spent = time.perf_counter() - began
        server.kill()
    return spent


def ratios(found: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Return how Saidso compares with stock, each with the goal."""
    stock, own, start = found["llamaindex"], found["saidso"], found["start"]
    alone = own["ingestion"][0] - own["claims"][0]
    return {
        "ingestion without claims, times as fast (≥ 2.5)": (stock["ingestion"][0] / alone, 2.5),
        "ingestion with claims, times as fast (≥ 1.6)": (stock["ingestion"][0] / own["ingestion"][0], 1.6),
        "ingestion with claims, beside txtai": (found["txtai"]["ingestion"][0] / own["ingestion"][0], 1.6),
        "embedding alone, times as fast (≥ 3)": (stock["embedding"][0] / own["embedding"][0], 3.0),
        "search p50, part of stock's (≤ 0.4)": (own["search p50"] / stock["search p50"], 0.4),
        "ask from a cold process, part of stock's (≤ 0.3)": (start["saidso ask"] / start["stock ask"], 0.3),
        "start of the page, times a bare one (≤ 1.3)": (start["saidso page"] / start["bare page"], 1.3),
    }


def table(found: Mapping[str, Any]) -> str:
    """Return all figures as Markdown."""
    names = list(CONTESTANTS)
    kinds = list(dict.fromkeys(kind for name in names for kind in found[name] if kind != "limit"))
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    lines += [f"| {kind} | {' | '.join(_cell(found[name].get(kind)) for name in names)} |" for kind in kinds]
    lines += ["", "| start, seconds | |", "| --- | --- |"]
    lines += [f"| {what} | {seconds:.2f} |" for what, seconds in found["start"].items()]
    lines += ["", "| ratio (goal) | |", "| --- | --- |"]
    lines += [f"| {what} | {ratio:.2f} |" for what, (ratio, _) in ratios(found).items()]
    own = found["saidso"]
    reached = own["tokens"] * _OPERATIONS / own["embedding"][0] / 1e9
    limits = ", ".join(f"{rate:.0f} in {kind}" for kind, rate in own["limit"].items())
    return "\n".join([*lines, "", f"Embedding: {reached:.0f} of 10^9 operations a second, of at most {limits}."])


_OPERATIONS = 2 * 6 * (4 * 384**2 + 2 * 384 * 1536)  # a token, in the matrices of six layers


def _cell(value: object) -> str:
    if isinstance(value, list):
        return f"{value[0]:.1f} s ({value[1]:.1f})"
    return "" if value is None else f"{value:,.0f}"


def plot(compared: Mapping[str, tuple[float, float]]) -> str:
    """Return the ratios as bars, with the goals as lines, in SVG."""
    rows, most = [], max(max(pair) for pair in compared.values())
    for place, (what, (ratio, goal)) in enumerate(compared.items()):
        top, scale = 20 + 46 * place, 560 / most
        rows.append(f'<text x="10" y="{top}">{escape(what)}: {ratio:.2f}</text>')
        rows.append(f'<rect x="10" y="{top + 6}" width="{ratio * scale:.1f}" height="14" fill="#8f1d1d"/>')
        rows.append(f'<path d="M{10 + goal * scale:.1f} {top + 3}v20" stroke="#1f1c18" stroke-width="2"/>')
    about = f'viewBox="0 0 600 {30 + 46 * len(compared)}" font-family="sans-serif" font-size="13"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {about}>{"".join(rows)}</svg>\n'


if __name__ == "__main__":
    main()
