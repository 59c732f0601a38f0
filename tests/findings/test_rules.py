import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.findings.situations import (
    HTTPS,
    NGINX,
    accepted,
    after,
    at_once,
    found,
    frame_of,
    look,
    opens,
    waits,
)
from tests.tables import (
    FIXTURES,
    KERNELS,
    NOW,
    Sock,
    any_rules,
    crossing,
    frame,
    listener,
    rules,
    steady,
)
from tui.analysis.frame import judge
from tui.findings.baseline import Baseline
from tui.findings.codes import CODES
from tui.findings.config import Config, Silence
from tui.findings.finding import Finding, Severity, record
from tui.findings.rules import RULES, diagnose
from tui.kernel.places import place_at
from tui.kernel.port_rules import PortRules
from tui.kernel.source import Source

KEYS = ["code", "severity", "subject", "message", "evidence", "advice", "remedies"]
SMALL = rules(40000, 40009)


def check(findings: Sequence[Finding]) -> None:
    """What holds of all findings, whatever they say."""
    identities = [finding.identity for finding in findings]
    assert len(set(identities)) == len(identities)
    for finding in findings:
        assert finding.code in CODES
        written = json.loads(json.dumps(record(finding), allow_nan=False))
        assert list(written) == KEYS
        assert not finding.message.endswith("."), finding.message
        assert finding.meaning.endswith("."), finding.meaning
        for remedy in finding.remedies:
            assert not remedy.what.endswith("."), remedy.what
            assert not remedy.unless.endswith("."), remedy.unless
        assert "\n" not in written["message"]
        assert not re.search(r"\bnp\.|nan|  ", written["message"]), written["message"]
        assert all(type(value) in (int, float, str) for value in finding.evidence.values())


class TestOrder:
    def test_the_gravest_first(self) -> None:
        socks = [*waits(6), *waits(8, "10.0.0.8"), *waits(10, "10.0.0.7"), listener(port=40009)]
        findings = diagnose(look(*socks[:-1], given=SMALL))
        assert [finding.code for finding in findings] == [
            "ports-exhausted",
            "ports-above-threshold",
            "connect-slow",
        ]

    def test_the_worst_of_one_rule_first(self) -> None:
        socks = [*waits(8, "10.0.0.8"), *waits(9, "10.0.0.7")]
        assert [finding.subject for finding in diagnose(look(*socks, given=SMALL))] == [
            "10.0.0.5 → 10.0.0.7:443",
            "10.0.0.5 → 10.0.0.8:443",
        ]

    def test_nothing_is_wrong_with_nothing(self) -> None:
        assert diagnose(look()) == ()
        assert diagnose(look(HTTPS, *accepted(20), *opens(20))) == ()


class TestSilence:
    def silenced(self, *silence: Silence) -> list[str]:
        socks = [*waits(10), *waits(10, "::1", local="::1")]
        situation = look(*socks, given=SMALL, config=Config(silence=silence))
        return [finding.subject for finding in diagnose(situation)]

    def test_by_code_and_subject(self) -> None:
        assert self.silenced(Silence("ports-exhausted", "10.0.0.5 → *")) == ["::1 → [::1]:443"]

    def test_brackets_are_what_they_are(self) -> None:
        assert self.silenced(Silence("ports-exhausted", "::1 → [::1]:*")) == [
            "10.0.0.5 → 10.0.0.9:443"
        ]

    def test_of_another_code_or_subject_nothing(self) -> None:
        assert len(self.silenced(Silence("connect-slow"), Silence("ports-exhausted", "::2"))) == 2

    def test_a_code_as_a_whole(self) -> None:
        assert self.silenced(Silence("ports-exhausted")) == []


class TestAlways:
    @given(socks=crossing, given=any_rules(), more=crossing)
    @steady
    def test_findings_are_well_formed(
        self, socks: list[Sock], given: PortRules, more: list[Sock]
    ) -> None:
        config = Config().with_threshold(10)
        first = frame(*socks, given=given)
        check(diagnose(at_once(first, config=config, owners={1: NGINX})))
        later = frame(*more, given=given, time=NOW + 1, counters={"ListenDrops": 1, "tw": 3})
        situation = after(first, later, config=config, owners={1: NGINX})
        check(diagnose(replace(situation, baseline=Baseline(frozenset(), NOW))))

    @pytest.mark.parametrize("kernel", [*KERNELS, "big-endian"])
    def test_of_real_kernels(self, kernel: str) -> None:
        made = judge(
            Source(place_at(FIXTURES / kernel / "proc"), "proc", 1.0, one_shot=True).read()
        )
        check(diagnose(at_once(made, baseline=Baseline(frozenset(), NOW))))

    @given(st.sampled_from([*CODES]))
    @steady
    def test_codes_are_kebab_case(self, code: str) -> None:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)

    def test_the_codes_are_those_of_the_rules_in_their_order(self) -> None:
        """They are written down apart, so that reading the settings loads no rule."""
        assert [*RULES] == [*CODES]

    def test_an_idle_host_has_nothing_above_information(self) -> None:
        root = FIXTURES / "6.18-idle-host" / "proc"
        made = judge(Source(place_at(root), "proc", 1.0, one_shot=True).read())
        findings = diagnose(at_once(made))
        assert all(finding.severity == Severity.INFO for finding in findings), findings

    def test_a_rule_speaks_of_its_own_code_alone(self) -> None:
        situation = look(*waits(10), *waits(8, "10.0.0.8"), listener(port=40500), given=SMALL)
        for code in CODES:
            found(code, situation)

    def test_the_patterns_are_those_of_the_frame(self) -> None:
        frame = frame_of(*waits(10), *opens(8, "10.0.0.8"), given=SMALL)
        for finding in diagnose(at_once(frame)):
            assert finding.pattern is not None
            assert frame.patterns.find(finding.pattern) is not None


def test_textual_is_not_needed() -> None:
    program = "import sys, tui.findings.rules; print('textual' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout == "False\n"
