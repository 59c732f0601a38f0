"""The kernel's counters of TCP: cheap, and most of them of one network namespace.

Sources: net/ipv4/proc.c, net/ipv6/proc.c, net/netfilter/nf_conntrack_standalone.c.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tui.kernel.below import read_below

CONNTRACK_LOSSES = ("insert_failed", "drop", "early_drop")
"""What conntrack has lost: entries that clashed with another one, packets dropped for whatever
reason, and entries that gave way in a full table. The others are 0, harmless or no counts."""


def read_counters(root: Path, sysctls: Path | None = None) -> dict[str, int]:
    """Read the counters below `root`, by the kernel's own names; those of `sys/` below `sysctls`.

    A procfs has both; a process's directory (thread-self) has `net/` alone. Without
    `sysctls` those of conntrack are missing.

    - net/sockstat, line TCP: `inuse`, `orphan`, `tw`, `alloc` in sockets, `mem` in pages. `tw` is
      IPv4 and IPv6 together, FIN_WAIT2 mini-sockets among them; `inuse` is IPv4 without them;
      `orphan`, `alloc` and `mem` are of the whole host.
    - net/sockstat, line sockets: `used`, sockets of every family that programs have made, of the
      namespace since 4.16, and of the whole host before.
    - net/sockstat6, line TCP6: `inuse` as `inuse6`.
    - net/netstat, group TcpExt, and net/snmp, group Tcp: events since the namespace began, except
      the gauges of snmp (`CurrEstab`, and `MaxConn`, which is -1).
    - `nf_conntrack_count` and `nf_conntrack_max` in entries, where conntrack is loaded.
    - net/stat/nf_conntrack: each of CONNTRACK_LOSSES as `nf_conntrack_NAME`, events since the
      namespace began, all processors together.

    Never raises: a file, group or number that is missing or unreadable is left out.
    """
    counters = count_sockets(root)
    counters |= _group(_read(root, "net/netstat"), b"TcpExt:")
    counters |= _group(_read(root, "net/snmp"), b"Tcp:")
    counters |= _of_processors(_read(root, "net/stat/nf_conntrack"))
    if sysctls is not None:
        for name in ("nf_conntrack_count", "nf_conntrack_max"):
            text = _read(sysctls, f"sys/net/netfilter/{name}")
            counters |= _numbers([name.encode()], text.split())
    return counters


def count_sockets(root: Path) -> dict[str, int]:
    """Read those of `read_counters` that are in sockstat, at a tenth of the cost. Never raises."""
    sockstat = _read(root, "net/sockstat")
    counters = _pairs(sockstat, b"sockets:") | _pairs(sockstat, b"TCP:")
    if (inuse6 := _pairs(_read(root, "net/sockstat6"), b"TCP6:").get("inuse")) is not None:
        counters["inuse6"] = inuse6
    return counters


def bound_at_most(
    inuse: int, alloc: int | None, used: int | None, kernels: int | None = None
) -> int | None:
    """Return how many TCP sockets of a namespace can be bound and nothing else; None if unknown.

    Nothing counts these themselves. `alloc` has them, with those of all other namespaces and those
    in use, `inuse` of IPv4 and IPv6 here; and so has `used`, with those of every other family, and
    those in use but for the kernel's own: `kernels`, at most; None where that is not known.
    """
    counts = [] if alloc is None else [max(alloc - inuse, 0)]
    programs = 0 if kernels is None else max(inuse - kernels, 0)
    counts += [] if used is None else [max(used - programs, 0)]
    return min(counts, default=None)


def _read(root: Path, name: str) -> bytes:
    """Return a file's content, empty if it cannot be read."""
    try:
        return read_below(root, name)
    except OSError:
        return b""


def _lines(text: bytes, group: bytes) -> Iterator[list[bytes]]:
    """Yield the words of each line that belongs to `group`, without its name."""
    for line in text.splitlines():
        if line.startswith(group):
            yield line.split()[1:]


def _pairs(text: bytes, group: bytes) -> dict[str, int]:
    """Return the counters of a line of names and numbers in turn."""
    words = next(_lines(text, group), [])
    return _numbers(words[::2], words[1::2])


def _group(text: bytes, group: bytes) -> dict[str, int]:
    """Return the counters of a line of names and the line of numbers below it."""
    lines = _lines(text, group)
    names, numbers = next(lines, []), next(lines, [])
    # Columns come and go with kernels; where the two lines differ no number can be trusted.
    return _numbers(names, numbers) if len(names) == len(numbers) else {}


def _of_processors(text: bytes) -> dict[str, int]:
    """Return conntrack's losses, added up: a line of names, then one of hex a processor."""
    names, *rows = [line.split() for line in text.splitlines()] or [[]]
    found = {}
    for name in CONNTRACK_LOSSES:
        # Columns come and go with kernels, as in a group: a line of another length is not trusted.
        at = names.index(name.encode()) if name.encode() in names else len(names)
        numbers = [row[at] for row in rows if len(row) == len(names) > at]
        if numbers and all(re.fullmatch(rb"[0-9a-f]{1,16}", number) for number in numbers):
            found[f"nf_conntrack_{name}"] = sum(int(number, 16) for number in numbers)
    return found


def _numbers(names: list[bytes], numbers: list[bytes]) -> dict[str, int]:
    """Return `numbers` by name, without those that are none."""
    return {
        name.decode("ascii", "replace"): int(number)
        for name, number in zip(names, numbers, strict=False)
        # Not int() alone: it also takes "1_0" and "+1". No counter has more than 64 bits.
        if number.removeprefix(b"-").isdigit() and len(number) <= 20
    }
