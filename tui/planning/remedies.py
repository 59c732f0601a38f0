"""What-if: which changes give a load the ports it needs, at what price, and when they are wrong.

A remedy raises the ports, multiplies the tuples, or shortens the wait after a close. All of it is
pure: from a load and the facts of a frame to rows, quick enough for every key press.
tests/live/test_remedies.py tries each claim with real connections.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tui.analysis.hold import hold, length_text
from tui.analysis.patterns import NO_PORT, endpoint
from tui.analysis.ports import PORTS, SLOW_CONNECT
from tui.kernel.places import Place
from tui.kernel.port_rules import PortRules
from tui.planning.demand import Demand
from tui.planning.fitting import acts_here, caution, fitted
from tui.planning.setting import Effect, Facts, Fit, Setting
from tui.planning.widening import HIGHEST, LOWEST, present, range_commands, widest
from tui.writing.words import plural

ROUND = 1000
"""Ends of a suggested range fall on such multiples, for people to remember."""
AT_ONCE = ", at lifetime 0 s"
"""What rests on it that nothing is known to be open: the longer connections are, the more ports."""
SPELLED = 3
"""How many further addresses are spelled out one by one."""


@dataclass(frozen=True, slots=True)
class Option:
    """One change, or two, and what comes of it."""

    code: str
    """Stable: such as ``range`` or ``range+reuse``."""
    name: str
    setting: Setting
    outcome: Effect
    commands: tuple[str, ...] = ()
    """Shell lines to copy; words in capitals are to be replaced, ``#`` lines say the rest."""
    requires: str = ""
    wrong_when: str = ""
    note: str = ""
    """What a smaller change of the kind would do, where it differs."""


UNSAFE = frozenset({"tcp_max_tw_buckets", "so_linger"})
"""Codes of refused advice that works, by leaving TIME-WAIT out."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Advice that is often given and does not hold, or is unsafe."""

    code: str
    name: str
    why: str

    @property
    def is_unsafe(self) -> bool:
        """Whether it does give ports back, and what is lost by that is worth more."""
        return self.code in UNSAFE


