"""What is wrong with what a program sent: the field, what it holds and what it should be, in one sentence."""

from __future__ import annotations

import reprlib
from typing import NamedTuple

from pydantic import ValidationError


class Misread(NamedTuple):
    """The first field that is wrong (`messages[0].role`; "" for all that was sent), and the sentence that says so."""

    field: str
    sentence: str


def misread(error: ValidationError) -> Misread:
    """Say what is wrong with what pydantic could not read."""
    fault = error.errors(include_url=False)[0]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
    wanted = fault["msg"][0].lower() + fault["msg"][1:]
    match fault["type"]:
        case "json_invalid":
            return Misread("", f"The request cannot be read ({wanted}); mend it and send it again.")
        case "missing":
            return Misread(field, f"There is no `{field}`; it must be given.")
        case "extra_forbidden":
            return Misread(field, f"There is no field `{field}`; leave it out, or correct its name.")
    return Misread(field, f"{f'`{field}`' if field else 'The request'} is {reprlib.repr(fault['input'])}: {wanted}.")
