"""A user of the real server in a sandbox of their own, and what such a user sees on a socket."""

from __future__ import annotations

import socket
from functools import cached_property
from typing import Any

import requests

from tests.rules import a_rule
from tests.sockets import connected, request
from tests.support import ACCOUNT, SEED_DOSSIER, TOKEN_URL

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

    def bend(self, then: Any, operation: Any = "getDossier", **members: Any) -> None:
        """Put one rule in force."""
        self.control("POST", "/rules", {"rules": [a_rule(then, operation, **members)]})

    def written(self, method: str, path: str, *headers: str) -> bytes:
        """A request as it goes over the wire."""
        given = [f"{name}: {value}" for name, value in self.headers.items()]
        return request(f"{method} /api/v1/account/{ACCOUNT}{path} HTTP/1.1", *given, *headers)

    def asked(self, method: str = "GET", path: str = DOSSIER, *headers: str) -> socket.socket:
        """A connection on which a request was sent."""
        bytes_sent = self.written(method, path, *headers)
        client = connected(self.url)
        client.sendall(bytes_sent)
        return client

    def seen(self, method: str = "GET", path: str = DOSSIER, timeout: float = 5) -> tuple[str, bytes]:
        """How a connection on which a request was sent ends for the client, and what came before."""
        with self.asked(method, path, "Connection: close") as client:
            client.settimeout(timeout)
            return end_of(client)


def end_of(client: socket.socket) -> tuple[str, bytes]:
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


def one_answer(client: socket.socket) -> tuple[int, bytes]:
    """Status and body of an answer with a length, on a connection that stays open."""
    came = b""
    while b"\r\n\r\n" not in came:
        came += client.recv(65536)
    head, _, body = came.partition(b"\r\n\r\n")
    names = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(names[b"content-length"]):
        body += client.recv(65536)
    return int(head.split()[1]), body
