"""Hugging Face models as readers: tiny BERTs made here, whose weights are set so that what they find is known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertTokenizerFast,
    PreTrainedModel,
)

from assistant import hf_reader
from assistant.assistant import Assistant
from assistant.neural_reader import NOTHING, NeuralReader
from assistant.reader import TrainedReader, open_network
from assistant.settings import Settings
from index.errors import SaidsoError

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] who is mayor the of lyon ada a baker it rained all day . ,".split()
ADA = WORDS.index("ada")


def tiny(kind: type[PreTrainedModel], **settings: int) -> PreTrainedModel:
    """A BERT of one layer in which only "ada" has a meaning, in the first of 16 numbers; all else is nought.

    Where there is a pooler, attention looks everywhere alike and passes on what it sees: [CLS] knows of any "ada"."""
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64, **settings,
    )  # fmt: skip
    model = kind(config)
    bert = model.bert
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(float(name.endswith("LayerNorm.weight")))
        bert.embeddings.word_embeddings.weight[ADA, 0] = 8.0
        attention = bert.encoder.layer[0].attention
        for linear in (attention.self.value, attention.output.dense):
            linear.weight.copy_(torch.eye(16) * float(bert.pooler is not None))
    return model


def saved(model: PreTrainedModel, folder: Path) -> Path:
    vocabulary = folder / "vocab.txt"
    folder.mkdir(exist_ok=True)
    vocabulary.write_text("\n".join(WORDS), encoding="utf-8")
    BertTokenizerFast(vocab=str(vocabulary), model_max_length=64).save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def extractive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tiny(BertForQuestionAnswering)
    with torch.no_grad():
        model.qa_outputs.weight[:, 0] = 1.0
    return saved(model, tmp_path_factory.mktemp("extractive"))


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tiny(BertForSequenceClassification, num_labels=1)
    with torch.no_grad():
        model.bert.pooler.dense.weight.copy_(torch.eye(16))
        model.classifier.weight[0, 0] = 1.0
    return saved(model, tmp_path_factory.mktemp("cross-encoder"))


def test_an_extractive_model_finds_its_span_however_far_in(extractive: Path) -> None:
    reader = hf_reader.load(extractive)
    far = "it rained all day. " * 30 + "the mayor of lyon is Ada, a baker. " + "it rained all day. " * 30
    passages = ["the mayor of lyon is Ada.", "", "it rained all day.", far]
    readings = reader.read("who is the mayor of lyon?", passages)
    assert readings[1] == NOTHING
    for n in (0, 3):
        assert passages[n][readings[n].start : readings[n].end] == "Ada"
        assert readings[n].span_score > readings[2].span_score == 0.0


def test_an_answer_of_an_extractive_model_stays_in_its_paragraph(extractive: Path) -> None:
    (reading,) = hf_reader.load(extractive).read("who?", ["ada\n\nada"])
    assert reading.end - reading.start == 3


def test_an_endless_question_is_read_from_its_beginning(extractive: Path, cross_encoder: Path) -> None:
    for folder in (extractive, cross_encoder):
        reader = hf_reader.load(folder)
        begun, whole = (reader.read("who is " * times, ["the mayor is Ada."]) for times in (8, 500))
        assert whole == begun


def test_a_cross_encoder_points_at_a_sentence(cross_encoder: Path) -> None:
    passages = ["It rained all day. The mayor of Lyon is Ada. It rained.", "It rained all day.", ""]
    mayor, rain, nothing = hf_reader.load(cross_encoder).read("Who is mayor?", passages)
    assert passages[0][mayor.start :].startswith("The mayor")
    assert mayor.end == mayor.start
    assert mayor.relevance == mayor.span_score > rain.span_score
    assert nothing == NOTHING


def test_a_folder_of_our_own_is_ours(tmp_path: Path) -> None:
    assert isinstance(open_network(None), NeuralReader)
    shipped = Path(hf_reader.__file__).parent / "models" / "reader"
    assert isinstance(open_network(shipped), NeuralReader)


@pytest.mark.parametrize(
    ("holds", "why"),
    [
        ("nothing", "it has no config.json"),
        ("another task", "it holds BertForMaskedLM"),
        ("many classes", "it tells 3 classes apart"),
        ("no weights", "model.safetensors"),
    ],
)
def test_what_cannot_read_is_refused_with_the_remedy(holds: str, why: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    if holds == "another task":
        saved(tiny(BertForMaskedLM), folder)
    elif holds == "many classes":
        saved(tiny(BertForSequenceClassification, num_labels=3), folder)
    elif holds == "no weights":
        saved(tiny(BertForQuestionAnswering), folder)
        (folder / "model.safetensors").unlink()
    with pytest.raises(SaidsoError, match=rf"(?s){why}.*or unset SAIDSO_READER"):
        hf_reader.load(folder)


def test_an_assistant_reads_with_the_model_that_is_set(extractive: Path, cross_encoder: Path, tmp_path: Path) -> None:
    article = tmp_path / "mayor.txt"
    article.write_text("The mayor of Lyon is Ada. It rained all day.", encoding="utf-8")
    for folder in (extractive, cross_encoder):
        environment = {"SAIDSO_READER": str(folder), "SAIDSO_ANSWER_THRESHOLD": "0"}
        assistant = Assistant.open(Settings.from_environment(tmp_path / folder.name, environment))
        assistant.ingest([article])
        answer = assistant.ask("Who is the mayor of Lyon?")
        assert answer.citations[0].quote == "The mayor of Lyon is Ada."
        assert answer.short_answer == "Ada"
        assistant.close()


def test_models_load_with_the_first_question_not_before(extractive: Path, tmp_path: Path) -> None:
    assistant = Assistant.open(Settings(tmp_path / "data", reader=tmp_path / "missing"))
    assert isinstance(assistant._reader, TrainedReader)
    with pytest.raises(SaidsoError, match="missing"):
        assistant.warm_up()
    assistant.close()
