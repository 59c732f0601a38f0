"""Copying a command from a screen."""

from __future__ import annotations

from textual.app import App

LONGEST = 300
"""Characters of what was copied that are repeated."""


def copy(app: App[None], text: str) -> None:
    """Put a text into the terminal's clipboard, and say so: nobody can know that it took it."""
    app.copy_to_clipboard(text)
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    app.notify(f"{shown}\n(if the terminal allows OSC 52)", title="Copied", timeout=5, markup=False)
