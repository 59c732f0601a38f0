"""Sysctls of a network namespace that belongs to a user namespace of the user's own.

Without root the way in leads through that user namespace, which a process with threads may not
enter (user_namespaces(7)): a short program does. Tables need no way in, sysctls do.
"""

from __future__ import annotations

from pathlib import Path

from tui.kernel.parameters import NAMES, Parameter, read_parameters

SECONDS = 5.0
"""How long it may take: some 3 ms where the machine is not busy."""


def parameters_of(process: Path) -> tuple[Parameter, ...]:
    """Return the parameters that are shown to those in a process's user and network namespaces.

    Never raises: without nsenter (util-linux), or where it is refused, they have no values.
    """
    import subprocess  # takes longer to load than most readings take

    files = [f"/proc/sys/{name.replace('.', '/')}" for name in NAMES]
    way = [f"--user={process}/ns/user", f"--net={process}/ns/net", "--preserve-credentials"]
    try:
        ended = subprocess.run(
            ["nsenter", *way, "grep", "-s", "-H", "", *files],
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return read_parameters(None)
    lines = ended.stdout.decode(errors="replace").splitlines()
    texts = {
        file: " ".join(text.split()) for file, _, text in (one.partition(":") for one in lines)
    }
    return tuple(
        Parameter(known.name, texts.get(file), known.default, known.meaning)
        for known, file in zip(read_parameters(None), files, strict=True)
    )
