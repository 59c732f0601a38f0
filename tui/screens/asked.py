"""What a screen asks the app for: to show another screen."""

from __future__ import annotations

from textual.message import Message

from tui.analysis.patterns import PatternKey


class PatternAsked(Message):
    """Show a pattern."""

    def __init__(self, key: PatternKey) -> None:
        super().__init__()
        self.key = key


class FindingAsked(Message):
    """Show the finding of this code and subject."""

    def __init__(self, identity: tuple[str, str]) -> None:
        super().__init__()
        self.identity = identity


class PlanAsked(Message):
    """Show the plan for an outgoing pattern."""

    def __init__(self, key: PatternKey) -> None:
        super().__init__()
        self.key = key
