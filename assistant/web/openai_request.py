"""A chat completion as it is asked for: reading it, and refusing what Saidso cannot keep."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.misread import misread
from assistant.question import understand
from index.errors import SaidsoError
from index.filters import Filters

MODEL = "saidso"
_MOST = 1000  # outlets or stances to choose from


class RefusalError(Exception):
    """A request that is refused, as OpenAI's clients expect to be told."""

    def __init__(
        self,
        sentence: str,
        param: str | None = None,
        status: int = 400,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.param = param
        self.status = status
        self.code = code
        self.headers = headers

    @classmethod
    def unknown_model(cls, name: str) -> RefusalError:
        """Refuse a model that is not there."""
        return cls(f"There is no model {name!r}; the model is {MODEL!r}.", "model", 404, "model_not_found")

    def as_json(self) -> dict[str, Any]:
        """Return the refusal in OpenAI's shape."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


class _Part(BaseModel):
    """What is read of a request; whatever else it holds is passed over."""

    model_config = ConfigDict(strict=True)


class _Message(_Part):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Any = None


class _StreamOptions(_Part):
    include_usage: bool | None = None


class _TextFormat(_Part):
    type: Literal["text"]


class _Scope(_Part):
    """Saidso's own field: which articles to look at, and whose words. A name that is not known here is refused."""

    model_config = ConfigDict(strict=True, extra="forbid")

    sources: list[str] = Field(default=[], max_length=_MOST)
    since: str | None = Field(default=None, alias="from")
    until: str | None = Field(default=None, alias="to")
    as_of: str | None = None
    speaker: str | None = None
    stances: list[str] = Field(default=[], max_length=_MOST)
    cue: str | None = None


class _Request(_Part):
    """What would change the answer in a way that cannot be kept (several choices, a forced tool, JSON) is refused.

    The rest (`temperature`, `max_tokens`, tools to choose from) is passed over.
    """

    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: Literal[1] | None = None
    tool_choice: Literal["auto", "none"] | None = None
    function_call: Literal["auto", "none"] | None = None
    logprobs: Literal[False] | None = None
    modalities: list[Literal["text"]] | None = None
    response_format: _TextFormat | None = None
    saidso: _Scope | None = None


@dataclass(frozen=True)
class Chat:
    """What the user has said, the question last; where to look for the answer; and how it is wanted."""

    turns: tuple[str, ...]
    filters: Filters
    stream: bool
    wants_usage: bool

    @property
    def question(self) -> str:
        """What is to be answered now."""
        return self.turns[-1]


def read_chat(body: bytes) -> Chat:
    """Read a request that can be answered. Raises RefusalError, naming the field that is wrong."""
    try:
        asked = _Request.model_validate_json(body)
    except ValidationError as error:
        field, sentence = misread(error.errors(include_url=False)[0])
        raise RefusalError(sentence, field or None) from error
    if asked.model != MODEL:
        raise RefusalError.unknown_model(asked.model)
    with _refusing("saidso"):
        filters = _filters(asked.saidso or _Scope())
    options = asked.stream_options or _StreamOptions()
    chat = Chat(tuple(_said(asked.messages)), filters, bool(asked.stream), bool(options.include_usage))
    if not chat.turns:
        raise RefusalError("No message is the user's; send the question with the role `user`.", "messages")
    with _refusing("messages"):
        understand(chat.question)
    return chat


@contextmanager
def _refusing(param: str) -> Iterator[None]:
    try:
        yield
    except SaidsoError as error:
        raise RefusalError(str(error), param) from error


def _filters(scope: _Scope) -> Filters:
    sources, stances = tuple(scope.sources), tuple(scope.stances)
    return Filters.parse(sources, scope.since, scope.until, scope.speaker, stances, scope.cue, scope.as_of)


def _said(messages: Sequence[_Message]) -> Iterator[str]:
    """Yield what the user said, whether as text or as a list of its parts."""
    for at, message in enumerate(messages):
        if message.role == "user":
            yield _words(message.content, f"messages[{at}].content")


def _words(content: Any, field: str) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part["text"] for part in parts if _is_text(part)]
    if not texts or len(texts) < len(parts):
        wanted = 'a text, or a list of parts such as {"type": "text", "text": "Who …?"}'
        raise RefusalError(f"{field} is {reprlib.repr(content)}: it should be {wanted}; only text is read.", field)
    return "\n".join(texts)


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
