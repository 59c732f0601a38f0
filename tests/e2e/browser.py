"""Chromium without a window, driven by its DevTools protocol: what its page gets, and types."""

import base64
import re
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import pyte
import pytest

from tests.patience import limit

COLUMNS, ROWS = 300, 100
"""More than any page has."""


class Browser:
    """A page of a headless Chromium; `text` is the terminal that it shows."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        if found is None:
            pytest.skip("there is no chromium")
        self._profile = folder / "profile"
        self._line = [
            *(found, "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
            *("--window-size=1280,800", "--remote-debugging-port=0", "about:blank"),
            f"--user-data-dir={self._profile}",
        ]
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._calls = 0
        self.requested: list[str] = []
        """Every address that the page has asked for."""

    async def __aenter__(self) -> Self:
        self._process = subprocess.Popen(self._line, stderr=subprocess.DEVNULL)
        self._client = aiohttp.ClientSession()
        active = self._profile / "DevToolsActivePort"
        end = time.monotonic() + limit()
        while not (active.exists() and "\n" in active.read_text()):
            assert time.monotonic() < end, "chromium does not start"
            time.sleep(0.05)
        port = active.read_text().split()[0]
        async with self._client.get(f"http://127.0.0.1:{port}/json/list") as answer:
            page = next(one for one in await answer.json() if one["type"] == "page")
        self._socket = await self._client.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)
        await self.call("Network.enable")
        await self.call("Page.enable")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()
        self._process.kill()
        self._process.wait()

    async def call(self, method: str, **parameters: object) -> Any:
        """What the browser answers; what happens meanwhile is taken in."""
        self._calls += 1
        await self._socket.send_json({"id": self._calls, "method": method, "params": parameters})
        while True:
            message = await self._receive(limit())
            if message is not None and message.get("id") == self._calls:
                assert "error" not in message, message
                return message["result"]

    async def _receive(self, seconds: float) -> dict[str, Any] | None:
        try:
            message: dict[str, Any] = await self._socket.receive_json(timeout=seconds)
        except TimeoutError:
            return None
        match message.get("method"):
            case "Network.webSocketFrameReceived":
                frame = message["params"]["response"]
                if frame["opcode"] == 2:
                    data = base64.b64decode(frame["payloadData"])
                    self._stream.feed(re.sub(rb"\x1b\[[<>]\d*u", b"", data))
            case "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
            case "Network.webSocketCreated":
                self.requested.append(message["params"]["url"])
        return message

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    async def wait_for(self, wanted: str, *, gone: bool = False) -> str:
        """What the terminal shows once it has this text, or has it no more."""
        end = time.monotonic() + limit()
        while (wanted in self.text) == gone:
            assert time.monotonic() < end, f"waited for {wanted!r}\n{self.text}"
            await self._receive(0.2)
        return self.text

    async def settle(self) -> str:
        """What it shows once nothing came for a while."""
        end = time.monotonic() + limit()
        while await self._receive(0.4) is not None and time.monotonic() < end:
            pass
        return self.text

    async def press(self, key: str, *, control: bool = False) -> None:
        """Press a key of one character, maybe with Ctrl."""
        named: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": ord(key.upper())}
        if control:
            named |= {"modifiers": 2, "code": f"Key{key.upper()}"}
        else:
            named["text"] = key
        await self.call("Input.dispatchKeyEvent", type="keyDown", **named)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    async def value(self, expression: str) -> Any:
        """What a line of JavaScript returns in the page."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        return answer["result"].get("value")

    async def picture(self, path: Path) -> None:
        """Write what it looks like."""
        answer = await self.call("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(answer["data"]))
