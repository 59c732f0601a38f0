"""What a release is built from: one version everywhere, links that an index can follow.

With `-m packaging` each package is built by its recipe, and runs; the index must be reachable.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / ".github/packaging"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PROC = f"--proc={ROOT / 'tests/fixtures/6.18-proxy/proc'}"

# Debian's tools want Debian's own before whatever else is in the PATH.
DEBIAN = "/usr/sbin:/usr/bin:/sbin:/bin"


def run(*line: str | Path, **environ: str) -> str:
    """What a command prints; it must end well."""
    ended = subprocess.run(
        line, env=os.environ | environ, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


def build(folder: Path, kind: str, **environ: str) -> Path:
    """A wheel or an sdist of this checkout."""
    pytest.importorskip("build", reason="pip install build")
    run(sys.executable, "-m", "build", f"--{kind}", "--outdir", folder, ROOT, **environ)
    (made,) = folder.iterdir()
    return made


def described(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as files:
        (name,) = (name for name in files.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(files.read(name))


def test_debian_has_the_version_of_the_project() -> None:
    first = (RECIPES / "debian/changelog").read_text().splitlines()[0]
    assert first.startswith(f"twtop ({PROJECT['version']}-")


def test_the_container_is_given_all_that_a_build_reads() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (RECIPES / "Containerfile").read_text(), re.M)
    assert set(" ".join(copied).split()) == {
        *("tui", ".github", "README.md", "LICENSE", "pyproject.toml")
    }


@pytest.mark.packaging
def test_an_index_can_follow_every_link_once_told_where(tmp_path: Path) -> None:
    there = "https://git.example/twtop"
    told = described(build(tmp_path / "told", "wheel", TWTOP_URL=f"{there}/"))
    links = re.findall(r"\]\(([^)]+)\)", str(told.get_payload()))
    assert len(links) >= 5
    assert all(link.startswith(f"{there}/") for link in links)
    for link in links:
        assert (ROOT / link.partition(f"/v{PROJECT['version']}/")[2]).is_file()
    assert any(url.endswith(f" {there}") for url in told.get_all("Project-URL", []))
    untold = described(build(tmp_path / "untold", "wheel", TWTOP_URL=""))
    assert untold.get_all("Project-URL") is None


@pytest.mark.packaging
def test_the_sdist_has_all_that_its_tests_read(tmp_path: Path) -> None:
    run("tar", "-x", "-C", tmp_path, "-f", build(tmp_path / "made", "sdist"))
    (folder,) = tmp_path.glob("twtop-*")
    files = run("git", "-C", ROOT, "ls-files", "-z").split("\0")
    assert [name for name in files if name and not (folder / name).exists()] == []
    tests = ("tests/test_samples.py", "tests/help", "tests/report", "tests/analysis")
    run("env", "-C", folder, sys.executable, "-m", "pytest", *tests, PYTHONPATH=str(folder))


@pytest.mark.packaging
def test_one_file_runs_with_nothing_but_a_python(tmp_path: Path) -> None:
    pex = shutil.which("pex", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not pex:
        pytest.skip("pip install pex")
    path = f"{Path(pex).parent}:{os.environ['PATH']}"
    run(RECIPES / "single-file", tmp_path / "twtop", PATH=path)
    bare = {"HOME": str(tmp_path), "PYTHONPATH": "", "PEX_ROOT": str(tmp_path / "unpacked")}
    python = getattr(sys, "_base_executable", sys.executable)
    for line in (
        ["--version"],
        ["report", PROC],
        ["metrics", "--textfile", str(tmp_path / "one.prom"), PROC],
    ):
        run(python, tmp_path / "twtop", *line, **bare)
    assert (tmp_path / "one.prom").read_text()


@pytest.mark.packaging
@pytest.mark.skipif(not shutil.which("dh"), reason="apt-get install dpkg-dev debhelper")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can lay a root of its own over /")
def test_the_debian_package_installs_runs_and_leaves_nothing(tmp_path: Path) -> None:
    run(RECIPES / "deb", tmp_path, PATH=DEBIAN)
    (package,) = tmp_path.glob("*.deb")
    # A throw-away copy of this machine: what is written there is gone with the mount namespace.
    script = f"""set -e
    mount -t tmpfs none {tmp_path}/over
    cd {tmp_path}/over
    mkdir up work root
    mount -t overlay overlay -o lowerdir=/,upperdir=up,workdir=work root || exit 77
    mkdir root/made
    cp {package} root/made/twtop.deb
    mount -t proc proc root/proc
    inside() {{ chroot root env -i PATH={DEBIAN} "$@"; }}
    inside dpkg -i /made/twtop.deb >&2
    inside twtop --version
    inside twtop report >/dev/null
    inside twtop metrics --textfile /made/metrics.prom
    test -f root/usr/lib/systemd/system/twtop-metrics.service
    test -f root/usr/lib/systemd/system/twtop-record.service
    inside dpkg -r twtop >&2
    test ! -e root/usr/lib/twtop
    """
    (tmp_path / "over").mkdir()
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    if ended.returncode == 77:
        pytest.skip("no overlay file system here")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[-1] == PROJECT["version"]
