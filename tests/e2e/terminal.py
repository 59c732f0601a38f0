"""Programs in a real pseudo-terminal: `Pty` has their bytes, `Terminal` what a person sees."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pyte

from tests.patience import Patience, start_seconds

ROOT = Path(__file__).parents[2]
TWTOP = (sys.executable, "-m", "tui")
SETTLING_STARTS = 2
"""How many starts long a picture may be waited for to stand still."""

UNSET = {"NO_COLOR", "COLUMNS", "LINES", "TEXTUAL", "TEXTUAL_DRIVER", "TEXTUAL_THEME"}
TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


class Pty:
    """A program that has a pseudo-terminal for its own, as its controlling terminal too."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 40,
        env: Mapping[str, str] | None = None,
        user: int | None = None,
    ) -> None:
        """`user` is the uid and gid that it runs as, where that is not one's own."""
        self._master, self._slave = os.openpty()
        self.resize(columns, rows)
        self._modes = termios.tcgetattr(self._slave)
        inherited = {name: value for name, value in os.environ.items() if name not in UNSET}
        other: dict[str, Any] = {} if user is None else {"user": user, "group": user}
        self.process = subprocess.Popen(
            argv,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            cwd=ROOT,
            env=inherited | TERMINAL | dict(env or {}),
            start_new_session=True,
            preexec_fn=_take_terminal,
            extra_groups=None if user is None else [],
            **other,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.hang_up()

    def resize(self, columns: int, rows: int) -> None:
        """Change the terminal's size; the kernel sends SIGWINCH."""
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        """Type; a lone surrogate stands for a byte that is not UTF-8."""
        os.write(self._master, keys.encode(errors="surrogateescape"))

    def read(self, seconds: float) -> bytes:
        """The output there is, for which it waits so long; empty when none came."""
        if self._master < 0 or not select.select([self._master], [], [], seconds)[0]:
            return b""
        return os.read(self._master, 1 << 16)

    def hang_up(self) -> None:
        """Close the terminal, as when its window is closed; the kernel sends SIGHUP."""
        if self._master >= 0:
            os.close(self._slave)
            os.close(self._master)
            self._master = -1

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal's line settings (stty) are what they were at the start."""
        return bool(termios.tcgetattr(self._slave) == self._modes)

    @property
    def is_stopped(self) -> bool:
        """Whether the program is stopped, as by SIGSTOP."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class _Screen(pyte.Screen):
    """pyte's screen with xterm's alternate screen."""

    ALTERNATE = 1049

    def __init__(self, columns: int, lines: int) -> None:
        self._main: Any = None
        super().__init__(columns, lines)

    @property
    def alternate(self) -> bool:
        return self._main is not None

    def set_mode(self, *modes: int, **kwargs: Any) -> None:
        super().set_mode(*modes, **kwargs)
        if self.ALTERNATE in modes and not self.alternate:
            self._main = self.buffer, self.cursor.x, self.cursor.y
            self.buffer = defaultdict(lambda: pyte.screens.StaticDefaultDict(self.default_char))

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:
        super().reset_mode(*modes, **kwargs)
        if self.ALTERNATE in modes and self.alternate:
            self.buffer, self.cursor.x, self.cursor.y = self._main
            self._main = None
            self.dirty.update(range(self.lines))


Wanted = str | re.Pattern[str] | Callable[[str], object]
"""What is to be on a screen: a text, a pattern, or what is true of its text."""


def _holds(wanted: Wanted, text: str) -> bool:
    match wanted:
        case str():
            return wanted in text
        case re.Pattern():
            return wanted.search(text) is not None
        case _:
            return bool(wanted(text))


class Terminal(Pty):
    """A program and its screen."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 40,
        env: Mapping[str, str] | None = None,
        user: int | None = None,
    ) -> None:
        self.screen = _Screen(columns, rows)
        self._initial_modes = set(self.screen.mode)
        self._stream = pyte.ByteStream(self.screen)
        self._rest = b""
        self._keyboards = 0
        super().__init__(argv, columns=columns, rows=rows, env=env, user=user)

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        super().resize(columns, rows)

    def read(self, seconds: float) -> bytes:
        data = super().read(seconds)
        self._feed(data)
        return data

    def _feed(self, data: bytes) -> None:
        data = self._rest + data
        cut = re.search(rb"\x1b(\[[<>]?\d*)?$", data)
        self._rest = cut.group() if cut else b""
        data = data[: len(data) - len(self._rest)]
        # pyte does not know kitty's keyboards and would print the end of such a sequence.
        self._keyboards += len(re.findall(rb"\x1b\[>\d*u", data))
        self._keyboards -= len(re.findall(rb"\x1b\[<\d*u", data))
        self._stream.feed(re.sub(rb"\x1b\[[<>]\d*u", b"", data))

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def line(self, row: int) -> str:
        """One line of it, counted from the top, or from the bottom where negative."""
        return str(self.screen.display[row])

    def settle(self, quiet: float = 0.1) -> str:
        """What the screen shows once nothing has been written for so long.

        A busy machine can be silent in the middle of a picture, and what paints often may never
        be: what a test is about is better waited for.
        """
        end = time.monotonic() + SETTLING_STARTS * start_seconds()
        while self.read(quiet) and time.monotonic() < end:
            pass
        return self.text

    def wait_for(self, *wanted: Wanted) -> str:
        """What the screen shows when it has all of these."""
        patience = Patience()
        while missing := self._missing(wanted):
            if patience.is_over:
                raise AssertionError(f"waited {patience} for {missing}\n{self.text}")
            if not self.read(0.1) and self.process.poll() is not None:
                self.settle()
                if missing := self._missing(wanted):
                    code = self.process.returncode
                    raise AssertionError(f"ended with {code} before {missing}\n{self.text}")
        return self.settle(0.05)

    def _missing(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        text = self.text
        return [each for each in wanted if not _holds(each, text)]

    def wait(self) -> int:
        """The exit code, with what was written until then on the screen."""
        patience = Patience()
        while self.process.poll() is None:
            if patience.is_over:
                raise AssertionError(f"waited {patience} for it to end\n{self.text}")
            self.read(0.02)  # a full terminal would keep it from ending
        self.settle(0.02)
        return self.process.returncode

    def assert_clean(self) -> None:
        """The terminal is as the program found it, but for what stands on its screen."""
        assert not self.screen.alternate, "still on the alternate screen"
        assert not self.screen.cursor.hidden, "the cursor is hidden"
        left = {mode >> 5 for mode in self.screen.mode ^ self._initial_modes}
        assert not left, f"modes left on or off (1000–1016 is the mouse): {left}"
        assert self._keyboards == 0, "kitty's keyboard is left on"
        assert self.is_as_before, "stty is not restored"
