"""What comes from Prometheus, or does not: late, partial, refused, garbled, far too much."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.fleet.answered import DOWN, Fake, answers, send, serving, vector
from tui.fleet import client, queries
from tui.fleet.client import Address, FleetError, Prometheus
from tui.fleet.reader import Reader


@pytest.fixture
def fake() -> Iterator[Fake]:
    with serving() as made:
        yield made


def refusal(fake: Fake, timeout: float = 30.0) -> str:
    with pytest.raises(FleetError) as refused:
        Reader(Prometheus(Address(fake.url, timeout=timeout))).read()
    return str(refused.value)


class TestWhatIsSent:
    def test_a_constant_number_of_requests_over_one_connection(self, fake: Fake) -> None:
        reader = Reader(Prometheus(Address(fake.url)))
        first, second = reader.read(), reader.read()
        assert first.cost.requests == second.cost.requests == len(fake.paths) / 2
        assert set(fake.paths) == {"/api/v1/query"}

    @pytest.mark.parametrize("path", ["/base", "/base/", "/base/api/v1"])
    def test_base_path_query_headers_and_token(self, fake: Fake, tmp_path: Path, path: str) -> None:
        token = tmp_path / "token"
        token.write_text("first\n")
        asked = Prometheus(
            Address(f"{fake.url}{path}?dedup=true", (("X-Scope-OrgID", "shop"),), "", token)
        )
        asked.ask("vector(1)")
        token.write_text("renewed\n")
        asked.ask("vector(1)")
        assert set(fake.paths) == {"/base/api/v1/query"}
        assert [sent["Authorization"] for sent in fake.headers] == [
            "Bearer first",
            "Bearer renewed",
        ]
        assert fake.headers[0]["X-Scope-OrgID"] == "shop"

    def test_a_name_and_password_in_the_url_go_no_further(self, fake: Fake) -> None:
        address = Address(fake.url.replace("//", "//me:secret@"))
        Prometheus(address).ask("vector(1)")
        assert fake.headers[0]["Authorization"] == "Basic bWU6c2VjcmV0"
        assert "secret" not in address.host

    def test_no_token_follows_a_redirect(self, fake: Fake) -> None:
        def elsewhere(handler: BaseHTTPRequestHandler, query: str) -> bool:
            handler.send_response(302)
            handler.send_header("Location", f"{fake.url}/other")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return True

        fake.answer = elsewhere
        assert "/other" in refusal(fake)
        assert len(fake.paths) == 1

    @pytest.mark.parametrize("url", ["prometheus:9090", "ftp://x", "http://", "http://x:y"])
    def test_no_url(self, url: str) -> None:
        with pytest.raises(ValueError):
            Address(url).check()

    def test_no_header_can_bring_another(self) -> None:
        with pytest.raises(ValueError):
            Address("http://x", (("A", "b\r\nC: d"),)).check()


class TestWhatComes:
    def test_late(self, fake: Fake) -> None:
        never = threading.Event()
        fake.answer = lambda handler, query: bool(never.wait(60)) or True
        assert "did not answer within 0.2 s" in refusal(fake, timeout=0.2)
        never.set()

    def test_by_drops(self, fake: Fake) -> None:
        """Bytes come, and the answer never ends."""
        over = threading.Event()

        def drip(handler: BaseHTTPRequestHandler, query: str) -> bool:
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
            while not over.wait(0.02):
                handler.wfile.write(b" ")
                handler.wfile.flush()
            return True

        fake.answer = drip
        assert "did not answer within 0.3 s" in refusal(fake, timeout=0.3)
        over.set()

    def test_nobody_there(self) -> None:
        with serving() as gone:
            pass
        assert refusal(gone).startswith(f"127.0.0.1:{gone.port}: ")

    @pytest.mark.parametrize("code", [400, 401, 403, 422, 429, 500, 503])
    def test_refused_with_its_reason(self, fake: Fake, code: int) -> None:
        body = json.dumps({"status": "error", "error": "query \x1b[2Jtoo\nlong"}).encode()

        fake.answer = lambda handler, query: send(handler, body, code)
        said = refusal(fake)
        assert str(code) in said
        assert said.isprintable()
        assert "--token-file" in said if code in (401, 403) else "too long" in said

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b"null",
            b"7",
            b"[" * 100_000,
            b'{"status":"success"}',
            b'{"status":"success","data":{"resultType":"vector","result":[{}]}}',
            b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":1}]}}',
            b'{"status":"success","data":{"resultType":"streams","result":[]}}',
            b"\xff\xfe\x00",
            vector(({"a": "b"}, 1))[:-9],
        ],
    )
    def test_garbled(self, fake: Fake, body: bytes) -> None:
        fake.answer = lambda handler, query: send(handler, body)
        assert refusal(fake).startswith(f"127.0.0.1:{fake.port}")

    def test_cut_short(self, fake: Fake) -> None:
        def cut(handler: BaseHTTPRequestHandler, query: str) -> bool:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(vector())
            handler.close_connection = True
            return True

        fake.answer = cut
        assert refusal(fake)

    @pytest.mark.parametrize("packed", ["", "gzip"])
    def test_far_too_much(self, fake: Fake, packed: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "MOST_BYTES", 100_000)
        body = b" " * 10_000_000
        body = gzip.compress(body) if packed else body
        fake.answer = lambda handler, query: send(handler, body, packed=packed)
        assert "more than 100,000 bytes" in refusal(fake)

    def test_packed(self, fake: Fake) -> None:
        def pack(handler: BaseHTTPRequestHandler, query: str) -> bool:
            return send(handler, gzip.compress(fake.found.get(query, vector())), packed="gzip")

        fake.answer = pack
        assert Reader(Prometheus(Address(fake.url))).read().hosts == 3

    @pytest.mark.parametrize(
        "body",
        [vector(warnings=["store \x1b[1m down"]), vector(isPartial=True)],
        ids=["Thanos", "VictoriaMetrics"],
    )
    def test_partial_is_said(self, fake: Fake, body: bytes) -> None:
        fake.found[queries.sizes(is_recorded=False)] = body
        (why,) = Reader(Prometheus(Address(fake.url))).read().partial
        assert why.isprintable()

    def test_a_connection_that_was_closed_meanwhile_is_opened_anew(self, fake: Fake) -> None:
        asked = Prometheus(Address(fake.url))

        def hang_up(handler: BaseHTTPRequestHandler, query: str) -> bool:
            send(handler, vector(({}, 1)))
            handler.close_connection = True  # and says nothing of it
            return True

        fake.answer = hang_up
        assert [asked.ask("x").samples[0].value for _ in range(3)] == [1, 1, 1]

    def test_after_a_failure_the_next_question_gets_its_own_answer(self, fake: Fake) -> None:
        reader = Reader(Prometheus(Address(fake.url)))
        fake.found = dict.fromkeys(fake.found, b"{")
        with pytest.raises(FleetError):
            reader.read()
        fake.found = answers({"silent": (DOWN,)})
        assert len(reader.read().silent) == 1
