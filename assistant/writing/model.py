"""A language model behind an address: read as it writes, its faults told in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from assistant.writer_settings import WriterSettings
from assistant.writing.prompt import ANSWER, Prompt
from index.errors import SaidsoError

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

Opened = Callable[[], "AbstractContextManager[LLM]"]
_LONGEST = 20_000  # characters of an answer; a model that never ends is stopped there
_TOO_LONG = ("context", "too long", "token", "length", "too large")
_THINKS, _HAS_THOUGHT = "<think>", "</think>"


class ModelError(SaidsoError):
    """Why a language model has not written."""


class Model:
    """Any llama-index LLM, under the name that people know it by."""

    def __init__(self, name: str, opened: Opened) -> None:
        """Name a model; `opened` gives it for as long as it writes one answer, and hangs up at the end."""
        self.name = name
        self._opened = opened

    @classmethod
    def open(cls, settings: WriterSettings) -> Model:
        """Return the model that the settings name; nothing is imported for it, or sent to it, yet."""
        return cls(settings.model, partial(_ollama if settings.kind == "ollama" else _openai, settings))

    def write(self, prompt: Prompt) -> Generator[str, None, None]:
        """Yield the answer piece by piece, without what the model thinks before; close the iterator to stop the model.

        Yields nothing but "" while it thinks. Raises ModelError, which says in a sentence what went wrong.
        """
        pieces = self._pieces(prompt)
        with closing(pieces):
            yield from _without_thoughts(pieces)

    def _pieces(self, prompt: Prompt) -> Generator[str, None, None]:
        import httpx
        import ollama
        import openai
        from llama_index.core.llms import ChatMessage

        messages = [ChatMessage(role="system", content=prompt.system), ChatMessage(role="user", content=prompt.user)]
        length = 0
        try:
            with self._opened() as llm:
                for piece in llm.stream_chat(messages):
                    length += len(piece.delta or "")
                    if length > _LONGEST:
                        raise ModelError(f"{self.name} did not come to an end")
                    yield piece.delta or ""
        except (openai.APITimeoutError, httpx.TimeoutException) as error:
            raise ModelError(f"{self.name} took too long to answer") from error
        except (openai.APIConnectionError, httpx.TransportError, ConnectionError) as error:
            raise ModelError(f"{self.name} is not there, or went away while it wrote") from error
        except openai.APIStatusError as error:
            raise ModelError(_refusal(self.name, error.status_code, error.message)) from error
        except ollama.ResponseError as error:
            raise ModelError(_refusal(self.name, error.status_code, error.error)) from error
        except (openai.OpenAIError, ValueError, TypeError, KeyError, AttributeError) as error:
            # What a server sends that is no answer fails at many places of the clients.
            raise ModelError(f"{self.name} sent what cannot be read") from error


@contextmanager
def _openai(settings: WriterSettings) -> Iterator[LLM]:
    import httpx
    from llama_index.llms.openai_like import OpenAILike

    with httpx.Client(timeout=settings.seconds) as client:
        yield OpenAILike(
            model=settings.model,
            api_base=settings.url,
            api_key=settings.key or "none",  # servers without keys are given any
            is_chat_model=True,
            context_window=settings.context,
            max_tokens=ANSWER,
            temperature=0.0,
            timeout=settings.seconds,
            max_retries=0,
            http_client=client,
        )


@contextmanager
def _ollama(settings: WriterSettings) -> Iterator[LLM]:
    import ollama
    from llama_index.llms.ollama import Ollama

    headers = {"Authorization": f"Bearer {settings.key}"} if settings.key else None
    with ollama.Client(settings.url, timeout=settings.seconds, headers=headers) as client:
        yield Ollama(
            model=settings.model,
            client=client,
            context_window=settings.context,
            temperature=0.0,
            additional_kwargs={"num_predict": ANSWER},
        )


def _refusal(name: str, status: int, said: Any) -> str:
    words = str(said).casefold()
    if status == 404:
        return f"the server has no model {name!r}, or none at this address"
    if status in (401, 403):
        return f"the server refuses the key for {name} (SAIDSO_LLM_KEY)"
    if status == 429:
        return f"{name} is asked too often just now"
    if status in (400, 413, 422) and any(one in words for one in _TOO_LONG):
        return f"the passages were too long for {name}; set SAIDSO_LLM_CONTEXT to what it reads"
    return (
        f"the server of {name} refuses the request ({status})" if status < 500 else f"the server of {name} has failed"
    )


def _without_thoughts(pieces: Iterator[str]) -> Iterator[str]:
    """Leave out what stands between <think> and </think> at the beginning."""
    begun = ""
    for piece in pieces:
        begun += piece
        start = begun.lstrip()
        if start and not _THINKS.startswith(start[: len(_THINKS)]):
            yield start
            yield from pieces
            return
        if _HAS_THOUGHT in start:
            yield start.split(_HAS_THOUGHT, 1)[1]
            yield from pieces
            return
        yield ""
    if not begun.lstrip().startswith(_THINKS):
        yield begun
