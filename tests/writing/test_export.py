import csv
import errno
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tui.writing.export import Counts, ExportError, Sheet, write_export

FIELDS = ("local", "remote", "process", "age")
RECORDS: Sequence[dict[str, Any]] = [
    dict(zip(FIELDS, values, strict=True))
    for values in (
        ("10.0.0.5:40000", "[2001:db8::9]:443", "nginx[1], worker", 1.5),
        ("10.0.0.5:40001", 'a "quoted"\nline', None, 0),
        ("ß", "→", "", -1),
    )
]
NOON = 1_767_268_800.25
SHEET = Sheet(NOON, FIELDS, RECORDS)


def numbers(*values: int) -> Sheet:
    return Sheet(NOON, ("n",), ({"n": value} for value in values))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestFormats:
    def test_csv_has_a_heading_and_empty_cells_for_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "out.csv"
        assert write_export(path, SHEET) == 3
        with path.open(newline="", encoding="utf-8") as file:
            found = list(csv.reader(file))
        assert found[0] == ["time", *FIELDS]
        assert found[1:] == [
            [
                "2026-01-01T12:00:00Z",
                *("" if value is None else str(value) for value in record.values()),
            ]
            for record in RECORDS
        ]

    def test_json_is_an_array_of_objects_one_a_line(self, tmp_path: Path) -> None:
        path = tmp_path / "out.json"
        assert write_export(path, SHEET) == 3
        text = path.read_text(encoding="utf-8")
        assert json.loads(text) == RECORDS
        assert len(text.splitlines()) == len(RECORDS) + 2
        assert "ß" in text

    def test_nothing_to_write_is_a_whole_file_too(self, tmp_path: Path) -> None:
        assert write_export(tmp_path / "out.csv", Sheet(NOON, FIELDS, [])) == 0
        assert (tmp_path / "out.csv").read_text().splitlines() == [",".join(("time", *FIELDS))]
        assert write_export(tmp_path / "out.json", Sheet(NOON, FIELDS, [])) == 0
        assert json.loads((tmp_path / "out.json").read_text()) == []

    def test_a_record_within_a_record(self, tmp_path: Path) -> None:
        """CSV has no such thing, so there it is written as JSON."""
        evidence = {"of": "10.0.0.5 → *", "ports": 3}
        for name in ("out.csv", "out.json"):
            write_export(tmp_path / name, Sheet(NOON, ("evidence",), [{"evidence": evidence}]))
        (record,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
        assert json.loads(record["evidence"]) == evidence
        assert json.loads((tmp_path / "out.json").read_text()) == [{"evidence": evidence}]

    def test_counts_by_name_have_a_column_each(self, tmp_path: Path) -> None:
        """In CSV; JSON has what there is."""
        records = [{"ip": "10.0.0.9", "states": {"OPEN": 2}}, {"ip": "10.0.0.8", "states": {}}]
        for name in ("out.csv", "out.json"):
            fields = ("ip", Counts("states", ("CLOSED", "OPEN")))
            write_export(tmp_path / name, Sheet(NOON, fields, records))
        found = list(csv.reader((tmp_path / "out.csv").read_text().splitlines()))
        assert [cells[1:] for cells in found] == [
            ["ip", "CLOSED", "OPEN"],
            ["10.0.0.9", "0", "2"],
            ["10.0.0.8", "0", "0"],
        ]
        assert json.loads((tmp_path / "out.json").read_text()) == records

    @pytest.mark.parametrize("name", ["OUT.CSV", "a.b.json", "x.Json"])
    def test_the_ending_in_any_case(self, tmp_path: Path, name: str) -> None:
        assert write_export(tmp_path / name, SHEET) == 3
        assert files(tmp_path) == [name]

    def test_records_are_taken_one_by_one(self, tmp_path: Path) -> None:
        """Half a million rows are never a list."""
        assert write_export(tmp_path / "x.csv", numbers(*range(1000))) == 1000


class TestFailures:
    @pytest.mark.parametrize("name", ["out", "out.txt", "out.csv.gz", ".csv"])
    def test_an_unknown_ending_says_which_are_known(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ExportError, match=r"must end in \.csv or \.json"):
            write_export(tmp_path / name, SHEET)
        assert files(tmp_path) == []

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        path = tmp_path / "missing/out.csv"
        with pytest.raises(ExportError, match=r"No such file or directory: .*missing/out\.csv"):
            write_export(path, SHEET)

    def test_a_file_in_the_folders_place(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ExportError, match="Not a directory"):
            write_export(tmp_path / "file/out.csv", SHEET)

    def test_a_folder_in_the_files_place(self, tmp_path: Path) -> None:
        (tmp_path / "out.csv").mkdir()
        with pytest.raises(ExportError, match="Is a directory"):
            write_export(tmp_path / "out.csv", SHEET)
        assert files(tmp_path) == ["out.csv"]

    def test_a_folder_that_may_not_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: Path, *_: object) -> None:  # not chmod: root writes on
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(ExportError, match=r"Permission denied: .*out\.csv"):
            write_export(tmp_path / "out.csv", SHEET)

    @pytest.mark.parametrize("ending", [".csv", ".json"])
    def test_a_full_disk_leaves_the_old_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
    ) -> None:
        path = tmp_path / f"out{ending}"
        path.write_text("old")

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ExportError, match="No space left on device"):
            write_export(path, SHEET)
        assert files(tmp_path) == [path.name]
        assert path.read_text() == "old"

    @pytest.mark.parametrize("ending", [".csv", ".json"])
    def test_an_export_that_is_broken_off_leaves_the_old_file(
        self, tmp_path: Path, ending: str
    ) -> None:
        path = tmp_path / f"out{ending}"
        path.write_text("old")

        def broken() -> Iterator[dict[str, Any]]:
            yield from RECORDS
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_export(path, Sheet(NOON, FIELDS, broken()))
        assert files(tmp_path) == [path.name]
        assert path.read_text() == "old"

    def test_the_old_file_is_replaced_as_a_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "out.csv"
        path.write_text("old" * 1000)
        with path.open() as reader:  # who has it open keeps what it was
            write_export(path, numbers(1))
            assert reader.read() == "old" * 1000
        assert path.read_text().split() == ["time,n", "2026-01-01T12:00:00Z,1"]
        assert files(tmp_path) == ["out.csv"]
