"""Articles written as JSON: one object, a list of them, or one a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import BufferedReader
from typing import Any

from index.document import MAX_DOCUMENT_BYTES, UnreadableError

_MOST_EMPTY = 1_000_000  # lines, which unpacked from next to nothing would keep us busy
_FREE = 10_000_000  # bytes that may be unpacked of however small a file
_MAX_RATIO = 100  # beyond these, times its size: articles pack to a third or a fifth, a bomb to a thousandth


def read_lines(file: BufferedReader[Any], packed: BufferedReader) -> Iterator[tuple[str, bytes]]:
    """Where each line stands, and the line; `packed` is the file as it lies on the disk, or `file` itself.

    Raises UnreadableError if the file is empty, no text at all or a gzip bomb.
    """
    found, empty = False, 0
    if b"\0" in file.peek(1000):
        raise UnreadableError("is not UTF-8 text; save it as JSON lines in UTF-8")
    for number, line in enumerate(_bounded_lines(file, packed), 1):
        if line.strip():
            found = True
            yield f" line {number}", line
        elif (empty := empty + 1) == _MOST_EMPTY:
            raise UnreadableError(f"has {empty:,} empty lines; save it as one article a line")
    if not found:
        raise UnreadableError("is empty; there is nothing to read in it")


def _bounded_lines(file: BufferedReader[Any], packed: BufferedReader) -> Iterator[bytes]:
    """Each line; of one over the limit only so much that its length shows, so that memory stays bounded."""
    is_new = True
    for piece in _pieces(file, packed):
        if is_new:
            yield piece
        is_new = len(piece) <= MAX_DOCUMENT_BYTES or piece.endswith(b"\n")


def _pieces(file: BufferedReader[Any], packed: BufferedReader) -> Iterator[bytes]:
    """Lines, in pieces where they are too long. Raises UnreadableError once they are more than a file could hold."""
    read, allowed = 0, _FREE
    while piece := file.readline(MAX_DOCUMENT_BYTES + 1):
        read += len(piece)
        if read > allowed:  # telling is slow, and lines may be many
            allowed = _FREE + _MAX_RATIO * packed.tell()
            if read > allowed:
                raise UnreadableError("unpacks to far more than articles do; pack it again from the articles")
        yield piece


def read_items(file: BufferedReader[Any]) -> Iterator[tuple[str, object]]:
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


def read_whole(file: BufferedReader[Any]) -> bytes:
    """All that a file holds. Raises UnreadableError, before reading it, if that is more than one may."""
    size = os.fstat(file.fileno()).st_size
    data = file.read(MAX_DOCUMENT_BYTES + 1) if size <= MAX_DOCUMENT_BYTES else b""
    if max(size, len(data)) > MAX_DOCUMENT_BYTES:  # the second of a .gz
        raise UnreadableError(_too_large(max(size, len(data))))
    return data


def _too_large(size: int) -> str:
    return f"has {size:,} bytes or more, over the limit of {MAX_DOCUMENT_BYTES:,}; split it into smaller ones"
