"""Debian's kernels and QEMU, unpacked in a cache of their own: nothing is installed."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SUITES = ("bullseye", "bookworm", "trixie", "sid")
META = "linux-image-cloud-amd64"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
QEMU = "qemu-system-x86_64"


class MissingError(Exception):
    """What cannot be had, and where it was looked for."""


class Kernel(NamedTuple):
    """A kernel's package, unpacked."""

    version: str
    """The package's, such as 5.10.262-1."""
    folder: Path

    @property
    def image(self) -> Path:
        """What the emulator boots."""
        return next(self.folder.glob("**/vmlinuz*"))

    def module(self, name: str) -> Path | None:
        """The file of a module, None where it is built in, or unknown."""
        return next(self.folder.glob(f"**/{name}.ko*"), None)


def cache() -> Path:
    """Where all of it is kept: $XDG_CACHE_HOME/twtop-kernels."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "twtop-kernels")


class Apt:
    """apt with lists and downloads of its own, at this machine's mirrors; with suites, of these."""

    def __init__(self, folder: Path, suites: tuple[str, ...] = ()) -> None:
        if platform.machine() != "x86_64" or shutil.which("apt-get") is None:
            raise MissingError(
                "the kernels and QEMU are Debian's for x86-64: it needs such a machine"
            )
        self.archives = folder / "archives"
        (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
        (self.archives / "partial").mkdir(parents=True, exist_ok=True)
        options = {
            "Dir::State::lists": folder / "lists",
            "Dir::Cache": folder,
            "Dir::Cache::archives": self.archives,
            "Debug::NoLocking": 1,
            "APT::Sandbox::User": "root",
        }
        if suites:
            sources = folder / "sources.list"
            sources.write_text("".join(_sources(suites)))
            options |= {"Dir::Etc::sourcelist": sources, "Dir::Etc::sourceparts": "/dev/null"}
        self._options = [f"-o{name}={value}" for name, value in options.items()]
        self.run("apt-get", "update")

    def run(self, tool: str, *words: str) -> str:
        """What the tool prints. Raises MissingError with what it says of a failure."""
        ran = subprocess.run(
            [tool, "-q", *self._options, *words],
            cwd=self.archives,
            capture_output=True,
            text=True,
        )
        if ran.returncode:
            raise MissingError(f"{tool} {' '.join(words)}: {ran.stderr.strip()}")
        return ran.stdout


def _sources(suites: tuple[str, ...]) -> Iterator[str]:
    """Lines for these suites at the mirrors that this machine's apt is set up with."""
    targets = subprocess.check_output(
        ["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)"], text=True
    )
    found = sorted(set(targets.split()))
    for uri in found:
        if uri.endswith("/debian/"):
            yield from (f"deb [signed-by={KEYRING}] {uri} {suite} main\n" for suite in suites)
        elif uri.endswith("/debian-security/"):
            stable = (suite for suite in suites if suite != "sid")
            yield from (f"deb [signed-by={KEYRING}] {uri} {s}-security main\n" for s in stable)


def kernel(wanted: str) -> Kernel:
    """The newest of Debian's cloud kernels of this version: 5.10, 6.1.176 or newest.

    Raises MissingError where there is none.
    """
    apt = Apt(cache() / "apt", SUITES)
    shown = apt.run("apt-cache", "show", META)
    versions = re.findall(r"^Version: (\S+)", shown, re.MULTILINE)
    fitting = [v for v in versions if wanted == "newest" or re.match(rf"{re.escape(wanted)}\b", v)]
    if not fitting:
        raise MissingError(f"there is no kernel {wanted}, but {', '.join(versions)}")
    version = max(fitting, key=lambda version: [int(n) for n in re.findall(r"\d+", version)])
    folder = cache() / "kernels" / version
    if not folder.exists():
        names = sorted(set(_parts(apt, f"{META}={version}")))
        apt.run("apt-get", "download", *(f"{name}={version}" for name in names))
        unpack([next(apt.archives.glob(f"{name}_*{version}_*")) for name in names], folder)
    return Kernel(version, folder)


def _parts(apt: Apt, package: str) -> Iterator[str]:
    """The packages that hold the kernel and its modules: one, or since 7 one for each."""
    shown = apt.run("apt-cache", "show", package)
    depends = re.search(r"^Depends: (.*)", shown, re.MULTILINE)
    for name in re.findall(r"linux-(?:image|binary|modules)-\d\S+", depends[1] if depends else ""):
        yield name
        yield from _parts(apt, name)


def qemu() -> tuple[list[str], dict[str, str]]:
    """The emulator's command and environment: the installed one, else Debian's package.

    Raises MissingError where there is neither.
    """
    if shutil.which(QEMU):
        return [QEMU], {}
    folder = cache() / "qemu"
    if not folder.exists():
        apt = Apt(cache() / "apt-qemu")
        apt.run(
            "apt-get", "install", "-y", "--download-only", "--no-install-recommends",
            "qemu-system-x86",
        )  # fmt: skip
        unpack(sorted(apt.archives.glob("*.deb")), folder)
    libraries = {str(path.parent) for path in folder.glob("**/*.so.*")}
    share = folder / "usr/share"
    firmware = ["-L", str(share / "qemu"), "-L", str(share / "seabios")]
    return [str(folder / "usr/bin" / QEMU), *firmware], {"LD_LIBRARY_PATH": ":".join(libraries)}


def unpack(packages: list[Path], folder: Path) -> None:
    """Unpack them into a folder that is there whole, or not at all."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for package in packages:
        subprocess.run(["dpkg", "-x", package, partial], check=True)
    partial.rename(folder)
