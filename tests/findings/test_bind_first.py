import numpy as np
import pytest

from tests.findings.situations import advice, found, look, only
from tests.tables import Sock, listener, rules, waiting
from tui.analysis.bind_first import DESTINATIONS, USE
from tui.findings.config import BindFirst, Config
from tui.findings.finding import Severity

REMOTES = [f"10.1.0.{n}" for n in range(1, 41)]


def unshared(
    destinations: int, each: int, *, low: int = 40000, local: str = "10.0.0.5"
) -> list[Sock]:
    """As bind() before connect() does: no port twice, whatever the destination."""
    return [Sock(local, low + n, REMOTES[n % destinations]) for n in range(destinations * each)]


def by_chance(destinations: int, each: int, seed: int = 1, *, parity: bool = False) -> list[Sock]:
    """As connect() does: each destination on its own, and one parity of ports first."""
    random = np.random.default_rng(seed)
    ports = range(40000, 41000, 2 if parity else 1)
    return [
        Sock(local_port=int(port), remote=remote)
        for remote in REMOTES[:destinations]
        for port in random.choice(np.array(ports), each, replace=False)
    ]


def test_the_settings_begin_with_what_plan_goes_by() -> None:
    assert BindFirst() == BindFirst(DESTINATIONS, USE)


class TestItFires:
    def test_ports_that_no_two_destinations_share(self) -> None:
        finding = only("bind-before-connect", look(*unshared(3, 130)))
        assert (finding.severity, finding.subject) == (Severity.WARNING, "10.0.0.5")
        assert finding.evidence["destinations"] == 3
        assert finding.evidence["in_use"] == finding.evidence["distinct_ports"] == 390
        assert finding.evidence["shared_ports"] == 0
        chance = 390 - 1000 * (1 - (1 - 0.13) ** 3)
        assert finding.evidence["shared_by_chance"] == round(chance)
        assert "IP_BIND_ADDRESS_NO_PORT" in advice(finding)

    def test_near_the_end_it_is_critical(self) -> None:
        """No destination is full, yet bind() will fail."""
        finding = only("bind-before-connect", look(*unshared(4, 200)))
        assert finding.severity == Severity.CRITICAL
        assert finding.evidence["utilization"] == 0.8

    def test_a_few_that_are_shared_do_not_hide_it(self) -> None:
        others = [Sock(local_port=40000 + n, remote=REMOTES[1]) for n in (0, 4)]
        finding = only("bind-before-connect", look(*unshared(4, 100), *others))
        assert finding.evidence["shared_ports"] == 2

    def test_what_came_in_at_a_port_of_the_range_is_no_port_of_a_client(self) -> None:
        served = [Sock(local_port=40999, remote=remote, remote_port=50_000) for remote in REMOTES]
        socks = [*unshared(3, 130), listener(port=40999), *served]
        assert only("bind-before-connect", look(*socks)).evidence["distinct_ports"] == 390

    def test_each_local_ip_is_judged_by_itself(self) -> None:
        socks = [*unshared(3, 150), *unshared(3, 150, local="10.0.0.6"), *by_chance(3, 1)]
        assert {one.subject for one in found("bind-before-connect", look(*socks))} == {
            "10.0.0.5",
            "10.0.0.6",
        }

    def test_the_parity_tells_as_well(self) -> None:
        """bind() takes odd ports first, of an even range: measured, 300 of 300."""
        socks = [
            Sock(local_port=40001 + 2 * n, remote=REMOTES[n % 4], remote_port=443)
            for n in range(400)
        ]
        evidence = only("bind-before-connect", look(*socks)).evidence
        assert evidence["ports_of_the_other_parity"] == 400

    @pytest.mark.parametrize(("each", "of_the_other"), [((150, 150), 300), ((900, 100), 500)])
    def test_two_destinations_with_the_ports_that_bind_takes(
        self, each: tuple[int, int], of_the_other: int
    ) -> None:
        """Odd ones first, and all in the end."""
        order = [*range(40001, 41000, 2), *range(40000, 41000, 2)]
        remotes = [REMOTES[0]] * each[0] + [REMOTES[1]] * each[1]
        socks = [
            Sock(local_port=port, remote=remote)
            for port, remote in zip(order, remotes, strict=False)
        ]
        evidence = only("bind-before-connect", look(*socks)).evidence
        assert evidence["ports_of_the_other_parity"] == of_the_other


class TestItIsSilent:
    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize(("destinations", "each"), [(3, 110), (10, 40), (30, 11)])
    @pytest.mark.parametrize("parity", [False, True])
    def test_where_connect_chose(
        self, seed: int, destinations: int, each: int, parity: bool
    ) -> None:
        situation = look(*by_chance(destinations, each, seed, parity=parity))
        assert not found("bind-before-connect", situation)

    @pytest.mark.parametrize("each", [150, 250, 260])
    def test_with_two_destinations_that_have_not_met_yet(self, each: int) -> None:
        """Where a kernel gives ports out in their order, of one parity first."""
        order = [*range(40000, 41000, 2), *range(40001, 41000, 2)]
        socks = [Sock(local_port=port, remote=REMOTES[0]) for port in order[:each]]
        socks += [Sock(local_port=port, remote=REMOTES[1]) for port in order[each : 2 * each]]
        assert not found("bind-before-connect", look(*socks))

    @pytest.mark.parametrize("others", [1, 2])
    def test_when_what_has_gone_through_all_ports_gives_them_back(self, others: int) -> None:
        """One parity at a time; the others are in the first one, which it has given back."""
        socks = [waiting(40_001 + 2 * n, 20_000, remote=REMOTES[0]) for n in range(485)]
        for number in range(others):
            ports = range(40_000 + 200 * number, 40_000 + 200 * (number + 1), 2)
            socks += [waiting(port, 25_000, remote=REMOTES[1 + number]) for port in ports[:90]]
        assert not found("bind-before-connect", look(*socks))

    def test_with_few_ports_in_use(self) -> None:
        assert not found("bind-before-connect", look(*unshared(3, 99)))
        assert not found("bind-before-connect", look(*unshared(30, 9)))

    def test_where_chance_too_would_share_next_to_nothing(self) -> None:
        given = rules(40000, 40099)
        assert not found("bind-before-connect", look(*unshared(3, 12), given=given))

    def test_where_one_destination_has_nearly_all(self) -> None:
        one = [Sock(local_port=40000 + n) for n in range(500)]
        few = [Sock(local_port=40600 + n, remote=REMOTES[n]) for n in range(10)]
        assert not found("bind-before-connect", look(*one, *few))

    def test_of_what_comes_in(self) -> None:
        served = [
            Sock(local_port=40500, remote=REMOTES[n % 40], remote_port=40000 + n)
            for n in range(400)
        ]
        assert not found("bind-before-connect", look(*served))

    def test_where_the_user_asks_for_more(self) -> None:
        config = Config(bind_first=BindFirst(destinations=4))
        assert not found("bind-before-connect", look(*unshared(3, 130), config=config))

    def test_where_nothing_can_be_chosen(self) -> None:
        given = rules(40000, 40999, reserved=((40000, 40999),))
        assert not found("bind-before-connect", look(*unshared(3, 130), given=given))
