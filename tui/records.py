"""The types of records, for type checkers: of what `--json` prints and the API returns.

    from twtop.records import PatternRecord

…Json is what a command prints, …Record a part of it. All are plain dicts. Do not edit: this is made
from report/schemas/ by `python -m tests.records`.
"""

# Its annotations are no strings, of which Python 3.11 could not tell what is required.
from typing import Literal, NotRequired, TypedDict


class PlaceRecord(TypedDict):
    """The network namespace that was looked at."""

    name: str
    kind: Literal["host", "container", "pod", "machine", "named", "process", "copy"]
    id: int | None
    """The namespace's inode; None for a copy."""


class SourceRecord(TypedDict):
    """How the sockets were read."""

    kind: Literal["proc", "sock_diag"]
    directory: str | None
    """The procfs, or its copy, that was read; None for this namespace's own."""
    complete: bool
    """False when the table was cut short: counts are minimums then."""
    complete_known: bool
    """False of a copy without sockstat: nothing shows whether lines are missing."""
    duplicates: int
    """Sockets that were seen twice and counted once."""
    bad_lines: int
    """Lines that could not be read, and are not counted."""
    byte_order: Literal["little", "big", None]
    """That of the machine that wrote the table; None where nothing in a copy tells it: then this
    machine's was assumed."""
    bound_ports_known: bool
    """False where bound, unconnected sockets cannot be seen (Linux before 6.8, a copy): capacity is
    an upper bound then."""
    bound_ports_unseen: int | None
    """How many such sockets there may be, by sockstat: capacity may be so much lower. 0 where they
    are known, None where nothing tells."""
    devices_known: bool
    """False where nothing tells which sockets are bound to a device, as /proc does not: patterns of
    several devices seem fuller than they are then."""
    read_seconds: float
    table_age_seconds: float
    """How much older the table is than the counters."""
    unix_time: float | None
    """`time` in Unix seconds, with the fraction that it leaves out."""


StatesRecord = dict[
    Literal[
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECV",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "TIME_WAIT",
        "CLOSE",
        "CLOSE_WAIT",
        "LAST_ACK",
        "LISTEN",
        "CLOSING",
    ],
    int,
]
"""Every socket is in exactly one."""


EphemeralRecord = dict[Literal["low", "high", "reserved", "excluded", "capacity"], int]
"""The ports that connect() chooses from."""


class TimeWaitReuseRecord(TypedDict):
    mode: Literal[0, 1, 2]
    """tcp_tw_reuse: 0 off, 1 on, 2 on loopback only."""
    delay_ms: int
    timestamps: bool
    """Whether TCP timestamps are on; without them nothing is reused."""


class TimeWaitRecord(TypedDict):
    count: int
    hold_seconds: float
    """How long a TIME-WAIT lasts, at the earliest; no sysctl changes it."""
    closing_per_second: float
    """How many sockets go into TIME-WAIT per second of late, by those that are there: a rate, where
    closed_per_second is a history."""
    closed_per_second: list[int]
    """By age in whole seconds, newest first; older than 60 s is in the last."""
    freed_per_second: list[int]
    """By remaining time in whole seconds, soonest first."""
    reuse: TimeWaitReuseRecord


NonzeroStatesRecord = dict[
    Literal[
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECV",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "TIME_WAIT",
        "CLOSE",
        "CLOSE_WAIT",
        "LAST_ACK",
        "CLOSING",
    ],
    int,
]


class PatternRecord(TypedDict):
    """What a pattern has, wherever it is told."""

    direction: Literal["outgoing", "incoming", "other"]
    local_ip: str
    local_port: int | None
    """Of an incoming pattern, else None."""
    remote_ip: str
    remote_port: int | None
    """Of an outgoing pattern, else None."""
    states: NonzeroStatesRecord
    time_wait: int
    in_use: int
    """Ephemeral ports held, in any state; of an incoming pattern the peer's."""
    capacity: int
    free: int
    reusable: int
    """Ports in TIME-WAIT that tcp_tw_reuse lets connect() take now."""
    locked: int
    """Ports that connect() cannot have: in_use without the reusable ones."""
    connectable: int | None
    """How many more connect() calls would find a port now; None but for an outgoing pattern: the
    others use no port of this host's."""
    utilization: float
    """in_use / capacity."""
    process: str | None
    on_other_devices: int
    """Sockets that are bound to other devices (SO_BINDTODEVICE, VRFs) than those whose ports are
    counted here: each device has its own, and the fullest is counted."""


