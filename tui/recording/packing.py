"""Columns of integers and a JSON head ↔ bytes, self-describing: any reader finds its way.

Columns are Rice-coded (R. F. Rice, 1979): the low bits of a value as they are, the rest as so many
zeros before a one. Where a few are far greater, they are exp-Golomb codes (J. Teuhola, 1978):
the zeros say how many more low bits there are. Steps of ports and times come to some three bits a
value that way, where deflate, which does not know one column from another, needs twice as much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tui.kernel.sockets import Array

FEW = 8
"""So many values stand in the head: what would be told of their column takes more room."""
TOLD = 4
"""So many bytes it takes to tell of a column what its values are greater by."""
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
    """Of what is written elsewhere, in bits; GRADED for exp-Golomb codes."""
    least: int = 0
    """What all its values are greater by."""


GRADED = -1


Few = dict[str, list[int]]
"""Short columns, as they are."""


def dense(columns: Mapping[str, Array]) -> tuple[list[Listed], Few, bytes]:
    """Return the columns (of integers from 0, below 2⁶⁴) as bytes, and what they hold."""
    listed, few, parts = [], {}, []
    for name, values in columns.items():
        if 0 < len(values) <= FEW:
            few[name] = values.astype(np.uint64).tolist()
        elif len(values):
            whole = values.astype(np.uint64)
            coded, data = _coded(name, whole)
            if least := int(whole.min()):
                above, shorter = _coded(name, whole - np.uint64(least))
                if len(data) - len(shorter) > TOLD:
                    coded, data = above._replace(least=least), shorter
            listed.append(coded)
            parts.append(data)
    return listed, few, b"".join(parts)


Packed = tuple[Sequence[Listed], Few, bytes]
"""What dense() returned."""
NOTHING: Packed = (), {}, b""
TOGETHER = 12
"""So many times at once the columns that dense() was given are unpacked: hundreds of short ones
take hardly longer than a long one, as long as they fit into the processor's cache."""


def apart(packed: Packed, wanted: Callable[[str], bool]) -> tuple[Packed, Packed]:
    """Return what is packed of the columns whose names are wanted, and of the others."""
    listed, few, held = packed
    theirs, some, data = list[Listed](), Few(), list[bytes]()
    others, more, rest = list[Listed](), Few(), list[bytes]()
    begin = 0
    for column in listed:
        end = begin + column.length
        if wanted(column.name):
            theirs.append(column)
            data.append(held[begin:end])
        else:
            others.append(column)
            rest.append(held[begin:end])
        begin = end
    for name, values in few.items():
        (some if wanted(name) else more)[name] = values
    return (theirs, some, b"".join(data)), (others, more, b"".join(rest))


def unpack(packed: Sequence[Packed]) -> list[dict[str, Array]]:
    """Return the columns that dense() was given, each time that it was.

    Raises ValueError for anything else.
    """
    return [
        columns
        for first in range(0, len(packed), TOGETHER)
        for columns in _unpacked(packed[first : first + TOGETHER])
    ]


def _unpacked(packed: Sequence[Packed]) -> list[dict[str, Array]]:
    listed = [column for columns, _, _ in packed for column in columns]
    found: list[dict[str, Array]] = [
        {name: np.fromiter(values, np.uint64, len(values)) for name, values in few.items()}
        for _, few, _ in packed
    ]
    if not listed:
        return found
    parts = [(c.size, c.low_bits, c.widest, c.length) for c in listed]
    told = np.array(parts, np.int64)  # whatever is no number ends here
    if (told.min(axis=0) < (1, 0, GRADED, 0)).any() or told[:, 1:3].max() > 64:
        raise ValueError("a column is invalid")
    high = _high_lengths(told)
    data, heads, number = [], [], 0
    for columns, _, held in packed:
        begin = 0
        for column in columns:
            heads.append(held[begin : begin + high.item(number)])
            begin, number = begin + column.length, number + 1
        if begin > len(held):
            raise ValueError("columns are cut short")
        data.append(held[:begin])
    values, end = _values(listed, told, high, b"".join(data), b"".join(heads)), 0
    for (columns, _, _), one in zip(packed, found, strict=True):
        for column in columns:
            one[column.name] = values[end : (end := end + column.size)]
    return found


def _high_lengths(told: Array) -> Array:
    """Return how many bytes of each column there are at most whose bits are not all low ones."""
    size, low_bits, _, length = told.T
    most = 8 * length - np.minimum(size, 8 * length) * low_bits
    lengths: Array = np.clip(most + 7 >> 3, 0, length)
    return lengths


