import pytest

from tests.findings.situations import (
    HTTPS,
    NGINX,
    accepted,
    advice,
    after,
    at_once,
    found,
    frame_of,
    look,
    only,
)
from tests.tables import Sock, listener
from tui.findings.finding import Finding, Severity
from tui.findings.situation import Situation
from tui.kernel.sockets import State

SMALL = {"net.core.somaxconn": "128"}


class TestQueueFull:
    def test_as_long_as_any_can_be(self) -> None:
        frame = frame_of(listener(port=443, backlog=128, inode=7), sysctls=SMALL)
        finding = only("listen-queue-full", at_once(frame, owners={7: NGINX}))
        assert (finding.severity, finding.subject) == (Severity.CRITICAL, "0.0.0.0:443")
        assert finding.evidence == {"queue": 128, "somaxconn": 128, "process": "nginx[10]"}

    def test_one_shorter_is_not(self) -> None:
        frame = frame_of(listener(backlog=127), sysctls=SMALL)
        assert not found("listen-queue-full", at_once(frame))

    @pytest.mark.parametrize(("limit", "most"), [(10, 10), (0, 0), (4096, 4096)])
    def test_a_limit_that_is_known_goes_before_somaxconn(self, limit: int, most: int) -> None:
        """One connection more than that, and the kernel drops the next ones."""
        beyond = look(listener(port=443, backlog=most + 1, backlog_limit=limit))
        finding = only("listen-queue-full", beyond)
        assert finding.severity == Severity.CRITICAL
        assert finding.evidence == {"queue": most + 1, "backlog_limit": limit}
        assert not found("listen-queue-full", look(listener(backlog=most, backlog_limit=limit)))

    @pytest.mark.parametrize(
        ("limit", "somaxconn", "raised", "asked"),
        [
            (5, "4096", False, True),
            (4096, "4096", True, True),
            (128, "128", True, True),
            (65_535, "65535", False, False),
            (511, "65535", False, True),
        ],
    )
    def test_the_smaller_of_two_limits_is_to_be_raised(
        self, limit: int, somaxconn: str, raised: bool, asked: bool
    ) -> None:
        frame = frame_of(
            listener(port=443, backlog=limit + 1, backlog_limit=limit),
            sysctls={"net.core.somaxconn": somaxconn},
        )
        text = advice(only("listen-queue-full", at_once(frame)))
        assert ("sysctl -w net.core.somaxconn=16384" in text) == raised
        assert ("passes to listen()" in text) == asked
        assert (f"it is {limit:,} now" in text) == (asked and not raised)

    def test_the_kernels_default_where_the_limit_is_not_known(self) -> None:
        assert not found("listen-queue-full", look(listener(backlog=4095)))
        assert only("listen-queue-full", look(listener(backlog=4096))).evidence["somaxconn"] == 4096

    def test_an_established_socket_with_data_is_no_queue(self) -> None:
        frame = frame_of(Sock(rx_queue=9000), sysctls=SMALL)
        assert not found("listen-queue-full", at_once(frame))

    def test_sockets_that_share_an_address_are_one(self) -> None:
        shared = [listener("::", 80, inode=n, backlog=128 + n) for n in (1, 2)]
        finding = only("listen-queue-full", at_once(frame_of(*shared, sysctls=SMALL)))
        assert (finding.subject, finding.evidence["queue"]) == ("[::]:80", 130)

    def test_a_somaxconn_of_zero_does_not_make_an_empty_queue_full(self) -> None:
        frame = frame_of(listener(), sysctls={"net.core.somaxconn": "0"})
        assert not found("listen-queue-full", at_once(frame))


class TestOverflow:
    def rising(self, name: str, *totals: int, syncookies: str = "1") -> list[Finding]:
        frames = [
            frame_of(
                listener("::1", 80, backlog=5),
                counters={name: total},
                sysctls={"net.ipv4.tcp_syncookies": syncookies},
                second=2 * n,
            )
            for n, total in enumerate(totals)
        ]
        return found("listen-overflow", after(*frames))

    @pytest.mark.parametrize(
        "name", ["ListenOverflows", "ListenDrops", "TCPReqQFullDrop", "TCPReqQFullDoCookies"]
    )
    def test_any_of_the_counters_rises(self, name: str) -> None:
        [finding] = self.rising(name, 10, 13)
        assert finding.severity == Severity.WARNING
        assert finding.evidence == {
            name: 13,
            f"{name}_per_second": 1.5,
            "longest_queue": 5,
            "listener": "[::1]:80",
        }

    def test_none_rises(self) -> None:
        assert not self.rising("ListenOverflows", 10, 10)

    def test_another_one_rises(self) -> None:
        assert not self.rising("TCPTimeouts", 10, 13)

    def test_drops_that_only_tcp_max_syn_backlog_explains(self) -> None:
        """Linux 6.18, cookies off: no queue overflows, and SYNs are dropped all the same."""

        def told(**counters: int) -> str:
            sysctls = {
                "net.ipv4.tcp_syncookies": "0",
                "net.ipv4.tcp_max_syn_backlog": "128",
                "net.core.somaxconn": "4096",
            }
            frame = frame_of(HTTPS, counters=counters, sysctls=sysctls)
            return advice(only("listen-overflow", at_once(frame)))

        dropped = told(ListenDrops=503)
        assert "tcp_syncookies=1" in dropped
        assert "tcp_max_syn_backlog=4096" in dropped
        assert "somaxconn" not in dropped
        assert "accept faster" not in dropped
        assert "accept faster" in told(ListenDrops=503, ListenOverflows=3)

    def test_cookies_that_are_always_sent_tell_nothing(self) -> None:
        assert not self.rising("TCPReqQFullDoCookies", 10, 13, syncookies="2")

    def test_without_a_history_what_happened_once_is_worth_knowing(self) -> None:
        finding = only("listen-overflow", at_once(frame_of(counters={"ListenOverflows": 3})))
        assert finding.severity == Severity.INFO
        assert finding.evidence == {"ListenOverflows": 3}
        assert finding.message.startswith("Since this namespace was created, ")

    def test_with_one_frame_of_it_as_well(self) -> None:
        assert self.rising("ListenOverflows", 3)[0].severity == Severity.INFO

    def test_nothing_ever_happened(self) -> None:
        assert not found("listen-overflow", at_once(frame_of(counters={"ListenOverflows": 0})))


