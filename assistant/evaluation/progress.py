"""How far a run is, in one line that is written over itself; nothing where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TextIO

from assistant.evaluation.run import Step

_EVERY = 0.2  # seconds
_CLEAR = "\r\x1b[K"


@contextmanager
def counting(stream: TextIO) -> Iterator[Callable[[Step], None]]:
    """Yield what shows a step on `stream`; the line is gone when the block ends."""
    shows, shown = stream.isatty(), -_EVERY

    def show(step: Step) -> None:
        nonlocal shown
        if shows and monotonic() - shown >= _EVERY:
            shown = monotonic()
            stream.write(f"{_CLEAR}{sentence(step)}")
            stream.flush()

    try:
        yield show
    finally:
        if shows:
            stream.write(_CLEAR)
            stream.flush()


def sentence(step: Step) -> str:
    """Say how far a run is and how long the rest will take."""
    asked = f"{step.done:,} of {step.total:,} questions"
    if step.seconds_left is None:
        return asked
    minutes, seconds = divmod(round(step.seconds_left), 60)
    return f"{asked}, about {f'{minutes:,} min {seconds:02} s' if minutes else f'{seconds} s'} left"
