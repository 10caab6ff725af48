"""Which language model writes, if one does; read from the environment by `assistant.settings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from index.errors import SaidsoError

KINDS = ("openai", "ollama")
STRIKE, LEAVE_OUT = "strike", "leave out"


@dataclass(frozen=True)
class WriterSettings:
    """A language model behind an address, and how it is used. Nothing is asked of it before a question is.

    `kind` says what the server speaks: OpenAI's chat completions (vLLM, llama.cpp, LM Studio, hosted ones) or Ollama's
    own. `seconds` is how long it may be silent, before its first word and between words. `context` is how many tokens
    it reads and writes together. `unsupported` says what becomes of sentences that the evidence does not bear out.
    """

    url: str
    model: str
    kind: str = "openai"
    key: str = ""
    seconds: float = 60.0
    context: int = 4096
    unsupported: str = STRIKE

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> WriterSettings | None:
        """Read the settings; None where no model is configured. Raises SaidsoError on a bad value, naming it."""
        url, model = (environment.get(f"SAIDSO_LLM_{name}", "").strip() for name in ("URL", "MODEL"))
        if not url and not model:
            return None
        if not url or not model:
            missing = "SAIDSO_LLM_MODEL" if url else "SAIDSO_LLM_URL"
            raise SaidsoError(f"{missing} is not set; a language model takes both SAIDSO_LLM_URL and SAIDSO_LLM_MODEL.")
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise SaidsoError(f"SAIDSO_LLM_URL={url!r} is no address; write it as http://127.0.0.1:8000/v1.")
        return cls(
            url=url.rstrip("/"),
            model=model,
            kind=_choice(environment, "SAIDSO_LLM_KIND", cls.kind, KINDS),
            key=environment.get("SAIDSO_LLM_KEY", "").strip(),
            seconds=_number(environment, "SAIDSO_LLM_SECONDS", cls.seconds, 0.1, 3600),
            context=int(_number(environment, "SAIDSO_LLM_CONTEXT", cls.context, 1024, 10_000_000)),
            unsupported=_choice(environment, "SAIDSO_LLM_UNSUPPORTED", cls.unsupported, (STRIKE, LEAVE_OUT)),
        )


def _choice(environment: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    value = environment.get(name, "").strip() or default
    if value not in choices:
        raise SaidsoError(f"{name}={value!r} should be one of: {', '.join(choices)}.")
    return value


def _number(environment: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    text = environment.get(name, "").strip()
    try:
        value = float(text or default)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise SaidsoError(f"{name}={text!r} is not a number from {least:g} to {most:g}; change it or unset it.")
    return value
