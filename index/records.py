"""Articles written as JSON: one object, a list of them, or one a line."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from io import BufferedReader

from index.document import MAX_DOCUMENT_BYTES, UnreadableError

Stream = BufferedReader | gzip.GzipFile

_MAX_SKIPPED = 20  # times the limit: what is longer is no line but a gzip bomb


def read_lines(file: Stream) -> Iterator[tuple[str, bytes]]:
    """Where each line stands, and the line. Raises UnreadableError if the file is empty or no text at all."""
    found = False
    if b"\0" in file.peek(1000):
        raise UnreadableError("is not UTF-8 text; save it as JSON lines in UTF-8")
    for number, line in enumerate(_bounded_lines(file), 1):
        if line.strip():
            found = True
            yield f" line {number}", line
    if not found:
        raise UnreadableError("is empty; there is nothing to read in it")


def _bounded_lines(file: Stream) -> Iterator[bytes]:
    """Each line; of one over the limit only so much that its length shows, so that memory stays bounded."""
    while line := file.readline(MAX_DOCUMENT_BYTES + 1):
        yield line
        skipped = 0
        while len(line) > MAX_DOCUMENT_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_DOCUMENT_BYTES + 1)
            skipped += 1
            if skipped > _MAX_SKIPPED:
                raise UnreadableError("has a line without an end; save it as one article a line")


def read_items(file: Stream) -> Iterator[tuple[str, object]]:
    """Where each article of a JSON file stands, and its fields: one object, or a list of them."""
    data = read_whole(file)
    loaded = parse(data) if data.strip() else []
    if not isinstance(loaded, list):
        yield "", loaded
    elif not loaded:
        raise UnreadableError("is empty; there is nothing to read in it")
    else:
        yield from ((f" item {number}", fields) for number, fields in enumerate(loaded, 1))


def parse(data: bytes) -> object:
    """What a piece of JSON says. Raises UnreadableError with the place where it stops being JSON."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise UnreadableError(_too_large(len(data)))
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_no_constant)
    except RecursionError as error:
        raise UnreadableError("nests its JSON too deeply; write one flat object an article") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 at byte {error.start + 1}; save it as UTF-8") from error
    except json.JSONDecodeError as error:
        raise UnreadableError(f"is not JSON (at character {error.pos + 1}: {error.msg}); mend or remove it") from error
    except ValueError as error:  # a constant that is no JSON, or a number of thousands of digits
        raise UnreadableError(f"holds a number that cannot be read ({error}); remove it") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def read_whole(file: Stream) -> bytes:
    """All that a file holds. Raises UnreadableError, before reading it, if that is more than one may."""
    size = os.fstat(file.fileno()).st_size
    data = file.read(MAX_DOCUMENT_BYTES + 1) if size <= MAX_DOCUMENT_BYTES else b""
    if max(size, len(data)) > MAX_DOCUMENT_BYTES:  # the second of a .gz
        raise UnreadableError(_too_large(max(size, len(data))))
    return data


def _too_large(size: int) -> str:
    return f"has {size:,} bytes or more, over the limit of {MAX_DOCUMENT_BYTES:,}; split it into smaller ones"
