from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.private import Lab
from tui.kernel.parameters import Parameter, read_parameters
from tui.kernel.port_rules import PortRules, port_rules

FIXTURES = Path(__file__).parents[1] / "fixtures"
DEFAULTS = PortRules(
    low=32768, high=60999, reserved=(), reuse_mode=2, reuse_delay_ms=1000, timestamps=True
)
RULING = (
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_tw_reuse_delay",
    "net.ipv4.tcp_timestamps",
)
ODD = list(range(1, 65536, 2))

ports = st.integers(0, 65535)
spans = st.tuples(ports, ports).map(lambda pair: (min(pair), max(pair)))


def parameters(**values: str | None) -> list[Parameter]:
    return [Parameter(f"net.ipv4.{name}", text, None, "") for name, text in values.items()]


def write(root: Path, name: str, content: bytes) -> None:
    path = root / "sys" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def values(root: Path) -> dict[str, str | None]:
    return {parameter.name: parameter.value for parameter in read_parameters(root)}


class TestReading:
    def test_names_and_order_never_change(self, tmp_path: Path) -> None:
        names = [parameter.name for parameter in read_parameters(tmp_path)]
        assert names == [p.name for p in read_parameters(FIXTURES / "6.18-proxy/proc")]
        assert names[0] == "net.ipv4.ip_local_port_range"
        assert names[-1] == "kernel.pid_max"
        assert len(set(names)) == len(names) == 28

    def test_missing_ones_have_no_value(self, tmp_path: Path) -> None:
        assert set(values(tmp_path).values()) == {None}

    def test_unreadable_ones_have_no_value(self, tmp_path: Path) -> None:
        (tmp_path / "sys/kernel/pid_max").mkdir(parents=True)
        assert values(tmp_path)["kernel.pid_max"] is None

    def test_white_space_collapses(self, tmp_path: Path) -> None:
        write(tmp_path, "net/ipv4/ip_local_port_range", b"32768\t60999\n")
        write(tmp_path, "fs/file-nr", b"406\t0\t2466177\n")
        assert values(tmp_path)["net.ipv4.ip_local_port_range"] == "32768 60999"
        assert values(tmp_path)["fs.file-nr"] == "406 0 2466177"

    def test_an_empty_file_is_an_empty_value(self, tmp_path: Path) -> None:
        write(tmp_path, "net/ipv4/ip_local_reserved_ports", b"\n")
        assert values(tmp_path)["net.ipv4.ip_local_reserved_ports"] == ""

    def test_only_dots_separate_folders(self, tmp_path: Path) -> None:
        write(tmp_path, "fs/file-max", b"9\n")
        assert values(tmp_path)["fs.file-max"] == "9"

    def test_a_list_longer_than_a_page_is_whole(self, tmp_path: Path) -> None:
        text = ",".join(map(str, ODD))
        write(tmp_path, "net/ipv4/ip_local_reserved_ports", text.encode())
        assert values(tmp_path)["net.ipv4.ip_local_reserved_ports"] == text

    def test_noise_is_shown_and_not_fatal(self, tmp_path: Path) -> None:
        write(tmp_path, "net/core/somaxconn", b"\xff\x00 1")
        assert values(tmp_path)["net.core.somaxconn"] == "\ufffd? 1"

    def test_meanings_are_one_short_line(self) -> None:
        for parameter in read_parameters(Path("/nowhere")):
            assert 20 < len(parameter.meaning) <= 110
            assert "\n" not in parameter.meaning

    def test_meanings_say_why_there_is_no_default(self) -> None:
        for parameter in read_parameters(Path("/nowhere")):
            if parameter.default is None:
                reasons = ("rom RAM", "Removed", "a count", "only in Alibaba", "Linux 7")
                assert any(reason in parameter.meaning for reason in reasons), parameter.name

    def test_the_common_mistakes_are_contradicted(self) -> None:
        meaning = {p.name.split(".")[-1]: p.meaning for p in read_parameters(Path("/nowhere"))}
        assert "NOT the length of TIME-WAIT" in meaning["tcp_fin_timeout"]
        assert "4.12" in meaning["tcp_tw_recycle"]
        assert "unsafe" in meaning["tcp_max_tw_buckets"]
        assert "Ends no TIME-WAIT" in meaning["nf_conntrack_tcp_timeout_time_wait"]

    def test_a_captured_kernel_stands_at_its_defaults(self) -> None:
        for parameter in read_parameters(FIXTURES / "6.18-idle-host/proc"):
            if None not in (parameter.default, parameter.value):
                assert parameter.value == parameter.default, parameter.name

    def test_an_old_kernel_lacks_what_came_later(self) -> None:
        old = values(FIXTURES / "4.19-old-kernel/proc")
        assert old["net.ipv4.tcp_tw_reuse_delay"] is None
        assert old["net.ipv4.ip_autobind_reuse"] is None
        assert old["net.core.somaxconn"] == "128"
        assert old["net.ipv4.tcp_tw_reuse"] == "0"


