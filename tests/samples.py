"""The console samples of the README and of the topics, run; `python -m tests.samples` mends them.

A sample is run where it needs nothing but the copies of /proc under tests/fixtures: the others
were made where sockets were, and show what cannot be had twice.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.patience import limit

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "tui/help/topics").glob("*.md")))
BLOCK = re.compile(r"(?<=```console\n)(.*?)(?=\n```)", re.S)
FIXTURES = "tests/fixtures/"


class Sample(NamedTuple):
    """A command as one types it, and what the page says that it prints."""

    command: str
    output: str

    @property
    def runs(self) -> bool:
        """Whether it can be run anywhere."""
        return FIXTURES in self.command and ("jq" not in self.command or bool(shutil.which("jq")))

    def run(self) -> str:
        """Run it in a folder of its own and return what it prints on a terminal of 80 columns."""
        environ = os.environ | {"COLUMNS": "80", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
        environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
        with TemporaryDirectory() as folder:
            (Path(folder) / "tests").symlink_to(ROOT / "tests")
            ran = subprocess.run(
                ["bash", "-c", self.command],
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                timeout=limit(),
                check=False,
            )
        assert ran.returncode in (0, 1, 2), ran.stderr
        return ran.stdout.rstrip("\n")

    def text(self, output: str) -> str:
        """Return it as it stands on a page."""
        return "\n".join(["$ " + self.command.replace("\n", "\n> "), *output.splitlines()])


def samples(block: str) -> Iterator[Sample]:
    """Yield the samples of a console block."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        first, *lines = part.rstrip("\n").split("\n")
        more = 0
        while more < len(lines) and lines[more].startswith("> "):
            more += 1
        command = "\n".join([first, *(line[2:] for line in lines[:more])])
        yield Sample(command, "\n".join(lines[more:]))


def of_page(page: Path) -> list[Sample]:
    """Return a page's samples."""
    return [one for block in BLOCK.findall(page.read_text()) for one in samples(block)]


def mended(page: Path) -> str:
    """Return a page's text with what its samples print now."""

    def block(found: re.Match[str]) -> str:
        return "\n".join(
            one.text(one.run() if one.runs else one.output) for one in samples(found[0])
        )

    return BLOCK.sub(block, page.read_text())


if __name__ == "__main__":
    for each in PAGES:
        each.write_text(mended(each))
