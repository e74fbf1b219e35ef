"""The settings table: how each value is read, and that flag, environment and default agree."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mock_server.cli import main
from mock_server.domain.variants import VARIANTS
from mock_server.fixtures import FileError
from mock_server.settings import SETTINGS, Setting, Settings, duration, instant, variants

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
    "refusals": r"'refusals' is not name=value; the variants are refusals, emptySearch",
    "refusal=result": r"there is no variant 'refusal'; the variants are refusals, emptySearch",
    "refusals=404": r"variant refusals is http400 or result, not '404'",
    "refusals=": r"variant refusals is http400 or result, not ''",
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
    ("check_responses", "maybe", "'maybe' is not one of true, yes, on, 1, false, no, off, 0"),
    ("control_token", " ", "the value is empty"),
    ("control_token", "a\ud800", "a control token is one or more printable characters"),
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


@pytest.mark.parametrize(("text", "expected"), DURATIONS.items(), ids=DURATIONS)
def test_a_duration_is_read(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", NO_DURATIONS)
def test_the_error_of_a_wrong_duration_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration; write 200ms, 2s, 5m, 1h or ISO 8601"):
        duration(text)


@pytest.mark.parametrize("text", TOO_LONG, ids=["days", "many days", "hours", "digits"])
def test_a_duration_longer_than_a_century_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="is longer than a century"):
        duration(text)


@pytest.mark.parametrize(("text", "expected"), INSTANTS.items(), ids=INSTANTS)
def test_an_instant_without_offset_is_french(text: str, expected: datetime) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize("text", NO_INSTANTS)
def test_the_error_of_a_wrong_instant_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO date-time such as 2026-03-02T09:00:00"):
        instant(text)


@pytest.mark.parametrize(("text", "expected"), VARIANT_TEXTS.items(), ids=VARIANT_TEXTS)
def test_variants_are_read(text: str, expected: dict[str, str]) -> None:
    assert variants(text) == expected


@pytest.mark.parametrize(("text", "sentence"), NO_VARIANTS.items(), ids=NO_VARIANTS)
def test_the_error_of_a_wrong_variant_lists_the_variants(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        variants(text)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_value_of_every_variant_can_be_chosen(name: str) -> None:
    values = VARIANTS[name].values

    assert [variants(f"{name}={value}") for value in values] == [{name: value} for value in values]


def test_the_table_has_a_row_for_each_setting() -> None:
    assert [setting.name for setting in SETTINGS] == list(Settings.__struct_fields__)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_default_that_help_shows_is_the_default(setting: Setting) -> None:
    default = getattr(Settings(), setting.name)

    assert (
        setting.default == setting.absent if default is None else setting.convert(setting.default) == default
    )


def test_the_defaults_are_shown_as_users_write_them() -> None:
    shown = {setting.name: setting.default for setting in SETTINGS}

    assert (shown["import_duration"], shown["access_token_lifetime"], shown["sandbox_idle"]) == (
        *("200ms", "30m", "1h"),
    )
    assert (shown["watch"], shown["port"], shown["variants"]) == ("no", "8080", "")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_flag_and_environment_variable_say_the_name(setting: Setting) -> None:
    singular = "variant" if setting.name == "variants" else setting.name

    assert setting.flag == f"--{singular.replace('_', '-')}"
    assert setting.variable == f"MOCK_SERVER_{setting.name.upper()}"


@pytest.mark.parametrize(("name", "text", "sentence"), BAD, ids=[f"{row[0]} {row[1]}" for row in BAD])
def test_a_bad_value_is_answered_with_a_sentence(name: str, text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # the sentence is compared below
        BY_NAME[name].read(text)

    assert str(refused.value).startswith(sentence)


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


def test_nothing_given_means_the_defaults(started_with: Callable[..., Settings]) -> None:
    assert started_with() == Settings()


def as_arguments(setting: Setting, text: str) -> list[str]:
    """The flag on a command line: a switch takes no value."""
    return [setting.flag] if setting.switch else [setting.flag, text]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_is_given_by_its_flag(started_with: Callable[..., Settings], setting: Setting) -> None:
    text, expected = EXAMPLES[setting.name]

    assert value(started_with(*as_arguments(setting, text)), setting.name) == expected


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_is_given_by_its_environment_variable(
    started_with: Callable[..., Settings], setting: Setting
) -> None:
    text, expected = EXAMPLES[setting.name]

    assert value(started_with(**{setting.variable: text}), setting.name) == expected


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_flag_beats_the_environment(started_with: Callable[..., Settings], setting: Setting) -> None:
    text, expected = EXAMPLES[setting.name]
    other = {
        "fixtures_dir": "tests",
        "scenarios_dir": "tests",
        "variants": "refusals=http400",
        "clock": "2031-01-01",
    }
    default = other.get(setting.name) or setting.default

    assert (
        value(started_with(*as_arguments(setting, text), **{setting.variable: default}), setting.name)
        == expected
    )


PROTECTING = {"signing_key", "tls_cert", "tls_key", "control_token"}
"""The settings without which the server is less protected, or another one than its clients expect."""

WITH_A_VALUE = [setting for setting in SETTINGS if not setting.switch]
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


def by_name(setting: Setting) -> str:
    return setting.name


def test_the_protecting_settings_are_marked_as_such() -> None:
    assert {setting.name for setting in SETTINGS if setting.protects} == PROTECTING


@pytest.mark.parametrize("setting", WITH_A_VALUE, ids=by_name)
def test_a_missing_value_ends_the_start(rejected: Callable[..., str], setting: Setting) -> None:
    text, _ = EXAMPLES[setting.name]

    assert f"Option '{setting.flag}' requires an argument" in rejected(setting.flag)
    assert f"Option '{setting.flag}' requires an argument" in rejected(
        setting.flag, **{setting.variable: text}
    )


@pytest.mark.parametrize("setting", WITH_A_VALUE, ids=by_name)
def test_an_option_is_not_taken_for_the_value_of_the_one_before(
    rejected: Callable[..., str], setting: Setting
) -> None:
    assert "--control-open is an option: the value is missing" in rejected(setting.flag, "--control-open")
    assert "--port is an option: the value is missing" in rejected(setting.flag, "--port=0")


@pytest.mark.parametrize("setting", WITH_A_VALUE, ids=by_name)
@pytest.mark.parametrize("text", ["", "  "], ids=["empty", "blank"])
def test_an_empty_value_ends_the_start(rejected: Callable[..., str], setting: Setting, text: str) -> None:
    assert f"Invalid value for '{setting.flag}': the value is empty" in rejected(setting.flag, text)


@pytest.mark.parametrize("setting", SETTINGS, ids=by_name)
def test_a_blank_variable_ends_the_start(rejected: Callable[..., str], setting: Setting) -> None:
    assert f"{setting.variable}: the value is empty" in rejected(**{setting.variable: " "})


@pytest.mark.parametrize("setting", [row for row in SETTINGS if row.protects], ids=by_name)
def test_an_empty_variable_that_would_protect_the_server_ends_the_start(
    rejected: Callable[..., str], setting: Setting
) -> None:
    assert f"{setting.variable}: the value is empty" in rejected(**{setting.variable: ""})
    assert f"{setting.variable}: the value is empty" in rejected("--control-open", **{setting.variable: ""})


@pytest.mark.parametrize("setting", [row for row in SETTINGS if not row.protects], ids=by_name)
def test_any_other_empty_variable_counts_as_unset(
    started_with: Callable[..., Settings], setting: Setting
) -> None:
    assert started_with(**{setting.variable: ""}) == Settings()


@pytest.mark.parametrize("setting", [row for row in SETTINGS if row.name in WRONG], ids=by_name)
def test_a_wrong_value_ends_the_start_and_names_the_variable(
    rejected: Callable[..., str], setting: Setting
) -> None:
    assert f"{setting.variable}: " in rejected(**{setting.variable: WRONG[setting.name]})
    if not setting.switch:
        assert f"Invalid value for '{setting.flag}': " in rejected(setting.flag, WRONG[setting.name])


def test_every_setting_except_hosts_and_files_has_a_wrong_value() -> None:
    opened = {"host", "fixture", "scenario", "signing_key", "tls_cert", "tls_key"}

    assert {setting.name for setting in SETTINGS} - set(WRONG) == opened


@pytest.mark.parametrize("setting", [row for row in SETTINGS if row.switch], ids=by_name)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, True) for text in ("1", "true", "TRUE", "yes", "on", "On")),
        *((text, False) for text in ("0", "false", "no", "off", "OFF")),
    ],
)
def test_a_boolean_variable_has_its_words(
    started_with: Callable[..., Settings], setting: Setting, text: str, expected: object
) -> None:
    assert value(started_with(**{setting.variable: text}), setting.name) is expected


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
