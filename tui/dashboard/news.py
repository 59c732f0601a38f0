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


def tell(app: App[Any], cases: Cases, told: int) -> int:
    """Say what has come up since the look ``told``, unless it is over or a mere information.

    Returns up to which look the news are told now.
    """
    news = [
        case.finding
        for case in cases.news_since(told)
        if case.gone is None and case.finding.severity > Severity.INFO
    ]
    toasts = [(one.severity, one.severity.label.capitalize(), one.message) for one in news]
    if len(news) > TOLD_AT_ONCE:
        severity, _, message = toasts[0]
        toasts = [(severity, f"{len(news)} new findings", f"{message}; …")]
    if toasts:
        app.clear_notifications()  # what they said is told by the panel, if it still holds
    for severity, title, message in toasts:
        app.notify(
            message,
            title=title,
            severity="error" if severity is Severity.CRITICAL else "warning",
            timeout=TOLD_SECONDS,
            markup=False,
        )
    return cases.looks
