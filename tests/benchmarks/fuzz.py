"""Damaged files for every reader: `python -m tests.benchmarks.fuzz [--inputs 100000] [--seed 1] [--keep DIR]`.

Sound files of each format that the product reads are damaged at random: bits, bytes, pieces cut, doubled, repeated a
thousand times, numbers and words of the format put in, also within what is packed. Each is read in a child process that
may have 500 MB of address space and compute for one second an input; the system ends it where it takes more. An input
fails where the process dies (crash), is ended for its time (hang), runs out of memory (memory), or raises what the
reader does not promise (error). The same seed gives the same inputs.

PDFs are read in that child itself, so that a failure is PDFium's own. The product reads them in one more process, with
limits (`index/pdf.py`); what PDFium fails over is read that way afterwards, and has to be refused in a sentence.
"""

from __future__ import annotations

import argparse
import gzip
import io
import random
import resource
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter, process_time

from fpdf import FPDF

from assistant.answer import Answer
from assistant.evaluation.questions import read_questions
from assistant.receipt import FORMAT, Receipt
from assistant.receipt_file import encoded, read_receipt
from assistant.settings import sample_articles
from index.articles import SUFFIXES, read_file
from index.document import UnreadableError
from index.errors import SaidsoError
from index.pdf import read_in_process, read_pdf
from index.version import saidso_version
from tests.test_articles import SEEDS

MEMORY = 500_000_000  # bytes of address space
SECONDS = 1  # of computing, for one input
KINDS = ("crash", "hang", "memory", "error")

# ── what is read ────────────────────────────────────────────────────────────────────────────────────────────

QUESTIONS = (
    b'{"id": "q1", "question": "What was hit?", "answers": ["a hall"], "articles": ["a"], "as_of": "2017-03-17"}\n'
    b'{"id": "q2", "question": "Who said so?", "answers": [], "spans": [{"article": "a", "start": 0, "end": 4}]}\n'
)
SQUAD = (
    b'{"version": "v2", "data": [{"title": "T", "paragraphs": [{"context": "The hall was hit.", "qas": [{"id": "1", '
    b'"question": "What was hit?", "answers": [{"text": "The hall", "answer_start": 0}], "is_impossible": false}]}]}]}'
)
CSV = b'id,question,answers,articles\nq1,"What was hit?","a hall","a|b"\nq2,Who?,,\n'
CITED = {"marker": 1, "article_id": "a", "quote": "The hall", "start": 0, "end": 8, "passage": {"start": 0, "end": 17}}
STATED = {"title": "T", "source": "S", "published": "2017-03-16", "url": ""}
RECEIPT = Receipt(
    {
        "receipt": FORMAT,
        "created": "2017-03-17T00:00:00+00:00",
        "saidso": saidso_version(),
        "models": {"embedding": "m"},
        "settings": {"answer_threshold": 0.4},
        "index": {"articles": 1, "passages": 1},
        "answer": {**Answer("What was hit?", "The hall.").as_json(), "citations": [{**STATED, **CITED}]},
        "articles": {"a": {**STATED, "characters": 17, "text_sha256": "0" * 64}},
    }
)


def printed(paragraphs: Sequence[str]) -> bytes:
    """Return a PDF as a program writes it: its streams packed, one page after another."""
    sheet = FPDF()
    sheet.set_font("Helvetica", size=12)
    sheet.add_page()
    for paragraph in paragraphs:
        sheet.multi_cell(0, text=paragraph.encode("latin-1", "replace").decode("latin-1"))
        sheet.ln()
    return bytes(sheet.output())


def _articles(path: Path) -> None:
    for _ in read_file(path):
        pass


def _pdf(path: Path) -> None:
    with suppress(UnreadableError):
        read_in_process(path.read_bytes())


def _questions(path: Path) -> None:
    read_questions(path)


def _receipt(path: Path) -> None:
    read_receipt(path)


@dataclass(frozen=True)
class Target:
    """A reader, the name of its files, and sound ones to damage."""

    name: str
    read: Callable[[Path], None]
    file: str
    sound: tuple[bytes, ...]


def targets() -> dict[str, Target]:
    """Return every reader by name."""
    samples = [path.read_bytes() for path in sorted(sample_articles().glob("*.md"))[:4]]
    more = {".txt": samples, ".md": samples, ".pdf": [printed(samples[0].decode().split("\n\n"))]}
    found = [
        *(Target(suffix, _articles, f"x{suffix}", (SEEDS[suffix], *more.get(suffix, ()))) for suffix in SUFFIXES),
        Target("questions.jsonl", _questions, "x.jsonl", (QUESTIONS,)),
        Target("questions.json", _questions, "x.json", (SQUAD,)),
        Target("questions.csv", _questions, "x.csv", (CSV,)),
        Target("questions.jsonl.gz", _questions, "x.jsonl.gz", (gzip.compress(QUESTIONS),)),
        Target("receipt.json", _receipt, "x.json", (encoded(RECEIPT, "json"),)),
        Target("receipt.html", _receipt, "x.html", (encoded(RECEIPT, "html"),)),
    ]
    return {one.name: replace(one, read=_pdf) if one.name == ".pdf" else one for one in found}


