"""What stands for a terminal where the dashboard is shown in a browser."""

from __future__ import annotations

import os
from typing import Any

from textual.drivers.web_driver import WebDriver

MOST_CELLS = 1000
"""Columns and rows that a browser can ask for: each cell costs memory here."""


class BrowserDriver(WebDriver):
    """Textual's driver, for pages that ask for any size, and servers that end without a word."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what every driver takes."""
        super().__init__(*arguments, **options)
        self._size = _bounded(self._size or (80, 24))

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """Take what the server says of the page."""
        if packet_type == "resize":
            width, height = _bounded((payload.get("width"), payload.get("height")))
            payload = {**payload, "width": width, "height": height}
        super().on_meta(packet_type, payload)

    def run_input_thread(self) -> None:
        """Read what is typed until the driver stops, or until nobody is there any more."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            os._exit(0)  # nothing is to be restored, and nothing can be written


def _bounded(size: tuple[object, object]) -> tuple[int, int]:
    width, height = (
        min(max(cells, 1), MOST_CELLS) if isinstance(cells, int) else 1 for cells in size
    )
    return width, height
