"""What may be set, and what is refused with the reason."""

import pytest

from tests.tables import FIXTURES
from tui.acting.applying import HEADER, kept
from tui.acting.sentences import bound_warning
from tui.acting.settings import NUMBERS, RANGE, RESERVED, RefusedError, changes, wanted_by
from tui.analysis.frame import judge
from tui.kernel.places import place_at
from tui.kernel.sockets import State
from tui.kernel.source import Source
from tui.planning.demand import Demand
from tui.planning.remedies import plan
from tui.planning.setting import gather

REUSE = "net.ipv4.tcp_tw_reuse"
PRESENT: dict[str, str | None] = {
    RANGE: "32768 60999",
    RESERVED: "",
    "net.ipv4.tcp_tw_reuse": "2",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_max_tw_buckets": "131072",
    "net.core.somaxconn": "4096",
    "net.ipv4.tcp_tw_timeout": None,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("net.ipv4.tcp_tw_reuse", "1"),
        (RANGE, " 1024\t65535 "),
        (RANGE, "32768 33767"),
        (RESERVED, "8080,9000-9100"),
        (RESERVED, ""),
        ("net.ipv4.tcp_max_tw_buckets", "262144"),
        ("net.ipv4.tcp_timestamps", "1"),
    ],
)
def test_what_is_judged_is_taken(name: str, value: str) -> None:
    (change,) = changes({name: value}, PRESENT)
    assert (change.before, change.after) == (PRESENT[name], " ".join(value.split()))
    assert change.needed == (change.before != change.after)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("net.ipv4.tcp_fin_timeout", "10", "TIME-WAIT .60 s, compiled in"),
        ("net.ipv4.tcp_tw_recycle", "1", "NAT"),
        ("net.ipv4.tcp_max_tw_buckets", "5000", "late segments"),
        ("net.ipv4.tcp_max_tw_buckets", "1", "late segments"),
        ("net.ipv4.tcp_tw_reuse", "3", "0 to 2"),
        ("net.ipv4.tcp_tw_reuse", "", "0 to 2"),
        ("net.ipv4.tcp_tw_reuse", "１", "0 to 2"),
        ("net.ipv4.tcp_timestamps", "0", "tcp_tw_reuse does nothing"),
        ("net.core.somaxconn", "128", "only be raised"),
        (RANGE, "1 65535", "not a range"),
        (RANGE, "60999 32768", "not a range"),
        (RANGE, "1024", "not a range"),
        (RANGE, "40000 40100", "leave connect"),
        (RESERVED, "1-65535", "leave connect"),
        (RESERVED, "x", "not a list"),
        ("net.ipv4.tcp_tw_timeout", "10", "does not have it"),
        ("kernel.panic", "1", "does not change that setting"),
        ("net.ipv4.../kernel.panic", "1", "does not change that setting"),
    ],
)
def test_the_rest_is_refused_in_one_line_with_why(name: str, value: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why) as refused:
        changes({name: value}, PRESENT)
    assert "\n" not in str(refused.value)


def test_ports_that_two_changes_leave_together_are_judged_together() -> None:
    wanted = {RESERVED: "1024-60000", RANGE: "1024 65535"}
    assert len(changes(wanted, PRESENT)) == 2
    with pytest.raises(RefusedError):
        changes({**wanted, RESERVED: "1024-65000"}, PRESENT)


def test_bounds_are_bounds() -> None:
    assert all(bounds.low <= bounds.high and bounds.touches for bounds in NUMBERS.values())


def test_what_a_plan_says_to_set_can_be_applied() -> None:
    """Of a proxy whose ports do not suffice: a wider range over its listeners, and reuse."""
    frame = judge(Source(place_at(FIXTURES / "6.18-proxy/proc"), "proc", 1, one_shot=True).read())
    made = plan(Demand(900, 0.2), gather(frame, "10.0.0.5", "10.0.0.9", 5432))
    present = {parameter.name: parameter.value for parameter in frame.reading.parameters}
    applied = {
        option.code: [change.name for change in changes(wanted, present)]
        for option in made.options
        if (wanted := wanted_by(option.commands))
    }
    assert applied["reuse"] == ["net.ipv4.tcp_tw_reuse"]
    assert applied["range"][-1] == RANGE
    assert "sources" not in applied


def test_a_range_over_listeners_is_warned_of() -> None:
    """The proxy listens below its range; privileged ports are in neither."""
    frame = judge(Source(place_at(FIXTURES / "6.18-proxy/proc"), "proc", 1, one_shot=True).read())
    present = {parameter.name: parameter.value for parameter in frame.reading.parameters}
    warning = bound_warning(frame, changes({RANGE: "1024 65535"}, present))
    listening = set(frame.table.local_port[frame.table.state == State.LISTEN].tolist())
    assert warning is not None
    assert warning.startswith(f"{sum(port > 1023 for port in listening)} port")
    assert bound_warning(frame, changes({RANGE: "32768 65535"}, present)) is None


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["# why", f'sysctl -w {REUSE}=1 {RANGE}="1 2"'], {REUSE: "1", RANGE: "1 2"}),
        ([f"sysctl -w {REUSE}=1", "ip addr add 10.0.0.1/32 dev eth0"], {}),
        ([f"sysctl -w {REUSE}=1 net.ipv4.tcp_fin_timeout=10"], {}),
        (["sudo ss -tn"], {}),
        (
            [f"sysctl -w {RESERVED}=8443 && sysctl -w {RANGE}='1 2'"],
            {RESERVED: "8443", RANGE: "1 2"},
        ),
        ([f"sysctl -w {REUSE}=1 && ip addr add 10.0.0.1/32 dev eth0"], {}),
        ([f"sysctl -w {REUSE}"], {}),
        ([f"sysctl -w {REUSE}='1"], {}),
    ],
)
def test_the_settings_of_a_remedy(lines: list[str], wanted: dict[str, str]) -> None:
    assert wanted_by(lines) == wanted


def test_a_file_keeps_what_it_kept() -> None:
    first = kept(None, changes({"net.ipv4.tcp_tw_reuse": "1"}, PRESENT))
    assert first == HEADER + "net.ipv4.tcp_tw_reuse = 1\n"
    second = kept(first, changes({RANGE: "1024 65535"}, PRESENT))
    assert second == first + f"{RANGE} = 1024 65535\n"
    again = kept(second, changes({"net.ipv4.tcp_tw_reuse": "0"}, PRESENT))
    assert again == second.replace("reuse = 1", "reuse = 0")
