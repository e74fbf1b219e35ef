"""The settings of a server, one table: name, flag, environment variable, default and help.

The command line, the documentation and the tests read it. A flag wins over the environment, and the
environment over the default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, field

from mock_server.domain.local_time import OutOfRangeError, calendar_duration, from_local
from mock_server.domain.names import is_utf8, shown
from mock_server.domain.operations import DIALECTS
from mock_server.domain.variants import VARIANTS, check_variants

CONTROL_PREFIX = "/__admin"
"""Where the control API is served; nothing of the emulated API is."""

HEALTH_PATH = f"{CONTROL_PREFIX}/health"
"""A control call that any caller may make."""

DASHBOARD_PATH = f"{CONTROL_PREFIX}/ui"
"""The page for browsers."""

DOCS_PATH = f"{CONTROL_PREFIX}/docs"
"""The pages of the documentation, which errors name: any caller may read them."""

SLOW_CALLS = {
    *(("PUT", f"{CONTROL_PREFIX}/{name}") for name in ("fixture", "scenario", "state")),
    ("POST", f"{CONTROL_PREFIX}/verify"),
    ("POST", f"{CONTROL_PREFIX}/timeline"),
    ("GET", f"{CONTROL_PREFIX}/report"),
    ("GET", f"{CONTROL_PREFIX}/state"),
}
"""Control calls that may take long: they run in a thread, so that they do not block other requests."""

_REQUESTS = ("GET", f"{CONTROL_PREFIX}/requests")
"""A slow call as a scenario; the other formats are streams."""

CONTROL_MAX_BODY = 256 * 1024 * 1024
"""Bytes of the body of a control call, which may be the state of a sandbox."""

SANDBOX_HEADER = "X-Mock-Sandbox"
"""The header of a control call that names its sandbox."""

_SIZES = (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_SINGULAR = {"variants": "variant"}
"""Settings whose option has another name than the setting itself."""
_HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)
_ENGINE_SCHEMES = ("redis", "rediss", "valkey", "valkeys")
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class EngineUrl(Struct, frozen=True):
    """The URL of a Redis or Valkey. As text it has no password: it is shown in log, health and errors."""

    url: str

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        login, at, host = parts.netloc.rpartition("@")
        user = login.partition(":")[0]
        return parts._replace(netloc=f"{user}:***@{host}" if at else host, query="").geturl()

    @property
    def for_client(self) -> str:
        """The URL as the client library takes it: it has no own scheme for Valkey."""
        return re.sub(r"^valkey", "redis", self.url)


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of a server. Each default stands here alone: help and documentation are made from it."""

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
    trust_proxy: int = 0
    cors: tuple[str, ...] = ()
    signing_key: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_self_signed: bool = False
    control_token: str | None = None
    control_open: bool = False
    control_host: tuple[str, ...] = ()
    max_sandboxes: int = 2000
    sandbox_idle: timedelta = timedelta(hours=1)
    max_body: int = 1024 * 1024
    body_timeout: timedelta = timedelta(seconds=30)
    max_connections: int = 10_000
    journal_entries: int = 1000
    journal_bytes: int = 16 * 1024 * 1024
    strict: str = "off"
    history_entries: int = 1000
    state: Path | EngineUrl | None = None
    state_password: str | None = None
    check_responses: bool = False
    log_format: str = "text"
    log_level: str = "info"

    def __post_init__(self) -> None:
        """Reject a token that no client could send, also where the settings are made in Python."""
        if self.control_token is not None:
            _token(self.control_token)


