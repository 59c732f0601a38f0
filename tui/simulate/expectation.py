"""What will come of it: the wall that is met first, or what keeps it away."""

from __future__ import annotations

from dataclasses import dataclass

from tui.analysis.hold import Hold
from tui.analysis.ports import SLOW_CONNECT
from tui.simulate.surroundings import Surroundings
from tui.simulate.target import Target, Whereabouts
from tui.writing.words import measured, per_second, plural

QUICK = 20_000.0
"""Connections per second that one process makes to a server on its own machine, about."""

SUSTAINED = 0.8
"""The part of what reuse sustains that is safely below it."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Which error is expected, at which connection; None for no wall."""

    error: str | None
    connection: int | None
    because: str
    slow_from: int | None = None
    """The connection from which connect() is slow, as half the ports are taken."""


def expect(situation: Surroundings) -> Expectation:
    """Return what is expected: of all walls the nearest one."""
    target = situation.target
    if target.place is Whereabouts.LOOPBACK and target.source is None:
        return Expectation("EADDRNOTAVAIL", 1, no_source_text(target, None))
    walls = [_descriptors(situation), _conntrack(situation), _ports(situation)]
    coming = [wall for wall in walls if wall.connection and wall.connection <= situation.planned]
    return min(coming, key=lambda wall: wall.connection or 0) if coming else walls[-1]


def no_source_text(target: Target, source: str | None) -> str:
    """Say that the address to connect from is not there; None is what the kernel would choose."""
    ipv6 = ""
    if ":" in target.ip:
        ipv6 = "; IPv6 may be off (`sysctl net.ipv6.conf.all.disable_ipv6`, `ip -6 addr`)"
    if source is not None:
        return f"{source} is no longer an address of this host{ipv6}"
    if target.place is Whereabouts.LOOPBACK:
        return f"lo has no {target.ip}{ipv6}"
    return f"no address of this host can reach {target.ip}{ipv6}"


def _descriptors(situation: Surroundings) -> Expectation:
    limits = situation.limits
    room = max(limits.files_hard - limits.files_open, 0)
    because = f"held connections need a descriptor each, and RLIMIT_NOFILE is {limits.files_hard:,}"
    return Expectation("EMFILE", room + 1 if situation.hold else None, because)


def _conntrack(situation: Surroundings) -> Expectation:
    entries, most = situation.limits.conntrack or 0, situation.limits.conntrack_max or 0
    wall = max(most - entries, 0) + 1 if entries and most else None  # 0 where it follows nothing
    return Expectation("ETIMEDOUT", wall, f"conntrack has {entries:,} of {most:,} entries")


def _ports(situation: Surroundings) -> Expectation:
    plan, wall = situation.plan, situation.free + 1
    if wall > situation.planned:
        slow = _slow_from(situation)
        return _none(
            f"it makes only {plural(situation.planned, 'connection')}, and there are ports for "
            f"{situation.free:,}",
            slow if slow is not None and slow <= situation.planned else None,
        )
    if plan.rate is not None and plan.seconds is not None and plan.rate * plan.seconds < wall:
        return _none(
            f"{plan.rate:g}/s for {measured(plan.seconds)} makes {plan.rate * plan.seconds:,.0f} "
            f"connections, and there are ports for {situation.free:,}"
        )
    return _kept_away(situation) or Expectation(
        "EADDRINUSE" if plan.bind_first else "EADDRNOTAVAIL",
        wall,
        _why_ports_run_out(situation),
        _slow_from(situation),
    )


def _none(because: str, slow_from: int | None = None) -> Expectation:
    return Expectation(None, None, because, slow_from)


