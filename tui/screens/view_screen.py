"""What every screen over the app's view shares: it follows the view, and has a prompt."""

from __future__ import annotations

from textual.screen import Screen
from textual.widget import Widget

from tui.view import View
from tui.widgets.prompt import Prompt


class ViewScreen(Screen[None]):
    """A screen that shows the app's view."""

    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [
        (0, "-narrow"),
        (100, "-wide"),
    ]
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [
        (0, "-tiny"),
        (16, "-short"),
        (32, "-tall"),
        (50, "-towering"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.prompt = Prompt()
        self.view: View | None = None
        """The newest view, also while another screen is in front."""

    @property
    def first_focus(self) -> Widget:
        """Where the keys go at first."""
        raise NotImplementedError

    @property
    def about(self) -> object:
        """What it is about: two screens of a kind about the same thing are the same."""
        return None

    def show(self, view: View) -> None:
        """Show a view."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Follow the app's view."""
        self.watch(self.app, "view", self._follow)
        self.first_focus.focus()

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was in front."""
        self.again()

    def _follow(self, view: View | None) -> None:
        self.view = view
        self.again()

    def again(self) -> None:
        """Show the present view once more, after a choice has changed."""
        if self.view is not None and self.is_current:
            with self.app.batch_update():
                self.show(self.view)
