"""A page that says what would be done, asks, does it, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread
from typing import ClassVar, Literal, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.dashboard.acts import EXPECTED, Act, ApplyAct, Proposal, UndoAct
from tui.dashboard.keys import bind
from tui.dashboard.screens.closing import ClosesOnce
from tui.watching.view import View

T = TypeVar("T")
FOOT = {
    "looking": "esc or q closes",
    "asking": "y yes · n, q no",
    "doing": "",
    "ended": "esc or q closes",
}


class AskScreen(ModalScreen[None], ClosesOnce):
    """One act, over the screen that asked for it.

    Its steps run in threads that begin here, and so in the network namespace of the app.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("ask.yes", "y", "yes", "Yes", "Do it"),
        bind("ask.close", "escape,n,q", "dismiss", "No", "Close this and change nothing"),
        bind("ask.undo", "u", "undo", "Undo", "Set back what was just applied"),
    ]

    def __init__(self, act: Act, done: Callable[[], object] = lambda: None) -> None:
        """``done`` is called when it was done, or has failed on the way."""
        super().__init__()
        self.act = act
        self.stage: Literal["looking", "asking", "doing", "ended"] = "looking"
        self._done = done
        self._lines: Sequence[str] = ["looking …"]
        self._question = ""
        self._watches = False
        """Is there something done to be watched?"""

    def compose(self) -> ComposeResult:
        """Show the page; it scrolls where the terminal is small."""
        with VerticalScroll(id="ask") as page:
            page.border_title = Content(self.act.title)
            yield Static(id="ask-text")

    def on_mount(self) -> None:
        """Look, and follow what is seen once it is done."""
        self.watch(self.app, "view", self._follow)
        self._say("looking", self._lines)
        self._step(self.act.look, self._ask)

    def _step(self, step: Callable[[], T], then: Callable[[T], None]) -> None:
        """Take a step in a thread, and go on here with what it returned."""
        app = self.app  # which a screen that was closed meanwhile does not know any more

        def take() -> None:
            try:
                came = step()
            except EXPECTED as error:
                app.call_later(self._fail, str(error))
            except Exception as error:  # a bug must be seen, not end the thread in silence
                app.call_later(self._fail, repr(error))
            else:
                app.call_later(then, came)

        Thread(target=take, name="twtop-act", daemon=True).start()

    def _ask(self, proposal: Proposal) -> None:
        self._say("asking", proposal.lines, proposal.question)

    def action_yes(self) -> None:
        """Do it, if that is what was asked."""
        if self.stage == "asking":
            self._say("doing", self._lines, f"{self._question} Yes …")
            self._step(self.act.do, self._tell)

    def action_undo(self) -> None:
        """Ask, in place of this, whether to set back what was applied."""
        if self._watches and isinstance(self.act, ApplyAct):
            self.app.switch_screen(AskScreen(UndoAct(), self._done))

    def _tell(self, lines: Sequence[str]) -> None:
        self._done()
        if self.is_in_front:
            self._watches = True
            self._say("ended", lines)
        else:  # it was closed meanwhile
            self._toast("\n".join(lines), "information")

    def _fail(self, why: str) -> None:
        if self.stage == "doing":  # perhaps a part of it was done
            self._done()
        if self.is_in_front:
            self._say("ended", [f"{why[:1].upper()}{why[1:]}."])
        elif self.stage == "doing":
            self._toast(why, "error")

    def _toast(self, text: str, severity: Literal["information", "error"]) -> None:
        self.app.notify(text, title=self.act.title, severity=severity, timeout=12, markup=False)

    def _follow(self, view: View | None) -> None:
        if self._watches and view is not None and (seen := self.act.seen(view.frame)):
            self._show([*self._lines, seen])

    def _say(
        self,
        stage: Literal["looking", "asking", "doing", "ended"],
        lines: Sequence[str],
        question: str = "",
    ) -> None:
        self.stage, self._lines, self._question = stage, lines, question
        if self.is_mounted:
            self._show(lines)

    def _show(self, lines: Sequence[str]) -> None:
        page, text = self.query_one("#ask", VerticalScroll), self.query_one("#ask-text", Static)
        page.border_subtitle = FOOT[self.stage]
        parts: list[Content | tuple[str, str]] = [Content("\n".join(lines))]
        if self._question:
            parts.append((f"\n\n{self._question}", "bold"))
        text.update(Content.assemble(*parts))
        if self.stage == "asking":  # the question stands last
            self.call_after_refresh(partial(page.scroll_end, animate=False))