def _values(
    listed: Sequence[Listed], told: Array, high_length: Array, data: bytes, heads: bytes
) -> Array:
    """Return the values of all columns, one column after the other.

    ``heads`` are the first bytes of each column's data, in which its zeros and ones are found.
    """
    count, low_bits, widest, length = told.T
    end, high_end = 8 * np.cumsum(length), 8 * np.cumsum(high_length)
    graded = widest == GRADED
    widest[graded] = 0
    if (count > 8 * length).any():  # before there is an array of so many: each takes a bit at least
        raise ValueError("a column is cut short")
    ones = np.flatnonzero(np.unpackbits(np.frombuffer(heads, np.uint8)).view(bool))
    behind = np.cumsum(count)
    first, number = behind - count, np.arange(behind[-1])
    begins = np.searchsorted(ones, high_end - 8 * high_length)
    if (begins + count > np.searchsorted(ones, high_end)).any():
        raise ValueError("a column is cut short")
    one = ones[np.repeat(begins - first, count) + number]
    one += np.repeat((end - 8 * length) - (high_end - 8 * high_length), count)
    zeros = np.diff(one, prepend=0) - 1
    zeros[first] = one[first] - (end - 8 * length)
    # Behind the last one there are the low bits of those that are near, then all of those far off.
    rest, width = one[behind - 1] + 1, np.repeat(low_bits, count)
    at = np.repeat(rest - first * low_bits, count) + number * width
    taken = count * low_bits
    where = np.repeat(graded, count).nonzero()[0]
    if len(where):  # each of these has a width of its own
        low, grades = width[where], zeros[where]
        width[where] = wide = low + grades
        begin, sizes = wide.cumsum() - wide, count[graded]
        begins = sizes.cumsum() - sizes
        at[where] = begin + np.repeat(rest[graded] - begin[begins], sizes)
        taken[graded] = np.add.reduceat(wide, begins)
    afar = zeros >= FAR
    afar[where] = False
    far = afar.nonzero()[0]
    if len(far):
        theirs = np.searchsorted(behind, far, "right")
        fars = np.bincount(theirs, minlength=len(listed))
        earlier = np.cumsum(fars) - fars
        passed = np.searchsorted(far, number) - np.repeat(earlier, count)
        at -= passed * width
        at[far] = (rest + (count - fars) * low_bits)[theirs]
        at[far] += (np.arange(len(far)) - earlier[theirs]) * widest[theirs]
        width[far], zeros[far] = widest[theirs], 0
        taken += fars * (widest - low_bits)
    if (rest + taken > end).any() or width.max() > 64:
        raise ValueError("a column is cut short")
    values: Array = zeros.view(np.uint64) << np.minimum(width, 63).view(np.uint64)
    if len(where):
        above = (np.uint64(1) << grades.view(np.uint64)) - np.uint64(1)
        values[where] = above << np.minimum(low, 63).view(np.uint64)
    values += _numbers(data, at, width)
    values *= np.repeat(np.array([column.unit for column in listed], np.uint64), count)
    values += np.repeat(np.array([column.least for column in listed], np.uint64), count)
    return values


def _numbers(data: bytes, at: Array, width: Array) -> Array:
    """Return the numbers that begin at these bits and are so many bits wide, up to 64."""
    padded = data + bytes(9)
    words = np.ndarray(len(data) + 1, ">u8", padded, strides=(1,))
    byte, bit = at >> 3, (at & 7).view(np.uint64)
    ninth = np.frombuffer(padded, np.uint8)[byte + 8].astype(np.uint64)
    whole = words[byte].astype(np.uint64) << bit | ninth >> (np.uint64(8) - bit)
    numbers: Array = whole >> np.minimum(64 - width, 63).view(np.uint64)
    numbers[width == 0] = 0
    return numbers


