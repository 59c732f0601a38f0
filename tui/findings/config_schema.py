"""What can be set, told: as a settings file to begin with, and as a JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from tui.findings.config import SECTIONS, Config


def documented_defaults() -> str:
    """Return a settings file that says what every setting means, and changes nothing."""
    lines = []
    for section in SECTIONS:
        lines += [f"# {_meaning(section)}", f"[{section.name}]"]
        for setting, default in _settings(section):
            meaning, allowed = setting.metadata["meaning"], setting.metadata["allowed"]
            lines += [f"# {meaning}: {allowed}", f"{setting.name} = {toml(default)}"]
        lines.append("")
    silence = (
        '# Findings to hide; * stands for any text.\n# [[silence]]\n# code = "listener-in-range"\n'
    )
    lines += ["# Keys by name; for a wrong name the error lists the right ones.", "[keys]"]
    lines += ['# app.freeze = "f9,space"', ""]
    return "\n".join(lines) + f'{silence}# subject = "127.0.0.1:*"\n'


def in_force(config: Config, of_file: Config, file: Path) -> str:
    """Return the settings that hold, as a settings file, each with where it comes from.

    ``of_file`` are those that the file alone makes; the command line may have changed some.
    """
    lines = [f"# {file}" if file.exists() else f"# {file} is not there"]
    for section in SECTIONS:
        lines += ["", f"[{section.name}]"]
        holding, written = (getattr(one, section.name) for one in (config, of_file))
        for setting, default in _settings(section):
            value, from_file = getattr(holding, setting.name), getattr(written, setting.name)
            origin = "default" if value == default else str(file)
            origin = origin if value == from_file else "command line"
            lines.append(f"{setting.name} = {toml(value)}  # {origin}")
    lines += ["", "[keys]", *(f"{name} = {toml(value)}" for name, value in config.keys)]
    for one in config.silence:
        code, subject = toml(one.code), toml(one.subject)
        lines += ["", "[[silence]]", f"code = {code}", f"subject = {subject}"]
    return "\n".join(lines) + "\n"


KEYS = {
    "description": "Keys of the dashboard, by name.",
    "type": "object",
    "additionalProperties": {
        "anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/properties/keys"}]
    },
}


def config_schema(codes: Collection[str]) -> dict[str, Any]:
    """Return a JSON Schema of the settings, for editors of TOML.

    Only what no schema can say is not in it: that a warning is not above its critical.
    """
    sections = {
        section.name: _object(
            _meaning(section),
            {
                setting.name: {
                    "description": setting.metadata["meaning"],
                    **setting.metadata["allowed"].schema(),
                    "default": default,
                }
                for setting, default in _settings(section)
            },
        )
        for section in SECTIONS
    }
    silence = {
        "code": {"enum": list(codes)},
        "subject": {"type": "string", "minLength": 1, "default": "*"},
    }
    one = _object("Findings to hide; * stands for any text.", silence) | {"required": ["code"]}
    whole = _object(
        "Settings of twtop.",
        {**sections, "silence": {"type": "array", "items": one}, "keys": KEYS},
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def toml(value: float | str) -> str:
    """Return a setting's value as TOML writes it."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)  # which TOML has in common with JSON


def _settings(section: Field[Any]) -> Iterator[tuple[Field[Any], Any]]:
    """Yield each setting of a section with its default there."""
    defaults: Any = section.default
    for setting in fields(defaults):
        yield setting, getattr(defaults, setting.name)


def _object(meaning: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": meaning,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _meaning(section: Field[Any]) -> str:
    return section.metadata.get("meaning") or (section.default.__doc__ or "").strip()
