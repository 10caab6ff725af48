"""The claim network: which words of a text report what somebody says, and, for each, who says what.

The sentence encoder reads a window of text. Its lowest layers stay as installed; the upper ones are trained. A first
head tells of every token whether it is an anchor: the word that stands for an attribution ("said", "according").
Then each anchor asks its own question of the tokens around it: one narrow input a token is made of the token, the
anchor and the distance between them, two narrow layers read these together, and every token is judged to belong to
the anchor's source, its cue, its content or to none of them. So attributions may nest, cross and be in pieces, and
what belongs together is never guessed from distance. It is how predicates get their arguments in semantic role
labelling (Shi & Lin 2019, arXiv:1904.05255), but that the encoder is run once, not once an anchor.

What is no word's meaning is told to the upper layers as a feature of the token: a capital (the encoder's words have
none), the start of a sentence or paragraph, standing in quotation marks.

This module imports torch at the top; import it only where a network is about to be used.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - the name every torch program gives it
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from index.encoder import (
    MINILM,
    Layer,
    Shape,
    linear,
    norm,
    packed,
    padding_mask,
    renamed,
    unpacked,
    weights_of,
    with_weights,
)

NARROW = Shape(width=128, heads=4, layers=2, hidden=256)

FROZEN = 2
"""Lowest layers that stay the sentence encoder's."""

BEFORE, AFTER = 64, 112
"""Tokens before an anchor, and from it on, that it asks: all of 99 attributions in a hundred."""

REACH = BEFORE + AFTER

NEAR_BEFORE, NEAR_AFTER = 48, 80
"""What of it is asked once the network is trained, for speed; a quotation that goes on is made whole anyway."""

NONE, SOURCE, CUE, CONTENT = range(4)
"""What a token may be to an anchor."""


class ClaimNetwork(nn.Module):
    """A window of text in, anchors out; then anchors in, and what every token near them is to them out."""

    def __init__(self, shape: Shape = MINILM, narrow: Shape = NARROW) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("words", torch.zeros(shape.words, shape.width), persistent=False)
        self.positions = nn.Parameter(torch.zeros(shape.positions, shape.width))
        self.norm_input = nn.LayerNorm(shape.width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.features = nn.Parameter(torch.zeros(16, shape.width))
        self.anchor = nn.Linear(shape.width, 1)
        self.of_anchor = nn.Linear(shape.width, narrow.width)
        self.of_token = nn.Linear(shape.width, narrow.width)
        self.distances = nn.Parameter(torch.zeros(REACH, narrow.width))
        self.norm_narrow = nn.LayerNorm(narrow.width, eps=1e-12)
        self.narrow = nn.ModuleList(Layer(narrow) for _ in range(narrow.layers))
        self.roles = nn.Linear(narrow.width, 4)
        self.real = nn.Linear(narrow.width, 1)
        self.dropout = 0.0

    def frozen(self) -> list[nn.Parameter]:
        """The parameters that are the sentence encoder's and stay so."""
        lowest = [p for layer in [self.norm_input, *self.layers[:FROZEN]] for p in layer.parameters()]
        return [self.positions, *lowest]

    def states(self, ids: Tensor, features: Tensor, lengths: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return (batch, tokens, width) for `ids` and `features` of (batch, tokens) and `lengths` of (batch,)."""
        x = F.embedding(ids, self.get_buffer("words")) + self.positions[: ids.shape[1]]
        x = norm(self.norm_input, x.to(dtype))
        mask = padding_mask(lengths, x)
        for number, layer in enumerate(self.layers):
            if number == FROZEN:
                x = self._dropped(x + F.embedding(features, self.features).to(dtype))
            x = layer(x, mask)
        return self._dropped(x)

    def anchors(self, states: Tensor) -> Tensor:
        """Return (batch, tokens) logits: is this token an anchor?"""
        return self.anchor(states.float()).squeeze(-1)  # type: ignore[no-any-return]

    def judge(
        self, states: Tensor, lengths: Tensor, rows: Tensor, places: Tensor, before: int = BEFORE, after: int = AFTER
    ) -> tuple[Tensor, Tensor]:
        """Return what the tokens around each anchor are to it, and whether it is an anchor on second reading.

        `rows` and `places`, (anchors,), say in which window and at which token each stands. The first result is
        (anchors, before + after, 4) logits for the tokens from `before` tokens before the anchor on; the second
        (anchors,) logits.
        """
        near, inside = around(places, lengths[rows], before, after)
        tokens = linear(self.of_token, states)[rows[:, None], near]
        anchors = linear(self.of_anchor, states[rows, places])[:, None]
        distances = self.distances[BEFORE - before : BEFORE + after]
        x = norm(self.norm_narrow, tokens + anchors + distances.to(states.dtype))
        mask = torch.zeros(inside.shape, dtype=states.dtype).masked_fill_(~inside, float("-inf"))[:, None, None, :]
        for layer in self.narrow:
            x = layer(x, mask)
        x = self._dropped(x).float()
        return self.roles(x), self.real(x[:, before]).squeeze(-1)

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout) if self.dropout else x


def around(places: Tensor, lengths: Tensor, before: int = BEFORE, after: int = AFTER) -> tuple[Tensor, Tensor]:
    """Return the tokens that each anchor asks, (anchors, before + after), and which of them are words of its window."""
    near = places[:, None] + torch.arange(-before, after)
    inside = (near >= 1) & (near < lengths[:, None] - 1)
    return near.clamp(min=0).minimum(lengths[:, None] - 1), inside


def from_encoder(folder: Path) -> ClaimNetwork:
    """Return a network that starts from the sentence encoder in `folder`, with untrained heads."""
    network = ClaimNetwork()
    network.load_state_dict(_of_encoder(folder, network.shape), strict=False)
    _set_words(network, folder)
    for head in (network.anchor, network.of_anchor, network.of_token, network.roles, network.real):
        nn.init.normal_(head.weight, std=0.05)
        nn.init.zeros_(head.bias)
    nn.init.normal_(network.distances, std=0.02)
    for weight in network.frozen():
        weight.requires_grad_(False)
    return network


def _of_encoder(folder: Path, shape: Shape) -> dict[str, Tensor]:
    weights = weights_of(folder)
    state = renamed(weights, shape)
    # Every token is of the first segment, so that its embedding can be part of the position's.
    state["positions"] = state["positions"] + weights["embeddings.token_type_embeddings.weight"][0]
    return state


def _set_words(network: ClaimNetwork, folder: Path) -> None:
    words = weights_of(folder)["embeddings.word_embeddings.weight"].float()
    network.register_buffer("words", words, persistent=False)


def save_weights(network: ClaimNetwork, path: Path) -> None:
    """Write what was trained, packed."""
    trained = {name for name, weight in network.named_parameters() if weight.requires_grad}
    save_file(packed({name: weight for name, weight in network.state_dict().items() if name in trained}), path)


def load_network(path: Path, encoder: Path) -> ClaimNetwork:
    """Return the network of `save_weights`, over the sentence encoder in `encoder`."""
    network = with_weights(ClaimNetwork, {**_of_encoder(encoder, MINILM), **unpacked(load_file(path))})
    _set_words(network, encoder)
    return network