def _coded(name: str, values: Array) -> tuple[Listed, bytes]:
    unit = max(int(np.gcd.reduce(values)), 1)
    if unit > 1:
        values = values // np.uint64(unit)
    ordered = np.sort(values)
    widest = int(ordered[-1]).bit_length()
    middle = int(ordered[len(ordered) // 2]).bit_length()
    choices = range(max(middle - 2, 0), middle + 2)
    low_bits = min(choices, key=lambda bits: _cost(values, bits, widest))
    graded_bits = min(choices, key=lambda bits: _graded_cost(values, bits))
    if _graded_cost(values, graded_bits) < _cost(values, low_bits, widest):
        return _graded(name, values, unit, graded_bits)
    high = values >> np.uint64(low_bits) if low_bits < 64 else np.zeros_like(values)
    far = high >= FAR
    zeros = np.minimum(high, FAR).astype(np.int64)
    ends = np.cumsum(zeros + 1)
    bits = np.zeros(int(ends[-1]), np.uint8)
    bits[ends - 1] = 1
    whole = bits, _bits(values[~far], low_bits), _bits(values[far], widest)
    data = np.packbits(np.concatenate(whole)).tobytes()
    widest = widest if far.any() else 0
    return Listed(name, len(values), unit, low_bits, len(data), widest), data


def _graded(name: str, values: Array, unit: int, low_bits: int) -> tuple[Listed, bytes]:
    """Return the values as exp-Golomb codes."""
    grades = _grades(values, low_bits)
    rest = values - (((np.uint64(1) << grades) - np.uint64(1)) << np.uint64(low_bits))
    ends = np.cumsum(grades.astype(np.int64) + 1)
    bits = np.zeros(int(ends[-1]), np.uint8)
    bits[ends - 1] = 1
    width = grades.astype(np.int64) + low_bits
    wide = np.unpackbits(rest.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    low = wide[np.arange(64) >= (64 - width)[:, None]]
    data = np.packbits(np.concatenate((bits, low))).tobytes()
    return Listed(name, len(values), unit, low_bits, len(data), GRADED), data


def _grades(values: Array, low_bits: int) -> Array:
    """Return how many more low bits than these each value has."""
    exponents: Array = np.frexp((values >> np.uint64(low_bits)).astype(float) + 1)[1] - 1
    return exponents.astype(np.uint64)


def _graded_cost(values: Array, low_bits: int) -> int:
    if int(values.max()) >> 48:  # of those a float does not tell each apart
        return 1 << 62
    return int(2 * _grades(values, low_bits).sum()) + len(values) * (1 + low_bits)


def _cost(values: Array, low_bits: int, widest: int) -> int:
    high = values >> np.uint64(min(low_bits, 63))
    far = int(np.count_nonzero(high >= FAR))
    return len(values) * (low_bits + 1) + int(np.minimum(high, FAR).sum()) + far * widest


def _bits(values: Array, width: int) -> Array:
    """Return so many low bits of each value, the highest first."""
    whole = np.unpackbits(values.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    return whole[:, 64 - width :].reshape(-1)


def packed_column(name: str, values: Array) -> dict[str, Array]:
    """Return a column's values as runs of equal ones, or else as steps from one to the next."""
    change = np.diff(values, prepend=values.dtype.type(0))  # wraps, as unsigned integers do
    turns = np.flatnonzero(change)
    if len(turns) * 2 > len(values):
        return {f"{name}.steps": change}
    return {f"{name}.turns": gaps(turns), f"{name}.by": change[turns]}


def unpacked_columns(
    name: str, tables: Sequence[tuple[Mapping[str, Array], int]], kind: type[np.generic]
) -> Array:
    """Return what packed_column() was given, for each of these columns and counts in turn.

    All at once: it takes hardly longer than for one. Raises ValueError for what is senseless.
    """
    counts = np.array([count for _, count in tables], np.int64)
    begins = np.cumsum(counts) - counts
    change = np.zeros(int(counts.sum()), kind)
    turning: list[tuple[int, int, Array, Array]] = []
    of_steps, of_turns, of_by = f"{name}.steps", f"{name}.turns", f"{name}.by"
    stays = True
    for (columns, count), begin in zip(tables, begins.tolist(), strict=True):
        if (steps := columns.get(of_steps)) is not None:
            change[begin : begin + count], stays = steps, False
        elif (by := columns.get(of_by)) is not None:
            turning.append((begin, count, columns[of_turns], by))
    if stays and not turning:
        return change
    if turning:
        first, count_of, turns, changes = zip(*turning, strict=True)
        lengths = np.array([len(one) for one in turns])
        at = summed(np.concatenate(turns))
        before = np.cumsum(lengths) - lengths
        at -= np.repeat(np.concatenate(([0], at))[before], lengths)
        if ((at < 0) | (at >= np.repeat(count_of, lengths))).any():
            raise ValueError("a column turns beyond its last value")
        change[at + np.repeat(first, lengths)] = np.concatenate(changes)
    values = np.cumsum(change, dtype=kind)
    past = np.concatenate((np.zeros(1, kind), values))[begins]
    wrapped: Array = values - np.repeat(past, counts)
    return wrapped


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
    return between.view(np.int64).cumsum()
