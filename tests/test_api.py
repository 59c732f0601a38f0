"""The public API: plain functions on a frame, for programs that know no terminal."""

import asyncio
import inspect
import json
import os
import subprocess
import sys
import threading
import time
import typing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import tui
from tests.commands.hosts import (
    ALL,
    GARBLED,
    IDLE,
    MIXED,
    PROXY,
    fixture,
    host,
    served,
    tuple_with,
)
from tests.patience import Patience, limit
from tests.tables import Sock, frame, listener, waiting
from tui import api
from tui.kernel.source import Reading, Source
from tui.report.records import SOCKET_FIELDS


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for owners points psutil at the fixture's procfs."""
    monkeypatch.setattr(psutil, "PROCFS_PATH", "/proc")


FUNCTIONS = [name for name in api.__all__ if inspect.isfunction(getattr(api, name))]


class TestNames:
    def test_the_package_gives_what_the_api_has(self) -> None:
        everything = getattr(tui, "__all__")  # noqa: B009 (made when it is asked for)
        assert set(everything) == {*api.__all__, "__version__"}
        for name in api.__all__:
            assert getattr(tui, name) is getattr(api, name)
        assert dir(tui) == sorted(everything)

    def test_they_stand_in_order(self) -> None:
        assert list(api.__all__) == sorted(api.__all__)

    def test_another_name_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="bogus"):
            getattr(tui, "bogus")  # noqa: B009

    @pytest.mark.parametrize("name", [name for name in api.__all__ if name != "SourceChoice"])
    def test_each_is_documented(self, name: str) -> None:
        assert inspect.getdoc(getattr(api, name))

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_each_function_is_typed(self, name: str) -> None:
        function = getattr(api, name)
        hints = typing.get_type_hints(function)
        assert hints.keys() == {*inspect.signature(function).parameters, "return"}

    def test_it_ships_its_types(self) -> None:
        assert (Path(tui.__file__).parent / "py.typed").exists()


def loaded_by(program: str) -> set[str]:
    """The modules that a program loads."""
    ended = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(ended.stdout.split())


