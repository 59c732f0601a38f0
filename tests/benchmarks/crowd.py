"""A copy of /proc of a server with very many clients, each of them a pattern of its own."""

from pathlib import Path

LINE = (
    "{:4d}: 0100000A:1F90 {:08X}:9C40 {} 00000000:00000000 00:00000000 00000000  1000        0 "
    "{} 1 0000000000000000 20 4 30 10 -1"
)
HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid"
ESTABLISHED, LISTEN = "01", "0A"


def write(directory: Path, clients: int) -> None:
    """Write what `--proc` reads: a listener, and one open connection for each client."""
    lines = [HEADER, LINE.format(0, 0, LISTEN, 1)]
    for number in range(1, clients + 1):  # 11.x.y.z, which /proc has the other way round
        ip = int.from_bytes((11 << 24 | number * 37).to_bytes(4), "little")
        lines.append(LINE.format(number, ip, ESTABLISHED, number + 1))
    (directory / "net").mkdir()
    (directory / "net/tcp").write_text("".join(f"{line:149}\n" for line in lines))
    (directory / "net/tcp6").write_text(f"{HEADER}\n")
    (directory / "net/sockstat").write_text(
        f"TCP: inuse {clients + 1} orphan 0 tw 0 alloc 0 mem 0\n"
    )
    ipv4 = directory / "sys/net/ipv4"
    ipv4.mkdir(parents=True)
    (ipv4 / "ip_local_port_range").write_text("32768\t60999\n")
