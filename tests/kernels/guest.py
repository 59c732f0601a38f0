"""Process 1 of the guest: load the modules, run the plan's checks, tell the host, turn off.

Run by its path, so nothing but the standard library is imported before all is in place.
"""

import ctypes
import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path
from xml.etree import ElementTree

TREE = Path(__file__).parents[2]
HOST = Path("/dev/ttyS1")
RESTART = 0x01234567
"""LINUX_REBOOT_CMD_RESTART, at which the emulator ends."""
libc = ctypes.CDLL(None, use_errno=True)


def _prepare() -> None:
    for kind, where in (("proc", "proc"), ("sysfs", "sys"), ("devtmpfs", "dev")):
        libc.mount(kind.encode(), f"/{where}".encode(), kind.encode(), 0, None)
    for module in sorted(Path("/modules").iterdir()):
        data = module.read_bytes()
        if libc.syscall(175, data, len(data), b""):  # init_module on x86-64
            print(f"module {module.name}: {os.strerror(ctypes.get_errno())}")
    os.chdir(TREE)
    os.environ.update(
        PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin:/usr/sbin:/sbin",
        HOME="/root",
        PYTHONPATH=str(TREE),
        # No live test needs a plugin, and an import takes its time here.
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        PYTEST_ADDOPTS="-o addopts= -p no:cacheprovider --color=no -vv",
    )


def _run(name: str, tests: list[str]) -> dict[str, object]:
    """Run tests as pytest would by hand, and count."""
    found = Path("/tmp", f"{name}.xml")
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "pytest", f"--junitxml={found}", *tests], check=False)
    told: dict[str, object] = {"check": name, "seconds": round(time.monotonic() - began)}
    if not found.exists():
        return told | {"passed": 0, "skipped": 0, "failed": ["pytest itself"]}
    cases = ElementTree.parse(found).getroot().findall(".//testcase")
    failed = [
        case.get("name") for case in cases if {"failure", "error"} & {inner.tag for inner in case}
    ]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return told | {
        "passed": len(cases) - len(failed) - skipped,
        "skipped": skipped,
        "failed": failed,
    }


def main() -> None:
    """Do it all; whatever happens, the machine ends."""
    try:
        _prepare()
        with HOST.open("w") as host:
            for name, tests in json.loads(Path("/plan").read_text()).items():
                print(json.dumps(_run(name, tests)), file=host, flush=True)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        libc.reboot(RESTART)


main()
