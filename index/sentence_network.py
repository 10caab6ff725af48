"""The bundled sentence encoder in plain torch: tokens to unit vectors, in the arithmetic the processor is fastest at.

It is all-MiniLM-L6-v2 as sentence-transformers runs it (Reimers & Gurevych 2019, arXiv:1908.10084): BERT's layers, the
mean over a text's tokens, scaled to length one. A test holds its vectors against sentence-transformers' own.

This module imports torch at the top; import it only where a network is about to be used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name every torch program gives it
from numpy.typing import NDArray
from torch import Tensor, nn

from index.encoder import MINILM, Layer, norm, renamed, through, weights_of, with_weights

_TOKENS_STEP = 8  # at multiples of this the processor's vector units work an eighth faster


class SentenceNetwork(nn.Module):
    """Token ids in, one unit vector a text out."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.register_buffer("words", torch.zeros(MINILM.words, MINILM.width), persistent=False)
        self.positions = nn.Parameter(torch.zeros(MINILM.positions, MINILM.width))
        self.norm_input = nn.LayerNorm(MINILM.width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(MINILM) for _ in range(MINILM.layers))

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype) -> SentenceNetwork:
        """The encoder in `folder` (its `model.safetensors`), computing in `dtype`."""
        weights = weights_of(folder)
        state = renamed(weights, MINILM)
        # Every token of a text has the same segment, so its embedding is part of the position's.
        state["positions"] = state["positions"] + weights["embeddings.token_type_embeddings.weight"][0]
        network = with_weights(lambda: cls(dtype), state)
        network.register_buffer("words", weights["embeddings.word_embeddings.weight"].float(), persistent=False)
        network.layers.to(dtype)
        return network

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(texts, tokens) ids, padded to the right, and (texts,) lengths → (texts, width) unit vectors, float32."""
        tokens = ids.shape[1]
        x = F.embedding(ids, self.get_buffer("words")) + self.positions[:tokens]
        x = norm(self.norm_input, x).to(self.dtype)
        x = through(self.layers, x, lengths)
        read = (torch.arange(tokens)[None, :] < lengths[:, None])[:, :, None]
        return F.normalize((x.float() * read).sum(dim=1) / lengths[:, None], dim=1)

    @torch.inference_mode()
    def vectors(self, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """One batch: texts as token ids, special ones included → (texts, width) unit vectors."""
        longest = max(len(ids) for ids in texts)
        padded = np.zeros((len(texts), -(-longest // _TOKENS_STEP) * _TOKENS_STEP), dtype=np.int64)
        for row, ids in enumerate(texts):
            padded[row, : len(ids)] = ids
        lengths = torch.tensor([len(ids) for ids in texts])
        return np.asarray(self(torch.from_numpy(padded), lengths).numpy(), dtype=np.float32)
