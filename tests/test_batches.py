from __future__ import annotations

import threading

import pytest

from index.batches import cores, keep_to, on_one_core, side_by_side


def test_results_come_in_the_order_of_their_batches() -> None:
    assert side_by_side(sum, [[n, n] for n in range(50)]) == [2 * n for n in range(50)]
    assert side_by_side(sum, []) == []


def test_torch_uses_one_thread_for_each_and_leaves_the_caller_its_own() -> None:
    import torch

    before = torch.get_num_threads()
    assert side_by_side(lambda _: torch.get_num_threads(), range(8)) == [1] * 8
    assert torch.get_num_threads() == before


def test_one_piece_of_work_has_one_thread_too() -> None:
    import torch

    before = torch.get_num_threads()
    assert on_one_core(torch.get_num_threads) == 1
    assert torch.get_num_threads() == before


def test_as_many_run_at_once_as_there_are_cores() -> None:
    together = threading.Barrier(cores(), timeout=20)  # nobody passes before all have come
    side_by_side(lambda _: together.wait(), range(cores()))


def test_a_fault_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda number: 1 // number, [1, 0])


def test_a_process_keeps_to_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    there = cores()
    monkeypatch.setattr("index.batches._share", None)
    keep_to(1)
    assert cores() == 1
    keep_to(there + 1)
    assert cores() == there
