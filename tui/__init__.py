"""twtop: htop for TIME-WAIT and ephemeral ports.

Import it as ``twtop``, which nobody else's ``tui`` can get in the way of:

    from twtop import audit, patterns, snapshot

    frame = snapshot()
    for pattern in patterns(frame)[:5]:
        print(pattern["remote_ip"], pattern["in_use"], "of", pattern["capacity"])
    for finding in audit(frame):
        print(finding.severity.label, finding.subject, finding.message)

Nothing here needs Textual, root or a terminal. A frame is one reading, so whatever is asked of
it agrees with the rest. Plain data has the keys of `twtop report --json`; their types are in
``twtop.records``, so that a type checker finds a misspelt one.

Threads: frames, moments and what is made of them never change, so any threads may share them. An
iterator of `watch` or `refusals` is for one thread at a time, as every generator is; `awatch` is
for one task, and reads in a thread.

Cost: a snapshot walks the kernel's whole table. Measured with a copy of 20,000 TIME-WAITs to one
address, and to an address each: a snapshot 9 and 21 ms, `frame.sockets()` (NumPy columns) 0.6
and 34 ms, `connections` (a dict each) 40 and 65 ms. `find_owners` walks all processes, for half a
second at most. The API is loaded, NumPy with it, when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.2.0"

if TYPE_CHECKING:
    from tui.api import *  # noqa: F403


def __getattr__(name: str) -> object:
    if name.startswith("__") and name != "__all__":  # what Python itself asks for loads nothing
        raise AttributeError(name)
    api = import_module(".api", __package__)
    if name == "__all__":
        return [*api.__all__, "__version__"]
    if name in api.__all__:
        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*import_module(".api", __package__).__all__, "__version__"])