_REFUSED = (
    Refusal(
        "tcp_tw_recycle",
        "tcp_tw_recycle=1",
        "Removed in Linux 4.12. Before that, it silently dropped SYNs from clients that share an "
        "address behind NAT.",
    ),
    Refusal(
        "tcp_max_tw_buckets",
        "lower tcp_max_tw_buckets",
        "It works, but is unsafe. Above it sockets skip TIME-WAIT: ports come back at once, but "
        "late segments of the old connection can reach the new one. TCPTimeWaitOverflow counts "
        "these cases.",
    ),
    Refusal(
        "so_linger",
        "SO_LINGER with 0 seconds",
        "It works, but is unsafe. It closes with a reset: no TIME-WAIT, but unsent data is lost, "
        "the peer sees ECONNRESET, and late segments can reach the next connection.",
    ),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a load under today's settings and under each remedy."""

    load: Demand
    facts: Facts
    today: Option
    options: tuple[Option, ...]
    """Single changes in a fixed order, then the pairs that do what neither half does alone or
    that need less of it, smallest first."""

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """What is often advised and does not help."""
        return refused(self.facts.rules)


def refused(rules: PortRules) -> tuple[Refusal, ...]:
    """Return what is often advised and does not help, under these rules."""
    return (
        Refusal(
            "tcp_fin_timeout",
            "lower tcp_fin_timeout",
            f"It does not affect TIME-WAIT ({length_text(rules)}): it sets how long an orphaned "
            "FIN-WAIT-2 lasts. No port comes back from TIME-WAIT any sooner.",
        ),
        *_REFUSED,
    )


def plan(load: Demand, facts: Facts) -> Plan:
    """Return what becomes of the load today and under each remedy."""
    rules = facts.rules
    setting = present(facts)
    today = Option("today", f"today: {rules.low}–{rules.high}", setting, setting.judge(load))
    reuse = _reuse(load, facts, setting)
    options = [
        _range(load, facts, setting, _smallest_range(facts, today.outcome) or widest(facts)),
        reuse,
        *_countable(load, facts, setting),
        _pool(load, setting),
        _server_closes(load, facts, setting),
        _no_port(load, facts, setting),
    ]
    if today.outcome.verdict is not Fit.WORKS:
        options += _pairs(load, facts, today, _range(load, facts, setting, widest(facts)), reuse)
    return Plan(
        load, facts, today, tuple(_fit(option, facts.place) for option in options if option)
    )


def _fit(option: Option, place: Place | None) -> Option:
    """Return an option whose commands act on the place."""
    if place is None or acts_here(place):
        return option
    cautions = dict.fromkeys(filter(None, (caution(one, place) for one in option.commands)))
    commands = [fitted(one, place) for one in option.commands]
    return replace(option, commands=(*commands, *(f"# unless {one}" for one in cautions)))


def _pairs(
    load: Demand, facts: Facts, today: Option, widest: Option | None, reuse: Option | None
) -> Iterator[Option]:
    if widest and reuse:
        both = replace(reuse.setting, ports=widest.setting.ports)
        pair = _pair(widest, replace(reuse, setting=both, outcome=both.judge(load)))
        if pair.outcome.verdict > max(widest.outcome.verdict, reuse.outcome.verdict):
            yield pair
    alone = {option.code: option for option in _countable(load, facts, today.setting)}
    found = [
        _pair(base, added)
        for base in (widest, reuse)
        if base and base.outcome.verdict is not Fit.WORKS
        for added in _countable(load, facts, base.setting)
        if added.code not in alone or _size(added) < _size(alone[added.code])
    ]
    yield from sorted(found, key=_size)


def _pair(base: Option, added: Option) -> Option:
    """Return two changes as one; ``added`` is already judged on top of ``base``."""
    return replace(
        added,
        code=f"{base.code}+{added.code}",
        name=f"{base.name} + {added.name.replace(' more ', ' ')}",
        commands=(*base.commands, *added.commands),
        requires=f"{base.requires} {added.requires}",
        wrong_when=f"{base.wrong_when} {added.wrong_when}",
    )


def _size(option: Option) -> float:
    """Return how much of a countable remedy it takes: addresses, and behind these requests."""
    setting = option.setting
    return setting.tuples if setting.requests == 1 else PORTS + setting.requests


def _smallest_range(facts: Facts, today: Effect) -> tuple[int, int] | None:
    """Return the smallest widening that leaves half of the ports free, if one is needed and does.

    Upwards first: services sit below 32768 more often than above 60999.
    """
    rules, wanted = facts.rules, math.ceil(today.needed / SLOW_CONNECT / (facts.share or 1))
    if today.verdict is Fit.WORKS or facts.ports(min(rules.low, LOWEST), HIGHEST) < wanted:
        return None
    below = np.concatenate([[0], np.cumsum(facts.choosable)])
    # below[p]: ports that connect() could choose, smaller than p
    if below[PORTS] - below[rules.low] >= wanted:
        high = int(np.searchsorted(below, below[rules.low] + wanted)) - 1
        return rules.low, min(high // ROUND * ROUND + ROUND - 1, HIGHEST)
    low = int(np.searchsorted(below, below[PORTS] - wanted, side="right")) - 1
    return max(low // ROUND * ROUND, min(rules.low, LOWEST)), HIGHEST


def _range(load: Demand, facts: Facts, setting: Setting, ends: tuple[int, int]) -> Option | None:
    low, high = ends
    widened = replace(setting, ports=facts.ports(low, high))
    if widened.ports <= setting.ports:
        return None
    inside = facts.listening_within(low, high)
    requires = "Nothing else: it covers IPv6 too, and takes effect with the next connect()."
    if inside:
        requires = (
            f"Listening ports inside ({len(inside):,}) do not count as capacity either way; "
            "reserving them keeps connect() from taking one while its service restarts."
        )
    return Option(
        "range",
        f"range {low}–{high}",
        widened,
        widened.judge(load),
        range_commands(facts, low, high),
        requires,
        "A service that is not running now has its port in it, or Kubernetes its NodePorts "
        "(30000–32767, often without a listener): reserve those too. A firewall admits replies to "
        "the old range only.",
    )


def reuse_changes(facts: Facts) -> tuple[int, list[str]]:
    """Return the tcp_tw_reuse that is wanted, never a lower one, and what to set for it to work."""
    rules = facts.rules
    mode = 2 if facts.loopback and rules.reuse_mode != 1 else 1
    changes = [f"tcp_tw_reuse={mode}"] * (mode != rules.reuse_mode)
    return mode, changes + ["tcp_timestamps=1"] * (not rules.timestamps)


def _reuse(load: Demand, facts: Facts, setting: Setting) -> Option | None:
    mode, changes = reuse_changes(facts)
    wait = facts.wait(replace(facts.rules, reuse_mode=mode, timestamps=True))
    if wait >= setting.wait:
        return None
    changed = replace(setting, wait=wait)
    return Option(
        "reuse",
        changes[0],
        changed,
        changed.judge(load),
        tuple(f"sysctl -w net.ipv4.{change}" for change in changes),
        "TCP timestamps on both ends (`ss -tio` shows ts). A port can be used again "
        f"{wait * 1000:,.0f} ms after its close.",
        "NAT, a firewall or a load balancer on the path strips timestamps, or keeps an entry for "
        "the old connection and drops the early SYN. A client that binds first without "
        "IP_BIND_ADDRESS_NO_PORT gains nothing, nor does a server.",
    )


def _countable(load: Demand, facts: Facts, setting: Setting) -> list[Option]:
    """Return the remedies of which the least number is asked that leaves half the ports free."""
    chosen = _chosen_by_connect(facts, setting)
    if not chosen.ports:
        return []
    more = [_sources(load, facts, chosen)]
    if facts.share is None:  # else they all have the ports of one
        more.append(_destinations(load, facts, setting))
    kept = _keep_alive(load, setting)
    return [*more, kept] if kept else more


def _chosen_by_connect(facts: Facts, setting: Setting) -> Setting:
    """Return what a setting is once the client does not bind its port before it connects."""
    wait = replace(facts, share=None).wait(facts.rules)
    return setting if facts.share is None else replace(setting, share=1, wait=wait)


def tuples_needed(load: Demand, setting: Setting, share: float = 1) -> int:
    """Return over how many tuples a load must be spread to need at most this share of the ports."""
    return math.ceil(setting.judge(load).needed / (setting.ports * setting.share * share))


def _tuples(load: Demand, setting: Setting) -> tuple[int, Setting, str]:
    """Return how many further tuples to have, what that makes, and what fewer would do."""
    count, least = (
        max(tuples_needed(load, setting, share) - setting.tuples, 1) for share in (SLOW_CONNECT, 1)
    )
    return count, replace(setting, tuples=setting.tuples + count), _enough(least, count)


def _enough(least: int, count: int) -> str:
    return f"{least:,} would be enough, with slow connect()." if least < count else ""


def _add_addresses(facts: Facts, name: str, count: int) -> list[str]:
    """Return the commands that add so many addresses, of which the first are spelled out."""
    ip, prefix = ("ip -6", 128) if facts.ipv6 else ("ip", 32)
    spelled = [f"{ip} addr add {name}{number}/{prefix} dev DEV" for number in _numbers(count)]
    return [*spelled, f"# … and so on, to {name}{count + 1}"] if count > SPELLED else spelled


def _numbers(count: int) -> range:
    """Return the numbers of the further addresses that are spelled out; the first is there."""
    return range(2, min(count, SPELLED) + 2)


def _sources(load: Demand, facts: Facts, setting: Setting) -> Option:
    count, more, note = _tuples(load, setting)
    ip, prefix = ("ip -6", 128) if facts.ipv6 else ("ip", 32)
    target = facts.remote_ip or "DESTINATION"
    if facts.loopback and not facts.ipv6:
        named = [f"127.0.0.{number}" for number in _numbers(count)] + ["…"] * (count > SPELLED)
        commands = [f"# all of 127.0.0.0/8 already exists: {', '.join(named)}"]
    else:
        commands = _add_addresses(facts, "SOURCE", count)
    commands += [
        "# the program uses them in turn: bind((SOURCE2, 0)) before connect(), with",
        "# IP_BIND_ADDRESS_NO_PORT set, as nginx's proxy_bind and HAProxy's source do",
    ]
    # The table of local addresses comes before every rule.
    if not (facts.at_home or facts.loopback):
        commands += [
            "# or, for a program that cannot, a worker per address, each with its own user:",
            f"{ip} route add {target}/{prefix} via GATEWAY dev DEV src SOURCE2 table 102",
            f"{ip} rule add uidrange UID2-UID2 lookup 102",
        ]
    return Option(
        "sources",
        plural(count, "more source"),
        more,
        more.judge(load),
        tuple(commands),
        "Unused addresses of yours that are routed back to this host; connections spread evenly "
        "over them.",
        "You only spread several destinations over sources: `ip route … src` gives each "
        "destination one source, which moves its connections to fresh ports once but adds no "
        "rate. Or the server or a firewall admits one client address only.",
        note,
    )


def _destinations(load: Demand, facts: Facts, setting: Setting) -> Option:
    count, more, note = _tuples(load, setting)
    port = NO_PORT if facts.remote_port is None else facts.remote_port
    return Option(
        "destinations",
        plural(count, "more destination"),
        more,
        more.judge(load),
        (
            "# on the server, another address …",
            *_add_addresses(facts, "TARGET", count),
            "# … or another port of the service, used in turn with",
            f"# {endpoint(facts.remote_ip or 'TARGET', port)}",
        ),
        "More addresses, ports or servers that answer as the first one does; connections spread "
        "evenly over them.",
        "The client binds first without IP_BIND_ADDRESS_NO_PORT: all destinations then share "
        "one source's ports.",
        note,
    )


def _keep_alive(load: Demand, setting: Setting) -> Option | None:
    """Connections that each carry the work of several, and wait once."""
    least = _requests(load, setting, 1)
    if least is None:
        return None
    count = _requests(load, setting, SLOW_CONNECT) or least
    kept = replace(setting, requests=count)
    return Option(
        "keep_alive",
        f"keep-alive ×{count:,}",
        kept,
        kept.judge(load),
        (
            f"# let one connection do the work of {count:,} of today's, one after the other:",
            "# HTTP keep-alive, persistent database connections; nginx: upstream {",
            '# keepalive N; } with proxy_http_version 1.1; proxy_set_header Connection "";',
        ),
        "A protocol and a server that keep connections open that long between requests.",
        "The server closes idle connections before the next request comes.",
        _enough(least, count),
    )


def _requests(load: Demand, setting: Setting, share: float) -> int | None:
    """Return the fewest requests per connection that need at most this share of the ports.

    rate × (lifetime + wait / k) ≤ share × capacity, solved for k; None where the connections
    that are open at once take more already. At least 2, or it would be no change.
    """
    allowed = math.floor(setting.capacity * share)
    room = allowed - load.held - load.rate * load.lifetime
    if room <= 0:
        return None
    # One less than the quotient: rounding may have made it too large, and the loop finds out.
    count = max(math.ceil(load.rate * setting.wait / room) - 1, 2)
    while replace(setting, requests=count).judge(load).needed > allowed:
        count += 1
    return count


def _pool(load: Demand, setting: Setting) -> Option:
    pooled = replace(setting, requests=math.inf)
    outcome = pooled.judge(load)
    return Option(
        "pool",
        f"pool of {plural(outcome.needed - load.held, 'connection')}"
        if load.lifetime
        else "pool" + AT_ONCE,
        pooled,
        outcome,
        (
            "# connections opened once and lent out: on average rate × lifetime of them,",
            "# plus some for bursts; nothing closes, so nothing waits",
        ),
        "A pool in the program, or a proxy that has one (pgbouncer, HAProxy, nginx).",
        "The pool is smaller than the demand at any one time and closes the surplus: then it "
        "works, and counts, as keep-alive.",
    )


def _server_closes(load: Demand, facts: Facts, setting: Setting) -> Option:
    moved = replace(setting, wait=0)
    waiting = math.ceil(load.rate * hold(facts.rules, reuse=False, hz=facts.hz).longest)
    return Option(
        "server_closes",
        "server closes first" + AT_ONCE * (not load.lifetime),
        moved,
        moved.judge(load),
        (
            "# TIME-WAIT stays with the side that closes first: make that the server, as",
            "# with HTTP/1.1 `Connection: close` in a response; the client reads until EOF",
        ),
        f"A server that can hold some {waiting:,} TIME-WAITs (its tcp_max_tw_buckets) and accepts "
        "a SYN in TIME-WAIT: with timestamps, or a higher sequence number, as from one machine.",
        "Many clients share one NAT address: SYNs that hit the server's TIME-WAITs can be "
        "refused. A client that keeps its end open (CLOSE-WAIT) still holds its port.",
    )


def _no_port(load: Demand, facts: Facts, setting: Setting) -> Option:
    chosen = _chosen_by_connect(facts, setting)
    wrong_when = (
        "The client does not bind (most do not): then it changes nothing. Whether it does cannot "
        "be seen from outside."
        if facts.share is None
        else "The client must know its port beforehand. Ports bound now are out of reach of "
        "connect() until their connections are gone, TIME-WAIT included."
    )
    return Option(
        "bind_no_port",
        "IP_BIND_ADDRESS_NO_PORT",
        chosen,
        chosen.judge(load),
        (
            "# before bind((source, 0)):",
            "# Python: s.setsockopt(socket.IPPROTO_IP, 24, 1)",
            "# C: setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);",
        ),
        "Linux 4.2, and a client that binds its address before it connects. Without the option "
        f"such a client has {chosen.ports:,} ports for all destinations together, no reuse, and "
        "gets EADDRINUSE from bind() when they run out; with it, every destination has that many.",
        wrong_when,
    )
