"""Signals, answered in a way of one's own for a while."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def answered(
    signals: tuple[signal.Signals, ...], answer: Callable[[int, FrameType | None], object]
) -> Iterator[None]:
    """Answer these signals so, and then as before. For the main thread."""
    before = {number: signal.signal(number, answer) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
