"""twtop for programs: a frame of the kernel's tables, and plain functions on it.

All that `help(tui)` describes, under a name that is nobody else's. The code is that of the folder
``tui``, which is loaded a second time here, as ``twtop.*``: a program may have a ``tui`` of its
own, before or after, and neither gets the other's. It is found beside this package, or above it
in a checkout, never through sys.path.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

OURS = "tui"
"""What the code calls itself where it imports."""

_here = Path(__file__).resolve().parent
_beside = _here.parent / OURS
__path__ = [str(_beside if _beside.is_dir() else _here.parents[1])]


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,  # noqa: A002 (the names that __import__ has)
    locals: Mapping[str, object] | None = None,  # noqa: A002
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    if level == 0 and name.partition(".")[0] == OURS:
        name = __name__ + name.removeprefix(OURS)
    return builtins.__import__(name, globals, locals, fromlist or (), level)


_BUILTINS = vars(builtins) | {"__import__": _import}


class _Loader(SourceFileLoader):
    """Loads a file of ours as it is, its compiled form as well; its imports stay in here."""

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = _BUILTINS
        super().exec_module(module)


class _Finder:
    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(f"{__name__}."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


sys.meta_path.insert(0, _Finder)

if TYPE_CHECKING:
    from tui import __version__ as __version__
    from tui.api import *  # noqa: F403
else:
    from twtop.__init__ import __dir__, __doc__, __getattr__, __version__  # noqa: A004, F401
