"""The settings of a server, one table: name, flag, environment twin, default and help.

The command line, the documentation and the tests read it; a flag beats the environment beats the default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, field

from mock_server.domain.local_time import from_local
from mock_server.domain.operations import DIALECTS
from mock_server.domain.variants import VARIANTS, checked

CONTROL_PREFIX = "/__admin"
CONTROL_MAX_BODY = 256 * 1024 * 1024
"""Bytes of the body of a control call, which may be a whole state."""
"""Where the control API is served; nothing of the emulated API is."""

SANDBOX_HEADER = "X-Mock-Sandbox"
"""The header of a control call that names its sandbox."""

_DURATION = re.compile(
    r"(?:P(?:(?P<days>\d+)D)?(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?)",
    re.ASCII,
)
_SHORT = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h)?", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1, None: 1, "m": 60, "h": 3600}
_LONGEST = timedelta(days=36500)


class Settings(Struct, frozen=True, kw_only=True):
    """What a server was told. The defaults here are the defaults everywhere."""

    host: str = "127.0.0.1"
    port: int = 8080
    fixture: str = "default"
    fixtures_dir: Path | None = None
    scenario: str | None = None
    scenarios_dir: Path | None = None
    watch: bool = False
    clock: datetime | None = None
    dialect: str = "rest"
    auth: str = "any"
    variants: Mapping[str, str] = field(default_factory=dict)
    import_duration: timedelta = timedelta(milliseconds=200)
    access_token_lifetime: timedelta = timedelta(minutes=30)
    refresh_token_lifetime: timedelta = timedelta(minutes=30)
    public_url: str | None = None
    signing_key: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_self_signed: bool = False
    control_token: str | None = None
    control_open: bool = False
    max_sandboxes: int = 2000
    sandbox_idle: timedelta = timedelta(hours=1)
    max_body: int = 1024 * 1024
    journal_entries: int = 1000
    journal_bytes: int = 16 * 1024 * 1024
    check_responses: bool = False
    log_format: str = "text"
    log_level: str = "info"


class Setting(Struct, frozen=True, kw_only=True):
    """A row of the table. `read` makes a value of the text given, or raises ValueError with a sentence."""

    name: str
    flag: str
    metavar: str
    help: str
    read: Callable[[str], Any]
    shown_default: str
    many: bool = False
    switch: bool = False
    environment: str = ""

    @property
    def twin(self) -> str:
        """The environment variable that says the same."""
        return self.environment or f"MOCK_SERVER_{self.name.upper()}"


def is_control_path(path: str) -> bool:
    """Whether the path is of the control API: its prefix, or one below that."""
    return path.startswith(CONTROL_PREFIX) and path[len(CONTROL_PREFIX) :][:1] in {"", "/"}


def local_url(host: str, port: int | str, scheme: str = "http") -> str:
    """The URL at which a client on this machine reaches a server that listens on `host`."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"{scheme}://[{reachable}]:{port}" if ":" in reachable else f"{scheme}://{reachable}:{port}"


def duration(text: str) -> timedelta:
    """`200ms`, `2s`, `5m`, `1h`, a number of seconds, or ISO 8601 such as `PT1M30S` or `P30D`.

    Raises:
        ValueError: it is none of them, or longer than a century.
    """
    short, iso = _SHORT.fullmatch(text), _DURATION.fullmatch(text)
    try:
        if short:
            found = timedelta(seconds=float(short["number"]) * _UNITS[short["unit"]])
        elif iso and any(iso.groupdict().values()):
            found = timedelta(**{unit: float(number) for unit, number in iso.groupdict().items() if number})
        else:
            raise ValueError(
                f"{text!r} is no duration; write 200ms, 2s, 5m, 1h or ISO 8601 such as PT1M30S or P30D"
            )
    except OverflowError:
        found = timedelta.max
    if found > _LONGEST:
        raise ValueError(f"{text!r} is longer than a century")
    return found


def variants(text: str) -> dict[str, str]:
    """`name=value`, or several separated by commas.

    Raises:
        ValueError: an unknown variant or value, or no `=`.
    """
    chosen = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair!r} is not name=value; the variants are {', '.join(VARIANTS)}")
        chosen[name.strip()] = value.strip()
    return checked(chosen)


