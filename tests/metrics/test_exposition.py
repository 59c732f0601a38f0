"""What is told: the table's names and no others, and the figures of the report."""

import shutil
import threading
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks import crowd
from tests.commands.hosts import ALL, IDLE, LOW, PROXY, cut_short, fixture, host, tuple_with
from tests.commands.test_no_false_ok import full_host, harm
from tests.metrics.told import Told, post, scraped
from tests.tables import Clock, Sock, steady
from tui.analysis.frame import judge
from tui.kernel.places import place_at
from tui.kernel.processes import Owners, Process
from tui.kernel.source import Reading, Source
from tui.metrics import seats
from tui.metrics.exposition import Scrapes
from tui.metrics.names import METRICS, PATTERN
from tui.metrics.post import Post
from tui.report.whole import to_dict

BY_NAME = {one.name: one for one in METRICS}
ADDED_BY_OTHERS = {"instance", "job", "pod", "container", "namespace", "node", "service"}
END = {"direction": "outgoing", "local_ip": "10.0.0.5", "remote_ip": "10.0.0.9"}


class TestTheTable:
    def test_every_name_is_told_and_no_other(self, tmp_path: Path) -> None:
        told = scraped(host(tmp_path, tuple_with(100)))
        kinds = {one.name.removesuffix("_total"): one.kind for one in METRICS}
        assert told.kinds == kinds

    @pytest.mark.parametrize("name", ALL)
    def test_every_series_has_the_labels_that_it_says(self, name: str) -> None:
        for of, labels in scraped(fixture(name)).samples:
            assert {key for key, _ in labels} == set(BY_NAME[of].labels)

    def test_names_are_as_prometheus_would_have_them(self) -> None:
        for one in METRICS:
            assert one.name.startswith("twtop_")
            assert one.name.endswith("_total") == (one.kind == "counter")
            assert not set(one.labels) & ADDED_BY_OTHERS
            assert not set(one.labels) & {"pid", "local_port"}
            assert one.meaning.endswith(".")


@pytest.mark.parametrize("name", ALL)
def test_the_figures_are_those_of_the_report(name: str) -> None:
    frame = judge(Source(place_at(fixture(name)), "proc", 1.0).read())
    report: Any = to_dict(frame, Owners({}))
    told = scraped(fixture(name))
    for state, count in report["states"].items():
        assert told.value("twtop_sockets", state=state) == count
    if report["source"]["complete"]:  # else the kernel's own count is newer, and better
        assert told.value("twtop_time_wait_sockets") == report["time_wait"]["count"]
    assert told.value("twtop_closings_per_second") == report["time_wait"]["closing_per_second"]
    for field in ("capacity", "reserved", "excluded"):
        assert told.value(f"twtop_ports_{field}") == report["ephemeral"][field]
    outgoing = [one for one in report["patterns"] if one["direction"] == "outgoing"]
    most = max((one["utilization"] for one in outgoing), default=0)
    assert told.value("twtop_patterns_utilization_max_ratio") == most
    bands = [told.value("twtop_patterns", **labels) for labels in told.named("twtop_patterns")]
    assert sum(filter(None, bands)) == len(outgoing)
    for pattern in outgoing:
        ends = {label: pattern[label] for label in PATTERN[1:]}
        for field in ("in_use", "capacity", "locked"):
            value = told.value(f"twtop_pattern_ports_{field}", **ends)
            assert value == (pattern[field] if pattern["utilization"] >= 0.1 else None)
    assert told.value("twtop_sysctls_assumed") == len(report["assumed"])


BANDS = {49: "below_10", 50: "from_10", 250: "from_50", 400: "from_80", 499: "from_80", 500: "full"}
"""Of 500 ports, as many as are locked, and the band of that pattern."""


@pytest.mark.parametrize("ports", BANDS)
def test_each_band_begins_where_its_name_says(ports: int, tmp_path: Path) -> None:
    told = scraped(host(tmp_path, tuple_with(ports)))
    counts = {
        one["band"]: told.value("twtop_patterns", **one) for one in told.named("twtop_patterns")
    }
    assert [name for name, count in counts.items() if count] == [BANDS[ports]]


class TestPatterns:
    def test_of_very_many_fifty_have_series_and_the_others_are_counted(
        self, tmp_path: Path
    ) -> None:
        crowd.write(tmp_path, 100_000)
        table = tmp_path / "net/tcp"
        header, _listener, *clients = table.read_text().splitlines(keepends=True)
        table.write_text("".join([header, *clients]))  # who does not listen there connects
        (tmp_path / "sys/net/ipv4/ip_local_port_range").write_text("8080\t8089\n")
        told = scraped(tmp_path)
        assert len(told.named("twtop_pattern_ports_in_use")) == 50
        assert told.value("twtop_patterns_left_out") == 100_000 - 50
        assert len(told.samples) < 400

    def test_incoming_ones_have_none_since_their_ports_are_the_peers(self) -> None:
        told = scraped(fixture("6.18-proxy"))
        kinds = {labels["direction"] for labels in told.named("twtop_pattern_ports_locked")}
        assert kinds == {"outgoing"}

    def test_one_that_has_gone_is_told_as_empty(self, tmp_path: Path) -> None:
        """Else a graph would end at its height, and nobody could tell it from a scrape missed."""
        here = post(host(tmp_path, tuple_with(100)))
        assert scraped([here]).value("twtop_pattern_ports_in_use", **END) == 100
        host(tmp_path, [Sock()])
        assert _again(here).value("twtop_pattern_ports_in_use", **END) == 1
        host(tmp_path, [])
        told = _again(here)
        assert told.value("twtop_pattern_ports_in_use", **END) == 0
        assert told.value("twtop_pattern_exhaustion_seconds", **END) == inf
        assert told.value("twtop_patterns_left_out") == 0

    def test_who_holds_it_is_told_without_its_pid(self, tmp_path: Path) -> None:
        root = host(tmp_path, [Sock(local_port=LOW + n, inode=77) for n in range(100)])
        source = Source(place_at(root), "proc", 1.0)
        here = Post(source, lambda: Owners({77: Process(4242, "shop")}))
        here.look_for_owners()
        told = scraped([here])
        assert [one["process"] for one in told.named("twtop_pattern_info")] == ["shop"]
        assert "4242" not in str(told.samples)


