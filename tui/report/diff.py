"""What differs between two moments, of one place or of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tui.analysis.patterns import ARROWS, NO_PORT, Direction, endpoint
from tui.kernel.parameters import COUNTS
from tui.writing.layout import Paint, table

SCHEMA = "twtop.diff/1"
SHOWN = 20
PatternName = tuple[str, str, int | None, str, int | None]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the moments, as `twtop report --json` has it."""

    report: Mapping[str, Any]
    findings: Mapping[tuple[str, str], str] | None
    """Headlines by code and subject; None where they are not known, as of a report."""

    @property
    def states(self) -> dict[str, int]:
        """Sockets by state."""
        return dict(self.report["states"])

    @property
    def patterns(self) -> dict[PatternName, Mapping[str, Any]]:
        """Patterns by what makes them the same."""
        return {
            (
                one["direction"],
                one["local_ip"],
                one["local_port"],
                one["remote_ip"],
                one["remote_port"],
            ): one
            for one in self.report["patterns"]
        }

    @property
    def sysctls(self) -> dict[str, str | None]:
        """Kernel parameters by full name, without those that only count."""
        sysctls = self.report["sysctls"]
        return {one["name"]: one["value"] for one in sysctls if one["name"] not in COUNTS}


@dataclass(frozen=True, slots=True)
class Grown:
    """A pattern that is in both, with other figures."""

    name: PatternName
    in_use: tuple[int, int]
    sockets: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs, from the first to the second."""

    head: Mapping[str, Any]
    """Time, place and source of the second."""
    times: tuple[str | None, str | None]
    places: tuple[str, str]
    states: dict[str, tuple[int, int]]
    came: tuple[Mapping[str, Any], ...]
    gone: tuple[Mapping[str, Any], ...]
    grown: tuple[Grown, ...]
    """Patterns with other figures, the most different first."""
    sysctls: dict[str, tuple[str | None, str | None]]
    findings_came: dict[tuple[str, str], str]
    findings_gone: dict[tuple[str, str], str]

    @property
    def is_any(self) -> bool:
        """Does anything differ but the times?"""
        return any(
            (
                self.states,
                self.came,
                self.gone,
                self.grown,
                self.sysctls,
                self.findings_came,
                self.findings_gone,
            )
        )


def difference(first: Side, second: Side) -> Difference:
    """Return what differs. Raises KeyError or TypeError for a report that is none."""
    before, after = first.patterns, second.patterns
    grown = [
        Grown(name, (old["in_use"], new["in_use"]), (_sockets(old), _sockets(new)))
        for name, old in before.items()
        if (new := after.get(name)) is not None
        and (old["in_use"] != new["in_use"] or _sockets(old) != _sockets(new))
    ]
    grown.sort(key=lambda one: -max(abs(one.in_use[1] - one.in_use[0]), _change(one.sockets)))
    known = first.findings is not None and second.findings is not None
    old_findings = dict(first.findings or {}) if known else {}
    new_findings = dict(second.findings or {}) if known else {}
    return Difference(
        head={key: second.report[key] for key in ("time", "place", "source")},
        times=(first.report["time"], second.report["time"]),
        places=(first.report["place"]["name"], second.report["place"]["name"]),
        states=_changed(first.states, second.states, 0),
        came=_most(after[name] for name in after.keys() - before.keys()),
        gone=_most(before[name] for name in before.keys() - after.keys()),
        grown=tuple(grown),
        sysctls=_changed(first.sysctls, second.sysctls, None),
        findings_came={k: v for k, v in new_findings.items() if k not in old_findings},
        findings_gone={k: v for k, v in old_findings.items() if k not in new_findings},
    )


def _sockets(pattern: Mapping[str, Any]) -> int:
    return sum(pattern["states"].values())


def _change(pair: tuple[int, int]) -> int:
    return abs(pair[1] - pair[0])


def _most(patterns: Any) -> tuple[Mapping[str, Any], ...]:
    return tuple(sorted(patterns, key=lambda one: (-one["in_use"], -_sockets(one), str(one))))


def _changed(before: Mapping[str, Any], after: Mapping[str, Any], none: Any) -> dict[str, Any]:
    names = [*before, *(name for name in after if name not in before)]
    pairs = {name: (before.get(name, none), after.get(name, none)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def diff_record(found: Difference) -> dict[str, Any]:
    """Return the difference as plain data."""
    ends = "direction", "local_ip", "local_port", "remote_ip", "remote_port"
    return {
        "schema": SCHEMA,
        **found.head,
        "times": list(found.times),
        "places": list(found.places),
        "states": {name: list(pair) for name, pair in found.states.items()},
        "patterns": {
            "came": list(found.came),
            "gone": list(found.gone),
            "changed": [
                {
                    **dict(zip(ends, one.name, strict=True)),
                    "in_use": list(one.in_use),
                    "sockets": list(one.sockets),
                }
                for one in found.grown
            ],
        },
        "sysctls": {name: list(pair) for name, pair in found.sysctls.items()},
        "findings": {
            "came": [{"code": c, "subject": s} for c, s in found.findings_came],
            "gone": [{"code": c, "subject": s} for c, s in found.findings_gone],
        },
    }


def diff_text(found: Difference, paint: Paint) -> str:
    """Return the difference for people."""
    first, second = (time or "of an unknown date" for time in found.times)
    here, there = found.places
    places = f"{here} · " if here == there else ""
    names = (first, second) if here == there else (f"{here} {first}", f"{there} {second}")
    lines = [f"{paint('twtop diff', 'bold')} · {places}{names[0]} -> {names[1]}"]
    if not found.is_any:
        return "\n".join([*lines, "", "Nothing differs."])
    parts = []
    if found.findings_came or found.findings_gone:
        rows = [("+", text) for text in found.findings_came.values()]
        rows += [("-", text) for text in found.findings_gone.values()]
        colours = ["red"] * len(found.findings_came) + ["green"] * len(found.findings_gone)
        parts.append(table("Findings", ("", ""), rows, paint, colours))
    if found.sysctls:
        values = [
            (name, _shown(old), "->", _shown(new)) for name, (old, new) in found.sysctls.items()
        ]
        parts.append(table("Kernel parameters", ("", "", "", ""), values, paint))
    if found.states:
        counts = [
            (name.replace("_", "-"), f"{old:,}", "->", f"{new:,}", f"{new - old:+,}")
            for name, (old, new) in found.states.items()
        ]
        parts.append(table("States", ("", ">", "", ">", ">"), counts, paint))
    patterns = _pattern_rows(found)
    if patterns:
        heads = "", "Pattern", ">ports in use", ">sockets"
        parts.append(table("Patterns", heads, patterns[:SHOWN], paint, total=len(patterns)))
    return "\n\n".join([*lines, *parts])


def _pattern_rows(found: Difference) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("~", _name(one.name), _pair(one.in_use), _pair(one.sockets)) for one in found.grown
    ]
    for sign, patterns in (("+", found.came), ("-", found.gone)):
        for one in patterns:
            name = tuple(
                one[end]
                for end in ("direction", "local_ip", "local_port", "remote_ip", "remote_port")
            )
            rows.append((sign, _name(name), f"{one['in_use']:,}", f"{_sockets(one):,}"))
    return rows


def _name(name: Any) -> str:
    direction, local_ip, local_port, remote_ip, remote_port = name
    arrow = ARROWS[Direction[direction.upper()]]
    near = endpoint(local_ip, NO_PORT if local_port is None else local_port)
    far = endpoint(remote_ip, NO_PORT if remote_port is None else remote_port)
    return f"{near} {arrow} {far}"


def _pair(pair: tuple[int, int]) -> str:
    return f"{pair[0]:,} -> {pair[1]:,}" if pair[0] != pair[1] else f"{pair[0]:,}"


def _shown(value: str | None) -> str:
    return "unknown" if value is None else value or "(none)"
