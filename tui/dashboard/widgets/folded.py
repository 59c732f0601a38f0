"""The selected pattern in a line or two, for a screen without room for its pane."""

from __future__ import annotations

from rich.text import Text

from tui.analysis.patterns import Direction, PatternKey
from tui.dashboard.widgets.facts import FactsPanel
from tui.watching.view import View


class FoldedPanel(FactsPanel):
    """How long yet, where there are two lines; then what it could sustain and who holds it.

    Its height is the stylesheet's: the patterns above it stay where they are.
    """

    BORDER_TITLE = ""

    def __init__(self) -> None:
        super().__init__(None, id="folded")

    def show_of(self, view: View, key: object) -> None:
        """Show a pattern; nothing where none is selected."""
        if isinstance(key, PatternKey):
            self.key = key
            super(FactsPanel, self).show(view)
        else:
            self.show_nothing()

    def draw(self, view: View) -> Text:
        """Draw as many lines as there is room for, the last being the one that always has some."""
        patterns = view.frame.patterns
        index = patterns.find(self.key)
        if index is None or self.key.direction is not Direction.OUTGOING:
            return self.stacked(self.facts(view)[-self.size.height :])
        who = self.line([(" · ", "dim"), self.who(view, index)])
        use = view.use_of(index)
        if self.size.height < 2:
            return self.stacked([self.rates(view, index, use, closing=False) + who])
        return self.stacked([self.words(view, index, use), self.rates(view, index, use) + who])
