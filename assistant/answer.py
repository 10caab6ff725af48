"""What the assistant gives back: text and the evidence it rests on, or an abstention with what came closest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from assistant.citations import Citation
from assistant.prose import Prose
from index.claim_words import Piece
from index.claims import Claim
from index.filters import Filters


@dataclass(frozen=True)
class Statement:
    """One line of an answer: who says it, the quote, and the claims that the quote reports."""

    speaker: str
    citation: Citation
    claims: tuple[Claim, ...] = ()
    verdict: str | None = None  # "yes" or "no", where the quote plainly says so

    @property
    def lead(self) -> str:
        """Who says it, and, where yes or no was asked, which of them: never without whose word it is."""
        return f"{self.verdict.capitalize()}, according to {self.speaker}" if self.verdict else self.speaker

    @property
    def text(self) -> str:
        """The statement as a line of the answer's text."""
        return f"{self.lead}: “{self.citation.quote}” [{self.citation.marker}]"


@dataclass(frozen=True)
class Account:
    """A position on what is asked, who holds it, and the markers of the citations that say so.

    `origins` counts those that are not copies of one another.
    """

    position: str
    speakers: tuple[str, ...]
    citations: tuple[int, ...]
    origins: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return the account as the contract writes it."""
        return {
            "position": self.position,
            "speakers": list(self.speakers),
            "citations": list(self.citations),
            "origins": self.origins,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Account:
        """Read what `as_json` wrote."""
        speakers, citations = tuple(fields["speakers"]), tuple(fields["citations"])
        return cls(fields["position"], speakers, citations, fields["origins"])


@dataclass(frozen=True)
class Answer:
    """Statements with their citations; or, when `abstained`, none, and the `closest` passages instead.

    `accounts` are the positions that the statements take, and `disagreement` says in a sentence where they differ.
    `filters` say of which articles it was asked; `undated` articles were left out because nothing says of which day
    they are.
    """

    question: str
    text: str
    statements: tuple[Statement, ...] = ()
    short_answer: str | None = None
    abstained: bool = False
    confidence: float = 0.0
    closest: tuple[Citation, ...] = ()
    id: str | None = None
    mode: str = "extractive"
    standalone: str | None = None  # the question as it was understood, where the conversation had to lend it something
    accounts: tuple[Account, ...] = ()
    disagreement: str | None = None
    filters: Filters = field(default_factory=Filters)
    undated: int = 0
    prose: Prose | None = None  # what a language model made of it
    note: str | None = None  # why no language model did, where one was to
    timings_ms: dict[str, float] = field(default_factory=dict, compare=False)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """One citation a statement, in the order of their markers; then those that the prose adds."""
        return self.prose.citations if self.prose else tuple(statement.citation for statement in self.statements)

    def in_quotes(self) -> Answer:
        """Return the same answer in quotes alone, as it was before a language model wrote it."""
        quotes = "\n".join(filter(None, (self.disagreement, *(statement.text for statement in self.statements))))
        text = quotes if self.prose else self.text
        return replace(self, text=text, mode="extractive", prose=None, note=None)

    @property
    def standalone_question(self) -> str:
        """The question as it would be asked by itself."""
        return self.standalone or self.question

    def as_json(self) -> dict[str, Any]:
        """Return the answer as the contract writes it."""
        return {
            "id": self.id,
            "question": self.question,
            "standalone_question": self.standalone_question,
            "answer": self.text,
            "short_answer": self.short_answer,
            "abstained": self.abstained,
            "confidence": round(self.confidence, 4),
            "mode": self.mode,
            "citations": [citation.as_json() for citation in self.citations],
            "statements": [
                {"speaker": statement.speaker, "verdict": statement.verdict, "citation": statement.citation.marker}
                for statement in self.statements
            ],
            "claims": [
                _cited_claim(claim, statement.citation) for statement in self.statements for claim in statement.claims
            ],
            "verdicts": [
                {"verdict": statement.verdict, "speaker": statement.speaker, "citation": statement.citation.marker}
                for statement in self.statements
                if statement.verdict
            ],
            "accounts": [account.as_json() for account in self.accounts],
            "disagreement": self.disagreement,
            "closest": [citation.as_json() for citation in self.closest],
            "filters": self.filters.as_json(),
            "undated_left_out": self.undated,
            "prose": self.prose and self.prose.as_json(),
            "note": self.note,
            "timings_ms": {stage: round(value, 1) for stage, value in self.timings_ms.items()},
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Answer:
        """Read what `as_json` wrote. Raises KeyError or TypeError where it is no such thing."""
        alone = fields["standalone_question"]
        cited = {citation["marker"]: Citation.from_json(citation) for citation in fields["citations"]}
        return cls(
            question=fields["question"],
            text=fields["answer"],
            statements=tuple(
                Statement(
                    told["speaker"], cited[told["citation"]], _claims_of(fields, told["citation"]), told["verdict"]
                )
                for told in fields["statements"]
            ),
            short_answer=fields["short_answer"],
            abstained=fields["abstained"],
            confidence=fields["confidence"],
            closest=tuple(map(Citation.from_json, fields["closest"])),
            id=fields["id"],
            mode=fields["mode"],
            accounts=tuple(map(Account.from_json, fields["accounts"])),
            disagreement=fields["disagreement"],
            standalone=alone if alone != fields["question"] else None,
            filters=Filters.from_json(fields["filters"]),
            undated=fields["undated_left_out"],
            prose=fields["prose"] and Prose.from_json(fields["prose"], tuple(cited.values())),
            note=fields["note"],
            timings_ms=fields["timings_ms"],
        )


def claim_as_json(claim: Claim, article_id: str) -> dict[str, Any]:
    """Return a claim as the contract writes it: a span, a list of spans where it has several, or null where none."""
    content = [_piece(piece) for piece in claim.content]
    return {
        "article_id": article_id,
        "speaker": _piece(claim.speaker),
        "cue": _piece(claim.cue),
        "content": content if len(content) > 1 else (content[0] if content else None),
        "stance": claim.stance,
        "direct": claim.direct,
        "name": claim.name,
    }


def claim_from_json(fields: Mapping[str, Any]) -> Claim:
    """Read what `claim_as_json` wrote."""
    content = fields["content"] or []
    pieces = tuple(Piece(**piece) for piece in ([content] if isinstance(content, dict) else content))
    speaker, cue = (Piece(**fields[part]) if fields[part] else None for part in ("speaker", "cue"))
    return Claim(speaker, cue, pieces, fields["stance"], fields["direct"], fields["name"])


def _claims_of(fields: Mapping[str, Any], marker: int) -> tuple[Claim, ...]:
    return tuple(claim_from_json(claim) for claim in fields["claims"] if claim["citation"] == marker)


def _cited_claim(claim: Claim, citation: Citation) -> dict[str, Any]:
    """A claim of an answer: with the marker of the citation that reports it, and that article's outlet and date."""
    where = {"citation": citation.marker, "source": citation.source, "published": citation.published}
    return {**claim_as_json(claim, citation.article_id), **where}


def _piece(piece: Piece | None) -> dict[str, Any] | None:
    return None if piece is None else {"start": piece.start, "end": piece.end, "text": piece.text}
