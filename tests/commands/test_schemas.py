"""Whatever is printed as JSON is what the schema of its kind says, down to the last key."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import ALL, IDLE, PROXY, cut_short, fixture, host, tuple_with
from tests.report.test_refusals import ALL as REFUSED
from tests.report.test_refusals import HERE
from tests.simulate.scene import evidence, situation
from tests.simulate.test_summary import WALL
from tests.tables import NOW, PLACE, Sock, frame, reading, rules, table, waiting
from tui.analysis.tolls import Tolls
from tui.commands.parts import PARTS
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.places import Place
from tui.report.bundle import NOTHING, Past, about
from tui.report.copied import Copy
from tui.report.findings import audit_record
from tui.report.records import bare_head, head
from tui.report.refusals import refusal_records
from tui.report.run import Run as Ran
from tui.report.run import run_record
from tui.report.schema import kinds, schema
from tui.report.watch import watch_record
from tui.simulate.expectation import expect
from tui.simulate.summary import to_dict as simulated
from tui.watching.watch import Watch

HEAD = ("schema", "time", "place", "source")
DUMPS = [part.name for part in PARTS]
FULL = frame(*(waiting(40_000 + n, 30_000) for n in range(10)), given=rules(40_000, 40_009))


def valid(said: Mapping[str, Any]) -> None:
    """It begins as all do, and is what its schema says."""
    written = json.loads(json.dumps(said, allow_nan=False))
    assert tuple(written)[:4] == HEAD
    kind = re.fullmatch(r"twtop\.([a-z-]+)/1", written["schema"])
    assert kind
    validator(kind[1]).validate(written)


@cache
def validator(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(kind))


def printed(run: Run, *arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*arguments).out.splitlines()]


@pytest.mark.parametrize("name", ALL)
class TestEveryFixture:
    """With and without details, garbled or of another byte order: all of it is in the schema."""

    @pytest.mark.parametrize("command", [("report", "-d"), *((part,) for part in DUMPS)])
    def test_a_report_and_its_parts(self, run: Run, name: str, command: tuple[str, ...]) -> None:
        (said,) = printed(run, *command, "--json", "--proc", fixture(name))
        valid(said)
        if command[0] == "report":
            del said["sockets"]
            valid(said)

    def test_what_follows_from_it(self, run: Run, name: str) -> None:
        proc = fixture(name)
        for said in (
            *printed(run, "audit", "--json", "--proc", proc),
            *printed(run, "watch", "-n", 1, "--top", 1000, "--proc", proc),
            *printed(run, "plan", "--rate", 100, "--json", "--proc", proc),
            *printed(run, "diff", proc, IDLE, "--json"),
        ):
            valid(said)


def test_places(run: Run) -> None:
    for line in printed(run, "places", "--json"):
        valid(line)
    for line in printed(run, "watch", "-N", "all", "-n", 3, "-i", 0.2):
        valid(line)


def test_findings_of_several_places_name_theirs() -> None:
    pod = replace(FULL, reading=replace(FULL.reading, place=Place(Path("/p"), "cart", "pod", 9)))
    every = [(one, diagnose(Situation(one))) for one in (FULL, pod)] + [(frame(), ())]
    said = audit_record(every, placed=True)
    valid(said)
    assert (said["place"], said["source"]) == (None, None)
    assert [one["place"]["name"] for one in said["readings"]] == ["web-1", "cart", "web-1"]
    assert {one["place"]["name"] for one in said["findings"]} == {"web-1", "cart"}
    valid(audit_record([], placed=True))


def test_runs_and_simulations() -> None:
    tolls = Tolls(frame(given=rules(40_000, 40_009)))
    tolls.add(FULL)
    for refused in (None, dict.fromkeys(tolls.by_destination, 3)):
        run = Ran(("true",), 0, NOW, 1.5, tolls.by_destination, 12, refused=refused)
        assert run_record(run)["destinations"]
        valid({**head(FULL, "twtop.run/1"), **run_record(run)})
    for found in (WALL, evidence(situation(), connected=5)):
        valid({**head(found.frame, "twtop.simulate/1"), **simulated(found, expect(situation()))})


def test_refusals() -> None:
    records = list(refusal_records(REFUSED, HERE))
    assert [one["place"] for one in records].count(None) == 2
    for one in records:
        valid(one)


@pytest.mark.parametrize("bound", [None, (22, 80)])
def test_where_a_bundle_comes_from(bound: tuple[int, ...] | None) -> None:
    copy = Copy(PLACE, {}, True, True, "little", bound, NOW)
    valid(about(copy, False, NOTHING))
    valid(about(replace(copy, byte_order=None), True, Past(left_out="not redacted")))


class TestOutlook:
    """No end in sight, none known, and none looked for are three things."""

    @staticmethod
    def outlooks(*counts: int, **changes: Any) -> list[tuple[str, float | None]]:
        watch = Watch()
        for second, count in enumerate(counts):
            socks = [Sock(local_port=40_000 + n) for n in range(count)]
            made = reading(table(*socks, **changes), rules(40_000, 40_999), time=NOW + second)
            view = watch.take(made)
        said = watch_record(view.frame, view.trends, 1, view.seconds_left)
        valid(said)
        return [(one["outlook"], one["seconds_left"]) for one in said["patterns"]]

    def test_of_one_look_nobody_knows(self) -> None:
        assert self.outlooks(10) == [("unknown", None)]

    def test_what_stays_never_ends(self) -> None:
        assert self.outlooks(10, 10, 10) == [("never", None)]

    def test_of_a_table_cut_short_nobody_knows_that(self) -> None:
        assert self.outlooks(10, 10, 10, complete=False) == [("unknown", None)]

    def test_what_is_full_has_run_out(self) -> None:
        assert self.outlooks(1000) == [("runs_out", 0.0)]

    def test_beyond_the_fullest_nothing_is_tracked(self) -> None:
        socks = [Sock(remote=f"10.{n // 200}.{n % 200}.9", local_port=40_000) for n in range(600)]
        view = Watch().take(reading(table(*socks), rules(), time=NOW))
        said = watch_record(view.frame, view.trends, 600, view.seconds_left)
        valid(said)
        found = [one["outlook"] for one in said["patterns"]]
        assert (found.count("untracked"), found[511], found[512]) == (88, "unknown", "untracked")


class TestSchemas:
    @pytest.mark.parametrize("kind", kinds())
    def test_each_is_one_and_strict(self, kind: str) -> None:
        """Each object names all its keys and takes no other, but where keys are names."""
        made = schema(kind)
        jsonschema.Draft202012Validator.check_schema(made)
        assert made["$id"] == f"urn:twtop:{kind}:1"
        assert made["properties"]["schema"] == {"const": f"twtop.{kind}/1"}
        assert list(made["properties"])[:4] == list(HEAD)
        assert {*HEAD} <= {*made["required"]}
        for path, part in objects(made):
            if not path.endswith("_keys"):  # what refers to those closes them
                assert part["additionalProperties"] is not True, path
                assert "properties" in part or part["additionalProperties"], path

    @pytest.mark.parametrize("kind", kinds())
    def test_the_command_prints_it(self, run: Run, kind: str) -> None:
        assert json.loads(run("schema", kind).out) == schema(kind)
        assert kind in run("schema").out.split()

    def test_that_of_the_settings_too(self, run: Run) -> None:
        assert "ports" in json.loads(run("schema", "config").out)["properties"]

    def test_no_kind_is_one_line(self, run: Run) -> None:
        code, out, err = run("schema", "reprot")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "report" in err

    @pytest.mark.parametrize("where", ["", "place", "source", "time_wait", "patterns"])
    def test_a_stray_key_is_found(self, run: Run, where: str) -> None:
        (said,) = printed(run, "watch", "-n", 1, "--proc", PROXY)
        part: Any = said[where] if where else said
        (part[0] if where == "patterns" else part)["stray"] = 1
        with pytest.raises(jsonschema.ValidationError):
            valid(said)


def objects(part: object, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield path, part
        for key, inner in part.items():
            yield from objects(inner, f"{path}/{key}")
    elif isinstance(part, list):
        for number, inner in enumerate(part):
            yield from objects(inner, f"{path}/{number}")


class TestTime:
    @pytest.mark.parametrize("time", [NOW, NOW + 0.25, NOW + 0.999999])
    def test_jq_takes_it(self, time: float) -> None:
        if shutil.which("jq") is None:
            pytest.skip("needs jq")
        said = json.dumps(bare_head("twtop.keep/1", time))
        asked = ["jq", ".time | fromdateiso8601"]
        ran = subprocess.run(asked, input=said, capture_output=True, text=True, check=True)
        assert int(ran.stdout) == int(time)


def test_an_incomplete_table_is_in_the_schema_too(run: Run, tmp_path: Path) -> None:
    proc = cut_short(host(tmp_path, tuple_with(3)))
    for command in (("report", "-d"), ("audit",), ("patterns",)):
        valid(printed(run, *command, "--json", "--proc", proc)[0])
