"""twtop apply: settings changed, so that they can be set back."""

from __future__ import annotations

import click

from tui.acting.applying import SYSCTL_D, NotPermittedError, check, present
from tui.acting.applying import apply as make
from tui.acting.freeing import read
from tui.acting.journal import JournalError, journal_path, opened
from tui.acting.sentences import bound_warning, change_lines, connectable_text
from tui.acting.settings import NAMES, RefusedError, changes
from tui.analysis.frame import Frame
from tui.commands.consent import ask, require_yes, yes_option
from tui.commands.output import USAGE, emit, fail, tell, text_width
from tui.commands.where import live_place, place_option
from tui.kernel.places import Place
from tui.kernel.sockets import TableError
from tui.writing.layout import wrapped
from tui.writing.words import plural

NOT_PERMITTED = 3
EPILOG = (
    f"Settings: {', '.join(NAMES)}.\n\nExit codes: 0 applied, 2 refused or wrong usage, 3 not "
    "permitted, 130 the answer was no."
)


def settings(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Return settings by name; the same one twice is a mistake."""
    found: dict[str, str] = {}
    for text in values:
        name, sign, value = text.partition("=")
        name = name.strip().replace("/", ".")
        if not sign or name in found:
            why = "was given twice" if sign else "is not NAME=VALUE, as in net.ipv4.tcp_tw_reuse=1"
            raise click.BadParameter(f"{text} {why}")
        found[name] = value
    return found


@click.command("apply", epilog=EPILOG)
@click.argument("wanted", nargs=-1, required=True, callback=settings, metavar="NAME=VALUE…")
@click.option("--persist", is_flag=True, help="Keep it across reboots, in a file of its own.")
@place_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, but do nothing.")
@yes_option
@click.pass_context
def apply(
    context: click.Context,
    /,
    wanted: dict[str, str],
    persist: bool,
    netns: str | None,
    dry_run: bool,
    yes: int,
) -> None:
    """Change kernel settings: they are shown first, confirmed by you, and read back.

    The old values are written down first, and `twtop undo` restores them.

    \b
    twtop apply net.ipv4.tcp_tw_reuse=1
    twtop apply net.ipv4.ip_local_port_range='1024 65535' --persist
    """
    if persist and netns is not None:
        raise click.UsageError("--persist is for this host only: leave out -N")
    if not dry_run:
        require_yes(yes)
    place = live_place(context, netns)
    if persist and place.kind == "named":
        raise click.UsageError(
            f"--persist is for this host only: {place.called} gets nothing from {SYSCTL_D} at boot"
        )
    folder = SYSCTL_D if persist else None
    try:
        made = changes(wanted, present(place))
        needed = [change for change in made if change.needed]
        if not needed and not persist:
            emit("Nothing to do: it is already set.")
            return
        for line in change_lines(place, made, persist=persist):
            tell(line)
        before = _look(place)
        if before is not None and (warning := bound_warning(before, made)):
            tell("\n".join(wrapped(warning, text_width(), "")))
        if dry_run:
            return
        check(place, made, folder)
        if not yes:
            ask(f"Make {plural(len(needed) + persist, 'change')}?")
        with opened(journal_path()) as journal:
            make(place, made, journal, folder)
    except RefusedError as error:
        fail(str(error), USAGE)
    except (NotPermittedError, JournalError, OSError) as error:
        fail(str(error), NOT_PERMITTED)
    after = _look(place)
    if before is not None and after is not None:
        emit(connectable_text(before, after))
    emit("Applied. `twtop undo` reverts it.")


def _look(place: Place) -> Frame | None:
    """Return the ports as they are, None where they cannot be read: the settings can be set."""
    try:
        return read(place)
    except TableError:
        return None
