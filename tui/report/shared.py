"""Ports that clients who bind first share between destinations, in the words of a row."""

from __future__ import annotations

from tui.analysis.bind_first import BoundFirst
from tui.analysis.judgement import Level
from tui.writing.words import percent


def shared_words(bound: BoundFirst, threshold: float, words: str) -> str:
    """Return how the ports stand that a row's own figures do not tell of.

    ``words`` are those of their Level; what fails is bind(), not connect(). ``threshold`` is a
    percentage of capacity.
    """
    use = bound.use
    said = f"{bound.destinations:,} destinations share {use.capacity:,} ports: "
    if use.level(threshold) is Level.EXHAUSTED:
        return f"{said}EXHAUSTED, bind() fails"
    said += f"{percent(use.in_use, use.capacity, threshold)} in use"
    return f"{said}, {words}" if words else said
