"""The page that shows the dashboard, and who may open it; the one door to textual-serve."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Collection, Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

MOST = 8
"""Dashboards at one time: each is a process that reads for itself."""
CLOSING_SECONDS = 1.0
"""How long the dashboards may take to end when the server is interrupted."""
PAGE = """\
<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8"><title>twtop</title>
<link rel="stylesheet" href="/static/css/xterm.css">
<script src="/static/js/textual.js"></script>
<style>
body { background: #121212; color: #e0e0e0; font: 16px monospace; }
.textual-terminal { position: absolute; inset: 0; }
#ended { display: none; position: absolute; inset: 40% 0 auto; text-align: center; z-index: 1; }
.-closed #ended { display: block; }
.-closed .textual-terminal { opacity: 0.3; }
a { color: inherit; }
</style>
</head>
<body>
<div id="ended">The dashboard has ended. <a href="/">Open it again</a></div>
<div class="textual-terminal" data-session-websocket-url="SOCKET" data-font-size="14"></div>
</body>
</html>
"""
"""textual-serve's own page fetches a font from Google, and needs to know by what name it is
reached, which a tunnel changes."""
HEADERS = {
    "Content-Security-Policy": "default-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self' ws: wss:; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Page(Server):
    """Starts a dashboard for each page that is opened.

    A browser also runs what other sites send it. So that none of these reads along, a request must
    name this server by an address, as localhost or by a name that the user has given, which stops a
    site that has its own name lead here; and must come from this very page.
    """

    def __init__(self, command: Sequence[str], names: Collection[str]) -> None:
        """``command`` is a dashboard of Textual's; ``names`` are what this host may be called."""
        super().__init__(f"exec {shlex.join(command)}", title="twtop")
        self._names = {"localhost", *names}
        self._open = 0

    def run(self, ip: str, port: int) -> None:
        """Answer until interrupted. Raises OSError where it cannot listen there."""
        web.run_app(
            self._make_app(),
            host=ip,
            port=port,
            access_log=None,
            print=None,
            shutdown_timeout=CLOSING_SECONDS,
        )

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._guarded])
        app.router.add_get("/", self.handle_index)
        app.router.add_get("/ws", self.handle_websocket)
        app.router.add_static("/static", Path(self.statics_path))
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        name = urlsplit(f"//{request.host}").hostname or ""
        if not (name in self._names or _is_address(name)):
            raise web.HTTPForbidden(text=f"twtop serve --name {name} would allow this name\n")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="this comes from another site's page\n")
        return await handler(request)

    async def handle_index(self, request: web.Request) -> web.Response:
        """Return the page, or why there is none."""
        if self._open >= MOST:
            raise web.HTTPServiceUnavailable(text=f"{MOST} dashboards are open: close one first\n")
        secure = "https" in (request.scheme, request.headers.get("X-Forwarded-Proto"))
        socket = f"{'wss' if secure else 'ws'}://{request.host}/ws"
        return web.Response(
            text=PAGE.replace("SOCKET", socket), content_type="text/html", headers=HEADERS
        )

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run a dashboard for as long as its page is open."""
        if self._open >= MOST:
            raise web.HTTPServiceUnavailable
        self._open += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self._open -= 1


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
