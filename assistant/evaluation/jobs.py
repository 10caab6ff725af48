"""Evaluations as jobs of a server: one runs, the others wait; each has a folder and survives a restart."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from filelock import FileLock, Timeout

from assistant.assistant import Assistant
from assistant.evaluation.baseline import Baseline
from assistant.evaluation.gate import Gate
from assistant.evaluation.gold import QuestionSet
from assistant.evaluation.journal import Journal
from assistant.evaluation.questions import questions_from
from assistant.evaluation.run import Run, Step, evaluate
from assistant.settings import Settings
from index.errors import SaidsoError
from index.store import BusyError

MOST_WAITING = 20
_MOST_UNPACKED = 256 * 2**20
_LONGEST_NAME = 120
_ID = re.compile(r"[0-9a-f]{12}")
_RECORD, _QUESTIONS, _RUN, _OWNER = "job.json", "questions", "run.json", "owner.lock"
_BROKE_OFF = "This evaluation broke off by a fault in Saidso; the terminal that it is served from says which."


class UnknownJobError(SaidsoError):
    """There is no evaluation of this id."""


class WrongStateError(SaidsoError):
    """What is asked for cannot be done with the evaluation as it stands."""


class TooManyError(SaidsoError):
    """As many evaluations wait as may."""


class _HaltedError(Exception):
    """The run was told to end between two questions."""


@dataclass(frozen=True)
class Options:
    """What a person may choose about an evaluation; `baseline` is the id of a finished one."""

    limit: int | None = None
    seed: int = 0
    baseline: str | None = None
    gates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """An evaluation: what was asked for, how far it is, and in the end its figures.

    `state` is queued, running, done, failed or cancelled; `why` is the sentence that says why it failed.
    """

    id: str
    file: str  # what its sender calls the question file; a name to show, never a path
    created: str
    total: int
    options: Options = Options()
    state: str = "queued"
    done: int = 0
    seconds_left: float | None = None
    finished: str | None = None
    why: str | None = None
    warnings: Sequence[str] = ()
    summary: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    gates: Sequence[Mapping[str, Any]] = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in ("queued", "running")

    def as_json(self) -> dict[str, Any]:
        """Return the job as its record holds it and the server sends it."""
        return asdict(self)

    @classmethod
    def read(cls, file: Path) -> Job:
        """Read a record. Raises OSError or ValueError where it is none."""
        fields = json.loads(file.read_text(encoding="utf-8"))
        try:
            options = fields.pop("options")
            return cls(**fields, options=Options(**{**options, "gates": tuple(options["gates"])}))
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{file} is no record of an evaluation ({error}).") from error


class Jobs:
    """The evaluations of one data folder, over the index that lies there. Safe to use from several threads."""

    def __init__(self, settings: Settings, assistant: Callable[[], Assistant]) -> None:
        """`assistant` is called in a thread of the jobs' own: it may wait, and raises SaidsoError if none will come."""
        self._settings = settings
        self._assistant = assistant
        self._folder = settings.data_dir / "evaluations"
        self._owner = FileLock(self._folder / _OWNER, thread_local=False)
        self._jobs: dict[str, Job] = {}
        self._guard = threading.RLock()
        self._worker: threading.Thread | None = None
        self._halted: set[str] = set()  # told to be cancelled
        self._ending = False
        self._refusal: str | None = "Evaluations are not served yet."

    # ── the server's side ───────────────────────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        """Take up what an earlier server left: what ran goes on from its journal, what waited waits again."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._owner.acquire(timeout=0)
        except Timeout:
            self._refusal = (
                f"Another Saidso server has the evaluations of {self._settings.data_dir}; use its page, or stop it."
            )
            return
        except OSError as error:
            self._refusal = f"Evaluations cannot be kept in {self._folder} ({error.strerror})."
            return
        self._refusal, self._ending = None, False
        for folder in filter(Path.is_dir, self._folder.iterdir()):
            self._take_up(folder)
        self._go_on()

    def end(self, patience: float = 5.0) -> bool:
        """Stop after the question at hand, to go on at the next start; return False if that takes too long."""
        self._ending = True
        with self._guard:
            running = self._running()
        if running and self._worker:
            self._worker.join(patience)
            if self._worker and self._worker.is_alive():
                return False
        self._owner.release()
        return True

    def _take_up(self, folder: Path) -> None:
        if not _ID.fullmatch(folder.name):
            return
        try:
            job = Job.read(folder / _RECORD)
        except FileNotFoundError:
            shutil.rmtree(folder, ignore_errors=True)  # half made or half deleted when the server was killed
        except (OSError, ValueError):
            return  # not ours to judge
        else:
            self._jobs[job.id] = replace(job, state="queued") if job.state == "running" else job

    # ── what people do ──────────────────────────────────────────────────────────────────────────────────────

    def add(self, name: str, data: bytes, options: Options) -> Job:
        """Queue the evaluation of a question file, given as its name and what it holds.

        Raises SaidsoError for whatever is wrong with the file, a gate or the baseline, before anything is asked.
        """
        self._must_serve()
        shown = _base_name(name)
        asked = questions_from(PurePath(shown), data, _MOST_UNPACKED)
        self._check(options, asked)
        total = min(len(asked.questions), options.limit or len(asked.questions))
        job = Job(secrets.token_hex(6), shown, _now(), total, options)
        with self._guard:
            if sum(other.state == "queued" for other in self._jobs.values()) >= MOST_WAITING:
                raise TooManyError(f"{MOST_WAITING} evaluations are waiting; wait until one is done, or cancel one.")
            try:
                (self._folder / job.id).mkdir()
                (self._folder / job.id / _QUESTIONS).write_bytes(data)
                self._put(job)
            except OSError as error:
                raise SaidsoError(f"The evaluation cannot be kept in {self._folder} ({error.strerror}).") from error
            self._go_on()
            return self._jobs[job.id]

    def all(self) -> list[Job]:
        """Return the jobs, the newest first."""
        self._must_serve()
        with self._guard:
            return sorted(self._jobs.values(), key=lambda job: (job.created, job.id), reverse=True)

    def get(self, job_id: str) -> Job:
        """Return a job. Raises UnknownJobError."""
        self._must_serve()
        job = self._jobs.get(job_id)
        if job is None:
            raise UnknownJobError(f"There is no evaluation {job_id!r}; it may have been deleted.")
        return job

    def run_file(self, job_id: str) -> Path:
        """Return where a finished job's run lies. Raises WrongStateError where there is none (yet)."""
        job = self.get(job_id)
        if job.state != "done":
            raise WrongStateError(f"The evaluation of {job.file} is {job.state}; only a finished one has figures.")
        return self._folder / job.id / _RUN

    def cancel(self, job_id: str) -> Job:
        """End a job: at once where it waits, after the question at hand where it runs. Raises WrongStateError."""
        with self._guard:
            job = self.get(job_id)
            if job.is_over:
                raise WrongStateError(f"The evaluation of {job.file} is {job.state}; there is nothing to cancel.")
            if job.state == "queued":
                return self._put(replace(job, state="cancelled", finished=_now()))
            self._halted.add(job_id)
            return job

    def delete(self, job_id: str) -> None:
        """Remove a job and all its files. Raises WrongStateError while it waits or runs."""
        with self._guard:
            job = self.get(job_id)
            if not job.is_over:
                raise WrongStateError(f"The evaluation of {job.file} is {job.state}; cancel it before you delete it.")
            del self._jobs[job_id]
            (self._folder / job_id / _RECORD).unlink(missing_ok=True)  # first: without it the rest is rubbish
            shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def _must_serve(self) -> None:
        if self._refusal:
            raise BusyError(self._refusal)

    def _check(self, options: Options, asked: QuestionSet) -> None:
        gates = [Gate.parse(gate) for gate in options.gates]
        needy = next((gate.text for gate in gates if gate.against_baseline and not options.baseline), None)
        if needy:
            raise SaidsoError(f"The gate {needy!r} needs an earlier evaluation to compare with; choose one.")
        if options.baseline:
            self._baseline(options.baseline).check(asked.questions)

    def _baseline(self, job_id: str) -> Baseline:
        """Read an earlier job's run, under the name that people know it by."""
        earlier = self.get(job_id)
        return replace(
            Baseline.read(self.run_file(job_id)), file=f"{earlier.file} of {earlier.created[:16].replace('T', ' ')}"
        )

    # ── running ─────────────────────────────────────────────────────────────────────────────────────────────

    def _go_on(self) -> None:
        """Start a thread for the job whose turn it is, if there is one and none runs."""
        with self._guard:
            if self._worker is None and not self._ending and self._next():
                self._worker = threading.Thread(target=self._work, name="evaluation", daemon=True)
                self._worker.start()

    def _next(self) -> Job | None:
        waiting = (job for job in self._jobs.values() if job.state == "queued")
        return min(waiting, key=lambda job: (job.created, job.id), default=None)

    def _running(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.state == "running"), None)

    def _work(self) -> None:
        """Run the job whose turn it is; then let the next one have a thread of its own, whatever became of this."""
        try:
            assistant = self._assistant()
        except SaidsoError:
            return  # the server does not come up, and says why; the jobs wait for one that does
        try:
            with self._guard:
                job = None if self._ending else self._next()
                job = self._put(replace(job, state="running")) if job else None
            if job:
                self._run(job, assistant)
        finally:
            self._worker = None
            self._go_on()

    def _run(self, job: Job, assistant: Assistant) -> None:
        ended: dict[str, Any] | None = {"state": "failed", "why": _BROKE_OFF}
        try:
            ended = self._evaluated(job, assistant)
        except SaidsoError as error:
            ended = {"state": "failed", "why": str(error)}
        except _HaltedError:
            ended = {"state": "cancelled"} if job.id in self._halted else None  # or else it goes on at the next start
        finally:
            if ended:
                Journal.beside(self._folder / job.id / _RUN, {}).remove()
                self._put(replace(self._jobs[job.id], seconds_left=None, finished=_now(), **ended))

    def _evaluated(self, job: Job, assistant: Assistant) -> dict[str, Any]:
        """Run the job and return the fields that say how it ended."""
        folder, options = self._folder / job.id, job.options
        asked = questions_from(PurePath(job.file), (folder / _QUESTIONS).read_bytes(), _MOST_UNPACKED)
        run = evaluate(
            assistant, asked, seed=options.seed, limit=options.limit, settings=self._about(options),
            warnings=_own_articles(asked), baseline=self._baseline(options.baseline) if options.baseline else None,
            out=folder / _RUN, on_progress=lambda step: self._step(job.id, step),
        )  # fmt: skip
        if job.id in self._halted:
            raise _HaltedError
        return {"state": "done", "warnings": run.warnings, "summary": run.summary, "gates": _verdicts(options, run)}

    def _about(self, options: Options) -> dict[str, Any]:
        settings = self._settings
        return {
            "embedding_model": settings.embedding_model,
            "answer_threshold": settings.answer_threshold,
            "limit": options.limit,
        }

    def _step(self, job_id: str, step: Step) -> None:
        """Note how far a run is. Raises _HaltedError when it is to end."""
        with self._guard:
            job = self._jobs[job_id]
            self._jobs[job_id] = replace(job, done=step.done, total=step.total, seconds_left=step.seconds_left)
            if self._ending or job_id in self._halted:
                raise _HaltedError

    def _put(self, job: Job) -> Job:
        """Keep a job as it is now, here and on disk."""
        with self._guard:
            self._jobs[job.id] = job
            record = self._folder / job.id / _RECORD
            part = record.with_suffix(".part")
            part.write_text(json.dumps(job.as_json()), encoding="utf-8")
            part.replace(record)
            return job


def _base_name(name: str) -> str:
    """Return the last part of a name as any system writes paths, without signs that a terminal would act on."""
    shown = "".join(sign for sign in re.split(r"[\\/]", name)[-1] if sign.isprintable()).strip()
    if not shown:
        raise SaidsoError("The question file has no name; give one that ends in .jsonl, .json, .csv or .tsv.")
    return shown if len(shown) <= _LONGEST_NAME else f"…{shown[1 - _LONGEST_NAME :]}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _own_articles(asked: QuestionSet) -> list[str]:
    if not asked.articles:
        return []
    return [
        f"The {len(asked.articles):,} articles that the file brings along were not read in: a server scores over its "
        "own index. `saidso eval` reads them into a temporary one."
    ]


def _verdicts(options: Options, run: Run) -> list[dict[str, Any]]:
    found = run.as_json()
    verdicts = [Gate.parse(gate).check(found) for gate in options.gates]
    return [{**verdict.as_json(), "sentence": verdict.sentence} for verdict in verdicts]
