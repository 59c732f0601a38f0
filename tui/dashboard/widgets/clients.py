"""The panel of a load: what its clients really got, beside what twtop says of their ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.text import Text
from textual.content import Content

from tui.dashboard.widgets.gauge import gauge
from tui.dashboard.widgets.panel import TextPanel
from tui.dashboard.widgets.patterns import use_role
from tui.dashboard.widgets.styles import Run
from tui.lab.outcome import Outcome
from tui.stage.agreement import Agreement, Kernel, Standing
from tui.writing.words import floored, measured, plural, short

Line = list[Run]

WHOLE = 6
"""Lines from which the panel is drawn whole."""
WORDS = 3
"""Of those for what to watch for and what is changed; what is too long gives way."""
LABEL, RIGHT_LABEL = 9, 6
WHY_AGREED = {
    (True, True): "no port left, and connect() fails",
    (True, False): "the last port was just taken",
    (False, True): "every port freed is taken at once",
    (False, False): "a port for every connect()",
}
"""By whether no port is left, and whether connect() fails for want of one."""
SETTING_UP = "setting up …"


@dataclass(frozen=True, slots=True)
class Played:
    """A load as the panel shows it, all of one moment."""

    name: str
    summary: str
    watch: str
    """What to watch for."""
    title: str
    keys: str
    """The keys that steer it, for a footer that has no room for them."""
    outcome: Outcome | None
    """What the clients got in the last second, None while the load is set up."""
    verdict: Agreement | None
    """What twtop says of the same tuples, None before the first frame."""
    threshold: float = 80.0


class ClientsPanel(TextPanel[Played]):
    """What is played, what its clients got, what twtop says; its height says how much of that."""

    def on_mount(self) -> None:
        """Follow what the app has on."""
        self.watch(self.app, "played", self._follow)

    def _follow(self, played: Played | None) -> None:
        if played is not None:
            self.entitle(Content(played.title))
            self.show(played)

    def draw(self, played: Played) -> Text:
        """Draw as many lines as there is room for."""
        width, height = self.size
        if height >= WHOLE:
            lines = whole(played, width)
        elif height > 1:
            lines = folded(played, width)
        else:
            lines = [one_line(played, width)]
        return Text("\n").join(self.line(line) for line in lines[:height])


def whole(played: Played, width: int) -> list[Line]:
    """Return what to watch for, what is changed, and the two halves side by side."""
    note = _note(played)
    room, inner = WORDS - bool(note), max(width - 2, 1)
    words = wrap(played.watch, inner)
    if len(words) > room:
        words[room - 1 :] = [short(" ".join(words[room - 1 :]), inner)]
    lines: list[Line] = [[(f" {text}", "")] for text in words]
    lines += [[] for _ in range(room - len(words))]
    if note:
        lines.append([(short(f" {note}", width), "figure")])
    left = (width - 1) // 2
    right = width - left - 3
    labels = ("clients", "twtop"), ("", ""), ("", "")
    halves = zip(_clients(played.outcome), _twtop(played, right - RIGHT_LABEL), strict=True)
    for (label, other), (mine, yours) in zip(labels, halves, strict=True):
        clients = padded([(f" {label:<{LABEL}}", "dim"), *mine], left)
        twtop = cropped([(f"{other:<{RIGHT_LABEL}}", "dim"), *yours], right)
        lines.append([*clients, (" │ ", "dim"), *twtop])
    return lines


def folded(played: Played, width: int) -> list[Line]:
    """Return three lines: what is played, what the clients got, what twtop says."""
    note = _note(played)
    words = note or played.summary
    room = width - len(played.name) - len(played.keys) - 7
    if not note and room > 0:
        words = short(words, room)
    head: Line = [(f" {played.name}", "figure"), (f" · {words}", "")]
    if (gap := room - len(words)) >= 0:
        head.append((f"{' ' * gap}  {played.keys} ", "dim"))
    clients: Line = [(f" {'clients':<{LABEL}}", "dim")]
    twtop: Line = [(f" {'twtop':<{LABEL}}", "dim")]
    if (outcome := played.outcome) is not None:
        clients += [*_rate(outcome), *_after(_errors(outcome)), *_after(_latency(outcome))]
    if (verdict := played.verdict) is not None:
        twtop += [*_use(verdict, played.threshold), *_after(_standing(verdict))]
    return [cropped(line, width) for line in (head, clients, twtop)]


def one_line(played: Played, width: int) -> Line:
    """Return the least that is worth knowing of a load in the background."""
    line: Line = [(f" {played.name}", "figure")]
    if played.outcome is None:
        return cropped([*line, (f" · {SETTING_UP}", "")], width)
    line += [*_after(_rate(played.outcome)), *_after(_errors(played.outcome))]
    if played.verdict is not None:
        line += _after(_standing(played.verdict))
    return cropped(line, width)


def _note(played: Played) -> str:
    return SETTING_UP if played.outcome is None else played.outcome.note


def _after(runs: Line) -> Line:
    return [(" · ", "dim"), *runs]


def _clients(outcome: Outcome | None) -> tuple[Line, Line, Line]:
    """Return what the clients got: connections, how long they took, what failed."""
    if outcome is None:
        return [], [], []
    rate, errors = _rate(outcome), _errors(outcome)
    if outcome.held:
        rate.append((f" · {outcome.held:,} open", "dim"))
    if outcome.looked_at and outcome.closed_by_server * 2 > outcome.looked_at:
        errors.append((" · the server closes first", "dim"))
    return rate, _latency(outcome), errors


def _rate(outcome: Outcome) -> Line:
    if outcome.ended:
        return [("ENDED", "warn"), (f" after {plural(outcome.connected, 'connection')}", "")]
    got = rate_text(outcome.connected_per_second)
    if outcome.paused:
        return [("PAUSED", "warn"), (f" · {got} connected", "")]
    if outcome.rate is None:
        return [(got, "figure"), (" connected, at full speed", "")]
    return [(got, "figure"), (f" of {rate_text(outcome.rate)} connected", "")]


def _latency(outcome: Outcome) -> Line:
    found = outcome.latency
    if not outcome.attempted:
        return [("no connect() yet", "dim")]
    if found is None:
        return [("no connect() succeeds", "dim")]
    slow = outcome.overall is not None and found.p50 >= 5 * outcome.overall.p50
    return [
        ("connect() ", "dim"),
        (measured(found.p50), "warn" if slow else "figure"),
        (" p50 · ", "dim"),
        (measured(found.p99), ""),
        (" p99", "dim"),
    ]


def _errors(outcome: Outcome) -> Line:
    """Return the errors, those that happen now first."""
    if not outcome.errors:
        return [("no errors", "")]
    now = outcome.errors_per_second
    line: Line = []
    for name, total in sorted(outcome.errors.items(), key=lambda each: -now.get(each[0], 0)):
        rate = now.get(name, 0.0)
        line += [(" · ", "dim")] if line else []
        line.append((f"{name} {rate_text(rate)}", "alarm" if rate else "dim"))
        line.append((f", {total:,} in all", "dim"))
    return line


def _twtop(played: Played, width: int) -> tuple[Line, Line, Line]:
    """Return what twtop says of the clients' tuples: gauge, figures, and whether they agree."""
    verdict = played.verdict
    if verdict is None:
        waiting = "" if played.outcome is None else "reading the kernel's tables …"
        return [(waiting, "dim")], [], []
    bar: Line = list(gauge(verdict.use, max(width - 1, 0), played.threshold))
    return bar, _use(verdict, played.threshold), _standing(verdict)


