"""What is wrong with what a program sent: the field, what it holds and what it should be, in one sentence."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any, NamedTuple

_SAYING = "with the header Content-Type: application/json."


class Misread(NamedTuple):
    """The first field that is wrong (`messages[0].role`; "" for all that was sent), and the sentence that says so."""

    field: str
    sentence: str


def misread(fault: Mapping[str, Any]) -> Misread:
    """Say what is wrong, of the first of the `errors()` that pydantic tells of what it could not read."""
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
    wanted = fault["msg"][0].lower() + fault["msg"][1:]
    match fault["type"]:
        case "json_invalid":
            return Misread("", f"The request is not JSON ({fault['ctx']['error']}); mend it and send it again.")
        case "missing" if not field:
            return Misread("", f"The request is empty; send a JSON object, {_SAYING}")
        case "missing":
            return Misread(field, f"There is no {field!r}; it must be given.")
        case "extra_forbidden":
            return Misread(field, f"There is no field {field!r}; leave it out, or correct its name.")
        case "model_attributes_type" | "model_type" if not field:
            return Misread("", f"The request is not a JSON object; send one, {_SAYING}")
    return Misread(field, f"{field or 'The request'} is {reprlib.repr(fault['input'])}: {wanted}.")
