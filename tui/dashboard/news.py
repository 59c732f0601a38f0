"""What is said in a corner of the screen when a finding comes up that nothing else there shows."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from textual.app import App
from textual.notifications import Notification, Notify

from tui.findings.cases import Case, Cases
from tui.findings.finding import Severity

TOLD_AT_ONCE = 2
"""More news than this at once share one toast."""
TOLD_SECONDS = 7.0
"""How long a toast stays."""


@dataclass(frozen=True, slots=True)
class Toast:
    """What was said, and of which cases."""

    notification: Notification
    about: frozenset[tuple[str, str]]
    """Their identities."""
    topics: frozenset[Hashable]


class News:
    """Tells each story once, one a pattern, and takes back what is over or shown elsewhere."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._told = 0
        """Up to which look the news have been told."""
        self._toasts: list[Toast] = []

    def tell(self, cases: Cases, shown: Callable[[Case], bool]) -> None:
        """Say what has come up, unless it is over, a mere information, or ``shown`` on screen."""
        there = {case.identity for case in cases.present if not shown(case)}
        self._take_back(lambda toast: not (toast.about & there))
        news: dict[Hashable, Case] = {}
        for case in cases.news_since(self._told):  # the gravest first
            if case.identity in there and case.finding.severity > Severity.INFO:
                news.setdefault(_topic(case), case)
        self._told = cases.looks
        if not news:
            return
        if len(news) > TOLD_AT_ONCE:
            self.hush()
            self._say(f"{len(news)} new findings", *news.values())
            return
        self._take_back(lambda toast: bool(toast.topics & news.keys()))
        for case in news.values():
            self._say(case.finding.severity.label.capitalize(), case)
        for toast in self._toasts[:-TOLD_AT_ONCE]:
            self._take_back(toast.__eq__)

    def hush(self) -> None:
        """Take back all that was said."""
        self._take_back(lambda _: True)

    def forget(self, told: int = 0) -> None:
        """Begin anew, for another place, whose news up to that look are no news any more."""
        self.hush()
        self._told = told

    def _say(self, title: str, *cases: Case) -> None:
        worst = cases[0].finding
        notification = Notification(
            worst.message + ("; …" if len(cases) > 1 else ""),
            title,
            "error" if worst.severity is Severity.CRITICAL else "warning",
            TOLD_SECONDS,
        )
        about = frozenset(case.identity for case in cases)
        self._toasts.append(Toast(notification, about, frozenset(map(_topic, cases))))
        self._app.post_message(Notify(notification))

    def _take_back(self, stale: Callable[[Toast], bool]) -> None:
        for toast in filter(stale, tuple(self._toasts)):
            self._toasts.remove(toast)
            self._app._unnotify(toast.notification)


def _topic(case: Case) -> Hashable:
    """Return what there is one toast about: a pattern, or else the finding itself."""
    return case.finding.pattern or case.identity
