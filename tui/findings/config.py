"""The user's settings: what counts as much, and which findings to keep quiet about."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from tui.writing.files import is_hidden, read_whole


class ConfigError(Exception):
    """The settings cannot be used; the text is one line that names the file and the key."""


class Takes(Protocol):
    """What a setting may be; as text, what an error says that it must be."""

    def takes(self, value: object) -> bool:
        """Say whether the value is such a one."""

    def schema(self) -> dict[str, Any]:
        """Return the same as JSON Schema."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Numbers, both ends included."""

    low: float
    high: float
    whole: bool = False

    def takes(self, value: object) -> bool:
        """Say whether the value is such a number; true, inf and nan are none."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return self.low <= value <= self.high

    def schema(self) -> dict[str, Any]:
        """Return the same as JSON Schema."""
        kind = "integer" if self.whole else "number"
        return {"type": kind, "minimum": self.low, "maximum": self.high}

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.low:,.12g} to {self.high:,.12g}"


@dataclass(frozen=True, slots=True)
class AllowedType:
    """Any text, or true and false."""

    kind: type
    meant: str

    def takes(self, value: object) -> bool:
        """Say whether the value is such a one."""
        return isinstance(value, self.kind)

    def schema(self) -> dict[str, Any]:
        """Return the same as JSON Schema."""
        return {"type": "boolean" if self.kind is bool else "string"}

    def __str__(self) -> str:
        return self.meant


def _percent(default: float, meaning: str) -> Any:
    return field(default=default, metadata={"allowed": Allowed(0.1, 100), "meaning": meaning})


def _count(default: int, meaning: str) -> Any:
    allowed = Allowed(1, 10_000_000, whole=True)
    return field(default=default, metadata={"allowed": allowed, "meaning": meaning})


def _minutes(default: float, meaning: str) -> Any:
    # The forecast itself looks no further than ten minutes (tui.analysis.forecast.AHEAD).
    return field(default=default, metadata={"allowed": Allowed(0.1, 60), "meaning": meaning})


@dataclass(frozen=True, slots=True)
class Ports:
    """When the ports of one (local IP, remote IP, remote port) are too few."""

    threshold: float = _percent(80.0, "percent of a pattern's ports in use that is critical; -t")
    exhausts_within_minutes: float = _minutes(
        10.0, "report ports running out when they would within this time"
    )
    bound_cost: float = _percent(
        1.0, "percent of the range that bound ports may take before it is reported"
    )


@dataclass(frozen=True, slots=True)
class BindFirst:
    """When local ports that no two destinations share look like bind() before connect()."""

    destinations: int = _count(2, "destinations one local IP must have to be judged")
    use: float = _percent(30.0, "percent of the capacity they must hold together")


@dataclass(frozen=True, slots=True)
class TimeWaits:
    """When TIME-WAITs are many."""

    count: int = _count(5000, "harmless TIME-WAITs from which on they are mentioned")
    buckets: float = _percent(90.0, "percent of tcp_max_tw_buckets that is a warning")


@dataclass(frozen=True, slots=True)
class CloseWaits:
    """When a program does not close what its peers have closed."""

    count: int = _count(50, "CLOSE-WAITs of one program from which on it is a warning")


@dataclass(frozen=True, slots=True)
class SynRecvs:
    """When handshakes do not come to their end."""

    count: int = _count(128, "SYN-RECVs of one listening port from which on it is a warning")


@dataclass(frozen=True, slots=True)
class RemoteShare:
    """When one remote IP has too large a part of the connections."""

    share: float = _percent(50.0, "percent of all connections that one remote IP may have")
    connections: int = _count(200, "connections it must have at least")
    addresses: int = _count(5, "remote IPs there must be at least for a share to mean anything")


@dataclass(frozen=True, slots=True)
class Levels:
    """How near a limit of the kernel's."""

    warning: float = _percent(80.0, "percent of it that is a warning")
    critical: float = _percent(95.0, "percent of it that is critical")


def _yes(default: bool, meaning: str) -> Any:
    allowed = AllowedType(bool, "true or false")
    return field(default=default, metadata={"allowed": allowed, "meaning": meaning})


