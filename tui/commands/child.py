"""A command in the foreground: it has the terminal and the signals, and twtop waits for its end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, BinaryIO, TextIO

from tui.commands.output import fail

NOT_FOUND, NOT_EXECUTABLE, SIGNALLED = 127, 126, 128
"""Exit codes as the shell's."""


def _is_in_foreground() -> bool:
    """Say whether this is what a terminal sends its Ctrl-C to, wherever stdin comes from."""
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False


def run_child(
    command: tuple[str, ...], ended: Callable[[], None], dashboard: list[str] | None
) -> int:
    """Run the command, call ``ended`` at its end, and return its exit code; signals are passed on.

    A dashboard has the terminal to itself: what the command writes there comes after it.
    """
    held: list[tuple[TextIO, BinaryIO]] = []
    streams: dict[str, Any] = {}
    if dashboard is not None:
        streams["stdin"] = subprocess.DEVNULL if sys.stdin.isatty() else None
        for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
            if stream.isatty():
                held.append((stream, tempfile.TemporaryFile()))  # noqa: SIM115
                streams[name] = held[-1][1]
    try:
        child = subprocess.Popen(command, **streams)
    except FileNotFoundError:
        fail(f"{command[0]}: not found", NOT_FOUND)
    except OSError as error:
        fail(f"{command[0]}: {error.strerror}", NOT_EXECUTABLE)

    def pass_on(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            child.send_signal(number)

    # Ctrl-C reaches the command by itself where it is in a terminal's foreground too.
    signal.signal(signal.SIGINT, signal.SIG_IGN if _is_in_foreground() else pass_on)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)

    def wait() -> None:
        child.wait()
        ended()

    waiting = threading.Thread(target=wait, name="twtop-command", daemon=True)
    waiting.start()
    if dashboard is not None:
        subprocess.run(dashboard, check=False)
    waiting.join()
    code = child.returncode
    for stream, kept in held:
        kept.seek(0)
        with suppress(OSError):
            shutil.copyfileobj(kept, stream.buffer)
            stream.flush()
        kept.close()
    return code if code >= 0 else SIGNALLED - code
