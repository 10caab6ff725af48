"""Takes one layer out of a trained claim network: `python -m assistant.training.shorter_claims --help`.

    python -m assistant.training.shorter_claims --data DATA --network index/models/claims --without 1 --out DIR

The layer after the one left out learns to do the work of both: what it gives for PolNeAR's training articles is to be
what it gave before. Nothing else is changed, so that a step costs a tenth of one of a training from the gold. It is the
layer-wise distillation of TinyBERT (Jiao et al. 2020, arXiv:1909.10351), one layer at a time."""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from assistant.training.claims import articles, held_out
from index.claim_input import Tokens, padded, tokenise, windows
from index.claim_network import ClaimNetwork, load_network, save_weights, without
from index.embedder import BUNDLED_SHA256, bundled_model, open_tokenizer
from index.encoder import padding_mask

log = logging.getLogger(__name__)

BATCH = 8
RATE = 5e-4
WARMUP = 15

Batch = tuple[Tensor, Tensor, Tensor]
"""Ids and features, (windows, tokens), and lengths, (windows,)."""


def batches(read: Sequence[Tokens], seed: int) -> Iterator[Batch]:
    """Yield windows of like length together, in random order."""
    order = np.random.default_rng(seed)
    shown = [(tokens, window) for tokens in read for window in windows(tokens, overlap=0)]
    shown.sort(key=lambda pair: pair[1].end - pair[1].start + order.random())
    groups = [shown[at : at + BATCH] for at in range(0, len(shown), BATCH)]
    for at in order.permutation(len(groups)):
        ids, features, lengths = padded(groups[at])
        yield torch.from_numpy(ids), torch.from_numpy(features), torch.from_numpy(lengths)


class Shortening:
    """A network that lacks one layer of another, and learns to do without it."""

    def __init__(self, whole: ClaimNetwork, number: int, steps: int) -> None:
        self.whole, self.number, self.steps = whole, number, steps
        self.network = without(whole, number)
        learning = list(self.network.layers[number].parameters())
        self._optimizer = torch.optim.AdamW(learning, lr=RATE, betas=(0.9, 0.98), weight_decay=0.0)
        self.step = 0

    def learn(self, batch: Batch) -> float:
        """One step on a batch; returns how far the layer is from the two, as a share of their variance."""
        for group in self._optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (self.step + 1) / WARMUP, 1 - self.step / self.steps)
        self._optimizer.zero_grad()
        loss = self.distance(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.step += 1
        return loss.item()

    def distance(self, batch: Batch) -> Tensor:
        """Return how far what the layer gives is from what the two gave, as a share of its variance."""
        ids, features, lengths = batch
        mask = padding_mask(lengths, ids.shape[1])
        with torch.no_grad():
            before = self.whole.through(self.whole.embedded(ids, torch.float32), features, mask, 0, self.number)
            wanted = self.whole.through(before, features, mask, self.number, self.number + 2)
        given = self.network.through(before, features, mask, self.number, self.number + 1)
        words = (ids != 0).float()
        return ((given - wanted).square().mean(-1) * words).sum() / words.sum() / wanted.var()


def export(network: ClaimNetwork, folder: Path, steps: int, seed: int) -> None:
    """Write the weights as they ship."""
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(network, folder / "claims.safetensors")
    written = hashlib.sha256((folder / "claims.safetensors").read_bytes()).hexdigest()
    config = {"encoder_sha256": BUNDLED_SHA256, "weights_sha256": written, "steps": steps, "seed": seed}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds polnear/train.jsonl.gz")
    parser.add_argument("--network", type=Path, required=True, help="the folder of the trained network")
    parser.add_argument("--without", type=int, required=True, help="the number of the layer to leave out, from 0 on")
    parser.add_argument("--out", type=Path, required=True, help="where the weights go")
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    encoder = bundled_model()
    tokenizer = open_tokenizer(encoder)
    learnt_from = [article["text"] for article in articles(options.data, "train") if not held_out(article)]
    whole = load_network(options.network / "claims.safetensors", encoder)
    shortening = Shortening(whole, options.without, options.steps)
    read = [tokenise(tokenizer, text) for text in learnt_from]
    losses: list[float] = []
    while shortening.step < options.steps:
        for batch in batches(read, options.seed + shortening.step):
            losses.append(shortening.learn(batch))
            if shortening.step % 25 == 0:
                log.info("step %d of %d, distance %.4f", shortening.step, options.steps, np.mean(losses[-25:]))
            if shortening.step == options.steps:
                break
    export(shortening.network, options.out, options.steps, options.seed)


if __name__ == "__main__":
    main()
