"""Where new rows stand in a table, as columns: chance, so no more bits than there are choices."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tui.kernel.sockets import Array

BLOCKS = 16
"""So many blocks of new rows are there at most in one table."""


def _at_once(count: int) -> int:
    """Return how many numbers below ``count`` are one of 63 bits."""
    return int(63 / math.log2(max(count, 2)))


def _together(numbers: Array, count: int) -> Array:
    """Return numbers below ``count`` as digits of fewer ones, in which no bit is in vain."""
    digits = _at_once(count)
    whole = np.zeros(-(-len(numbers) // digits) * digits, np.uint64)
    whole[: len(numbers)] = numbers
    worth = np.uint64(count) ** np.arange(digits, dtype=np.uint64)
    together: Array = (whole.reshape(-1, digits) * worth).sum(axis=1, dtype=np.uint64)
    return together


def _apart(together: Array, count: int) -> Array:
    """Return the numbers that _together() was given, and zeros behind them."""
    digits, base = _at_once(count), np.uint64(max(count, 1))
    numbers = np.empty((len(together), digits), np.uint64)
    for digit in range(digits):  # to divide by one number takes far less than by an array of them
        whole = together // base
        numbers[:, digit] = together - whole * base
        together = whole
    return numbers.ravel().view(np.int64)


def packed_places(places: Array, count: int) -> dict[str, Array]:
    """Return columns that tell the places of new rows in a table of ``count``.

    Each is one among those that are free yet, which are fewer and fewer: of a whole table that
    takes a bit less for each row. So that it is soon done it holds for a block of rows at a time.
    """
    columns, free = {}, np.arange(count)
    for number, first in enumerate(range(0, len(places), block := _block(count))):
        at = free.searchsorted(places[first : first + block])
        columns[f"places.{number}"] = _together(at, len(free))
        free = np.delete(free, at)
    return columns


def places(columns: Mapping[str, Array], came: int, count: int) -> Array:
    """Return what packed_places() was given."""
    if "at" in columns:  # until version 2
        return columns["at"].view(np.int64)
    if "places" in columns:  # in the first recordings of version 3
        return _apart(columns["places"], count)[:came]
    if not came:
        return np.empty(0, np.int64)
    block = _block(count)
    at = _apart(columns["places.0"], count)[: min(block, came)]
    if came <= block:
        return at
    found, free = [at], np.arange(count)
    for number, first in enumerate(range(block, came, block), 1):
        free = np.delete(free, at)
        at = _apart(columns[f"places.{number}"], len(free))[: min(block, came - first)]
        found.append(free[at])
    return np.concatenate(found)


def _block(count: int) -> int:
    return -(-count // BLOCKS) or 1


def has_places(columns: Mapping[str, Array], came: int) -> bool:
    """Say whether so many rows may have a place there, before there are arrays of so many."""
    if "at" in columns:
        return len(columns["at"]) == came
    told = sum(len(columns[name]) for name in columns if name.partition(".")[0] == "places")
    return 0 <= came <= 63 * told
