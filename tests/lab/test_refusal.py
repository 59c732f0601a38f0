import errno
import os
from pathlib import Path

import pytest

from tui.lab.refusal import why_refused


def sysctls(root: Path, **values: str) -> Path:
    for name, value in values.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value + "\n")
    return root


def refused(number: int, root: Path) -> str:
    return why_refused(OSError(number, os.strerror(number)), root)


class TestTheSettingIsNamed:
    @pytest.mark.parametrize(
        ("name", "value", "cure"),
        [
            ("user.max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000"),
            ("user.max_net_namespaces", "0", "sysctl -w user.max_net_namespaces=10000"),
            ("kernel.unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
            (
                "kernel.apparmor_restrict_unprivileged_userns",
                "1",
                "kernel.apparmor_restrict_unprivileged_userns=0",
            ),
        ],
    )
    def test_with_its_cure(self, tmp_path: Path, name: str, value: str, cure: str) -> None:
        root = sysctls(tmp_path, **{name.replace(".", "__"): value})
        said = refused(errno.EPERM, root)
        assert f"{name} is {value}" in said
        assert cure in said

    @pytest.mark.parametrize("uid", [0, 1000])
    def test_root_is_not_told_to_be_root(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: uid)
        said = refused(errno.EPERM, sysctls(tmp_path, user__max_user_namespaces="0"))
        assert ("run it as root" in said) == (uid > 0)

    def test_a_setting_that_allows_it_is_not_blamed(self, tmp_path: Path) -> None:
        root = sysctls(
            tmp_path,
            kernel__unprivileged_userns_clone="1",
            kernel__apparmor_restrict_unprivileged_userns="0",
            user__max_user_namespaces="31000",
        )
        said = refused(errno.EPERM, root)
        assert "seccomp" in said
        assert "userns" not in said

    @pytest.mark.parametrize(
        ("number", "words"),
        [
            (errno.ENOSPC, "in use"),
            (errno.EROFS, "read-only"),
            (errno.EINVAL, "CONFIG_NET_NS"),
            (errno.ENOSYS, "CONFIG_NET_NS"),
        ],
    )
    def test_else_the_error_tells(self, tmp_path: Path, number: int, words: str) -> None:
        assert words in refused(number, tmp_path)
