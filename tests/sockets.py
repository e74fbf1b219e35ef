"""A real server byte by byte: connections, and a user who sends calls over them."""

from __future__ import annotations

import re
import socket
import ssl
import time
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.control_calls import a_rule
from tests.support import ACCOUNT, SEED_DOSSIER, TOKEN_URL

HEALTH = "/__admin/health"


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 0)


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def connect(url: str, timeout: float = 5) -> socket.socket:
    """A connection; over TLS, it trusts what the environment says, as clients do."""
    host, port = address(url)
    connection = socket.create_connection((host, port), timeout=timeout)
    if not url.startswith("https:"):
        return connection
    return ssl.create_default_context().wrap_socket(connection, server_hostname=host)


def read_all(client: socket.socket) -> bytes:
    """Everything until the server closes, or has been silent for a while."""
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except (TimeoutError, ConnectionResetError):
        pass
    return b"".join(parts)


def send_and_read(url: str, *parts: bytes, pause: float = 0.0, timeout: float = 5) -> bytes:
    """Send the parts one after the other; what comes back."""
    with connect(url, timeout) as client:
        for part in parts:
            client.sendall(part)
            time.sleep(pause)
        return read_all(client)


def upload(client: socket.socket, part: bytes, times: int) -> bytes:
    """Send a part so many times, or until the server wants no more; what it answers."""
    try:
        for _ in range(times):
            client.sendall(part)
    except (BrokenPipeError, ConnectionResetError):
        pass
    client.settimeout(1)
    return read_all(client)


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


DOSSIER = f"/dossiers/{SEED_DOSSIER}"


class Remote:
    """Paths are relative to the account."""

    def __init__(self, url: str, sandbox: str) -> None:
        self.url = url
        self.sandbox = sandbox

    @cached_property
    def headers(self) -> dict[str, str]:
        form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo"}
        form["username"] = f"api+{self.sandbox}@example.com"
        token = requests.post(self.url + TOKEN_URL, data=form, timeout=10).json()["access_token"]
        return {"Authorization": f"Bearer {token}"}

    def send(self, method: str, path: str, body: Any = None, timeout: float = 10) -> requests.Response:
        url = f"{self.url}/api/v1/account/{ACCOUNT}{path}"
        return requests.request(method, url, json=body, headers=self.headers, timeout=timeout)

    def get(self, path: str) -> Any:
        """The content of an answer."""
        answer = self.send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()["content"]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"X-Mock-Sandbox": self.sandbox}
        answer = requests.request(method, f"{self.url}/__admin{path}", json=body, headers=headers, timeout=10)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def set_rule(self, then: Any, operation: Any = "getDossier", **members: Any) -> None:
        """Set one rule."""
        self.control("POST", "/rules", {"rules": [a_rule(then, operation, **members)]})

    def request_bytes(self, method: str, path: str, *headers: str) -> bytes:
        """A request as it goes over the wire."""
        given = [f"{name}: {value}" for name, value in self.headers.items()]
        return request(f"{method} /api/v1/account/{ACCOUNT}{path} HTTP/1.1", *given, *headers)

    def send_raw(self, method: str = "GET", path: str = DOSSIER, *headers: str) -> socket.socket:
        """A connection on which a request was sent."""
        bytes_sent = self.request_bytes(method, path, *headers)
        client = connect(self.url)
        client.sendall(bytes_sent)
        return client

    def outcome(self, method: str = "GET", path: str = DOSSIER, timeout: float = 5) -> tuple[str, bytes]:
        """How a connection on which a request was sent ends for the client, and what came before."""
        with self.send_raw(method, path, "Connection: close") as client:
            client.settimeout(timeout)
            return read_to_end(client)


def read_to_end(client: socket.socket) -> tuple[str, bytes]:
    """How a connection ends: reset, closed or silent; and all that came before."""
    parts: list[bytes] = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except TimeoutError:
        return "silent", b"".join(parts)
    except ConnectionResetError:
        return "reset", b"".join(parts)
    return "closed", b"".join(parts)


def read_answer(client: socket.socket) -> tuple[int, bytes]:
    """Status and body of an answer with a length, on a connection that stays open."""
    came = b""
    while b"\r\n\r\n" not in came:
        came += _part(client)
    head, _, body = came.partition(b"\r\n\r\n")
    names = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(names[b"content-length"]):
        body += _part(client)
    return int(head.split()[1]), body


def _part(client: socket.socket) -> bytes:
    part = client.recv(65536)
    assert part, "the server has closed the connection"
    return part
