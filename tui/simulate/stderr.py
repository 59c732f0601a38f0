"""What goes to stderr meanwhile: nothing that anything may fail for."""

from __future__ import annotations

import os
import sys


def write(text: str) -> None:
    """Write at once; to a stderr that takes nothing, once and never again."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        # Python would try once more at exit, and make that the exit code.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stderr.fileno())
        os.close(null)
