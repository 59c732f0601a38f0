"""The help: keys, words, and how the numbers come about."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

HELP = """\
[b]Keys[/b]
  ↑ ↓ j k    move              enter  drill into a pattern; filter by a
  PgUp PgDn  page                     remote IP; explain a parameter
  g G        first, last       esc    back; clear the filter; restore panels
  tab        next panel        s I    sort by the next column; turn it round
  /          filter            + -    poll slower, faster
  space      freeze            t      threshold
  m          maximize panel    1–5    patterns, TIME-WAIT, states, remotes,
                                      sysctls: one panel alone
  e          export CSV/JSON   c      charts on and off (in a pattern)
  ctrl+p     all commands      ? F1   this help       q F10  quit
  Mouse: click selects, a second click opens, a header sorts.

[b]Words[/b]
  A pattern is what sockets are grouped by:
    10.0.0.5 → 10.0.0.9:5432  outgoing: local IP, remote IP, remote port
    10.0.0.5:443 ← 10.0.0.77  incoming: a port listened on, a remote IP
    10.0.0.5 – 10.0.0.9       other: local port neither ephemeral nor
                              listened on
  Use is ports in use / capacity. Every state holds a port:
    █ live  ▓ TIME-WAIT, locked  ▒ TIME-WAIT, reusable now  · free
    ┊ 50 %: from here connect() scans in vain, some 150 times slower
      (~ past it)    │ the threshold (! past it)
  Connectable = free + reusable. At 0 connect() fails, EADDRNOTAVAIL.
  Full in: when that will be, from the closing rate, the growth of open
    sockets, and the ports that the timers give back. A dash: not within
    the hour as it goes.
  Last 60 s: sockets closed in each of the last 60 seconds, as far as the
    timers tell: what connect() has taken over since has none any more.
  Expiring: the timer has run out, the kernel removes it within 2 s.
  Incoming patterns use the peer's ports: information, never an alarm.

[b]How it knows[/b]
  TIME-WAIT lasts 60 s, so each timer tells when a socket was
  closed and when its port comes back. No sysctl changes that;
  tcp_fin_timeout is for FIN-WAIT-2.
  A TIME-WAIT has no owner; “was nginx\\[12]” held the pattern while it
  was open. Capacity is an upper bound: sockets bound before they connect
  take a port from every destination and cannot be told apart.

[b]Filters[/b], joined by and, or, not, ( )
  state time-wait   dport 5432   sport 1024-2047   dst 10.0.0.0/8
  src \\[::1]   use > 50%   any other word: part of an address or ip:port
"""


class HelpScreen(ModalScreen[None]):
    """One page of help over the screen that asked for it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,f10,enter,space", "dismiss", "Close"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, first: str = "") -> None:
        """Begin with this markup."""
        super().__init__()
        self._first = first

    def compose(self) -> ComposeResult:
        """Show the page; it scrolls where the terminal is small."""
        with VerticalScroll(id="help") as page:
            page.border_title = "twtop · help"
            page.border_subtitle = "esc closes"
            yield Static(self._first + HELP)

    def action_scroll(self, by: int) -> None:
        """Scroll by a line."""
        self.query_one("#help").scroll_relative(y=by, animate=False)
