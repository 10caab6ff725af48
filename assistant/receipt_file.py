"""A receipt's file: JSON, or a page that people read and that holds the same JSON; writing and reading either."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assistant.receipt import FORMAT, Receipt
from assistant.scope import scope
from index.errors import SaidsoError
from index.filters import Filters
from index.version import saidso_version

LARGEST = 20 * 2**20  # bytes
_HELD = re.compile(r'<script type="application/json" id="saidso-receipt">(.*?)</script>', re.DOTALL)
_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1.2rem; font: 1.0625rem/1.55 Charter, Georgia, serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 0.4rem; }
p { margin: 0.4rem 0; }
blockquote { margin: 0 0 1rem; padding-left: 0.9rem; border-left: 3px solid #8f1d1d; white-space: pre-wrap; }
.head, .place, dt { font-family: system-ui, sans-serif; font-size: 0.9375rem; opacity: 0.8; }
.place { display: block; }
.answer { white-space: pre-wrap; }
dt { margin-top: 0.6rem; }
dd { margin: 0; }
code { font-size: 0.9em; }
"""  # noqa: E501


def write_receipt(receipt: Receipt, path: Path) -> None:
    """Write a receipt as its file's name says, .html or .json, whole or not at all. Raises SaidsoError."""
    part = path.with_name(f"{path.name}.part")
    data = encoded(receipt, kind_of(path))
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise SaidsoError(f"The receipt {path} cannot be written ({error.strerror}); choose another place.") from error


def kind_of(path: Path) -> str:
    """Return "html" or "json", by the file's name. Raises SaidsoError for any other."""
    kind = {".html": "html", ".htm": "html", ".json": "json"}.get(path.suffix.lower())
    if kind is None:
        raise SaidsoError(f"A receipt's name ends in .html or .json; {path.name!r} does not.")
    return kind


def encoded(receipt: Receipt, kind: str) -> bytes:
    """Return the bytes of a receipt's file, which depend on the receipt alone; `kind` is "html" or "json"."""
    text = _page(receipt) if kind == "html" else f"{json.dumps(receipt.as_json(), indent=1)}\n"
    return text.encode("utf-8", "replace")


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────


