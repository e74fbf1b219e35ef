"""Send random and mutated raw requests to a server, and check that none of them does harm.

    python tools/fuzz_wire.py --requests 100000 --seed 1

Checked: no status 5xx but 501 and 505, no connection that hangs for more than a second, and no change of the
sandbox's state by a request that was rejected. The same seed sends the same bytes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

ACCOUNT = "/api/v1/account/119631"
TOKEN_PATH = "/auth/realms/eat_realm/protocol/openid-connect/token"  # noqa: S105  # a path
FORM = b"grant_type=password&client_id=ea-api-edge&username=api%40example.com&password=demo"
RECIPE = """\
version: 1
include: [catalogue]
accounts: [{accountId: 119631}]
dossiers:
  - {dossierId: 1, siret: "99050000100013", dossierReference: PO-1}
  - {dossierId: 2, siret: "99050000100013", dossierReference: PO-2}
"""
IMPORT = b'{"companyIdType":"CIT001","companyIdValue":"99050000100013","dossierReference":"PO-9"}'
TARGETS = [
    ("GET", f"{ACCOUNT}/dossiers?page=0&pageSize=10", b""),
    ("GET", f"{ACCOUNT}/dossiers/1", b""),
    ("HEAD", f"{ACCOUNT}/dossiers/all", b""),
    ("POST", f"{ACCOUNT}/dossiers", IMPORT),
    ("POST", f"{ACCOUNT}/dossiers/1", b'{"description":"fuzz"}'),
    ("POST", f"{ACCOUNT}/dossiers/2/stop", b""),
    ("POST", TOKEN_PATH, FORM),
    ("GET", "/__admin/health", b""),
    ("POST", "/__admin/reset", b"{}"),
    ("POST", "/__admin/clock/advance", b'{"by":"P1D"}'),
    ("PUT", "/__admin/variants", b'{"refusals":"result"}'),
]
LINES = [
    *(b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 5, 5", b"Transfer-Encoding: chunked"),
    *(b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity", b"Expect: 100-continue"),
    *(
        b"Expect: a-pony",
        b"Host: other",
        b"Host:",
        b"Upgrade: h2c\r\nConnection: Upgrade",
        b"X: " + b"a" * 70_000,
    ),
    *(
        b"Connection: close",
        b"Connection: keep-alive",
        b"X-Mock-Sandbox: \xe9",
        b"X-Mock-Sandbox: a b",
        b" folded",
    ),
    *(
        b"X_Mock_Sandbox: a",
        b"Authorization: Bearer x",
        b"Content-Type: text/plain",
        b"Content-Encoding: gzip",
    ),
]
SPLINTERS = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b" ",
        b"\t",
        b":",
        b";",
        b"%",
        b"%2F",
        b"//",
        b"..",
        b"#",
        b"0\r\n\r\n",
    ),
    *(
        b"\r\n\r\n",
        b"HTTP/1.1",
        b"HTTP/2.0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"http://x",
        b"ffffffffffffffff",
        b"\x16\x03\x01",
    ),
]


def build(chance: random.Random, token: bytes) -> bytes:
    """A request as bytes: well-formed, then mutated up to three times."""
    method, target, body = chance.choice(TARGETS)
    kind = b"application/x-www-form-urlencoded" if body is FORM else b"application/json"
    lines = [f"{method} {target} HTTP/1.1".encode(), b"Host: localhost", b"Content-Type: " + kind]
    if chance.random() < 0.8:
        lines.append(b"Authorization: Bearer " + token)
    if body and chance.random() < 0.4:
        cut = chance.randint(0, len(body))
        lines.append(b"Transfer-Encoding: chunked")
        pieces = [piece for piece in (body[:cut], body[cut:]) if piece]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    elif body or chance.random() < 0.2:
        lines.append(b"Content-Length: %d" % len(body))
    for _ in range(chance.choice((0, 0, 1, 2))):
        lines.insert(chance.randint(1, len(lines)), chance.choice(LINES))
    raw = b"\r\n".join(lines) + b"\r\n\r\n" + body
    for _ in range(chance.randint(0, 3)):
        raw = mutate(chance, raw)
    return raw


def mutate(chance: random.Random, raw: bytes) -> bytes:
    """Change, insert, delete, repeat or cut off bytes somewhere."""
    at, size = chance.randint(0, len(raw)), chance.randint(0, 12)
    how = chance.randrange(6)
    if how == 0:
        return raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
    if how == 1:
        return raw[:at] + chance.choice(SPLINTERS) + raw[at:]
    if how == 2:
        return raw[:at] + raw[at + size :]
    if how == 3:
        return raw[:at] + raw[at : at + size] * 2 + raw[at + size :]
    if how == 4:
        return raw[:at]
    return raw + raw  # pipelined


class Server:
    """A server of our own, with a small sandbox whose clock stands still."""

    def __init__(self, folder: Path) -> None:
        recipe = folder / "fuzz.yaml"
        recipe.write_text(RECIPE, encoding="utf-8")
        options = [
            "--port",
            "0",
            "--fixture",
            str(recipe),
            "--log-level",
            "error",
            "--max-sandboxes",
            "100000",
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mock_server", "serve", *options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[3]
        self.address = ("127.0.0.1", int(self.url.rsplit(":", 1)[1]))
        self.begin()

    def call(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> bytes:
        """The body of the answer."""
        headers = {"Content-Type": kind}
        with urlopen(Request(self.url + path, body or None, headers, method=method), timeout=30) as answer:  # noqa: S310
            return bytes(answer.read())

    def begin(self) -> None:
        """Start the sandbox again."""
        self.call("POST", "/__admin/reset", b"{}")
        self.call("PUT", "/__admin/clock", b'{"now": "2031-01-01T00:00:00", "frozen": true}')
        form = "application/x-www-form-urlencoded"
        self.token = json.loads(self.call("POST", TOKEN_PATH, FORM, form))["access_token"].encode()
        self.state = self.call("GET", "/__admin/state")

    def send(self, raw: bytes) -> tuple[bytes, float]:
        """All that comes back until the server closes, and how long that took."""
        began, came = time.monotonic(), b""
        if self.process.poll() is not None:
            raise SystemExit(f"the server ended with {self.process.returncode}")
        with socket.create_connection(self.address, timeout=5) as client:
            try:
                client.sendall(raw)
                client.shutdown(socket.SHUT_WR)
                while part := client.recv(262_144):
                    came += part
            except TimeoutError:
                return came, 5.0
            except OSError:
                pass
        return came, time.monotonic() - began


def check(server: Server, raw: bytes, patience: float) -> tuple[list[str], bool]:
    """The problems of a request, and whether it was rejected."""
    problems = []
    came, took = server.send(raw)
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) [A-Z]", came)]
    if any(status >= 500 and status not in {501, 505} for status in statuses):
        problems.append(f"status {statuses}: {raw[:500]!r}")
    if took > patience:
        problems.append(f"{took:.1f} s: {raw[:500]!r}")
    is_rejected = all(status >= 400 for status in statuses)
    if raw[:1] == b"G":
        return problems, is_rejected  # the state is checked with the next request
    if not is_rejected:
        server.begin()
    elif server.call("GET", "/__admin/state") != server.state:
        problems.append(f"rejected with {statuses}, and the state was changed: {raw[:500]!r}")
        server.begin()
    return problems, is_rejected


def main() -> int:
    """Play, and report; 1 where there was a problem."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=1.0, help="seconds that a connection may take")
    arguments = parser.parse_args()
    chance, problems, rejected = random.Random(arguments.seed), [], 0
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            for _ in range(arguments.requests):
                found, is_rejected = check(server, build(chance, server.token), arguments.patience)
                problems += found
                rejected += is_rejected
        finally:
            server.process.terminate()
            server.process.wait(timeout=10)
    print(
        f"{arguments.requests} requests, seed {arguments.seed}, {rejected} rejected: {len(problems)} problems"
    )
    print("\n".join(problems[:20]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
