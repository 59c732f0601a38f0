"""What every screen over the app's view shares: it follows the view, and has a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, runtime_checkable

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from tui.analysis.patterns import PatternKey
from tui.dashboard.keys import bind
from tui.dashboard.screens.closing import ClosesOnce
from tui.dashboard.widgets.clients import ClientsPanel
from tui.dashboard.widgets.footer import Hint, KeysFooter, each
from tui.dashboard.widgets.panel import Shown
from tui.dashboard.widgets.prompt import Prompt
from tui.dashboard.widgets.styles import ROLE_CLASSES
from tui.dashboard.widgets.timeline import Timeline
from tui.dashboard.widgets.titlebar import TitleLine
from tui.findings.cases import Case
from tui.writing.words import plural


@runtime_checkable
class Hinting(Protocol):
    """An app with keys for the footers of all screens."""

    hints: ClassVar[Sequence[Hint]]


@runtime_checkable
class Freezing(Protocol):
    """An app whose screen can be held still."""

    frozen: bool

    def action_freeze(self) -> None:
        """Hold it still, or return to what is there now."""


class ViewScreen(ClosesOnce, Generic[Shown]):
    """A screen that shows the app's view."""

    COMPONENT_CLASSES = ROLE_CLASSES
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("screen.next", "tab", "app.focus_next", "Next panel", "Go to the next panel"),
        bind(
            "screen.previous",
            "shift+tab",
            "app.focus_previous",
            "Panel before",
            "Go to the previous panel",
        ),
    ]
    hints: ClassVar[Sequence[Hint]]
    """What the footer tells, the most important first."""
    more_hints: ClassVar[Sequence[Hint]] = each("app.palette")
    """What it tells besides, where there is room."""

    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [
        (0, "-narrow"),
        (100, "-wide"),
        (160, "-vast"),
    ]
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [
        (0, "-tiny"),
        (16, "-short"),
        (32, "-tall"),
        (50, "-towering"),
    ]

    has_past: ClassVar[bool] = True
    """Is what it shows that of the moment which the app has gone to?"""
    has_own_arrows: ClassVar[bool] = False
    """Do ← and → change something here, rather than go through time?"""
    about: object = None
    """Two screens of a kind about the same thing are the same."""

    def __init__(self, title_bar: TitleLine[Shown], first_focus: Widget, *, load: bool) -> None:
        """With a panel for the ``load`` that the app plays, if there is one."""
        super().__init__()
        self.title_bar = title_bar
        self.first_focus = first_focus
        """Where the keys go at first."""
        self.load = load
        self.prompt = Prompt()
        self.view: Shown | None = None
        """The newest view, also while another screen is in front."""

    def compose(self) -> ComposeResult:
        """Lay the screen's own panels out between what all screens have."""
        yield self.title_bar
        if self.load:
            yield ClientsPanel(id="clients")
        yield from self.panels()
        if self.has_past:
            yield Timeline(id="timeline")
        yield self.prompt
        assert isinstance(self.app, Hinting)
        yield KeysFooter((*self.hints, *self.app.hints, *self.more_hints))

    def panels(self) -> ComposeResult:
        """Yield the screen's own panels, from top to bottom."""
        raise NotImplementedError

    def show(self, view: Shown) -> None:
        """Show a view."""
        raise NotImplementedError

    def shows(self, case: Case) -> bool:
        """Say whether a finding stands on this screen: it is not told in a toast then."""
        return False

    def on_mount(self) -> None:
        """Follow the app's view."""
        self.watch(self.app, "view", self._follow)
        self.first_focus.focus()

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was in front."""
        self.again()

    def _follow(self, view: Shown | None) -> None:
        self.view = view
        self.again()

    def again(self) -> None:
        """Show the present view once more, after a choice has changed."""
        if self.view is not None and self.is_current:
            with self.app.batch_update():
                self.show(self.view)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have no key that the app does not offer."""
        if action in getattr(self.app, "not_offered", ()):
            return False
        return super().check_action(action, parameters)

    def copy(self, text: str) -> None:
        """Put a text into the terminal's clipboard, and say so: nobody can know that it took it.

        At the foot: a toast would lie over what was copied.
        """
        self.app.copy_to_clipboard(text)
        lines = plural(len(text.splitlines()), "line")
        self.query_one(KeysFooter).say(f"copied {lines}, if your terminal allows it (OSC 52)")

    def action_back(self) -> None:
        """Close the prompt, else go back."""
        if self.prompt.is_open:
            self.prompt.action_cancel()
        else:
            self.go_back()

    def leave_past(self) -> bool:
        """Return to what is there now, and say whether the screen was held still."""
        if isinstance(self.app, Freezing) and self.app.frozen:
            self.app.action_freeze()
            return True
        return False

    def go_back(self) -> None:
        """Go back to the screen that this one was opened from."""
        self.dismiss()


@dataclass
class PatternAsked(Message):
    """Show a pattern."""

    key: PatternKey


@dataclass
class FindingAsked(Message):
    """Show the finding of this code and subject."""

    identity: tuple[str, str]


@dataclass
class PlanAsked(Message):
    """Show the plan for an outgoing pattern."""

    key: PatternKey
