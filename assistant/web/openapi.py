"""How a route is described, and the OpenAPI document that comes of all descriptions."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from assistant.web import schema

_REF = "#/components/schemas/{model}"
_READ_BY_HAND = (schema.NewArticle, schema.NewArticles)  # bodies that FastAPI does not know of
_REASONS = {
    404: "There is no such thing.",
    409: "It is not in a state for this.",
    413: "The request is too large.",
    422: "Something in the request is wrong.",
    429: "As many wait as may.",
    503: "Not ready yet, or too busy: come back after the seconds in Retry-After.",
}
_ABOUT = (
    "Ask questions of news articles: who said what, in the exact words. Every offset counts characters (Unicode code "
    "points) of an article's text, and every quote is what stands there. A request that cannot be met is answered with "
    "one sentence under `detail`."
)

Responses = dict[int | str, dict[str, Any]]


def refusals(*statuses: int) -> Responses:
    """Return the description of refusals with these statuses."""
    return {status: {"model": schema.Refusal, "description": _REASONS[status]} for status in statuses}


def described(summary: str, gives: type[BaseModel], *refused: int, status: int = 200) -> dict[str, Any]:
    """Return what `add_api_route` takes to describe a route that gives JSON of one model.

    The model describes and does not check: what goes out is made by our own code, and is as fast as it is.
    """
    responses: Responses = {status: {"model": gives, "description": "Done."}, **refusals(*refused)}
    return {"summary": summary, "status_code": status, "response_model": None, "responses": responses}


def in_document(model: type[BaseModel]) -> dict[str, str]:
    """Return the reference to a model's schema in the document."""
    return {"$ref": _REF.format(model=model.__name__)}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the application, made once."""
    if app.openapi_schema is None:
        app.version, app.description = version("saidso"), _ABOUT
        made = app.openapi()
        _, own = models_json_schema([(model, "validation") for model in _READ_BY_HAND], ref_template=_REF)
        made["components"]["schemas"] |= own["$defs"]
    return app.openapi()
