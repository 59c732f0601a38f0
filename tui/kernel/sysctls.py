"""The files of sysctls: read whole, and written."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from tui.kernel.below import open_below
from tui.kernel.printable import printable

READ_ONLY = os.O_RDONLY | os.O_CLOEXEC


def sysctl_path(root: Path, name: str) -> Path:
    """Return the file of a sysctl such as ``net.ipv4.tcp_tw_reuse``."""
    return root / "sys" / name.replace(".", "/")


def read_value(root: Path, name: str) -> str | None:
    """Return the text of one sysctl as `Parameter.value` has it."""
    return _opened(lambda: open_below(root, f"sys/{name.replace('.', '/')}"))


def read_of_kernel(root: Path, names: Iterable[str]) -> dict[str, str | None]:
    """Return the texts of sysctls of net.ipv4: no file of the kernel's own can lead elsewhere.

    The way to them is walked once: with a hundred namespaces most of the time went into that.
    """
    try:
        folder = os.open(f"{root}/sys/net/ipv4", READ_ONLY | os.O_DIRECTORY)
    except OSError:
        return {}

    def text(name: str) -> str | None:
        file = name.removeprefix("net.ipv4.")
        return _opened(lambda: os.open(file, READ_ONLY, dir_fd=folder))

    try:
        return {name: text(name) for name in names}
    finally:
        os.close(folder)


def write_value(root: Path, name: str, value: str) -> None:
    """Set one sysctl of the calling thread's network namespace. Raises OSError.

    The kernel takes a long list of ports in pieces, each from where the one before ended
    (kernel/sysctl.c, proc_do_large_bitmap).
    """
    left = value.encode() + b"\n"
    fd = os.open(sysctl_path(root, name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        while left:
            left = left[os.write(fd, left) :]
    finally:
        os.close(fd)


def _opened(open_file: Callable[[], int]) -> str | None:
    """Return the text of a sysctl's file, None if it cannot be opened or read."""
    try:
        fd = open_file()
    except OSError:
        return None
    try:
        return _text_of(fd)
    except OSError:
        return None
    finally:
        os.close(fd)


def _text_of(fd: int) -> str:
    """Return a sysctl's text, white space collapsed. Raises OSError."""
    # A sysctl answers one read only, and cuts what is longer than the buffer: in the middle
    # of a number, and with nothing to tell it (kernel/sysctl.c, proc_do_large_bitmap). The
    # longest list of reserved ports takes 191 kB, so try again from the start, larger.
    size = 4096
    while len(data := os.pread(fd, size, 0)) == size and size < 1 << 20:
        size <<= 4
    return printable(" ".join(data.decode("utf-8", "replace").split()))
