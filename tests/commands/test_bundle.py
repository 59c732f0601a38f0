"""`twtop bundle`: one archive that says all, and nothing that was not to be said."""

import json
import os
import platform
import re
import resource
import subprocess
import sys
import tarfile
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.commands import hosts
from tests.commands.conftest import Run
from tests.commands.hosts import ALL, IDLE, MIXED, PROXY, cut_short, fixture, host, tuple_with
from tests.tables import Sock, listener
from tui.commands import bundle
from tui.kernel.places import place_at
from tui.kernel.processes import Owners, Process
from tui.kernel.survey import Survey
from tui.report.redaction import _write

HEAD = ("README.txt", "about.json", "report.txt", "report.json", "audit.txt", "audit.json")


def members(path: Path) -> dict[str, bytes]:
    """The archive's files by their path below its one folder."""
    with tarfile.open(path, "r:gz") as archive:
        found = archive.getmembers()
        assert all(member.isfile() for member in found)
        folder = path.name.split(".")[0]
        assert all(member.name.startswith(f"{folder}/") for member in found)
        return {
            member.name.removeprefix(f"{folder}/"): _content(archive, member) for member in found
        }


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


def extracted(path: Path) -> Path:
    """The archive's procfs, unpacked beside it."""
    with tarfile.open(path, "r:gz") as archive:
        archive.extractall(path.parent / "out", filter="data")
    return path.parent / "out" / path.name.split(".")[0] / "proc"


def lasting(report: dict[str, Any]) -> dict[str, Any]:
    """A report without where and when it was read, and who can no longer be asked."""
    mine = ("read_seconds", "table_age_seconds", "directory", "unix_time")
    source = {key: value for key, value in report["source"].items() if key not in mine}
    parts = {
        name: [record | {"process": None} for record in report[name]]
        for name in ("patterns", "listeners")
    }
    return report | {"source": source, "time": None, "place": None} | parts


@pytest.mark.parametrize("arguments", [[], ["--redact"]], ids=["plain", "redacted"])
@pytest.mark.parametrize("name", ALL)
class TestArchive:
    def test_it_has_all_parts(
        self, run: Run, tmp_path: Path, name: str, arguments: list[str]
    ) -> None:
        path = tmp_path / "ticket.tar.gz"
        ran = run("bundle", path, *arguments, "--proc", fixture(name))
        assert (ran.code, ran.err) == (0, "")
        found = members(path)
        assert re.fullmatch(rf"[\d,]+ sockets?, [\d,]+ kB in {path}\n", ran.out)
        assert tuple(found)[: len(HEAD)] == HEAD
        kernels = {
            str(file.relative_to(fixture(name)))
            for file in fixture(name).rglob("*")
            if file.is_file()
        }
        copied = {one.removeprefix("proc/") for one in found if one.startswith("proc/")}
        assert copied <= kernels
        assert {"net/tcp", "net/sockstat"} <= copied
        assert len(found) == len(HEAD) + len(copied)

    def test_twtop_reads_it_again(
        self, run: Run, tmp_path: Path, name: str, arguments: list[str]
    ) -> None:
        path = tmp_path / "ticket.tgz"
        assert run("bundle", path, *arguments, "--proc", fixture(name)).code == 0
        found = members(path)
        again = run("report", "--json", "--proc", extracted(path)).json
        assert lasting(again) == lasting(json.loads(found["report.json"]))
        audit = json.loads(run("audit", "--json", "--proc", extracted(path)).out)
        then = json.loads(found["audit.json"])
        assert hosts.lasting(audit["findings"]) == hosts.lasting(then["findings"])

    def test_only_its_owner_may_read_it(
        self, run: Run, tmp_path: Path, name: str, arguments: list[str]
    ) -> None:
        path = tmp_path / "ticket.tar.gz"
        run("bundle", path, *arguments, "--proc", fixture(name))
        assert path.stat().st_mode & 0o777 == 0o600
        assert [file.name for file in tmp_path.iterdir()] == [path.name]