class TestPortRules:
    def test_nothing_known_means_defaults(self) -> None:
        assumed = tuple(name for name in RULING if "delay" not in name)
        expected = replace(DEFAULTS, assumed=assumed)
        assert port_rules([]) == expected
        assert port_rules(Parameter(name, None, None, "") for name in RULING) == expected

    def test_all_of_them_are_read(self) -> None:
        rules = port_rules(
            parameters(
                ip_local_port_range="1024 65535",
                ip_local_reserved_ports="8080,9148-9150",
                tcp_tw_reuse="1",
                tcp_tw_reuse_delay="250",
                tcp_timestamps="0",
            )
        )
        assert rules == PortRules(1024, 65535, ((8080, 8080), (9148, 9150)), 1, 250, False)

    def test_timestamps_without_offsets_are_timestamps(self) -> None:
        assert port_rules(parameters(tcp_timestamps="2")).timestamps

    def test_a_range_of_one_port(self) -> None:
        rules = port_rules(parameters(ip_local_port_range="1500 1500"))
        assert (rules.low, rules.high) == (1500, 1500)

    @pytest.mark.parametrize(
        "text",
        [
            "abc", "", "32768", "60999 32768", "0 100", "1024 65536", "1 2 3",
            "1024-2048", "-1 5", "1_0 20", "٣ ٤", pytest.param("9" * 5000, id="too long"),
        ],
    )  # fmt: skip
    def test_an_impossible_range_is_the_default(self, text: str) -> None:
        rules = port_rules(parameters(ip_local_port_range=text))
        assert (rules.low, rules.high) == (32768, 60999)

    @pytest.mark.parametrize(
        "text", ["abc", ",", "5,", "5-", "-5", "7-5", "1--2", "65536", "1-65536", "1 2", "+1"]
    )
    def test_an_impossible_list_reserves_nothing(self, text: str) -> None:
        assert port_rules(parameters(ip_local_reserved_ports=text)).reserved == ()

    @pytest.mark.parametrize("text", ["3", "-1", "x", "", "1.0", "2 2"])
    def test_an_impossible_reuse_is_the_default(self, text: str) -> None:
        assert port_rules(parameters(tcp_tw_reuse=text)).reuse_mode == 2

    @pytest.mark.parametrize("text", ["0", "60001", "-5", "1s"])
    def test_an_impossible_delay_is_the_default(self, text: str) -> None:
        assert port_rules(parameters(tcp_tw_reuse_delay=text)).reuse_delay_ms == 1000

    def test_garbled_files_are_the_defaults(self) -> None:
        rules = port_rules(read_parameters(FIXTURES / "garbled/proc"))
        assert replace(rules, assumed=()) == DEFAULTS
        assert set(rules.assumed) == set(RULING)

    @given(st.lists(spans))
    def test_spans_come_back_as_written(self, expected: list[tuple[int, int]]) -> None:
        text = ",".join(
            f"{first}-{last}" if first < last else f"{first}" for first, last in expected
        )
        rules = port_rules(parameters(ip_local_reserved_ports=text))
        assert rules.reserved == tuple(expected)

    @given(st.lists(st.text() | st.text("0123456789,- "), min_size=5, max_size=5))
    @example(["9" * 5000] * 5)
    def test_no_text_is_fatal(self, texts: list[str]) -> None:
        rules = port_rules(
            Parameter(name, text, None, "") for name, text in zip(RULING, texts, strict=True)
        )
        assert 0 < rules.low <= rules.high <= 65535
        assert all(0 <= first <= last <= 65535 for first, last in rules.reserved)
        assert rules.reuse_mode in range(3)
        assert 1 <= rules.reuse_delay_ms <= 60_000


@pytest.mark.live
class TestLive:
    def test_reserved_ports_too_many_for_one_read(self, lab: Lab) -> None:
        assert lab.call(reserve_and_read, ODD) == tuple((port, port) for port in ODD)

    def test_a_changed_namespace_is_read_as_it_is(self, lab: Lab) -> None:
        assert lab.call(change_and_read) == PortRules(20000, 20100, ((20050, 20052),), 1, 5, False)


def reserve_and_read(reserved: list[int]) -> tuple[tuple[int, int], ...]:
    path = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
    path.write_text(",".join(map(str, reserved)))
    return port_rules(read_parameters(Path("/proc"))).reserved


def change_and_read() -> PortRules:
    for name, text in (
        ("ip_local_port_range", "20000 20100"),
        ("ip_local_reserved_ports", "20050-20052"),
        ("tcp_tw_reuse", "1"),
        ("tcp_tw_reuse_delay", "5"),
        ("tcp_timestamps", "0"),
    ):
        Path("/proc/sys/net/ipv4", name).write_text(text)
    return port_rules(read_parameters(Path("/proc")))
