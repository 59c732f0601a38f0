"""The user's settings as they are written down, and what is said of those that cannot be meant so.

Read from ``$XDG_CONFIG_HOME/twtop/config.toml`` (``~/.config/twtop/config.toml``):

    [ports]
    threshold = 90          # percent

    [[silence]]
    code = "listener-in-range"
    subject = "127.0.0.1:*"

A file that cannot be meant so is refused as a whole: an alarm that a typing error has switched
off is worse than a command that does not start.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Any

from tui.findings.config import SECTIONS, Config, ConfigError, Levels, Silence

LONGEST_VALUE = 60
"""Characters of a wrong value that an error repeats."""


def parse_config(text: str, codes: Collection[str]) -> Config:
    """Return the settings that a TOML text makes; as ``tui.findings.config.load_config``."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not TOML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ConfigError("not TOML: nested too deeply") from None
    silence = _silences(given.pop("silence", []), codes)
    keys = _keys(given.pop("keys", {}))
    sections = {section.name: section.default for section in SECTIONS}
    chosen: dict[str, Any] = {}
    for name, values in given.items():
        _refuse_unknown("", name, [*sections, "keys", "silence"], "section")
        if not isinstance(values, dict):
            raise ConfigError(f"{name} is {_shown(values)}; it must be a section, [{name}]")
        chosen[name] = _section(name, sections[name], values)
    return Config(**chosen, silence=silence, keys=keys)


def _section(name: str, defaults: Any, values: Mapping[str, object]) -> Any:
    known = {one.name: one for one in fields(defaults)}
    for key, value in values.items():
        _refuse_unknown(f"{name}.", key, known, "setting")
        allowed = known[key].metadata["allowed"]
        if not allowed.takes(value):
            raise ConfigError(f"{name}.{key} is {_shown(value)}; it must be {allowed}")
    made = replace(defaults, **values)
    if isinstance(made, Levels) and made.warning > made.critical:
        raise ConfigError(
            f"{name}.warning is {made.warning:g}; it must not be above {name}.critical, "
            f"{made.critical:g}"
        )
    return made


def _keys(given: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, dict):
        raise ConfigError(f"keys is {_shown(given)}; it must be a section, [keys]")
    found = dict(_flat("", given))
    for name, value in found.items():
        if not isinstance(value, str) or not value:
            raise ConfigError(
                f'keys.{name} is {_shown(value)}; it must be text such as "ctrl+t,f9"'
            )
    return tuple((name, str(value)) for name, value in found.items())


def _flat(prefix: str, given: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield settings by their dotted names: TOML makes tables of ``app.freeze = "f9"``."""
    for name, value in given.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


def _silences(given: object, codes: Collection[str]) -> tuple[Silence, ...]:
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise ConfigError("silence must be written as [[silence]], with a code and a subject")
    return tuple(_silence(f"silence[{number}]", one, codes) for number, one in enumerate(given, 1))


def _silence(name: str, given: Mapping[str, object], codes: Collection[str]) -> Silence:
    for key in given:
        _refuse_unknown(f"{name}.", key, ("code", "subject"), "setting")
    if "code" not in given:
        raise ConfigError(f"{name}.code is missing; it must be the code of a finding")
    code, subject = given["code"], given.get("subject", "*")
    if not isinstance(code, str) or code not in codes:
        raise ConfigError(
            f"{name}.code is {_shown(code)}; it must be the code of a finding"
            + (_meant(code, codes) if isinstance(code, str) else "")
        )
    if not isinstance(subject, str) or not subject:
        raise ConfigError(
            f'{name}.subject is {_shown(subject)}; it must be text such as "10.0.0.5 → *"'
        )
    return Silence(code, subject)


def _refuse_unknown(prefix: str, name: str, known: Collection[str], kind: str) -> None:
    if name not in known:
        plain = "".join(sign if sign.isprintable() else "?" for sign in name)
        guess = _meant(name, known, prefix)
        raise ConfigError(f"{prefix}{plain[:LONGEST_VALUE]} is not a {kind}{guess}")


def _meant(name: str, known: Collection[str], prefix: str = "") -> str:
    """Return a guess at what a wrong name was meant to be, else what there is."""
    near = get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {prefix}{near[0]}?"
    return f"; choose from {', '.join(known)}"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
