"""The app over a fleet: its view, and the thread that asks Prometheus."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from textual.dom import DOMNode
from textual.message import Message
from textual.reactive import reactive

from tui.dashboard.app import TwtopApp
from tui.dashboard.arrangement import must_be_known
from tui.dashboard.fleet.pane import where
from tui.dashboard.fleet.place import PlaceScreen
from tui.dashboard.fleet.screen import FleetScreen, Looked, PlaceAsked, ShellAsked
from tui.dashboard.fleet.view import FleetView
from tui.dashboard.keymap import PANELS, checked
from tui.dashboard.polling import Paced
from tui.dashboard.screens.table_screen import TableScreen
from tui.dashboard.screens.view_screen import ViewScreen
from tui.dashboard.shell import ShellApp
from tui.findings.config import Config
from tui.fleet.client import FleetError
from tui.fleet.fleet import FleetPlace
from tui.fleet.refresh import Moment
from tui.watching.sampler import Cycle

HOST = re.compile(r"[A-Za-z0-9_\[][A-Za-z0-9._:%\]-]*")
"""What may stand in a command for a host: a label is whatever somebody has written there."""
HELP = """\
[b]The fleet[/b]
  Each row is a place on a host, with its worst tuple: the one with the most
  ports that connect() cannot use. ▓ live or in TIME-WAIT, locked;
  ▒ TIME-WAIT, reusable.
  Full in: time until the first of its tuples is full, which need not be the
  worst one now.
  Last hour: the locked share of ports, minute by minute, from 0 to 100 %.
  A blank tuple: every tuple of the place has over 90 % of its ports free.
  Silent: Prometheus cannot scrape the host, or it was scraped within the
  last hour and is gone now.
  ? marks a place whose figures are uncertain: old, or too low because the
  host could not read everything.
  For a large fleet, load the rules that twtop metrics --rules prints: they
  keep a refresh cheap.

