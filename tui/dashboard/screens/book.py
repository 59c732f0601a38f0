"""The book: the topics of `twtop help`, to choose from and to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from tui.dashboard.keys import bind
from tui.dashboard.screens.closing import ClosesOnce
from tui.dashboard.widgets.document import Document, Line
from tui.dashboard.widgets.styles import ROLE_CLASSES
from tui.help.markdown import blocks
from tui.help.page import page
from tui.help.topics import titles, topic

ROLES = {"bold": "figure", "code": "command"}
"""Of a page, as a Document has them."""


class BookScreen(ModalScreen[None], ClosesOnce):
    """The list of topics, and the one that was chosen."""

    COMPONENT_CLASSES = ROLE_CLASSES
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("book.back", "escape,q,backspace", "back", "Back", "Back to the topics, and out"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.titles = titles()
        self.topic: str | None = None
        """The one that is read."""

    def compose(self) -> ComposeResult:
        """Show one text."""
        yield Document(id="book")

    def on_mount(self) -> None:
        """Begin with the list."""
        self._show(None)

    def _show(self, name: str | None) -> None:
        body = self.query_one(Document)
        chosen, self.topic = self.topic, name
        if name is None:
            body.entitle("twtop · topics", "enter reads · esc closes")
            body.show(partial(_list, self.titles))
            body.cursor = [*self.titles].index(chosen) if chosen else 0
        else:
            body.entitle(f"twtop help {name}", "esc goes back")
            parts = [*blocks(topic(name))]
            body.show(lambda width: (_line(line) for line in page(parts, width)))
        body.scroll_to(y=0, animate=False)
        body.refresh()

    @on(Document.Chosen)
    def _read(self, event: Document.Chosen) -> None:
        self._show([*self.titles][event.item])

    def action_back(self) -> None:
        """Go back to the topics; from there, close."""
        if self.topic is None:
            self.dismiss()
        else:
            self._show(None)


def _list(topics: Mapping[str, str], width: int) -> Iterator[Line]:
    room = max(map(len, topics))
    for item, (name, title) in enumerate(topics.items()):
        yield Line([(f"{name:<{room}}  ", "command"), (title, "")], item)


def _line(runs: tuple[tuple[str, str], ...]) -> Line:
    return Line([(text, ROLES.get(role, role)) for text, role in runs])