class Setting(Struct, frozen=True):
    """A row of the table. `convert` makes the value from text, or raises ValueError with a sentence.

    `absent` says what None as the default means. `protects`: without this value the server would be less
    protected, so an empty environment variable is an error; it counts as unset for every other setting.
    `many`: the option may be repeated, and the values of the variable are separated by commas.
    """

    name: str
    metavar: str
    convert: Callable[[str], Any]
    help: str
    absent: str = "none"
    protects: bool = False
    many: bool = False

    @property
    def flag(self) -> str:
        """The option of `mock-server serve`."""
        return f"--{_SINGULAR.get(self.name, self.name).replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"MOCK_SERVER_{self.name.upper()}"

    @property
    def switch(self) -> bool:
        """Whether the option takes no value."""
        return not self.metavar

    @property
    def default(self) -> str:
        """The default, as text: `convert` reads it, unless the default is None."""
        value = getattr(_DEFAULTS, self.name)
        return self.absent if value is None else text_of(value)

    def read(self, text: str) -> Any:
        """The value that the text means.

        Raises:
            ValueError: the text is empty, not UTF-8, or not such a value; the message is a sentence.
        """
        if not text.strip():
            raise ValueError("the value is empty")
        if not is_utf8(text):
            raise ValueError("the value is not UTF-8 text")
        return self.convert(text.strip())


