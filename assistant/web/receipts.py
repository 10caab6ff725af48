"""Receipts over HTTP: an answer with all it rests on, as a file to keep."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from assistant.receipt import Receipt, evidence_hash
from assistant.receipt_file import encoded
from assistant.web.startup import Startup
from index.filters import Filters

_TYPES = {"html": "text/html; charset=utf-8", "json": "application/json"}
_NAME = 60  # characters of the question in the file's name
_Word = Annotated[str, Field(max_length=1000)]


class ReceiptOf(BaseModel):
    """The question whose answer is wanted as a receipt."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"question": "What did the Pentagon claim was hit?", "format": "json"}]},
    )

    question: str = Field(description="The question, standing for itself.")
    filters: dict[str, _Word | Annotated[list[_Word], Field(max_length=1000)]] = Field(
        {}, description="Of which articles it was asked: the answer's own `filters`."
    )
    format: Literal["html", "json"] = Field("html", description="A page to read that holds the JSON, or the JSON.")
    expected: str | None = Field(
        None, description="The `evidence_sha256` that the receipt must have: what else is answered now is refused."
    )


def add_receipts(app: FastAPI, startup: Startup) -> None:
    """Add POST /api/receipt."""

    def receipt(wanted: ReceiptOf) -> Response:
        """Answer the question once more and give the answer as a receipt, for `saidso verify` to check."""
        assistant = startup.assistant
        filters = Filters.from_json(wanted.filters)
        answer = startup.metrics.asking(partial(assistant.ask, wanted.question, filters, extractive=True))
        if wanted.expected not in (None, evidence_hash(answer.as_json())):
            raise HTTPException(
                409, "The articles have changed since this answer was given, and it is another now; ask again."
            )
        name = f"{_file_name(wanted.question)}.receipt.{wanted.format}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        data = encoded(Receipt.of(assistant, answer), wanted.format)
        return Response(data, media_type=_TYPES[wanted.format], headers=headers)

    app.add_api_route(
        "/api/receipt",
        receipt,
        methods=["POST"],
        response_class=Response,
        tags=["Evidence"],
        summary="Fetch an evidence receipt",
    )


def _file_name(question: str) -> str:
    words = re.findall(r"[a-z0-9]+", question.casefold())
    return "-".join(words)[:_NAME].strip("-") or "answer"


def request_for(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what asks for the receipt of an answer (as JSON), and of no other."""
    return {
        "question": answer["standalone_question"],
        "filters": answer["filters"],
        "expected": evidence_hash(answer),
    }
