"""twtop metrics: what a Prometheus scrapes, and what goes with it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui import metrics as own_files
from tui.commands.configuration import configured
from tui.commands.destination import Address, address
from tui.commands.listening import warn_of_port
from tui.commands.options import Settings, given, shared_options
from tui.commands.output import UNWRITABLE, USAGE, emit_data, fail, remark
from tui.commands.reading import open_source, owners_of
from tui.commands.unit import unit_text
from tui.findings.baseline import BaselineError, baseline_path, load_baseline
from tui.kernel.find_place import ALL
from tui.metrics.alerts import rules_text
from tui.metrics.grafana import dashboard_text
from tui.metrics.post import Post
from tui.metrics.rounds import Rounds
from tui.writing.files import write_whole

if TYPE_CHECKING:
    from tui.metrics.exposition import Scrapes

UNIT = "twtop-metrics.service"
ALL_MAY_READ = 0o644
"""node_exporter runs as a user of its own."""
EPILOG = (
    "Exit codes: 0 done, 1 the metrics could not be written or the port not opened, 2 wrong "
    "usage, 3 the kernel's tables could not be read."
)
FILE = click.Path(path_type=Path, dir_okay=False)


def prom_file(
    context: click.Context, parameter: click.Parameter, value: Path | None
) -> Path | None:
    """Return a file that node_exporter reads: it passes over all others without a word."""
    if value is not None and value.suffix != ".prom":
        raise click.BadParameter(f"{value}: node_exporter reads only files named *.prom")
    return value


@click.command(epilog=EPILOG)
@click.option(
    "--listen",
    callback=address,
    metavar="IP:PORT",
    help="Answer scrapes of /metrics on this address until interrupted. They reveal the addresses "
    "and ports this host talks to and the names of its processes, so go beyond loopback only on a "
    "network you trust, or with --tls-cert and --client-ca. Choose a port outside "
    "ip_local_port_range.",
)
@click.option(
    "--textfile",
    type=FILE,
    callback=prom_file,
    metavar="PATH",
    help="Write a file for node_exporter's textfile collector; its name must end in .prom. It is "
    "replaced as a whole, never half written.",
)
@click.option(
    "--every",
    type=click.FloatRange(1, 86_400),
    metavar="SECONDS",
    help="With --textfile: rewrite it this often, until interrupted.  [default: once]",
)
@click.option(
    "--tls-cert",
    type=FILE,
    metavar="PATH",
    help="With --listen: serve HTTPS with this certificate.",
)
@click.option("--tls-key", type=FILE, metavar="PATH", help="The certificate's key.")
@click.option(
    "--client-ca",
    type=FILE,
    metavar="PATH",
    help="Answer only clients with a certificate from this authority. There is no basic auth: for "
    "passwords put a proxy in front.",
)
@click.option(
    "--rules", is_flag=True, help="Print alerting and recording rules, without reading anything."
)
@click.option(
    "--dashboard", is_flag=True, help="Print a Grafana dashboard, without reading anything."
)
@click.option("--unit", is_flag=True, help="Print a systemd unit, without reading anything.")
@shared_options
@click.pass_context
def metrics(
    context: click.Context,
    /,
    listen: Address | None,
    textfile: Path | None,
    every: float | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    rules: bool,
    dashboard: bool,
    unit: bool,
    **options: Any,
) -> None:
    """Print metrics for Prometheus and compatible systems; --listen serves them.

    Each scrape reads the kernel's tables, but at most once per interval (-i). At most 50 patterns
    get series of their own: those with a tenth of their ports in use or more ([series] in
    config.toml). twtop_patterns_left_out counts the others.

    With -N all one exposition has every place, and the 50 are those of all places together. A place
    whose few sockets cannot fill a twentieth of its ports is not read: it is told by an upper bound
    (twtop_place_utilization_bound_ratio), and its other findings are not known.

    \b
    twtop metrics -N all --listen 127.0.0.1:9815
    twtop metrics --listen 127.0.0.1:9815
    twtop metrics --textfile /var/lib/node_exporter/twtop.prom --every 15
    twtop metrics --unit > /etc/systemd/system/twtop-metrics.service
    twtop metrics --rules > /etc/prometheus/rules/twtop.yml

    It needs prometheus_client: pip install 'twtop[metrics]'.
    """
    settings = given(context, options)
    printed = {"--rules": rules, "--dashboard": dashboard, "--unit": unit}
    modes = {"--listen": listen, "--textfile": textfile, **printed}
    if len(chosen := [name for name, value in modes.items() if value]) > 1:
        raise click.UsageError(f"{' and '.join(chosen)}: choose one")
    if every is not None and textfile is None:
        raise click.UsageError("--every is for --textfile: --listen reads when it is scraped")
    if (tls_cert or tls_key or client_ca) and listen is None:
        raise click.UsageError("--tls-cert, --tls-key and --client-ca are for --listen")
    if (tls_cert is None) != (tls_key is None) or (client_ca and tls_cert is None):
        raise click.UsageError("HTTPS needs both --tls-cert and --tls-key")
    if settings.interval is not None and listen is None:
        raise click.UsageError("--interval is for --listen; --textfile has --every")
    if any(printed.values()):
        if settings.said:
            raise click.UsageError(f"{chosen[0]} reads nothing; leave out {settings.said[0]}")
        text = (
            rules_text() if rules else dashboard_text() if dashboard else unit_text(own_files, UNIT)
        )
        emit_data(text.rstrip("\n"))
        return
    if every is not None:
        settings = replace(settings, interval=every)
    once = listen is None and every is None
    scrapes = _scrapes(settings, once=once, least_seconds=settings.seconds if listen else 0.0)
    if listen is not None:
        ip, port = listen
        if port is None:
            raise click.UsageError(f"--listen {ip} needs a port, such as {ip}:9815")
        warn_of_port(settings, port)
        try:
            scrapes.serve(ip, port, tls_cert, tls_key, client_ca)
        except OSError as error:
            fail(f"--listen {ip}:{port}: {error.strerror or error}", UNWRITABLE)
        threading.Event().wait()
    elif textfile is not None:
        _write(scrapes, textfile, every)
    else:
        text = scrapes.text().decode()
        if scrapes.failures:
            fail(scrapes.failures[0])
        emit_data(text.rstrip("\n"))


def _scrapes(settings: Settings, *, once: bool, least_seconds: float) -> Scrapes:
    """Return what reads and tells; the owners of sockets have been looked for."""
    try:
        from tui.metrics.exposition import Scrapes
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        fail("this needs prometheus_client: pip install 'twtop[metrics]'", USAGE)
    try:
        baseline = load_baseline(baseline_path())
    except BaselineError as error:
        fail(str(error), USAGE)
    config = configured(settings)
    post: Post | Rounds
    if settings.place == ALL:
        post = Rounds(
            settings.proc,
            lambda: owners_of(settings),
            config,
            source=settings.source,
            interval=settings.seconds,
            one_shot=once,
        )
    else:
        source = open_source(settings, one_shot=once)
        post = Post(source, lambda: owners_of(settings), config, baseline)
        post.look_for_owners()
    return Scrapes((post,), least_seconds, walks=not once)


def _write(scrapes: Scrapes, path: Path, every: float | None) -> None:
    """Write the file, once or for ever. That nothing could be read is written as well."""
    due = time.monotonic()
    failures: tuple[str, ...] = ()
    while True:
        text = scrapes.text()
        try:
            write_whole(path, lambda file: file.write(text), mode=ALL_MAY_READ)  # noqa: B023
        except OSError as error:
            fail(f"{path}: {error.strerror or error}", UNWRITABLE)
        if every is None:
            if scrapes.failures:
                fail(scrapes.failures[0])
            return
        if scrapes.failures != failures:  # a line each time would fill a log
            failures = scrapes.failures
            for failure in failures:
                remark(failure)
        due = max(due + every, time.monotonic())
        time.sleep(max(due - time.monotonic(), 0))
