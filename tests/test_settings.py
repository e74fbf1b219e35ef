"""The settings table: how each value is read, and that flag, environment and default agree."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mock_server.cli import main
from mock_server.domain.variants import VARIANTS
from mock_server.input_errors import FileError
from mock_server.settings import SETTINGS, Setting, Settings
from mock_server.values import duration, instant, variants

BY_NAME = {setting.name: setting for setting in SETTINGS}

DURATIONS = {
    "0": timedelta(),
    "200ms": timedelta(milliseconds=200),
    "2s": timedelta(seconds=2),
    "1.5s": timedelta(seconds=1.5),
    "5m": timedelta(minutes=5),
    "1h": timedelta(hours=1),
    "90": timedelta(seconds=90),
    "PT0S": timedelta(),
    "PT0.5S": timedelta(seconds=0.5),
    "PT1M30S": timedelta(seconds=90),
    "P30D": timedelta(days=30),
    "P1DT12H": timedelta(days=1.5),
}
NO_DURATIONS = [
    "",
    " ",
    "soon",
    "-1s",
    "1d",
    "1 s",
    "1e3",
    "inf",
    "nan",
    "P",
    "PT",
    "P1Y",
    "PT-1S",
    "2S",
    "٣s",
]
TOO_LONG = ["P36501D", "P99999999999999999999D", "999999999999h", "9" * 400]

INSTANTS = {
    "2026-03-02T09:00:00": datetime(2026, 3, 2, 8, tzinfo=UTC),
    "2026-07-02T09:00:00": datetime(2026, 7, 2, 7, tzinfo=UTC),
    "2026-03-02T09:00:00Z": datetime(2026, 3, 2, 9, tzinfo=UTC),
    "2026-03-02T09:00:00+05:30": datetime(2026, 3, 2, 3, 30, tzinfo=UTC),
    "2026-03-02": datetime(2026, 3, 1, 23, tzinfo=UTC),
    "2026-03-02T09:00:00.123": datetime(2026, 3, 2, 8, 0, 0, 123000, tzinfo=UTC),
}
NO_INSTANTS = ["", "now", "2026-13-01", "2026-02-30T00:00:00", "0999-12-31", "9001-01-01", "09:00", "20"]

VARIANT_TEXTS: dict[str, dict[str, str]] = {
    "refusals=result": {"refusals": "result"},
    "refusals=result,referenceCase=upper": {"refusals": "result", "referenceCase": "upper"},
    " refusals = result , ": {"refusals": "result"},
    "refusals=result,refusals=http400": {"refusals": "http400"},
    "": {},
}
NO_VARIANTS = {
    "refusals": "'refusals' is not name=value; the variants are refusals, emptySearch",
    "refusal=result": "there is no variant 'refusal'; the variants are refusals, emptySearch",
    "refusals=404": "variant refusals is http400 or result, not '404'",
    "refusals=": "variant refusals is http400 or result, not ''",
}

# A value that differs from the default, as text and as it is understood.
EXAMPLES: dict[str, tuple[str, object]] = {
    "host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104
    "port": ("9000", 9000),
    "fixture": ("empty", "empty"),
    "fixtures_dir": (".", Path()),
    "scenario": ("outage", "outage"),
    "scenarios_dir": ("scenarios", Path("scenarios")),
    "watch": ("true", True),
    "clock": ("2026-03-02T09:00:00", datetime(2026, 3, 2, 8, tzinfo=UTC)),
    "dialect": ("edge", "edge"),
    "auth": ("off", "off"),
    "variants": ("refusals=result,rateLimit=on", {"refusals": "result", "rateLimit": "on"}),
    "import_duration": ("2s", timedelta(seconds=2)),
    "access_token_lifetime": ("1h", timedelta(hours=1)),
    "refresh_token_lifetime": ("PT2H", timedelta(hours=2)),
    "public_url": ("https://sandbox.example/", "https://sandbox.example"),
    "trust_proxy": ("2", 2),
    "cors": ("https://App.example:3000/,*", ("https://app.example:3000", "*")),
    "signing_key": ("key.pem", Path("key.pem")),
    "tls_cert": ("cert.pem", Path("cert.pem")),
    "tls_key": ("key.pem", Path("key.pem")),
    "tls_self_signed": ("true", True),
    "control_token": ("s3cret", "s3cret"),
    "control_open": ("true", True),
    "control_host": ("Sandbox.example.com,mock_server", ("sandbox.example.com", "mock_server")),
    "max_sandboxes": ("3", 3),
    "sandbox_idle": ("5m", timedelta(minutes=5)),
    "max_body": ("2048", 2048),
    "body_timeout": ("2s", timedelta(seconds=2)),
    "max_connections": ("50", 50),
    "journal_entries": ("50", 50),
    "journal_bytes": ("1048576", 1048576),
    "strict": ("warn", "warn"),
    "history_entries": ("20", 20),
    "state": ("state.db", Path("state.db")),
    "state_password": ("s3cret", "s3cret"),
    "check_responses": ("true", True),
    "log_format": ("json", "json"),
    "log_level": ("error", "error"),
}
BAD = [
    ("host", " ", "the value is empty"),
    ("port", "65536", "'65536' is not a number from 0 to 65535"),
    ("port", "-1", "'-1' is not a number from 0 to 65535"),
    ("port", "http", "'http' is not a number from 0 to 65535"),
    ("port", "٨٠", "'٨٠' is not a number from 0 to 65535"),
    ("fixture", "", "the value is empty"),
    ("fixtures_dir", "nowhere/at/all", "'nowhere/at/all' is not a folder"),
    ("scenario", " ", "the value is empty"),
    ("scenarios_dir", "nowhere/at/all", "'nowhere/at/all' is not a folder"),
    ("watch", "often", "'often' is not one of true, yes, on, 1, false, no, off, 0"),
    ("clock", "tomorrow", "'tomorrow' is not an ISO date-time such as 2026-03-02T09:00:00"),
    ("dialect", "soap", "'soap' is not one of rest, edge"),
    ("auth", "on", "'on' is not one of any, declared, off"),
    ("variants", "speed=fast", "there is no variant 'speed'"),
    (
        "import_duration",
        "-1s",
        "'-1s' is not a duration; write 200ms, 2s, 5m, 1h or ISO 8601 such as PT1M30S",
    ),
    ("import_duration", "P40000D", "'P40000D' is longer than a century"),
    ("access_token_lifetime", "0", "'0' is shorter than a second"),
    ("refresh_token_lifetime", "999ms", "'999ms' is shorter than a second"),
    ("public_url", "sandbox:8080", "'sandbox:8080' is not a URL such as http://sandbox:8080"),
    ("public_url", "http://", "'http://' is not a URL"),
    ("public_url", "http://sandbox?a=b", "'http://sandbox?a=b' is not a URL"),
    ("public_url", "http://x:99999", "'http://x:99999' is not a URL"),
    ("public_url", "http://x:0", "'http://x:0' is not a URL"),
    ("public_url", "http://:8080", "'http://:8080' is not a URL"),
    ("public_url", "http://[::1", "'http://[::1' is not a URL"),
    ("public_url", "http://a b", "'http://a b' is not a URL"),
    ("signing_key", " ", "the value is empty"),
    ("tls_cert", "", "the value is empty"),
    ("tls_key", "", "the value is empty"),
    ("tls_self_signed", "self", "'self' is not one of true, yes, on, 1, false, no, off, 0"),
    ("trust_proxy", "yes", "'yes' is not a number from 0 to 10"),
    ("cors", "app.example", "'app.example' is not a URL"),
    ("cors", "https://app.example/path", "'https://app.example/path' is not an origin such as https://"),
    ("cors", "https://me@app.example", "'https://me@app.example' is not an origin"),
    ("control_host", "sandbox.example.com:8080", "'sandbox.example.com:8080' is not a host name"),
    ("control_host", "http://sandbox", "'http://sandbox' is not a host name"),
    ("control_host", "*.example.com", "'*.example.com' is not a host name"),
    ("control_open", "enabled", "'enabled' is not one of true, yes, on, 1, false, no, off, 0"),
    ("strict", "Warn", "'Warn' is not one of off, warn, fail"),
    ("state", "postgres://host", "a URL in --state is redis://HOST:PORT/DATABASE"),
    ("state", "redis://host:99999", "a URL in --state is redis://HOST:PORT/DATABASE"),
    ("state", "redis://host/x", "a URL in --state is redis://HOST:PORT/DATABASE"),
    ("state", "redis://:6379", "a URL in --state is redis://HOST:PORT/DATABASE"),
    ("check_responses", "maybe", "'maybe' is not one of true, yes, on, 1, false, no, off, 0"),
    ("control_token", " ", "the value is empty"),
    ("control_token", "a\ud800", "the value is not UTF-8 text"),
    ("control_token", "a\nb", "a control token is one or more printable characters"),
    ("control_token", "a\tb", "a control token is one or more printable characters"),
    ("max_sandboxes", "0", "'0' is not a number from 1 to 1000000"),
    ("sandbox_idle", "0s", "'0s' is shorter than a second"),
    ("max_body", "1023", "'1023' is not a number from 1024 to 1073741824"),
    ("body_timeout", "0s", "'0s' is shorter than a second"),
    ("max_connections", "0", "'0' is not a number from 1 to 1000000"),
    ("journal_entries", "-1", "'-1' is not a number from 0 to 1000000"),
    ("journal_bytes", "16M", "'16M' is not a number from 0 to 68719476736"),
    ("history_entries", "all", "'all' is not a number from 0 to 1000000"),
    ("log_format", "xml", "'xml' is not one of text, json"),
    ("log_level", "INFO", "'INFO' is not one of debug, info, warning, error"),
]


def errors_of(read: Callable[[str], object], texts: Iterable[str]) -> dict[str, str]:
    """The error of each text."""
    found = {}
    for text in texts:
        with pytest.raises(ValueError) as refused:  # noqa: PT011  # the sentence is compared by the test
            read(text)
        found[text] = str(refused.value)
    return found


def test_a_duration_is_read() -> None:
    assert {text: duration(text) for text in DURATIONS} == DURATIONS


def test_the_error_of_a_wrong_duration_says_how_to_write_one() -> None:
    advice = "is not a duration; write 200ms, 2s, 5m, 1h or ISO 8601"

    assert [text for text, error in errors_of(duration, NO_DURATIONS).items() if advice not in error] == []


def test_a_duration_longer_than_a_century_is_rejected() -> None:
    errors = errors_of(duration, TOO_LONG)

    assert [text for text, error in errors.items() if "is longer than a century" not in error] == []


def test_an_instant_without_offset_is_french() -> None:
    assert {text: instant(text) for text in INSTANTS} == INSTANTS


def test_the_error_of_a_wrong_instant_says_how_to_write_one() -> None:
    advice = "is not an ISO date-time such as 2026-03-02T09:00:00"

    years = "is not in the years 1000 to 8999 of France"
    errors = errors_of(instant, NO_INSTANTS)

    assert [text for text, error in errors.items() if advice not in error and years not in error] == []


def test_variants_are_read() -> None:
    assert {text: variants(text) for text in VARIANT_TEXTS} == VARIANT_TEXTS


def test_the_error_of_a_wrong_variant_lists_the_variants() -> None:
    errors = errors_of(variants, NO_VARIANTS)

    assert [text for text, error in errors.items() if NO_VARIANTS[text] not in error] == []


def test_every_value_of_every_variant_can_be_chosen() -> None:
    choices = [(name, value) for name, variant in VARIANTS.items() for value in variant.values]

    assert [variants(f"{name}={value}") for name, value in choices] == [
        {name: value} for name, value in choices
    ]


def test_the_table_has_a_row_for_each_setting() -> None:
    assert [setting.name for setting in SETTINGS] == list(Settings.__struct_fields__)


def test_the_default_that_help_shows_is_the_default() -> None:
    defaults = {setting: getattr(Settings(), setting.name) for setting in SETTINGS}

    wrong = [
        setting.name
        for setting, default in defaults.items()
        if (
            setting.default != setting.absent
            if default is None
            else setting.convert(setting.default) != default
        )
    ]

    assert wrong == []


def test_the_defaults_are_shown_as_users_write_them() -> None:
    shown = {setting.name: setting.default for setting in SETTINGS}

    assert (shown["import_duration"], shown["access_token_lifetime"], shown["sandbox_idle"]) == (
        *("200ms", "30m", "1h"),
    )
    assert (shown["watch"], shown["port"], shown["variants"]) == ("no", "8080", "")


def test_flag_and_environment_variable_contain_the_name() -> None:
    singular = {"variants": "variant"}

    expected = [
        (f"--{singular.get(name, name).replace('_', '-')}", f"MOCK_SERVER_{name.upper()}") for name in BY_NAME
    ]

    assert [(setting.flag, setting.variable) for setting in SETTINGS] == expected


def test_a_bad_value_is_answered_with_a_sentence() -> None:
    wrong = []
    for name, text, sentence in BAD:
        [error] = errors_of(BY_NAME[name].read, [text]).values()
        wrong += [] if error.startswith(sentence) else [(name, text, error)]

    assert wrong == []


@pytest.fixture
def started_with(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Settings]]:
    """The settings with which `serve` would start, for these arguments and this environment."""
    logger = logging.getLogger("mock_server")
    kept = logger.handlers, logger.propagate, logger.level
    seen: list[Settings] = []

    def create_app(settings: Settings) -> None:
        seen.append(settings)
        raise FileError("seen")

    monkeypatch.setattr("mock_server.app.create_app", create_app)
    monkeypatch.setattr("mock_server.server.bind", lambda *_: None)
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)

    def serve(*arguments: str, **environment: str) -> Settings:
        found = CliRunner().invoke(main, ["serve", *arguments], env=environment)
        assert seen, found.output
        return seen[-1]

    yield serve
    logger.handlers, logger.propagate, logger.level = kept


def value(settings: Settings, name: str) -> Any:
    return getattr(settings, name)


def test_without_flags_and_variables_the_defaults_apply(started_with: Callable[..., Settings]) -> None:
    assert started_with() == Settings()


def as_arguments(setting: Setting, text: str) -> list[str]:
    """The flag on a command line: a switch takes no value."""
    return [setting.flag] if setting.is_switch else [setting.flag, text]


EXPECTED = {name: expected for name, (_, expected) in EXAMPLES.items()}


def test_a_setting_is_given_by_its_flag(started_with: Callable[..., Settings]) -> None:
    found = {
        setting.name: value(started_with(*as_arguments(setting, EXAMPLES[setting.name][0])), setting.name)
        for setting in SETTINGS
    }

    assert found == EXPECTED


def test_a_setting_is_given_by_its_environment_variable(started_with: Callable[..., Settings]) -> None:
    found = {
        setting.name: value(started_with(**{setting.variable: EXAMPLES[setting.name][0]}), setting.name)
        for setting in SETTINGS
    }

    assert found == EXPECTED


def test_a_flag_beats_the_environment(started_with: Callable[..., Settings]) -> None:
    other = {
        "fixtures_dir": "tests",
        "scenarios_dir": "tests",
        "variants": "refusals=http400",
        "clock": "2031-01-01",
    }
    found = {}
    for setting in SETTINGS:
        arguments = as_arguments(setting, EXAMPLES[setting.name][0])
        default = other.get(setting.name) or setting.default
        found[setting.name] = value(started_with(*arguments, **{setting.variable: default}), setting.name)

    assert found == EXPECTED


PROTECTING = {"signing_key", "tls_cert", "tls_key", "control_token"}
"""The settings without which the server is less protected, or another one than its clients expect."""

WITH_A_VALUE = [setting for setting in SETTINGS if not setting.is_switch]
WRONG = {name: text for name, text, _ in BAD if text.strip()}
"""A value per setting that is wrong. A host and a file are found wrong when the server opens them."""


@pytest.fixture
def rejected(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The message with which `serve` ends with exit status 2 for these arguments and this environment."""
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)

    def serve(*arguments: str, **environment: str) -> str:
        found = CliRunner().invoke(main, ["serve", *arguments], env=environment)
        assert found.exit_code == 2, found.output
        return " ".join(found.output.split())

    return serve


