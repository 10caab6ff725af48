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

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - the name every torch program gives it
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Sizes of the encoder; the defaults are all-MiniLM-L6-v2's."""

    width: int = 384
    heads: int = 12
    layers: int = 6
    hidden: int = 1536
    positions: int = 512
    words: int = 30522


class Layer(nn.Module):
    """One transformer layer: attention over the whole input, then two linear maps, each added and
    normalised."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.qkv = nn.Linear(shape.width, 3 * shape.width)
        self.out = nn.Linear(shape.width, shape.width)
        self.norm_attention = nn.LayerNorm(shape.width, eps=1e-12)
        self.up = nn.Linear(shape.width, shape.hidden)
        self.down = nn.Linear(shape.hidden, shape.width)
        self.norm_output = nn.LayerNorm(shape.width, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(batch, tokens, width) → the same; `mask` is (batch, 1, 1, tokens), 0 to read and -inf to
        ignore."""
        batch, tokens, width = x.shape
        q, k, v = linear(self.qkv, x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = attend(q, k, v, mask)
        x = norm(self.norm_attention, x + linear(self.out, mixed.transpose(1, 2).reshape(batch, tokens, width)))
        return norm(self.norm_output, x + linear(self.down, F.gelu(linear(self.up, x))))


class ReaderNetwork(nn.Module):
    """Question and passage in, `(batch, tokens, 3)` logits out: answer start, answer end, answers at all."""

    def __init__(self, shape: Shape = Shape()) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("words", torch.zeros(shape.words, shape.width), persistent=False)
        self.positions = nn.Parameter(torch.zeros(shape.positions, shape.width), requires_grad=False)
        self.segments = nn.Parameter(torch.zeros(4, shape.width))
        self.norm_input = nn.LayerNorm(shape.width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.head = nn.Linear(shape.width, 3)

    def forward(self, ids: Tensor, segments: Tensor, lengths: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Logits for a padded batch.

        `ids` and `segments` are (batch, tokens); `lengths` is (batch,). All arithmetic but the head's runs in
        `dtype`."""
        tokens = ids.shape[1]
        x = F.embedding(ids, self.get_buffer("words")) + self.positions[:tokens] + F.embedding(segments, self.segments)
        x = norm(self.norm_input, x.to(dtype))
        mask = padding_mask(lengths, tokens).to(dtype) if bool((lengths < tokens).any()) else None
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(x.float())  # type: ignore[no-any-return]


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax attention, (batch, heads, tokens, width of a head) each.

    Written out because at these lengths (about 150 tokens) the fused kernel's backward pass takes five times
    as long on a CPU as the matrix products it saves."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores += mask
    return torch.softmax(scores, dim=-1) @ v


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """`layer(x)` in the precision of `x`: the master weights stay as they are (what autocast does, said
    plainly)."""
    return F.linear(x, layer.weight.to(x.dtype), layer.bias.to(x.dtype))


def norm(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    """`layer(x)` in the precision of `x`; the statistics are computed in float32 by the kernel."""
    return F.layer_norm(x, layer.normalized_shape, layer.weight.to(x.dtype), layer.bias.to(x.dtype), layer.eps)


def padding_mask(lengths: Tensor, tokens: int) -> Tensor:
    """(batch, 1, 1, tokens): 0 where a token is to be read, minus infinity where it is padding."""
    padding = torch.arange(tokens)[None, :] >= lengths[:, None]
    return torch.zeros(padding.shape).masked_fill_(padding, float("-inf"))[:, None, None, :]


def from_encoder(folder: Path) -> ReaderNetwork:
    """A reader that starts from the sentence encoder in `folder`: its layers and words, an untrained head."""
    network = ReaderNetwork()
    weights = load_file(folder / "model.safetensors")
    network.load_state_dict(renamed(weights, network.shape), strict=False)
    set_words(network, weights)
    with torch.no_grad():
        segments = weights["embeddings.token_type_embeddings.weight"]
        network.segments.copy_(segments[[0, 1, 0, 1]])
    nn.init.normal_(network.head.weight, std=0.02)
    nn.init.zeros_(network.head.bias)
    return network


def set_words(network: ReaderNetwork, weights: dict[str, Tensor]) -> None:
    """Give the network the sentence encoder's word embeddings, which stay frozen and never ship twice."""
    network.register_buffer("words", weights["embeddings.word_embeddings.weight"].float(), persistent=False)


def renamed(weights: dict[str, Tensor], shape: Shape) -> dict[str, Tensor]:
    """A Hugging Face BERT's weights under this module's names."""
    state = {"positions": weights["embeddings.position_embeddings.weight"]}
    state |= {f"norm_input.{part}": weights[f"embeddings.LayerNorm.{part}"] for part in ("weight", "bias")}
    for n in range(shape.layers):
        here, there = f"layers.{n}", f"encoder.layer.{n}"
        for part in ("weight", "bias"):
            qkv = [weights[f"{there}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            state[f"{here}.qkv.{part}"] = torch.cat(qkv)
            state[f"{here}.out.{part}"] = weights[f"{there}.attention.output.dense.{part}"]
            state[f"{here}.norm_attention.{part}"] = weights[f"{there}.attention.output.LayerNorm.{part}"]
            state[f"{here}.up.{part}"] = weights[f"{there}.intermediate.dense.{part}"]
            state[f"{here}.down.{part}"] = weights[f"{there}.output.dense.{part}"]
            state[f"{here}.norm_output.{part}"] = weights[f"{there}.output.LayerNorm.{part}"]
    return state


def save_weights(network: ReaderNetwork, path: Path) -> None:
    """Write what was trained: matrices of the layers as int8 with one scale an output channel, the rest as
    float32.

    Word and position embeddings are the sentence encoder's and stay in its package.
    """
    state: dict[str, Tensor] = {}
    for name, weight in network.state_dict().items():
        if name == "positions":
            continue
        if name.startswith("layers.") and weight.ndim == 2:
            state[name], state[f"{name}.scale"] = to_int8(weight)
        else:
            state[name] = weight.float().contiguous()
    save_file(state, path)


def load_network(path: Path, encoder: Path) -> ReaderNetwork:
    """The network of `save_weights`, over the words of the sentence encoder in `encoder`."""
    network = ReaderNetwork()
    words = load_file(encoder / "model.safetensors")
    set_words(network, words)
    state = load_file(path)
    scales = {name: state.pop(name) for name in list(state) if name.endswith(".scale")}
    for name, scale in scales.items():
        matrix = name.removesuffix(".scale")
        state[matrix] = from_int8(state[matrix], scale)
    state["positions"] = words["embeddings.position_embeddings.weight"]
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def to_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(outputs, inputs) → the same in int8, and (outputs, 1) scales: each row's largest entry becomes 127."""
    scale = weight.float().abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / 127
    return (weight.float() / scale).round().to(torch.int8), scale


def from_int8(weight: Tensor, scale: Tensor) -> Tensor:
    """The inverse of `to_int8`, as float32."""
    return weight.float() * scale


def fast_dtype() -> torch.dtype:
    """The arithmetic this processor is fastest at: bfloat16 only where it is an instruction, not an
    emulation."""
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32