class _Part(BaseModel):
    """A part of a receipt: further fields may be there, these must be."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Citation(_Part):
    marker: int
    article_id: str
    title: str
    source: str
    published: str
    quote: str = Field(min_length=1)
    start: int = Field(ge=0)
    end: int


class _Answer(_Part):
    question: str
    standalone_question: str
    answer: str
    short_answer: str | None
    abstained: bool
    confidence: float
    citations: list[_Citation]
    closest: list[_Citation]
    filters: dict[str, str | list[str]]
    undated_left_out: int


class _Facts(_Part):
    title: str
    source: str
    published: str
    url: str
    characters: int
    text_sha256: str


class _Index(_Part):
    articles: int


class _Held(_Part):
    created: str
    saidso: str
    models: dict[str, str]
    settings: dict[str, float | str | None]
    index: _Index
    answer: _Answer
    articles: dict[str, _Facts]
    sha256: str

    @model_validator(mode="after")
    def _hangs_together(self) -> _Held:
        for citation in (*self.answer.citations, *self.answer.closest):
            if citation.article_id not in self.articles or citation.start >= citation.end:
                raise ValueError(f"the place of quote [{citation.marker}] is none")
        Filters.from_json(self.answer.filters)
        return self


def read_receipt(path: Path) -> tuple[Receipt, str | None]:
    """Return the receipt that a file holds, and a sentence that says so where the file was altered.

    Raises SaidsoError where it cannot be read or holds no receipt.
    """
    data = _bytes(path)
    held = _held(path, data)
    if not isinstance(held, dict) or "receipt" not in held:
        raise SaidsoError(f"{path} is no receipt of Saidso; `saidso ask QUESTION --receipt FILE` writes one.")
    if held["receipt"] != FORMAT:
        raise SaidsoError(f"{path} is a receipt of format {held['receipt']!r:.20}; this Saidso reads format {FORMAT}.")
    try:
        _Held.model_validate(held)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "receipt"
        raise SaidsoError(
            f"{path} is no whole receipt: in {where:.80}, {fault['msg'].lower():.200}; get it again where it was made."
        ) from error
    receipt = Receipt({name: value for name, value in held.items() if name != "sha256"})
    return receipt, _alteration(receipt, held["sha256"], data)


def _alteration(receipt: Receipt, sha256: str, data: bytes) -> str | None:
    if receipt.sha256 != sha256:
        return "The receipt was altered after it was written: its content does not have the hash that it names."
    is_ours = receipt.content["saidso"] == saidso_version()  # another version's page may look otherwise
    if is_ours and not _is_json(data) and data != encoded(receipt, "html"):
        return "The receipt was altered after it was written: its page does not show what it holds."
    return None


def _is_json(data: bytes) -> bool:
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise SaidsoError(f"The receipt {path} cannot be read ({error.strerror or error}).") from error
    if len(data) > LARGEST:
        raise SaidsoError(f"{path} has more than {LARGEST // 2**20} MB; no receipt is that long.")
    return data


def _held(path: Path, data: bytes) -> object:
    """Return the JSON of a file, or that which a page holds."""
    try:
        text = data.decode("utf-8-sig")
        inside = None if _is_json(data) else _HELD.search(text)
        return json.loads(inside[1] if inside else text, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise SaidsoError(
            f"{path} is no receipt of Saidso: it is neither JSON nor a page that holds it ({error!s:.80})."
        ) from error


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


# ── the page ────────────────────────────────────────────────────────────────────────────────────────────────


def _page(receipt: Receipt) -> str:
    content, answer = receipt.content, receipt.content["answer"]
    only = scope(Filters.from_json(answer["filters"]), answer["undated_left_out"])
    asked_of = f"<p>{escape(only)}</p>" if only else ""
    body = f'<p class="answer">{escape(answer["answer"])}</p>' if answer["abstained"] else _answer(answer)
    held = json.dumps(receipt.as_json(), indent=1).replace("<", "\\u003c")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Receipt: {escape(answer['question'])}</title><style>{_STYLE}</style></head><body>\n"
        f'<p class="head">Evidence receipt, Saidso {escape(content["saidso"])}, {escape(content["created"])}</p>'
        f"<h1>{escape(answer['question'])}</h1>{asked_of}{body}"
        f"<h2>{'What comes closest' if answer['abstained'] else 'Quotes'}</h2>"
        f"{''.join(map(_quoted, answer['closest'] if answer['abstained'] else answer['citations']))}"
        f"<h2>Articles</h2><dl>{''.join(_article(*item) for item in content['articles'].items())}</dl>"
        f"<h2>How it was made</h2><dl>{''.join(_facts(receipt))}</dl>"
        f'<script type="application/json" id="saidso-receipt">{held}</script>\n</body></html>\n'
    )


def _answer(answer: Mapping[str, Any]) -> str:
    short = f"<p><b>{escape(answer['short_answer'])}</b></p>" if answer["short_answer"] else ""
    return f'{short}<p class="answer">{escape(answer["answer"])}</p>'


def _quoted(citation: Mapping[str, Any]) -> str:
    known = (citation["title"] or citation["article_id"], citation["source"], citation["published"][:10])
    place = f"[{citation['marker']}] {', '.join(filter(None, known))}, characters {citation['start']}–{citation['end']}"
    return f'<blockquote>{escape(citation["quote"])}<span class="place">{escape(place)}</span></blockquote>'


def _article(article_id: str, facts: Mapping[str, Any]) -> str:
    return _fact(article_id, f"SHA-256 of its {facts['characters']:,} characters: {facts['text_sha256']}")


def _facts(receipt: Receipt) -> Iterable[str]:
    content = receipt.content
    yield _fact("Confidence", f"{content['answer']['confidence']:.0%}")
    for name, value in {**content["settings"], **content["models"]}.items():
        yield _fact(name.replace("_", " ").capitalize(), str(value))
    yield _fact("Index", f"{content['index']['articles']:,} articles")
    yield _fact("SHA-256 of this receipt", receipt.sha256)
    yield _fact("To check it", "saidso verify FILE, where these articles are indexed")


def _fact(name: str, value: str) -> str:
    return f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
