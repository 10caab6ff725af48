"""The layers that the small trained networks share: BERT's (Devlin et al. 2019, arXiv:1810.04805) in MiniLM's size.

The weights start as those of the installed sentence encoder (Wang et al. 2020, arXiv:2002.10957), arithmetic may run
in bfloat16 over float32 master weights, and matrices are stored as int8 with a scale a row.

This module imports torch at the top; import it only where a network is about to be used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import torch
import torch.nn.functional as F  # noqa: N812 - the name every torch program gives it
from safetensors.torch import load_file
from torch import Tensor, nn

_Network = TypeVar("_Network", bound=nn.Module)


@dataclass(frozen=True)
class Shape:
    """Sizes of the encoder; the defaults are all-MiniLM-L6-v2's."""

    width: int = 384
    heads: int = 12
    layers: int = 6
    hidden: int = 1536
    positions: int = 512
    words: int = 30522


MINILM = Shape()


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


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax attention, (batch, heads, tokens, width of a head) each; `mask` is (batch, 1, 1, tokens).

    Written out for training because at these lengths (about 150 tokens) the fused kernel's backward pass takes five
    times as long on a CPU as the matrix products it saves. In float32 it saves a quarter where nothing is learnt."""
    if not torch.is_grad_enabled():
        if q.dtype == torch.float32:
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        if q.dtype == torch.bfloat16:
            return _attend_in_bfloat16(q, k, v, mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores += mask
    return torch.softmax(scores, dim=-1) @ v


_LARGEST_SCORE = 77.0  # e^77, times as many tokens as may be, is within bfloat16's range; 76 is the largest seen


def _attend_in_bfloat16(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """`attend` without torch's softmax and sum of a mask, which take most of its time in bfloat16.

    The largest score of a row need not be taken off, as bfloat16 reaches as far as float32."""
    batch, heads, tokens, width = q.shape
    q, k, v = (part.reshape(batch * heads, -1, width) for part in (q, k, v))
    if mask is None:
        mask = q.new_zeros(1, 1, 1, 1)
    masks = mask.expand(batch, heads, 1, -1).reshape(batch * heads, 1, -1)
    scores = torch.baddbmm(masks, q, k.transpose(1, 2), alpha=width**-0.5)
    weights = scores.clamp_(-_LARGEST_SCORE, _LARGEST_SCORE).exp_()
    return (torch.bmm(weights, v) / weights.sum(dim=-1, keepdim=True)).view(batch, heads, tokens, width)


class Int8Linear(nn.Module):
    """A linear map whose product is of bytes, which takes half the time of one of larger numbers.

    The matrix has one scale an output and the input one a token, since single entries of some tokens are fifty times
    the rest. The product is oneDNN's, through the operator that torch's own int8 models are compiled to. Beside
    bfloat16 processors have instructions that sum bytes' products in 32 bits. Others sum two of them in 16 bits first,
    which is why there, in float32, the matrix has seven bits only: the sums must not overflow.
    """

    def __init__(self, layer: nn.Linear, dtype: torch.dtype) -> None:
        super().__init__()
        matrix, scale = to_int8(layer.weight.detach(), 127 if dtype == torch.bfloat16 else 63)
        self.matrix = torch.ops.onednn.qlinear_prepack(matrix, None)
        self.scale, self.zero = scale.squeeze(1), torch.zeros(len(scale), dtype=torch.int64)
        self.bias, self.dtype = layer.bias.detach().to(dtype), dtype

    def forward(self, x: Tensor) -> Tensor:
        """(…, inputs) → (…, outputs), both of the map's `dtype`."""
        steps = 126 / x.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12)  # 127 could become 128 in bfloat16
        # The product wants unsigned bytes that stand for so much more: signed ones with the topmost bit turned over.
        moved = (x * steps).round_().to(torch.int8).view(torch.uint8).bitwise_xor_(128)
        about: tuple[object, ...] = (self.matrix, self.scale, self.zero, None, 1.0, 0, self.dtype, "none", [], "")
        product: Tensor = torch.ops.onednn.qlinear_pointwise(moved, 1.0, 128, *about)
        return torch.addcdiv(self.bias, product, steps)


