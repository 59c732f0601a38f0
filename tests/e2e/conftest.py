"""Who else may run it."""

import os
import pwd
import subprocess
import sys

import pytest

from tests.e2e.terminal import ROOT


@pytest.fixture(scope="session")
def nobody() -> int:
    """A user without privileges, who may yet read what twtop is made of."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    user = pwd.getpwnam("nobody").pw_uid
    try:
        subprocess.run(
            [sys.executable, "-c", "import tui.dashboard.app"],
            cwd=ROOT,
            user=user,
            group=user,
            extra_groups=[],
            env={},
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nobody may not read this interpreter, its packages or this tree")
    return user
