from dataclasses import replace

import pytest

from tests.simulate.scene import (
    HERE,
    LIMITS,
    PLAN,
    evidence,
    half_closed,
    held,
    open_ones,
    situation,
    time_waits,
    with_hold,
    with_parameter,
)
from tests.tables import Sock
from tui.simulate.summary import to_text
from tui.simulate.surroundings import Evidence
from tui.simulate.wall import find_wall

FAR = "10.9.9.9"
FULL = time_waits(1000)


def why(seen: Evidence) -> str:
    wall = find_wall(seen)
    assert wall is not None
    return wall.why


def test_none() -> None:
    assert find_wall(evidence(situation())) is None


def test_which_where_and_when() -> None:
    wall = find_wall(evidence(situation(), *FULL, error="EADDRNOTAVAIL", seconds=0.25))
    assert wall is not None
    assert (wall.error, wall.call, wall.connection) == ("EADDRNOTAVAIL", "connect", 1001)
    assert wall.seconds == 0.25


def test_ports_without_reuse() -> None:
    text = why(evidence(situation(), *FULL, error="EADDRNOTAVAIL"))
    assert text == (
        "All 1,000 ports (40000–40999) from 127.0.0.1 to 127.0.0.1:5001 were taken: 1,000 in "
        "TIME-WAIT. There is no reuse with tcp_tw_reuse = 0, so each comes back 60–62 s after "
        "its close: 16/s could be sustained."
    )


def test_ports_of_a_kernel_with_another_time_wait() -> None:
    text = why(evidence(with_hold(situation(), 15), *FULL, error="EADDRNOTAVAIL"))
    assert "each comes back 15 s after its close" in text
    assert "60 s" not in text


def test_ports_that_are_open() -> None:
    seen = evidence(situation(), *open_ones(400), *FULL[400:], error="EADDRNOTAVAIL")
    assert "600 in TIME-WAIT, 400 in other states." in why(seen)


@pytest.mark.parametrize("reuse", [0, 1])
def test_a_server_that_does_not_close(reuse: int) -> None:
    before = with_parameter(situation(reuse=reuse), "net.ipv4.tcp_fin_timeout", "5")
    text = why(evidence(before, *half_closed(1000), error="EADDRNOTAVAIL"))
    assert text == (
        "All 1,000 ports (40000–40999) from 127.0.0.1 to 127.0.0.1:5001 were taken: 1,000 in "
        "FIN-WAIT-2. The server has not closed its side of the connections: such a port comes back "
        "tcp_fin_timeout = 5 s after our close, and never by reuse. Fix the server: it should "
        "close what its client has closed."
    )
    bound = replace(before, plan=replace(PLAN, bind_first=True))
    text = why(evidence(bound, *half_closed(1000), error="EADDRINUSE", call="bind"))
    assert "1,000 in FIN-WAIT-2. A port chosen by bind()" in text
    assert text.endswith("Fix the server: it should close what its client has closed.")


def test_a_server_that_closes_most() -> None:
    seen = evidence(situation(), *half_closed(200), *FULL[200:], error="EADDRNOTAVAIL")
    assert "800 in TIME-WAIT, 200 in FIN-WAIT-2. There is no reuse" in why(seen)


def test_ports_of_several_sources() -> None:
    sources = ("127.0.0.2", "127.0.0.3")
    before = situation(sources=sources, plan=replace(PLAN, sources=sources))
    taken = [sock for source in sources for sock in time_waits(1000, source)]
    text = why(evidence(before, *taken, connected=2000, error="EADDRNOTAVAIL"))
    assert text.startswith("127.0.0.2 had all its 1,000 ports (40000–40999) to ")
    assert "taken, and the other source too, or nearly all: " in text
    assert "2,000 in TIME-WAIT" in text
    assert "32/s could be sustained" in text


def test_ports_of_three_sources() -> None:
    sources = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    before = situation(sources=sources, plan=replace(PLAN, sources=sources))
    taken = [sock for source in sources for sock in time_waits(1000, source)]
    text = why(evidence(before, *taken, connected=3000, error="EADDRNOTAVAIL"))
    assert "and the other 2 sources too, or nearly all: " in text


def test_a_source_that_is_not_known() -> None:
    before = situation(sources=(None,))
    assert "from any address to" in why(evidence(before, *FULL, error="EADDRNOTAVAIL"))


def test_ports_with_reuse_too_late() -> None:
    seen = evidence(situation(reuse=1), *FULL, error="EADDRNOTAVAIL", seconds=0.04)
    assert "tcp_tw_reuse = 1 gives a port back after 1.0 s, and they were used up in 40 ms" in why(
        seen
    )


def test_ports_that_are_held() -> None:
    text = why(evidence(held(situation()), *FULL, error="EADDRNOTAVAIL"))
    assert "taken: by open connections. Held connections keep their ports" in text


def test_ports_taken_by_what_nothing_shows() -> None:
    text = why(evidence(situation(), *time_waits(20), connected=20, error="EADDRNOTAVAIL"))
    assert text.startswith("Only 20 of 1,000 ports are seen in use.")
    assert "address" not in text


def test_more_connections_than_ports() -> None:
    seen = evidence(
        situation(),
        *FULL,
        connected=1200,
        error="EADDRNOTAVAIL",
        closed_by_server=25,
        looked_at=150,
    )
    assert why(seen).endswith("200 connections more got through, because the server closed some "
        "first, which leaves the TIME-WAIT with it.")  # fmt: skip


def test_a_source_that_went_away() -> None:
    before = situation(plan=replace(PLAN, sources=(HERE,)))
    seen = evidence(before, error="EADDRNOTAVAIL", call="bind", connected=3)
    assert "127.0.0.1 is no longer an address of this host" in why(seen)