def in_int8(layers: nn.ModuleList, dtype: torch.dtype) -> None:
    """Let the large matrices of these layers be multiplied as bytes from now on, if this processor is fast at it.

    What they are given and give is of `dtype`. With the small matrix nothing is won.
    """
    if not multiplies_bytes():
        return
    for layer in layers:
        for name in ("qkv", "up", "down"):
            setattr(layer, name, Int8Linear(getattr(layer, name), dtype))


def linear(layer: nn.Linear | Int8Linear, x: Tensor) -> Tensor:
    """`layer(x)` in the precision of `x`: the master weights stay as they are (what autocast does, said
    plainly)."""
    if isinstance(layer, Int8Linear):
        return layer(x)  # type: ignore[no-any-return]
    return F.linear(x, layer.weight.to(x.dtype), layer.bias.to(x.dtype))


def norm(layer: nn.LayerNorm, x: Tensor) -> Tensor:
    """`layer(x)` in the precision of `x`; the statistics are computed in float32 by the kernel."""
    return F.layer_norm(x, layer.normalized_shape, layer.weight.to(x.dtype), layer.bias.to(x.dtype), layer.eps)


def padding_mask(lengths: Tensor, x: Tensor) -> Tensor | None:
    """(batch, 1, 1, tokens), as `x` of (batch, tokens, width) is: minus infinity where a token is padding, else 0.

    None where nothing is padding. `lengths`, (batch,), is on the CPU.
    """
    padding = torch.arange(x.shape[1])[None, :] >= lengths[:, None]
    if not bool(padding.any()):
        return None
    return torch.zeros(padding.shape).masked_fill_(padding, float("-inf"))[:, None, None, :].to(x)


def through(layers: nn.ModuleList, x: Tensor, lengths: Tensor) -> Tensor:
    """(batch, tokens, width) through all layers, as `x` is; `lengths`, (batch,), is on the CPU, the rest padding."""
    mask = padding_mask(lengths, x)
    for layer in layers:
        x = layer(x, mask)
    return x


@cache
def weights_of(folder: Path) -> Mapping[str, Tensor]:
    """The sentence encoder's weights in `folder`, read once: all networks over its words share them."""
    return MappingProxyType(load_file(folder / "model.safetensors"))


def with_weights(make: Callable[[], _Network], state: Mapping[str, Tensor]) -> _Network:
    """A network to compute with, whose weights are those of `state`, not copies; it is to be taught nothing.

    It is made without memory: to fill that with random numbers first took three times as long as all else.
    """
    with torch.device("meta"):
        network = make()
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def renamed(weights: Mapping[str, Tensor], shape: Shape) -> dict[str, Tensor]:
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


def to_int8(weight: Tensor, most: int = 127) -> tuple[Tensor, Tensor]:
    """(outputs, inputs) → the same in int8, and (outputs, 1) scales: each row's largest entry becomes `most`."""
    scale = weight.float().abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / most
    return (weight.float() / scale).round().to(torch.int8), scale


def from_int8(weight: Tensor, scale: Tensor) -> Tensor:
    """The inverse of `to_int8`, as float32."""
    return weight * scale  # in one step, without the matrix as float32 in between


def packed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as they ship: the layers' matrices as int8 with one scale an output channel, the rest as float32."""
    kept: dict[str, Tensor] = {}
    for name, weight in state.items():
        if name.startswith("layers.") and weight.ndim == 2:
            kept[name], kept[f"{name}.scale"] = to_int8(weight)
        else:
            kept[name] = weight.float().contiguous()
    return kept


def unpacked(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `packed`: every weight as float32, without the scales."""
    return {
        name: from_int8(weight, state[f"{name}.scale"]) if f"{name}.scale" in state else weight
        for name, weight in state.items()
        if not name.endswith(".scale")
    }


def multiplies_bytes() -> bool:
    """Whether this processor is faster with products of bytes: measured on x86, where torch has them at hand."""
    return torch.backends.cpu.get_cpu_capability().startswith("AVX")


def fast_dtype() -> torch.dtype:
    """The arithmetic this processor is fastest at: bfloat16 only where it is an instruction, not an
    emulation."""
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32
