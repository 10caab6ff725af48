from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.cli import main
from index.keywords import FORMAT
from tests.conftest import interruptible

NEWS = "The mayor said the bridge was closed on Monday. It reopens in June."


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def saidso(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["saidso", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def indexed(copy_of_samples: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds the sample articles read in."""
    monkeypatch.setenv("SAIDSO_DATA_DIR", str(copy_of_samples()))


@pytest.fixture
def news(tmp_path: Path) -> Path:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "bridge.txt").write_text(NEWS)
    return tmp_path / "news"


def test_ingest_ask_search_list_show_remove(saidso, news: Path) -> None:  # type: ignore[no-untyped-def]
    assert saidso("ingest", news, "--json").lines[0] == {
        "added": ["bridge"], "replaced": [], "unchanged": 0, "passages": 1, "rejected": [],
    }  # fmt: skip
    assert saidso("ingest", news, "--json").lines[0]["unchanged"] == 1
    (hit,) = saidso("search", "bridge", "-k", 3, "--json").lines[0]["passages"]
    assert NEWS[hit["start"] : hit["end"]] == hit["text"]
    assert set(hit) == {"article_id", "start", "end", "score", "text", "title", "source", "published"}
    assert saidso("articles", "list", "--json").lines[0]["id"] == "bridge"
    assert "1 articles, 1 passages" in saidso("articles").out
    assert NEWS in saidso("articles", "show", "bridge").out
    assert saidso("articles", "remove", "bridge").code == 0
    assert saidso("search", "bridge", "--json").lines[0]["passages"] == []


def test_search_and_ask_by_speaker_and_stance(saidso, news: Path) -> None:  # type: ignore[no-untyped-def]
    saidso("ingest", news)

    def found(*options: str) -> int:
        return len(saidso("search", "bridge", *options, "--json").lines[0]["passages"])  # type: ignore[arg-type]

    assert found("--speaker", "the mayor", "--stance", "says") == 1
    assert found("--speaker", "the Pentagon") == found("--stance", "denies") == found("--cue", "flatly denied") == 0
    assert saidso("ask", "What fell?", "--speaker", "the Pentagon", "--json").lines[0]["abstained"] is True


def test_who_may_be_meant_is_named_where_nobody_is_for_sure(saidso, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "met.txt").write_text("Paul Ryan met John Kerry. He said that the bridge would be built again.")
    (claim,) = saidso("claims", tmp_path / "met.txt", "--json").lines
    assert claim["candidates"] == ["John Kerry", "Paul Ryan"]
    assert "John Kerry" in saidso("claims", tmp_path / "met.txt").out


def test_claims_of_a_file_and_of_an_article_are_the_same(saidso, news: Path) -> None:  # type: ignore[no-untyped-def]
    file = news / "bridge.txt"
    (claim,) = saidso("claims", file, "--json").lines
    assert set(claim) == {"article_id", "speaker", "cue", "content", "stance", "direct", "name"}
    assert (claim["article_id"], claim["stance"], claim["direct"]) == ("bridge", "says", False)
    assert claim["speaker"] == {"start": 0, "end": 9, "text": "The mayor"}
    for part in ("speaker", "cue", "content"):
        assert NEWS[claim[part]["start"] : claim[part]["end"]] == claim[part]["text"]
    saidso("ingest", news)
    assert saidso("claims", "bridge", "--json").lines == [claim]
    assert saidso("claims", news, "--json").lines == [claim]
    shown = saidso("claims", "bridge").out
    assert all(words in shown for words in ("The mayor", "said", "says", "the bridge was closed"))


def test_claims_say_what_cannot_be_read(saidso, news: Path) -> None:  # type: ignore[no-untyped-def]
    (news / "empty.txt").write_text("")
    ran = saidso("claims", news, "--json")
    assert ran.code == 3 and len(ran.lines) == 1 and "empty.txt" in ran.err
    ran = saidso("claims", "nowhere")
    assert ran.code == 1 and "no file, folder or article 'nowhere'" in ran.err


def test_ask_prints_quotes_for_people(saidso, indexed: None) -> None:  # type: ignore[no-untyped-def]
    ran = saidso("ask", "How many bombs did the F-15s drop?")
    assert ran.code == 0
    assert "ten bombs" in ran.out and "[1]" in ran.out and "Sample Digest" in ran.out
    assert "\x1b[" not in ran.out, "no colours where there is no terminal"
    abstained = saidso("ask", "Who won the 2022 World Cup?")
    assert "do not hold an answer" in abstained.out and "not an answer" in abstained.out


def test_ask_prints_accounts_that_differ(saidso, indexed: None, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    for width in (80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        ran = saidso("ask", "How many people were killed?")
        assert "The articles differ: " in ran.out
        assert all(len(line) <= width for line in ran.out.splitlines())
        table = [line.strip() for line in ran.out.splitlines() if "[" in line and "“" not in line]
        assert any(line.startswith("46 ") and "Syrian Observatory" in line for line in table)
        assert any(line.startswith("at least 38 ") and "Human Rights Watch" in line for line in table)


def test_no_quote_is_cut_on_the_terminal(saidso, indexed: None) -> None:  # type: ignore[no-untyped-def]
    for question in ("What did the Pentagon claim was hit?", "Who won the 2022 World Cup?"):
        answer = saidso("ask", question, "--json").lines[0]
        shown = " ".join(saidso("ask", question).out.split())
        for citation in (*answer["citations"], *answer["closest"]):
            assert " ".join(citation["quote"].split()) in shown
    passages = saidso("search", "mosque", "--json").lines[0]["passages"]
    shown = " ".join(saidso("search", "mosque").out.split())
    assert all(" ".join(passage["text"].split()) in shown for passage in passages)


def test_a_question_file_keeps_order_and_ids_and_names_bad_lines(saidso, news: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    saidso("ingest", news)
    file = tmp_path / "q.jsonl"
    file.write_text(
        '{"id": "b", "question": "Who closed it?"}\nbroken\n\n{"id": 1, "question": "When?"}\n{"id": "x"}\n'
    )
    ran = saidso("ask", "--file", file, "--json")
    assert ran.code == 3
    assert [line["id"] for line in ran.lines] == ["b", "1"]
    assert "line 2: this is not a JSON object" in ran.err
    assert 'line 5: a question is an object with a text under "question"' in ran.err
    assert [line["id"] for line in saidso("search", "--file", file, "--json").lines] == ["b", "1"]


def test_questions_are_asked_as_of_a_day(saidso, indexed: None, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    question = "How many people were killed?"
    ran = saidso("ask", question, "--as-of", "2017-03-16")
    assert "Only: as of 2017-03-16" in ran.out
    (tmp_path / "q.jsonl").write_text(
        json.dumps({"id": "then", "question": question, "as_of": "2017-03-16"})
        + "\n" + json.dumps({"id": "now", "question": question})
        + "\n" + json.dumps({"id": "never", "question": question, "as_of": "soon"})
    )  # fmt: skip
    ran = saidso("search", "--file", tmp_path / "q.jsonl", "-k", 30, "--json")
    then, now = ({passage["published"][:10] for passage in line["passages"]} for line in ran.lines)
    assert then == {"2017-03-16"} < now
    assert ran.code == 3 and "line 3: 'soon' is not a date" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("ask", ""), 1, "The question is empty"),
        (("ask", "x" * 100_000), 1, "100,000 characters"),
        (("ask",), 2, "either a question or --file"),
        (("ask", "Who?", "--from", "yesterday"), 1, "'yesterday' is not a date"),
        (("search", "Who?", "--as-of", "17 March"), 1, "'17 March' is not a date"),
        (("search", "Who?", "--stance", "denied"), 1, "'denied' is not a stance; the stances are accuses"),
        (("search", "Who?", "-k", "0"), 2, "-k"),
        (("ask", "--file", "/no/such/file"), 1, "cannot be read"),
        (("articles", "show", "nothing"), 1, "There is no article 'nothing'"),
        (("articles", "remove", "nothing"), 1, "There is no article 'nothing'"),
        (("nonsense",), 2, "No such command"),
        (("ingest", "/no/such/folder"), 3, "is not there"),
    ],
)
def test_errors_are_sentences_with_exit_codes(saidso, arguments: tuple[str, ...], code: int, message: str) -> None:  # type: ignore[no-untyped-def]
    ran = saidso(*arguments)
    assert ran.code == code
    assert message in " ".join(ran.err.replace("│", " ").split())
    assert "Traceback" not in ran.err


def test_a_bad_setting_is_named(saidso, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("SAIDSO_ANSWER_THRESHOLD", "high")
    assert "SAIDSO_ANSWER_THRESHOLD='high' is not a number from 0 to 1" in saidso("articles").err


def test_help_is_for_newcomers(saidso) -> None:  # type: ignore[no-untyped-def]
    out = saidso("--help").out
    assert all(word in out for word in ("ingest", "ask", "search", "articles", "serve", "Start with"))


def test_the_samples_are_found_beside_the_package(samples: Assistant) -> None:
    assert samples.holdings().articles >= 14


def test_ctrl_c_ends_with_a_sentence_and_keeps_what_was_stored(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"{number}.txt").write_text(f"Report number {number} was filed.")
    command = [sys.executable, "-m", "assistant", "ingest", str(tmp_path), "--data-dir", str(tmp_path / "data")]
    running = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=interruptible
    )
    catalogue = tmp_path / "data" / "keywords" / FORMAT / "articles" / "meta.json"
    while running.poll() is None and not (catalogue.exists() and '"max_doc"' in catalogue.read_text()):
        time.sleep(0.02)
    running.send_signal(2)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "run the same command again" in err and "Traceback" not in err
    from assistant.settings import Settings

    assistant = Assistant.open(Settings(tmp_path / "data"))
    stored = assistant.holdings()
    assert 0 < stored.articles < 3000
    assert stored.passages == assistant._store.vectors.count()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit of address space is Linux's")
@pytest.mark.parametrize("megabytes", [600, 1_100, 2_000])
def test_too_little_memory_is_said_and_loses_nothing(  # type: ignore[no-untyped-def]
    saidso, news: Path, tmp_path: Path, megabytes: int
) -> None:
    data = tmp_path / "data"
    assert saidso("ingest", news, "--data-dir", data).code == 0
    (news / "ferry.txt").write_text("The ferry was late on Monday.")
    limit = (megabytes * 1_000_000,) * 2  # of address space; torch's libraries and their threads take more
    command = [sys.executable, "-m", "assistant", "ingest", str(news), "--data-dir", str(data)]
    done = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit)
    )
    assert done.returncode == 1 and done.stderr.startswith("There is not enough memory"), done.stderr
    assert saidso("ingest", news, "--data-dir", data, "--json").lines[0]["unchanged"] >= 1
    assert saidso("doctor", "--data-dir", data).code == 0
