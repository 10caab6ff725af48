"""An evidence receipt: one answer with all it rests on, so that anyone can hold it against the articles later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assistant.answer import Answer
from assistant.assistant import Assistant
from index.version import saidso_version

FORMAT = 1
_NOT_THE_ANSWER = frozenset("id question standalone_question timings_ms filters undated_left_out".split())

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Receipt:
    """What an answer was, and what it was made with; `content` is what its file holds, its hash left out."""

    content: Json

    @classmethod
    def of(cls, assistant: Assistant, answer: Answer) -> Receipt:
        """Write down an answer that `assistant` gave, in its quotes, with the hash of each article that it quotes."""
        told = answer.in_quotes().as_json()
        cited = dict.fromkeys(citation["article_id"] for citation in (*told["citations"], *told["closest"]))
        holdings = assistant.holdings()
        return cls(
            {
                "receipt": FORMAT,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "saidso": saidso_version(),
                **assistant.made_with(),
                "index": {"articles": holdings.articles, "passages": holdings.passages},
                "answer": {name: value for name, value in told.items() if name != "timings_ms"},
                "articles": {id_: described for id_ in cited if (described := article_facts(assistant, id_))},
            }
        )

    @property
    def sha256(self) -> str:
        """SHA-256 over the content as canonical JSON: sorted names, no spaces, UTF-8."""
        return hashlib.sha256(_canonical(self.content)).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return what a receipt's file holds."""
        return {**self.content, "sha256": self.sha256}


def article_facts(assistant: Assistant, article_id: str) -> dict[str, Any] | None:
    """Return what a receipt says of an article, the SHA-256 of its text before all, or None where there is none."""
    article = assistant.article(article_id)
    if article is None:
        return None
    about = {name: getattr(article, name) for name in ("title", "source", "published", "url")}
    return {**about, "characters": len(article.text), "text_sha256": text_hash(article.text)}


def text_hash(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def evidence_of(answer: Json) -> dict[str, Any]:
    """Return what makes two answers (as JSON) the same: all but the question, its id, and how long it took."""
    return {name: value for name, value in answer.items() if name not in _NOT_THE_ANSWER}


def evidence_hash(answer: Json) -> str:
    """Return the SHA-256 of what `evidence_of` an answer keeps."""
    return hashlib.sha256(_canonical(evidence_of(answer))).hexdigest()


def _canonical(value: Json) -> bytes:
    written = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return written.encode("utf-8", "surrogatepass")
