"""What the user has arranged is there again at the next start, once it is saved."""

from pathlib import Path

import pytest

from tests.dashboard.scene import CACHE, DATABASE, Stage, busy, stage
from tui.commands.configuration import on_screen
from tui.commands.options import Settings
from tui.findings.codes import CODES
from tui.findings.config import Config, ConfigError, OnScreen, config_path, load_config


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return config_path()


async def save(on: Stage) -> None:
    await on.press("ctrl+p")
    await on.type("save lay")
    await on.until(lambda: "Save layout and settings" in on.text(), "the command")
    await on.press("enter")
    await on.until(lambda: on.toasts, "a word on it")


async def test_it_is_there_again(settings: Path) -> None:
    async with stage(busy()) as on:
        on.app.theme = "nord"
        on.app.set_interval_seconds(5)
        on.app.clear_notifications()
        await on.press("s", "I", "H", "slash")
        await on.type("dst 10.0.0.9")
        await on.press("enter", "t", *["backspace"] * 5)
        await on.type("70")
        await on.press("enter")
        await save(on)
    config = load_config(settings, CODES)
    assert config.ports.threshold == 70
    async with stage(busy(), config=config) as on:
        assert on.app.theme == "nord"
        assert "by TIME-WAIT · incoming hidden · filter: dst 10.0.0.9" in on.text()
        assert on.app.dashboard.patterns.inverted
        assert f"→ {DATABASE}" in on.text()
        assert f"→ {CACHE}" not in on.text()


async def test_a_panel_alone_stays_alone(settings: Path) -> None:
    async with stage(busy()) as on:
        await on.press("4")
        await save(on)
    async with stage(busy(), config=load_config(settings, CODES)) as on:
        assert "Remote IPs" in on.text()
        assert "Patterns" not in on.text()
        await on.press("escape")
        assert "Patterns" in on.text()


async def test_what_nobody_has_changed_is_not_saved(settings: Path) -> None:
    async with stage(busy()) as on:
        await save(on)
    assert not settings.exists()


async def test_a_file_that_cannot_be_written_is_one_line(settings: Path) -> None:
    settings.parent.touch()
    async with stage(busy()) as on:
        await on.press("H")
        await save(on)
        ((severity, _, text),) = on.toasts
    assert severity == "error"
    assert str(settings) in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("screen", "meant"),
    [
        (OnScreen(theme="nrod"), "nord"),
        (OnScreen(sort="time_wiat"), "time_wait"),
        (OnScreen(panel="finding"), "findings"),
        (OnScreen(filter="dport x"), "screen.filter"),
    ],
)
async def test_what_cannot_be_meant_so_is_refused_with_a_guess(
    screen: OnScreen, meant: str
) -> None:
    with pytest.raises(ConfigError, match=rf"screen\..*{meant}|{meant}"):
        async with stage(config=Config(screen=screen)):
            pass


def test_the_command_line_goes_first() -> None:
    config = Config(screen=OnScreen(interval=5))
    assert on_screen(Settings(), config).seconds == 5
    assert on_screen(Settings(interval=1), config).seconds == 1
