"""The training of the claim network: what it learns from, that it learns and resumes, and how it is measured."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from assistant.training.claims import Anchors, Example, Plan, Trainer, articles, batch_of, epoch_of, example, roles_near
from assistant.training.measure_claims import is_direct, matched, scores
from index.claim_finder import ClaimFinder
from index.claim_input import Window, tokenise, windows
from index.claim_network import BEFORE, CONTENT, CUE, NONE, REACH, SOURCE, ClaimNetwork, from_encoder, load_network
from index.claim_words import Piece
from index.claims import Claim
from index.embedder import bundled_model, open_tokenizer
from index.encoder import Shape

TINY = Shape(width=32, heads=4, layers=3, hidden=64)
NARROW = Shape(width=16, heads=2, layers=1, hidden=32)
PLAN = Plan(epochs=2, batch=4, rate=3e-3, head_rate=1e-2, warmup=2, average=0.5, dropout=0.0, dtype=torch.float32)


def gold(text: str, source: str, cue: str, *content: str) -> dict[str, Any]:
    def piece(words: str) -> dict[str, Any]:
        return {"start": text.index(words), "end": text.index(words) + len(words), "text": words}

    return {"source": [piece(source)], "cue": [piece(cue)], "content": [piece(words) for words in content]}


def article(text: str, *attributions: dict[str, Any]) -> dict[str, Any]:
    return {"id": text[:20], "text": text, "attributions": list(attributions)}


@pytest.fixture(scope="module")
def made() -> list[dict[str, Any]]:
    """Articles in which somebody said something and somebody else only did something."""
    names = ["Ada", "Boris", "Carla", "Dmitri", "Elena", "Farid"]
    found = []
    for name, other in zip(names, [*names[1:], names[0]], strict=True):
        text = f"{other} opened the gate. {name} has said that the bridge was closed. {other} went home."
        found.append(article(text, gold(text, name, "has said", "that the bridge was closed")))
        text = f"“The bridge is closed,” {name} said. {other} found a seat."
        found.append(article(text, gold(text, name, "said", "“The bridge is closed,”")))
    return found


@pytest.fixture(scope="module")
def examples(made: list[dict[str, Any]]) -> list[Example]:
    tokenizer = open_tokenizer(bundled_model())
    return [example(one, tokenise(tokenizer, one["text"]), Anchors(made)) for one in made]


def tiny() -> ClaimNetwork:
    torch.manual_seed(5)
    network = ClaimNetwork(TINY, NARROW)
    network.register_buffer("words", torch.randn(TINY.words, TINY.width), persistent=False)
    return network


def test_an_attribution_is_anchored_at_the_word_that_is_oftenest_a_cue_alone(
    made: list[dict[str, Any]], examples: list[Example]
) -> None:
    for one, learnt in zip(made, examples, strict=True):
        (attribution,) = learnt.attributions
        start, end = learnt.tokens.starts[attribution.anchor], learnt.tokens.ends[attribution.anchor]
        assert one["text"][start:end] == "said"


def test_every_token_of_an_attribution_has_its_role(made: list[dict[str, Any]], examples: list[Example]) -> None:
    (attribution,) = examples[0].attributions
    tokens, text = examples[0].tokens, made[0]["text"]
    words = dict.fromkeys((SOURCE, CUE, CONTENT), "")
    for at, role in sorted(attribution.roles.items()):
        words[role] += text[tokens.starts[at] : tokens.ends[at]]

    assert words == {SOURCE: "Ada", CUE: "hassaid", CONTENT: "thatthebridgewasclosed"}


def test_what_the_window_does_not_show_has_no_role(examples: list[Example]) -> None:
    (attribution,) = examples[0].attributions
    whole = roles_near(attribution, Window(0, len(examples[0].tokens), 0, 0))
    cut = roles_near(attribution, Window(attribution.anchor, attribution.anchor + 2, 0, 0))

    assert whole.shape == (REACH,) and whole[BEFORE] == CUE
    assert set(whole) == {NONE, SOURCE, CUE, CONTENT}
    assert np.flatnonzero(cut).tolist() == [BEFORE, BEFORE + 1]


def test_an_epoch_shows_every_token_once_and_is_the_same_each_time(examples: list[Example]) -> None:
    first, again, other = (list(epoch_of(examples, PLAN, number)) for number in (0, 0, 1))

    assert sum(int((batch.lengths - 2).sum()) for batch in first) == sum(len(one.tokens) for one in examples)
    assert all(torch.equal(a.ids, b.ids) for a, b in zip(first, again, strict=True))
    assert any(a.ids.shape != b.ids.shape or not torch.equal(a.ids, b.ids) for a, b in zip(first, other, strict=True))


def test_it_learns(examples: list[Example]) -> None:
    batch = batch_of([(one, window) for one in examples for window in windows(one.tokens)])
    trainer = Trainer(tiny(), replace(PLAN, warmup=10), steps=10_000)
    losses = [trainer.learn(batch) for _ in range(80)]

    assert losses[-1] < losses[0] / 10


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(examples: list[Example], tmp_path: Path) -> None:
    plan = replace(PLAN, dropout=0.1)
    whole, stopped, resumed = (Trainer(tiny(), plan, steps=5) for _ in range(3))
    for _ in range(2):
        whole.run_epoch(examples)
    stopped.run_epoch(examples)
    stopped.save(tmp_path / "checkpoint.pt")
    resumed.restore(tmp_path / "checkpoint.pt")
    resumed.run_epoch(examples)

    assert whole.step == resumed.step == 5
    for one, other in zip(whole.average, resumed.average, strict=True):
        assert torch.equal(one, other)


def test_what_ships_is_what_was_trained(examples: list[Example], tmp_path: Path) -> None:
    encoder = bundled_model()
    trainer = Trainer(from_encoder(encoder), replace(PLAN, batch=12), steps=4)
    trainer.learn(next(epoch_of(examples, trainer.plan, 0)))
    trainer.export(tmp_path)
    shipped = load_network(tmp_path / "claims.safetensors", encoder)

    assert (tmp_path / "claims.safetensors").stat().st_size < 12_000_000
    assert json.loads((tmp_path / "config.json").read_text())["seed"] == PLAN.seed
    names = [name for name, weight in trainer.network.named_parameters() if weight.requires_grad]
    for name, mean in zip(names, trainer.average, strict=True):
        assert torch.allclose(shipped.state_dict()[name], mean, atol=float(mean.abs().max()) / 100), name
    texts = [" ".join("Ortiz said that it was closed. The port denied it." for _ in range(40)), "", "He left."]
    again = [list(ClaimFinder.load(tmp_path, encoder, torch.float32).find(texts)) for _ in range(2)]
    assert again[0] == again[1]


def test_contents_are_matched_one_to_one_the_best_first() -> None:
    gold_contents = [frozenset(range(10)), frozenset(range(20, 30))]
    found = [frozenset(range(6)), frozenset(range(9)), frozenset(range(25, 60)), frozenset(range(40, 50))]

    assert matched(gold_contents, found) == [(0, 1)]


def test_the_scores_are_those_of_a_small_case() -> None:
    text = "“We did,” Ortiz said. The port denied that. Mills hopes so."
    one = article(
        text,
        gold(text, "Ortiz", "said", "“We did,”"),
        gold(text, "The port", "denied", "that"),
        gold(text, "Mills", "hopes", "so"),
    )

    def piece(words: str) -> Piece:
        return Piece(text.index(words), text.index(words) + len(words), words)

    claims = [
        Claim(piece("Ortiz"), piece("said"), (piece("We did"),), "says", True),
        Claim(piece("Mills"), None, (piece("that"),), "denies", False),
    ]

    got = scores([one], [claims]).as_json()

    assert is_direct(text, one["attributions"][0]["content"]) and not is_direct(text, one["attributions"][1]["content"])
    assert (got["precision"], got["recall"], got["f1"]) == (1.0, 0.6667, 0.8)
    assert (got["direct_found"], got["speaker"], got["cue"]) == (1.0, 0.5, 0.5)


def test_articles_are_read_as_published(tmp_path: Path, made: list[dict[str, Any]]) -> None:
    (tmp_path / "polnear").mkdir()
    with gzip.open(tmp_path / "polnear" / "train.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(one) + "\n" for one in made)

    assert articles(tmp_path, "train") == made
