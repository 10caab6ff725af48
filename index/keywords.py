"""BM25 by tantivy, over passages or over whole articles: incremental, on disk, every update one commit."""

from __future__ import annotations

import json
import math
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import tantivy

from index.errors import UnreadableError, UnwritableError
from index.filters import Filters
from index.soundness import Look

FORMAT = "2"  # of the files; those of another one are built anew
_ANALYZER = "saidso_english"
_MOST_TERMS = 64  # of a question: enough for a pasted paragraph, few enough for a pasted book
_REMOVED_SHARE = 0.05  # of the texts beyond the first few: adding them all again costs little beside embedding so many
_FEW = 1000  # in so few every removed text is felt, and all are added again in no time
_SEGMENT_FILES = ("idx", "pos", "term", "store", "fast", "fieldnorm")
_FOOTER_END = struct.Struct("<II")  # bytes of the footer before it, and a number that says that it is one
_FOOTER_MAGIC = 1337

# Tuned on halves of two question sets, measured on the others; see tests/benchmarks/LOG.md.
_LEAD_WEIGHT = 0.3
_PAIR_WEIGHT = 0.3
_PAIR_SLOP = 2  # words that may stand between the two of a pair

# Words that shape a question and say nothing of its matter. Dropping them is worth .02–.03 MRR (see the log).
_QUESTION_WORDS = frozenset(
    "what who whom whose when where why how which do does did is are was were be been has have had can could will "
    "would should the a an of in on at to for from by with and or it its he she they his her their this that".split()
)
_DOTTED = re.compile(r"\b(?:[A-Za-z]\.){2,}")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")


@dataclass(frozen=True)
class Entry:
    """A text to index under its key, with what filters compare. Words of its `lead` count for more."""

    key: str
    text: str
    source: str
    day: int | None
    lead: str = ""


class KeywordIndex:
    """Texts by their stemmed words, each under a key. Derived from the catalogue; may be deleted and rebuilt."""

    def __init__(self, folder: Path, index: tantivy.Index, analyzer: tantivy.TextAnalyzer) -> None:
        self._folder = folder
        self._index = index
        self._analyzer = analyzer
        self._schema = index.schema

    @classmethod
    def open(cls, folder: Path) -> KeywordIndex:
        """Open the index in `folder`, creating it if there is none. Raises UnreadableError when it cannot be read."""
        schema = tantivy.SchemaBuilder()
        schema.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
        schema.add_integer_field("day", indexed=True, fast=True)
        schema.add_text_field("source", tokenizer_name="raw", index_option="basic")
        for field in ("text", "lead"):
            schema.add_text_field(field, tokenizer_name=_ANALYZER, index_option="position")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            index = tantivy.Index(schema.build(), path=str(folder))
        except (OSError, ValueError) as error:
            raise UnreadableError(
                f"The keyword index in {folder} cannot be opened ({error}); `saidso doctor --repair` "
                "builds it again from the catalogue."
            ) from error
        analyzer = _analyzer()
        index.register_tokenizer(_ANALYZER, analyzer)
        return cls(folder, index, analyzer)

    def update(self, add: Sequence[Entry], remove: Sequence[str]) -> None:
        """Add texts and remove others, in one commit; a key that was there is replaced. Raises UnwritableError."""
        with self._writing() as writer:
            for key in [*remove, *(entry.key for entry in add)]:
                writer.delete_documents_by_term("key", key)
            for entry in add:
                writer.add_document(_document(entry))

    def rebuild(self, entries: Iterable[Entry]) -> None:
        """Put these texts in the place of all that there are, in one commit. Raises UnwritableError."""
        with self._writing() as writer:
            writer.delete_all_documents()
            for entry in entries:
                writer.add_document(_document(entry))

    @contextmanager
    def _writing(self) -> Iterator[tantivy.IndexWriter]:
        try:
            writer = self._index.writer(num_threads=1)
            try:
                yield writer
                writer.commit()
            finally:
                writer.wait_merging_threads()
        except (OSError, ValueError) as error:
            raise UnwritableError(self._folder, error) from error

    def wants_rebuilding(self) -> bool:
        """Say whether too many removed texts still count: tantivy has their words in its statistics until it merges."""
        segments = _segments(self._folder)
        removed = sum(_removed(segment) for segment in segments)
        living = sum(segment["max_doc"] for segment in segments) - removed
        return bool(removed > _REMOVED_SHARE * max(0, living - _FEW))

    def search(
        self, question: str, k: int, filters: Filters | None = None, only: Sequence[str] | None = None
    ) -> list[tuple[str, float]]:
        """Return up to `k` (key, score), best first; equal scores by key; `only` are the keys that may be found.

        The score is BM25 of the question's terms in the text, plus a part of BM25 of the same terms in its lead, plus
        a part of BM25 of each two neighbouring terms that stand near each other in the text, in order (the sequential
        dependence model of Metzler & Croft, SIGIR 2005, with BM25 in the place of its language models).
        """
        terms = self.query_terms(question)
        if not terms:
            return []
        self._index.reload()
        query = self._restricted(self._matching(terms), filters or Filters(), only)
        searcher = self._index.searcher()
        hits = searcher.search(query, limit=k, count=False).hits
        found = [(str(searcher.doc(address)["key"][0]), float(score)) for score, address in hits]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def _matching(self, terms: Sequence[str]) -> tantivy.Query:
        make, schema = tantivy.Query, self._schema
        words = [make.term_query(schema, "text", term) for term in terms]
        lead = [make.boost_query(make.term_query(schema, "lead", term), _LEAD_WEIGHT) for term in terms]
        near = [make.phrase_query(schema, "text", list(pair), _PAIR_SLOP) for pair in pairwise(terms)]
        pairs = [make.boost_query(query, _PAIR_WEIGHT) for query in near]
        return make.boolean_query([(tantivy.Occur.Should, query) for query in (*words, *lead, *pairs)])

    def query_terms(self, question: str) -> list[str]:
        """Return the terms to look for: those of `question` without its question words, unless nothing else is left."""
        words = [word for word in _WORD.findall(_joined(question)) if word.casefold() not in _QUESTION_WORDS]
        return (self.terms(" ".join(words)) or self.terms(question))[:_MOST_TERMS]

    def terms(self, text: str) -> list[str]:
        """Return the distinct index terms of `text`, in order."""
        return list(dict.fromkeys(self._analyzer.analyze(_joined(text))))

    def weights(self, question: str) -> dict[str, float]:
        """Return the question's terms with their inverse document frequency, log(1 + (N − n + ½) / (n + ½))."""
        self._index.reload()
        searcher = self._index.searcher()
        total = searcher.num_docs
        counts = {term: searcher.doc_freq("text", term) for term in self.query_terms(question)}
        return {term: math.log1p((total - min(n, total) + 0.5) / (n + 0.5)) for term, n in counts.items()}

    def count(self) -> int:
        """Return the number of texts indexed."""
        self._index.reload()
        return int(self._index.searcher().num_docs)

    def keys(self) -> list[str]:
        """Return the keys of all texts, in order."""
        self._index.reload()
        searcher = self._index.searcher()
        if not searcher.num_docs:
            return []
        hits = searcher.search(tantivy.Query.all_query(), limit=searcher.num_docs, count=False).hits
        return sorted(str(searcher.doc(address)["key"][0]) for _, address in hits)

    def _restricted(self, words: tantivy.Query, filters: Filters, only: Sequence[str] | None) -> tantivy.Query:
        required = [words]
        if only is not None:
            required.append(tantivy.Query.term_set_query(self._schema, "key", list(only)))
        if filters.sources:
            required.append(tantivy.Query.term_set_query(self._schema, "source", list(filters.sources)))
        if filters.by_day:
            days = filters.since, filters.last_day
            required.append(tantivy.Query.range_query(self._schema, "day", tantivy.FieldType.Integer, *days))
        if len(required) == 1:
            return words
        # Restrictions decide what may be found; they must not add to the score.
        parts = [words, *(tantivy.Query.const_score_query(query, 0.0) for query in required[1:])]
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in parts])


