from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index.embedder import Embedder, bundled_model
from index.errors import SaidsoError

TEXTS = [
    "What did the Pentagon claim was hit?",
    "The Observatory counted 42 dead, most of them civilians; later the same day it spoke of 46.",
    "",
    "é 漢字 “quoted” – and a dash",
    "bombs " * 2_000,  # more than the model reads
    *(f"Sentence {number} of an article about the harbour." for number in range(40)),
]


@pytest.fixture(scope="module")
def stock() -> Embedder:
    return Embedder(str(bundled_model()))


def test_the_fast_path_gives_the_vectors_of_sentence_transformers(embedder: Embedder, stock: Embedder) -> None:
    fast, slow = embedder.embed(TEXTS), stock.embed(TEXTS)
    assert fast.shape == slow.shape == (len(TEXTS), 384)
    assert fast.dtype == np.float32
    assert np.allclose(np.linalg.norm(fast, axis=1), 1, atol=1e-5)
    assert (fast * slow).sum(axis=1).min() > 0.9995


def test_both_read_as_many_tokens_of_a_text(embedder: Embedder, stock: Embedder) -> None:
    assert embedder.max_tokens == stock.max_tokens == 254
    assert embedder.token_starts(TEXTS[1]) == stock.token_starts(TEXTS[1])


def test_one_text_alone_has_the_vector_that_it_has_among_others(embedder: Embedder) -> None:
    alone = np.concatenate([embedder.embed([text]) for text in TEXTS])
    assert (alone * embedder.embed(TEXTS)).sum(axis=1).min() > 0.9995


def test_the_same_texts_have_the_same_vectors_from_several_threads(embedder: Embedder) -> None:
    expected = embedder.embed(TEXTS)
    with ThreadPoolExecutor(4) as threads:
        assert all(np.array_equal(found, expected) for found in threads.map(embedder.embed, [TEXTS] * 8))


def test_nothing_gives_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 384)


def test_the_bundled_model_needs_no_sentence_transformers() -> None:
    code = (
        "import sys; from index.embedder import Embedder; Embedder().embed(['one', 'two']);"
        "assert not {'sentence_transformers', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(SaidsoError, match="no-such-model"):
        Embedder("no-such-model").embed(["text"])
