from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.evaluation.gold import GoldSpan
from assistant.evaluation.questions import read_questions
from index.errors import SaidsoError

CONTEXT = "The bridge closed on Monday. It reopens in June."
SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Old_Bridge",
            "paragraphs": [
                {
                    "context": CONTEXT,
                    "qas": [
                        {
                            "id": "s1",
                            "question": "When did it close?",
                            "answers": [
                                {"text": "Monday", "answer_start": 21},
                                {"text": "on Monday", "answer_start": 18},
                            ],
                            "is_impossible": False,
                        },
                        {
                            "id": "s2",
                            "question": "Who closed it?",
                            "answers": [],
                            "plausible_answers": [{"text": "June", "answer_start": 42}],
                            "is_impossible": True,
                        },
                    ],
                },
                {"context": CONTEXT, "qas": [{"question": "When?", "answers": [{"text": "June", "answer_start": 0}]}]},
            ],
        }
    ],
}  # fmt: skip


def squad(asked: str) -> str:
    return f'{{"data": [{{"paragraphs": [{{"context": "C", "qas": [{asked}]}}]}}]}}'


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def beir(folder: Path, **changed: str) -> Path:
    files = {
        "corpus.jsonl": '{"_id": "d1", "title": "Bridge", "text": "It closed."}\n{"_id": "d2", "text": ""}\n',
        "queries.jsonl": '{"_id": "q1", "text": "what closed", "metadata": {}}\n{"_id": "q2", "text": "unjudged"}\n',
        "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n",
        "qrels/train.tsv": "nonsense",
    }
    for name, text in {**files, **{key.replace("__", "/"): value for key, value in changed.items()}}.items():
        written(folder / "beir", name, text)
    return folder / "beir"


@pytest.mark.parametrize("name", ["q.jsonl", "q.jsonl.gz"])
def test_saidsos_own(tmp_path: Path, name: str) -> None:
    lines = [
        {"id": 7, "question": "When?", "answers": ["Monday"], "articles": ["a"], "speaker": "Ann Lee", "desk": "city",
         "spans": [{"article": "b", "start": 3, "end": 9}], "conflicting": True, "as_of": "2024-05-31"},
        {"question": "Why?", "answers": []},
        {"id": "z", "question": "Who?"},
    ]  # fmt: skip
    path = written(tmp_path, name, "\ufeff" + "\n\n".join(map(json.dumps, lines)) + "\n")
    full, absent, bare = read_questions(path).questions
    assert full.id == "7" and full.answers == ("Monday",) and full.speaker == "Ann Lee" and full.conflicting
    assert full.spans == (GoldSpan("b", 3, 9),)
    assert full.gold_articles == {"a": 1.0, "b": 1.0}
    assert full.fields == {"desk": "city"} and full.as_of == 20240531
    assert (absent.id, absent.answerable, bare.answerable) == ("3", False, None), "the line's number stands in"


def test_a_list_of_questions(tmp_path: Path) -> None:
    path = written(tmp_path, "q.json", '[{"id": "1", "question": "Who?"}]')
    assert read_questions(path).questions[0].question == "Who?"


def test_squad(tmp_path: Path) -> None:
    found = read_questions(written(tmp_path, "dev.json", json.dumps(SQUAD)))
    assert found.articles == ({"id": "Old_Bridge-1", "text": CONTEXT, "title": "Old Bridge"},)
    first, second, third = found.questions
    assert first.answers == ("Monday", "on Monday") and len(first.places) == 1
    assert CONTEXT[first.spans[0].start : first.spans[0].end] == "Monday"
    assert second.answerable is False and not second.gold_articles and not second.fields
    assert third.articles == ("Old_Bridge-1",) and not third.spans
    assert found.warnings == ("1 answers do not stand where the file says; they count by their words only.",)


