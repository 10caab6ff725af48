"""The reader's training: that it learns, that it resumes, and that what ships says what was trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from assistant.neural_reader import NeuralReader, Reading
from assistant.reader_input import PASSAGE_MATCH, QUESTION_MATCH, padded, pair
from assistant.reader_network import (
    ReaderNetwork,
    Shape,
    from_encoder,
    load_network,
    save_weights,
)
from assistant.training.data import Source, Texts, from_made, newsqa_part
from assistant.training.made_questions import of_attributions, swapped
from assistant.training.measure_reader import exact, f1, interval
from assistant.training.reader import CLOSING, TRUNK, Plan, Trainer, batch_loss, beside_rivals, export, main, train
from assistant.training.windows import Stream, answered, batches, contains, example, without_answer
from index.claim_network import from_encoder as claims_from_encoder
from index.embedder import bundled_model, open_tokenizer
from index.encoder import from_int8, to_int8
from index.sentence_network import SentenceNetwork

TINY = Shape(width=32, heads=4, layers=2, hidden=64)
PLAN = Plan(96, batch=8, chunk=24, warmup=4, frozen=1, rate=3e-3, head_rate=1e-2, dtype=torch.float32)
LENGTHS = (76, 161)


@pytest.fixture(scope="module")
def source() -> Source:
    """Forty short articles that each say who mayor of where is, and a question about each."""
    names = ["Ada", "Boris", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hugo"]
    towns = ["Lyon", "Quito", "Oslo", "Cairo", "Lima"]
    made = []
    for name in names:
        for town in towns:
            text = f"The council met on Monday. The mayor of {town} is {name}, a baker said. It rained all day."
            start = text.index(name)
            made.append((text, f"Who is the mayor of {town}?", [(start, start + len(name))]))
    return from_made("mayors", made, Texts(open_tokenizer(bundled_model())))


def tiny_trainer() -> Trainer:
    torch.manual_seed(0)
    network = ReaderNetwork(TINY)
    network.register_buffer("words", torch.randn(TINY.words, TINY.width), persistent=False)
    return Trainer(network, PLAN)


def stream(source: Source) -> Stream:
    return Stream([source], lambda _: {source.name: 1.0}, lambda _: LENGTHS, PLAN.chunk, seed=3)


def test_the_loss_falls_on_made_up_sentences(source: Source) -> None:
    trainer, examples = tiny_trainer(), stream(source)
    losses = [trainer.run_chunk(examples) for _ in range(PLAN.chunks)]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("stopped", [1, PLAN.fork + 1], ids=["in the trunk", "in the closing"])
def test_a_resumed_run_equals_an_uninterrupted_one(source: Source, tmp_path: Path, stopped: int) -> None:
    whole, first, second = tiny_trainer(), tiny_trainer(), tiny_trainer()
    for _ in range(PLAN.chunks):
        whole.run_chunk(stream(source))
    for _ in range(stopped):
        first.run_chunk(stream(source))
    first.save(tmp_path / "checkpoint.pt")
    second.restore(tmp_path / "checkpoint.pt")
    for _ in range(PLAN.chunks - stopped):
        second.run_chunk(stream(source))
    assert second.step == whole.step
    for ours, theirs in zip(second.averaged().parameters(), whole.averaged().parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_an_answered_example_holds_its_answer_and_an_unanswered_one_does_not(source: Source) -> None:
    rng = np.random.default_rng(0)
    for item in source.items:
        first, last = item.spans[0]
        answer = source.docs[item.doc][first : last + 1]
        good = answered(source.docs[item.doc], item, 60, rng)
        assert good.answers
        assert np.array_equal(good.pair.ids[good.starts[0] : good.ends[0] + 1], answer)
        shown = example(source, item, rng, LENGTHS)
        assert shown.answers == contains(shown.pair.ids[shown.pair.passage_start :], answer)


def test_a_window_without_the_answer_is_the_likeliest_of_those(source: Source) -> None:
    rng = np.random.default_rng(0)
    long = np.concatenate([source.docs[n] for n in range(8)])
    item = replace(source.items[0], doc=len(source.docs))
    longer = Source("mayors", [*source.docs, long], [item])
    answer = long[item.spans[0][0] : item.spans[0][1] + 1]
    for _ in range(20):
        other = without_answer(longer, item, 30, rng)
        assert other is None or (len(other) == 30 and not contains(other, answer))


def test_each_chunk_is_the_same_whenever_it_is_made(source: Source) -> None:
    once, again = stream(source).chunk(2), stream(source).chunk(2)
    assert all(np.array_equal(a.pair.ids, b.pair.ids) for a, b in zip(once, again, strict=True))


def test_int8_keeps_every_weight_within_half_a_step() -> None:
    weight = torch.randn(64, 48)
    packed, scale = to_int8(weight)
    assert packed.dtype == torch.int8
    assert bool(((from_int8(packed, scale) - weight).abs() <= scale / 2 + 1e-6).all())


def test_all_networks_over_the_encoder_share_its_words() -> None:
    encoder = bundled_model()
    networks = (from_encoder(encoder), claims_from_encoder(encoder), SentenceNetwork.load(encoder, torch.float32))
    assert len({network.get_buffer("words").data_ptr() for network in networks}) == 1


def test_shipped_weights_are_small_and_say_nearly_what_was_trained(tmp_path: Path) -> None:
    network = from_encoder(bundled_model()).eval()
    save_weights(network, tmp_path / "reader.safetensors")
    assert (tmp_path / "reader.safetensors").stat().st_size < 11.5e6
    ids = torch.randint(1000, 30000, (2, 40))
    inputs = (ids, torch.ones_like(ids), torch.tensor([40, 30]))
    with torch.inference_mode():
        before, after = (
            network(*inputs),
            load_network(tmp_path / "reader.safetensors", bundled_model())(*inputs),
        )
    assert (before - after).abs().max() < 0.1 * before.std() + 0.02


def test_padding_changes_nothing() -> None:
    network = from_encoder(bundled_model()).eval()
    question, passage = np.arange(2000, 2006, dtype=np.int32), np.arange(3000, 3050, dtype=np.int32)
    alone, beside = pair(question, passage[:20]), pair(question, passage)
    with torch.inference_mode():
        (one,), both = network(*padded([alone])), network(*padded([alone, beside]))
    assert torch.allclose(one[: len(alone.ids)], both[0][: len(alone.ids)], atol=1e-4)


def test_words_in_both_texts_are_marked_and_function_words_are_not() -> None:
    tokenizer = open_tokenizer(bundled_model())
    question, passage = (
        np.array(tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int32)
        for text in ("Who is the mayor?", "The mayor is Ada.")
    )
    joined = pair(question, passage)
    marked = {tokenizer.id_to_token(int(i)) for i in joined.ids[joined.segments >= QUESTION_MATCH]}
    assert marked == {"mayor"}
    assert joined.segments[joined.passage_start + 1] == PASSAGE_MATCH


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> NeuralReader:
    folder = tmp_path_factory.mktemp("reader")
    export(Trainer(from_encoder(bundled_model()), PLAN), folder, "a")
    return NeuralReader.load(folder, bundled_model(), torch.float32)


def test_a_reading_is_a_stretch_of_its_passage_however_long(reader: NeuralReader) -> None:
    passages = ["Ada is mayor.", "", "The mayor of Lyon is Ada, a baker said. " * 60, "¡Él dijo “sí”! 🙂"]
    readings = reader.read("Who is the mayor of Lyon?", passages)
    assert readings[1] == Reading(0, 0, -100.0, -100.0)
    for passage, reading in zip(passages, readings, strict=True):
        assert 0 <= reading.start <= reading.end <= len(passage)


def test_a_passage_reads_the_same_alone_and_among_others(reader: NeuralReader) -> None:
    passages = ["Ada is mayor of Lyon.", "It rained all day in Quito, a baker said on Monday morning."]
    (alone,) = reader.read("Who is mayor?", passages[:1])
    among = reader.read("Who is mayor?", passages)[0]
    assert (alone.start, alone.end) == (among.start, among.end)
    assert alone.span_score == pytest.approx(among.span_score, abs=1e-3)


@pytest.mark.parametrize("tokens", [1, 100, 189, 190, 400, 1000])
def test_windows_leave_no_token_out(reader: NeuralReader, tokens: int) -> None:
    windows = list(reader.windows("Who?", ["word " * tokens]))
    covered = {offset for window in windows for offset in window.offsets}
    assert len(covered) == tokens
    assert all(len(window.pair.ids) <= 192 for window in windows)


@pytest.mark.parametrize(
    ("answer", "accepted", "em", "overlap"),
    [
        ("The mayor,", ["mayor"], 1.0, 1.0),
        ("mayor of Lyon", ["the mayor"], 0.0, 0.5),
        ("", [], 1.0, 1.0),
        ("Ada", [], 0.0, 0.0),
        ("Ada", ["Boris", "ada."], 1.0, 1.0),
    ],
)
def test_answers_are_compared_as_squad_does(answer: str, accepted: list[str], em: float, overlap: float) -> None:
    assert exact(answer, accepted) == em
    assert f1(answer, accepted) == pytest.approx(overlap)


def test_the_interval_holds_the_mean() -> None:
    mean, low, high = interval([0.0, 1.0, 1.0, 0.0], ["a", "b", "c", "d"])
    assert low <= mean == 50.0 <= high


def test_newsqa_is_parted_by_article_id_alone() -> None:
    parts = [newsqa_part(f"cnn-{n:04}") for n in range(319)]
    assert set(parts) == {"train", "dev", "test"}
    assert 0.4 < parts.count("test") / 319 < 0.6
    assert parts == [newsqa_part(f"cnn-{n:04}") for n in range(319)]


def test_an_answer_never_runs_over_a_paragraph_break(reader: NeuralReader) -> None:
    passage = "\n\n".join(f"The mayor of town {n} is Ada." for n in range(30))
    (reading,) = reader.read("Who is the mayor?", [passage])
    assert "\n" not in passage[reading.start : reading.end]


def test_every_batch_is_full(source: Source) -> None:
    made = batches(stream(source).chunk(0)[:19], 8, np.random.default_rng(0))
    assert [len(batch) for batch in made] == [8, 8]


def test_two_closings_share_a_trunk_that_sees_no_newsqa(source: Source, tmp_path: Path) -> None:
    plan = replace(PLAN, examples=48, closing=0.5, free=0.0, frozen=6)
    assert not any(name.startswith("newsqa") for name in TRUNK)
    assert plan.mix(plan.fork - 1, "a") == TRUNK
    assert plan.mix(plan.fork, "b") == CLOSING | {"newsqa-b": pytest.approx(0.12)}
    sources = [replace(source, name=name) for name in ("squadshifts", "newsqa-a", "newsqa-b")]
    for fold in ("a", "b"):
        train(plan, sources, tmp_path, fold, bundled_model())
    weights = [(tmp_path / f"fold-{fold}" / "reader.safetensors").read_bytes() for fold in ("a", "b")]
    assert weights[0] != weights[1]
    before = (tmp_path / "log.jsonl").read_text(encoding="utf-8")
    assert len(before.splitlines()) == plan.chunks + (plan.chunks - plan.fork)
    train(plan, sources, tmp_path, "a", bundled_model())
    assert (tmp_path / "log.jsonl").read_text(encoding="utf-8") == before
    assert (tmp_path / "fold-a" / "reader.safetensors").read_bytes() == weights[0]


def test_the_rate_rises_stays_and_falls_to_nothing() -> None:
    plan = Plan(examples=40 * 1024)
    assert plan.factor(0, 0.0) == pytest.approx(1 / plan.warmup)
    assert plan.factor(plan.warmup, 10.0) == plan.factor(9999, plan.fork) == 1.0
    assert plan.factor(9999, plan.chunks) == 0.0


@pytest.mark.parametrize(
    ("question", "near", "answers", "changed"),
    [
        ("Who met Obama?", "Then Merkel and Obama met in Berlin.", ["Merkel"], "Who met Berlin?"),
        ("What cost 30 dollars?", "The tickets cost 30 dollars and 45 cents.", ["tickets"], "What cost 45 dollars?"),
        ("Who won first?", "He won first.", ["He"], "Who lost first?"),
    ],
)
def test_a_changed_question_asks_for_something_else(question: str, near: str, answers: list[str], changed: str) -> None:
    made = {form for seed in range(8) for form in swapped(question, near, answers, np.random.default_rng(seed))}
    assert changed in made
    assert question not in made


def test_questions_are_made_of_who_said_what() -> None:
    text = "The minister said the new road would open in May."
    parts = {"source": (0, 12), "cue": (13, 17), "content": (18, len(text) - 1)}
    marks = {name: [{"start": start, "end": end}] for name, (start, end) in parts.items()}
    made = list(of_attributions({"text": text, "attributions": [marks]}, np.random.default_rng(0)))
    assert made[0][1].startswith("Who said ")
    assert made[0][2] == [(0, 12)]
    assert made[-1] == (text, "What did The minister say?", [(18, len(text) - 1)])


def test_nothing_is_left_behind_when_the_network_is_on_another_device(source: Source) -> None:
    """Torch's device for shapes alone stands for a GPU: it refuses whatever else is computed with."""
    rng = np.random.default_rng(0)
    made = [answered(source.docs[item.doc], item, 60, rng) for item in source.items[:8]]
    batch = [replace(e, rival=pair(e.pair.ids[1:9], source.docs[-1 - n])) for n, e in enumerate(made)]
    trainer = Trainer(tiny_trainer().network.to("meta"), PLAN)
    loss = batch_loss(trainer.network, batch, PLAN.dtype)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.device == trainer.network.device == torch.device("meta")