class TestContent:
    def test_its_report_is_the_hosts(self, run: Run, tmp_path: Path) -> None:
        run("bundle", tmp_path / "a.tar.gz", "--proc", PROXY)
        found = members(tmp_path / "a.tar.gz")
        report = run("report", "--json", "--proc", PROXY).json
        assert lasting(json.loads(found["report.json"])) == lasting(report)
        assert found["report.txt"].decode().startswith("twtop report · ")
        assert b"20,385" in found["report.txt"]
        assert b"\x1b" not in found["report.txt"] + found["audit.txt"]
        assert json.loads(found["audit.json"])["schema"] == "twtop.audit/1"

    def test_it_says_where_it_comes_from(self, run: Run, tmp_path: Path) -> None:
        run("bundle", tmp_path / "a.tar.gz", "--proc", PROXY)
        about = json.loads(members(tmp_path / "a.tar.gz")["about.json"])
        assert about["schema"] == "twtop.bundle/1"
        assert about["host"] == platform.node()
        assert (about["redacted"], about["complete"]) == (False, True)
        assert platform.release() in about["kernel"]

    def test_a_table_cut_short_is_said(self, run: Run, tmp_path: Path) -> None:
        proc = cut_short(host(tmp_path / "proc", tuple_with(3)))
        run("bundle", tmp_path / "a.tar.gz", "--proc", proc)
        found = members(tmp_path / "a.tar.gz")
        assert json.loads(found["about.json"])["complete"] is False
        assert json.loads(found["report.json"])["source"]["complete"] is False
        assert b"INCOMPLETE" in found["report.txt"]

    def test_a_bundle_of_a_ticket_is_neither_younger_nor_more_whole(
        self, run: Run, tmp_path: Path
    ) -> None:
        """Made anew to redact it, say: what was missing and bound there is so still."""
        run("bundle", tmp_path / "a.tar.gz", "--proc", host(tmp_path / "proc", tuple_with(3)))
        ticket = extracted(tmp_path / "a.tar.gz")
        about = json.loads((ticket.parent / "about.json").read_text())
        made = "2024-02-03T04:05:06Z"
        known = {"time": made, "complete": False, "bound_ports": [hosts.LOW + 7]}
        (ticket.parent / "about.json").write_text(json.dumps(about | known))
        for number, redact in enumerate([(), ("--redact",)]):
            again = tmp_path / f"{number}.tar.gz"
            run("bundle", again, "--proc", ticket, *redact)
            about = json.loads(members(again)["about.json"])
            assert {name: about[name] for name in known} == known
            report = run("report", "--json", "--proc", again).json
            assert report["time"] == "2024-02-03T04:05:06Z"
            assert report["ephemeral"]["excluded"] == 1
            assert run("check", "--proc", again).code == 3

    @pytest.mark.parametrize("redact", [(), ("--redact",)])
    def test_the_byte_order_that_is_given(
        self, run: Run, tmp_path: Path, redact: tuple[str, ...]
    ) -> None:
        proc = host(tmp_path / "proc", [Sock("10.0.0.5", 40_001, "10.0.0.9", 443)])
        table = (proc / "net/tcp").read_text()
        for little in ("0500000A", "0900000A"):
            turned = bytes.fromhex(little)[::-1].hex().upper()
            table = table.replace(little, turned)
        (proc / "net/tcp").write_text(table)
        other = "big" if sys.byteorder == "little" else "little"
        run("bundle", tmp_path / "a.tar.gz", "--proc", proc, "--byte-order", other, *redact)
        found = members(tmp_path / "a.tar.gz")
        (pattern,) = json.loads(found["report.json"])["patterns"]
        assert json.loads(found["about.json"])["byteorder"] == other
        assert pattern["remote_ip"] in (("198.18.0.1", "198.18.0.2") if redact else ("10.0.0.9",))

    def test_the_live_host(self, run: Run, tmp_path: Path) -> None:
        ran = run("bundle", tmp_path / "a.tar.gz")
        assert (ran.code, ran.err) == (0, "")
        found = members(tmp_path / "a.tar.gz")
        assert json.loads(found["report.json"])["source"]["kind"] == "proc"
        assert "proc/net/netstat" in found

    def test_nothing_of_processes_but_names(self, run: Run, tmp_path: Path) -> None:
        run("bundle", tmp_path / "a.tar.gz")
        everything = b"".join(members(tmp_path / "a.tar.gz").values())
        assert b"PYTEST_CURRENT_TEST" not in everything
        assert b"--proc\0" not in everything

    def test_the_tables_are_read_once(self, run: Run, tmp_path: Path, reads: list[Path]) -> None:
        """What is judged is the copy."""
        run("bundle", tmp_path / "a.tar.gz", "--proc", PROXY)
        (root,) = reads
        assert root != PROXY
        assert not root.exists()


