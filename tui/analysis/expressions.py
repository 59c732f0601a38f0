"""Conditions with and, or, not and parentheses: the grammar that all filters share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tui.analysis.brackets import split_port, unclear
from tui.kernel.sockets import Array

Predicate = Callable[[Any], Array]
"""Says of each row of what is filtered whether it passes; shape (rows,), bool."""

MOST_TOKENS = 200
COMPARISONS: dict[str, Callable[[Array, float], Array]] = {
    "=": lambda a, b: a == b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}
OPERATORS = frozenset({"and", "&&", "&", "or", "||", "|", *COMPARISONS})


class FilterError(ValueError):
    """The filter cannot be read; the text says why."""


class FilterParser:
    """Recursive descent: either = both (or both)*, both = one (and? one)*."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0

    def peek(self) -> str | None:
        """Return what comes next, None at the end."""
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def take(self, wanted: str) -> str:
        """Return a word; without one FilterError says what is ``wanted``."""
        token = self.peek()
        if token is None or token in ("(", ")"):
            raise FilterError(wanted)
        self.position += 1
        return token

    def accept(self, *choices: str) -> str | None:
        """Take one of these, in lower case, if it comes next."""
        token = self.peek()
        if token is None or token.lower() not in choices:
            return None
        self.position += 1
        return token.lower()

    def ahead(self, *ends: str) -> bool:
        """Say whether one of these comes next, or nothing does."""
        token = self.peek()
        return token is None or token.lower() in ends

    def either(self) -> Predicate:
        """Read conditions of which one is enough."""
        left = self.both()
        while self.accept("or", "||", "|"):
            left = either_of(left, self.both())
        return left

    def both(self) -> Predicate:
        """Read conditions that must all hold."""
        left = self.one()
        while self.accept("and", "&&", "&") or not self.ahead(")", "or", "||", "|"):
            left = both_of(left, self.one())
        return left

    def one(self) -> Predicate:
        """Read one condition, or several in parentheses."""
        if self.accept("not", "!"):
            return none_of(self.one())
        if self.accept("("):
            inner = self.either()
            if not self.accept(")"):
                raise FilterError("missing “)”")
            return inner
        word = self.take("missing condition, such as `use > 50%`")
        if word in COMPARISONS and self.position > 1:
            before = self.tokens[self.position - 2]
            raise FilterError(f"“{before}” cannot be compared; try `dport 443` or `use > 50%`")
        if word.lower() in OPERATORS:
            raise FilterError(f"missing condition before “{word}”")
        return self.condition(word)

    def condition(self, word: str) -> Predicate:
        """Return what a word and those behind it choose."""
        raise NotImplementedError

    def end(self, side: str) -> tuple[str, str]:
        """Read an address or a network, and the port behind it, empty where there is none."""
        text = self.take(f"{side} needs an address, such as `{side} 10.0.0.0/8`")
        if cure := unclear(text):
            raise FilterError(f"“{text}”: {cure}")
        return split_port(text)

    def percentage(self) -> Callable[[Array], Array]:
        """Read a comparison of ``use``; it says which of some percentages pass."""
        compare = self.accept(*COMPARISONS)
        text = self.take("use needs a percentage, such as `use > 50%`")
        if compare is None:
            raise FilterError("use needs a comparison, such as `use > 50%`")
        number = re.fullmatch(r"(\d+(?:\.\d+)?)%?", text)  # float() also takes nan and 1e9
        if number is None:
            raise FilterError(f"“{text}” is not a percentage")
        wanted = float(number[1])
        # 999 of 1,000 is no exact float, and 99.9 is none: what is equal on paper is equal.
        return lambda percents: COMPARISONS[compare](np.round(percents, 9), wanted)


def bools(values: Array) -> Array:
    """Return what a comparison gives, as what it is: NumPy's types say less."""
    return values


def both_of(a: Predicate, b: Predicate) -> Predicate:
    """Choose what both choose."""
    return lambda frame: bools(a(frame) & b(frame))


def either_of(a: Predicate, b: Predicate) -> Predicate:
    """Choose what one of them chooses."""
    return lambda frame: bools(a(frame) | b(frame))


def none_of(a: Predicate) -> Predicate:
    """Choose all but what this chooses."""
    return lambda frame: bools(~a(frame))
