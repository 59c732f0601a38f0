"""The guest's root: this interpreter, its packages, the tree and a few tools, in one cpio archive.

All lies where it lies here, so that nothing needs a setting. A kernel unpacks it into memory before
it starts anything, so neither a disk nor a driver for one is needed.
"""

import io
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.kernels.packages import Kernel, MissingError

TREE = Path(__file__).parents[2]
TOOLS = ("sh", "ss")
MODULES = ("veth", "tcp_diag", "nf_conntrack")
"""What the live tests make the kernel load; nothing there loads modules on demand."""
UNNEEDED = re.compile(r"test|idlelib|config-3.*|mypy.*|.*__mypyc.*|ruff")
"""What is large, and what no live test imports."""
DIRECTORIES = ("dev", "proc", "sys", "tmp", "root", "run", "var/tmp", "modules")


def build(kernel: Kernel, plan: str) -> bytes:
    """The archive, with the kernel's modules and a plan that `guest` reads."""
    archive = _Archive()
    for name in DIRECTORIES:
        archive.directory(Path("/", name))
    archive.entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    for path in _paths():
        archive.add(path)
    for number, module in enumerate(_with_needed(kernel, MODULES)):
        archive.entry(f"modules/{number:02}", stat.S_IFREG | 0o644, module)
    archive.entry("plan", stat.S_IFREG | 0o644, plan.encode())
    return archive.end()


def _paths() -> Iterator[Path]:
    """Every file and link that is needed, found from what runs this."""
    tools = []
    for name in TOOLS:
        found = shutil.which(name)
        if found is None:
            raise MissingError(f"{name} is missing here, and so in the guest")
        tools.append(Path(found))
    interpreter = Path(sys.executable)
    stdlib = Path(sysconfig.get_path("stdlib"))
    folders = [*_walk(stdlib, "site-packages"), *_walk(Path(sys.prefix)), *_tree()]
    programs = [*tools, interpreter, *(path for path in folders if ".so" in path.suffixes)]
    yield from (*tools, interpreter, *folders, *_libraries(programs))


def _tree() -> Iterator[Path]:
    yield TREE / "pyproject.toml"
    for name in ("tui", "tests"):
        yield from _walk(TREE / name)


def _walk(folder: Path, *without: str) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in without or UNNEEDED.fullmatch(path.name):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _libraries(programs: Iterable[Path]) -> set[Path]:
    """The libraries that they are linked with, and what loads them."""
    ran = subprocess.run(["ldd", *programs], capture_output=True, text=True)
    found = re.findall(r"(?:=> |^\t)(/\S+) \(0x", ran.stdout, re.MULTILINE)
    return {Path(os.path.normpath(path)) for path in found}


def _with_needed(kernel: Kernel, names: Iterable[str]) -> list[bytes]:
    """The modules, each after those it needs, not compressed."""
    loaded: dict[str, bytes] = {}

    def load(name: str) -> None:
        path = kernel.module(name)
        if path is None or name in loaded:
            return
        data = path.read_bytes()
        data = lzma.decompress(data) if path.suffix == ".xz" else data
        needed = re.search(rb"\0depends=([^\0]*)", data)
        for other in needed[1].decode().split(",") if needed else ():
            load(other)
        loaded[name] = data

    for name in names:
        load(name)
    return list(loaded.values())


class _Archive:
    """A cpio archive in the one format that Linux reads (buffer-format.rst: "newc")."""

    def __init__(self) -> None:
        self._out = io.BytesIO()
        self._known: set[str] = set()

    def add(self, path: Path) -> None:
        """A file, or a link and what it points to, with the folders above."""
        self.directory(path.parent)
        name = str(path).lstrip("/")
        if name in self._known:
            return
        if path.is_symlink():
            self.entry(name, stat.S_IFLNK | 0o777, str(path.readlink()).encode())
            target = path.parent / path.readlink()
            if target.exists():
                self.add(Path(os.path.normpath(target)))
        elif path.is_dir():
            for inner in _walk(path):
                self.add(inner)
        else:
            found = path.stat()
            self.entry(name, found.st_mode, path.read_bytes(), changed=int(found.st_mtime))

    def directory(self, path: Path) -> None:
        """A folder and those above it, real ones even where links stand here."""
        for folder in (*reversed(path.parents), path):
            name = str(folder).lstrip("/")
            if name and name not in self._known:
                mode = 0o1777 if name == "tmp" else 0o755
                self.entry(name, stat.S_IFDIR | mode)

    def entry(
        self,
        name: str,
        mode: int,
        data: bytes = b"",
        device: tuple[int, int] = (0, 0),
        changed: int = 0,
    ) -> None:
        """One entry; inode numbers tell links apart, and so each has its own.

        Python compiles anew what was ``changed`` at another time than it knows, which takes long.
        """
        self._known.add(name)
        path = name.encode() + b"\0"
        numbers = (
            len(self._known), mode, 0, 0, 1, changed, len(data), 0, 0, *device, len(path), 0
        )  # fmt: skip
        self._out.write(b"070701" + b"".join(b"%08X" % number for number in numbers) + path)
        self._pad()
        self._out.write(data)
        self._pad()

    def _pad(self) -> None:
        self._out.write(bytes(-self._out.tell() % 4))

    def end(self) -> bytes:
        """All of it."""
        self.entry("TRAILER!!!", 0)
        return self._out.getvalue()