def _again(here: Post) -> Told:
    """What the next scrape says, once a new dump is due."""
    here._sampler._next_dump = 0.0
    return scraped([here])


class TestWhatIsNotKnown:
    def test_a_place_that_cannot_be_read_tells_nothing_old(self, tmp_path: Path) -> None:
        here = post(host(tmp_path, tuple_with(100)))
        scraped([here])
        (tmp_path / "net/tcp").unlink()
        told = _again(here)
        assert told.value("twtop_reading_success") == 0
        assert told.value("twtop_readings_incomplete_total") == 1
        assert not told.named("twtop_sockets")
        assert not told.named("twtop_pattern_ports_in_use")

    def test_a_place_that_goes_between_two_dumps_is_one_that_cannot_be_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here = post(host(tmp_path, tuple_with(100)))
        scraped([here])
        monkeypatch.setattr(here._sampler, "_next_dump", inf)

        def gone(*_: object) -> Reading:
            raise FileNotFoundError(2, "No such file or directory", "/run/netns/shop")

        monkeypatch.setattr(Source, "refresh", gone)
        assert scraped([here]).value("twtop_reading_success") == 0

    def test_a_table_cut_short_is_told(self, tmp_path: Path) -> None:
        told = scraped(cut_short(host(tmp_path, tuple_with(100))))
        assert told.value("twtop_reading_success") == 1
        assert told.value("twtop_reading_complete") == 0
        assert told.value("twtop_readings_incomplete_total") == 1
        assert told.value("twtop_findings", code="incomplete-table", severity="warning") == 1

    def test_sysctls_that_are_assumed_are_counted_and_not_told_as_read(
        self, tmp_path: Path
    ) -> None:
        root = host(tmp_path)
        (root / "sys/net/ipv4/tcp_tw_reuse").unlink()
        told = scraped(root)
        assert told.value("twtop_sysctls_assumed") == 1
        assert told.value("twtop_sysctl", name="net.ipv4.tcp_tw_reuse") is None

    def test_a_reserved_port_is_no_number_of_a_sysctl(self, tmp_path: Path) -> None:
        told = scraped(host(tmp_path, ip_local_reserved_ports="40001"))
        assert told.value("twtop_sysctl", name="net.ipv4.ip_local_reserved_ports") is None
        assert told.value("twtop_ports_reserved") == 1
        assert told.value("twtop_sysctl", name="net.ipv4.ip_local_port_range", index=1) == 40_499

    @given(st.lists(harm, min_size=1, max_size=2))
    @steady
    def test_a_host_that_is_short_of_ports_never_looks_fine(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        harms: list[tuple[str, Callable[[Path, float], None], float]],
    ) -> None:
        """Whatever of its files is missing, cut or unreadable."""
        root = full_host(tmp_path_factory.mktemp("host") / "proc", 55)
        for name, do, where in harms:
            if (root / name).is_file() and not (root / name).is_symlink():
                do(root / name, where)
        told = scraped(root)
        unsure = (
            told.value("twtop_reading_success") == 0 or told.value("twtop_reading_complete") == 0
        )
        unsure = unsure or bool(told.value("twtop_sysctls_assumed"))
        uncounted = not {"net/sockstat", "net/tcp"} - {name for name, _, _ in harms}
        # Whole lines lost, and the count of them as well: nothing can tell.
        assert unsure or uncounted or (told.value("twtop_patterns_locked_max_ratio") or 0) > 0.5
        shutil.rmtree(root)


class TestScrapes:
    def test_those_that_come_fast_cost_one_reading(
        self, reads: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = Clock()
        monkeypatch.setattr("tui.metrics.exposition.time", clock)
        scrapes = Scrapes([post(IDLE)], 1.0, walks=False)
        first = scrapes.text()
        clock.now += 0.9
        assert scrapes.text() == first
        assert len(reads) == 1
        clock.now += 0.2
        scrapes.text()
        assert len(reads) == 2

    def test_many_at_once_cost_one_reading(self, reads: list[Path]) -> None:
        scrapes = Scrapes([post(PROXY)], 3600.0, walks=False)
        texts: list[bytes] = []
        threads = [threading.Thread(target=lambda: texts.append(scrapes.text())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(texts)) == len(reads) == 1
        assert len(texts) == 8

    def test_several_places_are_told_apart(self, tmp_path: Path) -> None:
        few, many = host(tmp_path / "a", tuple_with(100)), host(tmp_path / "b", tuple_with(200))
        told = scraped([post(few), post(many)])
        assert told.value("twtop_pattern_ports_in_use", place=few, **END) == 100
        assert told.value("twtop_pattern_ports_in_use", place=many, **END) == 200

    def test_one_that_fails_does_not_take_the_others_along(self, tmp_path: Path) -> None:
        told = scraped([post(tmp_path), post(IDLE)])
        assert told.value("twtop_reading_success", place=tmp_path) == 0
        assert told.value("twtop_reading_success", place=IDLE) == 1


def test_the_meaning_of_left_out_has_the_number_of_seats() -> None:
    assert f"{seats.SEATS} have" in BY_NAME["twtop_patterns_left_out"].meaning
