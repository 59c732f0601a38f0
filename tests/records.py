"""The types of all that is printed as JSON; `python -m tests.records` writes them.

Made from the schemas, which all that is printed is held against: so none of the three can drift.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui.report.schema import BASE, ENDING, FOLDER, kinds, schema

FILE = Path(__file__).parents[1] / "tui/records.py"
HEAD = '''"""The types of records, for type checkers: of what `--json` prints and the API returns.

    from twtop.records import PatternRecord

…Json is what a command prints, …Record a part of it. All are plain dicts. Do not edit: this is made
from report/schemas/ by `python -m tests.records`.
"""

# Its annotations are no strings, of which Python 3.11 could not tell what is required.
from typing import Literal, NotRequired, TypedDict

'''
SCALARS = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}
NAMES = {
    "PatternKeys": "Pattern",
    "FindingKeys": "Finding",
    "PerPortPort": "Port",
    "PlacesPlaceRow": "PlaceRow",
}
"""Names of parts that are better than that of the place where each stands."""
Schema = Mapping[str, Any]


class Types:
    """The source of all that has been asked for: each part once, before what refers to it."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}

    def kind(self, kind: str) -> None:
        """Add the type of a kind, and those of its parts."""
        whole = schema(kind)
        self.parts: Schema = whole.get("$defs", {})
        own = json.loads((FOLDER / f"{kind}{ENDING}").read_text("utf-8")).get("$defs", {})
        self.own: Schema = {} if kind == BASE else own
        self.prefix = "" if kind == BASE else camel(kind)
        about = f"`{whole['title']}`: {whole['description']}"
        self.add(f"{camel(kind)}Json", self.prefix, {**whole, "description": about})

    def hint(self, part: Schema, path: str) -> str:
        """Return the annotation of a schema; ``path`` is how to call it."""
        path = NAMES.get(path, path)
        if "$ref" in part:
            name = part["$ref"].removeprefix("#/$defs/")
            there = self.hint(
                self.parts[name], (self.prefix if name in self.own else "") + camel(name)
            )
            return self.add(f"{path}Record", path, part, there) if "properties" in part else there
        if "anyOf" in part:
            return " | ".join(self.hint(one, path) for one in part["anyOf"])
        if "const" in part or "enum" in part:
            return f"Literal[{', '.join(map(repr, part.get('enum') or [part['const']]))}]"
        kinds = [part["type"]] if isinstance(part["type"], str) else part["type"]
        return " | ".join(SCALARS.get(one) or self.several(part, path) for one in kinds)

    def several(self, part: Schema, path: str) -> str:
        """Return the annotation of an array or an object."""
        if "properties" in part:
            return self.add(f"{path}Record", path, part)
        if "additionalProperties" in part:
            return f"dict[str, {self.hint(part['additionalProperties'], path)}]"
        one, *_ = part.get("prefixItems") or [part["items"]]
        return f"list[{self.hint(one, re.sub('ies$', 'y', path).removesuffix('s'))}]"

    def add(self, name: str, path: str, part: Schema, base: str = "TypedDict") -> str:
        """Add the type of an object, and return its name."""
        keys, about = part["properties"], docstring(part.get("description"))
        hints = {key: self.hint(one, path + camel(key)) for key, one in keys.items()}
        if set(hints.values()) == {"int"}:  # whose sum is wanted: a TypedDict has objects
            lines = [f"{name} = dict[Literal[{', '.join(map(repr, keys))}], int]"]
            lines += (line.strip() for line in about)
        else:
            lines = [f"class {name}({base}):", *about, ""]
            for key, hint in hints.items():
                needed = key in part.get("required", keys)
                lines.append(f"    {key}: {hint if needed else f'NotRequired[{hint}]'}")
                lines += docstring(keys[key].get("description"))
        source = "\n".join(lines) + "\n"
        assert self.made.setdefault(name, source) == source, f"two records are called {name}"
        return name


def camel(name: str) -> str:
    """Return a key, or a kind, as a part of a class's name."""
    return "".join(word.capitalize() for word in re.split("[-_]", name))


def docstring(text: str | None) -> list[str]:
    """Return a description as lines that may follow a class or a key."""
    if text is None:
        return []
    text = re.sub(r"\b[Nn]ull\b", "None", text)
    return textwrap.wrap(f'"""{text}"""', 100, initial_indent="    ", subsequent_indent="    ")


def source() -> str:
    """Return the module as it must be."""
    types = Types()
    for kind in (BASE, *(one for one in kinds() if one != BASE)):
        types.kind(kind)
    text = HEAD + "\n\n".join(types.made.values())
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(FILE), "-"]
    return subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    FILE.write_text(source())