@pytest.mark.parametrize("taken", [[], FULL])
def test_an_address_that_is_not_there_is_not_a_lack_of_ports(taken: list[Sock]) -> None:
    """However many ports are in use: those may be another address's."""
    before = situation(*taken, sources=(None,))
    gone = evidence(before, *taken, connected=0, error="EADDRNOTAVAIL", sourceless=True)
    assert why(gone) == "The address is the problem, not the ports: lo has no 127.0.0.1."


def test_bind() -> None:
    before = situation(plan=replace(PLAN, bind_first=True, sources=(HERE,)))
    text = why(evidence(before, *FULL, error="EADDRINUSE", call="bind"))
    assert text.startswith("bind() found none of 1,000 ports on 127.0.0.1 free: 1,000 in TIME-WAIT")
    assert "IP_BIND_ADDRESS_NO_PORT" in text


def test_descriptors() -> None:
    text = why(evidence(situation(), error="EMFILE", call="socket"))
    assert "the 1,024 descriptors that RLIMIT_NOFILE allows (hard limit 4,096)" in text
    assert "ulimit -n" in text
    assert "fs.file-max" in why(evidence(situation(), error="ENFILE", call="socket"))


def timed_out(**more: object) -> str:
    counters = {"nf_conntrack_count": 5, "nf_conntrack_max": 100} | more.pop("counters", {})  # type: ignore[operator]
    return why(evidence(situation(), error="ETIMEDOUT", counters=counters, **more))  # type: ignore[arg-type]


def test_a_full_accept_queue() -> None:
    text = timed_out(server_events={"ListenOverflows": 7, "ListenDrops": 7}, accept_queue=129)
    assert text.startswith("connect() got no answer within 3.0 s.")
    assert "ListenOverflows rose by 7, and 129 connections still waiting to be accepted." in text


def test_a_full_request_queue() -> None:
    text = timed_out(server_events={"TCPReqQFullDrop": 2, "ListenDrops": 2})
    assert "TCPReqQFullDrop rose by 2. tcp_max_syn_backlog" in text
    assert "ListenDrops rose by 1" in timed_out(server_events={"ListenDrops": 1})


def test_a_full_conntrack_table() -> None:
    text = timed_out(counters={"nf_conntrack_count": 99, "nf_conntrack_max": 100}, server_events={})
    assert "conntrack table is full, 99 of 100 entries" in text


def test_a_server_here_that_dropped_nothing() -> None:
    why = timed_out(server_events={"ListenOverflows": 0})
    assert "nft list ruleset" in why
    assert "nothing answers" in why  # nothing that was looked at proves a firewall


def test_a_server_elsewhere() -> None:
    text = timed_out(events={"TCPSynRetrans": 4})
    assert "4 SYNs went out a second time." in text
    assert "nstat -az TcpExtListenOverflows" in text
    assert "dmesg | grep conntrack" in text
    assert "NAT" in text


@pytest.mark.parametrize(
    ("error", "connected", "said"),
    [
        ("ECONNREFUSED", 0, "Nothing listens on 127.0.0.1:5001"),
        ("ECONNREFUSED", 7, "accepted 7 connections and then refused"),
        ("ENOBUFS", 0, "connect() got no memory from the kernel"),
        ("ENOMEM", 0, "net.ipv4.tcp_mem"),
        ("ENETUNREACH", 0, "There is no route to 127.0.0.1"),
        ("EHOSTUNREACH", 0, "no host on the link answers"),
        ("EPERM", 0, "nft list ruleset"),
        ("EACCES", 0, "forbidden"),
        ("EINVAL", 0, "connect() failed: Invalid argument."),
        ("ENONSENSE", 0, "connect() failed: ENONSENSE."),
        ("EADDRINUSE", 0, "connect() failed: Address already in use."),
    ],
)
def test_the_rest(error: str, connected: int, said: str) -> None:
    assert said in why(evidence(situation(), error=error, connected=connected))


def test_the_memory_in_use() -> None:
    seen = evidence(situation(), error="ENOBUFS", connected=0, counters={"mem": 1234})
    assert "TCP is using 1,234 pages" in why(seen)


def test_others_still_connect_while_one_has_failed() -> None:
    seen = evidence(situation(), *FULL, error="EADDRNOTAVAIL")
    early = replace(seen.outcome.first_failure, number=960)  # type: ignore[type-var]
    stopped = replace(seen, outcome=replace(seen.outcome, first_failure=early))
    assert find_wall(stopped).connection == 1001  # type: ignore[union-attr]
    going = replace(situation(), plan=replace(PLAN, keep_going=True), limits=LIMITS)
    wall = find_wall(replace(stopped, situation=going))
    assert wall is not None
    assert (wall.connection, wall.exact) == (960, True)


@pytest.mark.parametrize(
    ("keep_going", "concurrency", "exact"), [(True, 8, False), (True, 1, True), (False, 8, True)]
)
def test_where_several_go_on_the_number_is_about_right(
    keep_going: bool, concurrency: int, exact: bool
) -> None:
    plan = replace(PLAN, keep_going=keep_going, concurrency=concurrency)
    seen = evidence(situation(plan=plan), *FULL, error="EADDRNOTAVAIL")
    assert find_wall(seen).exact is exact  # type: ignore[union-attr]
    title = to_text(seen, lambda text, colour: text, 100).splitlines()[0]
    assert ("at about connection 1,001" in title) is not exact


def test_loopback_reuse_towards_another_host() -> None:
    before = situation(reuse=2, ip=FAR, sources=("10.0.0.1",))
    text = why(evidence(before, *time_waits(1000, "10.0.0.1", FAR), error="EADDRNOTAVAIL"))
    assert "no reuse with tcp_tw_reuse = 2, which is for loopback" in text