"""


class Asker(Paced, Protocol):
    """Asks Prometheus: a Refresher, or what stands in for one."""

    def poll(self) -> Moment:
        """Return what is known now. Raises FleetError."""

    def look_at(self, places: Sequence[FleetPlace]) -> bool:
        """Have the history of these; return whether one is new."""

    def study(self, place: FleetPlace | None) -> None:
        """Have all about one."""


@dataclass(eq=False)
class Refreshed(Message):
    """A refresh ended: with a moment, or with why there is none."""

    moment: Moment | None
    failure: str | None = None

    def can_replace(self, message: Message) -> bool:
        """Say whether a newer message can stand for this one; a failure is no moment."""
        return isinstance(message, Refreshed) and (
            message.moment is not None or self.moment is None
        )


TOGETHER: tuple[tuple[type[DOMNode], ...], ...] = (
    (ViewScreen, TableScreen, FleetScreen),
    (ViewScreen, PlaceScreen),
)
"""Whose keys work at the same time."""


class FleetApp(ShellApp):
    """Which of all hosts is running out of ports?"""

    view: reactive[FleetView | None] = reactive(None, always_update=True, repaint=False)
    """What the screens show."""

    def __init__(
        self, poller: Asker, config: Config, host: str, *, ssh: Sequence[str] = ()
    ) -> None:
        """Show what the poller is told by ``host``; ``ssh`` is a command with {host} in it.

        Raises ConfigError where the user's keys or theme cannot be meant so.
        """
        keys = checked(dict(config.keys), (ShellApp,), TOGETHER, (TwtopApp,))
        super().__init__(keys, config.screen.theme)
        must_be_known("theme", config.screen.theme, self.available_themes)
        self.poller: Asker = poller
        self.threshold = config.ports.threshold
        self.fleet_screen = FleetScreen(host)
        self._ssh = ssh
        self._newest: Moment | None = None
        self._cycle = Cycle(self._poll, poller.interval, "twtop-fleet")

    def on_mount(self) -> None:
        """Open the screen and start asking."""
        self.begin_with_theme()
        self.push_screen(self.fleet_screen)
        self._cycle.start()

    def on_unmount(self) -> None:
        """Let the thread end; nobody waits for it."""
        self._cycle.stop()

    def _poll(self) -> None:
        """In its thread: ask once and pass on what came of it."""
        try:
            self.post_found(Refreshed(self.poller.poll()))
        except FleetError as error:
            self.post_found(Refreshed(None, str(error)))
        except Exception as error:  # a bug must be seen, not end the thread in silence
            self.post_found(Refreshed(None, f"asking failed: {error!r}"))

    def on_refreshed(self, message: Refreshed) -> None:
        """Take what came; what is on screen stays until there is something newer."""
        self.failure = message.failure
        if self._newest is None:
            self.fatal = message.failure
        if message.moment is not None:
            self._newest = message.moment
        if not self.frozen or self.view is None:
            self._show(self._newest)
        else:
            self._show(self.view.moment)

    def _show(self, moment: Moment | None) -> None:
        if moment is not None:
            self.view = FleetView(
                moment, self.threshold, self.poller.interval, self.frozen, self.failure
            )

    def show_again(self) -> None:
        """Show the present view, if there is one, with the user's newest choices."""
        self._show(None if self.view is None else self.view.moment)

    def action_freeze(self) -> None:
        """Hold the screen still, or let it go on with what is newest."""
        self.frozen = not self.frozen
        if self.frozen:
            self.show_again()
        else:
            self._show(self._newest)

    def on_looked(self, message: Looked) -> None:
        """Have the history of what is in view; at once, where some is not there yet."""
        if self.poller.look_at(self.fleet_screen.places.in_view()) and self.view is not None:
            self._cycle.now()

    def on_place_asked(self, message: PlaceAsked) -> None:
        """Show a place."""
        place = None if self.view is None else self.view.fleet.find(message.key)
        if place is not None and self.screen is self.fleet_screen:
            self.poller.study(place)
            self._open(PlaceScreen(place), self._left_place)
            self._cycle.now()

    def _left_place(self, result: None) -> None:
        self.poller.study(None)

    def on_shell_asked(self, message: ShellAsked) -> None:
        """Run twtop on a host, in this terminal, and come back."""
        host = where(message.place)
        if not self._ssh:
            self.notify(f"start with --ssh to open twtop on {host}", title="ssh", markup=False)
        elif not HOST.fullmatch(host):
            self.notify(
                f"“{host}” is not a host name", title="ssh", severity="warning", markup=False
            )
        else:
            words = [word.replace("{host}", host) for word in self._ssh]
            with self.suspend(), undisturbed():
                code = run(words)
            self.refresh(layout=True)
            if code:
                self.notify(
                    f"{' '.join(words)}: {code}",
                    title="ssh",
                    severity="warning",
                    timeout=12,
                    markup=False,
                )

    @property
    def not_offered(self) -> frozenset[str]:
        """Also ssh, where nothing says how: the help tells of it."""
        return super().not_offered | (frozenset() if self._ssh else {"ssh"})

    def headings(self) -> Mapping[str, Iterable[type[DOMNode]]]:
        """Return whose keys the help lists, and under what heading."""
        return {
            "In the fleet": (FleetScreen, TableScreen, ViewScreen),
            "Everywhere": (ShellApp,),
            "In a panel": PANELS,
            "In a place": (PlaceScreen,),
        }

    def help_first(self) -> str:
        """Begin the help with what the fleet's screen shows."""
        return HELP


def run(words: Sequence[str]) -> str:
    """Run a command in the terminal, and return what it failed with, "" where it did not."""
    try:
        code = subprocess.run(words, check=False).returncode
    except OSError as error:
        return error.strerror or str(error)
    return f"exit code {code}" if code else ""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leave Ctrl-C to the command in front; it has its own handlers, not these."""
    numbers = (signal.SIGINT, signal.SIGQUIT)
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