def forms(ip: str) -> set[bytes]:
    """How an address may be written: as text, and in hex in either byte order."""
    address = ip_address(ip)
    packed = address.packed
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    swapped = b"".join(word[::-1] for word in words)
    hexes = {
        packed.hex(),
        swapped.hex(),
        packed[::-1].hex(),
        _write(address, "little").decode(),
        _write(address, "big").decode(),
    }
    return {
        form.encode()
        for one in (str(address), address.exploded, *hexes)
        for form in (one.lower(), one.upper())
    }


class TestRedaction:
    @pytest.mark.parametrize("name", ["6.18-idle-host", "6.18-proxy", "6.18-ipv6-and-mapped"])
    def test_no_address_survives_anywhere(self, run: Run, tmp_path: Path, name: str) -> None:
        report = run("report", "-d", "--json", "--proc", fixture(name)).json
        ends = {
            record[end] for record in report["sockets"] for end in ("local_ip", "remote_ip")
        } | {record["local_ip"] for record in report["listeners"]}
        kept = {ip for ip in ends if ip_address(ip).is_loopback or ip_address(ip).is_unspecified}
        secret = {form for ip in ends - kept for form in forms(ip)}
        secret |= {form for ip in ends - kept if "." in ip for form in forms(f"::ffff:{ip}")}
        assert len(secret) > 10
        path = tmp_path / "a.tar.gz"
        run("bundle", path, "--redact", "--proc", fixture(name))
        for member, content in members(path).items():
            words = set(re.findall(rb"[0-9A-Za-z:.]+", content))
            words |= {part for word in words for part in word.split(b":")}
            words |= {word.rpartition(b":")[0] for word in words}
            assert words & secret == set(), member
        assert not re.search(rb"\b10\.0\.[01]\.|fe80", b"".join(members(path).values()))

    def test_nor_the_hosts_name(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "a.tar.gz"
        run("bundle", path, "--redact", "--proc", MIXED)
        found = members(path)
        about = json.loads(found["about.json"])
        assert (about["host"], about["redacted"]) == (None, True)
        with tarfile.open(path, "r:gz") as archive:
            assert {(one.uname, one.gname, one.uid) for one in archive} == {("", "", 0)}
        name = platform.node().encode()
        assert len(name) < 4 or name not in b"".join(found.values())

    def test_nor_what_is_pasted_around_the_counters(self, run: Run, tmp_path: Path) -> None:
        proc = host(tmp_path / "proc", tuple_with(3))
        prompt = "root@db-prod-7:~# cat"
        counters = {
            "net/sockstat": "TCP: inuse 0 orphan 0 tw 3 alloc 0 mem 0",
            "net/netstat": "TcpExt: ListenDrops\nTcpExt: 5",
            "sys/net/ipv4/tcp_mem": "1\t2\t3",
        }
        for name, text in counters.items():
            (proc / name).write_text(f"{prompt} {name}\n{text}\n{prompt}\n")
        run("bundle", tmp_path / "a.tar.gz", "--proc", proc, "--redact")
        found = members(tmp_path / "a.tar.gz")
        assert b"db-prod" not in b"".join(found.values())
        assert {name: found[f"proc/{name}"].decode().strip() for name in counters} == counters

    def test_nor_a_program_or_a_user(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One keeps its other name and number wherever it stands."""
        socks = [
            Sock(local_port=40_000 + number, uid=70_000 + number % 2, inode=100 + number)
            for number in range(6)
        ]
        owners = {sock.inode: Process(7, f"acme-payd-{sock.inode % 2}") for sock in socks}
        monkeypatch.setattr(bundle, "owners_of", lambda _: Owners(owners))
        path = tmp_path / "a.tar.gz"
        run("bundle", path, "--redact", "--proc", host(tmp_path / "proc", socks))
        found = members(path)
        everything = b"".join(found.values())
        assert not re.search(rb"acme|7000[01]", everything)
        named = re.findall(rb"program-\d+", everything)
        assert {*named} == {b"program-1"}  # the one that most of its sockets have
        rows = found["proc/net/tcp"].splitlines()[1:]
        assert {row.split()[7] for row in rows} == {b"10001", b"10002"}

    def test_loopback_and_the_unspecified_address_stay(self, run: Run, tmp_path: Path) -> None:
        run("bundle", tmp_path / "a.tar.gz", "--redact", "--proc", MIXED)
        text = members(tmp_path / "a.tar.gz")["report.txt"].decode()
        for kept in ("[::]:8080", "127.0.0.1 → 127.0.0.1:9090", "::1 → [::1]:9091"):
            assert kept in text

    def test_one_peer_over_v4_and_mapped_v4_is_still_one(self, run: Run, tmp_path: Path) -> None:
        run("bundle", tmp_path / "a.tar.gz", "--redact", "--proc", MIXED)
        report = json.loads(members(tmp_path / "a.tar.gz")["report.json"])
        plain = run("report", "--json", "--proc", MIXED).json
        totals = [[one["total"] for one in each["remote_ips"]] for each in (report, plain)]
        assert totals[0] == totals[1]

    def test_one_name_in_every_place(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two pods that speak to one database still do, and nobody learns which pods."""
        socks = [Sock("10.7.0.1", 40_001, "10.0.0.9", 443, uid=70_001)]
        other = [Sock("10.7.0.2", 40_002, to, 443, uid=70_001) for to in ("10.0.0.8", "10.0.0.9")]
        places = tuple(
            replace(place_at(host(tmp_path / name, found)), name=name)
            for name, found in (("shop-cart", socks), ("shop-order", other))
        )
        monkeypatch.setattr(bundle, "every_place", lambda _: Survey(places))
        path = tmp_path / "a.tar.gz"
        assert run("bundle", path, "--redact", "-N", "all").out.startswith("3 sockets, ")
        found = members(path)
        assert not re.search(
            rb"shop|70001|10\.0\.0|10\.7\.0", b"".join([*found.values(), *map(str.encode, found)])
        )
        (mine,) = json.loads(found["report.json"])["patterns"]
        others = json.loads(found["places/1-redacted/report.json"])["patterns"]
        assert [one["remote_ip"] for one in others].count(mine["remote_ip"]) == 1
        assert mine["local_ip"] not in {one["local_ip"] for one in others}
        assert len({one["remote_ip"] for one in others}) == 2

    def test_its_readme_says_so(self, run: Run, tmp_path: Path) -> None:
        for arguments in ([], ["--redact"]):
            run("bundle", tmp_path / "a.tar.gz", "--force", *arguments, "--proc", IDLE)
            readme = members(tmp_path / "a.tar.gz")["README.txt"].decode()
            assert ("is replaced" in readme) == bool(arguments)


class TestRefusals:
    def test_a_file_that_is_there_stays(self, run: Run, tmp_path: Path, reads: list[Path]) -> None:
        path = tmp_path / "a.tar.gz"
        path.write_text("mine")
        ran = run("bundle", path, "--proc", IDLE)
        assert (ran.code, ran.out, ran.err.count("\n"), reads) == (2, "", 1, [])
        assert "--force" in ran.err
        assert path.read_text() == "mine"
        assert run("bundle", path, "--force", "--proc", IDLE).code == 0
        assert "report.json" in members(path)

    @pytest.mark.parametrize("name", ["a", "a.zip", "a.tar", "a.tar.gz.bak", "a.TAR.GZ"])
    def test_other_endings(self, run: Run, tmp_path: Path, name: str) -> None:
        ran = run("bundle", tmp_path / name, "--proc", IDLE)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert ".tar.gz or .tgz" in ran.err
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", [".tar.gz", "a.b.tgz", "ä ö.tar.gz"])
    def test_odd_names_that_end_well(self, run: Run, tmp_path: Path, name: str) -> None:
        assert run("bundle", tmp_path / name, "--proc", IDLE).code == 0
        with tarfile.open(tmp_path / name) as archive:
            folders = {member.name.partition("/")[0] for member in archive}
        assert folders == {name.split(".")[0] or "twtop"}

    def test_no_file_at_all(self, run: Run) -> None:
        ran = run("bundle")
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert "FILE" in ran.err

    def test_sock_diag_has_no_files(self, run: Run, tmp_path: Path) -> None:
        assert run("bundle", tmp_path / "a.tgz", "--source", "sock_diag").code == 2

    @pytest.mark.parametrize("parent", ["missing", "file"])
    def test_a_folder_that_cannot_be_written_in(
        self, run: Run, tmp_path: Path, parent: str
    ) -> None:
        (tmp_path / "file").touch()
        path = tmp_path / parent / "a.tar.gz"
        ran = run("bundle", path, "--proc", IDLE)
        assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert ran.err.startswith(f"twtop: {path}: ")

    def test_unreadable_tables_leave_nothing(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "proc").mkdir()
        ran = run("bundle", tmp_path / "a.tar.gz", "--proc", tmp_path / "proc")
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
        assert str(tmp_path / "proc/net/tcp") in ran.err
        assert [file.name for file in tmp_path.iterdir()] == ["proc"]

    def test_a_tcp6_that_may_not_be_read_is_not_left_out(self, run: Run, tmp_path: Path) -> None:
        """Half a table would pass for the whole."""
        proc = host(tmp_path / "proc", [listener("::", 80)])
        (proc / "net/tcp6").unlink()
        (proc / "net/tcp6").mkdir()
        ran = run("bundle", tmp_path / "a.tar.gz", "--proc", proc)
        assert (ran.code, ran.err.count("\n")) == (3, 1)
        assert "net/tcp6" in ran.err


def limited(proc: Path, root: Path, kilobytes: int) -> tuple[int, str, str, list[Path]]:
    """Bundle where no file may be larger, which it meets as it does a full disk.

    Returns the exit code, stdout, stderr, and what was left behind.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes << 10, kilobytes << 10))

    for folder in ("tmp", "out"):
        (root / folder).mkdir()
    path = root / "out/a.tar.gz"
    ended = subprocess.run(
        [sys.executable, "-m", "tui", "bundle", str(path), "--proc", str(proc)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
        # The limit is for what twtop writes: Python would leave cut-off bytecode in the tree.
        env=os.environ | {"TMPDIR": str(root / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=60,
    )
    left = [*(root / "tmp").iterdir(), *(root / "out").iterdir()]
    return ended.returncode, ended.stdout, ended.stderr, left


class TestNoRoom:
    """Nothing is left behind, neither the archive nor a part of it."""

    def test_for_the_copy_that_is_judged(self, tmp_path: Path) -> None:
        proc = host(tmp_path / "proc", tuple_with(500))
        ended = limited(proc, tmp_path, 8)
        assert ended == (1, "", f"twtop: {tmp_path}/tmp: File too large\n", [])

    def test_for_the_archive(self, tmp_path: Path) -> None:
        proc = host(tmp_path / "proc", tuple_with(10))
        for name in ("netstat", "snmp"):  # together they are too much for one file
            (proc / "net" / name).write_bytes(os.urandom(600 << 10))
        ended = limited(proc, tmp_path, 1000)
        assert ended == (1, "", f"twtop: {tmp_path}/out/a.tar.gz: File too large\n", [])

    def test_the_one_that_was_there_stays(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.tar.gz"
        path.write_text("mine")

        def full(fd: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("tui.writing.files.os.fsync", full)
        ran = run("bundle", path, "--force", "--proc", IDLE)
        assert ran == (1, "", f"twtop: {path}: No space left on device\n")
        assert [file.name for file in tmp_path.iterdir()] == ["a.tar.gz"]
        assert path.read_text() == "mine"