class TestSynRecv:
    def begun(self, count: int, port: int = 443, **sysctls: str) -> Situation:
        half = count // 2
        socks = [
            *accepted(count - half, "10.0.0.77", state=State.SYN_RECV, port=port),
            *accepted(half, "10.0.0.78", state=State.SYN_RECV, port=port),
        ]
        names = {
            "somaxconn": "net.core.somaxconn",
            "syncookies": "net.ipv4.tcp_syncookies",
            "backlog": "net.ipv4.tcp_max_syn_backlog",
        }
        given = {names[name]: text for name, text in sysctls.items()}
        return at_once(frame_of(HTTPS, *socks, sysctls=given))

    def test_many_at_one_port(self) -> None:
        finding = only("syn-recv-spike", self.begun(129))
        assert (finding.severity, finding.subject) == (Severity.WARNING, "port 443")
        assert finding.evidence["syn_recv"] == 129
        assert finding.evidence["remote_ips"] == 2
        assert finding.evidence["busiest_remote_ip"] == "10.0.0.77"
        assert finding.evidence["from_busiest"] == 65
        assert str(finding.pattern) == "10.0.0.5:443 ← 10.0.0.77"

    def test_not_as_many(self) -> None:
        assert not found("syn-recv-spike", self.begun(127))

    def test_half_of_a_small_backlog(self) -> None:
        assert only("syn-recv-spike", self.begun(64, somaxconn="128")).evidence["limit"] == 128
        assert not found("syn-recv-spike", self.begun(63, somaxconn="128"))

    def test_a_tiny_backlog_does_not_make_a_few_many(self) -> None:
        assert not found("syn-recv-spike", self.begun(15, somaxconn="4"))

    def test_the_syn_backlog_counts_without_cookies_alone(self) -> None:
        assert not found("syn-recv-spike", self.begun(50, backlog="100", syncookies="1"))
        finding = only("syn-recv-spike", self.begun(50, backlog="128", syncookies="0"))
        assert finding.evidence["limit"] == 97, "a quarter is kept for peers that were here before"
        assert "tcp_max_syn_backlog" in finding.meaning
        assert "tcp_syncookies=1" in advice(finding)
        assert "tcp_max_syn_backlog=4096" in advice(finding)
        assert "somaxconn" not in advice(finding), "it is long enough"

    def test_a_listeners_own_backlog_counts_where_it_is_known(self) -> None:
        begun = accepted(33, state=State.SYN_RECV, port=443)
        small = [listener(port=443, backlog_limit=64, inode=number) for number in (1, 2)]
        frame = frame_of(small[0], *begun, sysctls={"net.core.somaxconn": "4096"})
        finding = only("syn-recv-spike", at_once(frame))
        assert finding.evidence["limit"] == 64
        assert "it is 64 now" in advice(finding)
        assert "sysctl -w net.core.somaxconn" not in advice(finding)
        assert not found("syn-recv-spike", look(*small, *begun)), "each has a queue of its own"

    def test_full_without_cookies_it_is_critical(self) -> None:
        assert only("syn-recv-spike", self.begun(75, backlog="100", syncookies="0")).severity == 1
        full = only("syn-recv-spike", self.begun(76, backlog="100", syncookies="0"))
        assert (full.severity, full.evidence["tcp_syncookies"]) == (Severity.CRITICAL, 0)
        cookies = only("syn-recv-spike", self.begun(128, somaxconn="128", syncookies="1"))
        assert cookies.severity == Severity.WARNING
        assert "cookies" in cookies.meaning

    def test_each_port_by_itself(self) -> None:
        socks = [
            sock for port in (80, 443) for sock in accepted(100, state=State.SYN_RECV, port=port)
        ]
        assert not found("syn-recv-spike", look(HTTPS, *socks))
