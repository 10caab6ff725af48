"""One sentence for what pydantic could not read."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.misread import misread


class Turn(BaseModel):
    role: Literal["user"]


class Asked(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    turns: list[Turn]
    k: int = 1


@pytest.mark.parametrize(
    ("sent", "field", "sentence"),
    [
        ("{}", "turns", "There is no 'turns'; it must be given."),
        ('{"turns": [{}]}', "turns[0].role", "There is no 'turns[0].role'; it must be given."),
        ('{"turns": [{"role": "me"}]}', "turns[0].role", "turns[0].role is 'me': input should be 'user'."),
        ('{"turns": [], "k": "one"}', "k", "k is 'one': input should be a valid integer."),
        ('{"turns": [], "l": 1}', "l", "There is no field 'l'; leave it out, or correct its name."),
        ("[1]", "", "The request is not a JSON object; send one"),
        ("{", "", "The request is not JSON (EOF while parsing an object at line 1 column 1); mend it"),
    ],
)
def test_the_sentence_names_the_field(sent: str, field: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as error:
        Asked.model_validate_json(sent)
    said = misread(error.value.errors()[0])
    assert said.field == field
    assert said.sentence.startswith(sentence)


@pytest.mark.parametrize("value", ["x" * 100_000, ["x"] * 100_000, {"k": ["x" * 1000] * 1000}])
def test_the_sentence_is_short_whatever_was_sent(value: Any) -> None:
    with pytest.raises(ValidationError) as error:
        Asked.model_validate({"turns": [], "k": value})
    assert len(misread(error.value.errors()[0]).sentence) < 500
