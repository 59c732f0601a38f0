"""A client of Prometheus's HTTP API: GET over one kept connection; one thread at a time."""

from __future__ import annotations

import errno
import ssl
import time
import zlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from math import ceil
from pathlib import Path
from urllib.parse import quote, unquote, urlencode, urlsplit

from tui.fleet.answers import Answer, AnswerError, read_answer, read_refusal
from tui.kernel.printable import printable
from tui.writing.files import read_whole

MOST_BYTES = 64_000_000
"""Of one answer, unpacked; a fleet's largest is some 3 MB."""
CHUNK = 1 << 16
MOST_ERROR = 100_000
"""Bytes of an error page that are read."""


class FleetError(Exception):
    """Prometheus did not answer, or refused; the text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where Prometheus is, and what it wants to be told."""

    url: str
    """With the base path that its API is below, and a query that each request is to have."""
    headers: tuple[tuple[str, str], ...] = ()
    token: str = field(default="", repr=False)
    """A bearer token."""
    token_file: Path | None = None
    """A file that has one, read anew for each request: whoever wrote it may renew it."""
    timeout: float = 10.0
    """Seconds that an answer may take."""

    @property
    def host(self) -> str:
        """The host and port, without what is secret."""
        return printable(urlsplit(self.url).netloc.rpartition("@")[2])

    def check(self) -> None:
        """Raise ValueError where no request can be made of it."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError(f"{self.host or self.url} is not a URL such as http://prometheus:9090")
        for name, value in self.sent().items():
            if not (name + value).isprintable() or not (name + value).isascii():
                raise ValueError(
                    f"the header {printable(name)} contains characters that are not allowed"
                )

    def sent(self) -> dict[str, str]:
        """Return the headers of a request. Raises OSError where there is no token to read."""
        found = {"Accept": "application/json", "Accept-Encoding": "gzip"} | dict(self.headers)
        parts = urlsplit(self.url)
        token = self.token
        if self.token_file is not None:
            token = read_token(self.token_file)
        if token:
            found["Authorization"] = f"Bearer {token}"
        elif parts.username is not None:
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            found["Authorization"] = f"Basic {b64encode(secret.encode()).decode()}"
        return found


def read_token(path: Path) -> str:
    """Return the bearer token that a file has. Raises OSError, also where it has none."""
    if token := read_whole(path).decode(errors="replace").strip():
        return token
    raise OSError(errno.ENODATA, "contains no token", str(path))


class Prometheus:
    """Asks, and keeps the connection for the next question."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._connection: HTTPConnection | None = None

    def ask(self, query: str, at: float | None = None) -> Answer:
        """Return what an expression is at a Unix time, by default now. Raises FleetError."""
        return self._ask("query", {"query": query} | ({} if at is None else {"time": f"{at:.3f}"}))

    def ask_range(self, query: str, start: float, end: float, step: float) -> Answer:
        """Return what it was from one Unix time to another, each ``step`` s. Raises FleetError."""
        span = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        return self._ask("query_range", {"query": query} | span)

    def _ask(self, path: str, parameters: Mapping[str, str]) -> Answer:
        address, host = self.address, self.address.host
        more = {"timeout": f"{ceil(address.timeout)}s", "stats": "all"}  # "0.5s" is refused
        try:
            body = self._get(path, {**parameters, **more})
            return read_answer(body)
        except TimeoutError:
            why = f"{host} did not answer within {address.timeout:g} s"
        except AnswerError as error:
            why = f"{host}: {error}"
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            name = getattr(error, "filename", None)
            why = f"{name or host}: {printable(reason)}"
        except FleetError:
            self.close()
            raise
        self.close()  # what is left of an answer would be read as the next one's
        raise FleetError(why) from None

    def _get(self, path: str, parameters: Mapping[str, str]) -> bytes:
        """Return the body of an answer that is one."""
        parts = urlsplit(self.address.url)
        query = "&".join(filter(None, (parts.query, urlencode(parameters, quote_via=quote))))
        base = quote(parts.path, safe="/%").rstrip("/").removesuffix("/api/v1")
        began = time.monotonic()
        response = self._send(f"{base}/api/v1/{path}?{query}")
        if response.status == 200:
            return self._body(response, began, MOST_BYTES)
        why = printable(response.reason or "")
        if 300 <= response.status < 400:
            where = printable(response.headers.get("Location") or "nowhere")
            why = f"it redirects to {where}: give that URL"  # a token is for one host
        elif response.status in (401, 403):
            why += ": give --token-file, or --header"
        else:
            why = read_refusal(self._body(response, began, MOST_ERROR)) or why
        raise FleetError(f"{self.address.host} refuses: {response.status} {why}".strip())

    def _send(self, target: str) -> HTTPResponse:
        """Send a request; once more where the connection was kept too long for the other end."""
        kept = self._connection is not None
        try:
            connection = self._connection = self._connection or self._connected()
            connection.request("GET", target, headers=self.address.sent())
            return connection.getresponse()
        except TimeoutError:
            raise
        except ConnectionError:
            self.close()
            if not kept:
                raise
            return self._send(target)

    def _connected(self) -> HTTPConnection:
        parts, timeout = urlsplit(self.address.url), self.address.timeout
        assert parts.hostname is not None
        if parts.scheme == "https":
            trusted = ssl.create_default_context()  # SSL_CERT_FILE names others
            return HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=trusted)
        return HTTPConnection(parts.hostname, parts.port, timeout=timeout)

    def _body(self, response: HTTPResponse, began: float, most: int) -> bytes:
        """Return the body, unpacked. Raises TimeoutError, FleetError where it is too long."""
        unpack = None
        if response.headers.get("Content-Encoding") == "gzip":
            unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
        body = bytearray()
        while chunk := response.read1(CHUNK):
            try:
                body += chunk if unpack is None else unpack.decompress(chunk, most + 1 - len(body))
            except zlib.error:
                raise AnswerError("the answer cannot be unpacked: is this Prometheus?") from None
            if len(body) > most:
                raise FleetError(f"{self.address.host} answers with more than {most:,} bytes")
            if time.monotonic() - began > self.address.timeout:
                raise TimeoutError
        whole = not response.length
        response.close()  # else the connection takes no further request
        if not whole:  # http.client takes it for the end where the other one hangs up
            raise AnswerError("the answer was cut short")
        return bytes(body)

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
