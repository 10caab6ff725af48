"""What the HTTP API takes and gives, field by field: checks what comes in, and is what /openapi.json describes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MOST_LISTED = 500


class ListingQuery(BaseModel):
    """Which articles to list."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field("", description="Words that must all stand in the title or the text.", max_length=1000)
    source: list[str] = Field([], description="Only articles of this outlet; may be repeated.")
    since: str | None = Field(None, alias="from", description="Only articles of this day or later, YYYY-MM-DD.")
    until: str | None = Field(None, alias="to", description="Only articles of this day or earlier, YYYY-MM-DD.")
    offset: int = Field(0, ge=0, description="How many to pass over.")
    limit: int = Field(50, ge=0, le=MOST_LISTED, description="How many to give at most.")
