"""A line at the foot of the screen that asks for one thing, as less and vim do."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Label

from tui.dashboard.keys import bind
from tui.dashboard.widgets.footer import KeysFooter
from tui.writing.words import whole_clauses

Answer = Callable[[str], str | None]
"""Takes what was typed; returns why it cannot be taken, or None."""
LEAST_FIELD = 10
"""Cells that the field keeps beside a complaint."""


class Prompt(Horizontal):
    """Hidden until ask() is called; a refused answer stays to be mended."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("prompt.accept", "enter", "accept", "OK", "Accept what you typed"),
        bind("prompt.cancel", "escape", "cancel", "Cancel", "Close the prompt, change nothing"),
        bind("prompt.stay", "tab,shift+tab", "stay", "", "Stay in the prompt"),
    ]

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self._answer: Answer | None = None
        self._try: Callable[[str], None] | None = None
        self._undo: Callable[[], None] | None = None
        self._before: Widget | None = None
        self._label = ""

    def compose(self) -> ComposeResult:
        """Put a label, a field and room for a complaint side by side."""
        yield Label("", id="prompt-label", markup=False)
        yield Input(compact=True, id="prompt-input", select_on_focus=True)
        yield Label("", id="prompt-error", markup=False)

    def ask(
        self,
        label: str,
        value: str,
        answer: Answer,
        hint: str = "",
        *,
        begun: bool = False,
        as_typed: Callable[[str], None] | None = None,
        undo: Callable[[], None] | None = None,
    ) -> None:
        """Ask for one thing; ``answer`` gets what was typed when enter is pressed.

        ``begun``: the value is what the user has begun to type, and goes on behind it.
        ``as_typed`` gets what is there so far after each key, and ``undo`` takes it back when
        the prompt is cancelled.
        """
        self._answer, self._try, self._undo = answer, None, undo
        if not self.is_attached:  # the key came while its screen opens or closes
            return
        self._before = self.screen.focused
        self.app.clear_notifications()
        self._label = label
        self.query_one("#prompt-label", Label).update(label)
        self.say("")
        field = self.query_one(Input)
        field.value = value
        field.placeholder = hint
        field.select_on_focus = not begun
        field.cursor_position = len(value)
        self._open(True)
        # At once: what is typed on in haste must not be taken for the screen's keys.
        self.display = True
        self.screen.set_focus(field)
        self._try = as_typed

    @on(Input.Submitted)
    def submitted(self, event: Input.Submitted) -> None:
        """Pass the answer on; close when it was taken."""
        event.stop()
        complaint = self._answer(event.value) if self._answer is not None else None
        if complaint is None:
            self.close()
        else:
            self.say(complaint)

    @on(Input.Changed)
    def changed(self, event: Input.Changed) -> None:
        """Take the complaint back while it is mended."""
        event.stop()
        self.say("")
        if self._try is not None:  # what is not finished is no mistake yet
            self._try(event.value)

    def say(self, complaint: str) -> None:
        """Show something beside the field, and no label where there is no room for both."""
        room = self.app.size.width - LEAST_FIELD - 2
        fits = not complaint or len(complaint) <= room - len(self._label) - 2
        self.query_one("#prompt-label", Label).display = fits
        self.query_one("#prompt-error", Label).update(whole_clauses(complaint, room))

    @property
    def is_open(self) -> bool:
        """Is a question being asked?"""
        return self.has_class("-open")

    def _open(self, is_open: bool) -> None:
        self.set_class(is_open, "-open")
        self.screen.query_one(KeysFooter).at_prompt = is_open
        self.screen.refresh_bindings()

    def action_stay(self) -> None:
        """Keep the focus: a question is answered or cancelled, not left."""

    async def action_accept(self) -> None:
        """Take what is typed, as enter in the field does."""
        await self.query_one(Input).action_submit()

    def action_cancel(self) -> None:
        """Close without an answer, and take back what was tried."""
        undo = self._undo
        self.close()
        if undo is not None:
            undo()

    def close(self) -> None:
        """Close, and give the focus back."""
        self._answer = self._try = self._undo = None
        self._open(False)
        self.display = False
        if self._before is not None and self._before.is_attached:
            self._before.focus()
