"""What each idea of the reader's training is worth: the same short training with one idea left out at a time.

    python -m tests.benchmarks.ablations DATA OUT [--examples 3200] [--questions 300]

The lowest four layers are the shipped reader's and stay as they are, so that what they make of an input is kept and
used by every arm; the upper two begin as the sentence encoder's, under a new head. Every arm sees equally many examples
of one pool, of which it leaves out those that the idea adds. The frozen layers have learnt from all of the ideas: what
leaving one out costs is therefore a lower bound. Measured on NewsQA's fold B (gold article given), which neither the
shipped reader nor an arm has seen, and on SQuAD 2.0's titles kept for calibration; resumes after the last arm done.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from assistant.neural_reader import NeuralReader
from assistant.reader import open_network
from assistant.reader_network import ReaderNetwork, from_encoder
from assistant.training.data import Source
from assistant.training.measure_reader import ask_newsqa, f1, interval, newsqa_figures, squad2_figures
from assistant.training.reader import CLOSING, TRUNK_LENGTHS, Plan, Trainer, prepared
from assistant.training.windows import Example, Lengths, Stream, batches, example
from index.embedder import bundled_model
from index.encoder import fast_dtype, through

log = logging.getLogger(__name__)

FROZEN = 4
BATCH = 16
WARMUP = 20
CHUNK = 1000
RELEVANCE_WEIGHT = 1.0
EVERYTHING = "everything"


@dataclass(frozen=True)
class Made:
    """An example of the pool and its source; `generated` without an answer, though its question has one somewhere;
    `changed`, so that it has none."""

    example: Example
    source: str
    generated: bool
    changed: bool


@dataclass(frozen=True)
class Arm:
    """A training with something left out: which examples stay, what becomes of them, which logits are taught."""

    name: str
    keeps: Callable[[Made], bool] = lambda _: True
    rivals: bool = True
    taught: tuple[bool, bool, bool] = (True, True, True)
    seed: int = 1


ARMS = (
    Arm(EVERYTHING),
    Arm("no generated negatives, no rivals", keeps=lambda made: not made.generated, rivals=False),
    Arm("no distant supervision", keeps=lambda made: made.source != "realtimeqa"),
    Arm(f"{EVERYTHING}, another seed", seed=2),
    Arm("no changed questions", keeps=lambda made: not made.changed),
    Arm("no rivals", rivals=False),
    Arm("no made questions", keeps=lambda made: made.source not in ("polnear", "cloze")),
    Arm("relevance alone", taught=(False, False, True)),
    Arm("span alone", taught=(True, True, False)),
)


class Upper(nn.Module):
    """The upper layers and the head over frozen lower ones, whose states are computed once an input and kept."""

    def __init__(self, lower: ReaderNetwork, start: ReaderNetwork, taught: tuple[bool, bool, bool]) -> None:
        super().__init__()
        self.layers = start.layers[FROZEN:]
        self.head = start.head
        self._lower = [lower]  # in a list, so that its weights are none of this module's
        self._taught = torch.tensor(taught)
        self._kept: dict[bytes, NDArray[np.float16]] = {}

    def again(self, start: ReaderNetwork, taught: tuple[bool, bool, bool]) -> Upper:
        """The same frozen layers and kept states under a new start."""
        other = Upper(self._lower[0], start, taught)
        other._kept = self._kept
        return other

    def forward(self, ids: Tensor, segments: Tensor, lengths: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Logits, as of `ReaderNetwork`; those not taught pass no gradient on."""
        states = self.states(ids, segments, lengths).to(dtype)
        logits = self.head(through(self.layers, states, lengths).float())
        return torch.where(self._taught, logits, logits.detach())

    def states(self, ids: Tensor, segments: Tensor, lengths: Tensor) -> Tensor:
        """(batch, tokens, width): what the frozen layers make of each input; padding is 0."""
        keys = [
            np.concatenate([i[:n], s[:n]]).tobytes()
            for i, s, n in zip(ids.numpy(), segments.numpy(), lengths.tolist(), strict=True)
        ]
        if any(key not in self._kept for key in keys):
            lower = self._lower[0]
            with torch.inference_mode():
                x = lower.embedded(ids, segments, fast_dtype())
                made = through(lower.layers[:FROZEN], x, lengths).half().numpy()
            self._kept |= {key: one[:n].copy() for key, one, n in zip(keys, made, lengths.tolist(), strict=True)}
        states = np.zeros((*ids.shape, self._lower[0].shape.width), dtype=np.float32)
        for row, key in enumerate(keys):
            states[row, : len(self._kept[key])] = self._kept[key]
        return torch.from_numpy(states)