def test_beir(tmp_path: Path) -> None:
    found = read_questions(beir(tmp_path))
    assert found.articles == ({"id": "d1", "title": "Bridge", "text": "It closed."},)
    (gold,) = found.questions
    assert (gold.id, gold.question, gold.gold_articles) == ("q1", "what closed", {"d1": 2.0})
    assert gold.answers is None
    missing = read_questions(beir(tmp_path, qrels__test="", **{"qrels__test.tsv": "q1\td1\t1\nq9\td1\t1\n"}))
    assert "1 questions of" in missing.warnings[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv(tmp_path: Path, delimiter: str) -> None:
    rows = [
        ["id", "question", "answers", "articles", "desk", "conflicting"],
        ["1", '"When, exactly; or ""about"" when?"', "Monday|on Monday", "a|b", "city", "yes"],
        ["2", "Why?", "[]", "", "", ""],
        ["", "Who?", "", "", "", ""],
    ]
    path = written(tmp_path, "q.csv", "\r\n".join(delimiter.join(row) for row in rows))
    first, absent, unknown = read_questions(path).questions
    assert first.question == 'When, exactly; or "about" when?'
    assert first.answers == ("Monday", "on Monday") and first.articles == ("a", "b") and first.conflicting
    assert first.fields == {"desk": "city"}
    assert (absent.answers, unknown.answers, unknown.id) == ((), None, "4")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("q.jsonl", '{"question": "Who?"}\n{broken\n', "q.jsonl, line 2: this is not JSON ("),
        ("q.jsonl", "[1]\n", "q.jsonl, line 1: this is not a JSON object."),
        ("q.jsonl", '\n{"id": "1"}\n', 'q.jsonl, line 2: the question has no text under "question"'),
        ("q.jsonl", '{"question": " "}', "line 1: the question cannot be asked: The question is empty"),
        ("q.jsonl", '{"question": "Who?", "answers": "me"}', "has \"answers\": 'me', which is not"),
        ("q.jsonl", '{"question": "Who?", "articles": [{}]}', 'line 1: the question has "articles"'),
        ("q.jsonl", '{"question": "Who?", "spans": [{"article": "a", "start": 5, "end": 5}]}', "has a span"),
        ("q.jsonl", '{"question": "Who?", "speaker": 5}', 'line 1: the question has "speaker": 5'),
        ("q.jsonl", '{"question": "Who?", "as_of": "May"}', "which is not a date"),
        ("q.jsonl", '{"question": "Who?", "id": [1]}', 'has "id": [1]'),
        ("q.jsonl", "", "q.jsonl holds no questions; there is nothing to score."),
        ("q.jsonl", '{"id": 1, "question": "Who?"}\n{"id": "1", "question": "Why?"}', "1 and 2 both have the id '1'"),
        ("q.json", '{\n"data":\n[}', "q.json, line 3: this is not JSON"),
        ("q.json", "{}", "data is not a list"),
        ("q.json", '{"data": [{"paragraphs": [{"qas": []}]}]}', "data[0].paragraphs[0].context is not a text"),
        ("q.json", squad('{"id": 1}'), "qas[0].answers is not a list"),
        ("q.json", squad('{"answers": [5]}'), "qas[0].answers holds 5"),
        ("q.json", squad('{"answers": []}'), 'qas[0]: the question has no text'),
        ("q.json", '{"data": []}', "holds no questions"),
        ("q.json", '["x"]', "item 1: the question is not an object"),
        ("q.json", "[" * 100_000, "q.json"),
        ("q.csv", "id,text\n1,Who?\n", "q.csv, line 1: the header has no column `question`"),
        ("q.csv", "id,question\n1,Who?,more\n", "q.csv, line 2: there are more cells than"),
        ("q.csv", 'id,question\n1,"Who?\n', "q.csv, line 2: from here on this is not CSV"),
        ("q.csv", "id,question\n1,\n", 'q.csv, line 2: the question has no text under "question"'),
        ("q.csv", "", "holds no questions"),
        ("q.xlsx", "x", "is of no kind that can be read"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused_with_its_place(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(SaidsoError) as refused:
        read_questions(path)
    assert sentence in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"corpus.jsonl": '{"_id": "d1", "text": "x"}\n{"text": "x"}'}, "corpus.jsonl, line 2: a document needs"),
        ({"queries.jsonl": '\n{"_id": "q1"}'}, 'queries.jsonl, line 2: the question has no text under "question"'),
        ({"qrels__test.tsv": "q1\td1\t1\nq1 d1 1\n"}, "test.tsv, line 2: this is not query, document and grade"),
        ({"qrels__test.tsv": ""}, "holds no questions"),
    ],
)
def test_malformed_beir_folders(tmp_path: Path, changed: dict[str, str], sentence: str) -> None:
    folder = beir(tmp_path, **changed)
    with pytest.raises(SaidsoError, match="beir") as refused:
        read_questions(folder)
    assert sentence in str(refused.value)


def test_files_that_are_missing_or_no_text(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.csv").write_bytes("id,question\n1,Où?\n".encode("latin-1"))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"question": "Who?"}' * 99)[:30])
    (tmp_path / "none.jsonl.gz").write_bytes(b"no gzip")
    for name, sentence in (
        ("absent.jsonl", "cannot be read (No such file"),
        ("folder", "has no corpus.jsonl"),
        ("latin.csv", "latin.csv, line 2: this is not UTF-8"),
        ("cut.jsonl.gz", "cannot be read ("),
        ("none.jsonl.gz", "cannot be read ("),
    ):
        with pytest.raises(SaidsoError) as refused:
            read_questions(tmp_path / name)
        assert sentence in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from("id question answers articles spans article start data paragraphs context qas".split()),
        inner, max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip


@given(JSON, st.sampled_from(["q.jsonl", "q.json"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_no_json_whatever_gives_anything_but_questions_or_a_sentence(tmp_path: Path, value: object, name: str) -> None:
    path = written(tmp_path, name, json.dumps(value))
    try:
        assert read_questions(path).questions
    except SaidsoError as error:
        assert str(path) in str(error)