def _kept_away(situation: Surroundings) -> Expectation | None:
    """Return what gives ports back faster than they are taken, None where nothing does."""
    limits = situation.limits
    if situation.hold:
        return None
    rate = _pace(situation)
    if situation.reuse:
        bearable = reuse_rate(situation)
        if rate is None or rate <= bearable:
            return _none(f"{reuse_text(situation)}: enough for {bearable:,.0f} connections/s")
        return None
    if limits.buckets is not None and limits.buckets - limits.time_waits < situation.free:
        return _none(
            f"tcp_max_tw_buckets is {limits.buckets:,} and {limits.time_waits:,} are in use: "
            "further sockets skip TIME-WAIT, which frees ports but lets old segments hit new "
            "connections"
        )
    needed = (rate or 0) * time_wait(situation).longest
    if rate is not None and needed < situation.free:
        return _none(
            f"{rate:g}/s takes {needed:,.0f} ports in the {time_wait(situation).longest:.0f} s "
            f"that TIME-WAIT can last, and there are {situation.free:,}"
        )
    return None


def _why_ports_run_out(situation: Surroundings) -> str:
    plan, frame = situation.plan, situation.frame
    held = situation.held(frame)
    sources = f" for each of {len(held)} sources" if len(held) > 1 else ""
    ports = f"{plural(frame.ports.capacity, 'port')}{sources}"
    if taken := sum(one.use.locked for one in held):
        ports += f", {taken:,} already in use"
    if situation.hold:
        return f"{ports}, and connections are held"
    if plan.bind_first:
        return f"{ports}, taken by bind() for all destinations together"
    if situation.reuse:
        return (
            f"{ports}; {reuse_text(situation)}, which is too late above "
            f"{reuse_rate(situation):,.0f}/s"
        )
    bearable = per_second(time_wait(situation).sustains(situation.free))
    return f"{ports}, {no_reuse_text(situation)}; up to {bearable} they never run out"


def _pace(situation: Surroundings) -> float | None:
    """Return the connections per second that are coming, None where nobody knows."""
    return situation.plan.rate or (QUICK if situation.target.ours else None)


def time_wait(situation: Surroundings) -> Hold:
    """Return how long a port is kept where tcp_tw_reuse does not apply."""
    return situation.frame.hold_with(reuse=False)


def reuse_rate(situation: Surroundings) -> float:
    """Return the connections per second that tcp_tw_reuse makes possible for ever."""
    ports = sum(held.use.capacity for held in situation.held(situation.frame))
    return situation.frame.hold_with(reuse=True).sustains(ports)


def sustained_rate(situation: Surroundings) -> float | None:
    """Return the rate to take where none is given: what tcp_tw_reuse sustains, where it applies.

    One client can be quicker than the second after which a port is reused, and would run into a
    wall that no real load of many clients meets. None is as fast as can be.
    """
    if situation.hold or situation.plan.bind_first or not situation.reuse:
        return None
    return SUSTAINED * reuse_rate(situation)


def reuse_text(situation: Surroundings) -> str:
    """Say what tcp_tw_reuse does, where it applies."""
    rules = situation.frame.rules
    where = " (on loopback)" if rules.reuse_mode == 2 else ""
    after = measured(rules.reuse_delay_ms / 1000)
    return f"tcp_tw_reuse = {rules.reuse_mode}{where} gives a port back after {after}"


def no_reuse_text(situation: Surroundings) -> str:
    """Say why no TIME-WAIT is reused, where tcp_tw_reuse does not apply."""
    rules = situation.frame.rules
    if rules.reuse_mode == 0:
        return "no reuse with tcp_tw_reuse = 0"
    if not rules.timestamps:
        return "no reuse without tcp_timestamps"
    return "no reuse with tcp_tw_reuse = 2, which is for loopback"


def _slow_from(situation: Surroundings) -> int | None:
    """Return the connection from which one source has no port of the first parity left.

    A port that can be reused is taken at the first look, so only locked ones count.
    """
    if situation.plan.bind_first:
        return None
    held, rate = situation.held(situation.frame), _pace(situation)
    kept_up = rate is not None and rate <= SLOW_CONNECT * reuse_rate(situation)
    if situation.reuse and not situation.hold and kept_up:
        return None
    return min(
        max(int(one.use.capacity * SLOW_CONNECT) - one.use.locked, 0) * len(held) + turn + 1
        for turn, one in enumerate(held)
    )
