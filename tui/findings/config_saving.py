"""What was arranged on the screen, put into the user's settings file; all else there stays."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields, replace
from pathlib import Path

from tui.findings.config import Config, ConfigError, OnScreen
from tui.findings.config_file import parse_config
from tui.findings.config_schema import toml
from tui.writing.files import read_whole, write_whole

VALUE = r'"(?:[^"\\\n]|\\.)*"|[^#\n]*?'


def save_arrangement(
    path: Path, codes: Collection[str], screen: OnScreen, threshold: float
) -> None:
    """Write what differs from the file into it; a link is followed, as to a folder of dotfiles.

    Raises ConfigError, with the file, where it cannot be read, understood or written.
    """
    path = path.resolve()
    try:
        old = read_whole(path).decode() if path.exists() else ""
        new = arranged(old, codes, screen, threshold)
        if new != old:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
            write_whole(path, lambda file: file.write(new.encode()), mode=mode)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    except (ConfigError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None


def arranged(text: str, codes: Collection[str], screen: OnScreen, threshold: float) -> str:
    """Return a settings file with this arrangement, its comments and other settings untouched.

    Raises ConfigError where that would change what the rest means, which nothing is written for.
    """
    before = parse_config(text, codes)
    wanted = replace(before, screen=screen).with_threshold(threshold)
    for section, setting, value in _differences(before, wanted):
        text = _with(text, section, setting, toml(value))
    try:
        after = parse_config(text, codes)
    except ConfigError:
        after = None
    if after != wanted:
        raise ConfigError(
            "is laid out in a way twtop cannot edit; move [screen] to the end of the file"
        )
    return text


def _differences(before: Config, wanted: Config) -> list[tuple[str, str, float | str]]:
    threshold = wanted.ports.threshold
    found: list[tuple[str, str, float | str]] = []
    if threshold != before.ports.threshold:
        found.append(("ports", "threshold", threshold))
    for setting in fields(OnScreen):
        value = getattr(wanted.screen, setting.name)
        if value != getattr(before.screen, setting.name):
            found.append(("screen", setting.name, value))
    return found


def _with(text: str, section: str, setting: str, value: str) -> str:
    """Return the text with one setting changed, or added to its section."""
    header = re.search(rf"^\s*\[\s*{section}\s*\][^\n]*$", text, re.MULTILINE)
    if header is None:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        return f"{text}{gap}[{section}]\n{setting} = {value}\n"
    following = re.compile(r"^\s*\[", re.MULTILINE).search(text, header.end())
    end = len(text) if following is None else following.start()
    body = text[header.end() : end]
    written, count = re.subn(
        rf"^(\s*{setting}\s*=\s*)(?:{VALUE})(\s*(?:#[^\n]*)?)$",
        lambda found: found[1] + value + found[2],
        body,
        count=1,
        flags=re.MULTILINE,
    )
    if not count:
        written = f"\n{setting} = {value}{body or chr(10)}"
    return text[: header.end()] + written + text[end:]
