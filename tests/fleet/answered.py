"""A fake Prometheus on loopback, and the answers that it gives: a fleet made by hand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tui.fleet import queries
from tui.fleet.answers import read_answer
from tui.fleet.fleet import Fleet
from tui.fleet.gathered import fleet_of
from tui.metrics import recorded
from tui.metrics.recorded import Asked

NOON = 1_750_000_000.0
Series = tuple[Mapping[str, str], float]


def target(host: str, job: str = "gateway") -> dict[str, str]:
    """The labels that Prometheus gives a host."""
    return {"instance": f"{host}:9815", "job": job}


def place(host: str, name: str = "", job: str = "gateway") -> dict[str, str]:
    """The labels of a place."""
    return target(host, job) | {"place": name or host}


def ends(remote_ip: str) -> dict[str, str]:
    """The labels of a pattern."""
    return {
        "direction": "outgoing",
        "local_ip": "10.0.0.5",
        "remote_ip": remote_ip,
        "remote_port": "443",
    }


def sizes(where: Mapping[str, str], remote_ip: str, in_use: int, capacity: int, locked: int,
          left: float = float("inf"), process: str = "envoy") -> list[Series]:  # fmt: skip
    """The series of one pattern."""
    labels = {**where, **ends(remote_ip)}
    values = (in_use, capacity, locked, left)
    found: list[Series] = [
        ({"__name__": name, **labels}, value)
        for name, value in zip(recorded.SIZES, values, strict=True)
    ]
    return [*found, ({"__name__": recorded.INFO, **labels, "process": process}, 1)]


def vector(*series: Series, time: float = NOON, **more: Any) -> bytes:
    """An instant answer."""
    result = [{"metric": dict(labels), "value": [time, _number(v)]} for labels, v in series]
    return _success("vector", result, **more)


def matrix(*lines: tuple[Mapping[str, str], list[tuple[float, float]]], **more: Any) -> bytes:
    """The answer to a range query."""
    result = [
        {"metric": dict(labels), "values": [[time, _number(v)] for time, v in points]}
        for labels, points in lines
    ]
    return _success("matrix", result, **more)


def _number(value: float) -> str:
    return {float("inf"): "+Inf"}.get(value, str(value))


def _success(kind: str, result: list[Any], **more: Any) -> bytes:
    return json.dumps(
        {"status": "success", "data": {"resultType": kind, "result": result}} | more
    ).encode()


CALM, BUSY, FULL = place("gw-1"), place("gw-2"), place("node-3", "shop/cart", "worker")
ANSWERS: dict[Asked, tuple[Series, ...]] = {
    "locked": ((BUSY, 0.9), (FULL, 1.0), (CALM, 0.05)),
    "left": ((BUSY, 120.0), (FULL, 0.0)),
    "findings": (
        ({**FULL, "code": "ports-exhausted", "severity": "critical"}, 1),
        ({**CALM, "code": "close-wait-held", "severity": "warning"}, 2),
    ),
    "doubts": (),
    "silent": (),
    "groups": (({"job": "gateway"}, 0.9), ({"job": "worker"}, 1.0)),
    "hosts": (({"job": "gateway"}, 2), ({"job": "worker"}, 1)),
    "counts": (
        ({"job": "worker", "severity": "critical"}, 1),
        ({"job": "gateway", "severity": "warning"}, 2),
    ),
}
SIZES = (
    *sizes(BUSY, "10.9.0.4", 950, 1000, 900, 120.0),
    *sizes(BUSY, "10.9.0.5", 300, 1000, 300),
    *sizes(FULL, "10.2.0.9", 1000, 1000, 1000, 0.0, "php"),
)
DOWN: Series = (target("gw-9"), 1)
GONE: Series = (target("gw-8"), 2)


def answers(changed: Mapping[Asked, tuple[Series, ...]] | None = None) -> dict[str, bytes]:
    """What is answered to each expression, with some changed."""
    now = ANSWERS | dict(changed or {})
    found = {
        queries.expression(name, is_recorded=False, by="job"): vector(*series)
        for name, series in now.items()
    }
    found[queries.IS_RECORDED] = vector(({}, 0))
    found[queries.sizes(is_recorded=False)] = vector(*locked(now["locked"]), *SIZES)
    return found


def locked(places: Iterable[Series]) -> list[Series]:
    """The series of what places have locked."""
    return [({**labels, "__name__": recorded.LOCKED}, value) for labels, value in places]


def fleet(
    changed: Mapping[Asked, tuple[Series, ...]] | None = None,
    tuples: Iterable[Series] | None = None,
) -> Fleet:
    """The fleet that these answers tell of."""
    now = ANSWERS | dict(changed or {})
    read = {name: read_answer(vector(*series)).samples for name, series in now.items()}
    told = vector(*locked(now["locked"]), *(SIZES if tuples is None else tuples))
    return fleet_of(read, read_answer(told).samples, NOON, "job")


class Fake:
    """A server that answers by the expression, or as ``answer`` says."""

    def __init__(self, found: Mapping[str, bytes]) -> None:
        self.found = dict(found)
        self.paths: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.queries: list[str] = []
        self.answer: Callable[[BaseHTTPRequestHandler, str], bool] = lambda handler, query: False
        """Answers itself and returns True, or leaves it to ``found``."""
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def send(handler: BaseHTTPRequestHandler, body: bytes, code: int = 200, packed: str = "") -> bool:
    """Send a whole answer, and return True."""
    handler.send_response(code)
    if packed:
        handler.send_header("Content-Encoding", packed)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return True


@contextmanager
def serving(found: Mapping[str, bytes] | None = None) -> Iterator[Fake]:
    """Run a fake Prometheus; what it does not know it has no series of."""
    fake = Fake(answers() if found is None else found)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = parse_qs(url.query).get("query", [""])[0]
            fake.paths.append(url.path)
            fake.headers.append(dict(self.headers))
            fake.queries.append(query)
            try:
                if not fake.answer(self, query):
                    empty = matrix() if url.path.endswith("range") else vector()
                    send(self, fake.found.get(query, empty))
            except ConnectionError:  # the client has seen enough
                self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        fake.port = server.server_port
        # It looks so often whether it is to end, and half a second is what it takes otherwise.
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield fake
        finally:
            server.shutdown()
