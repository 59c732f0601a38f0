"""Columns of integers and a JSON head ↔ bytes, self-describing: any reader finds its way.

Columns are Rice-coded (R. F. Rice, 1979): the low bits of a value as they are, the rest as so many
zeros before a one. Steps of ports and times come to some three bits a value that way, where
deflate, which does not know one column from another, needs twice as much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from tui.kernel.sockets import Array

FAR = 12
"""So many zeros stand for a value that is written elsewhere: it would need more of them."""


class Listed(NamedTuple):
    """What a head says of one column."""

    name: str
    size: int
    """How many values."""
    unit: int
    """What all its values are multiples of."""
    low_bits: int
    length: int
    """In bytes."""
    widest: int
    """In bits."""


def dense(columns: Mapping[str, Array]) -> tuple[list[Listed], bytes]:
    """Return the columns (of integers from 0, below 2⁶⁴) as bytes, and what they hold."""
    listed, parts = [], []
    for name, values in columns.items():
        if len(values):
            coded, data = _coded(name, values.astype(np.uint64))
            listed.append(coded)
            parts.append(data)
    return listed, b"".join(parts)


class Columns(Mapping[str, Array]):
    """The columns that dense() was given, each unpacked when it is asked for.

    Raises ValueError for anything else, then at the latest.
    """

    def __init__(self, listed: list[Listed], data: bytes) -> None:
        self._packed: dict[str, tuple[Listed, bytes]] = {}
        begin = 0
        for column in listed:
            end = begin + column.length
            if not (0 < column.size <= column.length * 8 and end <= len(data)):
                raise ValueError(f"column {column.name} is cut short")
            self._packed[column.name] = column, data[begin:end]
            begin = end

    def __getitem__(self, name: str) -> Array:
        return _decoded(*self._packed[name])

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def _coded(name: str, values: Array) -> tuple[Listed, bytes]:
    unit = max(int(np.gcd.reduce(values)), 1)
    if unit > 1:
        values = values // np.uint64(unit)
    ordered = np.sort(values)
    widest = int(ordered[-1]).bit_length()
    middle = int(ordered[len(ordered) // 2]).bit_length()
    low_bits = min(
        range(max(middle - 2, 0), middle + 2), key=lambda bits: _cost(values, bits, widest)
    )
    high = values >> np.uint64(low_bits) if low_bits < 64 else np.zeros_like(values)
    far = high >= FAR
    zeros = np.minimum(high, FAR).astype(np.int64)
    ends = np.cumsum(zeros + 1)
    bits = np.zeros(int(ends[-1]), np.uint8)
    bits[ends - 1] = 1
    whole = bits, _bits(values[~far], low_bits), _bits(values[far], widest)
    data = np.packbits(np.concatenate(whole)).tobytes()
    return Listed(name, len(values), unit, low_bits, len(data), widest), data


def _cost(values: Array, low_bits: int, widest: int) -> int:
    high = values >> np.uint64(min(low_bits, 63))
    far = int(np.count_nonzero(high >= FAR))
    return len(values) * (low_bits + 1) + int(np.minimum(high, FAR).sum()) + far * widest


def _decoded(column: Listed, data: bytes) -> Array:
    count, low_bits = column.size, column.low_bits
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    ends = np.flatnonzero(bits[: count * (FAR + 1)])[:count]
    if len(ends) < count:
        raise ValueError(f"column {column.name} is cut short")
    zeros = ends.copy()
    zeros[1:] -= ends[:-1] + 1
    far = zeros >= FAR
    begin, near = int(ends[-1]) + 1, count - int(np.count_nonzero(far))
    values = np.empty(count, np.uint64)
    low = _numbers(bits[begin : begin + near * low_bits], low_bits)
    values[~far] = (zeros[~far].astype(np.uint64) << np.uint64(min(low_bits, 63))) | low
    begin += near * low_bits
    values[far] = _numbers(bits[begin : begin + (count - near) * column.widest], column.widest)
    return values * np.uint64(column.unit)


def _bits(values: Array, width: int) -> Array:
    """Return so many low bits of each value, the highest first."""
    whole = np.unpackbits(values.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    return whole[:, 64 - width :].reshape(-1)


def _numbers(bits: Array, width: int) -> Array:
    if not width:
        return np.zeros(1, np.uint64)
    rows = bits.reshape(-1, width)
    whole = np.zeros((len(rows), 64), np.uint8)
    whole[:, 64 - width :] = rows
    return np.packbits(whole, axis=1).view(">u8").reshape(-1).astype(np.uint64)


def packed_column(name: str, values: Array) -> dict[str, Array]:
    """Return a column's values as runs of equal ones, or else as steps from one to the next."""
    change = np.diff(values, prepend=values.dtype.type(0))  # wraps, as unsigned integers do
    turns = np.flatnonzero(change)
    if len(turns) * 2 > len(values):
        return {f"{name}.steps": change}
    return {f"{name}.turns": gaps(turns), f"{name}.by": change[turns]}


def unpacked_column(
    name: str, columns: Mapping[str, Array], count: int, kind: type[np.generic]
) -> Array:
    """Return the ``count`` values that packed_column() was given, of this kind."""
    none = np.empty(0, np.uint64)
    change = np.zeros(count, kind)
    if f"{name}.steps" in columns:
        change[:] = columns[f"{name}.steps"]
    else:
        change[summed(columns.get(f"{name}.turns", none))] = columns.get(f"{name}.by", none)
    return np.cumsum(change, dtype=kind)


def signed(values: Array) -> Array:
    """Return integers of either sign as such from 0: 0, -1, 1, -2 … become 0, 1, 2, 3 …."""
    wide = values.astype(np.int64)
    return ((wide << 1) ^ (wide >> 63)).view(np.uint64)


def unsigned(values: Array) -> Array:
    """Return what signed() was given."""
    wide = values.astype(np.uint64)
    return (wide >> np.uint64(1)).view(np.int64) ^ -(wide & np.uint64(1)).view(np.int64)


def gaps(ascending: Array) -> Array:
    """Return what is between ascending integers: small numbers, which compress well."""
    return np.diff(ascending.astype(np.int64), prepend=0).view(np.uint64)


def summed(between: Array) -> Array:
    """Return what gaps() was given."""
    return np.cumsum(between.astype(np.int64))
