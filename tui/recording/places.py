"""Which of the places of a recording are one and the same, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tui.kernel.places import Place

Key = tuple[str, str, object]


def key_of(place: Place) -> Key:
    """Return what makes it the same place for as long as it is there: it has a number."""
    return place.kind, place.name, place.id


def lines_of(spans: Iterable[tuple[Place, Sequence[float]]]) -> dict[Key, int]:
    """Return which places are one and the same, each line with a number of its own.

    ``spans`` are places, each as often as it likes, with times at which it was there.

    One that was started anew has another number and goes on where the one of its name ended. Two
    that were there at the same time are two, whatever they are called.
    """
    whole: dict[Key, tuple[float, float]] = {}
    for place, times in spans:
        begin, end = whole.get(key_of(place), (times[0], times[0]))
        whole[key_of(place)] = min(begin, *times), max(end, *times)
    lines: dict[Key, int] = {}
    ended: list[tuple[tuple[str, str], float]] = []
    for key, (begin, end) in sorted(whole.items(), key=lambda one: one[1]):
        name = key[:2]
        line = next((n for n, one in enumerate(ended) if one[0] == name and one[1] < begin), None)
        if line is None:
            line = len(ended)
            ended.append((name, end))
        lines[key], ended[line] = line, (name, end)
    return lines


def told_apart(place: Place, among: Sequence[Place]) -> str:
    """Return a place's kind and name, and its number where others are called so as well."""
    same = sum((one.kind, one.name) == (place.kind, place.name) for one in among) > 1
    return place.called + (f" ({place.id})" if same else "")