class RemoteRecord(TypedDict):
    ip: str
    """The same as remote_ip, by its first name."""
    total: int
    """The same as sockets, by its first name."""
    states: NonzeroStatesRecord
    remote_ip: str
    sockets: int
    """How many there are, whatever their state; the listeners are not counted."""


class ListenerRecord(TypedDict):
    local_ip: str
    port: int
    """The same as local_port, by its first name."""
    backlog: int
    """Connections that wait to be accepted."""
    backlog_limit: int | None
    """How many may wait, as listen() was told; None where it is not known, as of a copy."""
    uid: int
    process: str | None
    local_port: int


class SysctlRecord(TypedDict):
    name: str
    value: str | None
    """The file's text; None if it is missing or may not be read."""
    default: str | None
    """The kernel's own; None where memory decides or where there is none."""
    meaning: str


class SocketRecord(TypedDict):
    local_ip: str
    local_port: int
    remote_ip: str
    remote_port: int
    state: Literal[
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECV",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "TIME_WAIT",
        "CLOSE",
        "CLOSE_WAIT",
        "LAST_ACK",
        "CLOSING",
    ]
    timer: str | None
    """What the kernel waits for, None for nothing."""
    remaining_seconds: float | None
    """Until that timer runs out."""
    age_seconds: float | None
    """How long it has been in TIME-WAIT; None in any other state."""
    rx_queue: int
    tx_queue: int
    uid: int
    inode: int
    """0 where the kernel has none to tell, as in TIME-WAIT."""
    process: str | None


class ReportJson(TypedDict):
    """`twtop report --json`: The TCP sockets of one network namespace at one time, and what they do
    to its ephemeral ports."""

    schema: Literal["twtop.report/1"]
    time: str | None
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    states: StatesRecord
    ephemeral: EphemeralRecord
    time_wait: TimeWaitRecord
    patterns: list[PatternRecord]
    """Every socket but the listeners is in exactly one; greatest in_use first."""
    remote_ips: list[RemoteRecord]
    """Every socket but the listeners is in exactly one; greatest total first."""
    listeners: list[ListenerRecord]
    sysctls: list[SysctlRecord]
    counters: dict[str, int]
    """By the kernel's names: sockstat, sockstat6, netstat TcpExt, snmp Tcp, conntrack."""
    sockets: NotRequired[list[SocketRecord]]
    """With -d only: every socket but the listeners, in the order of their patterns."""


class AuditReadingRecord(TypedDict):
    time: str | None
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]


class FindingRemedyRecord(TypedDict):
    what: str
    command: str | None
    """For a shell; what is in CAPITALS is to be filled in."""
    not_if: str | None
    """When not to do it; None where nothing speaks against it."""


class FindingRecord(TypedDict):
    code: str
    """Which rule; never changes."""
    severity: Literal["critical", "warning", "info"]
    subject: str
    """What it is about; the same in each reading."""
    message: str
    evidence: dict[str, float | str]
    """The numbers that it rests on."""
    advice: str
    """The remedies as text; empty without any."""
    remedies: list[FindingRemedyRecord]
    """What to do, the best first."""


class AuditFindingRecord(FindingRecord):
    place: NotRequired[PlaceRecord]
    """With -N all only."""


class AuditAtOtherTimeRecord(TypedDict):
    place: PlaceRecord
    code: str
    """That of when it was gravest, as are severity and message."""
    severity: Literal["critical", "warning"]
    subject: str
    """What it is about; the same in each reading."""
    message: str
    time: str
    """The first moment at which it was as grave."""
    since: str
    """The first moment at which it was there."""
    until: str
    """The last one."""
    spells: int
    """How often it came."""


