"""A language model behind an address: read as it writes, its faults told in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from assistant.writer_settings import WriterSettings
from assistant.writing.prompt import ANSWER, Prompt
from index.errors import SaidsoError

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

    from assistant.writing.line import Line

Opened = Callable[[], "AbstractContextManager[LLM]"]
_LONGEST = 20_000  # characters of an answer; a model that never ends is stopped there
_LOOK_AGAIN = 0.1  # seconds
_TOO_LONG = ("context length", "context window", "too long", "maximum context", "too many tokens", "too large")
_THINKS, _HAS_THOUGHT = "<think>", "</think>"


class ModelError(SaidsoError):
    """Why a language model has not written."""


class Model:
    """Any llama-index LLM, under the name that people know it by."""

    def __init__(self, name: str, opened: Opened, seconds: float = WriterSettings.seconds) -> None:
        """Name a model; `opened` gives it for as long as it writes one answer, and hangs up at the end.

        `seconds` is how long it may be silent.
        """
        self.name = name
        self._opened = opened
        self._seconds = seconds

    @classmethod
    def open(cls, settings: WriterSettings) -> Model:
        """Return the model that the settings name; nothing is imported for it, or sent to it, yet."""
        opened = _ollama if settings.kind == "ollama" else _openai
        return cls(settings.model, partial(opened, settings), settings.seconds)

    def write(self, prompt: Prompt) -> Generator[str, None, None]:
        """Yield the answer piece by piece, without what the model thinks before; close the iterator to stop the model.

        Yields "" every moment that nothing comes, and while it thinks. Raises ModelError, which says in a sentence what
        went wrong.
        """
        pieces = self._pieces(prompt)
        with closing(pieces):
            yield from _without_thoughts(pieces)

    def _pieces(self, prompt: Prompt) -> Generator[str, None, None]:
        """Yield what is read in a thread, so that a model can be stopped that says nothing."""
        arrived: SimpleQueue[str] = SimpleQueue()
        length, heard = 0, inf  # the clock runs once the model is asked
        with self._opened() as llm, _one_thread() as thread:
            reading = thread.submit(self._read, llm, prompt, arrived.put)
            while not (reading.done() and arrived.empty()):
                try:
                    piece = arrived.get(timeout=_LOOK_AGAIN)
                    length, heard = length + len(piece), monotonic()
                except Empty:
                    piece = ""
                if length > _LONGEST:
                    raise ModelError(f"{self.name} did not come to an end")
                if monotonic() - heard > self._seconds:  # of words, though its server may send signs of life
                    raise ModelError(self._slow)
                yield piece
            reading.result()

    def _read(self, llm: LLM, prompt: Prompt, tell: Callable[[str], None]) -> None:
        import httpx
        import ollama
        import openai
        from llama_index.core.llms import ChatMessage

        messages = [ChatMessage(role="system", content=prompt.system), ChatMessage(role="user", content=prompt.user)]
        tell("")
        try:
            for piece in llm.stream_chat(messages):
                tell(piece.delta or "")
        except (openai.APITimeoutError, httpx.TimeoutException) as error:
            raise ModelError(self._slow) from error
        except (openai.APIConnectionError, httpx.TransportError, ConnectionError) as error:
            raise ModelError(f"{self.name} is not there, or went away while it wrote") from error
        except openai.APIStatusError as error:
            raise ModelError(_refusal(self.name, error.status_code, error.message)) from error
        except ollama.ResponseError as error:
            raise ModelError(_refusal(self.name, error.status_code, error.error)) from error
        except (openai.OpenAIError, ValueError, TypeError, KeyError, AttributeError) as error:
            # What a server sends that is no answer fails at many places of the clients.
            raise ModelError(f"{self.name} sent what cannot be read") from error

    @property
    def _slow(self) -> str:
        return f"{self.name} took too long to answer"


@contextmanager
def _one_thread() -> Iterator[ThreadPoolExecutor]:
    """Give a thread that nobody waits for at the end."""
    pool = ThreadPoolExecutor(1, "reading a model")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False)


@contextmanager
def _openai(settings: WriterSettings) -> Iterator[LLM]:
    import httpx
    from llama_index.llms.openai_like import OpenAILike

    from assistant.writing.line import Line

    line = Line()
    with httpx.Client(timeout=settings.seconds, event_hooks=line.hooks) as client, _cut_at_end(line):
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

    from assistant.writing.line import Line

    line = Line()
    headers = {"Authorization": f"Bearer {settings.key}"} if settings.key else None
    options = {"timeout": settings.seconds, "headers": headers, "event_hooks": line.hooks}
    with ollama.Client(settings.url, **options) as client, _cut_at_end(line):
        yield Ollama(
            model=settings.model,
            client=client,
            context_window=settings.context,
            temperature=0.0,
            additional_kwargs={"num_predict": ANSWER},
        )


@contextmanager
def _cut_at_end(line: Line) -> Iterator[None]:
    try:
        yield
    finally:
        line.cut()


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
