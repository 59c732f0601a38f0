from tests.findings.situations import (
    HTTPS,
    accepted,
    advice,
    found,
    look,
    only,
    opens,
    served,
)
from tests.tables import Sock, listener
from tui.findings.config import Config, RemoteShare
from tui.findings.finding import Severity


def clients(count: int, each: int = 1) -> list[Sock]:
    return [s for n in range(count) for s in accepted(each, f"10.3.0.{n + 1}", inode=1000 * n + 9)]


class TestShare:
    def test_one_client_with_half_of_all(self) -> None:
        finding = only("remote-share", look(HTTPS, *accepted(200), *clients(10, 20)))
        assert (finding.severity, finding.subject) == (Severity.WARNING, "10.0.0.77")
        assert finding.evidence == {
            "connections": 200,
            "of_all": 400,
            "share": 0.5,
            "incoming": 200,
            "time_wait": 0,
            "remote_ips": 11,
        }
        assert str(finding.pattern) == "10.0.0.5:443 ← 10.0.0.77"
        assert "iptables -I INPUT -p tcp --syn -s 10.0.0.77 " in advice(finding)

    def test_its_time_waits_count(self) -> None:
        finding = only("remote-share", look(HTTPS, *served(250), *clients(10)))
        assert finding.evidence["time_wait"] == 250

    def test_less_than_half_is_not(self) -> None:
        assert not found("remote-share", look(HTTPS, *accepted(200), *clients(10, 21)))

    def test_nor_is_half_of_few(self) -> None:
        assert not found("remote-share", look(HTTPS, *accepted(199), *clients(10)))

    def test_nor_is_one_of_four(self) -> None:
        assert not found("remote-share", look(HTTPS, *accepted(200), *clients(3)))
        assert found("remote-share", look(HTTPS, *accepted(200), *clients(4)))

    def test_what_goes_out_is_only_worth_knowing(self) -> None:
        finding = only("remote-share", look(HTTPS, *opens(300), *clients(10)))
        assert finding.severity == Severity.INFO
        assert finding.evidence["incoming"] == 0

    def test_loopback_is_no_remote(self) -> None:
        local = opens(300, "127.0.0.1", local="127.0.0.1")
        assert not found("remote-share", look(HTTPS, *local, *clients(10)))
        assert not found("remote-share", look(HTTPS, *opens(300, "::1", local="::1"), *clients(10)))

    def test_nor_is_an_address_of_this_host(self) -> None:
        own = opens(300, "10.0.0.5", local="10.0.0.5")
        assert not found("remote-share", look(HTTPS, *own, *clients(10)))

    def test_nor_is_one_that_only_a_listener_shows(self) -> None:
        here = listener("10.0.0.6", 8080)
        assert not found("remote-share", look(HTTPS, here, *opens(300, "10.0.0.6"), *clients(10)))

    def test_nor_do_they_thin_out_the_others(self) -> None:
        own = opens(900, "127.0.0.1", local="127.0.0.1")
        finding = only("remote-share", look(HTTPS, *own, *accepted(200), *clients(10, 20)))
        assert finding.evidence["of_all"] == 400

    def test_one_peer_over_v4_and_mapped_v4_is_one(self) -> None:
        mapped = [Sock("::ffff:10.0.0.5", 443, "::ffff:10.0.0.77", 2000 + n) for n in range(100)]
        finding = only("remote-share", look(HTTPS, *accepted(100), *mapped, *clients(10)))
        assert (finding.subject, finding.evidence["connections"]) == ("10.0.0.77", 200)

    def test_ipv6_is_written_as_it_should(self) -> None:
        six = [Sock("2001:db8::5", 443, "2001:db8::10", 1000 + n) for n in range(250)]
        finding = only(
            "remote-share", look(Sock("::", 443, "::", 0, HTTPS.state), *six, *clients(9))
        )
        assert finding.subject == "2001:db8::10"
        assert "ip6tables" in advice(finding)
        assert "--connlimit-mask 128" in advice(finding)

    def test_the_shares_are_the_users(self) -> None:
        config = Config(remotes=RemoteShare(share=20, connections=50))
        socks = [HTTPS, *accepted(60, "10.3.1.1"), *accepted(60, "10.3.1.2"), *clients(10)]
        assert {one.subject for one in found("remote-share", look(*socks, config=config))} == {
            "10.3.1.1",
            "10.3.1.2",
        }
