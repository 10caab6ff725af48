"""Trains the claim network: `python -m assistant.training.claims --data DATA --out DIR`, from PolNeAR to weights.

One process, one thread, seeded; a checkpoint after every epoch, from which the same command goes on. An epoch reads
every article once, cut into windows that begin elsewhere each time. The learning rate rises, then falls to nothing;
a running average of the weights is what is exported. One article in twenty is left out for choices."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name every torch program gives it
from numpy.typing import NDArray
from torch import Tensor, nn

from index.claim_input import Tokens, Window, padded, tokenise, windows
from index.claim_network import (
    BEFORE,
    CONTENT,
    CUE,
    REACH,
    SOURCE,
    ClaimNetwork,
    around,
    from_encoder,
    save_weights,
)
from index.embedder import BUNDLED_SHA256, bundled_model, open_tokenizer
from index.encoder import fast_dtype

log = logging.getLogger(__name__)

Article = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What a run does."""

    epochs: float = 3.0
    batch: int = 16
    rate: float = 2.5e-4
    head_rate: float = 1.2e-3
    warmup: int = 80
    average: float = 0.995
    dropout: float = 0.1
    seed: int = 1
    dtype: torch.dtype = field(default_factory=fast_dtype)


@dataclass(frozen=True)
class Attribution:
    """A gold attribution: its anchor, and for each token its role, both by token number in the article."""

    anchor: int
    roles: dict[int, int]


@dataclass(frozen=True)
class Example:
    """An article's tokens with what is attributed in it."""

    tokens: Tokens
    attributions: tuple[Attribution, ...]


def articles(data: Path, split: str) -> list[Article]:
    """Return the articles of PolNeAR's `train` or `dev`."""
    with gzip.open(data / "polnear" / f"{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def held_out(article: Article) -> bool:
    """Whether an article of `train` is kept for choices."""
    return int(hashlib.sha256(article["id"].encode()).hexdigest(), 16) % 20 == 0


# ── What is learnt from ─────────────────────────────────────────────────────────────────────────────────────────


class Anchors:
    """Chooses the word of a cue that stands for the attribution: the one that is oftenest a cue alone.

    So "has said", "also said" and "said in a statement" are all anchored at "said".
    """

    def __init__(self, learnt_from: Sequence[Article]) -> None:
        self._alone: Counter[str] = Counter()
        self._in_cues: Counter[str] = Counter()
        for article in learnt_from:
            for one in article["attributions"]:
                for piece in one["cue"] or []:
                    words = piece["text"].casefold().split()
                    self._in_cues.update(words)
                    self._alone.update(words if len(words) == 1 else [])

    def place(self, cue: dict[str, Any]) -> int:
        """Return the character at which the chosen word begins."""
        text = cue["text"]
        places, at = [], 0
        for word in text.split():
            at = text.index(word, at)
            places.append((self._share(word.casefold()), -at))
            at += len(word)
        return int(cue["start"] - max(places)[1])

    def _share(self, word: str) -> float:
        return (self._alone[word] + 0.5) / (self._in_cues[word] + 2)


def example(article: Article, tokens: Tokens, anchors: Anchors) -> Example:
    """Return an article with its attributions by tokens."""

    def covered(pieces: Sequence[dict[str, Any]] | None) -> Iterator[int]:
        for piece in pieces or []:
            yield from range(*np.searchsorted(tokens.starts, (piece["start"], piece["end"])))

    found = []
    for one in article["attributions"]:
        if not one["cue"]:
            continue
        anchor = int(np.searchsorted(tokens.ends, anchors.place(one["cue"][0]), side="right"))
        parts = ((CONTENT, "content"), (SOURCE, "source"), (CUE, "cue"))
        found.append(Attribution(anchor, {at: role for role, name in parts for at in covered(one[name])}))
    return Example(tokens, tuple(found))


@dataclass(frozen=True)
class Batch:
    """Windows with their gold: `roles` is (anchors, REACH), the anchors being `places` in the windows `rows`."""

    ids: Tensor
    features: Tensor
    lengths: Tensor
    rows: Tensor
    places: Tensor
    roles: Tensor
    tags: Tensor  # (windows, tokens, 3): is it of any source, cue, content


def epoch_of(examples: Sequence[Example], plan: Plan, number: int) -> Iterator[Batch]:
    """Yield the batches of an epoch: windows of like length together, in random order."""
    order = np.random.default_rng([plan.seed, number])
    shown = [
        (one, window)
        for one in examples
        for window in windows(one.tokens, first=int(order.integers(64, 255)), overlap=0)
    ]
    shown.sort(key=lambda pair: pair[1].end - pair[1].start + order.random())
    groups = [shown[at : at + plan.batch] for at in range(0, len(shown), plan.batch)]
    for at in order.permutation(len(groups)):
        yield batch_of(groups[at])


def batch_of(group: Sequence[tuple[Example, Window]]) -> Batch:
    """Return windows as one padded batch with the gold of the anchors in them."""
    ids, features, lengths = padded([(one.tokens, window) for one, window in group])
    rows, places, roles = [], [], []
    tags = np.zeros((*ids.shape, 3), dtype=np.float32)
    for row, (one, window) in enumerate(group):
        for attribution in one.attributions:
            for at, role in attribution.roles.items():
                if window.start <= at < window.end:
                    tags[row, at - window.start + 1, role - 1] = 1
            if window.start <= attribution.anchor < window.end:
                rows.append(row)
                places.append(attribution.anchor - window.start + 1)
                roles.append(roles_near(attribution, window))
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(features),
        torch.from_numpy(lengths),
        torch.tensor(rows, dtype=torch.long),
        torch.tensor(places, dtype=torch.long),
        torch.from_numpy(np.stack(roles)) if roles else torch.zeros((0, REACH), dtype=torch.long),
        torch.from_numpy(tags),
    )


