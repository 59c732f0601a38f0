"""`twtop serve` in a real browser: the dashboard is there, and nothing of the host's is touched."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from tests.commands.hosts import PROXY
from tests.commands.test_metrics import HERE, free_port
from tests.e2e.browser import Browser
from tests.e2e.terminal import ROOT, TWTOP
from tests.patience import limit, until
from tui.dashboard.page import MOST


class Served(NamedTuple):
    """A twtop that serves."""

    port: int
    process: "subprocess.Popen[str]"
    home: Path

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.port}/"

    @property
    def socket(self) -> str:
        return f"ws://{HERE}:{self.port}/ws"

    def sessions(self) -> list[int]:
        """The processes that it has started, one a page."""
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(word) for word in text.split()]

    def files(self) -> set[Path]:
        return set(self.home.rglob("*"))


@contextmanager
def served(home: Path, *arguments: object, **environment: str) -> Iterator[Served]:
    port = free_port()
    line = [*TWTOP, "serve", "--listen", f"{HERE}:{port}", *map(str, arguments)]
    env: Mapping[str, str] = os.environ | {"HOME": str(home)} | environment
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, cwd=home, env=env) as process:
        here = Served(port, process, home)
        try:
            until(lambda: listening(process.pid) or process.poll() is not None, "the page")
            assert process.poll() is None, process.communicate()
            yield here
        finally:
            process.terminate()


def listening(pid: int) -> set[str]:
    """The addresses that a process listens on."""
    lines = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    return {line.split()[3] for line in lines.splitlines() if f"pid={pid}," in line}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, "--proc", PROXY, PYTHONPATH=str(ROOT)) as one:
        yield one


@pytest.fixture
async def browser(here: Served, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with Browser(tmp_path_factory.mktemp("browser")) as one:
        await one.call("Page.navigate", url=here.url)
        await one.wait_for("10.0.0.9:5432")
        await one.value("document.querySelector('textarea').focus()")
        yield one


class TestThePage:
    async def test_it_shows_the_dashboard_and_the_keys_work(
        self, here: Served, browser: Browser, tmp_path: Path
    ) -> None:
        assert "12,210" in browser.text
        await browser.press("/")
        await browser.wait_for("Filter:")
        for letter in "6379":
            await browser.press(letter)
        await browser.wait_for("10.0.0.11:443", gone=True)
        assert "10.0.0.10:6379" in browser.text
        await browser.picture(tmp_path / "page.png")

    async def test_nothing_listens_beyond_loopback_nor_is_asked_for_elsewhere(
        self, here: Served, browser: Browser
    ) -> None:
        assert listening(here.process.pid) == {f"{HERE}:{here.port}"}
        assert not set.union(*map(listening, here.sessions()))
        names = {url.split("/")[2] for url in browser.requested}
        assert names == {f"{HERE}:{here.port}"}

    async def test_no_key_does_anything_to_the_host(self, here: Served, browser: Browser) -> None:
        """Each by its key, and none is offered by footer, help or palette."""
        before = here.files()
        for key in "eRFKau":
            await browser.press(key)
        await browser.press("z", control=True)
        await browser.press("?")
        text = await browser.wait_for("On the dashboard")
        for what in (
            "Write the rows",
            "Return to the shell",
            "kernel count",
            "Free its ports",
            "Undo the settings",
        ):
            assert what not in text
        await browser.press("?")
        await browser.press("p", control=True)
        for letter in "save":
            await browser.press(letter)
        text = await browser.wait_for("No matches found")
        assert "arrangement" not in text
        (session,) = here.sessions()
        assert Path(f"/proc/{session}/stat").read_text().rpartition(")")[2].split()[0] != "T"
        assert here.files() == before


class TestWhoMayAsk:
    async def _status(self, url: str, **headers: str) -> int:
        async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as answer:
            return answer.status

    async def test_another_sites_page_gets_nothing(self, here: Served) -> None:
        """A browser sends a request wherever any page wants it, and lets it read a web socket."""
        assert await self._status(here.url) == 200
        assert await self._status(here.url, Origin=f"http://{HERE}:{here.port}") == 200
        for origin in ("http://evil.example", f"http://{HERE}:{here.port + 1}", "null"):
            assert await self._status(here.socket.replace("ws", "http", 1), Origin=origin) == 403
        assert here.sessions() == []

    async def test_nor_does_a_site_whose_name_leads_here(self, here: Served) -> None:
        assert await self._status(here.url, Host="evil.example") == 403
        assert await self._status(here.url, Host=f"localhost:{here.port}") == 200  # a tunnel

    async def test_a_name_that_was_given_may_be_used(self, tmp_path: Path) -> None:
        with served(tmp_path, "--proc", PROXY, "--name", "Web-1", PYTHONPATH=str(ROOT)) as one:
            assert await self._status(one.url, Host="web-1:443") == 200


class TestSessions:
    async def test_there_are_only_so_many(self, here: Served) -> None:
        async with aiohttp.ClientSession() as client:
            opened = [await client.ws_connect(here.socket) for _ in range(MOST)]
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await client.ws_connect(here.socket)
            async with client.get(here.url) as answer:
                assert answer.status == 503
            assert len(here.sessions()) == MOST
            for one in opened:
                await one.close()
        await asyncio.to_thread(until, lambda: not here.sessions(), "the dashboards to end")

    async def test_a_page_of_any_size_is_drawn_at_a_size_that_costs_little(
        self, here: Served
    ) -> None:
        async with aiohttp.ClientSession() as client:
            url = f"{here.socket}?width=1000000&height=1000000"
            async with client.ws_connect(url, max_msg_size=0) as page:
                await page.send_json(["resize", {"width": 10**9, "height": 10**9}])
                await page.send_json(["resize", {"width": "a", "height": None}])
                await page.send_json(["resize", {"width": 80, "height": 24}])
                while b"10.0.0.9:5432" not in (await page.receive(limit())).data:
                    pass
                (session,) = here.sessions()
                pages = int(Path(f"/proc/{session}/statm").read_text().split()[1])
                assert pages * os.sysconf("SC_PAGE_SIZE") < 500e6

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    async def test_they_end_with_the_server(self, here: Served, number: signal.Signals) -> None:
        async with aiohttp.ClientSession() as client, client.ws_connect(here.socket) as page:
            await page.receive(limit())
            (session,) = here.sessions()
            here.process.send_signal(number)
            await asyncio.to_thread(here.process.wait, limit())
            await asyncio.to_thread(
                until, lambda: not Path(f"/proc/{session}").exists(), "the dashboard to end"
            )
