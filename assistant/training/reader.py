"""Trains the reader: `python -m assistant.training.reader --data DATA --out DIR`, from data to shippable weights.

A run has two parts. The trunk learns, at a steady rate, from everything but NewsQA. The closing goes on from it with
one fold of NewsQA in the mix, while the rate falls to nothing; `--fold b` adds a second closing to the same trunk, so
that two readers, for little more than the price of one, answer every question of NewsQA without having seen its
article.

Both parts are seeded and resume where they stopped: they work through chunks of examples, each the same whenever it is
made (see `Stream`), and keep a checkpoint every few chunks. A running average of the weights is what is exported. One
process with one thread: on cores that other work shares, two wait for each other. A GPU, where there is one, is taken
by `--device cuda`; a run may be stopped on one device and go on on another."""

from __future__ import annotations

import argparse
import json
import logging
import pickle
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name every torch program gives it
from torch import Tensor, nn

from assistant.reader_input import padded
from assistant.reader_network import (
    ReaderNetwork,
    from_encoder,
    save_weights,
)
from assistant.training.data import Source, load_sources
from assistant.training.windows import Example, Lengths, Mix, Stream, batches
from index.embedder import BUNDLED_SHA256, bundled_model
from index.memory import keep_freed

log = logging.getLogger(__name__)

TRUNK: Mix = {
    "squadshifts": 0.44, "qed-nq": 0.12, "squad2": 0.12, "realtimeqa": 0.08, "polnear": 0.12, "cloze": 0.12,
}  # fmt: skip
CLOSING: Mix = {
    "squadshifts": 0.36, "qed-nq": 0.10, "squad2": 0.14, "realtimeqa": 0.08, "polnear": 0.10, "cloze": 0.10,
}  # fmt: skip
"""Each source's share of a chunk; what is left of the closing's is the fold of NewsQA."""

TRUNK_LENGTHS: Lengths = (60, 133)
CLOSING_LENGTHS: Lengths = (72, 145)
"""Tokens of an input, least and (less one) most: short ones learn more a second, longer ones are what will be read."""

SAVE_EVERY = 2
"""Chunks between checkpoints."""

RELEVANCE_WEIGHT = 1.0
"""How much relevance counts beside a span's score; chosen on NewsQA's `dev` part."""