def test_the_protecting_settings_are_marked_as_such() -> None:
    assert {setting.name for setting in SETTINGS if setting.protects} == PROTECTING


def test_a_missing_value_ends_the_start(rejected: Callable[..., str]) -> None:
    for setting in WITH_A_VALUE:
        given = {setting.variable: EXAMPLES[setting.name][0]}
        sentence = f"Option '{setting.flag}' requires an argument"
        assert sentence in rejected(setting.flag)
        assert sentence in rejected(setting.flag, **given)


def test_an_option_is_not_read_as_the_value_of_the_previous_one(rejected: Callable[..., str]) -> None:
    for flag in (setting.flag for setting in WITH_A_VALUE):
        assert "--control-open is an option: the value is missing" in rejected(flag, "--control-open"), flag
        assert "--port is an option: the value is missing" in rejected(flag, "--port=0"), flag


@pytest.mark.parametrize("text", ["", "  "], ids=["empty", "blank"])
def test_an_empty_value_ends_the_start(rejected: Callable[..., str], text: str) -> None:
    for setting in WITH_A_VALUE:
        assert f"Invalid value for '{setting.flag}': the value is empty" in rejected(setting.flag, text)


def test_a_blank_variable_ends_the_start(rejected: Callable[..., str]) -> None:
    for setting in SETTINGS:
        assert f"{setting.variable}: the value is empty" in rejected(**{setting.variable: " "})