class AuditJson(TypedDict):
    """`twtop audit --json`: What is wrong, what it means, and what to do; the gravest first. With
    -N all time is that of the last place, place and source are None, and readings has them."""

    schema: Literal["twtop.audit/1"]
    time: str | None
    place: PlaceRecord | None
    source: SourceRecord | None
    assumed: NotRequired[list[str]]
    readings: NotRequired[list[AuditReadingRecord]]
    """With -N all only: every place that was looked at, also those without a finding."""
    findings: list[AuditFindingRecord]
    at_other_times: NotRequired[list[AuditAtOtherTimeRecord]]
    """With --from only: warnings and critical findings that were there at other moments of the
    recording, unless one as grave is in findings; the gravest first."""


class BundleRecordingRecord(TypedDict):
    """What was recorded before."""

    files: list[str]
    since: str | None
    left_out: str | None
    """Why there is none."""


class BundleJson(TypedDict):
    """`about.json of twtop bundle`: Where a bundle comes from; report.json beside it says how it
    was read."""

    schema: Literal["twtop.bundle/1"]
    time: str | None
    place: PlaceRecord
    source: None
    """Of no one reading, so None."""
    twtop: str
    python: str
    kernel: str
    host: str | None
    """None where it was redacted."""
    byteorder: Literal["little", "big", None]
    """source.byte_order of a report."""
    complete: bool
    complete_known: bool
    """False of a copy of a copy that had no sockstat: nothing shows whether lines are missing."""
    bound_ports: list[int] | None
    """Ports that are bound and nothing else; None where they are not known."""
    redacted: bool
    user: Literal["root", "unprivileged"]
    recording: NotRequired[BundleRecordingRecord]
    """What was recorded before."""


class DiffPatternsChangedRecord(TypedDict):
    direction: Literal["outgoing", "incoming", "other"]
    local_ip: str
    local_port: int | None
    remote_ip: str
    remote_port: int | None
    in_use: list[int]
    """Before, after."""
    sockets: list[int]
    """Before, after."""


class DiffPatternsRecord(TypedDict):
    came: list[PatternRecord]
    gone: list[PatternRecord]
    changed: list[DiffPatternsChangedRecord]


class DiffFindingsCameRecord(TypedDict):
    code: str
    subject: str


class DiffFindingsGoneRecord(TypedDict):
    code: str
    subject: str


class DiffFindingsRecord(TypedDict):
    """Empty where one of the two is a report, which has none."""

    came: list[DiffFindingsCameRecord]
    gone: list[DiffFindingsGoneRecord]


class DiffJson(TypedDict):
    """`twtop diff --json`: What differs between two moments; time, place and source are those of
    the second."""

    schema: Literal["twtop.diff/1"]
    time: str | None
    place: PlaceRecord
    source: SourceRecord
    times: list[str | None]
    places: list[str]
    states: dict[str, list[int]]
    """Those that differ."""
    patterns: DiffPatternsRecord
    sysctls: dict[str, list[str | None]]
    findings: DiffFindingsRecord
    """Empty where one of the two is a report, which has none."""


class EstablishedJson(TypedDict):
    """`twtop established --json`: Established connections."""

    schema: Literal["twtop.established/1"]
    time: str | None
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    sockets: list[SocketRecord]


class FleetSourceRecord(TypedDict):
    address: str
    """Host and port of the Prometheus."""
    recorded: bool
    """Whether recording rules answered: the figures are as old as their last evaluation."""
    partial: list[str]
    """Why there may be more than was answered, a sentence each."""
    requests: int
    seconds: float
    """Spent waiting for the answers."""
    samples: int | None
    """Samples that Prometheus read for them; None where it does not say."""


class FleetSilentRecord(TypedDict):
    labels: dict[str, str]
    why: Literal["down", "gone"]


class FleetTupleRecord(TypedDict):
    labels: dict[str, str]
    local_ip: str
    remote_ip: str
    remote_port: int | None
    in_use: int
    capacity: int
    reusable: int
    locked: int
    connectable: int
    utilization: float
    exhaustion_seconds: float | None
    process: str | None


class FleetPlaceFindingRecord(TypedDict):
    code: str
    severity: Literal["critical", "warning"]
    times: int


