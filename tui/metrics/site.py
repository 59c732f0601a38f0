"""What is at which path of the server that is scraped: the metrics at /metrics, an index at /."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tui import __version__

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

METRICS_PATH = "/metrics"
INDEX = f"""\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>twtop metrics</title></head>
<body><p>twtop {__version__}: <a href="{METRICS_PATH}">metrics</a> for Prometheus</p></body>
</html>
"""
HTML, TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"
METHODS = "GET, HEAD, OPTIONS"


def site(metrics: WSGIApplication) -> WSGIApplication:
    """Return a WSGI application (PEP 3333) that has ``metrics`` at its path, and nowhere else.

    prometheus_client's own answers every path with them, and a HEAD with an error or a body,
    whichever version it is of. A query string is left to it: ``?name[]=`` chooses some of them.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if method == "HEAD":  # a GET without its body, as RFC 9110 has it
            return _head(answer, environ, start_response)
        if path not in ("", "/", METRICS_PATH):
            text = f"404 not found; the metrics are at {METRICS_PATH}\n"
            return _page(start_response, "404 Not Found", text)
        if method not in METHODS.split(", "):
            text = f"405 not allowed; use {METHODS}\n"
            return _page(start_response, "405 Method Not Allowed", text, ("Allow", METHODS))
        if method == "OPTIONS":
            return _page(start_response, "200 OK", "", ("Allow", METHODS))
        if path == METRICS_PATH:
            return metrics(environ, start_response)
        return _page(start_response, "200 OK", INDEX, kind=HTML)

    return answer


def _page(
    start_response: StartResponse, status: str, text: str, *more: tuple[str, str], kind: str = TEXT
) -> Iterable[bytes]:
    body = text.encode()
    length = str(len(body))
    start_response(status, [("Content-Type", kind), ("Content-Length", length), *more])
    return [body]


def _head(
    answer: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    told: list[tuple[str, list[tuple[str, str]]]] = []

    def note(status: str, headers: list[tuple[str, str]], failure: object = None) -> object:
        told.append((status, headers))
        return None

    body = b"".join(answer({**environ, "REQUEST_METHOD": "GET"}, note))  # type: ignore[arg-type]
    status, headers = told[-1]
    others = [one for one in headers if one[0].lower() != "content-length"]
    start_response(status, [*others, ("Content-Length", str(len(body)))])
    return []
