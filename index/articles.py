"""Article, and reading one from each format."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import re
import reprlib
import stat
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from io import BufferedReader
from pathlib import Path

from index.document import Document, UnreadableError, from_fields
from index.formats import read_docx, read_email, read_markdown, read_text
from index.pdf import read_pdf
from index.records import parse, read_items, read_lines, read_whole
from index.webpage import read_html


@dataclass(frozen=True)
class Article:
    """A published text. What its document does not say about it stays empty, never guessed.

    `text` is what every offset in the product counts in (Unicode code points). `published` is an ISO 8601
    date or date-time, or "". `origin` says where it was read: a file's absolute path, with `#id` where the file
    holds many articles. `named` is whether the document itself gave the id, or it was made from the file's name.
    """

    id: str
    text: str
    title: str = ""
    source: str = ""
    authors: tuple[str, ...] = ()
    published: str = ""
    url: str = ""
    origin: str = ""
    named: bool = field(default=True, compare=False)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over everything a reader would see, so that an unchanged article can be skipped."""
        parts = (self.text, self.title, self.source, *self.authors, self.published, self.url)
        return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def day(self) -> int | None:
        """Publication day as yyyymmdd, the form that filters compare, or None where it is unknown."""
        try:
            day = date.fromisoformat(self.published[:10])
        except ValueError:
            return None
        return day.year * 10_000 + day.month * 100 + day.day


@dataclass(frozen=True)
class Rejected:
    """An input that could not be read, and a sentence that says why and what to do."""

    origin: str
    reason: str


Found = Iterator[tuple[Article | Rejected, int]]

# Formats whose files hold one article each, then those whose files hold many.
_ONE: dict[str, Callable[[bytes], Document]] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".eml": read_email,
}
_MANY = (".json", ".json.gz", ".jsonl", ".jsonl.gz")

SUFFIXES = (*_ONE, *_MANY)

_MOST_BROKEN = 10_000  # entries of one file


def find_files(paths: Sequence[Path]) -> Iterator[Path | Rejected]:
    """Yield each readable file once: files as given, those in folders (and theirs) sorted by name.

    In a folder, hidden entries, files of other kinds and a collection's README, LICENSE and CHANGELOG are passed
    over. A path that leads to no readable file gives a Rejected instead.
    """
    seen: set[tuple[int, int]] = set()
    for path in paths:
        try:
            yield from _walk(path, seen) if _is_folder(path) else _single(path, seen)
        except UnreadableError as why:
            yield _rejected(path, why)


def _single(path: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    if not _suffix(path):
        raise UnreadableError(f"is of a kind that cannot be read; give one of {', '.join(SUFFIXES)}")
    if _is_new(path, seen):
        yield path


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path | Rejected]:
    """The readable files under a folder. A stack, as folders can nest deeper than Python calls may."""
    empty = _is_new(folder, seen)  # one that was walked already holds something
    waiting = _entries(folder) if empty else []
    while waiting:
        path = waiting.pop()
        try:
            if not _is_folder(path):
                empty = False
                if _is_new(path, seen):
                    yield path
            elif _is_new(path, seen):
                waiting.extend(_entries(path))
        except UnreadableError as why:
            empty = False
            yield _rejected(path, why)
    if empty:
        raise UnreadableError(f"is a folder with nothing to read; put files in it ending in {', '.join(SUFFIXES)}")


def _entries(folder: Path) -> list[Path]:
    """What to read in a folder, the last by name first. Raises UnreadableError if it may not be listed."""
    try:
        return sorted(filter(_is_wanted, folder.iterdir()), reverse=True)
    except OSError as error:
        raise UnreadableError(_refusal(error)) from error


_ABOUT_THE_FOLDER = re.compile(r"(README|LICENSE|CHANGELOG)|(readme|license|changelog)\.[a-z]+$")


def _is_wanted(path: Path) -> bool:
    """Whether a folder's entry is a folder or a file to read, or cannot be told: then reading it says why."""
    if path.name.startswith(".") or _ABOUT_THE_FOLDER.match(path.name):
        return False
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return error.errno != errno.ELOOP and bool(_suffix(path))
    return stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and bool(_suffix(path)))


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(_status(path).st_mode)


