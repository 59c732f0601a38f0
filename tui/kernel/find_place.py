"""The place that a user names: the one answer to what follows `-N`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tui.kernel.places import HERE, LIVE, Place, number_of, place_at, tables_number
from tui.kernel.sockets import TableError
from tui.kernel.survey import Survey, survey

ALL = "all"
"""The word for every place."""
NAMED_AT_MOST = 8
"""How many places an error lists."""


class PlaceError(ValueError):
    """No place, or more than one, is called so; the message says which."""


def find_place(word: str, procfs: Path = LIVE) -> Place:
    """Return the place that is called so, at this moment.

    ``word`` is a PID, the path of a process's directory or of a namespace's file (nsfs), the name
    of a named network namespace, the name or an id of a container, pod or machine, the number of a
    namespace, `host`, or how one of these begins. What is the whole name of something is nothing
    that only begins so. Raises PlaceError.
    """
    found = survey(procfs)
    if (path := Path(word)).is_absolute() or word.startswith("."):
        return _at(path, found)
    match called(word, found, procfs):
        case [place]:
            return place
        case []:
            seen = "".join(f"; {why}" for why in found.missing)
            raise PlaceError(f"no place is named {word}; twtop places lists them{seen}")
        case several:
            raise PlaceError(f"{word} could be {_listed(several)}: use its number instead")


def called(word: str, found: Survey, procfs: Path = LIVE) -> list[Place]:
    """Return which of the places are called so; a path is none of their words."""
    number = tables_number(procfs / word) if word.isdecimal() else None
    whole = [
        one
        for one in found.places
        if word in one.words or (number is not None and number == one.key)
    ]
    return whole or [one for one in found.places if any(w.startswith(word) for w in one.words)]


def named(
    words: Iterable[str], there: Iterable[Place], found: Survey, procfs: Path = LIVE
) -> list[Place]:
    """Return the places that were named and found ``there``, and one that was started anew since.

    Of words that are paths only what was there is known.
    """
    ids = {one.id for one in there} - {None}
    keys = {one.key for one in there} - {None}
    called_so = {one for word in words for one in called(word, found, procfs)}
    return [one for one in found.places if one in called_so or one.id in ids or one.key in keys]


def same_place(place: Place) -> Place | None:
    """Return a place by another process of it, or by the file that keeps it.

    The one that it was seen by has ended. A number may be another namespace's by then, so a file
    must have the place's name as well.
    """
    if place.pid is None or place.network == HERE:
        return None
    for other in survey(place.root.parent).places:
        kept = other.pid is None and other.id is not None and other.name == place.name
        if other.id == place.id and (other.key == place.key or kept):
            return other
    return None


def _at(path: Path, found: Survey) -> Place:
    """Return the place of a process's directory, or of a file that stands for a namespace."""
    number, refused = tables_number(path), False
    for file in (path, path / "ns/net"):
        try:
            is_namespace = file.stat().st_dev == HERE.stat().st_dev
        except OSError as error:
            refused |= isinstance(error, PermissionError)
            continue
        if is_namespace:
            there = next((one for one in found.places if one.id == number_of(file)), None)
            # Some file that no process and no mount here shows, such as an open descriptor's.
            return there or Place(
                LIVE / "thread-self", str(path), "named", number_of(file), file, LIVE
            )
    there = next((one for one in found.places if number is not None and one.key == number), None)
    if there is None and refused:
        raise PlaceError(f"{path}: Permission denied: name its process, or run as a user who may")
    if there is None:
        raise PlaceError(f"{path} is neither a process directory nor a network namespace file")
    return there


def _listed(places: list[Place]) -> str:
    names = [f"{one.kind} {one.name} ({one.id or one.pid})" for one in places[:NAMED_AT_MOST]]
    more = [f"{len(places) - NAMED_AT_MOST} more"] if len(places) > NAMED_AT_MOST else []
    return ", ".join([*names, *more])


def of_network(network: Path, name: str) -> Place:
    """Return the place of a namespace file (nsfs). Raises TableError where it is none."""
    try:
        number = network.stat().st_ino
        place = Place(LIVE / "thread-self", name, "named", number, network, LIVE)
        place.inside(lambda: None)
    except OSError as error:
        raise TableError(f"{name}: {error.strerror or error}: it takes a namespace file") from None
    same = number == HERE.stat().st_ino
    return place_at(LIVE) if same else place
