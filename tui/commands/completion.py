"""twtop completion: what makes a shell complete twtop's command line."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from tui.commands.output import EPILOG, emit

SHELLS = ("bash", "zsh", "fish")


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Print a script that makes SHELL complete twtop's commands, options and values.

    \b
    eval "$(twtop completion bash)"          # in ~/.bashrc; needs bash 4.4
    eval "$(twtop completion zsh)"           # in ~/.zshrc, after compinit
    twtop completion fish > ~/.config/fish/completions/twtop.fish
    """
    shell_complete = get_completion_class(shell)
    assert shell_complete is not None
    made = shell_complete(context.find_root().command, {}, "twtop", "_TWTOP_COMPLETE")
    emit(ShellComplete.source(made).strip("\n"))  # bash's own runs bash, to ask how old it is
