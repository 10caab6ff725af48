"""Damaged files, and files made to bring a reader down: each is read or refused, soon and in little memory."""

from __future__ import annotations

import gzip
import io
import json
import resource
import zipfile
import zlib
from pathlib import Path
from time import process_time

import pytest

from assistant.evaluation.questions import read_questions
from index.articles import Article, Rejected, read_file
from index.errors import SaidsoError
from tests.benchmarks import fuzz
from tests.test_articles import with_part, word

EACH = 25  # inputs; `python -m tests.benchmarks.fuzz` takes as many as one has time for
SEED = 7


@pytest.mark.parametrize("name", fuzz.targets())
def test_damaged_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    target = fuzz.targets()[name]
    path = tmp_path / target.file
    for number in range(EACH):
        path.write_bytes(fuzz.made(target, SEED, number))
        began = process_time()
        try:
            target.read(path)
        except SaidsoError as error:
            assert str(error)
        assert process_time() - began < fuzz.SECONDS, f"input {number}"


def test_the_benchmark_reads_in_a_child() -> None:
    found = fuzz.run(".txt", 5, SEED)
    assert (found.inputs, found.failures) == (5, {})


# ── bombs ───────────────────────────────────────────────────────────────────────────────────────────────────


def pdf(stream: bytes, filters: str) -> bytes:
    """A PDF of one page with this content."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << >> >>",
        f"<< /Length {len(stream)} /Filter {filters} >>\nstream\n".encode() + stream + b"\nendstream",
    ]
    data, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for number, content in enumerate(objects, 1):
        table += f"{len(data):010} 00000 n \n".encode()
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    return data + b"xref\n0 5\n%strailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (table, len(data))


def packed(piece: bytes, times: int) -> bytes:
    """A zlib stream of a piece many times over, packed once."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\xda" + block * times + b"\x03\x00"  # without its check sum, which PDFium does not look for


def zipped(name: str, piece: bytes, times: int) -> bytes:
    buffer = io.BytesIO(word("Text."))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as into, into.open(name, "w") as part:
        for _ in range(times):
            part.write(piece)
    return buffer.getvalue()


MEGABYTE = b" " * 2**20
ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
LAUGHS = f'<!DOCTYPE d [<!ENTITY a0 "ha">{ENTITIES}]>'
ALIASES = "\n".join(["a0: &a0 [ha, ha]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12))])
BOMBS = {
    "packed.pdf": lambda: pdf(packed(MEGABYTE, 700), "/FlateDecode"),
    "packed twice.pdf": lambda: pdf(zlib.compress(packed(MEGABYTE, 700)), "[/FlateDecode /FlateDecode]"),
    "one line.jsonl.gz": lambda: gzip.compress(MEGABYTE) * 1200,
    "empty lines.jsonl.gz": lambda: gzip.compress(b"\n" * 2**20) * 100,
    "many lines.jsonl.gz": lambda: gzip.compress(b'{"id": 1, "text": "%s"}\n' % (b"a" * 2**20)) * 100,
    "x.json.gz": lambda: gzip.compress(MEGABYTE) * 1000,
    "markup.docx": lambda: zipped("word/footer9.xml", MEGABYTE, 25),
    "picture.docx": lambda: zipped("word/media/x.png", MEGABYTE, 100),
    "laughs.docx": lambda: with_part(
        with_part(word("Text."), "word/document.xml", "Text.", "&a11;"),
        "word/document.xml", "<w:document ", f"{LAUGHS}<w:document ",
    ),
    "laughs in the properties.docx": lambda: with_part(
        with_part(word("Text.", title="Title"), "docProps/core.xml", "Title", "&a11;"),
        "docProps/core.xml", "<cp:coreProperties ", f"{LAUGHS}<cp:coreProperties ",
    ),
    "laughs.md": lambda: f"---\n{ALIASES}\ntitle: *a11\n---\nText.".encode(),
    "laughing authors.txt": lambda: f"---\n{ALIASES}\nauthors: *a11\n---\nText.".encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BOMBS[name]())
    began, before = process_time(), _peak()
    item = [item for item, _ in read_file(path)][-1]
    assert isinstance(item, Rejected), item
    assert item.reason.startswith(name) and item.reason.endswith(".")
    assert process_time() - began < 5 and _peak() - before < 500_000_000


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_entities_of_a_page_are_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    text = "The minister said on Tuesday that the café would close, whatever happened next week. " * 3
    path.write_text(f"{LAUGHS}<html><body><article><p>{text} &a11;</p></article></body></html>")
    ((item, _),) = read_file(path)
    assert isinstance(item, Article) and len(item.text) < 400


def test_a_packed_collection_is_no_bomb(tmp_path: Path) -> None:
    text = "The same words over and over again, which nobody would print. " * 20
    lines = "".join(json.dumps({"id": n, "text": f"{n} {text}"}) + "\n" for n in range(15_000))
    assert len(lines) > 15_000_000
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(lines.encode(), 1))
    assert all(isinstance(item, Article) for item, _ in read_file(path))


def test_a_file_of_broken_lines_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"id": "1", "text": "T"}\n' + b"x\n" * 1_000_000)
    items = [item for item, _ in read_file(path)]
    assert isinstance(items[0], Article) and len(items) == 10_002
    assert isinstance(items[-1], Rejected)
    assert items[-1].reason == "x.jsonl has 10,000 such entries up to line 10001; mend it, the rest was not read."


def test_a_packed_question_set_is_no_bomb_either(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(MEGABYTE) * 200)
    with pytest.raises(SaidsoError, match=r"x.jsonl.gz holds more than \d+ MB; give it in parts"):
        read_questions(path)


def test_a_page_of_a_pdf_may_be_long(tmp_path: Path) -> None:
    sound = tmp_path / "x.pdf"
    sound.write_bytes(fuzz.printed(["The minister said on Tuesday that the hall would close."] * 500))
    ((item, _),) = read_file(sound)
    assert isinstance(item, Article) and item.text.count("the hall") == 500