def instant(text: str) -> datetime:
    """An ISO date-time; without offset it is French local time.

    Raises:
        ValueError: it is none, or not of the years 1000 to 8999.
    """
    try:
        return from_local(text)
    except ValueError:
        raise ValueError(f"{text!r} is no ISO date-time such as 2026-03-02T09:00:00") from None


def url(text: str) -> str:
    """A base URL without a slash at its end.

    Raises:
        ValueError: it is no URL of HTTP.
    """
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is no URL such as http://sandbox:8080")
    return text.rstrip("/")


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is not one of {', '.join(words)}")
        return text

    return read


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is no number from {least} to {most}")
        return int(text)

    return read


def _port(text: str) -> int:
    if text.startswith("tcp://"):
        raise ValueError(f"{text!r} is what a service called mock-server sets by itself; say --port as well")
    return _number(0, 65535)(text)


def _lifetime(text: str) -> timedelta:
    found = duration(text)
    if found < timedelta(seconds=1):
        raise ValueError(f"{text!r} is shorter than a second")
    return found


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise ValueError(f"{text!r} is no folder")
    return Path(text)


def _yes_or_no(text: str) -> bool:
    word = _one_of("true", "false", "yes", "no", "1", "0")(text.lower())
    return word in {"true", "yes", "1"}


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
    return text.strip()


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="host",
        flag="--host",
        metavar="ADDRESS",
        read=_text,
        shown_default="127.0.0.1",
        help="Address to listen on; 0.0.0.0 for every one, as in the image.",
    ),
    Setting(
        name="port",
        flag="--port",
        metavar="NUMBER",
        read=_port,
        shown_default="8080",
        help="Port to listen on; 0 picks a free one, and the ready line says which.",
    ),
    Setting(
        name="fixture",
        flag="--fixture",
        metavar="NAME|FILE",
        read=_text,
        shown_default="default",
        help="What every sandbox starts from: a bundled recipe by name, "
        "a recipe (.yaml) or a world (.json) by path.",
    ),
    Setting(
        name="fixtures_dir",
        flag="--fixtures-dir",
        metavar="DIR",
        read=_folder,
        shown_default="none",
        help="A folder of recipes of your own, such as a mounted one; its names come first.",
    ),
    Setting(
        name="scenario",
        flag="--scenario",
        metavar="NAME|FILE",
        read=_text,
        shown_default="none",
        help="The scenario that every sandbox plays from its start: by name, or a file by its path.",
    ),
    Setting(
        name="scenarios_dir",
        flag="--scenarios-dir",
        metavar="DIR",
        read=_folder,
        shown_default="none",
        help="A folder of scenarios of your own, such as a mounted one; its names come first.",
    ),
    Setting(
        name="watch",
        flag="--watch",
        metavar="",
        read=_yes_or_no,
        shown_default="no",
        switch=True,
        help="Take a scenario file as soon as it changes; one that became wrong is reported, and not taken.",
    ),
    Setting(
        name="clock",
        flag="--clock",
        metavar="INSTANT",
        read=instant,
        shown_default="now",
        help="Where every sandbox's clock starts, such as 2026-03-02T09:00:00; it runs on from there.",
    ),
    Setting(
        name="dialect",
        flag="--dialect",
        metavar="rest|edge",
        read=_one_of(*DIALECTS),
        shown_default="rest",
        help="What /api/v1 speaks: REST/JSON v1.1 or EDGE v1.3; /rest/api/v1 and /edge/api/v1 "
        "always speak theirs.",
    ),
    Setting(
        name="auth",
        flag="--auth",
        metavar="any|declared|off",
        read=_one_of("any", "declared", "off"),
        shown_default="any",
        help="Who may log in: anybody, the users of the fixture only, or no token is needed.",
    ),
    Setting(
        name="variants",
        flag="--variant",
        metavar="NAME=VALUE",
        read=variants,
        shown_default="",
        many=True,
        help="Choose a reading of the API; repeat it for several "
        "(in the environment: separate them by commas).",
    ),
    Setting(
        name="import_duration",
        flag="--import-duration",
        metavar="DURATION",
        read=duration,
        shown_default="200ms",
        help="How long an import runs on the sandbox's clock; 0 ends it at once.",
    ),
    Setting(
        name="access_token_lifetime",
        flag="--access-token-lifetime",
        metavar="DURATION",
        read=_lifetime,
        shown_default="30m",
        help="How long an access token is good for.",
    ),
    Setting(
        name="refresh_token_lifetime",
        flag="--refresh-token-lifetime",
        metavar="DURATION",
        read=_lifetime,
        shown_default="30m",
        help="How long a refresh token is good for.",
    ),
    Setting(
        name="public_url",
        flag="--public-url",
        metavar="URL",
        read=url,
        shown_default="from the request",
        help="Base URL that tokens name as their issuer, where clients see another one than they call.",
    ),
    Setting(
        name="signing_key",
        flag="--signing-key",
        metavar="FILE",
        read=Path,
        shown_default="made once",
        help="RSA private key (PEM) that signs access tokens; "
        "left out, one is made once and kept in the user's cache.",
    ),
    Setting(
        name="tls_cert",
        flag="--tls-cert",
        metavar="FILE",
        read=Path,
        shown_default="none",
        help="Speak HTTPS with this certificate (PEM), those that vouch for it after it.",
    ),
    Setting(
        name="tls_key",
        flag="--tls-key",
        metavar="FILE",
        read=Path,
        shown_default="in the same file",
        help="The private key (PEM) of that certificate, without a password.",
    ),
    Setting(
        name="tls_self_signed",
        flag="--tls-self-signed",
        metavar="",
        read=_yes_or_no,
        shown_default="no",
        switch=True,
        help="Speak HTTPS with a certificate of the server's own; "
        "the ready line names the file that clients have to trust.",
    ),
    Setting(
        name="control_token",
        flag="--control-token",
        metavar="TOKEN",
        read=_text,
        shown_default="none",
        help="Bearer token that control calls have to bring, health excepted.",
    ),
    Setting(
        name="control_open",
        flag="--control-open",
        metavar="",
        read=_yes_or_no,
        shown_default="no",
        switch=True,
        help="Take control calls from other machines without a token, as the image does.",
    ),
    Setting(
        name="max_sandboxes",
        flag="--max-sandboxes",
        metavar="NUMBER",
        read=_number(1, 1_000_000),
        shown_default="2000",
        help="How many sandboxes there may be at once; a further one is refused.",
    ),
    Setting(
        name="sandbox_idle",
        flag="--sandbox-idle",
        metavar="DURATION",
        read=_lifetime,
        shown_default="1h",
        help="A sandbox that nobody used for so long is dropped; the default one stays.",
    ),
    Setting(
        name="max_body",
        flag="--max-body",
        metavar="BYTES",
        read=_number(1024, 1024**3),
        shown_default="1048576",
        help="Largest request body that the API takes; a larger one is a 413.",
    ),
    Setting(
        name="journal_entries",
        flag="--journal-entries",
        metavar="NUMBER",
        read=_number(0, 1_000_000),
        shown_default="1000",
        help="How many requests the journal of a sandbox keeps; older ones are forgotten.",
    ),
    Setting(
        name="journal_bytes",
        flag="--journal-bytes",
        metavar="BYTES",
        read=_number(0, 64 * 1024**3),
        shown_default="16777216",
        help="How much memory they take at most, with their answers.",
    ),
    Setting(
        name="check_responses",
        flag="--check-responses",
        metavar="",
        read=_yes_or_no,
        shown_default="no",
        switch=True,
        help="Hold every answer against the published contract; a mistake is logged and named in a header.",
    ),
    Setting(
        name="log_format",
        flag="--log-format",
        metavar="text|json",
        read=_one_of("text", "json"),
        shown_default="text",
        help="How the log on stderr is written.",
    ),
    Setting(
        name="log_level",
        flag="--log-level",
        metavar="debug|info|warning|error",
        read=_one_of("debug", "info", "warning", "error"),
        shown_default="info",
        help="What is logged; info has a line per request.",
    ),
)
"""Every setting, in the order of the documentation."""