class TestLoading:
    def test_neither_textual_nor_a_terminal_is_needed(self) -> None:
        names = ", ".join(api.__all__)
        program = f"from tui import {names}\naudit(snapshot(proc={str(IDLE)!r}))"
        modules = loaded_by(program)
        assert "tui.api" in modules
        assert modules & {"textual", "rich", "plotext", "click", "pyroute2"} == set()

    def test_the_package_alone_loads_nothing(self) -> None:
        assert loaded_by("import tui; tui.__version__") & {"numpy", "psutil", "tui.api"} == set()

    def test_the_example_of_its_documentation_runs(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = (tui.__doc__ or "").splitlines()
        example = "\n".join(line[4:] for line in lines if line.startswith("    "))
        assert "snapshot()" in example
        exec(example.replace("snapshot()", f"snapshot(proc={str(PROXY)!r})"), {})
        out = capsys.readouterr().out
        assert out.startswith("10.0.0.9 12250 of 28232\n")
        assert "info " in out


@pytest.mark.parametrize("name", ALL)
class TestOneFrame:
    """Whatever is asked of a frame agrees with the rest, and with the report."""

    def test_it_agrees_with_the_report(self, name: str) -> None:
        frame = api.snapshot(proc=fixture(name))
        report = api.full_report(frame)
        assert json.loads(json.dumps(report)) == report
        assert api.state_counts(frame) == report["states"]
        assert api.patterns(frame) == report["patterns"]
        assert api.per_ip(frame) == report["remote_ips"]
        assert api.listening(frame) == report["listeners"]
        assert api.time_wait(frame) == report["time_wait"]
        assert api.counters(frame) == report["counters"]

    def test_sums_close(self, name: str) -> None:
        frame = api.snapshot(proc=fixture(name))
        states = api.state_counts(frame)
        connections = api.connections(frame)
        assert len(connections) + len(api.listening(frame)) == sum(states.values())
        assert len(api.established(frame)) == states["ESTABLISHED"]
        assert sum(one["total"] for one in api.per_port(frame)) == len(connections)

    def test_findings_are_findings(self, name: str) -> None:
        found = api.audit(api.snapshot(proc=fixture(name)))
        assert all(isinstance(one, api.Finding) for one in found)
        assert [one.severity for one in found] == sorted(
            (one.severity for one in found), reverse=True
        )


class TestSnapshot:
    def test_this_host(self) -> None:
        assert isinstance(api.snapshot(), api.Frame)

    @pytest.mark.parametrize("source", ["proc", "sock_diag"])
    def test_the_source_is_the_one_asked_for(self, source: Any) -> None:
        assert api.snapshot(source).reading.kind == source

    def test_a_procfs_as_text_or_path(self) -> None:
        assert api.state_counts(api.snapshot(proc=str(IDLE))) == api.state_counts(
            api.snapshot(proc=IDLE)
        )

    def test_without_tables_there_is_an_error_with_the_cure(self, tmp_path: Path) -> None:
        with pytest.raises(api.TableError, match=f"{tmp_path}/net/tcp: .*procfs"):
            api.snapshot(proc=tmp_path)

    def test_what_could_not_be_read_is_in_the_frame(self) -> None:
        frame = api.snapshot(proc=GARBLED)
        assert (frame.table.bad_lines, frame.table.complete) == (21, False)


class TestConnections:
    def test_a_filter_as_in_the_dashboard(self) -> None:
        frame = api.snapshot(proc=PROXY)
        found = api.connections(frame, "state time-wait and dport 5432")
        assert len(found) == 12_210
        assert {(one["state"], one["remote_port"]) for one in found} == {("TIME_WAIT", 5432)}
        assert api.connections(frame, "dport 1") == []

    @pytest.mark.parametrize("empty", [None, "", "  "])
    def test_no_filter_is_all_but_the_listeners(self, empty: str | None) -> None:
        frame = api.snapshot(proc=MIXED)
        assert len(api.connections(frame, empty)) == 447

    def test_one_that_cannot_be_read(self) -> None:
        with pytest.raises(api.FilterError):
            api.connections(api.snapshot(proc=IDLE), "state bogus")

    def test_who_holds_them(self, tmp_path: Path) -> None:
        socks = [Sock(inode=7), waiting(40_001), listener(inode=8)]
        frame = api.snapshot(proc=host(tmp_path, socks))
        owners = api.Owners({7: api.Process(10, "nginx"), 8: api.Process(11, "sshd")})
        named = {one["state"]: one["process"] for one in api.connections(frame, owners=owners)}
        assert named == {"ESTABLISHED": "nginx[10]", "TIME_WAIT": None}
        assert api.established(frame, owners)[0]["process"] == "nginx[10]"
        assert api.patterns(frame, owners)[0]["process"] == "nginx[10]"
        assert api.listening(frame, owners)[0]["process"] == "sshd[11]"
        assert api.full_report(frame, owners)["listeners"][0]["process"] == "sshd[11]"

    def test_owners_of_this_host(self) -> None:
        owners = api.find_owners(seconds=5)
        assert isinstance(owners, api.Owners)
        assert owners.complete

    def test_one_peer_over_v4_and_mapped_v4_is_one(self) -> None:
        frame = api.snapshot(proc=MIXED)
        ips = [one["ip"] for one in api.per_ip(frame)]
        assert len(ips) == len(set(ips))
        assert not any("ffff" in ip for ip in ips)


class TestColumns:
    """The same as the records, for tables of many rows."""

    @pytest.mark.parametrize("name", ALL)
    def test_they_say_what_the_records_say(self, name: str) -> None:
        frame = api.snapshot(proc=fixture(name))
        found, records = frame.sockets(), [dict(one) for one in api.connections(frame)]
        assert tuple(found.to_dict()) == SOCKET_FIELDS
        assert len(found) == len(records)
        for name, column in found.to_dict().items():
            plain = [None if value != value else value for value in column.tolist()]
            assert plain == [one[name] for one in records], name

    def test_a_filter_and_who_holds_them(self, tmp_path: Path) -> None:
        frame = api.snapshot(proc=host(tmp_path, [Sock(inode=7), waiting(40_001)]))
        owners = api.Owners({7: api.Process(10, "nginx")})
        assert frame.sockets(owners=owners).process.tolist() == ["nginx[10]", None]
        waits = frame.sockets("state time-wait", owners)
        assert (len(waits), waits.timer.tolist()) == (1, ["time-wait"])
        with pytest.raises(api.FilterError):
            frame.sockets("state bogus")

    @pytest.mark.parametrize("library", ["pandas", "pyarrow"])
    def test_where_a_library_is_missing_the_cure_is_named(
        self, library: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, library, None)
        found = api.snapshot(proc=IDLE).sockets()
        convert = {"pandas": found.to_pandas, "pyarrow": found.to_arrow}[library]
        with pytest.raises(ImportError, match=f"pip install {library}"):
            convert()

    def test_a_data_frame(self) -> None:
        pytest.importorskip("pandas")
        found = api.snapshot(proc=PROXY).sockets("dport 5432").to_pandas()
        assert found.groupby("state").size()["TIME_WAIT"] == 12_210

    def test_an_arrow_table(self) -> None:
        pytest.importorskip("pyarrow")
        found = api.snapshot(proc=PROXY).sockets()
        ages = found.to_arrow()["age_seconds"]
        assert ages.null_count == int((found.state != "TIME_WAIT").sum())


class TestAudit:
    def test_a_full_tuple(self, tmp_path: Path) -> None:
        first = api.audit(api.snapshot(proc=host(tmp_path, tuple_with(500))))[0]
        assert first.severity is api.Severity.CRITICAL
        assert first.subject == "10.0.0.5 → 10.0.0.9:443"

    def test_time_waits_at_the_server(self, tmp_path: Path) -> None:
        found = api.audit(api.snapshot(proc=host(tmp_path, served(5_000))))
        assert {one.severity for one in found} == {api.Severity.INFO}

    def test_settings_are_used_where_they_are_given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "twtop/config.toml"
        path.parent.mkdir()
        path.write_text("[ports]\nthreshold = 30\n")
        frame = api.snapshot(proc=host(tmp_path, tuple_with(150)))
        grave = {one.severity for one in api.audit(frame, config=api.settings(path))}
        assert api.Severity.CRITICAL in grave
        assert api.Severity.CRITICAL not in {one.severity for one in api.audit(frame)}
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        assert api.settings() == api.settings(str(path))
        path.write_text("[bogus]\n")
        with pytest.raises(api.ConfigError, match="bogus"):
            api.settings(path)

    def test_a_new_listener_is_one_that_was_not_saved(self, tmp_path: Path) -> None:
        path = tmp_path / "listeners.json"
        assert api.saved_listeners(path) is None
        path.write_text(
            json.dumps(
                {
                    "schema": "twtop.listeners/1",
                    "time": "2026-01-01T00:00:00+00:00",
                    "listeners": [{"local_ip": "0.0.0.0", "port": 22}],
                }
            )
        )
        frame = api.snapshot(proc=host(tmp_path, [listener(port=22), listener(port=4444)]))
        found = api.audit(frame, baseline=api.saved_listeners(path))
        assert [one.subject for one in found if one.code == "new-listener"] == ["0.0.0.0:4444"]
        assert "new-listener" not in {one.code for one in api.audit(frame)}
        path.write_text("nonsense")
        with pytest.raises(api.BaselineError, match=r"listeners\.json"):
            api.saved_listeners(path)

    def test_a_moment_tells_what_is_coming(self, tmp_path: Path) -> None:
        """A tuple that will be full within the minute, and is not yet at half."""
        closed = [
            replace(wait, remaining_ms=59_900 - 1000 * (number // 45))
            for number, wait in enumerate(tuple_with(450))
        ]
        moment = next(api.watch(0.1, proc=host(tmp_path, closed, size=1000)))
        codes = {one.code for one in api.audit(moment)}
        assert codes > {one.code for one in api.audit(moment.frame)}

    def test_a_moment_knows_what_goes_on_now(self, tmp_path: Path) -> None:
        """A counter that rises is graver than one that once did."""
        proc = host(tmp_path)
        seen = api.watch(0.1, proc=proc)
        for count in (5, 500):
            text = f"TcpExt: TCPTimeWaitOverflow\nTcpExt: {count}\n"
            (proc / "net/netstat").write_text(text)
            moment = next(seen)
        (ever,), (now,) = api.audit(moment.frame), api.audit(moment)
        assert (ever.code, ever.severity) == ("time-wait-overflow", api.Severity.INFO)
        assert (now.code, now.severity) == ("time-wait-overflow", api.Severity.WARNING)


class TestWatch:
    def test_moments_come_at_intervals(self) -> None:
        began = time.monotonic()
        seen = api.watch(0.2, proc=IDLE)
        moments = [next(seen) for _ in range(3)]
        assert time.monotonic() - began >= 0.4
        assert all(isinstance(moment, api.Moment) for moment in moments)
        assert moments[0].trends.time_wait is None
        assert moments[2].trends.time_wait is not None
        assert len(moments[0].trends.past.time) == 1
        # Where reading is dear, a table stands for several.
        read = {moment.frame.reading.table_time for moment in moments}
        assert len(moments[2].trends.past.time) == len(read)

    def test_late_ones_are_not_made_up_for(self) -> None:
        seen = api.watch(0.2, proc=IDLE)
        next(seen)
        time.sleep(0.7)
        next(seen)
        began = time.monotonic()
        next(seen)
        assert time.monotonic() - began > 0.1

    def test_counters_have_rates(self) -> None:
        seen = api.watch(0.1)
        next(seen)
        assert next(seen).trends.rates["ActiveOpens"] >= 0


@pytest.mark.parametrize("watch", [api.watch, api.awatch])
class TestWatchingNothing:
    """What is wrong with the call is told by the call, which `for` may be far from."""

    @pytest.mark.parametrize(
        ("error", "named", "wrong"),
        [
            (ValueError, "source", {"source": "bogus"}),
            (ValueError, "interval", {"interval": -1}),
            (ValueError, "interval", {"interval": float("nan")}),
            (api.PlaceError, "nowhere", {"places": "nowhere"}),
            (api.PlaceError, "/nowhere", {"places": ["host", "/nowhere"]}),
            (api.TableError, "/nowhere", {"proc": "/nowhere"}),
            (api.TableError, "/nowhere", {"proc": "/nowhere", "places": "all"}),
            (api.TableError, "sock_diag", {"proc": PROXY, "source": "sock_diag"}),
        ],
    )
    def test_it_raises_at_once(
        self, watch: Any, error: type[Exception], named: str, wrong: dict[str, Any]
    ) -> None:
        with pytest.raises(error, match=named):
            watch(**wrong)


class TestWatchInALoop:
    async def test_it_yields_what_watch_does(self) -> None:
        moments = []
        async for moment in api.awatch(0.2, proc=IDLE):
            moments.append(moment)
            if len(moments) == 3:
                break
        assert all(isinstance(moment, api.Moment) for moment in moments)
        assert [len(one.trends.past.time) for one in moments] == [1, 2, 3]
        assert api.per_ip(moments[0].frame) == api.per_ip(api.snapshot(proc=IDLE))

    async def test_places_too(self) -> None:
        async for moment in api.awatch(0.1, places=f"/proc/{os.getpid()}"):
            assert moment.frame.reading.place.id == api.snapshot().reading.place.id
            break

    async def test_the_loop_goes_on_while_the_kernel_is_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A read that never ends by itself: only what the loop does meanwhile ends it."""
        goes_on = threading.Event()
        read = Source.read

        def slow(source: Source) -> Reading:
            assert goes_on.wait(limit())
            return read(source)

        monkeypatch.setattr(Source, "read", slow)
        first = asyncio.ensure_future(anext(api.awatch(proc=IDLE)))
        await asyncio.sleep(0)
        goes_on.set()
        assert isinstance(await first, api.Moment)

    @pytest.mark.parametrize("moments", [0, 1])
    def test_a_cancelled_task_ends_at_once(self, moments: int) -> None:
        """Before its first moment or in the pause before the next, which lasts an hour."""

        async def main() -> int:
            seen, enough = 0, asyncio.Event()

            async def look() -> None:
                nonlocal seen
                async for _ in api.awatch(3600, proc=PROXY):
                    seen += 1
                    enough.set()

            task = asyncio.create_task(look())
            if moments:
                await enough.wait()
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return seen

        patience = Patience()
        assert asyncio.run(main()) == moments
        assert not patience.is_over

    async def test_a_table_that_goes_away_is_an_error(self, tmp_path: Path) -> None:
        proc = host(tmp_path)
        seen = api.awatch(0.1, proc=proc)
        await anext(seen)
        (proc / "net/tcp").unlink()
        with pytest.raises(api.TableError):
            await anext(seen)


class TestRefusals:
    """What is counted: tests/live/test_refusals.py."""

    def test_they_are_counted(self) -> None:
        try:
            counted = api.refusals(0.01)
        except api.CountingError as error:
            pytest.skip(str(error))
        assert isinstance(next(counted), list)


class TestRemedies:
    def test_the_fullest_tuples_own_load(self) -> None:
        made = api.remedies(api.snapshot(proc=PROXY))
        assert isinstance(made, api.Plan)
        assert made.options

    def test_a_load_that_is_given(self) -> None:
        frame = api.snapshot(proc=IDLE)
        made = api.remedies(frame, rate=900, lifetime=0.2, remote_ip="10.0.0.9", remote_port=5432)
        assert made is not None
        assert made.load.rate == 900

    def test_nothing_that_tells_a_rate(self, tmp_path: Path) -> None:
        assert api.remedies(api.snapshot(proc=host(tmp_path))) is None


@pytest.mark.parametrize(
    ("old", "ours"),
    [
        ("get_connections", lambda frame: api.connections(frame)),
        ("get_state_counts", lambda frame: api.state_counts(frame)),
        ("get_listening_ports", lambda frame: api.listening(frame)),
        ("get_established", lambda frame: api.established(frame)),
        ("get_connections_per_ip", lambda frame: api.per_ip(frame)),
        ("get_connections_per_port", lambda frame: api.per_port(frame)),
        ("get_time_wait_count", lambda frame: api.time_wait(frame)["count"]),
        ("get_tcp_stats", lambda frame: api.counters(frame)),
        ("audit", lambda frame: api.audit(frame)),
    ],
)
def test_everything_the_old_monitor_told(old: str, ours: Callable[[api.Frame], object]) -> None:
    """Its class TCPMonitor had these methods; each has its function here."""
    assert ours(api.snapshot(proc=PROXY)), old


@pytest.mark.parametrize(
    "nonsense",
    [
        lambda: tui.snapshot("bogus"),  # type: ignore[arg-type]
        lambda: tui.refusals(0),
        lambda: tui.remedies(frame(), rate=-5),
        lambda: tui.remedies(frame(), rate=5, lifetime=float("nan")),
    ],
)
def test_nonsense_is_refused_at_once(nonsense: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="is"):
        nonsense()
