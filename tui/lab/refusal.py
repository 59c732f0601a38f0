"""Why a machine refuses private network namespaces, and which setting to change."""

import errno
import os
from pathlib import Path

FALLBACK = (
    "refused by a container's seccomp profile, a security module or a missing capability; run "
    "twtop outside the container, or in one with --privileged"
)


class Unavailable(Exception):  # noqa: N818 - a state of the machine, not a mistake
    """Private network namespaces cannot be had here; the message says why and what to do."""


def why_refused(error: OSError, sysctls: Path = Path("/proc/sys")) -> str:
    """Say in a line which setting refuses namespaces, from the error and the sysctls' tree.

    Sources: user_namespaces(7), Documentation/admin-guide/sysctl/user.rst, Debian's
    kernel.unprivileged_userns_clone, Ubuntu's kernel.apparmor_restrict_unprivileged_userns.
    """
    return f"cannot create a private network namespace: {_reason(error, sysctls)}"


def _reason(error: OSError, sysctls: Path) -> str:
    for name, refusing, cure in (
        ("user.max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000"),
        ("user.max_net_namespaces", "0", "sysctl -w user.max_net_namespaces=10000"),
        ("kernel.unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        (
            "kernel.apparmor_restrict_unprivileged_userns",
            "1",
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ):
        if _value(sysctls / name.replace(".", "/")) == refusing:
            or_root = "run it as root, or " if os.geteuid() else ""
            return f"{name} is {refusing}; {or_root}`{cure}`"
    if error.errno == errno.ENOSPC:
        return "all that user.max_net_namespaces and user.max_user_namespaces allow are in use"
    if error.errno == errno.EROFS:
        return (
            "/proc/sys is mounted read-only, as in a container; run twtop outside it, or in one "
            "with --privileged"
        )
    if error.errno in (errno.EINVAL, errno.ENOSYS):
        return "this kernel was built without network or user namespaces (CONFIG_NET_NS)"
    return f"{error.strerror or error}: {FALLBACK}"


def _value(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
