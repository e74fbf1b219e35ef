"""Read values from text, on the command line, in the environment and in files, and write them as text.

Each function that reads a text raises ValueError with a sentence if it is wrong.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from mock_server.domain.local_time import OutOfRangeError, calendar_duration, from_local
from mock_server.domain.names import shown
from mock_server.domain.variants import VARIANTS, check_variants

_SIZES = (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)
_ENGINE_SCHEMES = ("redis", "rediss", "valkey", "valkeys")
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class EngineUrl(Struct, frozen=True):
    """The URL of a Redis or Valkey. `str` returns it without its password, for log, health and errors."""

    url: str

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        login, separator, host = parts.netloc.rpartition("@")
        user = login.partition(":")[0]
        return parts._replace(netloc=f"{user}:***@{host}" if separator else host, query="").geturl()

    @property
    def for_client(self) -> str:
        """The URL for the client library, which does not know the schemes of Valkey."""
        return re.sub(r"^valkey", "redis", self.url)


def file_problem(path: Path, error: OSError) -> str:
    """Say why a file cannot be used; a missing one with a relative path also in which folder it should be."""
    if isinstance(error, FileNotFoundError) and not path.is_absolute():
        return f"{path}: {error.strerror} in {Path.cwd()}"
    return f"{path}: {error.strerror}"


def text_of(value: object) -> str:
    """Return a value as text, as on the command line and in the environment."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        return _shortest_text(value)
    if isinstance(value, Mapping):
        return ",".join(f"{name}={choice}" for name, choice in value.items())
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return str(value)


def duration(text: str) -> timedelta:
    """Read a duration: `200ms`, `2s`, `5m`, `1h`, seconds without a unit, or ISO 8601 such as `PT1M30S`.

    Raises:
        ValueError: it is none of them, or longer than a century.
    """
    days, rest = calendar_duration(text)
    return timedelta(days=days) + rest


def variants(text: str) -> dict[str, str]:
    """Read variants: `name=value`, or several separated by commas; return the values by name.

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
    """Read an ISO date-time; without offset it is French local time.

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
    """Read a base URL; return it without a slash at its end.

    Raises:
        ValueError: it is not a URL of HTTP, or has a port that cannot exist.
    """
    parts = _server_url_parts(text, ("http", "https"))
    if parts is None or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError(f"{shown(text)} is not a URL such as http://sandbox:8080")
    return text.rstrip("/")


def _server_url_parts(text: str, schemes: Sequence[str]) -> SplitResult | None:
    """Return the parts of a URL; None if it has another scheme, no host, the port 0 or a query."""
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in schemes and parts.hostname and parts.port != 0 and not parts.query
    except ValueError:  # a port above 65535, or half an IPv6 address
        return None
    return parts if is_valid else None


def origins(text: str) -> tuple[str, ...]:
    """Read origins of web pages such as `https://app.example:3000`, separated by commas, or `*` for all.

    Raises:
        ValueError: one is not an origin.
    """
    return tuple(_origin(part.strip()) for part in text.split(",") if part.strip())


def _origin(text: str) -> str:
    """Return an origin as browsers send it: in lower case, without a path."""
    origin = text if text == "*" else url(text).lower()
    if "/" in origin.partition("://")[2] or "@" in origin:
        raise ValueError(f"{shown(text)} is not an origin such as https://app.example:3000")
    return origin


def host_names(text: str) -> tuple[str, ...]:
    """Read names of hosts without port, separated by commas; return them in lower case.

    Raises:
        ValueError: one is not a host name.
    """
    names = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise ValueError(f"{shown(name)} is not a host name such as sandbox.example.com, without a port")
    return names


def _shortest_text(length: timedelta) -> str:
    """Return a duration in the largest unit that divides it: `90s`, `30m`."""
    milliseconds = length // timedelta(milliseconds=1)
    unit, size = next((unit, size) for unit, size in _SIZES if milliseconds % size == 0)
    return f"{milliseconds // size}{unit}"


def one_of(*words: str) -> Callable[[str], str]:
    """Return a function that accepts one of these words, and returns it."""

    def convert(text: str) -> str:
        if text not in words:
            raise ValueError(f"{shown(text)} is not one of {', '.join(words)}")
        return text

    return convert


def number(least: int, most: int) -> Callable[[str], int]:
    """Return a function that reads an integer in this range, both ends included."""

    def convert(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"{shown(text)} is not a number from {least} to {most}")
        return int(text)

    return convert


def lifetime(text: str) -> timedelta:
    """Read a duration of at least a second."""
    length = duration(text)
    if length < timedelta(seconds=1):
        raise ValueError(f"{shown(text)} is shorter than a second")
    return length


def state(text: str) -> Path | EngineUrl:
    """Read a path, or the URL of a Redis or Valkey. No message shows the URL: it may have a password."""
    scheme, separator, _ = text.partition("://")
    if not separator:
        return Path(text)
    parts = _server_url_parts(text, _ENGINE_SCHEMES)
    if parts is None or scheme not in _ENGINE_SCHEMES or not re.fullmatch(r"(?:/[0-9]{0,5})?", parts.path):
        raise ValueError(
            "a URL in --state is redis://HOST:PORT/DATABASE, or with rediss, valkey or valkeys; DATABASE is a"
            " number, and can be left out"
        )
    return EngineUrl(text)


def host_name(text: str) -> str:
    """Read an address or a host name; an IPv6 address may have brackets, which are removed.

    The codec of international names is imported only for a name that is not ASCII.

    Raises:
        ValueError: it is not a host name.
    """
    if text.startswith("[") and text.endswith("]") and ":" in text:
        text = text[1:-1]
    try:
        if not text.isascii():
            text.encode("idna")
    except UnicodeError:
        raise ValueError(f"{shown(text)} is not a host name") from None
    return text


def folder(text: str) -> Path:
    """Read the path of a folder, which must exist."""
    if not os.path.isdir(text):  # noqa: PTH112  # `Path.is_dir` raises where a name is too long
        raise ValueError(f"{shown(text)} is not a folder")
    if not os.access(text, os.R_OK | os.X_OK):
        raise ValueError(f"the folder {shown(text)} cannot be read: change its permissions")
    return Path(text)


def yes_or_no(text: str) -> bool:
    """Read a switch: true, yes, on or 1, or their opposites."""
    return one_of(*_YES, *_NO)(text.lower()) in _YES


def token(text: str) -> str:
    """Read a bearer token. A message does not show it."""
    if not text.isprintable() or text != text.strip() or not text:
        raise ValueError(
            "a control token is one or more printable characters, without a space at its ends: no header"
            " carries others"
        )
    return text
