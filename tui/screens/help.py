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
  ↑ ↓ j k   move              enter   drill into a pattern; explain a sysctl
  PgUp PgDn page              esc     back; clear the filter; leave a maximized panel
  g G       first, last       tab     next panel
  /         filter            s I     sort by the next column; turn the order round
  space     freeze            + -     poll slower, faster
  t         threshold         m 1–5   maximize the panel; show one panel alone
  e         export CSV/JSON   c       charts on and off (in a pattern)
  ctrl+p    all commands      ? F1    this help         q F10   quit
  Mouse: click selects, a second click opens, a header sorts, the wheel scrolls.

[b]Words[/b]
  A pattern is what sockets are grouped by:
    10.0.0.5 → 10.0.0.9:5432   outgoing: local IP, remote IP, remote port
    10.0.0.5:443 ← 10.0.0.77   incoming: a port listened on, and a remote IP
    10.0.0.5 – 10.0.0.9        other: local port neither ephemeral nor listened on
  Use is ports in use / capacity. Every state holds a port, not TIME-WAIT alone.
    █ live   ▓ TIME-WAIT, locked   ▒ TIME-WAIT, reusable now (tcp_tw_reuse)   · free
    ┊ 50 %: from here connect() scans in vain and is some 150 times slower   ~ past it
    │ the threshold   ! past it
  Connectable = free + reusable. At 0 connect() fails with EADDRNOTAVAIL.
  Full in: when that will be, from the closing rate, the growth of open sockets, and
    the ports that the timers give back. A dash: not within the hour as it goes.
  Last 60 s: the sockets closed in each of the last 60 seconds, now at the right.
  For incoming patterns the ports are the peer's: information, never an alarm.

[b]How it knows[/b]
  TIME-WAIT lasts exactly 60 s, so each timer tells when a socket was closed, when its
  port comes back. No sysctl changes that; tcp_fin_timeout is for FIN-WAIT-2.
  A TIME-WAIT has no owner; “was nginx\\[12]” is who held the pattern while it was open.
  Capacity is an upper bound: sockets bound before they connect take a port from every
  destination and cannot be told apart.

[b]Filters[/b], joined by and, or, not, ( )
  state time-wait   dport 5432   sport 1024-2047   dst 10.0.0.0/8   src \\[::1]
  use > 50%   any other word: text in an address or ip:port
"""


class HelpScreen(ModalScreen[None]):
    """One page of help over the screen that asked for it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,f10,enter,space", "dismiss", "Close"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Show the page; it scrolls where the terminal is small."""
        with VerticalScroll(id="help") as page:
            page.border_title = "twtop · help"
            page.border_subtitle = "esc closes"
            yield Static(HELP)

    def action_scroll(self, by: int) -> None:
        """Scroll by a line."""
        self.query_one("#help").scroll_relative(y=by, animate=False)
