"""Trains the reader: `python -m assistant.training.reader --data DATA --out DIR`, from data to
shippable weights.

The run is seeded, and resumes where it stopped: it works through chunks of examples, each the same whenever
it is made (see `Stream`), and keeps a checkpoint every few chunks. Two processes with one thread each share
every batch, because that loses less than two threads in one process when other work holds a core. The
learning rate rises, stays, and falls at the end, with more news in the mix as it falls; a running average of
the weights is what is exported, so that the run is useful whenever it is stopped."""

from __future__ import annotations

import argparse
import json
import logging
import os
import pickle
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812 - the name every torch program gives it
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from assistant.reader_input import padded
from assistant.reader_network import (
    ReaderNetwork,
    from_encoder,
    save_weights,
)
from assistant.training.data import Example, Mix, Source, Stream, batches, load_sources
from index.embedder import BUNDLED_SHA256, bundled_model

log = logging.getLogger(__name__)

STEADY: Mix = {
    "squadshifts": 0.46, "qed-nq": 0.13, "squad2": 0.07, "newsqa": 0.11, "realtimeqa": 0.08, "polnear": 0.06,
    "cloze": 0.09,
}  # fmt: skip
CLOSING: Mix = {
    "squadshifts": 0.48, "qed-nq": 0.13, "squad2": 0.09, "newsqa": 0.08, "realtimeqa": 0.08, "polnear": 0.06,
    "cloze": 0.08,
}  # fmt: skip
"""Each source's share of a chunk, before and while the learning rate falls."""

RELEVANCE_WEIGHT = 1.0
"""How much relevance counts beside a span's score; chosen on NewsQA's `dev` part."""


