from __future__ import annotations

import pytest

from assistant.access_settings import Rate
from assistant.web.limits import Limiter, network_of


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_goes_run_out_and_come_back_with_time() -> None:
    clock = Clock()
    limiter = Limiter(Rate(3, 60), clock)
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, 20]
    assert limiter.take("b") == 0
    clock.now += 19
    assert limiter.take("a") == 1
    clock.now += 1
    assert [limiter.take("a"), limiter.take("a")] == [0, 20]
    clock.now += 10_000
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, 20]


def test_a_go_can_be_given_back() -> None:
    limiter = Limiter(Rate(1, 60), Clock())
    assert limiter.take("a") == 0
    limiter.give_back("a")
    limiter.give_back("a")
    assert [limiter.take("a"), limiter.take("a")] == [0, 60]


def test_the_longest_unseen_are_forgotten() -> None:
    limiter = Limiter(Rate(1, 60), Clock(), most=2)
    for key in ("a", "b", "a", "c"):
        limiter.take(key)
    assert limiter.take("a") == 60
    assert limiter.take("b") == 0
    assert len(limiter._full_at) == 2


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(address: str, counted: str) -> None:
    assert network_of(address) == counted
