"""Talking to a real server byte by byte."""

from __future__ import annotations

import re
import socket
import ssl
import time
from urllib.parse import urlsplit

import requests

from tests.support import TOKEN_URL

HEALTH = "/__admin/health"


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 0)


def connected(url: str, timeout: float = 5) -> socket.socket:
    """A connection; over TLS, it trusts what the environment says, as clients do."""
    host, port = address(url)
    connection = socket.create_connection((host, port), timeout=timeout)
    if not url.startswith("https:"):
        return connection
    return ssl.create_default_context().wrap_socket(connection, server_hostname=host)


def received(client: socket.socket) -> bytes:
    """Everything until the server closes, or has been silent for a while."""
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except (TimeoutError, ConnectionResetError):
        pass
    return b"".join(parts)


def exchanged(url: str, *parts: bytes, pause: float = 0.0, timeout: float = 5) -> bytes:
    """Send the parts one after the other; what comes back."""
    with connected(url, timeout) as client:
        for part in parts:
            client.sendall(part)
            time.sleep(pause)
        return received(client)


def uploaded(client: socket.socket, part: bytes, times: int) -> bytes:
    """Send a part so many times, or until the server wants no more; what it answers."""
    try:
        for _ in range(times):
            client.sendall(part)
    except (BrokenPipeError, ConnectionResetError):
        pass
    client.settimeout(1)
    return received(client)


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3})", answers)]


def is_up(url: str) -> bool:
    return requests.get(f"{url}{HEALTH}", timeout=5).status_code == 200


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([line, "Host: sandbox", *headers, "", ""]).encode() + body


def log_in(url: str) -> dict[str, str]:
    form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo", "username": "any@x.fr"}
    token = requests.post(f"{url}{TOKEN_URL}", data=form, timeout=5).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}