def _use(verdict: Agreement, threshold: float) -> Line:
    use = verdict.use
    role = use_role(use.level(threshold)) or "figure"
    capacity = f"{use.capacity:,}"
    if verdict.shared:
        capacity += " shared"
    elif verdict.tuples > 1 and use.capacity % verdict.tuples == 0:
        capacity = f"{verdict.tuples} × {use.capacity // verdict.tuples:,}"
    line: Line = [
        (f"{use.in_use:,} of {capacity} ports ", ""),
        (f"{floored(use.in_use, use.capacity):.1f}%", role),
        (" · ", "dim"),
    ]
    if verdict.exhausted:
        return [*line, ("one EXHAUSTED" if use.connectable > 0 else "EXHAUSTED", "alarm")]
    return [*line, (f"connectable {use.connectable:,}", "")]


def _standing(verdict: Agreement) -> Line:
    """Return in words whether clients' errors, table and the kernel's count fit each other."""
    if verdict.kernel is Kernel.DIFFERS:
        seen = "refuses none" if verdict.failing else "refuses connects"
        return [(f"≠ the kernel {seen}", "alarm")]
    match verdict.standing:
        case Standing.NOTHING:
            return [("no connect() to compare yet", "dim")]
        case Standing.CHANGING:
            return [("≈ changed between two readings", "dim")]
        case Standing.UPPER_BOUND:
            return [("≤ upper bound: bind() takes a port from every tuple", "warn")]
        case Standing.DIFFERS:
            seen = "connect() fails" if verdict.failing else "connect() succeeds"
            return [(f"≠ clients differ: {seen}", "alarm")]
        case Standing.AGREES:
            why = WHY_AGREED[verdict.exhausted, verdict.failing]
            if verdict.shared:  # the kernel counts no bind() that it refuses
                return [("= clients agree", "good"), (f": {why.replace('connect', 'bind')}", "")]
            all_three = verdict.kernel is Kernel.AGREES
            return [
                ("= kernel agrees" if all_three else "= clients agree", "good"),
                (f": {why}", ""),
            ]


def rate_text(rate: float) -> str:
    """Return a rate: ``50/s``, ``2.4/s``."""
    return f"{rate:,.0f}/s" if rate >= 9.95 or rate == round(rate) else f"{rate:.1f}/s"


def cropped(line: Sequence[Run], width: int) -> Line:
    """Cut a line to a width, with an ellipsis where something was cut."""
    left, found = width, []
    for text, role in line:
        if len(text) > left:
            found.append((short(text, left) if left else "", role))
            break
        found.append((text, role))
        left -= len(text)
    return found


def padded(line: Sequence[Run], width: int) -> Line:
    """Bring a line to a width."""
    found = cropped(line, width)
    return [*found, (" " * (width - sum(len(text) for text, _ in found)), "")]