def test_an_empty_variable_that_would_protect_the_server_ends_the_start(rejected: Callable[..., str]) -> None:
    for variable in (setting.variable for setting in SETTINGS if setting.protects):
        assert f"{variable}: the value is empty" in rejected(**{variable: ""})
        assert f"{variable}: the value is empty" in rejected("--control-open", **{variable: ""})


def test_any_other_empty_variable_counts_as_unset(started_with: Callable[..., Settings]) -> None:
    for variable in (setting.variable for setting in SETTINGS if not setting.protects):
        assert started_with(**{variable: ""}) == Settings(), variable


def test_a_wrong_value_ends_the_start_and_names_the_variable(rejected: Callable[..., str]) -> None:
    for name, text in WRONG.items():
        assert f"{BY_NAME[name].variable}: " in rejected(**{BY_NAME[name].variable: text})
    for setting in (BY_NAME[name] for name in WRONG if not BY_NAME[name].is_switch):
        assert f"Invalid value for '{setting.flag}': " in rejected(setting.flag, WRONG[setting.name])


def test_every_setting_except_hosts_and_files_has_a_wrong_value() -> None:
    opened = {"host", "fixture", "scenario", "signing_key", "tls_cert", "tls_key", "state_password"}

    assert {setting.name for setting in SETTINGS} - set(WRONG) == opened


