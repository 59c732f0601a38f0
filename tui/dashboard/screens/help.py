"""The help: keys, words, and how the numbers come about."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.dashboard.screens.closing import ClosesOnce

HELP = """\
[b]Keys[/b]
  ↑ ↓ j k    move              enter  drill into a pattern; open a finding;
  PgUp PgDn  page                     filter by a remote IP; explain a
  g G        first, last              parameter
  tab        next panel        esc    back; clear the filter; restore panels
  /          filter            s I    sort by the next column; turn it round
  f          findings, and     + -    poll slower, faster
             back              t      threshold
  l          plan: what would  m      maximize panel
             give the ports    1–6    patterns, TIME-WAIT, states, remotes,
  space      freeze                   sysctls, findings: one panel alone
  e          export CSV/JSON   ? F1   this help       q F10  quit
  ctrl+p     all commands      R      count refused connects: by the kernel
  In a pattern: c  charts on and off    f  what is found about it
  In a finding: c  copy the command     p  its pattern   ← →  next finding
  In a plan:    ← → or + -  change the rate or the lifetime, tab  the other,
                1–9 or =  type it, r or 0  back to the live one,
                c  copy the commands    m or enter  the row's whole text
  Mouse: click selects, a second click opens, a header sorts.

[b]Words[/b]
  A pattern is what sockets are grouped by:
    10.0.0.5 → 10.0.0.9:5432  outgoing: local IP, remote IP, remote port
    10.0.0.5:443 ← 10.0.0.77  incoming: a port listened on, a remote IP
    10.0.0.5 – 10.0.0.9       other: local port neither ephemeral nor
                              listened on
  Use is ports in use / capacity. Every state holds a port:
    █ live  ▓ TIME-WAIT, locked  ▒ TIME-WAIT, reusable now  · free
    ┊ 50 %: from here connect() scans in vain: 5 times slower with 1,000
      ports, 140 with 28,232, 410 with 64,512 (~ where so many are live
      or locked)    │ the threshold (! past it)
  Connectable = free + reusable. At 0 connect() fails, EADDRNOTAVAIL.
  Full in: when that will be, from the closing rate, the growth of open
    sockets, and the ports that the timers give back. A dash: not within
    the hour as it goes.
  Last 60 s: sockets closed in each of the last 60 seconds, as far as the
    timers tell: what connect() has taken over since has none any more.
  Expiring: the timer has run out, the kernel removes it within 2 s.
  Incoming patterns use the peer's ports: information, never an alarm.
  A finding is what a rule has to say: ■ critical, connections fail or are
    about to; ▲ warning, it costs already or will fail; · info. It says
    for how long (≥: it was there before twtop), and stays crossed out for
    a moment when it has gone. twtop audit has the same ones.

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


class HelpScreen(ModalScreen[None], ClosesOnce):
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
