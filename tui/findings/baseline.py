"""The listeners that the user has seen and saved, to notice those that come later."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tui.analysis.frame import Frame
from tui.findings.config import users_file
from tui.kernel.sockets import ip_halves, ip_text
from tui.writing.files import read_whole, write_whole

SCHEMA = "twtop.listeners/1"
CURE = "save the listeners again, or remove the file"

Listener = tuple[str, int]
"""Local address as text, a v4-mapped one as IPv4, and port."""


class BaselineError(Exception):
    """The saved listeners cannot be read or written; one line with the file and the cure."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The listeners that were there at one time."""

    listeners: frozenset[Listener]
    time: float
    """When they were read, Unix time."""


def listeners(frame: Frame) -> list[Listener]:
    """Return what is listened on, each address and port once, by port."""
    table = frame.table
    rows = table.listeners
    pairs = np.unique(table.local_port[rows].astype(np.int64) << 32 | table.local_ip[rows])
    ports, addresses = (pairs >> 32).tolist(), (pairs & 0xFFFFFFFF).tolist()
    text = {address: table.ip(address) for address in set(addresses)}
    return [(text[address], port) for port, address in zip(ports, addresses, strict=True)]


def take_baseline(frame: Frame) -> Baseline:
    """Return the frame's listeners, to be saved."""
    return Baseline(frozenset(listeners(frame)), frame.reading.table_time)


def baseline_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where they are saved."""
    return users_file(environ.get("XDG_STATE_HOME", ""), "~/.local/state", "listeners.json")


def save_baseline(baseline: Baseline, path: Path) -> None:
    """Write the listeners, in place of those saved before; only their owner may read them.

    Raises BaselineError.
    """
    content = {
        "schema": SCHEMA,
        "time": datetime.fromtimestamp(baseline.time, UTC).isoformat(),
        "listeners": [
            {"local_ip": ip, "port": port}
            for ip, port in sorted(baseline.listeners, key=lambda one: (one[1], one[0]))
        ],
    }
    text = json.dumps(content, indent=1).encode() + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda file: file.write(text))
    except OSError as error:
        raise BaselineError(f"{path}: cannot be written: {error.strerror or error}") from None


def load_baseline(path: Path) -> Baseline | None:
    """Read the saved listeners; None when none were ever saved. Raises BaselineError."""
    try:
        content = json.loads(read_whole(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):  # no JSON, no UTF-8
        raise BaselineError(f"{path}: not JSON; {CURE}") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise BaselineError(f"{path}: not in the schema {SCHEMA}; {CURE}")
    try:
        return Baseline(
            frozenset(_listener(one) for one in content["listeners"]),
            datetime.fromisoformat(content["time"]).timestamp(),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BaselineError(f"{path}: {_reason(error)}; {CURE}") from None


def _listener(given: Any) -> Listener:
    ip, port = ip_text(*ip_halves(given["local_ip"])), given["port"]
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 1 << 16:
        raise ValueError(f"{json.dumps(port)[:20]} is not a port")
    return ip, port


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return str(error) if isinstance(error, ValueError) else "changed since it was saved"