@dataclass(frozen=True)
class Pool(Stream):
    """The stream of training examples, each with where it came from."""

    def made(self, count: int) -> list[Made]:
        """The first `count` examples."""
        made = [one for n in range(-(-count // self.size)) for one in self._chunk(n)]
        return made[:count]

    def _chunk(self, n: int) -> Iterator[Made]:
        rng = np.random.default_rng([self.seed, n])
        found = []
        for source in self.sources:
            first = sum(self.taken(source.name, k) for k in range(n))
            for place in range(first, first + self.taken(source.name, n)):
                item = self.item(source, place)
                one = example(source, item, rng, self.lengths(n))
                asked = one.pair.ids[1 : one.pair.passage_start - 1]
                generated, changed = not one.answers and bool(item.spans), not np.array_equal(asked, item.question)
                found.append(Made(one, source.name, generated, changed))
        return (found[k] for k in rng.permutation(len(found)))


def pool(sources: list[Source], lengths: Lengths, count: int) -> list[Made]:
    """Examples in the closing's mix, NewsQA's fold A in it."""
    mix = CLOSING | {"newsqa-a": 1 - sum(CLOSING.values())}
    return Pool(sources, lambda _: mix, lambda _: lengths, CHUNK, seed=1).made(count)


def trained(arm: Arm, network: Upper, made: Sequence[Made], count: int) -> nn.Module:
    """The arm's network after `count` examples, the rate rising and then falling to nothing."""
    kept = [one.example for one in made if arm.keeps(one)]
    shown = [one if arm.rivals else replace(one, rival=None) for one in (kept * (count // len(kept) + 1))[:count]]
    trainer = Trainer(network, Plan(batch=BATCH, dtype=fast_dtype()))  # type: ignore[arg-type]
    steps = batches(shown, BATCH, np.random.default_rng(arm.seed))
    for n, batch in enumerate(steps):
        loss = trainer.learn(batch, min((n + 1) / WARMUP, 1 - n / len(steps)))
        if n % 50 == 0:
            log.info("%s: step %d of %d, loss %.3f", arm.name, n, len(steps), loss)
    return trainer.averaged()


def measured(network: nn.Module, data: Path, questions: int) -> dict[str, Any]:
    """NewsQA's figures with each question's F1 and article, and SQuAD 2.0's."""
    reader = NeuralReader.over(network.eval(), bundled_model(), fast_dtype(), RELEVANCE_WEIGHT)  # type: ignore[arg-type]
    asked = ask_newsqa(reader, data / "newsqa", ("test",), questions)
    contexts = data / "reading" / "squad2-dev-half.jsonl.gz"
    return {
        "newsqa": newsqa_figures(asked, RELEVANCE_WEIGHT),
        "squad2": squad2_figures(reader, contexts, "calibrate", RELEVANCE_WEIGHT, questions),
        "f1": [f1(one.answer(RELEVANCE_WEIGHT), one.record["answers"]) for one in asked],
        "articles": [one.record["articles"][0] for one in asked],
    }


def row(found: dict[str, Any], all_: dict[str, Any]) -> str:
    """A line of the table; the difference is of the same questions, with its interval over articles."""
    newsqa, squad2 = found["newsqa"], found["squad2"]
    mean, low, high = interval([a - b for a, b in zip(found["f1"], all_["f1"], strict=True)], found["articles"])
    cells = [found["arm"], newsqa["em"][0], newsqa["f1"][0], f"{mean:+} ({low:+} to {high:+})"]
    cells += [newsqa["window_auc_relevance"], newsqa["window_auc_span"], squad2["f1"][0], squad2["answerable_auc"]]
    return " | ".join(str(cell) for cell in cells)


def main() -> None:
    """Train and measure every arm not done yet; print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, help="where what is made once and the figures of each arm are kept")
    parser.add_argument("--examples", type=int, default=3200, help="seen by each arm")
    parser.add_argument("--questions", type=int, default=300, help="of each measured set")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    options.out.mkdir(parents=True, exist_ok=True)
    done = options.out / "arms.jsonl"
    found = [json.loads(line) for line in done.read_text().splitlines()] if done.exists() else []
    torch.set_num_threads(1)
    encoder = bundled_model()
    made = pool(prepared(options.data, encoder, options.out, seed=1), TRUNK_LENGTHS, 2 * options.examples)
    shipped = open_network(None)
    assert isinstance(shipped, NeuralReader)
    first = Upper(shipped.network, from_encoder(encoder), (True, True, True))
    for arm in ARMS:
        if all(arm.name != one["arm"] for one in found):
            began = time.process_time()
            torch.manual_seed(arm.seed)
            network = trained(arm, first.again(from_encoder(encoder), arm.taught), made, options.examples)
            found.append({"arm": arm.name} | measured(network, options.data, options.questions))
            with done.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(found[-1]) + "\n")
            log.info("%s: %d s of processor", arm.name, time.process_time() - began)
        print(row(next(one for one in found if one["arm"] == arm.name), found[0]), flush=True)


if __name__ == "__main__":
    main()
