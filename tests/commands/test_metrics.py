"""`twtop metrics`: printed, written, served."""

import random
import re
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import PROXY, host, tuple_with
from tests.e2e.terminal import TWTOP
from tests.metrics.told import parsed
from tests.patience import limit, until

END = {"remote_ip": "10.0.0.9", "remote_port": 5432}
HERE = "127.0.0.1"


def free_port() -> int:
    """A port that nobody has now, below the usual range; another one for each that asks at once."""
    for port in random.sample(range(20_000, 30_000), 1000):
        with socket.socket() as probe:
            try:
                probe.bind((HERE, port))
            except OSError:
                continue
            return port
    raise AssertionError("all ports are taken")


def serving_on(port: int, *arguments: object) -> "subprocess.Popen[str]":
    line = [*TWTOP, "metrics", "--listen", f"{HERE}:{port}", *map(str, arguments)]
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True)


@contextmanager
def served(*arguments: object) -> Iterator[int]:
    """twtop answers scrapes at this port."""
    port = free_port()
    with serving_on(port, *arguments) as process:
        try:
            until(lambda: process.poll() is not None or _answers(port), "the port to answer")
            assert process.poll() is None, process.communicate()
            yield port
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HERE, port)) == 0


def scrape(port: int, scheme: str = "http", context: ssl.SSLContext | None = None) -> str:
    url = f"{scheme}://{HERE}:{port}/metrics"
    with urllib.request.urlopen(url, timeout=limit(), context=context) as answer:
        text: bytes = answer.read()
    return text.decode()


def asked(port: int, method: str, path: str) -> tuple[int, HTTPMessage, bytes]:
    """The status, the headers and the body of an answer."""
    connection = HTTPConnection(HERE, port, timeout=limit())
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.msg, answer.read()
    finally:
        connection.close()


def test_without_options_it_is_printed_once(run: Run, reads: list[Path]) -> None:
    code, out, err = run("metrics", "--proc", PROXY)
    assert (code, err, len(reads)) == (0, "", 1)
    assert parsed(out).value("twtop_pattern_ports_in_use", **END) == 12_250


def test_where_a_pattern_enters_is_configured(run: Run, home: Path) -> None:
    (home / "config/twtop").mkdir(parents=True)
    (home / "config/twtop/config.toml").write_text("[series]\nenter = 50\n")
    told = parsed(run("metrics", "--proc", PROXY).out)
    assert told.value("twtop_pattern_ports_in_use", **END) is None
    assert told.value("twtop_patterns_left_out") == 0


