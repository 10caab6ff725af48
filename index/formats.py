"""One small function a format: the bytes of a file → what it says. Web pages and PDFs have modules of their own."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from email.errors import MessageError
from email.message import Message
from typing import Any

from index.document import (
    Document,
    UnreadableError,
    decode,
    from_fields,
    iso_date,
    one_line,
    people,
    tidy,
    trusted,
)
from index.webpage import read_html


def read_text(data: bytes) -> Document:
    """Plain text, with front matter where it has any. Raises UnreadableError for what is not text."""
    fields, text = _front_matter(tidy(decode(data)))
    return from_fields({**fields, "text": text})


def read_markdown(data: bytes) -> Document:
    """Markdown without its marks, as a reader sees it. Raises UnreadableError for what is not text."""
    fields, text = _front_matter(tidy(decode(data)))
    return from_fields({**fields, "text": _unmarked(text)})


_FRONT_MATTER = re.compile(r"---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_NAMES = {  # how front matter names each field
    "id": ("id",),
    "title": ("title",),
    "source": ("source", "outlet", "publisher"),
    "authors": ("authors", "author"),
    "published": ("published", "date"),
    "url": ("url",),
}


def _front_matter(text: str) -> tuple[dict[str, object], str]:
    """The fields between --- lines at the top, and the text below. Raises UnreadableError for broken YAML."""
    found = _FRONT_MATTER.match(text)
    fields = _known_fields(found[1]) if found else {}
    # A text may open with a ruled line of its own: without a known field it is no front matter.
    return (fields, text[found.end() :].strip()) if found and fields else ({}, text)


def _known_fields(block: str) -> dict[str, object]:
    import yaml

    try:
        # The base loader knows only strings, lists and mappings: no date is re-read, no "no" becomes False.
        loaded = yaml.load(block, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        problem = getattr(error, "problem", None) or "it is nested too deeply"
        raise UnreadableError(f"has front matter that is no YAML ({problem}); put its values in quotes") from error
    if not isinstance(loaded, dict):
        return {}
    given = {str(key).lower(): value for key, value in loaded.items()}
    return {name: given[key] for name, keys in _NAMES.items() for key in reversed(keys) if key in given}


_MARKS = [  # each takes away marks of Markdown, never words; images go whole, as they cannot be quoted
    (r"^[ ]{0,3}(?:>[ ]?)+", ""),
    (r"^[ ]{0,3}#{1,6}[ \t]+", ""),
    (r"!\[[^\[\]\n]*\]\([^()\s]*(?:[ \t]+\"[^\"\n]*\")?\)", ""),
    (r"\[([^\[\]\n]+)\]\([^()\s]*(?:[ \t]+\"[^\"\n]*\")?\)", r"\1"),
    (r"(?<![\\*\w])(\*{1,3})(?=\S)([^*\n]+)(?<=[^\s\\])\1(?![*\w])", r"\2"),
    (r"(?<![\\_\w])(_{1,3})(?=\S)([^_\n]+)(?<=[^\s\\])\1(?![_\w])", r"\2"),
    (r"\\([\\`*_{}\[\]()#+.!>-])", r"\1"),
]
_UNMARK = [(re.compile(pattern, re.MULTILINE), plain) for pattern, plain in _MARKS]


def _unmarked(text: str) -> str:
    for pattern, plain in _UNMARK:
        text = pattern.sub(plain, text)
    return text.strip()


_MAX_PARTS = 10_000
_MAX_UNPACKED = 100_000_000
_MAX_MARKUP = 20_000_000  # some millions of words; lxml takes thirty times that in memory
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DELETED = {
    f"{_WORD}del",
    f"{_WORD}moveFrom",
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",  # the same text again
}
_PLAIN = {f"{_WORD}tab": "\t", f"{_WORD}br": "\n", f"{_WORD}cr": "\n", f"{_WORD}noBreakHyphen": "-"}


def read_docx(data: bytes) -> Document:
    """The text of a Word document, tables and insertions included, with its title, authors and publisher.

    `published` stays empty: a file's dates are when it was made, not when its article was published. Headers,
    footnotes and comments are not read. Raises UnreadableError if it is broken, a zip bomb, or has no text.
    """
    content, stated = _word_parts(data)
    text = tidy("".join(_word_text(content)))
    if not text:
        raise UnreadableError("holds no text; if it holds pictures of text, run text recognition (OCR) first")
    return Document(text=text, **stated)


def _word_parts(data: bytes) -> tuple[Any, dict[str, Any]]:
    """The XML of the content, and the properties. Raises UnreadableError if either is broken."""
    import docx
    from lxml import etree  # type: ignore[import-untyped]

    try:
        _check_zip(data)
        document = docx.Document(io.BytesIO(data))
        return document.element, _properties(document)
    except (zipfile.BadZipFile, zlib.error, etree.LxmlError, KeyError, ValueError) as error:
        raise UnreadableError("is not a whole Word document; open it in Word and save it as .docx") from error
    except (AttributeError, TypeError, RuntimeError) as error:
        # python-docx raises these for packages whose parts are XML, but not the XML they should be.
        raise UnreadableError("is not built as a Word document; open it in Word and save it as .docx") from error


def _check_zip(data: bytes) -> None:
    """Raises UnreadableError for a zip bomb; zipfile gives no more bytes of a part than are declared here."""
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        sizes = {part.filename: part.file_size for part in parts.infolist()}
    markup = sum(size for name, size in sizes.items() if not re.search("/(media|embeddings)/", name))
    if sum(sizes.values()) > _MAX_UNPACKED or markup > _MAX_MARKUP or len(sizes) > _MAX_PARTS:
        raise UnreadableError(f"unpacks to {sum(sizes.values()):,} bytes; split it into smaller documents")


def _word_text(content: Any) -> Iterator[str]:
    from lxml import etree

    walk = etree.iterwalk(content, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            if element.tag == f"{_WORD}p":
                yield "\n\n"
        elif element.tag in _DELETED:
            walk.skip_subtree()
        elif element.tag == f"{_WORD}t":
            yield element.text or ""
        else:
            yield _PLAIN.get(element.tag, "")


def _properties(document: Any) -> dict[str, Any]:
    """Title, authors and outlet; python-docx would make up a title and an author for a file that has none."""
    from docx.opc.constants import RELATIONSHIP_TYPE

    kinds = {relation.reltype for relation in document.part.package.rels.values()}
    if RELATIONSHIP_TYPE.CORE_PROPERTIES not in kinds:
        return {}
    core = document.core_properties
    publisher = core._element.findtext("{http://purl.org/dc/elements/1.1/}publisher") or ""
    return {"title": one_line(core.title), "authors": people(core.author), "source": one_line(publisher)}


def read_email(data: bytes) -> Document:
    """The text of an e-mail, its subject, sender's name and date. Raises UnreadableError if it has no text."""
    import email

    if data.count(b"\n--") > _MAX_PARTS:
        raise UnreadableError("has too many parts for one e-mail; save the text of it")
    try:
        return _message(email.message_from_bytes(data))
    except RecursionError as error:
        raise UnreadableError("nests its parts or headers too deeply; save the text of it") from error


