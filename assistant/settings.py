"""The only reader of the environment: where things are, and the few choices a user has."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from platformdirs import user_data_path

from assistant.access_settings import Access
from assistant.writer_settings import WriterSettings
from index.errors import SaidsoError

LOGS = ("warnings", "text", "json")


@dataclass(frozen=True)
class Settings:
    """Where the data lies and how to answer. The README lists the environment variables that set it."""

    data_dir: Path
    embedding_model: str | None = None  # a folder with a sentence-transformers model; None: the one that is installed
    reader: Path | None = None  # a folder with a model that reads; None: the one that is installed
    catalogue_url: str | None = None  # a SQLAlchemy address; None: SQLite in the data folder
    vectors_url: str | None = None  # a Chroma server's address; None: Chroma in the data folder
    ray_address: str | None = None  # a Ray cluster that computes while articles are read in; None: this process does
    answer_threshold: float = 0.4  # three in four answered where the answer is there, three in four refused where not
    host: str = "127.0.0.1"
    port: int = 7860
    writer: WriterSettings | None = None  # the language model that writes; None: answers are quotes alone
    access: Access = field(default_factory=Access)  # who may come in
    log: str = "warnings"  # what the server writes to standard error, one of LOGS
    disk_reserve: float = 1.0  # GB: where less is free, the server warns

    @property
    def database_url(self) -> str:
        """The SQLAlchemy address of the catalogue's database, where conversations and keys are kept as well."""
        return self.catalogue_url or f"sqlite:///{self.data_dir / 'catalogue.sqlite'}"

    @property
    def fingerprint(self) -> str:
        """A short name of the settings that decide how a question is answered; others have another."""
        writer = self.writer and replace(self.writer, key="")
        decisive = f"{self.embedding_model}\n{self.reader}\n{self.answer_threshold}\n{writer}"
        return hashlib.sha256(decisive.encode("utf-8", "surrogateescape")).hexdigest()[:12]

    @classmethod
    def from_environment(cls, data_dir: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; `data_dir` as given on the command line goes first. Raises SaidsoError on a bad value."""
        reader = environment.get("SAIDSO_READER")
        folder = data_dir or Path(environment.get("SAIDSO_DATA_DIR") or user_data_path("saidso", appauthor=False))
        return cls(
            data_dir=folder.expanduser().absolute(),
            embedding_model=environment.get("SAIDSO_EMBEDDING_MODEL") or None,
            reader=Path(reader).expanduser().absolute() if reader else None,
            catalogue_url=environment.get("SAIDSO_CATALOGUE_URL") or None,
            vectors_url=environment.get("SAIDSO_VECTORS_URL") or None,
            ray_address=environment.get("SAIDSO_RAY_ADDRESS") or None,
            answer_threshold=_number(environment, "SAIDSO_ANSWER_THRESHOLD", cls.answer_threshold, 0.0, 1.0),
            host=environment.get("SAIDSO_HOST") or cls.host,
            port=int(_number(environment, "SAIDSO_PORT", cls.port, 0, 65535)),
            writer=WriterSettings.from_environment(environment),
            access=Access.from_environment(environment),
            log=_choice(environment, "SAIDSO_LOG", LOGS),
            disk_reserve=_number(environment, "SAIDSO_DISK_RESERVE_GB", cls.disk_reserve, 0, 1e6),
        )


def _number(environment: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = environment.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise SaidsoError(f"{name}={text!r} is not a number from {low:g} to {high:g}; change it or unset it.")
    return value


def _choice(environment: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Return which of `choices` is set, or the first of them. Raises SaidsoError for another."""
    text = environment.get(name) or choices[0]
    if text not in choices:
        raise SaidsoError(f"{name}={text!r} is none of {', '.join(choices)}; change it or unset it.")
    return text


def sample_articles() -> Path:
    """Return the folder of the sample articles: beside the packages, in a checkout and in site-packages alike."""
    return Path(__file__).resolve().parent.parent / "seeds"
