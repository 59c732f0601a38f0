"""Which topics there are, and their texts; what the code itself says is not written twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "topics"


def titles() -> Mapping[str, str]:
    """Return the topics by name, each with its title."""
    found = {}
    for file in sorted(FOLDER.glob("*.md")):
        with file.open(encoding="utf-8") as lines:
            found[file.stem] = next(lines).removeprefix("# ").strip()
    return found


def topic(name: str) -> str:
    """Return a topic's text as Markdown. Raises KeyError where there is none of that name."""
    if name not in titles():
        raise KeyError(name)
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    return text + AT_THE_END.get(name, str)()


def _codes() -> str:
    from tui.findings.codes import CODES

    return "\n" + "\n".join(f"- `{code}`: {told}." for code, told in CODES.items()) + "\n"


def _settings() -> str:
    from tui.findings.config_schema import documented_defaults

    return f"\n```toml\n{documented_defaults().rstrip()}\n```\n"


def _metrics() -> str:
    from tui.metrics.names import METRICS

    rows = (f"| `{one.name}` | {', '.join(one.labels)} | {one.meaning} |" for one in METRICS)
    return "\n".join(["\n| metric | labels | meaning |", "|---|---|---|", *rows, ""])


AT_THE_END: Mapping[str, Callable[[], str]] = {
    "findings": _codes,
    "config": _settings,
    "monitoring": _metrics,
}
"""What follows the file's own text."""