def _text(meaning: str) -> Any:
    allowed = AllowedType(str, "text")
    return field(default="", metadata={"allowed": allowed, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class OnScreen:
    """How the dashboard starts. Its palette saves all of this, and ports.threshold."""

    theme: str = _text('name of a theme, such as "nord"; empty chooses one for the terminal')
    interval: float = field(
        default=1.0,
        metadata={"allowed": Allowed(0.1, 3600), "meaning": "seconds between two reads; -i"},
    )
    sort: str = _text('column that sorts the patterns, such as "time_wait"; empty is "use"')
    inverted: bool = _yes(False, "whether that order is reversed")
    incoming: bool = _yes(True, "whether incoming patterns are shown")
    panel: str = _text('the only panel to show, such as "patterns"; empty is all')
    filter: str = _text('what to show, such as "dport 5432"; empty is everything')


@dataclass(frozen=True, slots=True)
class Series:
    """Which patterns have series of their own in `twtop metrics`."""

    enter: float = _percent(10.0, "percent of its ports in use from which on a pattern gets series")
    leave: float = _percent(5.0, "percent below which it loses them after an hour")


@dataclass(frozen=True, slots=True)
class Acting:
    """What the dashboard may do."""

    read_only: bool = _yes(False, "no keys that change anything; --read-only")


@dataclass(frozen=True, slots=True)
class Silence:
    """Findings not to show: those of a code whose subject fits."""

    code: str
    subject: str = "*"
    """``*`` stands for any text and ``?`` for one character; brackets are as in ``[::1]:80``."""

    def covers(self, code: str, subject: str) -> bool:
        """Say whether a finding of this code and subject is silenced."""
        return code == self.code and _glob(self.subject).fullmatch(subject) is not None


@lru_cache(maxsize=256)
def _glob(text: str) -> re.Pattern[str]:
    # Not fnmatch: for that the brackets of an IPv6 address are a choice of characters.
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(sign) or re.escape(sign) for sign in text), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting; the defaults are what a missing file means."""

    ports: Ports = Ports()
    bind_first: BindFirst = BindFirst()
    time_wait: TimeWaits = TimeWaits()
    close_wait: CloseWaits = CloseWaits()
    syn_recv: SynRecvs = SynRecvs()
    remotes: RemoteShare = RemoteShare()
    orphans: Levels = field(
        default=Levels(50.0, 80.0), metadata={"meaning": "How close to tcp_max_orphans."}
    )
    conntrack: Levels = field(
        default=Levels(), metadata={"meaning": "How close to nf_conntrack_max."}
    )
    descriptors: Levels = field(default=Levels(), metadata={"meaning": "How close to fs.file-max."})
    series: Series = Series()
    screen: OnScreen = OnScreen()
    dashboard: Acting = Acting()
    silence: tuple[Silence, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
    """Names of the dashboard's keys, and the user's own for them; the dashboard knows the names."""

    def with_threshold(self, percent: float) -> Config:
        """Return the same with another ``ports.threshold``, as -t asks for."""
        return replace(self, ports=replace(self.ports, threshold=percent))

    def without_acts(self) -> Config:
        """Return the same with a dashboard that changes nothing, as --read-only asks for."""
        return replace(self, dashboard=replace(self.dashboard, read_only=True))

    def silences(self, code: str, subject: str) -> bool:
        """Say whether the user does not want to see this finding."""
        return any(silence.covers(code, subject) for silence in self.silence)


SECTIONS: tuple[Field[Any], ...] = tuple(
    one for one in fields(Config) if one.name not in ("silence", "keys")
)
"""What the file calls [ports] and so on: their defaults have a field for each setting, with what
it means and what is allowed."""


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the settings are looked for."""
    return users_file(environ.get("XDG_CONFIG_HOME", ""), "~/.config", "config.toml")


def users_file(folder: str, usual: str, name: str) -> Path:
    """Return where a file of the user's is (XDG Base Directory Specification)."""
    if not folder.startswith("/"):  # the specification: a relative path is invalid, ignore it
        # Not Path.home(), which raises for a user without a home: there is no such file then.
        folder = os.path.expanduser(usual)  # noqa: PTH111
    return Path(folder) / "twtop" / name


def load_config(path: Path, codes: Collection[str]) -> Config:
    """Read the settings; those of a missing file, or one that is hidden, are the defaults.

    ``codes`` are the findings there are: another one cannot be silenced. Raises ConfigError.
    """
    try:
        text = read_whole(path).decode()
    except (FileNotFoundError, NotADirectoryError):
        return Config()
    except OSError as error:
        if is_hidden(path):
            return Config()
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}: line {line} is not valid UTF-8") from None
    from tui.findings.config_file import parse_config  # most hosts have no such file

    try:
        return parse_config(text, codes)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