class TestTextfile:
    def test_it_is_whole_and_node_exporter_may_read_it(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "twtop.prom"
        path.write_text("old")
        assert run("metrics", "--proc", PROXY, "--textfile", path) == (0, "", "")
        assert parsed(path.read_text()).value("twtop_pattern_ports_in_use", **END) == 12_250
        assert path.stat().st_mode & 0o777 == 0o644
        assert list(tmp_path.iterdir()) == [path]

    def test_what_cannot_be_read_leaves_no_old_figures(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "twtop.prom"
        run("metrics", "--proc", PROXY, "--textfile", path)
        ran = run("metrics", "--proc", tmp_path / "nothing", "--textfile", path)
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
        told = parsed(path.read_text())
        assert told.value("twtop_reading_success") == 0
        assert not told.named("twtop_sockets")

    def test_a_folder_that_is_not_there_is_an_error_of_one_line(
        self, run: Run, tmp_path: Path
    ) -> None:
        ran = run("metrics", "--proc", PROXY, "--textfile", tmp_path / "a/b.prom")
        assert (ran.code, ran.err.count("\n")) == (1, 1)
        assert str(tmp_path / "a/b.prom") in ran.err

    def test_every_so_often_it_is_written_anew(self, tmp_path: Path) -> None:
        proc, path = host(tmp_path / "proc", tuple_with(100)), tmp_path / "twtop.prom"
        line = [*TWTOP, "metrics", "--proc", str(proc), "--textfile", str(path), "--every", "1"]

        def told() -> float | None:
            return parsed(path.read_text()).value("twtop_pattern_ports_in_use")

        with subprocess.Popen(line) as process:
            try:
                until(path.exists, "the first file")
                assert told() == 100
                host(proc, tuple_with(200))
                until(lambda: told() == 200, "the file to be written anew")
            finally:
                process.terminate()


class TestListen:
    def test_a_scrape_reads_what_is_there_now(self, tmp_path: Path) -> None:
        proc = host(tmp_path, tuple_with(100))
        with served("--proc", proc, "-i", "0.1") as port:
            assert parsed(scrape(port)).value("twtop_pattern_ports_in_use") == 100
            host(tmp_path, tuple_with(200))
            until(
                lambda: parsed(scrape(port)).value("twtop_pattern_ports_in_use") == 200,
                "a scrape with what is new",
            )

    def test_the_metrics_are_at_their_path_alone(self) -> None:
        with served("--proc", PROXY) as port:
            status, headers, body = asked(port, "GET", "/metrics")
            assert (status, b"twtop_sockets{" in body) == (200, True)
            length = headers["Content-Length"]
            status, headers, body = asked(port, "GET", "/metrics?name[]=twtop_ports_capacity")
            names = {line.split(b"{")[0] for line in body.splitlines() if line[:1] != b"#"}
            assert names == {b"twtop_ports_capacity"}
            status, headers, body = asked(port, "HEAD", "/metrics")
            assert (status, body) == (200, b"")
            # The figures differ: how long it took to read is one of them.
            assert abs(int(headers["Content-Length"]) - int(length)) < 100
            for path in ("/", "/?a=b"):
                status, headers, body = asked(port, "GET", path)
                assert (status, b'href="/metrics"' in body) == (200, True)
                assert b"twtop_sockets" not in body
            for path in ("/metricsX", "/metrics/", "/favicon.ico", "/a/metrics"):
                for method in ("GET", "HEAD", "POST"):
                    status, headers, body = asked(port, method, path)
                    assert (status, b"twtop_sockets" in body) == (404, False), (method, path)
                    assert (len(body) > 0) == (method != "HEAD")
            for path in ("/", "/metrics"):
                status, headers, _ = asked(port, "POST", path)
                assert (status, headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
                assert asked(port, "OPTIONS", path)[0] == 200

    def test_over_tls_with_clients_that_must_be_known(self, tmp_path: Path) -> None:
        cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        name = ["-subj", "/CN=twtop", "-addext", f"subjectAltName=IP:{HERE}"]
        try:
            subprocess.run([*make, *name, "-keyout", key, "-out", cert], check=True)
        except FileNotFoundError:
            pytest.skip("there is no openssl")
        files = ("--tls-cert", cert, "--tls-key", key, "--client-ca", cert)
        with served("--proc", PROXY, *files) as port:
            unknown = ssl.create_default_context(cafile=str(cert))
            with pytest.raises(OSError):
                scrape(port, "https", unknown)
            unknown.load_cert_chain(cert, key)
            assert "twtop_sockets" in scrape(port, "https", unknown)

    def test_a_port_that_is_taken_is_an_error_of_one_line(self, run: Run) -> None:
        with socket.socket() as taken:
            taken.bind((HERE, 0))
            taken.listen()
            port = taken.getsockname()[1]
            ran = run("metrics", "--proc", PROXY, "--listen", f"{HERE}:{port}")
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.splitlines()[-1].startswith(f"twtop: --listen {HERE}:{port}: ")

    def test_a_port_that_clients_get_is_warned_of(self, tmp_path: Path) -> None:
        port = free_port()
        proc = host(tmp_path, low=port, size=10)
        with serving_on(port, "--proc", proc) as process:
            assert process.stderr is not None
            said = process.stderr.readline()
            process.terminate()
        assert f"{port}–{port + 9}" in said


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("--listen", f"{HERE}:9815", "--textfile", "a.prom"),
            ("--rules", "--dashboard"),
            ("--listen", HERE),
            ("--listen", "::1:9815"),
            ("--every", "5"),
            ("--textfile", "twtop.txt"),
            ("--textfile", ".prom"),
            ("--tls-cert", "a.pem"),
            ("--listen", f"{HERE}:9815", "--tls-cert", "a.pem"),
            ("--listen", f"{HERE}:9815", "--client-ca", "a.pem"),
        ],
    )
    def test_what_does_not_go_together_is_one_line(
        self, run: Run, arguments: tuple[str, ...]
    ) -> None:
        ran = run("metrics", "--proc", PROXY, *arguments)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)

    def test_a_file_that_node_exporter_would_not_read_is_not_written(
        self, run: Run, tmp_path: Path
    ) -> None:
        ran = run("metrics", "--proc", PROXY, "--textfile", tmp_path / "twtop.prom.txt")
        assert ran.code == 2
        assert "*.prom" in ran.err
        assert list(tmp_path.iterdir()) == []

    def test_without_the_client_it_says_what_to_install(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "tui.metrics.exposition", None)
        for name in [name for name in sys.modules if name.startswith("prometheus_client")]:
            monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, "tui.metrics.exposition")
        ran = run("metrics", "--proc", PROXY)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert re.search(r"pip install 'twtop\[metrics\]'", ran.err)
        assert run("metrics", "--rules").code == 0
