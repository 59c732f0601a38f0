"""What the dashboard can do besides looking, each in two steps: look and say, then do and say.

Both are called in a thread of their own. Between them the user is asked, and nobody else is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tui.acting.applying import NotPermittedError, apply, check, present, undo
from tui.acting.background import Keeping
from tui.acting.freeing import Choice, Listing, find, foretell, free, read
from tui.acting.journal import Entry, JournalError, journal_path, opened
from tui.acting.keeping import Goal, Keeper, KeepRefusedError, kept_in
from tui.acting.sentences import (
    bound_warning,
    change_lines,
    connectable_text,
    freed_text,
    keep_lines,
    kept_text,
    listing_lines,
    nothing_text,
    outstanding_text,
    undone_text,
)
from tui.acting.settings import Change, RefusedError, changes
from tui.analysis.frame import Frame
from tui.analysis.patterns import PatternKey
from tui.kernel.destroy import DestroyError, require_capability
from tui.kernel.places import Place
from tui.kernel.sockets import TableError
from tui.writing.words import plural


class ActError(Exception):
    """It is not done; the text is one line that says why."""


EXPECTED = (
    ActError,
    DestroyError,
    JournalError,
    KeepRefusedError,
    NotPermittedError,
    RefusedError,
    TableError,
    OSError,
)
"""What a step may raise besides: all are one line."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be done, in sentences, and the question whether to do it."""

    lines: Sequence[str]
    question: str


class Act:
    """One thing that may be done."""

    title: str

    def look(self) -> Proposal:
        """Say what would be done, and touch nothing. Raises one of EXPECTED where it cannot be."""
        raise NotImplementedError

    def do(self) -> Sequence[str]:
        """Do it, and say what came of it. Raises one of EXPECTED."""
        raise NotImplementedError

    def seen(self, frame: Frame) -> str:
        """Return what a frame shows of it since it was done; empty where that is nothing."""
        return ""


class FreeAct(Act):
    """TIME-WAITs of a pattern end now."""

    def __init__(self, place: Place, key: PatternKey, older_than_ms: int) -> None:
        self.title = f"Free {key}"
        self._place = place
        self._choice = Choice(
            key.local_ip, key.remote_ip, key.remote_port, older_than_ms=older_than_ms
        )
        self._listing: Listing | None = None

    def look(self) -> Proposal:
        """List them."""
        require_capability()
        listing = self._listing = find(self._place, self._choice)
        if not listing.matched:
            raise ActError(nothing_text(listing, self._choice, "age"))
        lines = listing_lines(listing, foretell(listing))
        return Proposal(lines, f"End {plural(len(listing.sockets), 'socket')}?")

    def do(self) -> Sequence[str]:
        """End those that were listed."""
        assert self._listing is not None
        return [freed_text(self._listing, free(self._place, self._listing))]


class KeepAct(Act):
    """A pattern is kept below a level from now on."""

    def __init__(self, place: Place, goal: Goal, begin: Callable[[Place, Goal], object]) -> None:
        """``begin`` does it: what lasts longer than the question belongs to the app."""
        self.title = f"Keep {goal.destination}"
        self._place, self._goal, self._begin = place, goal, begin

    def look(self) -> Proposal:
        """Say what it does, and whether it can be done."""
        require_capability()
        goal = self._goal
        rules = Keeper(self._place, goal).rules
        for other in kept_in(self._place):
            if other.overlaps(goal):
                raise ActError(f"already keeping {goal.destination} below {other.below:g} %")
        lines = [
            *keep_lines(goal, rules),
            "It stops when this dashboard ends, or with the same key.",
        ]
        return Proposal(lines, f"Keep {goal.destination} below {goal.below:g} %?")

    def do(self) -> Sequence[str]:
        """Begin."""
        self._begin(self._place, self._goal)
        return [f"Now keeping {self._goal.destination} below {self._goal.below:g} %."]


class StopKeepingAct(Act):
    """What is kept by this dashboard is left to itself."""

    def __init__(self, keeping: Keeping) -> None:
        self.title = f"Keep {keeping.goal.destination}"
        self._keeping = keeping

    def look(self) -> Proposal:
        """Say what it has done until now."""
        one, goal = self._keeping, self._keeping.goal
        lines = [
            f"Keeping {goal.destination} below {goal.below:g} %: {plural(one.freed, 'TIME-WAIT')} "
            "ended so far."
        ]
        if one.newest is not None:
            lines.append(kept_text(goal, one.newest))
        return Proposal(lines, "Stop keeping it?")

    def do(self) -> Sequence[str]:
        """Stop."""
        self._keeping.stop()
        return [f"Stopped keeping {self._keeping.goal.destination}."]


class ApplyAct(Act):
    """Settings are changed until the next boot."""

    title = "Apply"

    def __init__(self, place: Place, wanted: Mapping[str, str], key: PatternKey | None) -> None:
        """``key`` is the pattern for whose sake it is done."""
        self._place, self._wanted, self._key = place, wanted, key
        self._made: tuple[Change, ...] = ()
        self._before: Frame | None = None

    def look(self) -> Proposal:
        """Say what they are and what they become."""
        self._made = changes(self._wanted, present(self._place))
        needed = [change for change in self._made if change.needed]
        if not needed:
            raise ActError("it is already set")
        check(self._place, self._made)
        self._before = read(self._place)
        lines = change_lines(self._place, self._made, persist=False)
        if warning := bound_warning(self._before, self._made):
            lines.append(warning)
        return Proposal(lines, f"Make {plural(len(needed), 'change')}?")

    def do(self) -> Sequence[str]:
        """Change them, each into the journal before; they are read back."""
        with opened(journal_path()) as journal:
            apply(self._place, self._made, journal)
        return ["Applied and read back. Press u, or run `twtop undo`, to revert it."]

    def seen(self, frame: Frame) -> str:
        """Return what became of the ports that connect() can have."""
        assert self._before is not None
        return connectable_text(self._before, frame, self._key)


class UndoAct(Act):
    """All that was applied is set back, whoever of this user's twtops did it."""

    title = "Undo"

    def __init__(self) -> None:
        self._listed: list[Entry] = []

    def look(self) -> Proposal:
        """List what is to be set back."""
        path = journal_path()
        if path.exists():
            with opened(path) as journal:
                self._listed = list(journal.outstanding)
        if not self._listed:
            raise ActError("nothing to undo")
        lines = [outstanding_text(entry) for entry in reversed(self._listed)]
        return Proposal(lines, f"Undo {plural(len(lines), 'change')}?")

    def do(self) -> Sequence[str]:
        """Set back what was listed, the last change first."""
        with opened(journal_path()) as journal:
            if journal.outstanding != self._listed:
                raise ActError("something was applied or reverted meanwhile: look again")
            done = undo(journal)
        lines = [undone_text(one) for one in done]
        if any(one.how == "changed since" for one in done):
            lines.append("`twtop undo --force` reverts those too.")
        return lines