@dataclass(frozen=True)
class Plan:
    """What a run does; `examples`, of trunk and one closing together, may be changed while it is in its trunk.

    The lowest `frozen` layers learn in the first `free` part of it alone, which makes the rest a quarter faster; with
    `free` at 1 all learn throughout.
    """

    examples: int = 194_560
    batch: int = 32
    chunk: int = 1024
    rate: float = 1.6e-4
    head_rate: float = 1e-3
    warmup: int = 150
    closing: float = 0.537
    average: float = 0.997
    frozen: int = 2
    free: float = 0.463
    seed: int = 1
    dtype: torch.dtype = torch.bfloat16
    left_out: tuple[str, ...] = ()

    @property
    def chunks(self) -> int:
        """Chunks in trunk and closing together."""
        return max(1, self.examples // self.chunk)

    @property
    def fork(self) -> int:
        """The chunk that the closing begins with."""
        return min(self.chunks - 1, round(self.chunks * (1 - self.closing)))

    def factor(self, step: int, progress: float) -> float:
        """The learning rate as a part of the highest, at a step and after `progress` chunks: it rises, stays, falls."""
        return max(0.0, min(1.0, (step + 1) / self.warmup, (self.chunks - progress) / (self.chunks - self.fork)))

    def mix(self, chunk: int, fold: str) -> Mix:
        """Each source's share of a chunk; the shares of those left out go to the others."""
        newsqa = {} if "newsqa" in self.left_out else {f"newsqa-{fold}": 1 - sum(CLOSING.values())}
        every = TRUNK if chunk < self.fork else CLOSING | newsqa
        kept = {name: part for name, part in every.items() if name not in self.left_out}
        return {name: part / sum(kept.values()) for name, part in kept.items()} if self.left_out else every

    def lengths(self, chunk: int) -> Lengths:
        """The lengths of a chunk's inputs."""
        return TRUNK_LENGTHS if chunk < self.fork else CLOSING_LENGTHS


class Trainer:
    """A network being trained, with all that a checkpoint has to hold."""

    def __init__(self, network: ReaderNetwork, plan: Plan) -> None:
        self.network, self.plan = network, plan
        self.weights: list[Tensor] = [p for p in network.parameters() if p.requires_grad]
        self.average = [p.detach().clone() for p in self.weights]
        head = set(network.head.parameters())
        groups = [
            {
                "params": [p for p in self.weights if p not in head and p.ndim > 1],
                "top": plan.rate,
                "weight_decay": 0.01,
            },
            {
                "params": [p for p in self.weights if p not in head and p.ndim < 2],
                "top": plan.rate,
                "weight_decay": 0.0,
            },
            {"params": [p for p in self.weights if p in head], "top": plan.head_rate, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98), fused=True)
        self.chunk = self.step = 0

    def learn(self, batch: list[Example], factor: float = 1.0) -> float:
        """One step on a batch, at a part of the highest learning rate; returns the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["top"] * factor
        self.optimizer.zero_grad()
        loss = batch_loss(self.network, batch, self.plan.dtype)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.step += 1
        self.follow(1 - min(self.plan.average, self.step / (self.step + 10)))
        return loss.item()

    @torch.no_grad()
    def follow(self, share: float) -> None:
        """Move the running average a share of the way to the weights."""
        torch._foreach_lerp_(self.average, self.weights, share)

    def run_chunk(self, stream: Stream) -> float:
        """Learn from the next chunk; returns the mean loss."""
        self.freeze()
        order = np.random.default_rng([self.plan.seed, self.chunk, 1])
        made = batches(stream.chunk(self.chunk), self.plan.batch, order)
        parts = (np.arange(len(made)) / len(made)).tolist()
        losses = [self.learn(b, self.plan.factor(self.step, self.chunk + p)) for b, p in zip(made, parts, strict=True)]
        self.chunk += 1
        return float(np.mean(losses))

    def freeze(self) -> None:
        """Stop teaching the lowest layers when their time is over: what is near the words settles first."""
        early = self.chunk < self.plan.chunks * self.plan.free
        lowest = [*self.network.layers[: self.plan.frozen], self.network.norm_input]
        for weight in (self.network.segments, *(p for part in lowest for p in part.parameters())):
            weight.requires_grad_(early)

    def save(self, path: Path) -> None:
        """Write a checkpoint that replaces the one before at once, or not at all."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average,
            "chunk": self.chunk,
            "step": self.step,
        }
        state["optimizer"] = self.optimizer.state_dict()
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, weights_only=True, map_location=self.network.device)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.chunk, self.step = state["chunk"], state["step"]
        with torch.no_grad():
            for mine, theirs in zip(self.average, state["average"], strict=True):
                mine.copy_(theirs)

    def averaged(self) -> ReaderNetwork:
        """The network with the running average of its weights: the one to measure and to ship."""
        with torch.no_grad():
            for weight, mean in zip(self.weights, self.average, strict=True):
                weight.copy_(mean)
        return self.network


def export(trainer: Trainer, folder: Path, fold: str) -> None:
    """Write the weights and the settings that `NeuralReader.load` reads."""
    save_weights(trainer.averaged(), folder / "reader.safetensors")
    config = {"encoder_sha256": BUNDLED_SHA256, "relevance_weight": RELEVANCE_WEIGHT}
    config |= {"examples": trainer.chunk * trainer.plan.chunk, "seed": trainer.plan.seed, "newsqa_fold": fold}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def batch_loss(network: ReaderNetwork, batch: list[Example], dtype: torch.dtype) -> Tensor:
    """Mean loss of a batch and its rivals: where the answer starts and ends, if there is one, in which."""
    rivalled = [n for n, e in enumerate(batch) if e.rival]
    shown = batch + [Example(e.rival, (0,), (0,), False) for e in batch if e.rival]
    ids, segments, lengths = padded([e.pair for e in shown])
    logits = network(ids.to(network.device), segments.to(network.device), lengths, dtype)
    closed = ~readable(shown, ids.shape[1])[:, :, None]
    places = logits[:, :, :2].masked_fill(closed.to(logits.device), float("-inf"))
    starts, ends = [e.starts for e in shown], [e.ends for e in shown]
    span = place_loss(places[:, :, 0], starts) + place_loss(places[:, :, 1], ends)
    answers = torch.tensor([float(e.answers) for e in shown]).to(logits)
    loss = span / 2 + F.binary_cross_entropy_with_logits(logits[:, 0, 2], answers)
    if not rivalled:
        return loss
    both = beside_rivals(places, rivalled, len(batch))
    choice = place_loss(both[:, :, 0], [starts[n] for n in rivalled])
    choice = choice + place_loss(both[:, :, 1], [ends[n] for n in rivalled])
    return loss + choice / 2 * len(rivalled) / len(shown)