def test_what_is_left_out_is_not_learnt_from() -> None:
    plan = Plan(left_out=("newsqa", "cloze"))
    for chunk in (0, plan.fork):
        mix = plan.mix(chunk, "a")
        assert set(mix) == {"squadshifts", "qed-nq", "squad2", "realtimeqa", "polnear"}
        assert sum(mix.values()) == pytest.approx(1)
    assert "newsqa-a" in Plan(left_out=("cloze",)).mix(plan.fork, "a")
    with pytest.raises(SystemExit):
        main(["--data", "x", "--out", "y", "--leave-out", *TRUNK])


def test_an_answer_learns_to_beat_its_rival(source: Source) -> None:
    trainer, rng = tiny_trainer(), np.random.default_rng(0)
    made = [answered(source.docs[item.doc], item, 60, rng) for item in source.items[:8]]
    batch = [replace(e, rival=pair(e.pair.ids[1:9], source.docs[-1 - n])) for n, e in enumerate(made)]
    losses = [trainer.learn(batch) for _ in range(10)]
    assert losses[-1] < losses[0]
    places = torch.zeros(4, 6, 2)
    places[:, 0] = 9.0
    both = beside_rivals(places, [1, 0], 2)
    assert both.shape == (2, 12, 2)
    assert both.amax() == 0.0
