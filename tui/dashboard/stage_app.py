"""The dashboard over a stage: a load to watch and to steer beside what it does to the ports."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.markup import escape
from textual.reactive import reactive
from textual.screen import Screen

from tui.analysis.frame import Frame
from tui.dashboard.app import TwtopApp
from tui.dashboard.keys import bind
from tui.dashboard.polling import Poller
from tui.dashboard.widgets.clients import WHOLE, ClientsPanel, Played
from tui.dashboard.widgets.footer import Hint, each
from tui.findings.config import Config
from tui.kernel.processes import Owners, Process
from tui.kernel.refusals import CountingError, Refusals
from tui.lab.outcome import Outcome
from tui.lab.process import ChildError
from tui.recording.memory import KEEP_SECONDS
from tui.stage.agreement import Agreement, compare, over
from tui.stage.scenarios import SCENARIOS, Scenario
from tui.stage.stage import CLIENTS, TICK_SECONDS, Ready, Stage
from tui.watching.view import View
from tui.watching.watch import Watch

SECOND = round(1 / TICK_SECONDS)
"""Outcomes in a second, over which rates are taken."""
RATES = tuple(step * 10**power for power in range(5) for step in (1, 2, 5))
"""What ``[`` and ``]`` step through, in connections per second."""
ENDED = 1
"""Exit code when a process of the load ended that should not have."""
SEEN_SECONDS = 0.5
"""What was shown is kept no more often than this for the past."""
WATCH_SECONDS = 10
"""How long a small screen shows what to watch for."""
SCENARIO_HINT, RATE_HINT = "n next · ", "[ ] rate · P pause"


class StageApp(TwtopApp):
    """The dashboard, with the outcomes of a load that a stage plays.

    It must run in the thread that made the stage's child, since that ends with its maker.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("load.next", "n", "step_scenario(1)", "Next scenario", "Play the next scenario"),
        bind(
            "load.previous",
            "N",
            "step_scenario(-1)",
            "Previous scenario",
            "Play the previous scenario",
        ),
        bind("load.slower", "left_square_bracket", "step_rate(-1)", "Slower", "Connect less often"),
        bind("load.faster", "right_square_bracket", "step_rate(1)", "Faster", "Connect more often"),
        bind("load.pause", "P", "pause", "Pause", "Pause the load, or resume it"),
        bind("load.restart", "r", "restart", "Restart", "Restart the scenario"),
    ]
    hints = (
        Hint(("load.next", "load.previous"), "Scenario"),
        Hint(("load.slower", "load.faster"), "Rate"),
        *each("load.pause", "load.restart", "app.freeze"),
    )
    plays_load = True
    special = "This load"

    played: reactive[Played | None] = reactive(None, repaint=False)
    """What the panel of the load shows."""

    def __init__(
        self,
        stage: Stage,
        open_poller: Callable[[Watch], tuple[Poller, str]],
        *,
        most_rate: float,
        config: Config | None = None,
        find_owners: Callable[[], Owners] | None = None,
        watch: str = "",
        refusals: Refusals | None = None,
    ) -> None:
        """Show a stage that is ready, from within the network namespace of its load.

        ``open_poller`` returns a poller that feeds a watch, for the namespace that the calling
        thread is in, and the name of that place; ``most_rate`` is the most that the keys ask for;
        ``watch`` says what to watch for where the stage plays no scenario; ``refusals`` is the
        kernel's own count, where it may be had.
        """
        watch_of_place = Watch(config)
        poller, place = open_poller(watch_of_place)
        super().__init__(poller, watch_of_place, place=place, find_owners=find_owners)
        self.stage = stage
        self._open_poller = open_poller
        self._most_rate = most_rate
        self._watch = watch
        self._refusals = refusals
        self._outcomes: deque[Outcome] = deque(maxlen=SECOND + 1)
        self._seen: deque[tuple[float, Played]] = deque(maxlen=int(KEEP_SECONDS / SEEN_SECONDS))
        """What was shown of it with the views of these times (Unix)."""
        self._moment = 0.0
        """That of the newest view."""
        self._verdict: Agreement | None = None
        self._rate = None if stage.scenario is None else stage.scenario.plan.rate
        self._paused = False

    @property
    def newest(self) -> Outcome | None:
        """The newest outcome, None before the first."""
        return self._outcomes[-1] if self._outcomes else None

    def on_mount(self) -> None:
        """Listen to the load, once the dashboard is there."""
        self._publish()
        self._listen()
        self.call_after_refresh(self._say_what_to_watch)

    def on_unmount(self) -> None:
        """Listen no more, nor count."""
        self._do_not_listen()
        if self._refusals is not None:
            self._refusals.close()

    def _listen(self) -> None:
        asyncio.get_running_loop().add_reader(self.stage.fileno(), self._receive)

    def _do_not_listen(self) -> None:
        asyncio.get_running_loop().remove_reader(self.stage.fileno())

    def _receive(self) -> None:
        """Take what the load says next."""
        try:
            message = self.stage.receive()
            if isinstance(message, Ready):
                self._enter()
                return
        except ChildError as error:
            self._do_not_listen()
            self.stop_polling()
            self.fatal = str(error)
            self.exit(return_code=ENDED)
            return
        if not self._outcomes and self._rate is None:
            self._rate = message.rate
        self._outcomes.append(message)
        self._publish()

    def _enter(self) -> None:
        """Follow the load into its network namespace, and begin anew there."""
        if self.stage.scenario is not None:
            self.stage.enter()
        interval = self.poller.interval
        watched = Watch(self.watched.config)
        poller, place = self._open_poller(watched)
        poller.interval = interval
        self.begin_anew(poller, watched, place)

    def take(self, view: View) -> None:
        """Hold each view against the clients' newest outcome as well."""
        super().take(view)
        self._moment = view.frame.time
        if self._outcomes:
            self._verdict = compare(
                view.frame, self._outcomes[-1], self._verdict, self._refused(view.frame)
            )
            # A walk over the processes finds one of their short connections open by chance alone.
            clients = Process(self.stage.pid, CLIENTS)
            self.watched.note_held(dict.fromkeys(self._verdict.patterns, clients))
            self._publish()

    def _refused(self, frame: Frame) -> int | None:
        """Return how many of the clients' connects the kernel has refused since the last table."""
        same = self._verdict is not None and self._verdict.time == frame.reading.table_time
        scenario = self.stage.scenario
        if self._refusals is None or same or (scenario is not None and scenario.plan.fall_back):
            return None
        with suppress(CountingError):
            return self._refusals.take().of(self.stage.pid)
        return None

    def _publish(self) -> None:
        """Show the load as it is now, unless the screen is frozen, and keep it for the past."""
        name, summary, watch = "simulate", self._watch, self._watch
        title, keys = "Simulate", RATE_HINT
        if (scenario := self.stage.scenario) is not None:
            name, summary, watch = scenario.name, scenario.summary, scenario.watch
            at, keys = list(SCENARIOS).index(name) + 1, SCENARIO_HINT + RATE_HINT
            title = f"Demo {at}/{len(SCENARIOS)} · {name}: {summary}"
        now = Played(
            name,
            summary,
            watch,
            title,
            keys,
            outcome=over(self._outcomes) if self._outcomes else None,
            verdict=self._verdict,
            threshold=self.threshold,
        )
        if self._seen and self._seen[-1][0] == self._moment:
            self._seen[-1] = self._moment, now
        elif not self._seen or not 0 <= self._moment - self._seen[-1][0] < SEEN_SECONDS:
            self._seen.append((self._moment, now))
        if not self.frozen:
            self.played = now

    def _show(self, view: View) -> None:
        """Show with a past moment what the clients got then."""
        super()._show(view)
        if view.past:
            then = bisect_right(self._seen, view.frame.time, key=lambda one: one[0])
            self.played = self._seen[max(then - 1, 0)][1]

    def _say_what_to_watch(self) -> None:
        """Say for a while what to watch for where the panel has no room for it."""
        panel = self.dashboard.query_one(ClientsPanel)
        if self.stage.scenario is not None and panel.size.height < WHOLE:
            self.clear_notifications()
            self.notify(
                self.stage.scenario.watch,
                title=self.stage.scenario.name,
                timeout=WATCH_SECONDS,
                markup=False,
            )

    def play(self, scenario: Scenario) -> None:
        """End what is played and begin a scenario; the rest follows when it is ready."""
        self._do_not_listen()
        self.stop_polling()
        self.stage.play(scenario)
        self._listen()
        self._outcomes.clear()
        self._seen.clear()
        self._verdict = None
        self.leave_past()
        self._rate, self._paused = scenario.plan.rate, False
        self._publish()
        while self.screen is not self.dashboard:
            self.pop_screen()
        self._say_what_to_watch()

    def action_step_scenario(self, by: int) -> None:
        """Play the next scenario (1) or the one before (−1)."""
        if self.stage.scenario is not None:
            names = list(SCENARIOS)
            at = names.index(self.stage.scenario.name)
            self.play(SCENARIOS[names[(at + by) % len(names)]])

    def action_restart(self) -> None:
        """Play the scenario from its beginning."""
        if self.stage.scenario is not None:
            self.play(self.stage.scenario)

    def action_step_rate(self, direction: int) -> None:
        """Ask for more (1) or fewer (−1) connections per second."""
        now, most = self._rate, self._most_rate
        if now is None:
            now = self.newest.connected_per_second if self.newest is not None else 0.0
        steps = [rate for rate in RATES if (now < rate <= most if direction > 0 else rate < now)]
        if steps:
            self._rate = steps[0] if direction > 0 else steps[-1]
            self.stage.steer("rate", self._rate)
            self._confirm(f"{self._rate:,}/s asked")

    def action_pause(self) -> None:
        """Pause the load, or resume it."""
        self._paused = not self._paused
        self.stage.steer("paused", self._paused)
        self._confirm("paused" if self._paused else "resumed")

    def _confirm(self, text: str) -> None:
        """Say what a key did where the panel does not move."""
        if self.frozen:
            self.notify(text, title="Load", timeout=2)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have no keys for scenarios where none is played."""
        if action in ("step_scenario", "restart"):
            return self.stage.scenario is not None
        return super().check_action(action, parameters)

    def help_first(self) -> str:
        """Begin the help with what to watch for."""
        scenario = self.stage.scenario
        if scenario is None:
            return super().help_first()
        told = f"[b]{scenario.name}: {scenario.summary}[/b]\n  {escape(scenario.watch)}\n\n"
        return super().help_first() + told

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer in the command palette what the load's keys do, and each scenario by name."""
        yield from super().get_system_commands(screen)
        if self.stage.scenario is None:
            return
        for scenario in SCENARIOS.values():
            yield SystemCommand(
                f"Demo: {scenario.name} – {scenario.summary}",
                scenario.watch,
                partial(self.play, scenario),
            )
