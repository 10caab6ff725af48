"""What one document says about itself, and turning its bytes, dates and fields into clean strings."""

from __future__ import annotations

import codecs
import re
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

MAX_DOCUMENT_BYTES = 50_000_000


class UnreadableError(Exception):
    """A document that gives no article. `str(error)` is the rest of a sentence that starts with its name."""


@dataclass(frozen=True)
class Document:
    """The text and the metadata that a document gives. What it does not say stays empty."""

    text: str
    id: str = ""
    title: str = ""
    source: str = ""
    authors: tuple[str, ...] = ()
    published: str = ""
    url: str = ""


def from_fields(fields: Mapping[str, object]) -> Document:
    """The document in a JSON object or in front matter. Raises UnreadableError, naming a wrong field."""
    document = Document(
        text=_string(fields, "text"),
        id=_identifier(fields),
        title=_string(fields, "title").strip(),
        source=_string(fields, "source").strip(),
        authors=_authors(fields),
        published=_published(fields),
        url=_string(fields, "url").strip(),
    )
    if not document.text.strip():
        raise UnreadableError("has no text; put the article's words there, or leave it out")
    return document


def _string(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(name, value, "text; write one string in quotes")
    return _storable(name, value)


def _storable(name: str, value: str) -> str:
    """The value itself, unless no database could hold it."""
    if "\0" in value or _SURROGATE.search(value):
        raise _wrong(name, value, "storable: it holds a NUL or half a surrogate pair; remove that character")
    return value


def _identifier(fields: Mapping[str, object]) -> str:
    value = fields.get("id")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    name = _string(fields, "id")
    return name if name.strip() else ""


def _authors(fields: Mapping[str, object]) -> tuple[str, ...]:
    value = fields.get("authors")
    names = [name for name in (value if isinstance(value, list) else [value]) if name is not None]
    if not all(isinstance(name, str) for name in names):
        raise _wrong("authors", value, "a name or a list of names; write strings in quotes")
    return tuple(_storable("authors", name.strip()) for name in map(str, names) if name.strip())


def _published(fields: Mapping[str, object]) -> str:
    written = _string(fields, "published")
    try:
        return iso_date(written) if written.strip() else ""
    except ValueError as error:
        raise _wrong("published", written, "an ISO 8601 date; write it as 2024-05-31") from error


def _wrong(name: str, value: object, wanted: str) -> UnreadableError:
    return UnreadableError(f'has "{name}": {reprlib.repr(value)}, which is not {wanted}')


def iso_date(written: str) -> str:
    """An ISO 8601 date or date-time in the one form Python reads back. Raises ValueError otherwise."""
    # "2024-05-31 10:00:00 +0200" is how static site generators write dates; the space is not ISO.
    compact = re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", written.strip())
    try:
        return date.fromisoformat(compact).isoformat()
    except ValueError:
        return datetime.fromisoformat(compact).isoformat()


_SURROGATE = re.compile("[\ud800-\udfff]")
_NEWLINE = re.compile("\r\n|[\r\v\f]")
# C0 controls but tab and newline, DEL, and what may not stand in Unicode text at all.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def tidy(text: str) -> str:
    """The text with `\\n` for every newline, without control characters and without space around it."""
    return _UNWANTED.sub("", _NEWLINE.sub("\n", text)).strip()


def one_line(text: str) -> str:
    """A title or a name: tidy, with every run of white space as one space."""
    return " ".join(tidy(text).split())


def people(names: str) -> tuple[str, ...]:
    """The authors that a file's properties name; office programs write several with semicolons between them."""
    return tuple(filter(None, map(one_line, names.split(";"))))


_SAMPLE = 1_000_000  # enough to tell an encoding by
_ASCII = [chr(code) for code in range(128)]
_MARKS = {  # UTF-32 first: its little-endian mark starts with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_BINARY = (b"\x89PNG", b"\x7fELF", b"%PDF-", b"PK\x03\x04", b"\x1f\x8b", b"GIF8", b"\xff\xd8\xff", b"{\\rtf")


def decode(data: bytes, declared: str = "") -> str:
    """The text in some bytes: by byte order mark, declared encoding, UTF-8, or detection, in that order.

    Raises UnreadableError where the bytes are not text or no encoding fits.
    """
    if not data.strip():
        raise UnreadableError("is empty; there is nothing to read in it")
    if data.startswith(_BINARY):
        raise UnreadableError("is not text, whatever its name says; give it the suffix of what it is")
    for encoding, errors in _encodings(data, declared):
        try:
            return _checked(data.decode(encoding, errors))
        except UnicodeError:
            continue
    raise UnreadableError("is in an encoding that could not be recognised; save it as UTF-8")


def _checked(text: str) -> str:
    """Raises UnreadableError where so much is control characters that the bytes were never text."""
    sample = text[:_SAMPLE]
    controls = sum(sample.count(chr(code)) for code in (*range(9), *range(14, 32), *range(127, 160)))
    if "\0" in text or controls * 20 > len(sample):
        raise UnreadableError("holds binary data, not text; give it the suffix of what it is")
    return text


def _encodings(data: bytes, declared: str) -> Iterator[tuple[str, str]]:
    """Encodings to try and how to take errors, the surest first; the slow detection runs only if reached."""
    mark = next((mark for mark in _MARKS if data.startswith(mark)), None)
    if mark:
        yield _MARKS[mark], "strict"
    elif b"\0" in data:
        yield _utf16_without_mark(data), "strict"
    else:
        yield trusted(declared) or "utf-8", "strict"
        yield "utf-8", "replace" if _is_damaged_utf8(data) else "strict"
        yield "cp1252" if _is_western(data) else _detected(data), "strict"


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether most of what is not ASCII is UTF-8, which no other encoding looks like by chance."""
    text = data[:_SAMPLE].decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return len(text) - damaged - sum(map(text.count, _ASCII)) > damaged


def _utf16_without_mark(data: bytes) -> str:
    """UTF-16 of Latin letters has a NUL for every second byte, always on the same side."""
    even, odd = data[:4096:2].count(0), data[1:4096:2].count(0)
    if (even and odd) or 3 * (even + odd) < len(data[:4096:2]):
        raise UnreadableError("holds binary data, not text; give it the suffix of what it is")
    return "utf-16-le" if odd else "utf-16-be"


# Python codecs that are no character set of the web, some of them quadratic in time; and those that a
# document whose declaration could be read as ASCII cannot be in.
_NEVER_DECLARED = re.compile(r"idna|punycode|unicode|raw|undefined|utf-?(7|16|32)|mbcs|oem", re.IGNORECASE)
_MEANS_CP1252 = {"ascii", "iso8859-1"}  # as every browser reads them


def trusted(declared: str) -> str:
    """A declared encoding by Python's name, or "" if there is none by that name that a document may be in."""
    try:
        name = codecs.lookup(declared).name if declared else ""
        b"".decode(name or "utf-8")
    except (LookupError, ValueError):
        return ""
    if _NEVER_DECLARED.match(name):
        return ""
    return "cp1252" if name in _MEANS_CP1252 else name


_WESTERN_LETTERS = "àâäáãåæçèéêëîïíìñôöóòõøœùûüúÿ"
_WESTERN = frozenset(_WESTERN_LETTERS + _WESTERN_LETTERS.upper() + "ß“”‘’„–—…•«»‹›°€£§©®·¡¿ª\u00a0")


def _is_western(data: bytes) -> bool:
    """Whether this is Windows-1252 beyond doubt, which detection misses in short texts.

    The letters that its look-alikes (Polish, Czech, Turkish, Hungarian) would show are not in the set, and
    in Cyrillic, Greek or Asian text far more than a quarter of the bytes are above ASCII.
    """
    try:
        high = [character for character in data[:_SAMPLE].decode("cp1252") if character > "\x7f"]
    except UnicodeDecodeError:
        return False
    return 4 * len(high) < len(data[:_SAMPLE]) and _WESTERN.issuperset(high) and not {"õ", "û"} <= set(high)


def _detected(data: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        raise UnreadableError("is in an encoding that could not be recognised; save it as UTF-8")
    return best.encoding
