"""The kernel parameters panel: what they are, and what they do not do."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from tui.dashboard.widgets.panel import hint
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column, RowTable, TableRows
from tui.kernel.parameters import Parameter
from tui.watching.view import View
from tui.writing.words import per_second, short, whole_clauses

COLUMNS = (
    Column("name", "Parameter", 24, "left", stretch=1, most=30),
    Column("value", "Value", 12, "left", stretch=1, most=14),
    Column("default", "Default", 12, "left", rank=2),
    Column("meaning", "What it does", 20, "left", stretch=8, most=120, rank=1),
)
REUSE_MODES = {0: "off", 1: "on", 2: "loopback only"}


class ParameterRows(TableRows):
    """The kernel parameters in their own order."""

    def __init__(self, view: View) -> None:
        self.parameters = self.items = view.frame.reading.parameters
        self.assumed = view.frame.assumed

    def identity(self, row: int) -> Hashable:
        """Return the parameter's name."""
        return self.parameters[row].name

    def role(self, row: int) -> str:
        """Show parameters that this kernel does not have as such."""
        parameter = self.parameters[row]
        return "dim" if parameter.value is None and parameter.name not in self.assumed else ""

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        parameter = self.parameters[row]
        match column:
            case "name":
                return parameter.name.rsplit(".", 1)[-1]
            case "value":
                if parameter.name in self.assumed:
                    return [(short(f"{parameter.default or 'none'}?", width), "warn")]
                return [(short(value_text(parameter), width), "warn" if differs(parameter) else "")]
            case "default":
                return [(short(parameter.default or "–", width), "dim")]
            case _ if parameter.name in self.assumed:
                return [(short(f"Assumed: it is unreadable. {parameter.meaning}", width), "warn")]
            case _:
                return [(whole_clauses(parameter.meaning, width), "dim")]


def value_text(parameter: Parameter) -> str:
    """Return a parameter's value as shown."""
    return "absent" if parameter.value is None else parameter.value or "none"


def differs(parameter: Parameter) -> bool:
    """Say whether a parameter was changed from the kernel's default."""
    return None not in (parameter.value, parameter.default) and parameter.value != parameter.default


class SysctlsPanel(RowTable):
    """The parameters that decide over TIME-WAIT and ports."""

    columns = COLUMNS

    def show(self, view: View) -> None:
        """Show a view; nothing is redrawn for parameters that have not changed."""
        counters = view.frame.counters
        title = f"⁵ Sysctls · {view.frame.ports.capacity:,} ports per destination"
        if "nf_conntrack_count" in counters and "nf_conntrack_max" in counters:
            held, most = counters["nf_conntrack_count"], counters["nf_conntrack_max"]
            title += f" · conntrack {held:,} of {most:,}"
        self.entitle(title, hint(("⏎", "explains")))
        rows = self.rows
        if isinstance(rows, ParameterRows) and rows.parameters == view.frame.reading.parameters:
            return
        self.empty = "no kernel parameter could be read"
        self.show_rows(ParameterRows(view))

    def meaning(self, name: object) -> str:
        """Return the whole text on one parameter."""
        row = self.rows.find(name)
        if row is None or not isinstance(self.rows, ParameterRows):
            return ""
        parameter = self.rows.parameters[row]
        default = "" if parameter.default is None else f", default {parameter.default or 'none'}"
        return f"{value_text(parameter)}{default}\n{parameter.meaning}"


def sysctls_line(view: View) -> str:
    """Return what the parameters amount to in one line, for a short screen."""
    ports, rules = view.frame.ports, view.frame.rules
    hold = view.frame.hold_with(reuse=rules.reuse_mode == 1 and rules.timestamps)
    reuse = REUSE_MODES.get(rules.reuse_mode, "?") if rules.timestamps else "off, no timestamps"
    guess = ", assumed" if view.frame.assumed else ""
    return (
        f"Ports  {ports.low}–{ports.high}{guess} · {ports.capacity:,} per destination · "
        f"sustains {per_second(hold.sustains(ports.capacity))} · reuse {reuse}"
    )