class FleetPlaceRecord(TypedDict):
    labels: dict[str, str]
    locked_ratio: float | None
    exhaustion_seconds: float | None
    worst: FleetTupleRecord | None
    """Its fullest tuple; None where none has series of its own."""
    findings: list[FleetPlaceFindingRecord]
    """Those above information, the gravest first."""
    doubt: Literal["not_read", "old", "in_part", "assumed", "not_told", None]
    """Why it is not seen whole; None where it is."""


class FleetGroupRecord(TypedDict):
    name: str
    """The label's value, blank for hosts without it."""
    locked_ratio: float | None
    hosts: int
    silent: int
    critical: int
    """Findings."""
    warnings: int


class FleetJson(TypedDict):
    """`twtop fleet --json`: All hosts that a Prometheus has twtop's metrics from, the worst
    first."""

    schema: Literal["twtop.fleet/1"]
    time: str
    """Prometheus's time of all of it, ISO 8601 in UTC."""
    place: None
    """Of no one place, so None."""
    source: FleetSourceRecord
    hosts: int
    """Hosts that tell something."""
    cut: bool
    """Whether there may be further places, with fewer ports locked than those told."""
    silent: list[FleetSilentRecord]
    """Hosts that tell nothing: down cannot be scraped, gone was there within the hour."""
    places: list[FleetPlaceRecord]
    tuples: list[FleetTupleRecord]
    """The worst tuple of each place and the fullest of all, the fullest first."""
    by: str
    """The label of the groups."""
    groups: list[FleetGroupRecord]


class FreeJson(TypedDict):
    """`twtop free --json`: Ports that were given back by ending sockets. time and source are those
    of the list that was made before."""

    schema: Literal["twtop.free/1"]
    time: str
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    matched: int
    freed: int
    connectable_before: int
    connectable_after: int
    dry_run: bool


class KeepJson(TypedDict):
    """`twtop keep --json`: One check of a destination that is kept below a level; a line each
    interval."""

    schema: Literal["twtop.keep/1"]
    time: str
    place: PlaceRecord
    source: None
    """Of no one reading, so None."""
    in_use: int
    capacity: int
    freed: int
    short: int
    """How many more would have had to end, and were too young or no TIME-WAITs."""


class ListenJson(TypedDict):
    """`twtop listen --json`: Listening sockets, by port."""

    schema: Literal["twtop.listen/1"]
    time: str | None
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    listeners: list[ListenerRecord]


class PatternsJson(TypedDict):
    """`twtop patterns --json`: Who talks to whom, most ports in use first."""

    schema: Literal["twtop.patterns/1"]
    time: str | None
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    ephemeral: EphemeralRecord
    patterns: list[PatternRecord]


class PerIpJson(TypedDict):
    """`twtop per-ip --json`: Sockets by remote IP, most sockets first."""

    schema: Literal["twtop.per-ip/1"]
    time: str | None
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    remote_ips: list[RemoteRecord]


class PortRecord(TypedDict):
    port: int
    """The service's: the remote one of outgoing connections, else the local one."""
    direction: Literal["outgoing", "incoming", "other"]
    total: int
    """The same as sockets, by its first name."""
    states: NonzeroStatesRecord
    sockets: int


class PerPortJson(TypedDict):
    """`twtop per-port --json`: Sockets by service port, most sockets first."""

    schema: Literal["twtop.per-port/1"]
    time: str | None
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    ports: list[PortRecord]


PlaceRowFindingsRecord = dict[Literal["critical", "warning", "info"], int]
"""How many findings of each severity; None where the place was not dumped, for then nothing was
looked into."""


class PlaceRowRecord(TypedDict):
    id: int | None
    """The namespace's inode; None for a copy, and where it may not be asked."""
    kind: Literal["host", "container", "pod", "machine", "named", "process", "copy"]
    name: str
    container: str | None
    """The containers that share it, joined by a comma and a space."""
    pid: int | None
    """A process in it; None for a namespace that only a file keeps."""
    sockets: int | None
    """TCP sockets by sockstat; None where that could not be read."""
    time_wait: int | None
    dumped: bool
    """False where the sockets were not read: use is an upper bound then."""
    low: int
    high: int
    reuse_mode: Literal[0, 1, 2]
    assumed: list[str]
    """Sysctls that could not be read and stand at the kernel's default."""
    worst: PatternRecord | None
    """The outgoing pattern nearest to its end, as in twtop report --json; None where there is none
    or the place was not dumped."""
    utilization_at_most: float | None
    """in_use / capacity of its fullest tuple, or an upper bound of it; None where nothing is
    known."""
    findings: PlaceRowFindingsRecord | None
    """How many findings of each severity; None where the place was not dumped, for then nothing was
    looked into."""