def look_at(folder: Path, thoroughly: bool = False) -> Look:
    """Look at the files of the index in `folder` without opening it; no folder at all is an empty index.

    Tantivy ends each file with a footer, so that one that was cut off has none; `thoroughly` also adds up its checksum.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return Look(0)
    try:
        segments = _segments(folder)
        names = [segment["segment_id"].replace("-", "") for segment in segments]
        count = sum(segment["max_doc"] - _removed(segment) for segment in segments)
    except FileNotFoundError:
        return Look(0, "meta.json is missing")
    except (ValueError, KeyError, TypeError) as error:
        return Look(0, f"meta.json cannot be read ({error})")
    files = (folder / f"{name}.{kind}" for name in names for kind in _SEGMENT_FILES)
    return Look(count, next((fault for file in files if (fault := _file_fault(file, thoroughly))), None))


def _segments(folder: Path) -> list[dict[str, Any]]:
    """Return tantivy's own account of its segments. Raises OSError, ValueError or KeyError where there is none."""
    segments: list[dict[str, Any]] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))["segments"]
    return segments


def _removed(segment: dict[str, Any]) -> int:
    return segment["deletes"]["num_deleted_docs"] if segment["deletes"] else 0


def _document(entry: Entry) -> tantivy.Document:
    day = {} if entry.day is None else {"day": entry.day}
    words = {"text": _joined(entry.text), "lead": _joined(entry.lead)}
    return tantivy.Document(key=entry.key, source=entry.source, **words, **day)


def _file_fault(file: Path, thoroughly: bool) -> str | None:
    try:
        with file.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, end - _FOOTER_END.size))
            last = stream.read()
            if len(last) < _FOOTER_END.size or _FOOTER_END.unpack(last)[1] != _FOOTER_MAGIC:
                return f"{file.name} is cut off"
            if not thoroughly:
                return None
            body = end - _FOOTER_END.size - _FOOTER_END.unpack(last)[0]
            stream.seek(0)
            checksum = zlib.crc32(stream.read(max(0, body)))
            footer = json.loads(stream.read(end - _FOOTER_END.size - max(0, body)))
    except FileNotFoundError:
        return f"{file.name} is missing"
    except ValueError:
        return f"{file.name} is not as it was written"
    return None if footer.get("crc") == checksum else f"{file.name} is not as it was written"


def _joined(text: str) -> str:
    """Write "U.N." as "UN", so that either spelling finds the other."""
    return _DOTTED.sub(lambda match: match.group().replace(".", ""), text)


def _analyzer() -> tantivy.TextAnalyzer:
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(60))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stopword("english"))
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )
