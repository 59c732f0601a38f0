import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tui.findings.config import (
    Config,
    ConfigError,
    Ports,
    Silence,
    config_path,
    load_config,
)
from tui.findings.config_file import parse_config
from tui.findings.config_schema import config_schema, documented_defaults

CODES = ("ports-exhausted", "connect-slow", "listener-in-range")


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, CODES)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestReading:
    def test_a_missing_file_means_the_defaults(self, tmp_path: Path) -> None:
        assert load_config(tmp_path / "config.toml", CODES) == Config()
        (tmp_path / "file").touch()
        assert load_config(tmp_path / "file" / "config.toml", CODES) == Config()

    def test_an_empty_one_as_well(self) -> None:
        assert parse_config("", CODES) == parse_config("[ports]\n", CODES) == Config()

    def test_what_is_set_is_set_and_the_rest_is_not(self) -> None:
        config = parse_config("[ports]\nthreshold = 90\n[close_wait]\ncount = 7\n", CODES)
        assert config.ports == Ports(threshold=90)
        assert config.close_wait.count == 7
        assert config.orphans == Config().orphans

    def test_silences(self) -> None:
        text = """
            [[silence]]
            code = "connect-slow"
            [[silence]]
            code = "listener-in-range"
            subject = "127.0.0.1:*"
        """
        assert parse_config(text, CODES).silence == (
            Silence("connect-slow", "*"),
            Silence("listener-in-range", "127.0.0.1:*"),
        )

    def test_the_option_goes_first(self) -> None:
        config = parse_config("[ports]\nthreshold = 90\nbound_cost = 5", CODES).with_threshold(70)
        assert config.ports == Ports(threshold=70, bound_cost=5)

    def test_a_dashboard_that_changes_nothing(self) -> None:
        made = parse_config("[dashboard]\nread_only = true\n", CODES)
        assert made == Config().without_acts() != Config()
        assert "true or false" in refusal("[dashboard]\nread_only = 1\n")

    def test_the_place_is_the_users(self) -> None:
        assert config_path({"XDG_CONFIG_HOME": "/c"}) == Path("/c/twtop/config.toml")
        home = Path("~/.config/twtop/config.toml").expanduser()
        assert config_path({}) == config_path({"XDG_CONFIG_HOME": "relative"}) == home


class TestRefusing:
    def test_an_error_names_the_file_the_key_the_value_and_what_is_allowed(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "config.toml"
        path.write_text("[ports]\nthreshold = 800\n")
        with pytest.raises(ConfigError) as caught:
            load_config(path, CODES)
        assert str(caught.value) == (
            f"{path}: ports.threshold is 800; it must be a number from 0.1 to 100"
        )

    @pytest.mark.parametrize("value", ["0", "-1", "100.1", "nan", "inf", "true", '"80"', "[80]"])
    def test_what_is_no_percentage(self, value: str) -> None:
        assert refusal(f"[ports]\nthreshold = {value}").startswith("ports.threshold is ")

    @pytest.mark.parametrize("value", ["0", "1.5", "false", "10000001", "2026-01-01"])
    def test_what_is_no_count(self, value: str) -> None:
        said = refusal(f"[close_wait]\ncount = {value}")
        assert said.endswith("; it must be a whole number from 1 to 10,000,000")

    def test_an_unknown_setting_with_a_guess(self) -> None:
        said = refusal("[ports]\ntreshold = 80")
        assert said == "ports.treshold is not a setting; did you mean ports.threshold?"

    def test_an_unknown_section_with_a_guess(self) -> None:
        assert refusal("[port]\n") == "port is not a section; did you mean ports?"

    def test_without_a_likely_guess_what_there_is(self) -> None:
        said = refusal("[close_wait]\nxyz = 1")
        assert said == "close_wait.xyz is not a setting; choose from count"

    def test_a_setting_outside_of_its_section(self) -> None:
        assert refusal("ports = 80") == "ports is 80; it must be a section, [ports]"

    def test_a_warning_above_critical(self) -> None:
        said = refusal("[conntrack]\nwarning = 97")
        assert said == "conntrack.warning is 97; it must not be above conntrack.critical, 95"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (
                '[[silence]]\ncode = "connect-slo"',
                'silence[1].code is "connect-slo"; it must be the code of a finding; '
                "did you mean connect-slow?",
            ),
            ("[[silence]]\ncode = 1", "silence[1].code is 1; it must be the code of a finding"),
            (
                '[[silence]]\ncode = "connect-slow"\n[[silence]]\nsubject = "x"',
                "silence[2].code is missing; it must be the code of a finding",
            ),
            (
                '[[silence]]\ncode = "connect-slow"\nsubjekt = "x"',
                "silence[1].subjekt is not a setting; did you mean silence[1].subject?",
            ),
            (
                '[[silence]]\ncode = "connect-slow"\nsubject = ""',
                'silence[1].subject is ""; it must be text such as "10.0.0.5 → *"',
            ),
            ("silence = 1", "silence must be written as [[silence]], with a code and a subject"),
            (
                '[silence]\ncode = "connect-slow"',
                "silence must be written as [[silence]], with a code and a subject",
            ),
        ],
    )
    def test_a_silence_that_would_silence_nothing(self, text: str, said: str) -> None:
        assert refusal(text) == said

    def test_what_is_no_toml_with_its_line(self) -> None:
        said = refusal("[ports]\nthreshold = \n")
        assert said.startswith("not TOML: ")
        assert "line 2" in said

    def test_what_is_nested_beyond_reason(self) -> None:
        assert refusal("x = " + "[" * 100_000).startswith("not TOML: ")

    def test_what_is_no_text_with_its_line(self, tmp_path: Path) -> None:
        path = tmp_path / "config.toml"
        path.write_bytes(b"[ports]\nthreshold = 80 # \xff\n")
        with pytest.raises(ConfigError, match=r"config\.toml: line 2 is not valid UTF-8"):
            load_config(path, CODES)

    def test_what_may_not_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
            load_config(tmp_path, CODES)

    def test_a_long_value_is_cut(self) -> None:
        assert len(refusal(f'[ports]\nthreshold = "{"x" * 1000}"')) < 150

    def test_what_a_terminal_would_act_on_is_not_repeated(self) -> None:
        assert "\x1b" not in refusal('["\\u001b[2J"]') + refusal('ports = "\\u001b[2J"')


class TestSilence:
    @pytest.mark.parametrize(
        ("glob", "subject", "covered"),
        [
            ("*", "10.0.0.5 → 10.0.0.9:443", True),
            ("10.0.0.5 → *", "10.0.0.5 → 10.0.0.9:443", True),
            ("10.0.0.5 → *", "10.0.0.55 → 10.0.0.9:443", False),
            ("[::1]:*", "[::1]:80", True),
            ("[::1]:*", ":80", False),
            ("10.0.0.?:80", "10.0.0.5:80", True),
            ("10.0.0.?:80", "10.0.0.55:80", False),
            ("10.0.0.5", "10x0.0.5", False),
            ("10.0.0.5", "10.0.0.5:80", False),
        ],
    )
    def test_a_glob_knows_the_star_and_the_question_mark_alone(
        self, glob: str, subject: str, covered: bool
    ) -> None:
        assert Silence("connect-slow", glob).covers("connect-slow", subject) is covered

    def test_of_its_code_alone(self) -> None:
        assert not Silence("connect-slow").covers("ports-exhausted", "x")


class TestDocumentation:
    def test_the_documented_defaults_change_nothing(self) -> None:
        assert parse_config(documented_defaults(), CODES) == Config()

    def test_its_example_of_a_silence_works(self) -> None:
        text = documented_defaults().partition("# [[silence]]")[2]
        example = "[[silence]]" + text.replace("\n# ", "\n")
        assert "code" in example
        assert parse_config(example, CODES).silence == (
            Silence("listener-in-range", "127.0.0.1:*"),
        )

    def test_every_setting_says_what_it_means_and_its_default_is_allowed(self) -> None:
        for section in fields(Config):
            if not is_dataclass(section.default):
                continue
            for setting in fields(section.default):
                assert setting.metadata["meaning"]
                assert setting.metadata["allowed"].takes(getattr(section.default, setting.name))


class TestSchema:
    """The JSON Schema takes what the parser takes, and nothing else."""

    @pytest.fixture
    def schema(self) -> Draft202012Validator:
        made = config_schema(CODES)
        Draft202012Validator.check_schema(made)
        return Draft202012Validator(made)

    def test_it_takes_the_documented_defaults(self, schema: Draft202012Validator) -> None:
        schema.validate(tomllib.loads(documented_defaults()))

    @pytest.mark.parametrize(
        "text",
        [
            *(f"[ports]\nthreshold = {value}" for value in (0.1, 100, 80, 55.5)),
            *(f"[ports]\nthreshold = {value}" for value in ("0", "100.1", "inf", "true", "'80'")),
            *(f"[close_wait]\ncount = {value}" for value in ("1", "0", "1.5", "10000001")),
            "",
            "ports = 80",
            "[ports]\ntreshold = 80",
            "[port]\n",
            "[[silence]]\ncode = 'connect-slow'\nsubject = 'x'",
            "[[silence]]\ncode = 'connect-slo'",
            "[[silence]]\nsubject = 'x'",
            "[[silence]]\ncode = 'connect-slow'\nsubject = ''",
            "[silence]\ncode = 'connect-slow'",
            *(f"[screen]\ninterval = {value}" for value in (0.1, 3600, "0", "'1'", "true")),
            *(f"[screen]\nincoming = {value}" for value in ("true", "1", "'no'")),
            *(f"[screen]\ntheme = {value}" for value in ("'nord'", "''", "1")),
            "[screen]\nthema = 'nord'",
        ],
    )
    def test_they_agree(self, schema: Draft202012Validator, text: str) -> None:
        try:
            parse_config(text, CODES)
        except ConfigError:
            assert not schema.is_valid(tomllib.loads(text))
        else:
            assert schema.is_valid(tomllib.loads(text))
