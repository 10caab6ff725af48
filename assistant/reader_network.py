"""The reader's network: MiniLM reading a question and a passage together, with three numbers for every token.

The encoder is BERT (Devlin et al. 2019, arXiv:1810.04805) in the 6-layer form that sentence-transformers'
MiniLM has (Wang et al. 2020, arXiv:2002.10957). A reader head turns each token into three logits: an answer
starts here, an answer ends here, and, read only at [CLS], this passage answers the question.

Two things differ from plain fine-tuning. The word embeddings stay those of the installed sentence encoder, so
the weights that ship are the six layers alone. And every token carries, as its segment, whether its word also
stands in the other text: the exact-match feature of DrQA (Chen et al. 2017, arXiv:1704.00051), which spares a
small training set from having to teach the network what "the same word" means.

This module imports torch at the top; import it only where a network is about to be used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - the name every torch program gives it
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from index.encoder import MINILM, Layer, Shape, norm, packed, renamed, through, unpacked, weights_of, with_weights


class ReaderNetwork(nn.Module):
    """Question and passage in, `(batch, tokens, 3)` logits out: answer start, answer end, answers at all."""

    def __init__(self, shape: Shape = MINILM) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("words", torch.zeros(shape.words, shape.width), persistent=False)
        self.positions = nn.Parameter(torch.zeros(shape.positions, shape.width), requires_grad=False)
        self.segments = nn.Parameter(torch.zeros(4, shape.width))
        self.norm_input = nn.LayerNorm(shape.width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.head = nn.Linear(shape.width, 3)

    @property
    def device(self) -> torch.device:
        """Where the weights are; `ids` and `segments` must be there too, `lengths` on the CPU."""
        return self.positions.device

    def forward(self, ids: Tensor, segments: Tensor, lengths: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Logits for a padded batch.

        `ids` and `segments` are (batch, tokens); `lengths` is (batch,). All arithmetic but the head's runs in
        `dtype`."""
        x = through(self.layers, self.embedded(ids, segments, dtype), lengths)
        return self.head(x.float())  # type: ignore[no-any-return]

    def embedded(self, ids: Tensor, segments: Tensor, dtype: torch.dtype) -> Tensor:
        """(batch, tokens, width): each token's word, place and segment, as the first layer is given them."""
        places = self.positions[: ids.shape[1]]
        x = F.embedding(ids, self.get_buffer("words")) + places + F.embedding(segments, self.segments)
        return norm(self.norm_input, x.to(dtype))


def from_encoder(folder: Path) -> ReaderNetwork:
    """A reader that starts from the sentence encoder in `folder`: its layers and words, an untrained head."""
    network = ReaderNetwork()
    weights = weights_of(folder)
    network.load_state_dict(renamed(weights, network.shape), strict=False)
    set_words(network, weights)
    with torch.no_grad():
        segments = weights["embeddings.token_type_embeddings.weight"]
        network.segments.copy_(segments[[0, 1, 0, 1]])
    nn.init.normal_(network.head.weight, std=0.02)
    nn.init.zeros_(network.head.bias)
    return network


def set_words(network: ReaderNetwork, weights: Mapping[str, Tensor]) -> None:
    """Give the network the sentence encoder's word embeddings, which stay frozen and never ship twice."""
    network.register_buffer("words", weights["embeddings.word_embeddings.weight"].float(), persistent=False)


def save_weights(network: ReaderNetwork, path: Path) -> None:
    """Write what was trained, packed; word and position embeddings are the encoder's and stay in its package."""
    save_file(packed({name: weight for name, weight in network.state_dict().items() if name != "positions"}), path)


def load_network(path: Path, encoder: Path) -> ReaderNetwork:
    """The network of `save_weights`, over the words of the sentence encoder in `encoder`."""
    weights = weights_of(encoder)
    positions = weights["embeddings.position_embeddings.weight"]
    network = with_weights(ReaderNetwork, {**unpacked(load_file(path)), "positions": positions})
    set_words(network, weights)
    return network
