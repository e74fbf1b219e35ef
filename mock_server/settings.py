"""The settings of a server, one table: name, flag, environment variable, default and help.

The command line, the documentation and the tests read it. A flag wins over the environment, and the
environment over the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from mock_server import values
from mock_server.domain.names import is_utf8
from mock_server.domain.operations import DIALECTS

CONTROL_PREFIX = "/__admin"
"""The prefix of the paths of the control API; the emulated API has no path below it."""

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
    ("GET", f"{CONTROL_PREFIX}/scenarios"),
}
"""Control calls that may take long: they run in a thread, so that they do not block other requests."""

_REQUESTS = ("GET", f"{CONTROL_PREFIX}/requests")
"""A slow call with `format=scenario`; the other formats are streams."""

WRONG_SCHEME = "HTTP on a port of HTTPS"
"""The beginning of the answer to an HTTP request on a port of HTTPS."""

CONTROL_MAX_BODY = 256 * 1024 * 1024
"""Bytes of the body of a control call, which may be the state of a sandbox."""

SANDBOX_HEADER = "X-Mock-Sandbox"
"""The header of a control call that names its sandbox."""

_SINGULAR = {"variants": "variant"}
"""Settings whose option has another name than the setting itself."""


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of a server. Each default is written here alone: help and documentation use it."""

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
    state: Path | values.EngineUrl | None = None
    state_password: str | None = None
    check_responses: bool = False
    log_format: str = "text"
    log_level: str = "info"

    def __post_init__(self) -> None:
        """Reject a token that no client could send, also in settings that are created in Python."""
        if self.control_token is not None:
            values.token(self.control_token)


