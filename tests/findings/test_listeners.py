import pytest

from tests.findings.situations import NGINX, advice, at_once, found, frame_of, look, only
from tests.tables import Sock, listener, rules
from tui.findings.baseline import Baseline, take_baseline
from tui.findings.finding import Finding, Severity
from tui.kernel.sockets import State

SERVICE = listener(port=40500)


class TestInRange:
    def test_a_listener_among_the_ephemeral_ports(self) -> None:
        frame = frame_of(listener("::", 40500, inode=7))
        finding = only("listener-in-range", at_once(frame, owners={7: NGINX}))
        assert (finding.severity, finding.subject) == (Severity.INFO, "[::]:40500")
        assert finding.evidence == {
            "port": 40500,
            "low": 40000,
            "high": 40999,
            "process": "nginx[10]",
        }

    def test_one_outside_is_none(self) -> None:
        assert not found("listener-in-range", look(listener(port=39999), listener(port=41000)))

    def test_one_on_a_reserved_port_is_safe(self) -> None:
        given = rules(40000, 40999, reserved=((40500, 40500),))
        assert not found("listener-in-range", look(listener(port=40500), given=given))

    def test_a_connection_is_no_listener(self) -> None:
        assert not found("listener-in-range", look(Sock(local_port=40500)))

    def test_the_list_of_reserved_ports_is_kept(self) -> None:
        """The command sets the whole list."""
        given = rules(40000, 40999, reserved=((8080, 8080), (40501, 40502)))
        finding = only("listener-in-range", look(listener(port=40500), given=given))
        assert "ip_local_reserved_ports=8080,40500-40502" in advice(finding)

    def test_each_by_itself_so_that_one_can_be_silenced(self) -> None:
        situation = look(listener(port=40500), listener("127.0.0.1", 40500, 2))
        assert [one.subject for one in found("listener-in-range", situation)] == [
            "0.0.0.0:40500",
            "127.0.0.1:40500",
        ]


class TestCost:
    def test_bound_ports_that_take_a_part_of_the_range(self) -> None:
        listening = [listener(port=40000 + n, inode=n + 1) for n in range(4)]
        frame = frame_of(*listening, listener(port=80, inode=99), bound_ports=range(40100, 40106))
        finding = only("bound-ports-cost", at_once(frame))
        assert finding.severity == Severity.WARNING
        assert finding.evidence == {
            "taken": 10,
            "excluded": 10,
            "reserved": 0,
            "listening": 4,
            "bound": 6,
            "capacity": 990,
            "share": 0.01,
        }

    def test_less_than_a_hundredth_costs_nothing(self) -> None:
        assert not found("bound-ports-cost", at_once(frame_of(bound_ports=range(40100, 40109))))

    def test_ports_outside_the_range_cost_nothing(self) -> None:
        assert not found("bound-ports-cost", at_once(frame_of(bound_ports=range(100, 200))))

    def test_reserving_them_brings_none_back(self) -> None:
        """It is somebody's choice then, so no alarm; but the ports are as lost as before."""
        given = rules(40000, 40999, reserved=((40100, 40199),))
        frame = frame_of(listener(port=40100), given=given, bound_ports=range(40100, 40200))
        finding = only("bound-ports-cost", at_once(frame))
        assert finding.severity == Severity.INFO
        assert finding.evidence == {
            "taken": 100,
            "excluded": 0,
            "reserved": 100,
            "listening": 1,
            "bound": 99,
            "capacity": 900,
            "share": 0.1,
        }
        assert "out of ip_local_reserved_ports" in advice(finding)

    def test_reserving_a_few_of_them_quietens_nothing(self) -> None:
        given = rules(40000, 40999, reserved=((40100, 40149),))
        finding = only(
            "bound-ports-cost", at_once(frame_of(given=given, bound_ports=range(40100, 40200)))
        )
        assert finding.severity == Severity.WARNING
        assert (finding.evidence["taken"], finding.evidence["excluded"]) == (100, 50)

    def test_reserved_ports_that_nobody_has_bound_are_not_meant(self) -> None:
        given = rules(40000, 40999, reserved=((40100, 40199),))
        assert not found("bound-ports-cost", at_once(frame_of(listener(port=40100), given=given)))

    def test_reserving_is_not_said_to_be_a_cure(self) -> None:
        text = advice(only("bound-ports-cost", at_once(frame_of(bound_ports=range(40100, 40200)))))
        assert "Reserving the ports protects a daemon" in text
        assert "frees none" in text
        assert "keep their ports in ip_local_reserved_ports" not in text


