from __future__ import annotations

import pytest
import torch
from torch import nn

from index.encoder import (
    MINILM,
    Int8Linear,
    Layer,
    attend,
    fast_dtype,
    from_int8,
    multiplies_bytes,
    to_int8,
    with_weights,
)

pytestmark = pytest.mark.skipif(not multiplies_bytes(), reason="this processor does not multiply bytes")


@pytest.fixture(params=sorted({fast_dtype(), torch.float32}, key=str), ids=str)
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    """Each kind of number that the layers may compute in here."""
    assert isinstance(request.param, torch.dtype)
    return request.param


def test_a_product_of_bytes_is_near_the_exact_one_even_beside_a_token_of_large_entries(dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    layer = nn.Linear(384, 1536)
    x = torch.randn(1, 50, 384)
    x[0, 7] *= 50
    with torch.inference_mode():
        exact, found = layer(x), Int8Linear(layer, dtype)(x.to(dtype)).float()

    assert found.shape == exact.shape
    assert ((found - exact).norm(dim=-1) / exact.norm(dim=-1)).max() < 0.02


def test_sums_of_the_largest_bytes_do_not_overflow(dtype: torch.dtype) -> None:
    layer = nn.Linear(384, 8)
    nn.init.ones_(layer.weight)
    for sign in (1, -1):
        with torch.inference_mode():
            found = Int8Linear(layer, dtype)(torch.full((1, 1, 384), float(sign), dtype=dtype))

        assert torch.allclose(found.float(), layer.bias + sign * 384, rtol=0.01)


def test_what_a_token_gives_does_not_hang_on_the_others(dtype: torch.dtype) -> None:
    layer = Int8Linear(nn.Linear(384, 384), dtype)
    x = torch.randn(1, 9, 384).to(dtype)
    with torch.inference_mode():
        alone, among = layer(x[:, :1]), layer(x)

    assert torch.equal(alone[0, 0], among[0, 0])


def test_nothing_but_zeros_gives_the_constant(dtype: torch.dtype) -> None:
    linear = nn.Linear(384, 384)
    with torch.inference_mode():
        found = Int8Linear(linear, dtype)(torch.zeros(1, 3, 384, dtype=dtype))

    assert torch.allclose(found[0, 1].float(), linear.bias, atol=1e-3)


@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)], ids=str)
def test_attention_is_the_same_whether_something_is_learnt_or_not(dtype: torch.dtype, within: float) -> None:
    q, k, v = torch.randn(3, 2, 4, 9, 8).to(dtype)
    mask = torch.zeros(2, 1, 1, 9, dtype=dtype)
    mask[1, ..., 5:] = float("-inf")
    for masked in (None, mask):
        learning = attend(q.float(), k.float(), v.float(), None if masked is None else masked.float())
        with torch.no_grad():
            read = attend(q, k, v, masked)

        assert read.dtype == dtype
        assert torch.allclose(learning, read.float(), atol=within)


@pytest.mark.parametrize("score", [-500.0, 500.0])
def test_attention_in_bfloat16_stays_a_mean_however_large_its_scores_are(score: float) -> None:
    q, k = torch.ones(1, 1, 512, 1), torch.full((1, 1, 512, 1), score)
    with torch.no_grad():
        read = attend(q.bfloat16(), k.bfloat16(), torch.full((1, 1, 512, 1), 50.0).bfloat16(), None)

    assert torch.equal(read, torch.full_like(read, 50))


def test_a_network_to_compute_with_has_the_weights_it_is_given_and_learns_nothing() -> None:
    trained = Layer(MINILM)
    state = {name: weight.clone() for name, weight in trained.state_dict().items()}
    network = with_weights(lambda: Layer(MINILM), state)
    x = torch.randn(2, 9, 384)
    with torch.inference_mode():
        assert torch.equal(network(x, None), trained(x, None))
    assert not any(weight.requires_grad for weight in network.parameters())
    assert network.up.weight.data_ptr() == state["up.weight"].data_ptr()


def test_a_matrix_of_bytes_is_as_exact_as_in_two_steps() -> None:
    weight, scale = to_int8(torch.randn(64, 32))
    assert torch.equal(from_int8(weight, scale), weight.float() * scale)