class PlacesJson(TypedDict):
    """`twtop places --json`: The network namespaces of one machine, the worst first."""

    schema: Literal["twtop.places/1"]
    time: str
    """When they were looked at; of a recording its moment."""
    place: None
    """Of several, so None."""
    source: None
    """Of no one reading, so None."""
    missing: list[str]
    """Why there may be places that were not seen, or of a recording why a place may have been worse
    than its row says; a sentence each."""
    places: list[PlaceRowRecord]


class PlanLoadRecord(TypedDict):
    local_ip: str | None
    remote_ip: str | None
    remote_port: int | None
    rate: float
    """New connections per second."""
    rate_from: str
    lifetime: float
    """Seconds."""
    lifetime_from: str
    held: int
    notes: list[str]


class PlanOptionRecord(TypedDict):
    code: str
    name: str
    verdict: Literal["works", "slow", "fails"]
    """works: at most half of the ports are needed. slow: more, so connect() takes long. fails:
    there are too few."""
    ports_needed: int
    capacity: int
    utilization: float
    sustainable_rate: float | None
    """Connections per second above which it fails; None for no limit."""
    fast_rate: float | None
    """Up to which it works; None for no limit."""
    ports_per_tuple: int
    tuples: int
    hold_seconds: float
    """How long a connection takes its port: its lifetime and what follows."""
    requests_per_connection: float | None
    """None for as many as come."""
    commands: list[str]
    requires: str
    wrong_when: str
    note: str


class PlanRefusedRecord(TypedDict):
    code: str
    name: str
    why: str


class PlanJson(TypedDict):
    """`twtop plan --json`: Which changes would give a load enough ports."""

    schema: Literal["twtop.plan/1"]
    time: str | None
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    load: PlanLoadRecord
    today: PlanOptionRecord
    options: list[PlanOptionRecord]
    refused: list[PlanRefusedRecord]
    """What does not help."""


class RefusalsPlaceRecord(TypedDict):
    name: str
    kind: None
    id: int


class RefusalsJson(TypedDict):
    """`twtop refusals --json`: A tuple that the kernel refused, and how often in the last second;
    the counts of all lines are all refusals."""

    schema: Literal["twtop.refusals/1"]
    time: str
    place: PlaceRecord | RefusalsPlaceRecord | None
    """None where it is not known; another namespace has its number for a name."""
    source: None
    """Of no one reading, so None."""
    call: Literal["connect", "bind", None]
    pid: int | None
    process: str | None
    local_ip: str | None
    remote_ip: str | None
    remote_port: int | None
    count: int


class RunDestinationRecord(TypedDict):
    remote_ip: str
    remote_port: int
    connections: int
    """Those that were seen: what comes and goes between two looks is not."""
    time_waits: int
    """Left in TIME-WAIT."""
    peak_in_use: int
    capacity: int
    peak_at: str | None
    exhausted_at: str | None
    """None where it was never."""
    refused: NotRequired[int | None]
    """As below."""


class RunJson(TypedDict):
    """`twtop run --json FILE`: What a command cost in ports. time and source are those of the last
    look."""

    schema: Literal["twtop.run/1"]
    time: str
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    command: list[str]
    exit_code: int
    started: str
    duration_seconds: float
    connections: int
    """All that were made in this network namespace, whoever made them, as the kernel counted them:
    at least those of the destinations together."""
    time_waits: int
    destinations: list[RunDestinationRecord]
    """Most connections first."""
    refused: int | None
    """connect() calls that found no port, as the kernel counted them; None where it was not
    asked."""


class SimulateTargetRecord(TypedDict):
    name: str
    ip: str
    port: int
    place: Literal["loopback", "here", "neighbour", "elsewhere"]