WORDS = {
    **dict.fromkeys(("1", "true", "TRUE", "yes", "on", "On"), True),
    **dict.fromkeys(("0", "false", "no", "off", "OFF"), False),
}


def test_a_boolean_variable_accepts_certain_words(started_with: Callable[..., Settings]) -> None:
    for setting in (row for row in SETTINGS if row.is_switch):
        found = {text: value(started_with(**{setting.variable: text}), setting.name) for text in WORDS}
        assert [text for text in WORDS if found[text] is not WORDS[text]] == [], setting.name


def test_a_switch_takes_no_value(rejected: Callable[..., str]) -> None:
    assert "Option '--watch' does not take a value" in rejected("--watch=no")


def test_a_rejected_token_is_not_repeated(rejected: Callable[..., str]) -> None:
    assert "s3cret" not in rejected("--control-token", "s3cret\x01more")


@pytest.mark.parametrize("token", ["", " ", " a", "a\nb"])
def test_settings_made_in_python_need_a_token_that_can_be_sent(token: str) -> None:
    with pytest.raises(ValueError, match="printable characters"):
        Settings(control_token=token)


def test_several_names_are_given_by_repeating_the_flag(started_with: Callable[..., Settings]) -> None:
    found = started_with("--control-host", "a.example", "--control-host", "b.example,c.example")

    assert found.control_host == ("a.example", "b.example", "c.example")


def test_several_variants_are_given_by_repeating_the_flag(started_with: Callable[..., Settings]) -> None:
    found = started_with("--variant", "refusals=result", "--variant", "rateLimit=on")

    assert found.variants == {"refusals": "result", "rateLimit": "on"}


def test_a_value_that_is_not_utf8_ends_the_start_and_is_not_repeated(rejected: Callable[..., str]) -> None:
    for setting in WITH_A_VALUE:
        assert "the value is not UTF-8 text" in rejected(setting.flag, "b\udcff"), setting.name
    assert f"'{'é' * 59}... is not a host name" in rejected("--host", "é" * 100)
