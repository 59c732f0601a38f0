"""Situations as the tests of the rules make them, and what the rules say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tests.tables import NOW, Sock, listener, parameters, reading, rules, table, waiting
from tui.analysis.frame import Frame, judge
from tui.findings.baseline import Baseline
from tui.findings.config import Config
from tui.findings.finding import Finding
from tui.findings.rules import RULES
from tui.findings.situation import Situation
from tui.kernel.parameters import Parameter
from tui.kernel.port_rules import PortRules
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import State
from tui.watching.history import History

THOUSAND = rules(40000, 40999)
NGINX = Process(10, "nginx")


def frame_of(
    *found: Sock,
    given: PortRules = THOUSAND,
    sysctls: Mapping[str, str] | None = None,
    counters: Mapping[str, int] | None = None,
    bound_ports: Iterable[int] = (),
    complete: bool = True,
    second: float = 0.0,
) -> Frame:
    read = reading(
        table(*found, bound_ports=bound_ports, complete=complete),
        given,
        time=NOW + second,
        counters=counters,
    )
    extra = tuple(Parameter(name, text, None, "a test") for name, text in (sysctls or {}).items())
    return judge(replace(read, parameters=(*parameters(given), *extra)))


def at_once(
    frame: Frame,
    *,
    owners: Mapping[int, Process] | None = None,
    config: Config | None = None,
    baseline: Baseline | None = None,
) -> Situation:
    """A frame without a past, as a one-shot command has it."""
    return Situation(frame, Owners(owners or {}), config=config or Config(), baseline=baseline)


def after(
    *frames: Frame, owners: Mapping[int, Process] | None = None, config: Config | None = None
) -> Situation:
    """The last of these frames, with the others as its history."""
    history = History()
    history.owners = Owners(owners or {})
    for one in frames:
        trends = history.add(one)
        history.note_owners(history.owners)
    # Once more: who was found after the last frame is in the trends of the next.
    trends = replace(trends, holders=history._holders(frames[-1]))
    return Situation(frames[-1], history.owners, trends, config or Config())


def look(*found: Sock, given: PortRules = THOUSAND, config: Config | None = None) -> Situation:
    """These sockets alone."""
    return at_once(frame_of(*found, given=given), config=config)


def found(code: str, situation: Situation) -> list[Finding]:
    """What the rule of this code says; it may speak of nothing else."""
    findings = list(RULES[code](situation))
    assert {finding.code for finding in findings} <= {code}
    identities = [finding.identity for finding in findings]
    assert len(set(identities)) == len(identities), "a subject is told of once"
    return findings


def only(code: str, situation: Situation) -> Finding:
    findings = found(code, situation)
    assert len(findings) == 1, [finding.subject for finding in findings]
    return findings[0]


def advice(finding: Finding) -> str:
    return "\n".join(map(str, finding.remedies))


def waits(
    count: int,
    remote: str = "10.0.0.9",
    *,
    local: str = "10.0.0.5",
    first: int = 40000,
    age: float = 30,
) -> list[Sock]:
    """TIME-WAITs to one destination, all of one age in seconds."""
    return [
        waiting(first + n, round((60 - age) * 1000), local=local, remote=remote)
        for n in range(count)
    ]


def opens(
    count: int,
    remote: str = "10.0.0.9",
    *,
    local: str = "10.0.0.5",
    first: int = 40000,
    state: State = State.ESTABLISHED,
    inode: int = 0,
) -> list[Sock]:
    """Sockets to one destination; their inodes, unless 0, are consecutive."""
    return [
        Sock(local, first + n, remote, state=state, inode=inode and inode + n) for n in range(count)
    ]


def accepted(
    count: int,
    remote: str = "10.0.0.77",
    *,
    state: State = State.ESTABLISHED,
    port: int = 443,
    inode: int = 0,
    first: int = 1,
) -> list[Sock]:
    """Sockets that came in at a port; ``listener(port=…)`` must be there as well."""
    return [
        Sock("10.0.0.5", port, remote, first + n, state, inode=inode and inode + n)
        for n in range(count)
    ]


def served(count: int, remote: str = "10.0.0.77", first: int = 1) -> list[Sock]:
    """TIME-WAITs on a port that is listened on."""
    return [
        waiting(443, local="10.0.0.5", remote=remote, remote_port=first + n) for n in range(count)
    ]


HTTPS = listener(port=443, inode=7)