# ── how it is damaged ───────────────────────────────────────────────────────────────────────────────────────

_WORDS = (
    *(
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\r\n",
        b"---\n",
        b"&a;",
        b"<!DOCTYPE d [<!ENTITY a 'x'>]>",
    ),
    *(b"<div>", b"</p>", b"<![CDATA[", b"<!--", b"<table><tr><td>", b"<script type='application/ld+json'>", b"<svg>"),
    *(b"{", b"}", b"[", b"]", b'"', b"\\ud800", b"1e999", b"NaN", b"null", b"-0", b"9" * 400, b'{"@graph":'),
    *(b"&x ", b"*x", b": ", b"- ", b"? ", b"!!python/object ", b"<<: *x", b"**", b"![", b"](", b"\\"),
    *(
        b"=?utf-8?q?",
        b"=?utf-8?b?",
        b"?=",
        b"\n--x\n",
        b"Content-Type: multipart/mixed; boundary=x\n",
        b"charset=utf-7",
    ),
    *(b" obj\n", b"endobj", b"stream\n", b"/Kids [2 0 R]", b"/Length 99999999", b"/Filter [/LZWDecode /ASCII85Decode]"),
    *(b"/Count 2147483647", b"0 0 R", b"<<", b">>", b"q ", b"1 0 0 1 1e38 1 Tm ", b"PK\x03\x04", b"PK\x05\x06"),
)
_MOST_REPEATS = 1_000
_LONGEST = 200_000  # bytes; what is larger is a test of its own


def damaged(rng: random.Random, sound: bytes) -> bytes:
    """Return the file with one to six damages."""
    data = bytearray(sound)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        rng.choice(_DAMAGES)(rng, data)
        del data[_LONGEST:]
    return bytes(data)


def _piece(rng: random.Random, data: bytearray) -> slice:
    start = rng.randrange(len(data) + 1)
    return slice(start, min(len(data), start + rng.choice((1, 2, 4, 16, 64, 500))))


def _flip(rng: random.Random, data: bytearray) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _overwrite(rng: random.Random, data: bytearray) -> None:
    where = _piece(rng, data)
    data[where] = rng.randbytes(where.stop - where.start)


def _cut(rng: random.Random, data: bytearray) -> None:
    del data[_piece(rng, data)]


