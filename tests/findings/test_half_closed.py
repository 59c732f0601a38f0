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
    opens,
)
from tests.tables import Sock
from tui.findings.finding import Severity
from tui.findings.situation import Situation
from tui.kernel.processes import Process
from tui.kernel.sockets import State

HELD = State.CLOSE_WAIT
WORKER = Process(11, "nginx")
JAVA = Process(20, "java")


def leak(counts: list[int], seconds: int = 10) -> Situation:
    frames = [
        frame_of(*opens(count, state=HELD, inode=100), second=seconds * n)
        for n, count in enumerate(counts)
    ]
    return after(*frames, owners={100 + n: JAVA for n in range(1000)})


class TestWho:
    def test_a_process_by_name(self) -> None:
        frame = frame_of(*opens(60, state=HELD, inode=100), *opens(5, "10.0.0.8", inode=500))
        finding = only("close-wait-held", at_once(frame, owners={100 + n: JAVA for n in range(99)}))
        assert (finding.severity, finding.subject) == (Severity.WARNING, "java")
        assert finding.message == "java[20] holds 60 CLOSE-WAITs"
        assert finding.evidence["close_wait"] == 60
        assert finding.evidence["pid"] == 20
        assert str(finding.pattern) == "10.0.0.5 → 10.0.0.9:443"
        assert "lsof -nP -a -p 20 " in advice(finding)

    def test_not_one_with_fewer(self) -> None:
        frame = frame_of(*opens(49, state=HELD, inode=100))
        assert not found("close-wait-held", at_once(frame, owners={100: JAVA}))

    def test_nor_one_with_many_that_are_open(self) -> None:
        assert not found("close-wait-held", look(*opens(400, inode=100)))

    def test_nor_two_with_fewer_each(self) -> None:
        frame = frame_of(*opens(80, state=HELD, inode=100))
        owners = {100 + n: JAVA if n % 2 else NGINX for n in range(80)}
        assert not found("close-wait-held", at_once(frame, owners=owners))

    def test_workers_of_one_name_count_together(self) -> None:
        frame = frame_of(*opens(60, state=HELD, inode=100))
        owners = {100 + n: NGINX if n < 40 else WORKER for n in range(60)}
        finding = only("close-wait-held", at_once(frame, owners=owners))
        assert finding.subject == "nginx"
        assert finding.message.startswith("nginx (2 processes) holds 60 ")
        assert (finding.evidence["pid"], finding.evidence["processes"]) == (10, 2)

    def test_one_that_cannot_be_seen_by_its_user(self) -> None:
        socks = [Sock(local_port=40000 + n, state=HELD, uid=33, inode=100 + n) for n in range(50)]
        finding = only("close-wait-held", look(*socks))
        assert finding.subject == "uid 33"
        assert (finding.evidence["uid"], finding.evidence["close_wait"]) == (33, 50)

    def test_nobody_holds_what_was_not_accepted(self) -> None:
        """Measured: a CLOSE-WAIT in the accept queue has inode 0."""
        finding = only("close-wait-held", look(HTTPS, *accepted(50, state=HELD)))
        assert finding.subject == "accept queue of port 443"
        assert (finding.evidence["close_wait"], finding.evidence["port"]) == (50, 443)
        assert "accept()" in finding.message

    def test_across_its_patterns(self) -> None:
        """Each client of a server is a pattern of its own."""
        clients = [
            sock
            for n in range(60)
            for sock in accepted(1, f"10.2.0.{n + 1}", state=HELD, inode=100 + n)
        ]
        frame = frame_of(HTTPS, *clients)
        owners = {100 + n: NGINX for n in range(60)}
        assert only("close-wait-held", at_once(frame, owners=owners)).evidence["close_wait"] == 60


class TestGrowth:
    def test_growing_ones_are_critical(self) -> None:
        finding = only("close-wait-held", leak([50, 60, 70]))
        assert finding.severity == Severity.CRITICAL
        assert finding.evidence["growth_of_all_per_minute"] == 60
        assert "60 more per minute" in finding.message

    def test_steady_ones_are_not(self) -> None:
        finding = only("close-wait-held", leak([70, 71, 72]))
        assert finding.severity == Severity.WARNING
        assert finding.evidence["growth_of_all_per_minute"] == 6

    def test_a_burst_is_no_growth_yet(self) -> None:
        finding = only("close-wait-held", leak([50, 90], seconds=5))
        assert finding.severity == Severity.WARNING
        assert "growth_of_all_per_minute" not in finding.evidence

    def test_a_jump_long_ago_is_not_one_now(self) -> None:
        assert only("close-wait-held", leak([0, 90, 90, 90], 30)).severity == Severity.WARNING

    def test_it_is_put_down_to_those_who_hold_most(self) -> None:
        frames = [
            frame_of(
                *opens(50 + n, state=HELD, inode=100),
                *opens(60, "10.0.0.8", state=HELD, inode=1000),
                *opens(2 * n, "10.0.0.7", state=HELD, inode=2000),
                second=n,
            )
            for n in (0, 50)
        ]
        owners = dict.fromkeys(range(100, 999), JAVA) | dict.fromkeys(range(1000, 1999), NGINX)
        owners |= {i: Process(30, "leak") for i in range(2000, 2999)}
        by_name = {
            one.subject: one for one in found("close-wait-held", after(*frames, owners=owners))
        }
        assert {one.severity for one in by_name.values()} == {Severity.WARNING}, "none has half"
        assert set(by_name) == {"java", "nginx", "leak"}