def beside_rivals(places: Tensor, rivalled: list[int], count: int) -> Tensor:
    """(rivalled, 2 * tokens, 2): an answered window's places and its rival's in a row, [CLS] left out.

    The places of both share one sum of probabilities, so that scores of different windows can be compared
    (the shared normalisation of Clark & Gardner, 2018).
    """
    nowhere = torch.zeros(places.shape[1:], dtype=torch.bool)
    nowhere[0] = True
    places = places.masked_fill(nowhere.to(places.device), float("-inf"))
    return torch.cat([places[rivalled], places[count:]], dim=1)


def readable(batch: list[Example], tokens: int) -> Tensor:
    """(batch, tokens): where an answer may start or end: in the passage, or at [CLS] for "not here"."""
    places = torch.arange(tokens)[None, :]
    starts = torch.tensor([e.pair.passage_start for e in batch])[:, None]
    ends = torch.tensor([len(e.pair.ids) - 1 for e in batch])[:, None]
    return (places == 0) | ((places >= starts) & (places < ends))


def place_loss(logits: Tensor, wanted: list[tuple[int, ...]]) -> Tensor:
    """Mean negative log probability that one of the wanted places is chosen; `logits` is (batch, tokens).

    Where the same answer stands at several places, all count: the marginal likelihood of Clark & Gardner
    (2018)."""
    target = torch.full(logits.shape, float("-inf"))
    for row, places in enumerate(wanted):
        target[row, list(places)] = 0.0
    return (logits.logsumexp(-1) - (logits + target.to(logits)).logsumexp(-1)).mean()


def prepared(data: Path, encoder: Path, out: Path, seed: int) -> list[Source]:
    """The sources, made once for a run and kept beside its checkpoint."""
    path = out / "sources.pickle"
    if not path.exists():
        path.with_suffix(".new").write_bytes(pickle.dumps(load_sources(data, encoder, seed)))
        path.with_suffix(".new").replace(path)
    sources: list[Source] = pickle.loads(path.read_bytes())
    return sources


def train(plan: Plan, sources: list[Source], out: Path, fold: str, encoder: Path, device: str = "cpu") -> None:
    """Trunk and closing, from wherever they were left; the trunk is kept for another closing."""
    trainer, closing = Trainer(from_encoder(encoder).to(device), plan), out / f"fold-{fold}"
    closing.mkdir(parents=True, exist_ok=True)
    stream = Stream(sources, lambda chunk: plan.mix(chunk, fold), plan.lengths, plan.chunk, plan.seed)
    for until, checkpoint in ((plan.fork, out / "trunk.pt"), (plan.chunks, closing / "checkpoint.pt")):
        if checkpoint.exists():
            trainer.restore(checkpoint)
        while trainer.chunk < until:
            began = time.time(), time.process_time()
            loss = trainer.run_chunk(stream)
            report(out, trainer, loss, time.time() - began[0], time.process_time() - began[1])
            if trainer.chunk % SAVE_EVERY == 0 or trainer.chunk == until:
                trainer.save(checkpoint)
    export(trainer, closing, fold)


def report(out: Path, trainer: Trainer, loss: float, wall: float, cpu: float) -> None:
    """Log a chunk, for people and as a line of `log.jsonl`; seconds of the clock and of the processor."""
    row: dict[str, Any] = {"chunk": trainer.chunk, "step": trainer.step, "loss": round(loss, 4)}
    row["rate"] = round(trainer.plan.factor(trainer.step, trainer.chunk), 3)
    row |= {"wall_s": round(wall, 1), "cpu_s": round(cpu, 1), "examples_per_s": round(trainer.plan.chunk / wall, 1)}
    log.info("%s", row)
    with (out / "log.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of questions and articles")
    parser.add_argument("--out", type=Path, required=True, help="where checkpoints, the log and the weights go")
    parser.add_argument("--examples", type=int, default=Plan.examples, help="length of trunk and closing together")
    parser.add_argument("--fold", choices=("a", "b"), default="a", help="of NewsQA, to close with")
    parser.add_argument("--device", default="cpu", help="what to compute on, by torch's name: cpu (default), cuda, …")
    sources = ("newsqa", *TRUNK)
    parser.add_argument(
        "--leave-out", nargs="+", choices=sources, default=[], metavar="SOURCE", help=", ".join(sources)
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    options = parser.parse_args(arguments)
    plan = Plan(examples=options.examples, seed=options.seed, left_out=tuple(options.leave_out))
    if not plan.mix(0, options.fold):
        parser.error("--leave-out leaves nothing to learn from")
    options.out.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    log.info("%s", asdict(plan))
    keep_freed()
    torch.set_num_threads(options.threads)
    torch.manual_seed(plan.seed)
    encoder = bundled_model()
    made = prepared(options.data, encoder, options.out, plan.seed)
    train(plan, made, options.out, options.fold, encoder, options.device)


if __name__ == "__main__":
    main()
