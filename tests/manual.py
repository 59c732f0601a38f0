"""The manual pages that go into the wheel; `python -m tests.manual` writes them."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from tui.cli import cli
from tui.commands.manual import manual
from tui.help.topics import titles

MANUAL = Path(__file__).parents[1] / "tui/help/man"
NAMES: tuple[str | None, ...] = (None, *sorted({*cli.commands, *titles()}))


def pages() -> dict[str, str]:
    """Return the source of every page by its path, such as man1/twtop.1."""
    context = click.Context(cli, info_name="twtop", **cli.context_settings)
    made = dict(manual(context, name) for name in NAMES)
    return {f"man{name[-1]}/{name}": source for name, source in made.items()}


if __name__ == "__main__":
    shutil.rmtree(MANUAL, ignore_errors=True)
    for name, source in pages().items():
        path = MANUAL / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
