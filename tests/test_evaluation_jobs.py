"""Evaluations as jobs: one runs, the others wait, and none is lost."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from assistant.answer import Answer
from assistant.evaluation.jobs import MOST_WAITING, Job, Jobs, Options, TooManyError, UnknownJobError, WrongStateError
from assistant.settings import Settings
from index.errors import SaidsoError
from index.store import BusyError
from tests.test_evaluation import Silent

FIVE = "".join(json.dumps({"id": f"q{n}", "question": f"Who is {n}?", "answers": []}) + "\n" for n in range(5)).encode()
ROOT = Path(__file__).parent.parent
Begin = Callable[..., Jobs]


class Watched(Silent):
    """Counts what it is asked, and from its third question on waits until it may go on."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_go_on = threading.Event()

    def ask(self, question: str, *rest: Any, **named: Any) -> Answer:
        self.asked.append(question)
        if len(self.asked) > 2:
            assert self.may_go_on.wait(20)
        return super().ask(question, *rest, **named)


class Broken(Silent):
    def ask(self, *_: Any, **__: Any) -> Answer:
        raise ZeroDivisionError


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Begin the jobs of one data folder, over an assistant."""
    with ExitStack() as stack:

        def begin_(assistant: Silent) -> Jobs:
            jobs = Jobs(Settings(tmp_path), lambda: assistant)
            jobs.begin()
            stack.callback(jobs.end)
            return jobs

        yield begin_


def wait(jobs: Jobs, job: Job, *states: str) -> Job:
    until(lambda: jobs.get(job.id).state in states)
    return jobs.get(job.id)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_job_is_done_with_its_figures_its_gates_and_its_run(begin: Begin, tmp_path: Path) -> None:
    jobs = begin(Silent())
    options = Options(limit=3, seed=2, gates=("right>=1", "p50<=0.5"))
    added = jobs.add("C:\\sets\\../five.jsonl", FIVE, options)
    assert (added.file, added.total, added.is_over) == ("five.jsonl", 3, False)
    job = wait(jobs, added, "done")
    assert (job.done, job.total, job.seconds_left, job.why) == (3, 3, None, None) and job.finished
    assert job.summary["right"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 3}
    assert [(gate["passed"], gate["sentence"].split(":")[0]) for gate in job.gates] == [
        (True, "right>=1"),
        (False, "p50<=0.5"),
    ]
    run = json.loads(jobs.run_file(job.id).read_text())
    assert (run["questions_file"], run["seed"], len(run["questions"])) == ("five.jsonl", 2, 3)
    assert run["settings"] == {"embedding_model": None, "answer_threshold": Settings.answer_threshold, "limit": 3}
    folder = tmp_path / "evaluations" / job.id  # the record is written just after the state is told
    until(lambda: {path.name for path in folder.iterdir()} == {"job.json", "questions", "run.json"})


def test_one_runs_and_the_others_wait_their_turn(begin: Begin) -> None:
    assistant = Watched()
    jobs = begin(assistant)
    first, second, third = (jobs.add(f"{n}.jsonl", FIVE, Options()) for n in (1, 2, 3))
    until(lambda: len(assistant.asked) == 3)
    assert [job.state for job in jobs.all()] == ["queued", "queued", "running"]
    assert [job.id for job in jobs.all()] == [third.id, second.id, first.id], "the newest first"
    running = jobs.get(first.id)
    assert (running.done, running.total) == (2, 5) and running.seconds_left is not None
    assert jobs.cancel(second.id).state == "cancelled"
    assert jobs.cancel(first.id).state == "running", "until the question at hand is answered"
    assistant.may_go_on.set()
    assert wait(jobs, first, "cancelled").finished
    assert wait(jobs, third, "done").done == 5
    assert len(assistant.asked) == 3 + 5
    for over in (first, second, third):
        with pytest.raises(WrongStateError, match="nothing to cancel"):
            jobs.cancel(over.id)
    with pytest.raises(WrongStateError, match=r"1\.jsonl is cancelled; only a finished one"):
        jobs.run_file(first.id)


def test_what_a_server_leaves_the_next_one_goes_on_with(begin: Begin) -> None:
    assistant = Watched()
    jobs = begin(assistant)
    running, waiting = jobs.add("five.jsonl", FIVE, Options()), jobs.add("five.jsonl", FIVE, Options(seed=1))
    until(lambda: len(assistant.asked) == 3)
    threading.Timer(0.1, assistant.may_go_on.set).start()
    assert jobs.end()
    assert len(assistant.asked) == 3
    later = begin(assistant)
    assert wait(later, running, "done").done == 5
    assert assistant.asked[3:5] == ["Who is 3?", "Who is 4?"], "the three are not asked again"
    assert wait(later, waiting, "done").options == Options(seed=1)
    assert [job.state for job in begin_again(begin, later).all()] == ["done", "done"]


def test_what_a_killed_server_had_asked_is_not_asked_again(begin: Begin, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from tests.test_evaluation_jobs import *;"
        "jobs = Jobs(Settings(Path(sys.argv[1])), Watched); jobs.begin();"
        "print(jobs.add('five.jsonl', FIVE, Options()).id, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        job_id = server.stdout.readline().strip()
        journal = tmp_path / "evaluations" / job_id / "run.json.journal"
        until(lambda: journal.exists() and len(journal.read_text().splitlines()) == 1 + 2)
        server.kill()
    assistant = Watched()
    assistant.may_go_on.set()
    jobs = begin(assistant)
    until(lambda: jobs.get(job_id).state == "done")
    assert assistant.asked == ["Who is 2?", "Who is 3?", "Who is 4?"]


def begin_again(begin: Begin, jobs: Jobs) -> Jobs:
    assert jobs.end()
    return begin(Silent())


def test_a_second_server_leaves_the_jobs_to_the_first(begin: Begin) -> None:
    first, second = begin(Silent()), begin(Silent())
    for call in (second.all, lambda: second.get("0" * 12), lambda: second.add("five.jsonl", FIVE, Options())):
        with pytest.raises(BusyError, match="Another Saidso server"):
            call()
    assert first.all() == []


def test_while_no_assistant_comes_the_jobs_wait(tmp_path: Path) -> None:
    def fail() -> Silent:
        raise SaidsoError("The data folder cannot be used.")

    jobs = Jobs(Settings(tmp_path), fail)
    jobs.begin()
    job = jobs.add("five.jsonl", FIVE, Options())
    assert jobs.get(job.id).state == "queued" and jobs.end()
    later = Jobs(Settings(tmp_path), Silent)
    later.begin()
    assert wait(later, job, "done").done == 5
    assert later.end()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_is_told_and_the_next_job_has_its_turn(begin: Begin, tmp_path: Path) -> None:
    jobs = begin(Broken())
    for _ in range(2):
        job = wait(jobs, jobs.add("five.jsonl", FIVE, Options()), "failed")
        assert job.why and "by a fault in Saidso" in job.why
    assert not list(tmp_path.glob("**/*.journal"))
    until(lambda: "evaluation" not in {thread.name for thread in threading.enumerate()})  # the fault is this test's


def test_a_job_that_cannot_be_done_says_why(begin: Begin) -> None:
    class Empty(Silent):
        def holdings(self) -> Any:
            return type("Holdings", (), {"articles": 0})

    jobs = begin(Empty())
    job = wait(jobs, jobs.add("five.jsonl", FIVE, Options()), "failed")
    assert job.why and job.why.startswith("No articles are indexed")


def test_an_earlier_job_is_the_baseline(begin: Begin) -> None:
    jobs = begin(Silent())
    earlier = wait(jobs, jobs.add("five.jsonl", FIVE, Options()), "done")
    options = Options(baseline=earlier.id, gates=("right>=baseline",))
    later = wait(jobs, jobs.add("five.jsonl", FIVE, options), "done")
    assert later.gates[0]["passed"]
    run = json.loads(jobs.run_file(later.id).read_text())
    assert run["baseline"]["differences"]["right"]["value"] == 0
    assert run["baseline"]["file"].startswith("five.jsonl of 20")
    other = FIVE.replace(b"Who is", b"Where is")
    with pytest.raises(SaidsoError, match=r"five\.jsonl of 20.* has no question in common"):
        jobs.add("other.jsonl", other, options)
    jobs.delete(earlier.id)
    with pytest.raises(UnknownJobError, match="may have been deleted"):
        jobs.add("five.jsonl", FIVE, options)


@pytest.mark.parametrize(
    ("name", "data", "options", "words"),
    [
        ("q.jsonl", b'{"question": "Who?"}\n{"question": 5}', Options(), r"^q\.jsonl, line 2: the question"),
        ("q.csv", b"id,text\n1,Who?", Options(), r"^q\.csv, line 1: the header has no column `question`"),
        ("q.jsonl", b"\n\n", Options(), r"^q\.jsonl holds no questions"),
        ("q.jsonl", b'{"id":1,"question":"Who?"}\n{"id":1,"question":"Why?"}', Options(), "both have the id '1'"),
        ("q.jsonl", b"\xff", Options(), r"^q\.jsonl, line 1: this is not UTF-8"),
        ("q.docx", b"PK", Options(), r"^q\.docx is of no kind that can be read"),
        ("../../", b"", Options(), "has no name"),
        ("q.jsonl.gz", b"plain", Options(), "cannot be read"),
        ("q.jsonl.gz", gzip.compress(b" " * (256 * 2**20 + 1), 1), Options(), "holds more than 256 MB"),
        ("q.jsonl", FIVE, Options(gates=("good",)), "is not a condition"),
        ("q.jsonl", FIVE, Options(gates=("f1>=baseline",)), "needs an earlier evaluation"),
        ("q.jsonl", FIVE, Options(baseline="../../etc"), "There is no evaluation '../../etc'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_once_and_leaves_nothing(
    begin: Begin, tmp_path: Path, name: str, data: bytes, options: Options, words: str
) -> None:
    jobs = begin(Silent())
    with pytest.raises(SaidsoError, match=words):
        jobs.add(name, data, options)
    assert jobs.all() == []
    assert [path.name for path in (tmp_path / "evaluations").iterdir()] == ["owner.lock"]


def test_a_file_that_brings_articles_is_asked_of_the_servers(begin: Begin) -> None:
    paragraph = {"context": "It closed on Monday.", "qas": [{"id": "1", "question": "When?", "answers": []}]}
    squad = json.dumps({"data": [{"title": "Bridge", "paragraphs": [paragraph]}]}).encode()
    jobs = begin(Silent())
    job = wait(jobs, jobs.add("squad.json", squad, Options()), "done")
    assert job.warnings[0].startswith("The 1 articles that the file brings along were not read in")


def test_a_compressed_file_is_read_too(begin: Begin) -> None:
    jobs = begin(Silent())
    assert wait(jobs, jobs.add("five.jsonl.gz", gzip.compress(FIVE), Options()), "done").done == 5


def test_only_so_many_wait(begin: Begin) -> None:
    assistant = Watched()
    jobs = begin(assistant)
    first = jobs.add("five.jsonl", FIVE, Options())
    until(lambda: len(assistant.asked) == 3)
    for _ in range(MOST_WAITING):
        jobs.add("five.jsonl", FIVE, Options())
    with pytest.raises(TooManyError, match="20 evaluations are waiting"):
        jobs.add("five.jsonl", FIVE, Options())
    for job in jobs.all():
        jobs.cancel(job.id)
    assistant.may_go_on.set()
    wait(jobs, first, "cancelled")


def test_deleting(begin: Begin, tmp_path: Path) -> None:
    assistant = Watched()
    jobs = begin(assistant)
    job = jobs.add("five.jsonl", FIVE, Options())
    with pytest.raises(WrongStateError, match="cancel it before you delete it"):
        jobs.delete(job.id)
    assistant.may_go_on.set()
    wait(jobs, job, "done")
    jobs.delete(job.id)
    assert not (tmp_path / "evaluations" / job.id).exists() and jobs.all() == []
    with pytest.raises(UnknownJobError):
        jobs.delete(job.id)


def test_rubbish_in_the_folder_is_swept_or_left_alone(begin: Begin, tmp_path: Path) -> None:
    folder = tmp_path / "evaluations"
    half_made, odd, strange = folder / ("a" * 12), folder / ("b" * 12), folder / "notes"
    for path in (half_made, odd, strange):
        path.mkdir(parents=True)
    (half_made / "questions").write_bytes(FIVE)
    (odd / "job.json").write_text('{"id": "b"}')
    assert begin(Silent()).all() == []
    assert (half_made.exists(), odd.exists(), strange.exists()) == (False, True, True)