class SimulatePlanRecord(TypedDict):
    loops: int
    rate: float | None
    """None for as fast as it goes."""
    concurrency: int
    seconds: float
    hold: bool
    bind_first: bool
    keep_going: bool
    timeout: float


class SimulateLimitsRecord(TypedDict):
    files: int
    files_hard: int
    files_open: int
    buckets: int | None
    time_waits: int
    conntrack: int | None
    conntrack_max: int | None


class SimulateExpectedRecord(TypedDict):
    error: str | None
    """None for no wall."""
    connection: int | None
    because: str
    slow_from: int | None


class SimulateResultWallRecord(TypedDict):
    error: str
    call: str
    connection: int
    exact: bool
    seconds: float
    why: str


class SimulateResultKeptByRecord(TypedDict):
    by: str
    why: str


class SimulateResultLatencyRecord(TypedDict):
    p50: float
    p99: float
    max: float


class SimulateResultPortsRecord(TypedDict):
    capacity: int
    in_use: int
    utilization: float


class SimulateResultRecord(TypedDict):
    wall: SimulateResultWallRecord | None
    kept_by: SimulateResultKeptByRecord | None
    stopped_by: str | None
    connected: int
    attempted: int
    errors: dict[str, int]
    seconds: float
    rate: float
    latency: SimulateResultLatencyRecord | None
    ports: SimulateResultPortsRecord
    time_wait: int
    fin_wait2: int
    server_time_wait: int
    resets: int
    closed_by_server: int
    looked_at: int
    counters: dict[str, int]
    kernel_refused: int | None
    left_behind: str


class SimulateJson(TypedDict):
    """`twtop simulate --json`: Which wall was hit. time and source are those of the look at the
    end; times are in seconds."""

    schema: Literal["twtop.simulate/1"]
    time: str
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    target: SimulateTargetRecord
    sources: list[str | None]
    plan: SimulatePlanRecord
    parameters: dict[str, str | None]
    """Sysctls by name."""
    limits: SimulateLimitsRecord
    planned: int
    expected: SimulateExpectedRecord
    result: SimulateResultRecord
    exit_code: Literal[0, 1]


class StatesJson(TypedDict):
    """`twtop states --json`: Sockets by state."""

    schema: Literal["twtop.states/1"]
    time: str | None
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    states: StatesRecord


class TimewaitJson(TypedDict):
    """`twtop timewait --json`: TIME-WAITs by time, and the patterns that have some. The CSV has a
    row for each second of closed_per_second and freed_per_second."""

    schema: Literal["twtop.timewait/1"]
    time: str | None
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    time_wait: TimeWaitRecord
    patterns: list[PatternRecord]


class WatchTimeWaitRecord(TypedDict):
    count: int
    growth: float | None
    """Change per second; None until it is known."""
    closing: float | None
    """The same as closing_per_second, by its first name."""
    freed_next_second: int
    """The first of the report's freed_per_second."""
    reused: float | None
    """Per second, taken over by connect() (TWRecycled); None until it is known."""
    overflowed: float | None
    """Per second, left out for tcp_max_tw_buckets (TCPTimeWaitOverflow); None until it is known."""
    closing_per_second: float | None
    """As in the report, or by the kernel's counter where that knows more: what connect() has taken
    over has no timer."""


class WatchPatternRecord(PatternRecord):
    growth: float | None
    """Change per second of the ports in use; None until it is known."""
    seconds_left: float | None
    """Until no port is left, if it goes on as it does: 0 is now; None where outlook is not
    runs_out."""
    outlook: Literal["runs_out", "never", "unknown", "untracked"]
    """runs_out: in seconds_left. never: not as it goes on, and always so but for outgoing patterns.
    unknown: seen once only, or not all could be read. untracked: it is not among the 512
    fullest."""


class WatchJson(TypedDict):
    """`twtop watch`: A moment of a place that is watched; a line each interval."""

    schema: Literal["twtop.watch/1"]
    time: str
    place: PlaceRecord
    source: SourceRecord
    assumed: list[str]
    states: StatesRecord
    time_wait: WatchTimeWaitRecord
    patterns: list[WatchPatternRecord]
    """The fullest; --top says how many."""
