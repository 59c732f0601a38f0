"""The terminal: its keyboard, and how it is left when the dashboard ends or is stopped."""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
from codecs import getincrementaldecoder
from typing import Any

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from tui.dashboard.plain import ASCII
from tui.dashboard.widgets.glyphs import glyphs
from tui.writing.plain import PLAIN

POLL_SECONDS = 0.1
"""How soon the keyboard's thread sees that it is to end, or that nothing follows an Esc."""
CHUNK = 4096


class TerminalDriver(LinuxDriver):
    """Textual's driver, where any byte may come from the keyboard, and any signal to stop.

    The screen is what stdout is: stderr may go to a file.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what every driver takes."""
        super().__init__(*arguments, **options)
        screen = sys.__stdout__
        assert isinstance(screen, io.TextIOWrapper)
        screen.reconfigure(errors="replace")  # a locale may lack the arrows
        self._file = screen

    def write(self, data: str) -> None:
        """Write to the terminal, in ASCII where that is all it shows."""
        super().write(data.translate(PLAIN) if glyphs() is ASCII else data)

    def start_application_mode(self) -> None:
        """Take the terminal, and listen to the signals that ask for it.

        Textual's own handlers run in the middle of whatever is being done, and after a SIGSTOP
        they take the raw terminal for what it was before.
        """
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._loop.add_signal_handler(signal.SIGTSTP, self._stop)
        self._loop.add_signal_handler(signal.SIGCONT, self._go_on)

    def stop_application_mode(self) -> None:
        """Restore the terminal; from here on a stop needs nothing else."""
        self._loop.remove_signal_handler(signal.SIGTSTP)
        self._loop.remove_signal_handler(signal.SIGCONT)
        super().stop_application_mode()

    def _stop(self) -> None:
        """Give the terminal back and stop."""
        self.suspend_application_mode()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._take_terminal()

    def _go_on(self) -> None:
        """Begin anew after a SIGSTOP, of which nobody is told: whatever the terminal is now."""
        self._await_foreground()
        self.suspend_application_mode()
        self._take_terminal()

    def _take_terminal(self) -> None:
        self._await_foreground()
        self.resume_application_mode()
        self._app.refresh(layout=True)

    def _await_foreground(self) -> None:
        """Stay stopped as long as the terminal is another's, as after the shell's ``bg``."""
        while os.isatty(self.fileno) and os.tcgetpgrp(self.fileno) != os.getpgrp():
            os.kill(os.getpid(), signal.SIGSTOP)

    def run_input_thread(self) -> None:
        """Read the keyboard, in a thread of its own, until the driver stops.

        A terminal of eight bits sends what is not UTF-8, at which Textual's own ends the app
        (https://github.com/Textualize/textual/issues/6456); and its parser raises at some
        sequences that no terminal sends.

        Where the terminal is gone it ends the program at once: nothing can be restored, and the
        loop may wait for ever for Textual's writing thread, which ends with its first error.
        """
        decode = getincrementaldecoder("utf-8")("replace").decode
        parser = XTermParser()
        while not self.exit_event.is_set():
            if select.select([self.fileno], [], [], POLL_SECONDS)[0]:
                if not (data := self._typed()):
                    os._exit(128 + signal.SIGHUP)
                for character in decode(data):
                    try:
                        events = [*parser.feed(character)]
                    except (ValueError, OverflowError):
                        parser, events = XTermParser(), []
                    for event in events:
                        self.process_message(event)
            for event in parser.tick():
                self.process_message(event)

    def _typed(self) -> bytes:
        """Return what was typed, nothing once the terminal is gone."""
        try:
            return os.read(self.fileno, CHUNK)
        except OSError as error:
            if error.errno != errno.EIO or os.isatty(self.fileno):
                raise
            return b""
