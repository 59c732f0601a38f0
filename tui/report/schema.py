"""The JSON Schemas of all that is printed as JSON: schemas/KIND.schema.json, a kind each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

FOLDER = files("tui.report") / "schemas"
ENDING = ".schema.json"
BASE = "report"
"""The kind of which all others are parts: its $defs are everybody's."""


def kinds() -> tuple[str, ...]:
    """Return what there is a schema of; of an object it is the middle of "twtop.KIND/1"."""
    names = (file.name for file in FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(ENDING) for name in names if name.endswith(ENDING)))


def schema(kind: str) -> dict[str, Any]:
    """Return the schema of a kind, which needs no other file. Raises KeyError for no kind.

    It is strict, so that what is misspelt is found: an object has all the keys that are named, and
    no others, but where its file says otherwise. $defs called ..._keys are parts of an object, to
    which others may add: what refers to them closes it.
    """
    if kind not in kinds():
        raise KeyError(kind)
    made = _read(kind)
    known = _read(BASE)["$defs"] | made.get("$defs", {})
    used: dict[str, Any] = {}
    wanted = list(_named(made | {"$defs": None}))
    while wanted:
        name = wanted.pop()
        if name not in used:
            used[name] = known[name]
            wanted += _named(known[name])
    made["$defs"] = {name: one for name, one in known.items() if name in used}
    _close(made)
    return made


def _read(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{kind}{ENDING}").read_text("utf-8"))
    return found


def _inner(part: object) -> Iterator[tuple[str, object]]:
    if isinstance(part, dict):
        yield from part.items()
    elif isinstance(part, list):
        yield from (("", inner) for inner in part)


def _named(part: object) -> Iterator[str]:
    """Yield the $defs that a schema refers to."""
    if isinstance(part, Mapping) and "$ref" in part:
        yield part["$ref"].removeprefix("#/$defs/")
    for _, inner in _inner(part):
        yield from _named(inner)


def _close(part: object, name: str = "") -> None:
    if isinstance(part, dict) and part.get("type") == "object" and "properties" in part:
        if "minProperties" not in part:  # else some of them are there
            part.setdefault("required", list(part["properties"]))
        if not name.endswith("_keys"):
            part.setdefault("additionalProperties", False)
    for name, inner in _inner(part):
        _close(inner, name)
