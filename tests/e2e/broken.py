"""twtop with one thing broken: python -m tests.e2e.broken DEFECT [twtop's arguments]."""

import sys
import time
from typing import Any, NoReturn

from tests.patience import STARTS, limit
from tui import cli
from tui.dashboard.app import TwtopApp
from tui.dashboard.driver import TerminalDriver
from tui.dashboard.widgets.states import StatesPanel
from tui.watching.sampler import Sampler


def fail(*_: Any) -> NoReturn:
    raise RuntimeError("broken on purpose")


def sleep(*_: Any) -> NoReturn:
    time.sleep(limit(10 * STARTS))
    fail()


DEFECTS: dict[str, tuple[type, str, Any]] = {
    "keyboard": (TerminalDriver, "process_message", fail),
    "handler": (TwtopApp, "action_freeze", fail),
    "render": (StatesPanel, "render", fail),
    "reader": (Sampler, "poll", fail),
    "slow-reader": (Sampler, "poll", sleep),
}
"""What to put in the place of which method."""

if __name__ == "__main__":
    owner, name, defect = DEFECTS[sys.argv.pop(1)]
    setattr(owner, name, defect)
    cli.main()