def _message(message: Message) -> Document:
    if not message.keys():
        raise UnreadableError("is not an e-mail: it has no headers; save the message itself as .eml")
    return Document(
        text=_body([part for part in message.walk() if _is_text(part)]),
        title=_decoded(_header(message, "subject")),
        authors=_sender(message),
        published=_sent(message),
    )


def _is_text(part: Message) -> bool:
    return part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment"


def _body(parts: Sequence[Message]) -> str:
    """The plain text of a message, else the text of its web page."""
    plain = [_content(part) for part in parts if part.get_content_subtype() == "plain"]
    pages = [part for part in parts if part.get_content_subtype() == "html"]
    text = "\n\n".join(filter(None, (tidy(decode(data, charset)) for data, charset in plain if data.strip())))
    if text:
        return text
    if pages:
        return read_html(*_content(pages[0])).text
    raise UnreadableError("is an e-mail without text; save its attachment and read that")


def _content(part: Message) -> tuple[bytes, str]:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b"", part.get_content_charset("")


def _header(message: Message, name: str) -> str:
    """A header as it was sent. Long ones are cut, as Python's parsers are quadratic in them."""
    sent = next((value for key, value in message.raw_items() if key.lower() == name), "")
    raw = str(sent)[:2000].encode("ascii", "surrogateescape")
    return decode(raw) if raw.strip() else ""


def _decoded(header: str) -> str:
    """A header with its encoded words as text, or "" where that fails."""
    from email.header import decode_header

    try:
        return one_line("".join(_chunk(*chunk) for chunk in decode_header(header)))
    except (ValueError, MessageError):
        return ""


def _chunk(content: bytes | str, charset: str | None) -> str:
    if isinstance(content, str):
        return content
    if charset is None or not content.strip():
        return content.decode("raw-unicode-escape")  # how decode_header passes on what was not encoded
    return content.decode(trusted(charset) or "utf-8")


def _sender(message: Message) -> tuple[str, ...]:
    from email.utils import parseaddr

    name = _decoded(parseaddr(_header(message, "from"))[0])
    return (name,) if name else ()


def _sent(message: Message) -> str:
    from email.utils import parsedate_to_datetime

    try:
        return iso_date(parsedate_to_datetime(_header(message, "date")).isoformat())
    except (ValueError, TypeError, OverflowError, IndexError):
        return ""