def text_of(value: object) -> str:
    """The value of a setting as text, as on the command line and in the environment."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return _shortest(value)
    if isinstance(value, Mapping):
        return ",".join(f"{name}={choice}" for name, choice in value.items())
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return str(value)


def is_slow_call(method: str, path: str, query: str) -> bool:
    """Whether it is a control call that may take long."""
    if not is_control_path(path):
        return False
    path = path.rstrip("/")  # the routes accept one at the end
    return (method, path) in SLOW_CALLS or ((method, path) == _REQUESTS and "format=scenario" in query)


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
    days, rest = calendar_duration(text)
    return timedelta(days=days) + rest


def variants(text: str) -> dict[str, str]:
    """`name=value`, or several separated by commas.

    Raises:
        ValueError: an unknown variant or value, or no `=`.
    """
    chosen = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{shown(pair)} is not name=value; the variants are {', '.join(VARIANTS)}")
        chosen[name.strip()] = value.strip()
    return check_variants(chosen)


def instant(text: str) -> datetime:
    """An ISO date-time; without offset it is French local time.

    Raises:
        ValueError: it is not one, or not of the years 1000 to 8999.
    """
    try:
        return from_local(text)
    except OutOfRangeError:
        raise
    except ValueError:
        raise ValueError(f"{shown(text)} is not an ISO date-time such as 2026-03-02T09:00:00") from None


def url(text: str) -> str:
    """A base URL without a slash at its end.

    Raises:
        ValueError: it is not a URL of HTTP, or has a port that cannot exist.
    """
    try:
        parts = urlsplit(text)
        possible = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port above 65535, or half an IPv6 address
        possible = False
    if not possible or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError(f"{shown(text)} is not a URL such as http://sandbox:8080")
    return text.rstrip("/")


def origins(text: str) -> tuple[str, ...]:
    """Origins of web pages such as `https://app.example:3000`, separated by commas, or `*` for all.

    Raises:
        ValueError: one is not an origin.
    """
    return tuple(_origin(part.strip()) for part in text.split(",") if part.strip())


def _origin(text: str) -> str:
    """An origin as browsers send it: in lower case, without a path."""
    found = text if text == "*" else url(text).lower()
    if "/" in found.partition("://")[2] or "@" in found:
        raise ValueError(f"{shown(text)} is not an origin such as https://app.example:3000")
    return found


def host_names(text: str) -> tuple[str, ...]:
    """Names of hosts without port, in lower case, separated by commas.

    Raises:
        ValueError: one is not a host name.
    """
    names = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise ValueError(f"{shown(name)} is not a host name such as sandbox.example.com, without a port")
    return names


def _shortest(length: timedelta) -> str:
    """A duration in the largest unit that divides it: `90s`, `30m`."""
    milliseconds = length // timedelta(milliseconds=1)
    unit, size = next((unit, size) for unit, size in _SIZES if milliseconds % size == 0)
    return f"{milliseconds // size}{unit}"


def _one_of(*words: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in words:
            raise ValueError(f"{shown(text)} is not one of {', '.join(words)}")
        return text

    return convert


def _number(least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"{shown(text)} is not a number from {least} to {most}")
        return int(text)

    return convert


def _lifetime(text: str) -> timedelta:
    found = duration(text)
    if found < timedelta(seconds=1):
        raise ValueError(f"{shown(text)} is shorter than a second")
    return found


def _state(text: str) -> Path | EngineUrl:
    """A path, or the URL of a Redis or Valkey; the message does not repeat it: it may have a password."""
    scheme, separator, _ = text.partition("://")
    if not separator:
        return Path(text)
    try:
        parts = urlsplit(text)
        possible = scheme in _ENGINE_SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # a port above 65535, or half an IPv6 address
        possible = False
    if not possible or parts.query or not re.fullmatch(r"(?:/[0-9]{0,5})?", parts.path):
        raise ValueError(
            "a URL in --state is redis://HOST:PORT/DATABASE, or with rediss, valkey or valkeys; DATABASE is a"
            " number, and can be left out"
        )
    return EngineUrl(text)


def _host(text: str) -> str:
    """An address or a host name; the codec of international names, and its import, only for one of them."""
    try:
        if not text.isascii():
            text.encode("idna")
    except UnicodeError:
        raise ValueError(f"{shown(text)} is not a host name") from None
    return text


def _folder(text: str) -> Path:
    if not os.path.isdir(text):  # noqa: PTH112  # `Path.is_dir` raises where a name is too long
        raise ValueError(f"{shown(text)} is not a folder")
    return Path(text)


def _yes_or_no(text: str) -> bool:
    return _one_of(*_YES, *_NO)(text.lower()) in _YES


def _token(text: str) -> str:
    """A bearer token; the message does not repeat it."""
    if not text.isprintable() or text != text.strip() or not text:
        raise ValueError("a control token is one or more printable characters: no header carries others")
    return text


_DEFAULTS = Settings()

SETTINGS: tuple[Setting, ...] = (
    Setting("host", "ADDRESS", _host, "Address to listen on; 0.0.0.0 for all, as in the image."),
    Setting(
        "port",
        "NUMBER",
        _number(0, 65535),
        "Port to listen on; 0 picks a free one, and the ready line names it.",
    ),
    Setting(
        "fixture",
        "NAME|FILE",
        str,
        "What every sandbox starts from: a bundled recipe by name, "
        "a recipe (.yaml) or a state (.json), also an exported one, by path.",
    ),
    Setting(
        "fixtures_dir",
        "DIR",
        _folder,
        "A folder with your own recipes, such as a mounted one; its names come first.",
    ),
    Setting(
        "scenario",
        "NAME|FILE",
        str,
        "The scenario that every sandbox plays from its start: by name, or a file by its path.",
    ),
    Setting(
        "scenarios_dir",
        "DIR",
        _folder,
        "A folder with your own scenarios, such as a mounted one; its names come first.",
    ),
    Setting(
        "watch",
        "",
        _yes_or_no,
        "Load a scenario file again as soon as it changes; one with an error is reported, not loaded.",
    ),
    Setting(
        "clock",
        "INSTANT",
        instant,
        "Where every sandbox's clock starts, such as 2026-03-02T09:00:00; it continues from there.",
        absent="now",
    ),
    Setting(
        "dialect",
        "rest|edge",
        _one_of(*DIALECTS),
        "The dialect of /api/v1: REST/JSON v1.1 or EDGE v1.3; /rest/api/v1 and /edge/api/v1 "
        "always serve theirs.",
    ),
    Setting(
        "auth",
        "any|declared|off",
        _one_of("any", "declared", "off"),
        "Who may log in: any user, or only the users of the fixture; off needs no token.",
    ),
    Setting(
        "variants",
        "NAME=VALUE",
        variants,
        "Choose a reading of the API; repeat it for several (in the environment: separate them by commas).",
        many=True,
    ),
    Setting(
        "import_duration",
        "DURATION",
        duration,
        "How long an import takes on the sandbox's clock; 0 ends it at once.",
    ),
    Setting("access_token_lifetime", "DURATION", _lifetime, "How long an access token is valid."),
    Setting("refresh_token_lifetime", "DURATION", _lifetime, "How long a refresh token is valid."),
    Setting(
        "public_url",
        "URL",
        url,
        "Base URL that clients know: the issuer of tokens, and the URLs of discovery and OpenAPI.",
        absent="from the request",
    ),
    Setting(
        "trust_proxy",
        "HOPS",
        _number(0, 10),
        "How many reverse proxies are in front: their X-Forwarded-Proto, -Host and -Prefix are "
        "used; 0 ignores these headers.",
    ),
    Setting(
        "cors",
        "ORIGIN",
        origins,
        "Web pages of this origin may call the emulated API; repeat it for several, * for all; "
        "the control API is never opened.",
        many=True,
    ),
    Setting(
        "signing_key",
        "FILE",
        Path,
        "RSA private key (PEM) that signs access tokens; "
        "without it, one is made once and kept in the user's cache.",
        absent="made once",
        protects=True,
    ),
    Setting(
        "tls_cert",
        "FILE",
        Path,
        "Serve HTTPS with this certificate (PEM), followed by its intermediate certificates.",
        protects=True,
    ),
    Setting(
        "tls_key",
        "FILE",
        Path,
        "The private key (PEM) of that certificate, without a password.",
        absent="in the same file",
        protects=True,
    ),
    Setting(
        "tls_self_signed",
        "",
        _yes_or_no,
        "Serve HTTPS with a certificate that the server makes; "
        "the ready line names the file that clients have to trust.",
    ),
    Setting(
        "control_token",
        "TOKEN",
        _token,
        "Bearer token that every control call must have, except health.",
        protects=True,
    ),
    Setting(
        "control_open",
        "",
        _yes_or_no,
        "Accept control calls from other machines without a token, as the image does.",
    ),
    Setting(
        "control_host",
        "NAME",
        host_names,
        "A host name of this server, under which its web pages may make control calls; "
        "repeat it for several.",
        many=True,
    ),
    Setting(
        "max_sandboxes",
        "NUMBER",
        _number(1, 1_000_000),
        "How many sandboxes can exist at once; a further one is rejected.",
    ),
    Setting(
        "sandbox_idle",
        "DURATION",
        _lifetime,
        "A sandbox that is unused for so long is dropped; the default one stays.",
    ),
    Setting(
        "max_body",
        "BYTES",
        _number(1024, 1024**3),
        "Largest request body that the API accepts; a larger one is a 413.",
    ),
    Setting(
        "body_timeout",
        "DURATION",
        _lifetime,
        "How long a client may send nothing in the middle of a request body; then it is a 408.",
    ),
    Setting(
        "max_connections",
        "NUMBER",
        _number(1, 1_000_000),
        "How many connections can be open at once; a new one takes the place of the oldest idle one.",
    ),
    Setting(
        "journal_entries",
        "NUMBER",
        _number(0, 1_000_000),
        "How many requests the journal of a sandbox keeps; older ones are dropped.",
    ),
    Setting(
        "journal_bytes",
        "BYTES",
        _number(0, 64 * 1024**3),
        "How much memory they use at most, with their answers.",
    ),
    Setting(
        "strict",
        "off|warn|fail",
        _one_of("off", "warn", "fail"),
        "Input that the API ignores, such as an unknown parameter: warn names it in a header, fail is a 400.",
    ),
    Setting(
        "history_entries",
        "NUMBER",
        _number(0, 1_000_000),
        "How many changes of a sandbox are kept with the state before each, for a rewind or a fork.",
    ),
    Setting(
        "state",
        "FILE|URL",
        _state,
        "A file that keeps the sandboxes over a restart, or a redis:// URL that replicas share;"
        " without it, they end with the server.",
    ),
    Setting(
        "state_password",
        "PASSWORD",
        str,
        "The password of the Redis or Valkey in --state; a URL can also have it.",
    ),
    Setting(
        "check_responses",
        "",
        _yes_or_no,
        "Validate every answer against the OpenAPI document; an error is logged and named in a header.",
    ),
    Setting("log_format", "text|json", _one_of("text", "json"), "The format of the log on stderr."),
    Setting(
        "log_level",
        "debug|info|warning|error",
        _one_of("debug", "info", "warning", "error"),
        "What is logged; info has a line per request.",
    ),
)
"""Every setting, in the order of the documentation."""
