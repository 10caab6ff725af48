"""Any Hugging Face model from a local folder in the trained reader's place.

An extractive question-answering model (`…ForQuestionAnswering`) gives spans and, by its [CLS] score, "not here". A
cross-encoder (`…ForSequenceClassification` with one output, or with two: no, yes) gives each sentence a score; it
points at a sentence but cannot say where in it the bare answer stands, so its readings have no length. Only local files
are read, only safetensors, and no code that comes with a model is run. torch and transformers are imported when a model
is loaded."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.neural_reader import NOTHING, PassageReader, Reading, best_span, paragraph_numbers
from index.errors import SaidsoError
from index.passages import split_sentences

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase

LONGEST_INPUT = 384
"""Tokens read at once, where the model can: what these models are mostly trained on."""

QUESTION_SHARE, OVERLAP_SHARE = 4, 6
"""One part in four of an input is the most that a question takes, the rest of a longer one is not read; one in six is
what two windows over a longer text share."""

TOGETHER = 16
"""Inputs in one forward pass."""


def load(folder: Path) -> PassageReader:
    """The model in `folder`. Raises SaidsoError where there is none that can read."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from safetensors import SafetensorError
    from transformers import (
        AutoConfig,
        AutoModelForQuestionAnswering,
        AutoModelForSequenceClassification,
        AutoTokenizer,
    )
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    if not (folder / "config.json").is_file():
        raise _unfit(folder, "it has no config.json")
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        architecture = (config.architectures or ["a model without architecture"])[0]
        answers = architecture.endswith("ForQuestionAnswering")
        if not answers and not architecture.endswith("ForSequenceClassification"):
            raise _unfit(folder, f"it holds {architecture}")
        kind = AutoModelForQuestionAnswering if answers else AutoModelForSequenceClassification
        model = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, SafetensorError) as error:
        raise _unfit(folder, str(error)) from error
    if not tokenizer.is_fast:
        raise _unfit(folder, "its tokenizer does not tell which characters a token stands for")
    if answers:
        return ExtractiveModel(model.eval(), tokenizer)
    if config.num_labels not in (1, 2):
        raise _unfit(folder, f"it tells {config.num_labels} classes apart, not yes and no")
    return CrossEncoder(model.eval(), tokenizer)


def _unfit(folder: Path, why: str) -> SaidsoError:
    return SaidsoError(
        f"The reader {str(folder)!r} cannot be used: {why}. Give a folder with an extractive question-answering model "
        "or a cross-encoder in the Hugging Face format (safetensors), or unset SAIDSO_READER."
    )


@dataclass(frozen=True)
class ExtractiveModel:
    """A question-answering model with its fast tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    lock: threading.Lock = field(default_factory=threading.Lock)  # the tokenizer cannot be shared between threads

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """The best span in each passage; its log-odds against "not here" are also the passage's relevance."""
        readings = [NOTHING] * len(passages)
        with self.lock:
            room = _room(self.model, self.tokenizer)
            for window, (starts, ends) in self._windows(_shortened(question, self.tokenizer, room), passages, room):
                reading = self._reading(passages[window["passage"]], window, starts, ends)
                if reading.span_score > readings[window["passage"]].span_score:
                    readings[window["passage"]] = reading
        return readings

    def _windows(self, question: str, passages: Sequence[str], room: int) -> Iterator[tuple[dict[str, Any], Any]]:
        """Every window of the passages: where its tokens stand, and their start and end logits."""
        for first in range(0, len(passages), TOGETHER):
            texts = passages[first : first + TOGETHER]
            encoded = _encoded(
                self.tokenizer, question, texts, room, stride=room // OVERLAP_SHARE, return_overflowing_tokens=True,
                return_offsets_mapping=True,
            )  # fmt: skip
            offsets = encoded.pop("offset_mapping").tolist()
            owners = encoded.pop("overflow_to_sample_mapping").tolist()
            logits = _forward(self.model, encoded)
            for n, owner in enumerate(owners):
                places = [at for at, part in enumerate(encoded.sequence_ids(n)) if part == 1]
                window = {"passage": first + owner, "places": places, "offsets": [offsets[n][at] for at in places]}
                yield window, (logits["start_logits"][n], logits["end_logits"][n])

    def _reading(self, text: str, window: dict[str, Any], starts: Any, ends: Any) -> Reading:
        places, offsets = window["places"], window["offsets"]
        if not places:
            return NOTHING
        start, end, score = best_span(starts[places], ends[places], paragraph_numbers(text, offsets))
        odds = score - float(starts[0] + ends[0])
        return Reading(offsets[start][0], offsets[end][1], odds, odds)


@dataclass(frozen=True)
class CrossEncoder:
    """A model that scores a question and a text together, with its fast tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    lock: threading.Lock = field(default_factory=threading.Lock)  # the tokenizer cannot be shared between threads

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """Where the best sentence of each passage begins, and its score, also as the passage's relevance."""
        sentences = [(n, sentence) for n, text in enumerate(passages) for sentence in split_sentences(text)]
        with self.lock:
            scores = self._scores(question, [passages[n][s.start : s.end] for n, s in sentences])
        readings = [NOTHING] * len(passages)
        for (n, sentence), score in zip(sentences, scores, strict=True):
            if score > readings[n].span_score:
                readings[n] = Reading(sentence.start, sentence.start, score, score)
        return readings

    def _scores(self, question: str, texts: Sequence[str]) -> list[float]:
        scores: list[float] = []
        room = _room(self.model, self.tokenizer)
        question = _shortened(question, self.tokenizer, room)
        for first in range(0, len(texts), TOGETHER):
            part = texts[first : first + TOGETHER]
            logits = _forward(self.model, _encoded(self.tokenizer, question, part, room))["logits"]
            scores += (logits[:, -1] - (logits[:, 0] if logits.shape[1] == 2 else 0.0)).tolist()
        return scores


def _encoded(
    tokenizer: PreTrainedTokenizerBase, question: str, texts: Sequence[str], room: int, **more: Any
) -> BatchEncoding:
    """The question with each text as one batch; texts are cut to what fits into `room` tokens beside it."""
    asked = [question] * len(texts)
    encoded: BatchEncoding = tokenizer(
        asked, list(texts), truncation="only_second", max_length=room, padding=True, return_tensors="pt", **more
    )
    return encoded


def _forward(model: PreTrainedModel, encoded: Any) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    import torch

    with torch.inference_mode():
        output: dict[str, Tensor] = model(**encoded)
        return {name: value.float().numpy() for name, value in output.items() if name.endswith("logits")}


def _shortened(question: str, tokenizer: PreTrainedTokenizerBase, room: int) -> str:
    """The characters of the question's first tokens."""
    offsets = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    most = room // QUESTION_SHARE
    return question[: offsets[most - 1][1]] if len(offsets) > most else question


def _room(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """The longest input that both model and tokenizer take."""
    return int(min(LONGEST_INPUT, tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 512)))
