"""The options that name a destination."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

import click

from tui.analysis.brackets import unclear
from tui.analysis.patterns import NO_PORT, endpoint
from tui.commands.options import together

Address = tuple[str, int | None]


def address(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Address | None:
    """Return an IP address as twtop writes it, and the port behind it if there is one.

    What could be one with a port and one without is refused.
    """
    if value is None:
        return None
    if cure := unclear(value):
        raise click.BadParameter(f"{value}: {cure}")
    # In brackets, or with one colon, there can be a port; other colons are IPv6's own.
    split = re.fullmatch(r"\[(.*)\](?::(.*))?|([^:]*):([^:]*)", value)
    ip = (split[1] or split[3] or "") if split else value
    port = split[4] if split and split[2] is None else split[2] if split else None
    try:
        parsed = ip_address(ip)
    except ValueError:
        raise click.BadParameter(
            f"{value} is not an IP address such as 10.0.0.9 or 2001:db8::10"
        ) from None
    if port is not None and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536):
        raise click.BadParameter(f"{value} is not a port: they go from 1 to 65535")
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    # A table knows no scope (%eth0).
    return str(mapped or type(parsed)(int(parsed))), int(port) if port else None


destination_options = together(
    click.option(
        "--dst",
        callback=address,
        metavar="IP[:PORT]",
        help="The destination; write IPv6 with a port as [2001:db8::10]:443.  [default: any]",
    ),
    click.option("--dport", type=click.IntRange(1, 65535), metavar="PORT", help="Its port."),
    click.option("--src", callback=address, metavar="IP", help="The local address."),
)


def destination(
    dst: Address | None, dport: int | None, src: Address | None
) -> tuple[str | None, str | None, int | None]:
    """Return the local IP, the remote IP and the remote port that the options name.

    Raises click.UsageError where they contradict each other.
    """
    remote_ip, remote_port = dst or (None, None)
    if dport is not None:
        if remote_port not in (None, dport):
            raise click.UsageError(f"--dst says port {remote_port}, but --dport says {dport}")
        remote_port = dport
    local_ip, local_port = src or (None, None)
    if local_port is not None:
        raise click.UsageError("--src takes no port: connect() chooses it")
    if local_ip and remote_ip and (":" in local_ip) != (":" in remote_ip):
        raise click.UsageError(
            f"--src {local_ip} cannot reach --dst {remote_ip}: one is IPv4, the other IPv6"
        )
    return local_ip, remote_ip, remote_port


def ends_text(local_ip: str | None, remote_ip: str | None, remote_port: int | None) -> str:
    """Return the ends as words, such as ``from 10.0.0.1 to 10.0.0.9:5432``; empty without any."""
    port = NO_PORT if remote_port is None else remote_port
    remote = endpoint(remote_ip, port) if remote_ip else f"port {port}" if remote_port else ""
    return " ".join([f"from {local_ip}"] * bool(local_ip) + [f"to {remote}"] * bool(remote))
