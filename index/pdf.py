"""An article from a PDF, read in a process apart: PDFium is native code that trusts its input with memory and time.

A file of 2 kB can make it take 2 GB and half a minute, and a fault in it would end the whole program. In a process of
its own (this module, run) the worst is that one file is refused.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from index.document import Document, UnreadableError, one_line, people, tidy

_MAX_PAGES = 3_000
_MAX_MEMORY = 500_000_000  # bytes of address space, where the system can limit it
_LEAST_SECONDS = 5  # of computing; a page takes some milliseconds
_SECONDS_A_BYTE = 10 / 1_000_000
_PATIENCE = 10  # times that by the clock, where the machine is busy
_ROOT = Path(__file__).parent.parent


def read_pdf(data: bytes) -> Document:
    """The text of a PDF's pages, with its Title and Author. Raises UnreadableError if it has none or is broken.

    `published` stays empty: a PDF's dates are when the file was made, not when its article was published.
    """
    seconds = _LEAST_SECONDS + int(len(data) * _SECONDS_A_BYTE)
    command = [sys.executable, "-m", "index.pdf", str(seconds)]
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, cwd=_ROOT, timeout=seconds * _PATIENCE, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise UnreadableError(
            "makes the PDF reader crash, or take far too much memory or time; print it to a new PDF, or save its text"
        ) from error
    told = json.loads(done.stdout)
    if "refusal" in told:
        raise UnreadableError(told["refusal"])
    return Document(text=told["text"], title=one_line(told["title"]), authors=people(told["author"]))


# ── in the process apart ────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Read a PDF from standard input within limits, and write what it says, or why it says nothing, as JSON."""
    _limit(int(sys.argv[1]))
    try:
        told = read_in_process(sys.stdin.buffer.read())
    except UnreadableError as why:
        told = {"refusal": str(why)}
    sys.stdout.write(json.dumps(told))


def _limit(seconds: int) -> None:
    """Have the system end this process rather than let it take more; Windows cannot, and there the clock alone does."""
    if sys.platform != "win32":
        import resource

        with suppress(ValueError, OSError):  # macOS knows no limit of address space
            resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def read_in_process(data: bytes) -> dict[str, str]:
    """The `text`, `title` and `author` of a PDF, read here. Raises UnreadableError if it has none or is broken."""
    import pypdfium2  # type: ignore[import-untyped]

    try:
        with pypdfium2.PdfDocument(data) as pdf:
            if len(pdf) > _MAX_PAGES:
                raise UnreadableError(f"has {len(pdf):,} pages; split it into its articles")
            stated = pdf.get_metadata_dict()
            text = _joined([_page(pdf, number) for number in range(len(pdf))])
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise UnreadableError("is encrypted; save a copy of it without a password") from error
        raise UnreadableError("is a broken or incomplete PDF; fetch or export it again") from error
    if not text:
        raise UnreadableError("holds no text, only pictures of it; run text recognition (OCR) on it first")
    return {"text": text, "title": stated["Title"], "author": stated["Author"]}


def _page(pdf: Any, number: int) -> str:
    page = pdf[number]
    textpage = page.get_textpage()
    try:
        lines = textpage.get_text_bounded().split("\r\n")
        starts = [False, *_gaps(textpage)]
    finally:
        textpage.close()
        page.close()
    if len(starts) != len(lines):  # text outside the page, which is not in the lines
        starts = [False] * len(lines)
    return tidy(_rejoined("\n".join("\n" * start + line for start, line in zip(starts, lines, strict=True))))


def _gaps(textpage: Any) -> list[bool]:
    """For each line break of a page, whether the step down is so large that a paragraph starts after it."""
    from pypdfium2 import raw

    size = textpage.count_chars()
    ends = [index for index in range(size) if raw.FPDFText_GetUnicode(textpage, index) == ord("\n")]
    # PDFium writes "\r\n" between lines, so the last letter before it stands two places back
    steps = [_top(textpage, index - 2) - _top(textpage, index + 1) for index in ends if 2 <= index < size - 1]
    usual = sorted(step for step in steps if step > 0)[: len(steps) // 4 + 1]
    return [step > 1.4 * usual[-1] for step in steps] if usual else [False] * len(steps)


def _top(textpage: Any, index: int) -> float:
    return float(textpage.get_charbox(index, loose=True)[3])


def _rejoined(text: str) -> str:
    """Words that PDFium marks as broken at a line's end made whole; a capital or a digit keeps its hyphen."""
    whole = re.sub("(?<=[a-zà-ÿ])[\x02\ufffe](?=[a-zà-ÿ])", "", text)
    return re.sub("[\x02\ufffe]", "-", whole)


def _joined(pages: Sequence[str]) -> str:
    """Pages as one text; a sentence that runs over the page is not cut in two by a blank line."""
    text = ""
    for page in filter(None, pages):
        text += ("\n\n" if text.endswith((".", "!", "?", "”", '"', ":")) else "\n") + page
    return text.strip()


if __name__ == "__main__":
    main()