def roles_near(attribution: Attribution, window: Window) -> NDArray[np.int64]:
    """Return the role of each token that the anchor asks, as far as the window shows it."""
    roles = np.zeros(REACH, dtype=np.int64)
    for at, role in attribution.roles.items():
        near = at - attribution.anchor + BEFORE
        if 0 <= near < REACH and window.start <= at < window.end:
            roles[near] = role
    return roles


# ── Learning ────────────────────────────────────────────────────────────────────────────────────────────────────


class Trainer:
    """A network being trained, with all that a checkpoint has to hold."""

    def __init__(self, network: ClaimNetwork, plan: Plan, steps: int) -> None:
        self.network, self.plan, self.steps = network, plan, steps
        network.dropout = plan.dropout
        # Whether a token is of any source, cue or content is learnt beside the rest, to teach the encoder sooner.
        self.tags = nn.Linear(network.shape.width, 3)
        self.weights: list[Tensor] = [p for p in network.parameters() if p.requires_grad]
        self.average = [p.detach().clone() for p in self.weights]
        encoder = {p for layer in network.layers for p in layer.parameters()}
        upper = [p for p in self.weights if p in encoder]
        heads = [p for p in self.weights if p not in encoder] + list(self.tags.parameters())
        groups = [
            {"params": [p for p in upper if p.ndim > 1], "top": plan.rate, "weight_decay": 0.01},
            {"params": [p for p in upper if p.ndim < 2], "top": plan.rate, "weight_decay": 0.0},
            {"params": heads, "top": plan.head_rate, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98), fused=True)
        self.step = self.epoch = 0

    def learn(self, batch: Batch) -> float:
        """One step on a batch; returns its loss."""
        share = min(1.0, (self.step + 1) / self.plan.warmup, max(0.0, 1 - self.step / self.steps))
        for group in self.optimizer.param_groups:
            group["lr"] = group["top"] * share
        self.optimizer.zero_grad()
        loss = batch_loss(self.network, self.tags, batch, self.plan.dtype)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.step += 1
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.weights, 1 - min(self.plan.average, self.step / (self.step + 10)))
        return loss.item()

    def run_epoch(self, examples: Sequence[Example]) -> float:
        """Learn from the next epoch, or from what the run has left of it; returns the mean loss."""
        torch.manual_seed(self.plan.seed + self.epoch)  # for what is dropped
        losses = []
        for batch in epoch_of(examples, self.plan, self.epoch):
            if self.step == self.steps:
                break
            losses.append(self.learn(batch))
            if len(losses) % 20 == 0:
                log.info("step %d of %d, loss %.3f", self.step, self.steps, np.mean(losses[-20:]))
        self.epoch += 1
        return float(np.mean(losses))

    def save(self, path: Path) -> None:
        """Write a checkpoint that replaces the one before at once, or not at all."""
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "tags": self.tags.state_dict(),
            "average": self.average,
        }
        state |= {"optimizer": self.optimizer.state_dict(), "step": self.step, "epoch": self.epoch}
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.tags.load_state_dict(state["tags"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.epoch = state["step"], state["epoch"]
        with torch.no_grad():
            for mine, theirs in zip(self.average, state["average"], strict=True):
                mine.copy_(theirs)

    def export(self, folder: Path) -> None:
        """Write the running average of the weights, as they ship."""
        folder.mkdir(parents=True, exist_ok=True)
        latest = [weight.detach().clone() for weight in self.weights]
        with torch.no_grad():
            for weight, mean in zip(self.weights, self.average, strict=True):
                weight.copy_(mean)
            save_weights(self.network, folder / "claims.safetensors")
            for weight, last in zip(self.weights, latest, strict=True):
                weight.copy_(last)
        written = hashlib.sha256((folder / "claims.safetensors").read_bytes()).hexdigest()
        config: dict[str, Any] = {"encoder_sha256": BUNDLED_SHA256, "weights_sha256": written}
        config |= {"steps": self.step, "seed": self.plan.seed}
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def batch_loss(network: ClaimNetwork, tags: nn.Linear, batch: Batch, dtype: torch.dtype) -> Tensor:
    """Return the loss of a batch: anchors, the roles of the tokens near each, and whether likely anchors are real."""
    states = network.states(batch.ids, batch.features, batch.lengths, dtype)
    words = (batch.ids != 0).float()
    count = max(1, len(batch.rows))

    logits = network.anchors(states)
    gold = torch.zeros_like(logits)
    gold[batch.rows, batch.places] = 1
    anchors = (F.binary_cross_entropy_with_logits(logits, gold, reduction="none") * words).sum() / count
    tagged = F.binary_cross_entropy_with_logits(tags(states.float()), batch.tags, reduction="none").mean(-1)
    loss = anchors + 2 * (tagged * words).sum() / words.sum()

    rows, places = likely_but_wrong(logits.detach(), gold, words, count)
    rows, places = torch.cat([batch.rows, rows]), torch.cat([batch.places, places])
    if not len(rows):
        return loss
    roles, real = network.judge(states, batch.lengths, rows, places)
    _, inside = around(batch.places, batch.lengths[batch.rows])
    wrong = F.cross_entropy(roles[: len(batch.rows)].flatten(0, 1), batch.roles.flatten(), reduction="none")
    truth = torch.zeros(len(rows))
    truth[: len(batch.rows)] = 1
    confirmed = F.binary_cross_entropy_with_logits(real, truth, reduction="sum")
    return loss + (wrong * inside.flatten()).sum() / count / 20 + confirmed / count


def likely_but_wrong(logits: Tensor, gold: Tensor, words: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the windows and places of the `count` likeliest tokens, at most, that are no anchors but pass for such."""
    scores = logits.masked_fill((gold > 0) | (words == 0), float("-inf")).flatten()
    best = scores.topk(min(count, len(scores)))
    chosen = best.indices[best.values > -2.5]
    return chosen // logits.shape[1], chosen % logits.shape[1]


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds polnear/train.jsonl.gz")
    parser.add_argument("--out", type=Path, required=True, help="where the checkpoint, the log and the weights go")
    parser.add_argument(
        "--epochs", type=float, default=Plan.epochs, help="length of the run; 2.5 ends within the third"
    )
    parser.add_argument("--seed", type=int, default=Plan.seed)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    train(options.data, options.out, Plan(epochs=options.epochs, seed=options.seed))


def train(data: Path, out: Path, plan: Plan) -> None:
    """Run a plan, or what is left of it, and export after every epoch."""
    log.info("%s", asdict(plan))
    encoder = bundled_model()
    tokenizer = open_tokenizer(encoder)
    learnt_from = [article for article in articles(data, "train") if not held_out(article)]
    anchors = Anchors(learnt_from)
    examples = [example(article, tokenise(tokenizer, article["text"]), anchors) for article in learnt_from]
    torch.manual_seed(plan.seed)
    an_epoch = sum(1 for _ in epoch_of(examples, plan, 0))
    trainer = Trainer(from_encoder(encoder), plan, round(an_epoch * plan.epochs))
    if (out / "checkpoint.pt").exists():
        trainer.restore(out / "checkpoint.pt")
    while trainer.step < trainer.steps:
        began, cpu = time.time(), time.process_time()
        loss = trainer.run_epoch(examples)
        spent = f"{time.time() - began:.0f} s, {time.process_time() - cpu:.0f} s of processor"
        log.info("step %d, loss %.4f, %s", trainer.step, loss, spent)
        trainer.save(out / "checkpoint.pt")
        trainer.export(out)


if __name__ == "__main__":
    main()