@dataclass(frozen=True)
class Plan:
    """What a run does; `examples` may be changed between two parts of it, to move its end.

    The lowest `frozen` layers learn in the first `free` part of it alone, which makes the rest a quarter
    faster; with `free` at 1 all learn throughout.
    """

    examples: int = 150_000
    batch: int = 48
    chunk: int = 1536
    rate: float = 1.8e-4
    head_rate: float = 1e-3
    warmup: int = 120
    closing: float = 0.35
    average: float = 0.997
    frozen: int = 2
    free: float = 0.3
    seed: int = 1
    dtype: torch.dtype = torch.bfloat16

    @property
    def chunks(self) -> int:
        """Chunks in the whole run."""
        return max(1, self.examples // self.chunk)

    def done(self, chunk: float) -> float:
        """How much of the run lies before `chunk`, 0 to 1."""
        return chunk / self.chunks

    def factor(self, step: int) -> float:
        """The learning rate at a step, as a part of the highest: it rises, stays, and falls to nothing."""
        left = 1 - self.done(step * self.batch / self.chunk)
        return max(0.0, min(1.0, (step + 1) / self.warmup, left / self.closing))

    def mix(self, chunk: int) -> Mix:
        """Each source's share of a chunk."""
        return STEADY if 1 - self.done(chunk) > self.closing else CLOSING


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

    def learn(self, batch: list[Example], rank: int = 0, world: int = 1) -> float:
        """One step on a batch, of which this process reads its share; returns the share's loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["top"] * self.plan.factor(self.step)
        self.optimizer.zero_grad()
        loss = batch_loss(self.network, batch[rank::world], self.plan.dtype)
        loss.backward()  # type: ignore[no-untyped-call]
        if world > 1:
            self.share_gradients(world)
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.step += 1
        self.follow(1 - min(self.plan.average, self.step / (self.step + 10)))
        return loss.item()

    @torch.no_grad()
    def follow(self, share: float) -> None:
        """Move the running average a share of the way to the weights."""
        torch._foreach_lerp_(self.average, self.weights, share)

    def share_gradients(self, world: int) -> None:
        """Replace every process's gradients by their mean."""
        learning = [p for p in self.weights if p.grad is not None]
        flat = torch.cat([p.grad.view(-1) for p in learning if p.grad is not None])
        dist.all_reduce(flat)
        for weight, part in zip(learning, torch.split(flat / world, [p.numel() for p in learning]), strict=True):
            weight.grad = part.view_as(weight)

    def run_chunk(self, stream: Stream, rank: int = 0, world: int = 1) -> float:
        """Learn from the next chunk; returns the mean loss."""
        self.freeze()
        examples = stream.chunk(self.chunk)
        order = np.random.default_rng([self.plan.seed, self.chunk, 1])
        losses = [self.learn(batch, rank, world) for batch in batches(examples, self.plan.batch, order)]
        self.chunk += 1
        return float(np.mean(losses))

    def freeze(self) -> None:
        """Stop teaching the lowest layers when their time is over: what is near the words settles first."""
        early = self.plan.done(self.chunk) < self.plan.free
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
        state = torch.load(path, weights_only=True)
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


def export(trainer: Trainer, folder: Path) -> None:
    """Write the weights and the settings that `NeuralReader.load` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(trainer.averaged(), folder / "reader.safetensors")
    config = {"encoder_sha256": BUNDLED_SHA256, "relevance_weight": RELEVANCE_WEIGHT}
    config |= {"examples": trainer.chunk * trainer.plan.chunk, "seed": trainer.plan.seed}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def batch_loss(network: ReaderNetwork, batch: list[Example], dtype: torch.dtype) -> Tensor:
    """Mean loss of a batch and its rivals: where the answer starts and ends, if there is one, in which."""
    rivalled = [n for n, e in enumerate(batch) if e.rival]
    shown = batch + [Example(e.rival, (0,), (0,), False) for e in batch if e.rival]
    ids, segments, lengths = padded([e.pair for e in shown])
    logits = network(ids, segments, lengths, dtype)
    places = logits[:, :, :2].masked_fill(~readable(shown, ids.shape[1])[:, :, None], float("-inf"))
    starts, ends = [e.starts for e in shown], [e.ends for e in shown]
    span = place_loss(places[:, :, 0], starts) + place_loss(places[:, :, 1], ends)
    answers = torch.tensor([float(e.answers) for e in shown])
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
    places = places.masked_fill(nowhere, float("-inf"))
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
    return (logits.logsumexp(-1) - (logits + target).logsumexp(-1)).mean()


def prepared(data: Path, encoder: Path, out: Path, seed: int) -> list[Source]:
    """The sources, made once for a run and kept beside its checkpoint."""
    path = out / "sources.pickle"
    if not path.exists():
        path.with_suffix(".new").write_bytes(pickle.dumps(load_sources(data, encoder, seed)))
        path.with_suffix(".new").replace(path)
    sources: list[Source] = pickle.loads(path.read_bytes())
    return sources


def worker(rank: int, world: int, plan: Plan, out: Path, encoder: Path, every: int) -> None:
    """One of the processes of a run: all hold the same network and read different shares of every batch."""
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{out / 'rendezvous'}", rank=rank, world_size=world)
    torch.manual_seed(plan.seed)
    trainer = Trainer(from_encoder(encoder), plan)
    if (out / "checkpoint.pt").exists():
        trainer.restore(out / "checkpoint.pt")
    stream = Stream(prepared(out, encoder, out, plan.seed), plan.mix, plan.chunk, plan.seed)
    while trainer.chunk < plan.chunks:
        began, cpu = time.time(), time.process_time()
        loss = trainer.run_chunk(stream, rank, world)
        if rank == 0:
            report(out, trainer, loss, time.time() - began, time.process_time() - cpu)
            if trainer.chunk % every == 0 or trainer.chunk == plan.chunks:
                trainer.save(out / "checkpoint.pt")
    if rank == 0:
        export(trainer, out)
    if world > 1:
        dist.barrier()


def report(out: Path, trainer: Trainer, loss: float, wall: float, cpu: float) -> None:
    """Log a chunk, for people and as a line of `log.jsonl`."""
    row: dict[str, Any] = {"chunk": trainer.chunk, "step": trainer.step, "loss": round(loss, 4)}
    row |= {
        "rate": round(trainer.plan.factor(trainer.step), 3),
        "wall_s": round(wall, 1),
        "cpu_s": round(cpu, 1),
    }
    row["examples_per_s"] = round(trainer.plan.chunk / wall, 1)
    log.info("%s", row)
    with (out / "log.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")


def keep_memory() -> None:
    """Have the C library keep freed memory, in processes started from here: a third of a step is page faults
    else."""
    os.environ["MALLOC_MMAP_THRESHOLD_"] = "4000000000"
    os.environ["MALLOC_TRIM_THRESHOLD_"] = "8000000000"
    os.environ["MALLOC_TOP_PAD_"] = "268435456"


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of questions and articles")
    parser.add_argument("--out", type=Path, required=True, help="where checkpoints, the log and the weights go")
    parser.add_argument("--examples", type=int, default=Plan.examples, help="length of the whole run")
    parser.add_argument("--workers", type=int, default=2, help="processes, of one thread each")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    options = parser.parse_args(arguments)
    plan = Plan(examples=options.examples, seed=options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    log.info("%s", asdict(plan))
    encoder = bundled_model()
    prepared(options.data, encoder, options.out, plan.seed)
    (options.out / "rendezvous").unlink(missing_ok=True)
    keep_memory()
    run = partial(worker, world=options.workers, plan=plan, out=options.out, encoder=encoder, every=2)
    spawn(run, nprocs=options.workers)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