def _end(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _double(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = data[_piece(rng, data)]


def _repeat(rng: random.Random, data: bytearray) -> None:
    where = _piece(rng, data)
    data[where] = data[where] * rng.randrange(2, _MOST_REPEATS)


def _word(rng: random.Random, data: bytearray) -> None:
    where = _piece(rng, data)
    data[where.start : rng.choice((where.start, where.stop))] = rng.choice(_WORDS) * rng.choice((1, 1, 1, 3, 2_000))


_DAMAGES = (_flip, _flip, _overwrite, _cut, _end, _double, _repeat, _word, _word)


def made(target: Target, seed: int, number: int) -> bytes:
    """Return input `number`; half of those of a packed format are damaged within and packed again."""
    rng = random.Random(f"{seed}/{target.name}/{number}")
    sound = rng.choice(target.sound)
    if rng.random() < 0.5:
        if target.file.endswith(".gz"):
            return gzip.compress(damaged(rng, gzip.decompress(sound)), 1)
        if target.file.endswith(".docx"):
            return _damaged_part(rng, sound)
    return damaged(rng, sound)


def _damaged_part(rng: random.Random, sound: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sound)) as source, zipfile.ZipFile(buffer, "w") as into:
        chosen = rng.choice([*source.namelist(), "word/document.xml", "word/document.xml"])
        for name in source.namelist():
            content = source.read(name)
            into.writestr(name, damaged(rng, content) if name == chosen else content)
    return buffer.getvalue()


# ── in the child ────────────────────────────────────────────────────────────────────────────────────────────


def child(name: str, seed: int, numbers: range) -> None:
    """Read the inputs; tell each before it is begun, and what was raised that no reader promises."""
    target = targets()[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / target.file
        for sound in target.sound:  # sound, and imports what is imported at first use, which is no input's fault
            path.write_bytes(sound)
            target.read(path)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for number in numbers:
            path.write_bytes(made(target, seed, number))
            _say("at", number)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # its signal ends the process, native code or not
            began = process_time()
            outcome = _outcome(target, path)
            signal.setitimer(signal.ITIMER_PROF, 0)
            _say("took", f"{process_time() - began:.4f}")
            if outcome:
                _say("failed", outcome)


def _outcome(target: Target, path: Path) -> str:
    try:
        target.read(path)
    except SaidsoError:
        return ""
    except MemoryError:
        return "memory"
    except Exception as error:  # noqa: BLE001 - whatever a reader may raise is what is looked for
        return f"error {type(error).__name__}: {str(error)[:100]!r}"
    return ""


def _say(what: str, value: object) -> None:
    sys.stdout.write(f"{what} {value}\n")
    sys.stdout.flush()


# ── in the parent ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Found:
    """What became of one reader's inputs."""

    inputs: int = 0
    slowest: float = 0.0  # seconds of computing
    failures: dict[int, str] = field(default_factory=dict)  # by input

    def kinds(self) -> Counter[str]:
        """Count the failures by kind: crash, hang, memory, error."""
        return Counter(why.split()[0] for why in self.failures.values())


def run(name: str, inputs: int, seed: int) -> Found:
    """Read `inputs` damaged files with one reader, beginning a new child after each that dies."""
    found, begin = Found(), 0
    while begin < inputs:
        last, died = _run_child(name, seed, range(begin, inputs), found)
        if died:
            found.failures[last] = died
        begin = last + 1
    found.inputs = inputs
    return found


def _run_child(name: str, seed: int, numbers: range, found: Found) -> tuple[int, str]:
    """Return the last input that was begun, and how the child died over it, or ""."""
    command = [sys.executable, "-m", __spec__.name, "--child", name]
    command += ["--seed", str(seed), "--from", str(numbers.start), "--inputs", str(numbers.stop)]
    last = numbers.start - 1
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        for line in process.stdout:
            what, _, value = line.rstrip("\n").partition(" ")
            if what == "at":
                last = int(value)
            elif what == "took":
                found.slowest = max(found.slowest, float(value))
            else:
                found.failures[last] = value
        told = process.stderr.read()
    if process.returncode == -signal.SIGPROF:
        return last, "hang"
    if process.returncode < 0:
        return last, f"crash by signal {-process.returncode}"
    if process.returncode or last < numbers.start:
        raise RuntimeError(f"the child over {name} from input {numbers.start} on could not run: {told[-2000:]}")
    return last, ""


def keep(folder: Path, target: Target, seed: int, found: Found) -> None:
    """Write the inputs that failed into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in found.failures:
        (folder / f"{number}-{target.name}").write_bytes(made(target, seed, number))


def refused_apart(target: Target, seed: int, found: Found) -> int:
    """Return how many of the PDFs that PDFium failed over the product, reading them apart, refuses in a sentence."""
    refused = 0
    for number in found.failures:
        try:
            read_pdf(made(target, seed, number))
        except UnreadableError:
            refused += 1
    return refused


def report(target: Target, seed: int, found: Found) -> None:
    """Print the row of one reader, and each failure."""
    kinds = found.kinds()
    counts = " | ".join(str(kinds[kind]) for kind in KINDS)
    print(f"| `{target.name}` | {found.inputs:,} | {found.slowest:.2f} | {counts} |", flush=True)
    for number, why in found.failures.items():
        sys.stderr.write(f"{target.name} input {number}: {why}\n")
    if target.name == ".pdf" and found.failures:
        refused = refused_apart(target, seed, found)
        sys.stderr.write(f".pdf: the product refuses {refused} of these {len(found.failures)} in a sentence\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=list(targets()))
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that fail")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--from", dest="first", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Fuzz every reader, two at a time, and print a table."""
    given = _options()
    if given.child:
        child(given.child, given.seed, range(given.first, given.inputs))
        return
    chosen = [target for target in targets().values() if given.only in (None, target.name)]
    each, began, failures = -(-given.inputs // len(chosen)), perf_counter(), 0
    print(f"| reader | inputs | slowest, s | {' | '.join(KINDS)} |\n| --- | --- | --- | --- | --- | --- | --- |")
    with ThreadPoolExecutor(2) as workers:
        for target, found in zip(
            chosen, workers.map(lambda target: run(target.name, each, given.seed), chosen), strict=True
        ):
            report(target, given.seed, found)
            failures += len(found.failures)
            if given.keep:
                keep(given.keep, target, given.seed, found)
    minutes = (perf_counter() - began) / 60
    print(f"{each * len(chosen):,} inputs in {minutes:.1f} minutes; failures: {failures}")


if __name__ == "__main__":
    main()