class Setting(Struct, frozen=True):
    """A row of the table. `convert` returns the value of a text, or raises ValueError with a sentence.

    `absent` is the text for the default None. A setting that `protects` makes the server safer: an empty
    environment variable is an error, while that of any other setting counts as unset. A setting that
    `is_repeatable` can have several values: by several options, or by commas in the variable.
    """

    name: str
    metavar: str
    convert: Callable[[str], Any]
    help: str
    absent: str = "none"
    protects: bool = False
    is_repeatable: bool = False

    @property
    def flag(self) -> str:
        """The option of `mock-server serve`."""
        return f"--{_SINGULAR.get(self.name, self.name).replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"MOCK_SERVER_{self.name.upper()}"

    @property
    def is_switch(self) -> bool:
        """Whether the option takes no value."""
        return not self.metavar

    @property
    def default(self) -> str:
        """The default as a text that `convert` reads, or `absent` if it is None."""
        value = getattr(_DEFAULTS, self.name)
        return self.absent if value is None else values.text_of(value)

    def read(self, text: str) -> Any:
        """Return the value of the text.

        Raises:
            ValueError: the text is empty, not UTF-8, or invalid; the message is a sentence.
        """
        if not text.strip():
            raise ValueError("the value is empty")
        if not is_utf8(text):
            raise ValueError("the value is not UTF-8 text")
        return self.convert(text.strip())


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
    """Return the URL at which a client on this machine reaches a server that listens on `host`."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"{scheme}://[{address}]:{port}" if ":" in address else f"{scheme}://{address}:{port}"


_DEFAULTS = Settings()

SETTINGS: tuple[Setting, ...] = (
    Setting("host", "ADDRESS", values.host_name, "Address to listen on; 0.0.0.0 for all, as in the image."),
    Setting(
        "port",
        "NUMBER",
        values.number(0, 65535),
        "Port to listen on; 0 picks a free one, and the ready line names it.",
    ),
    Setting(
        "fixture",
        "NAME|FILE",
        str,
        "The start data of every sandbox: the name of a bundled recipe, "
        "or the path of a recipe (.yaml) or a state (.json), also an exported one.",
    ),
    Setting(
        "fixtures_dir",
        "DIR",
        values.folder,
        "A folder with your own recipes, such as a mounted one; its names come first.",
    ),
    Setting(
        "scenario",
        "NAME|FILE",
        str,
        "The scenario that is active in every sandbox from its start: its name, or the path of a file.",
    ),
    Setting(
        "scenarios_dir",
        "DIR",
        values.folder,
        "A folder with your own scenarios, such as a mounted one; its names come first.",
    ),
    Setting(
        "watch",
        "",
        values.yes_or_no,
        "Load a changed scenario file again; if it has an error, report the error and keep the old version.",
    ),
    Setting(
        "clock",
        "INSTANT",
        values.instant,
        "The time at which the clock of every sandbox starts to run, such as 2026-03-02T09:00:00.",
        absent="now",
    ),
    Setting(
        "dialect",
        "rest|edge",
        values.one_of(*DIALECTS),
        "The dialect of /api/v1: REST/JSON v1.1 or EDGE v1.3; /rest/api/v1 and /edge/api/v1 "
        "always serve the dialect in their name.",
    ),
    Setting(
        "auth",
        "any|declared|off",
        values.one_of("any", "declared", "off"),
        "Who may log in: any user, or only the users of the fixture; off needs no token.",
    ),
    Setting(
        "variants",
        "NAME=VALUE",
        values.variants,
        "Choose a reading of the API; repeat it for several (in the environment: separate them by commas).",
        is_repeatable=True,
    ),
    Setting(
        "import_duration",
        "DURATION",
        values.duration,
        "How long an import takes on the sandbox's clock; 0 ends it at once.",
    ),
    Setting("access_token_lifetime", "DURATION", values.lifetime, "How long an access token is valid."),
    Setting("refresh_token_lifetime", "DURATION", values.lifetime, "How long a refresh token is valid."),
    Setting(
        "public_url",
        "URL",
        values.url,
        "Base URL that clients know: the issuer of tokens, and the URLs of discovery and OpenAPI.",
        absent="from the request",
    ),
    Setting(
        "trust_proxy",
        "HOPS",
        values.number(0, 10),
        "How many reverse proxies are in front: their X-Forwarded-Proto, -Host and -Prefix are "
        "used; 0 ignores these headers.",
    ),
    Setting(
        "cors",
        "ORIGIN",
        values.origins,
        "Web pages of this origin may call the emulated API; repeat it for several, * for all; "
        "the control API is never opened.",
        is_repeatable=True,
    ),
    Setting(
        "signing_key",
        "FILE",
        Path,
        "RSA private key (PEM) that signs access tokens; "
        "without it, the server creates one once and keeps it in the user's cache.",
        absent="created once",
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
        values.yes_or_no,
        "Serve HTTPS with a certificate that the server creates; "
        "the ready line names the file that clients have to trust.",
    ),
    Setting(
        "control_token",
        "TOKEN",
        values.token,
        "Bearer token that every control call must have, except health.",
        protects=True,
    ),
    Setting(
        "control_open",
        "",
        values.yes_or_no,
        "Accept control calls from other machines without a token, as the image does.",
    ),
    Setting(
        "control_host",
        "NAME",
        values.host_names,
        "A host name of this server, under which its web pages may make control calls; "
        "repeat it for several.",
        is_repeatable=True,
    ),
    Setting(
        "max_sandboxes",
        "NUMBER",
        values.number(1, 1_000_000),
        "How many sandboxes can exist at once; a further one is rejected.",
    ),
    Setting(
        "sandbox_idle",
        "DURATION",
        values.lifetime,
        "A sandbox that is not used during this time is deleted; the default one stays.",
    ),
    Setting(
        "max_body",
        "BYTES",
        values.number(1024, 1024**3),
        "Largest request body that the API accepts; a larger one is answered with 413.",
    ),
    Setting(
        "body_timeout",
        "DURATION",
        values.lifetime,
        "How long a client may send nothing in the middle of a request body; then the answer is 408.",
    ),
    Setting(
        "max_connections",
        "NUMBER",
        values.number(1, 1_000_000),
        "How many connections can be open at once; a further one closes the oldest idle one.",
    ),
    Setting(
        "journal_entries",
        "NUMBER",
        values.number(0, 1_000_000),
        "How many requests the journal of a sandbox keeps; older ones are dropped.",
    ),
    Setting(
        "journal_bytes",
        "BYTES",
        values.number(0, 64 * 1024**3),
        "How much memory the requests and answers in the journal of a sandbox use at most.",
    ),
    Setting(
        "strict",
        "off|warn|fail",
        values.one_of("off", "warn", "fail"),
        "Input that the API ignores, such as an unknown parameter: warn names it in a header, fail is a 400.",
    ),
    Setting(
        "history_entries",
        "NUMBER",
        values.number(0, 1_000_000),
        "How many changes of a sandbox are kept with the state before each, for a rewind or a fork.",
    ),
    Setting(
        "state",
        "FILE|URL",
        values.state,
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
        values.yes_or_no,
        "Validate every answer against the OpenAPI document; an error is logged and named in a header.",
    ),
    Setting("log_format", "text|json", values.one_of("text", "json"), "The format of the log on stderr."),
    Setting(
        "log_level",
        "debug|info|warning|error",
        values.one_of("debug", "info", "warning", "error"),
        "What is logged; info has a line per request.",
    ),
)
"""Every setting, in the order of the documentation."""
