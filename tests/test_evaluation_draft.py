from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from assistant.evaluation.draft import draft, draft_command, drafts_of
from assistant.evaluation.questions import read_questions
from assistant.settings import sample_articles
from index.articles import Article, find_files, read_file
from index.errors import SaidsoError

CONTEXT = "The Syrian Observatory and Ole Solvang of Human Rights Watch watched. They saw that Bellingcat did too."


@pytest.fixture(scope="module")
def samples() -> list[Article]:
    return [
        article
        for path in find_files([sample_articles()])
        if isinstance(path, Path)
        for article, _ in read_file(path)
        if isinstance(article, Article)
    ]


@pytest.mark.parametrize(
    ("sentence", "question", "gold"),
    [
        (
            "Bellingcat has geolocated the site of the strike to a spot near al-Jinah.",
            "Who has geolocated the site of the strike to a spot near al-Jinah?",
            "Bellingcat",
        ),
        (
            "U.S. aircraft struck the mosque in Aleppo province on Thursday, March 16, 2017.",
            "When did U.S. aircraft strike the mosque in Aleppo province?",
            "Thursday, March 16, 2017",
        ),
        (
            "The hearing was moved on Friday night to the court in Aleppo.",
            "When was the hearing moved to the court in Aleppo?",
            "Friday night",
        ),
        (
            "The Syrian Observatory held a meeting near Aleppo.",
            "Where did the Syrian Observatory hold a meeting?",
            "Aleppo",
        ),
        (
            "About 300 people were inside the mosque in Aleppo.",
            "How many people were inside the mosque in Aleppo?",
            "300",
        ),
        (
            "The strike killed at least 38 people, the Syrian Observatory said.",
            "What number is missing: “The strike killed at least ____ people, the Syrian Observatory said”?",
            "38",
        ),
        (
            "Ole Solvang said that the building was a mosque.",
            "What did Ole Solvang say about the building?",
            "the building was a mosque",
        ),
        (
            "“The mosque was hit by two large bombs,” said Ole Solvang.",
            "Who said “The mosque was hit by two large bombs”?",
            "Ole Solvang",
        ),
        (
            "Ole Solvang claimed that Aleppo was hit by two large bombs.",
            "Who claimed that Aleppo was hit by two large bombs?",
            "Ole Solvang",
        ),
        (
            "Ole Solvang described the building as a mosque.",
            "How did Ole Solvang describe the building?",
            "a mosque",
        ),
        ("Ole Solvang denied hitting a mosque.", "What did Ole Solvang deny?", "hitting a mosque"),
        (
            "LONDON, England (CNN) -- Ole Solvang resigned from the Syrian Observatory.",
            "Who resigned from the Syrian Observatory?",
            "Ole Solvang",
        ),
    ],
)
def test_a_sentence_gives_its_question(sentence: str, question: str, gold: str) -> None:
    text = f"{CONTEXT} The two met in Aleppo.\n\n{sentence}"
    found = {drafted.question: drafted for drafted in drafts_of(text)}
    assert question in found, list(found)
    assert [piece.text for piece in found[question].gold] == [gold]


@pytest.mark.parametrize(
    "sentence",
    [
        "He said that the building was a mosque.",  # who is he?
        "The company opened a plant on Friday.",  # which company?
        "The man accused of murder was arrested on Friday in Aleppo.",  # "accused" is not the verb
        "Officials said that it was over.",
        "She told us that there were three in Aleppo.",
    ],
)
def test_what_no_one_could_understand_is_not_asked(sentence: str) -> None:
    asked = [drafted.question for drafted in drafts_of(sentence) if drafted.form != "gap"]
    assert asked == []


def test_the_same_question_is_asked_once_with_all_its_answers() -> None:
    text = f"{CONTEXT} Ole Solvang said the bridge was old.\n\nOle Solvang said that the bridge was sold."
    about = [drafted for drafted in drafts_of(text) if drafted.question == "What did Ole Solvang say about the bridge?"]
    assert [[piece.text for piece in drafted.gold] for drafted in about] == [
        ["the bridge was old", "the bridge was sold"]
    ]


