import json

from tui.findings.finding import Finding, Remedy, Severity, record

ONE = Remedy("Do this", "do it", "it is done")
OTHER = Remedy("Do that")


def finding(*remedies: Remedy, **evidence: int | float | str) -> Finding:
    return Finding(
        "a-code", Severity.WARNING, "::1", "It is so", "That means. And so.", evidence, remedies
    )


def test_a_record_has_the_contracts_keys() -> None:
    assert record(finding(ONE, count=3, share=0.5, process="a[1]")) == {
        "code": "a-code",
        "severity": "warning",
        "subject": "::1",
        "message": "It is so. That means. And so.",
        "evidence": {"count": 3, "share": 0.5, "process": "a[1]"},
        "advice": "Do this. Not if: it is done. Run: do it",
        "remedies": [{"what": "Do this", "command": "do it", "not_if": "it is done"}],
    }


def test_several_remedies_are_numbered_in_one_string() -> None:
    advice = record(finding(ONE, OTHER))["advice"]
    assert advice == "1. Do this. Not if: it is done. Run: do it\n2. Do that."


def test_what_a_remedy_lacks_is_null_in_the_list() -> None:
    assert record(finding(OTHER))["remedies"] == [
        {"what": "Do that", "command": None, "not_if": None}
    ]


def test_without_a_remedy_the_advice_is_empty() -> None:
    assert (record(finding())["advice"], record(finding())["remedies"]) == ("", [])


def test_what_json_cannot_hold_becomes_text() -> None:
    written = json.dumps(record(finding(rate=float("nan"), left=float("inf"))), allow_nan=False)
    assert json.loads(written)["evidence"] == {"rate": "nan", "left": "inf"}


def test_severities_have_an_order_and_names() -> None:
    assert Severity.INFO < Severity.WARNING < Severity.CRITICAL
    assert [severity.label for severity in Severity] == ["info", "warning", "critical"]


def test_its_identity_is_not_its_numbers() -> None:
    assert finding(count=1).identity == finding(ONE, count=2).identity == ("a-code", "::1")
