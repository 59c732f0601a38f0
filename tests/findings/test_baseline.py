import json
from pathlib import Path

import pytest

from tests.findings.situations import frame_of
from tests.tables import NOW, Sock, listener
from tui.analysis.patterns import endpoint
from tui.findings.baseline import (
    Baseline,
    BaselineError,
    baseline_path,
    listeners,
    load_baseline,
    save_baseline,
    take_baseline,
)

SOME = Baseline(frozenset({("0.0.0.0", 80), ("::", 443), ("::1", 8080)}), NOW)


def written(path: Path, **changes: object) -> Path:
    content = {"schema": "twtop.listeners/1", "time": "2026-01-01T00:00:00+00:00", "listeners": []}
    path.write_text(json.dumps(content | changes))
    return path


class TestTaking:
    def test_listeners_alone_each_once(self) -> None:
        shared = [listener("::", 443, inode=n) for n in (1, 2)]
        frame = frame_of(listener(), *shared, Sock(), listener("::ffff:10.0.0.5", 22))
        assert listeners(frame) == [("10.0.0.5", 22), ("0.0.0.0", 80), ("::", 443)]
        assert take_baseline(frame) == Baseline(frozenset(listeners(frame)), NOW)

    @pytest.mark.parametrize(
        ("address", "text"),
        [("::", "[::]:80"), ("::1", "[::1]:80"), ("0.0.0.0", "0.0.0.0:80")],
    )
    def test_they_are_written_as_they_should(self, address: str, text: str) -> None:
        assert [endpoint(*one) for one in listeners(frame_of(listener(address)))] == [text]


class TestKeeping:
    def test_what_is_saved_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "not yet there" / "listeners.json"
        save_baseline(SOME, path)
        assert load_baseline(path) == SOME
        assert list(path.parent.iterdir()) == [path], "nothing is left beside it"

    def test_it_takes_the_place_of_the_last_one(self, tmp_path: Path) -> None:
        path = tmp_path / "listeners.json"
        save_baseline(SOME, path)
        save_baseline(Baseline(frozenset(), NOW + 1), path)
        assert load_baseline(path) == Baseline(frozenset(), NOW + 1)

    def test_what_was_never_saved_is_none(self, tmp_path: Path) -> None:
        assert load_baseline(tmp_path / "listeners.json") is None

    def test_mapped_and_unusual_spellings_are_one_address(self, tmp_path: Path) -> None:
        given = [{"local_ip": "::ffff:10.0.0.5", "port": 1}, {"local_ip": "0:0::1", "port": 2}]
        baseline = load_baseline(written(tmp_path / "l.json", listeners=given))
        assert baseline is not None
        assert baseline.listeners == {("10.0.0.5", 1), ("::1", 2)}

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        path = tmp_path / "file" / "listeners.json"
        with pytest.raises(BaselineError, match=r"listeners\.json: cannot be written: "):
            save_baseline(SOME, path)

    def test_the_place_is_the_users(self) -> None:
        assert baseline_path({"XDG_STATE_HOME": "/s"}) == Path("/s/twtop/listeners.json")
        home = Path("~/.local/state/twtop/listeners.json").expanduser()
        assert baseline_path({}) == baseline_path({"XDG_STATE_HOME": "relative"}) == home


class TestRefusing:
    @pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
    def test_what_is_no_json(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "listeners.json"
        path.write_bytes(content)
        with pytest.raises(BaselineError, match=r"listeners\.json: not JSON; save the listeners"):
            load_baseline(path)

    @pytest.mark.parametrize("content", ["[]", "{}", '{"schema": "twtop.listeners/2"}'])
    def test_what_is_of_another_schema(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "listeners.json"
        path.write_text(content)
        with pytest.raises(BaselineError, match=r"schema twtop\.listeners/1"):
            load_baseline(path)

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"listeners": [{"local_ip": "10.0.0", "port": 1}]}, "'10.0.0' does not appear"),
            ({"listeners": [{"local_ip": "::", "port": 0}]}, "0 is not a port"),
            ({"listeners": [{"local_ip": "::", "port": True}]}, "true is not a port"),
            ({"listeners": [{"local_ip": "::"}]}, "port is missing"),
            ({"listeners": [1]}, "changed since it was saved"),
            ({"listeners": None}, "changed since it was saved"),
            ({"time": "soon"}, "soon"),
        ],
    )
    def test_what_cannot_have_been_saved(
        self, tmp_path: Path, changes: dict[str, object], reason: str
    ) -> None:
        path = written(tmp_path / "listeners.json", **changes)
        with pytest.raises(BaselineError, match=reason) as caught:
            load_baseline(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)

    def test_what_may_not_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(BaselineError, match="cannot be read: Is a directory"):
            load_baseline(tmp_path)
