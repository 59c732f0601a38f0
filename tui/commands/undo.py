"""twtop undo: what was applied, set back."""

from __future__ import annotations

import sys

import click

from tui.acting.applying import NotPermittedError
from tui.acting.applying import undo as set_back
from tui.acting.journal import JournalError, journal_path, opened
from tui.acting.sentences import outstanding_text, undone_text
from tui.commands.consent import ask, require_yes, yes_option
from tui.commands.output import UNREADABLE, emit, fail, remark
from tui.writing.words import plural

LEFT = 1
NOTHING = "Nothing to undo."
EPILOG = (
    "Exit codes: 0 everything is as it was, 1 a value that someone else changed was left alone, 2 "
    "no --yes and nobody to ask, 3 not permitted or the result not written, 130 the answer was no."
)


@click.command("undo", epilog=EPILOG)
@click.option("--list", "list_only", is_flag=True, help="Print what would be reverted, and exit.")
@click.option(
    "--force", is_flag=True, help="Also revert values that someone else has changed since."
)
@yes_option
def undo(list_only: bool, force: bool, yes: int) -> None:
    """Revert everything `twtop apply` has changed, the last change first.

    This also works after an interruption or a reboot. A value that someone else has changed since
    is left alone and reported.

    \b
    twtop undo --list
    twtop undo --yes
    """
    if not list_only:
        require_yes(yes)
    path = journal_path()
    if not path.exists():
        emit(NOTHING, UNREADABLE)
        return
    try:
        with opened(path) as journal:
            if not journal.outstanding:
                emit(NOTHING, UNREADABLE)
                return
            if list_only or not yes:
                for entry in reversed(journal.outstanding):
                    emit(outstanding_text(entry), UNREADABLE)
            if list_only:
                return
            if not yes:
                ask(f"Undo {plural(len(journal.outstanding), 'change')}?")
            done = set_back(journal, force=force)
    except (NotPermittedError, JournalError) as error:
        fail(str(error))
    for one in done:
        emit(undone_text(one), UNREADABLE)
    if any(one.how == "changed since" for one in done):
        remark("--force reverts those too")
        sys.exit(LEFT)
