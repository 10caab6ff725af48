from __future__ import annotations

import pytest
import torch
from torch import nn

from index.encoder import Int8Linear, fast_dtype

needs_bytes = pytest.mark.skipif(fast_dtype() != torch.bfloat16, reason="this processor has no bfloat16")


@needs_bytes
def test_a_product_of_bytes_is_near_the_exact_one_even_beside_a_token_of_large_entries() -> None:
    torch.manual_seed(1)
    layer = nn.Linear(384, 1536)
    x = torch.randn(1, 50, 384)
    x[0, 7] *= 50
    with torch.inference_mode():
        exact, found = layer(x), Int8Linear(layer)(x.bfloat16()).float()

    assert found.shape == exact.shape
    assert ((found - exact).norm(dim=-1) / exact.norm(dim=-1)).max() < 0.02


@needs_bytes
def test_what_a_token_gives_does_not_hang_on_the_others() -> None:
    layer = Int8Linear(nn.Linear(384, 384))
    x = torch.randn(1, 9, 384).bfloat16()
    with torch.inference_mode():
        alone, among = layer(x[:, :1]), layer(x)

    assert torch.equal(alone[0, 0], among[0, 0])


@needs_bytes
def test_nothing_but_zeros_gives_the_constant() -> None:
    linear = nn.Linear(384, 384)
    with torch.inference_mode():
        found = Int8Linear(linear)(torch.zeros(1, 3, 384, dtype=torch.bfloat16))

    assert torch.allclose(found[0, 1].float(), linear.bias, atol=1e-3)