NAMES = st.sampled_from(
    ["Ole Solvang", "Zoë Ødegård", "the Pentagon", "Capt. Jeff Davis", "Human Rights Watch", "Ada 𝔏ind"]
)
PLACES = st.sampled_from(["Aleppo", "New York", "São Paulo", "Łódź"])
NUMBERS = st.integers(2, 99_999).map("{:,}".format)
SENTENCES = st.one_of(
    st.builds("{} said that the bridge in {} was closed on Monday.".format, NAMES, PLACES),
    st.builds("“We have never seen {} people at the bridge,” said {}.".format, NUMBERS, NAMES),
    st.builds("The storm hit {} on Tuesday, May {}, 2019.".format, PLACES, st.integers(1, 31)),
    st.builds("At least {} people were hurt in {}, {} reported.".format, NUMBERS, PLACES, NAMES),
    st.builds("{} denied closing the bridge in {}.".format, NAMES, PLACES),
    st.text(max_size=60).map(lambda text: f"{text}."),
)
TEXTS = st.lists(SENTENCES, min_size=1, max_size=8).flatmap(
    lambda sentences: st.sampled_from([" ", "\n\n", "\n", "  "]).map(lambda gap: gap.join(sentences))
)


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5), st.integers(0, 9))
def test_every_offset_is_exact(texts: Sequence[str], seed: int) -> None:
    articles = {f"a{at}": Article(f"a{at}", text) for at, text in enumerate(texts)}
    for entry in draft(list(articles.values()), 50, seed):
        assert entry["draft"] is True
        spans = [articles[span["article"]].text[span["start"] : span["end"]] for span in entry.get("spans", ())]
        assert list(dict.fromkeys(spans)) == entry["answers"]
        if "left_out" in entry:
            assert entry["answers"] == [] and "articles" not in entry
            assert all(answer in articles[entry["left_out"]].text for answer in entry["left_out_answers"])
        else:
            assert entry["answers"] and entry["articles"] == [entry["spans"][0]["article"]]


def test_the_same_seed_gives_the_same_drafts_in_whatever_order_the_articles_come(samples: list[Article]) -> None:
    drafts = list(draft(samples, 40, seed=3))
    assert drafts == list(draft(samples[::-1], 40, seed=3))
    assert drafts != list(draft(samples, 40, seed=4))
    assert len({entry["id"] for entry in drafts}) == len({entry["question"] for entry in drafts}) == 40


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.25, 5), (0.5, 10)])
def test_a_share_is_about_articles_left_out(samples: list[Article], share: float, expected: int) -> None:
    drafts = list(draft(samples, 20, left_out=share))
    absent = {entry["left_out"] for entry in drafts if "left_out" in entry}
    kept = {entry["articles"][0] for entry in drafts if "articles" in entry}
    assert sum("left_out" in entry for entry in drafts) == expected
    assert not absent & kept
    assert all("not indexed" in entry["note"] for entry in drafts if "left_out" in entry)


def test_what_another_article_tells_too_is_not_asked_in_vain() -> None:
    text = f"{CONTEXT} Bellingcat has geolocated the site of the strike to a spot near al-Jinah."
    twins = [Article("a", text), Article("b", text)]
    assert not any("left_out" in entry for entry in draft(twins, 20, left_out=0.5))


def test_a_lone_article_is_never_left_out(samples: list[Article]) -> None:
    drafts = list(draft(samples[-1:], 10))
    assert drafts and not any("left_out" in entry for entry in drafts)


def test_a_share_beyond_one_is_refused(samples: list[Article]) -> None:
    with pytest.raises(SaidsoError, match="between 0 and 1"):
        list(draft(samples, 5, left_out=1.5))


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(draft_command)
    return app


def test_the_command_says_first_that_these_are_drafts(app: typer.Typer, tmp_path: Path) -> None:
    out = tmp_path / "drafts.jsonl"
    done = CliRunner().invoke(app, [str(sample_articles()), "--out", str(out), "--count", "20"])
    assert done.exit_code == 0 and done.stdout == ""
    assert done.stderr.startswith("These are drafts")
    assert "20 drafts, 5 of them to be left unanswered." in done.stderr
    read = read_questions(out)
    assert len(read.questions) == 20
    assert sum(gold.answers == () for gold in read.questions) == 5


def test_the_command_writes_json_lines_and_names_what_it_could_not_read(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(f"{CONTEXT} Ole Solvang denied hitting a mosque.")
    (tmp_path / "empty.txt").write_text("")
    done = CliRunner().invoke(app, [str(tmp_path)])
    assert done.exit_code == 3
    assert "empty.txt" in done.stderr
    assert json.loads(done.stdout.splitlines()[0])["question"] == "What did Ole Solvang deny?"


def test_without_articles_there_is_a_sentence(app: typer.Typer, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [str(tmp_path / "absent.txt")])
    assert isinstance(done.exception, SaidsoError) and "no article" in str(done.exception)
