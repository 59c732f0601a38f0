"""The help: keys, words, and how the numbers come about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.dashboard.keys import bind
from tui.dashboard.screens.book import BookScreen
from tui.dashboard.screens.closing import ClosesOnce

KEYS_WIDTH = 17
MOUSE = """\
[b]Mouse[/b]
  Click a row to select it, and the selected row to open it. Click a column
  header to sort by it, again to reverse the order. The wheel scrolls, and
  the keys in the bottom line can be clicked.

"""
HELP = """\
[b]Terms[/b]
  A pattern is what sockets are grouped by:
    10.0.0.5 → 10.0.0.9:5432  outgoing: local IP, remote IP, remote port
    10.0.0.5:443 ← 10.0.0.77  incoming: listening port, remote IP
    10.0.0.5 – 10.0.0.9       other: local port neither ephemeral nor
                              listened on
  Use is ports in use / capacity. Sockets in any state hold a port:
    █ live  ▓ TIME-WAIT, locked  ▒ TIME-WAIT, reusable now  · free
    ┊ 50 %: from here on connect() searches half the range in vain and is
      slow: 5 times slower with 1,000 ports, 140 with 28,232, 410 with
      64,512 (~ when that many are live or locked)
    │ the threshold (! beyond it)
  Connectable = free + reusable. At 0 connect() fails with EADDRNOTAVAIL.
  Full in: time until no port is left, from the rate of closes, the growth
    of open sockets, and the ports due back from TIME-WAIT. A dash: not
    within an hour at this rate.
  Last 60 s: sockets closed in each of the last 60 seconds, read from their
    timers. Those that connect() has taken over are missing.
  Expiring: the timer has run out; the kernel removes it within 2 s.
  Incoming patterns use the peer's ports: information, never an alarm.
  A finding is a problem twtop sees: ■ critical, connections fail or are
    about to; ▲ warning, it slows things down now or will fail later; · info.
    It says how long it has lasted (≥: since before twtop started), and is
    struck out for a moment once it is over. twtop audit prints the same.

[b]How it knows[/b]
  TIME-WAIT lasts 60 s, so each timer tells when a socket was closed and
  when its port comes back. No sysctl changes that except Alibaba's
  tcp_tw_timeout; tcp_fin_timeout is for FIN-WAIT-2.
  A TIME-WAIT has no owner: “was nginx\\[12]” held the pattern while it was
  open. Capacity is an upper bound: sockets bound before they connect take
  a port from every destination and cannot be told apart.

[b]Filters[/b], joined by and, or, not, ( )
  state time-wait   dport 5432   sport 1024-2047   dst 10.0.0.0/8
  src \\[::1]   use > 50%   any other word: part of an address or ip:port,
  on the dashboard also of a process's name
"""


def key_lines(keys: Iterable[tuple[str, str]]) -> str:
    """Return keys and what they do as lines of markup, of which a bracket is none."""
    lines = (f"  {names:<{KEYS_WIDTH}} {meaning}\n" for names, meaning in keys)
    return "".join(line.replace("[", r"\[") for line in lines)


def _group(title: str, keys: Iterable[tuple[str, str]]) -> str:
    return f"[b]{title}[/b]\n{key_lines(keys)}\n"


class HelpScreen(ModalScreen[None], ClosesOnce):
    """One page of help over the screen that asked for it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind(
            "help.close",
            "escape,q,question_mark,f1,f10,enter,space",
            "dismiss",
            "Close",
            "Close it",
        ),
        bind("help.down", "j,down", "scroll(1)", "Down", "Go down by a line"),
        bind("help.up", "k,up", "scroll(-1)", "Up", "Go up by a line"),
        bind("help.page-down", "pagedown,ctrl+f", "page(1)", "Page down", "Go down by a page"),
        bind("help.page-up", "pageup,ctrl+b", "page(-1)", "Page up", "Go up by a page"),
        bind("help.half-down", "ctrl+d", "page(0.5)", "Half a page down", "Go down by half"),
        bind("help.half-up", "ctrl+u", "page(-0.5)", "Half a page up", "Go up by half a page"),
        bind("help.first", "g,home", "edge(-1)", "Top", "Go to the top"),
        bind("help.last", "G,end", "edge(1)", "End", "Go to the end"),
        bind("help.topics", "t", "topics", "Topics", "Read on: the topics of twtop help"),
    ]

    def __init__(
        self, keys: Mapping[str, Iterable[tuple[str, str]]], first: str = "", begin: str = ""
    ) -> None:
        """Tell these keys under their headings, below the markup ``first``.

        It is opened at the heading ``begin``, else at the top.
        """
        super().__init__()
        self.parts = {title: _group(title, group) for title, group in keys.items()}
        """The markup below each heading."""
        self._first = first
        self._begin = begin

    def compose(self) -> ComposeResult:
        """Show the page; it scrolls where the terminal is small."""
        with VerticalScroll(id="help") as page:
            page.border_title = "twtop · help"
            page.border_subtitle = "t topics to read · esc closes"
            if self._first:
                yield Static(self._first)
            for title, part in self.parts.items():
                yield Static(part, classes="begin" if title == self._begin else "")
            yield Static(MOUSE + HELP)

    def on_mount(self) -> None:
        """Begin where it was asked for."""
        for begin in self.query(".begin"):
            page = self.query_one("#help")
            self.call_after_refresh(page.scroll_to_widget, begin, animate=False, top=True)

    def action_topics(self) -> None:
        """Open the book, in place of this page."""
        self.app.switch_screen(BookScreen())

    def action_scroll(self, by: int) -> None:
        """Scroll by a line."""
        self.query_one("#help").scroll_relative(y=by, animate=False, immediate=True)

    def action_page(self, by: float) -> None:
        """Scroll by so many pages."""
        page = self.query_one("#help")
        page.scroll_relative(
            y=round(by * max(page.size.height - 1, 2)), animate=False, immediate=True
        )

    def action_edge(self, side: int) -> None:
        """Go to the top (−1) or the end (1)."""
        page = self.query_one("#help")
        page.scroll_to(y=0 if side < 0 else page.max_scroll_y, animate=False, immediate=True)