def _is_new(path: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether the file or folder was not met before, by whatever name or link; if so, it now has been."""
    status = _status(path)
    met = (status.st_dev, status.st_ino) in seen
    seen.add((status.st_dev, status.st_ino))
    return not met


def _status(path: Path) -> os.stat_result:
    """Raises UnreadableError with the reason where the system says no."""
    try:
        return path.stat()
    except (OSError, ValueError) as error:
        raise UnreadableError(_refusal(error)) from error


def _refusal(error: Exception) -> str:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return "is not there; check the path"
        case PermissionError():
            return "may not be opened by you; give yourself permission to read it"
        case OSError():
            return f"could not be read ({error.strerror or error}); check the file and its disk"
        case _:
            return "is no path that a file can have; check it for odd characters"


def _suffix(path: Path) -> str:
    """The known suffix that the name ends in, or ""."""
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")


def _rejected(path: Path, why: Exception, where: str = "") -> Rejected:
    reason = str(why) if isinstance(why, UnreadableError) else _refusal(why)
    # A name may hold what would steer the terminal that the sentence is shown on.
    name = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in path.name or str(path))
    return Rejected(_origin(path), f"{name}{where} {reason}.")


def _origin(path: Path) -> str:
    """The absolute path as text that any database can hold, though a file's name need not be Unicode."""
    return str(path.absolute()).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read_file(path: Path) -> Found:
    """Yield each article in a file, or why it cannot be read, with the bytes of the file consumed so far.

    Raises nothing for anything that a file may hold or the system may refuse.
    """
    suffix = _suffix(path)
    try:
        if suffix in _ONE:
            yield _one_article(path, _ONE[suffix]), _size(path)
        elif suffix:
            yield from _many_articles(path, gzipped=suffix.endswith(".gz"), in_lines="jsonl" in suffix)
        else:
            raise UnreadableError(f"is of a kind that cannot be read; give one of {', '.join(SUFFIXES)}")
    except (UnreadableError, OSError) as why:
        yield _rejected(path, why), _size(path)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _one_article(path: Path, read: Callable[[bytes], Document]) -> Article:
    with _open(path) as file:
        return _article(read(read_whole(file)), path)


def _article(document: Document, path: Path, origin: str = "") -> Article:
    return Article(
        id=document.id or _slug(path),
        text=document.text,
        title=document.title,
        source=document.source,
        authors=document.authors,
        published=document.published,
        url=document.url,
        origin=origin or _origin(path),
        named=bool(document.id),
    )


def _slug(path: Path) -> str:
    """The file's name without its suffix, with "-" for all but letters, digits, ".", "_" and "-"."""
    stem = path.name[: -len(_suffix(path))]
    return re.sub(r"[^\w.-]", "-", unicodedata.normalize("NFC", stem)) or "article"


def _open(path: Path) -> BufferedReader:
    """The file, opened. Raises UnreadableError for what is none, before opening it could wait for ever."""
    mode = _status(path).st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not a file"
        raise UnreadableError(f"is {kind}; give the file itself")
    return path.open("rb")


def _many_articles(path: Path, gzipped: bool, in_lines: bool) -> Found:
    first: dict[str, tuple[str, str]] = {}
    where, broken = " its start", 0
    with _open(path) as file:
        unpacked = BufferedReader(gzip.GzipFile(fileobj=file)) if gzipped else file
        try:
            for where, entry in read_lines(unpacked, file) if in_lines else read_items(unpacked):
                item = _item(entry, path, where, first)
                if item:
                    yield item, file.tell()
                broken += isinstance(item, Rejected)
                if broken == _MOST_BROKEN:  # each is kept to be told, and a file may hold millions
                    raise UnreadableError(f"has {broken:,} such entries up to{where}; mend it, the rest was not read")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UnreadableError(f"is broken after{where}; what comes before is kept, fetch it again") from error


def _item(entry: object, path: Path, where: str, first: dict[str, tuple[str, str]]) -> Article | Rejected | None:
    """The article in an entry, why there is none, or None for one that the file gave before, to the letter."""
    try:
        fields = parse(entry) if isinstance(entry, bytes) else entry
        article = _recorded(fields, path, is_alone=not where)
        place, content = first.setdefault(article.id, (where, article.content_hash))
        if content != article.content_hash:
            raise UnreadableError(f"has the id of{place}, {reprlib.repr(article.id)}; give it one of its own")
    except UnreadableError as why:
        return _rejected(path, why, where)
    return article if place == where else None


def _recorded(fields: object, path: Path, is_alone: bool) -> Article:
    if not isinstance(fields, dict):
        raise UnreadableError('is no JSON object; write {"id": …, "text": …}')
    document = from_fields(fields)
    if not document.id and not is_alone:
        raise UnreadableError('has no "id"; give every article one of its own')
    return _article(document, path, f"{_origin(path)}#{document.id}" if document.id else "")
