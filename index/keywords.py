"""BM25 over the passages' words, by tantivy: incremental, on disk, one segment file set a commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import tantivy

from index.errors import SaidsoError
from index.filters import Filters

_ANALYZER = "saidso_english"


class KeywordIndex:
    """The passages by their stemmed words. Derived from the catalogue; may be deleted and rebuilt."""

    def __init__(self, index: tantivy.Index, analyzer: tantivy.TextAnalyzer) -> None:
        self._index = index
        self._analyzer = analyzer
        self._schema = index.schema

    @classmethod
    def open(cls, folder: Path) -> KeywordIndex:
        """Open the index in `folder`, creating it if there is none. Raises SaidsoError when it cannot be read."""
        schema = tantivy.SchemaBuilder()
        schema.add_integer_field("id", stored=True, indexed=True, fast=True)
        schema.add_integer_field("day", indexed=True, fast=True)
        schema.add_text_field("source", tokenizer_name="raw", index_option="basic")
        schema.add_text_field("text", tokenizer_name=_ANALYZER, index_option="freq")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            index = tantivy.Index(schema.build(), path=str(folder))
        except (OSError, ValueError) as error:
            raise SaidsoError(f"The keyword index in {folder} cannot be opened ({error}); delete that folder: "
                              "it is built again from the catalogue.") from error
        analyzer = _analyzer()
        index.register_tokenizer(_ANALYZER, analyzer)
        return cls(index, analyzer)

    def update(self, add: Iterable[tuple[int, str, str, int | None]], remove: Sequence[int]) -> None:
        """Add passages (id, text, source, day) and remove others, in one commit. An id that was there is replaced."""
        writer = self._index.writer(num_threads=1)
        try:
            for id_ in remove:
                writer.delete_documents_by_term("id", id_)
            for id_, text, source, day in add:
                writer.delete_documents_by_term("id", id_)
                writer.add_document(tantivy.Document(id=id_, text=text, source=source, **({"day": day} if day else {})))
            writer.commit()
        finally:
            writer.wait_merging_threads()

    def search(self, question: str, k: int, filters: Filters | None = None) -> list[tuple[int, float]]:
        """Return up to `k` (passage id, BM25 score), best first; equal scores by id."""
        terms = self.terms(question)
        if not terms:
            return []
        self._index.reload()
        words = tantivy.Query.boolean_query(
            [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "text", term)) for term in terms]
        )
        query = self._restricted(words, filters or Filters())
        searcher = self._index.searcher()
        hits = searcher.search(query, limit=k, count=False).hits
        found = [(int(searcher.doc(address)["id"][0]), float(score)) for score, address in hits]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def terms(self, text: str) -> list[str]:
        """Return the distinct index terms of `text`, in order."""
        return list(dict.fromkeys(self._analyzer.analyze(text)))

    def count(self) -> int:
        """Return the number of passages indexed."""
        self._index.reload()
        return int(self._index.searcher().num_docs)

    def _restricted(self, words: tantivy.Query, filters: Filters) -> tantivy.Query:
        required = [words]
        if filters.sources:
            required.append(tantivy.Query.term_set_query(self._schema, "source", list(filters.sources)))
        if filters.since is not None or filters.until is not None:
            required.append(
                tantivy.Query.range_query(
                    self._schema, "day", tantivy.FieldType.Integer, filters.since, filters.until
                )
            )
        if len(required) == 1:
            return words
        # Restrictions decide what may be found; they must not add to the score.
        parts = [words, *(tantivy.Query.const_score_query(query, 0.0) for query in required[1:])]
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in parts])


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
