"""Advice to set a sysctl, given only where that is better than what it is now."""

from __future__ import annotations

from tui.findings.finding import Remedy


def to_raise(
    name: str, now: int | None, to: int, what: str, unless: str = ""
) -> tuple[Remedy, ...]:
    """Return the advice to raise a sysctl ``to`` a number, none where it is as high already.

    ``now`` is its present value. Where that is not known (None) the advice says to compare.
    """
    return _set(name, to, now is None or now < to, what, unless, "" if now is not None else "more")


def to_lower(
    name: str, now: int | None, to: int, what: str, unless: str = ""
) -> tuple[Remedy, ...]:
    """Return the advice to lower a sysctl, none where it is as low already; as ``to_raise``."""
    return _set(name, to, now is None or now > to, what, unless, "" if now is not None else "less")


def _set(
    name: str, to: int, better: bool, what: str, unless: str, beyond: str
) -> tuple[Remedy, ...]:
    compare = f"it is already {to} or {beyond}" if beyond else ""
    exceptions = ", or ".join(filter(None, (compare, unless)))
    return (Remedy(what, f"sysctl -w {name}={to}", exceptions),) if better else ()