class TestNew:
    def saved(self, *listeners: Sock) -> Baseline:
        return take_baseline(frame_of(*listeners))

    def test_a_listener_that_was_not_there(self) -> None:
        frame = frame_of(listener(), listener("::1", 8080, inode=7))
        situation = at_once(frame, owners={7: NGINX}, baseline=self.saved(listener()))
        finding = only("new-listener", situation)
        assert (finding.severity, finding.subject) == (Severity.WARNING, "[::1]:8080")
        assert finding.evidence == {"port": 8080, "saved_listeners": 1, "process": "nginx[10]"}
        assert "by nginx[10]" in finding.message

    def test_the_same_ones(self) -> None:
        frame = frame_of(listener(inode=5), listener("::", 443))
        situation = at_once(frame, baseline=self.saved(listener(), listener("::", 443)))
        assert not found("new-listener", situation)

    def test_the_same_port_of_another_address_is_new(self) -> None:
        situation = at_once(frame_of(listener("10.0.0.5")), baseline=self.saved(listener()))
        assert only("new-listener", situation).subject == "10.0.0.5:80"

    def test_plain_and_mapped_are_the_same(self) -> None:
        situation = at_once(
            frame_of(listener("::ffff:10.0.0.5")), baseline=self.saved(listener("10.0.0.5"))
        )
        assert not found("new-listener", situation)

    def test_one_that_is_gone_is_not_new(self) -> None:
        assert not found("new-listener", at_once(frame_of(), baseline=self.saved(listener())))

    def test_nothing_is_new_where_nothing_was_saved(self) -> None:
        assert not found("new-listener", look(listener()))

    def test_all_are_new_where_none_were(self) -> None:
        assert found("new-listener", at_once(frame_of(listener()), baseline=self.saved()))


class TestGone:
    def gone(self, *socks: Sock, saved: Sock = SERVICE, owned: bool = False) -> list[Finding]:
        frame, baseline = frame_of(*socks), take_baseline(frame_of(saved))
        owners = {5: NGINX} if owned else {}
        return found("listener-gone", at_once(frame, owners=owners, baseline=baseline))

    @pytest.mark.parametrize("state", [State.ESTABLISHED, State.TIME_WAIT, State.CLOSE_WAIT])
    def test_a_client_has_its_port(self, state: State) -> None:
        [finding] = self.gone(Sock(local_port=40500, state=state, inode=5), owned=True)
        assert (finding.severity, finding.subject) == (Severity.CRITICAL, "0.0.0.0:40500")
        assert finding.evidence == {
            "port": 40500,
            "held_to": "10.0.0.9:443",
            "state": state.label,
            "process": "nginx[10]",
        }
        assert str(finding.pattern) == "10.0.0.5 → 10.0.0.9:443"
        assert "ip_local_reserved_ports=40500" in advice(finding)

    def test_it_is_there(self) -> None:
        assert not self.gone(SERVICE, Sock(local_port=40500))

    def test_nobody_has_its_port(self) -> None:
        assert not self.gone(Sock(local_port=40501))

    def test_what_it_had_accepted_is_in_nobodys_way(self) -> None:
        """Measured: with SO_REUSEADDR, which the service has, it can listen again."""
        assert not self.gone(Sock(local_port=40500, remote_port=40777))
        several = [Sock(local_port=40500, remote_port=port) for port in (20001, 20002)]
        assert not self.gone(*several), "a client with a range of its own"

    def test_nor_is_a_port_that_connect_never_chooses(self) -> None:
        saved = listener(port=80)
        assert not self.gone(Sock(local_port=80, remote_port=20001), saved=saved)

    @pytest.mark.parametrize(
        ("saved", "local", "told"),
        [
            ("10.0.0.5", "10.0.0.5", True),
            ("10.0.0.6", "10.0.0.5", False),
            ("::", "10.0.0.5", True),
            ("::", "2001:db8::5", True),
            ("0.0.0.0", "2001:db8::5", False),
        ],
    )
    def test_only_where_the_addresses_meet(self, saved: str, local: str, told: bool) -> None:
        remote = "2001:db8::9" if ":" in local else "10.0.0.9"
        held = Sock(local, 40500, remote)
        assert bool(self.gone(held, saved=listener(saved, 40500))) == told

    def test_nothing_was_saved(self) -> None:
        assert not found("listener-gone", look(Sock(local_port=40500)))
