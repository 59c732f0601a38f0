"""-N names a place for each command, and `all` for those that print records."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

import tui.api as api
from tests.commands.conftest import Run
from tests.commands.hosts import PROXY, host, tuple_with
from tests.tables import rules
from tui.commands.check import check_all
from tui.commands.options import Settings
from tui.commands.reading import Look
from tui.kernel.glance import Glance
from tui.kernel.places import Place
from tui.kernel.sockets import TableError
from tui.kernel.survey import Survey
from tui.report.answer import NAMES, Answer
from tui.report.places import PLACE_FIELDS

OURS = str(os.getpid())


def test_places_lists_this_one(run: Run) -> None:
    ids = [row["id"] for row in run("places", "--json").json["places"]]
    assert os.stat("/proc/self/ns/net").st_ino in ids  # noqa: PTH116
    assert len(set(ids)) == len(ids)
    head = run("places", "--csv").out.splitlines()[0]
    assert head == ",".join(("time", *PLACE_FIELDS))
    assert "Places" in run("places").out


def test_a_copy_is_one_place(run: Run, tmp_path: Path) -> None:
    (row,) = run("places", "--json", "--proc", host(tmp_path, tuple_with(500))).json["places"]
    assert (row["kind"], row["id"], row["dumped"]) == ("copy", None, True)
    assert row["worst"]["connectable"] == 0
    (same,) = api.places(tmp_path)
    assert same["worst"] == row["worst"]


@pytest.mark.parametrize("name", ["report", "states", "per-ip", "patterns", "timewait"])
def test_one_by_its_name(run: Run, name: str) -> None:
    arguments = (name, "--json", "-N", OURS)
    assert run(*arguments).json["place"]["id"] == api.snapshot(place=OURS).reading.place.id


@pytest.mark.parametrize("name", ["report", "per-ip"])
def test_all_print_a_record_each(run: Run, name: str) -> None:
    lines = run(name, "--json", "-N", "all").out.splitlines()
    places = [json.loads(line)["place"]["id"] for line in lines]
    assert api.snapshot().reading.place.id in places
    assert len(set(places)) == len(places)


def test_every_row_and_finding_says_whose_it_is(run: Run) -> None:
    assert run("states", "--csv", "-N", "all").out.startswith("time,place,place_id,state,count\n")
    found = json.loads(run("audit", "--json", "-N", "all").out)["findings"]
    assert all(set(one["place"]) == {"name", "kind", "id"} for one in found)


def test_watch_tells_of_all_at_each_interval(run: Run) -> None:
    line = run("watch", "-N", "all", "-n", "1").json
    assert line["schema"] == "twtop.places/1"
    assert line["places"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "-N", "no-such-place"), "twtop places lists them"),
        (("wait", "--drained", "-N", "all"), "-N all"),
        (("plan", "-N", "all"), "-N all"),
        (("places", "-N", "1"), "leave out -N"),
        (("demo", "-N", "1"), "-N"),
        # What acts must not act here where another place is named, wherever -N stands.
        (("-N", "no-such-place", "free", "--dst", "10.0.0.9:5432", "--dry-run"), "no-such-place"),
        (("-N", "no-such-place", "apply", "net.ipv4.tcp_tw_reuse=1", "--dry-run"), "no-such-place"),
    ],
)
def test_what_it_cannot_mean(run: Run, arguments: tuple[str, ...], said: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert said in ran.err


def test_a_bundle_of_all_has_a_folder_each(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "all.tar.gz"
    assert run("bundle", file, "-N", "all").code == 0
    first = run("report", "--json", "--proc", file).json
    assert first["place"]["kind"] == "copy"


CODES = dict(zip(NAMES, range(4), strict=True))


@pytest.mark.parametrize(
    ("codes", "missing", "worst"),
    [
        (["OK", "OK"], (), "OK"),
        (["OK", "UNKNOWN"], (), "UNKNOWN"),
        (["OK", "gone"], (), "OK"),
        (["OK", "unreadable"], (), "UNKNOWN"),
        (["WARNING", "UNKNOWN"], (), "WARNING"),
        (["WARNING", "CRITICAL", "UNKNOWN"], (), "CRITICAL"),
        (["OK"], ("hidepid",), "UNKNOWN"),
        ([], ("hidepid",), "UNKNOWN"),
    ],
)
def test_check_of_all_is_the_worst_and_never_ok_by_omission(
    monkeypatch: pytest.MonkeyPatch, codes: list[str], missing: tuple[str, ...], worst: str
) -> None:
    places = [
        Place(Path(f"/proc/{n}"), name, "process", n, pid=n) for n, name in enumerate(codes, 1)
    ]

    def source_of(place: Place, *_: object, **__: object) -> SimpleNamespace:
        def read() -> str:
            if place.name in ("gone", "unreadable"):
                raise TableError(place.name)
            return place.name

        return SimpleNamespace(read=read)

    module = "tui.commands.check."
    monkeypatch.setattr(f"{module}survey", lambda *_: Survey(tuple(places), missing))
    seen = [Glance(place, 900, 900, rules()) for place in places]
    monkeypatch.setattr(f"{module}glance", lambda *_: seen)
    monkeypatch.setattr(f"{module}source_of", source_of)
    monkeypatch.setattr(f"{module}judge_now", lambda source: source.read())
    monkeypatch.setattr(
        f"{module}same_place", lambda place: None if place.name == "gone" else place
    )

    def judged(look: Look) -> Answer:
        return Answer(CODES[str(look.frame)], "text", "use=1")

    answer = check_all(Settings(), judged, lambda seen: False)
    assert NAMES[answer.code] == worst


def test_check_and_the_api_name_a_copy_as_before(run: Run) -> None:
    assert run("check", "--proc", PROXY, "-N", "all", "-w", "90", "-c", "90").code == 0
    with pytest.raises(api.PlaceError):
        api.snapshot(place="no-such-place")
    moment = next(api.watch(places=OURS))
    assert moment.frame.reading.place.id == api.snapshot().reading.place.id
