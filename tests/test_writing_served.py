"""A server of language models that is not ours: `transformers serve`, on a real socket, with a tiny model made here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from assistant.assistant import Assistant
from assistant.writer_settings import WriterSettings
from assistant.writing.model import Model
from assistant.writing.prompt import Prompt
from assistant.writing.writer import Writer
from index.embedder import Embedder

PENTAGON = "What did the Pentagon claim was hit?"
WORDS = "the strike hit its target Davis said building a of and mosque [1] [2] . In 2017".split()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of one layer that has learnt nothing: what it writes are those words in some order."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    vocabulary = {word: number for number, word in enumerate(("<unk>", "<s>", "</s>", *WORDS))}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, **special)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def settings(model: Path) -> Iterator[WriterSettings]:
    """The address of the server, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = [str(Path(sys.executable).with_name("transformers")), "serve", str(model)]
    place = {**os.environ, "HF_HUB_OFFLINE": "1"}
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with subprocess.Popen(
        [*serve, *options], env=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait(f"http://127.0.0.1:{port}/health")
            yield WriterSettings(f"http://127.0.0.1:{port}/v1", str(model), seconds=60)
        finally:
            server.kill()


def _wait(url: str) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise AssertionError("transformers serve did not start within 90 seconds")


def test_it_is_read_as_it_writes_and_nothing_it_makes_up_counts(
    settings: WriterSettings, samples: Assistant, embedder: Embedder
) -> None:
    pieces = list(Model.open(settings).write(Prompt("", "the strike hit")))
    assert len(pieces) > 2 and "".join(pieces).strip() and set("".join(pieces).split()) <= {*WORDS, "<unk>"}
    samples._writer = Writer.open(settings, embedder)
    try:
        answer = samples.ask(PENTAGON)
    finally:
        samples._writer = None
    kept = [one for one in (answer.prose.sentences if answer.prose else ()) if one.fault is None]
    assert kept or (answer.note or "").startswith("Quotes alone: ")
    assert answer.statements and all(one.markers for one in kept)


def test_a_model_that_it_has_not_is_told(settings: WriterSettings, samples: Assistant, embedder: Embedder) -> None:
    samples._writer = Writer.open(WriterSettings(settings.url, "no/such-model", seconds=60), embedder)
    try:
        assert (samples.ask(PENTAGON).note or "").startswith("Quotes alone: the server ")
    finally:
        samples._writer = None
