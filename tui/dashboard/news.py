"""What is said in a corner of the screen when a finding comes up."""

from __future__ import annotations

from typing import Any

from textual.app import App

from tui.findings.cases import Cases
from tui.findings.finding import Severity

TOLD_AT_ONCE = 2
"""More news than this at once share one toast."""
TOLD_SECONDS = 7.0
"""How long a toast stays."""


class News:
    """Findings that are new and not told yet: a frozen screen says nothing."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._told = 0
        """Up to which look the news have been told."""

    def forget(self) -> None:
        """Begin anew, as another place does."""
        self._told = 0

    def tell(self, cases: Cases) -> None:
        """Say what has come up, unless it is over or a mere information."""
        news = [
            case.finding
            for case in cases.news_since(self._told)
            if case.gone is None and case.finding.severity > Severity.INFO
        ]
        self._told = cases.looks
        if not news:
            return
        self._app.clear_notifications()  # what they said is told by the panel, if it still holds
        if len(news) > TOLD_AT_ONCE:
            self._toast(news[0].severity, f"{len(news)} new findings", f"{news[0].message}; …")
            return
        for finding in news:
            self._toast(finding.severity, finding.severity.label.capitalize(), finding.message)

    def _toast(self, severity: Severity, title: str, message: str) -> None:
        self._app.notify(
            message,
            title=title,
            severity="error" if severity is Severity.CRITICAL else "warning",
            timeout=TOLD_SECONDS,
            markup=False,
        )
