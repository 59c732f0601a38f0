"""Nothing is changed without a yes: asked on a terminal, or given with --yes."""

from __future__ import annotations

import sys

import click

from tui.commands.output import remark

DECLINED = 130
"""Exit code when the answer was no, as after Ctrl-C."""

yes_option = click.option("--yes", "-y", count=True, help="Do not ask.")


def can_ask() -> bool:
    """Say whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def require_yes(yes: int, needed: int = 1) -> None:
    """Raise click.UsageError where nobody can be asked and --yes was given less often."""
    if yes < needed and not can_ask():
        raise click.UsageError(
            "there is no terminal to ask on; use --yes"
            + (" twice, because it kills connections" if needed > 1 else "")
        )


def ask(question: str) -> None:
    """Ask on the terminal; anything but a yes ends the command."""
    if not click.confirm(question, err=True):
        decline()


def ask_for(number: int, question: str) -> None:
    """Ask for a number to be typed, which nobody does by mistake."""
    if click.prompt(question, default="", show_default=False, err=True) != str(number):
        decline()


def decline() -> None:
    """End the command: nothing was done."""
    remark("nothing was done")
    sys.exit(DECLINED)
