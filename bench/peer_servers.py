"""What people use instead of this sandbox: how each is started, with its default and its fastest settings.

Each gets the same URLs, query strings included, and the same bytes to answer; json-server has its own URLs for
the same dossiers. moto and localstripe have work of their own, and answer something of that size.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calls import DOSSIER, DOSSIERS, PAGE, Call
from servers import ROOT, Server, sandbox_command

from bench import bare_command

SANDBOX, BARE = "this sandbox", "bare Flask"
PEERS = ROOT / ".peers"
_BIN = PEERS / "bin"
_NODE = PEERS / "node_modules" / ".bin"
_IMPOSTER = 18191
"""mountebank reads its port from a file."""
_JSON = "application/json;charset=UTF-8"


def _nothing(_: Server) -> None:
    """All is ready."""


@dataclass(frozen=True)
class Peer:
    """A server: its command, with `{port}` in it, the path of its page and of its dossier.

    The first word of the command is the program that must exist. It is up when `ready` answers; `prepare` is
    called then. `port` is the only one that it can have.
    """

    name: str
    command: tuple[str, ...]
    page: str = PAGE.path
    dossier: str | None = DOSSIER.path
    ready: str = PAGE.path
    prepare: Callable[[Server], None] = _nothing
    port: int | None = None

    @property
    def calls(self) -> Iterator[Call]:
        """What it is asked for."""
        yield Call(PAGE.name, self.page)
        if self.dossier is not None:
            yield Call(DOSSIER.name, self.dossier)


def peers(folder: Path) -> list[Peer]:
    """This sandbox, bare Flask under its server, and the others; `folder` has the answers of the sandbox."""
    page, dossier = ((folder / call.name).read_bytes().decode() for call in (PAGE, DOSSIER))
    return [
        Peer(SANDBOX, tuple(sandbox_command()), ready="/__admin/health", prepare=Server.log_in),
        Peer(BARE, tuple(bare_command(folder)), ready="/__admin/health"),
        *_wiremock(folder, page, dossier),
        *_mountebank(folder, page, dossier),
        *_prism(folder, page, dossier),
        *_mockoon(folder, page, dossier),
        *_json_server(folder, page),
        _localstripe(),
        _moto(page),
    ]


def _wiremock(folder: Path, page: str, dossier: str) -> Iterator[Peer]:
    def stub(path: str, body: str, **request: Any) -> dict[str, Any]:
        answer = {"status": 200, "body": body, "headers": {"Content-Type": _JSON}}
        return {"request": {"method": "GET", "urlPath": path, **request}, "response": answer}

    paging = {"page": {"equalTo": "0"}, "pageSize": {"equalTo": "10"}}
    (folder / "mappings").mkdir(exist_ok=True)
    _write(folder / "mappings" / "page.json", stub(DOSSIERS, page, queryParameters=paging))
    _write(folder / "mappings" / "dossier.json", stub(DOSSIER.path, dossier))
    jar = next((PEERS / "node_modules" / "wiremock" / "build").glob("*.jar"), Path("missing"))
    command = ("java", "-jar", str(jar), "--port", "{port}", "--root-dir", str(folder))
    yield Peer("WireMock, default", command)
    yield Peer(
        "WireMock, fastest",
        (*command, "--disable-banner", "--no-request-journal", "--disable-request-logging"),
    )


def _mountebank(folder: Path, page: str, dossier: str) -> Iterator[Peer]:
    def stub(path: str, body: str, **equals: Any) -> dict[str, Any]:
        answer = {"is": {"statusCode": 200, "headers": {"Content-Type": _JSON}, "body": body}}
        return {"predicates": [{"equals": {"method": "GET", "path": path, **equals}}], "responses": [answer]}

    stubs = [stub(DOSSIERS, page, query={"page": "0", "pageSize": "10"}), stub(DOSSIER.path, dossier)]
    for number, (name, options) in enumerate(
        (("default", ()), ("fastest", ("--loglevel", "error", "--nologfile")))
    ):
        port = _IMPOSTER + 2 * number
        file = _write(
            folder / f"imposters{number}.json",
            {"imposters": [{"port": port, "protocol": "http", "stubs": stubs}]},
        )
        kept = ("--pidfile", str(folder / f"mb{number}.pid"), "--configfile", str(file))
        logs = () if options else ("--logfile", str(folder / "mb.log"))
        command = (str(_NODE / "mb"), "start", "--port", str(port - 1), *options, *logs, *kept)
        yield Peer(f"mountebank, {name}", command, port=port)


def _prism(folder: Path, page: str, dossier: str) -> Iterator[Peer]:
    def operation(body: str, *parameters: Any) -> dict[str, Any]:
        media = {"application/json": {"schema": {"type": "object"}, "example": json.loads(body)}}
        return {
            "get": {
                "parameters": list(parameters),
                "responses": {"200": {"description": "found", "content": media}},
            }
        }

    number = {"in": "query", "required": True, "schema": {"type": "integer"}}
    paths = {
        DOSSIERS: operation(page, {"name": "page", **number}, {"name": "pageSize", **number}),
        DOSSIER.path: operation(dossier),
    }
    file = _write(
        folder / "openapi.json",
        {"openapi": "3.0.3", "info": {"title": "page", "version": "1"}, "paths": paths},
    )
    command = (str(_NODE / "prism"), "mock", "-h", "127.0.0.1", "-p", "{port}", str(file))
    yield Peer("Prism, default", command)
    yield Peer("Prism, fastest", (*command, "--verboseLevel", "silent"))


def _mockoon(folder: Path, page: str, dossier: str) -> Iterator[Peer]:
    def answer(uuid: str, body: str, *rules: Any) -> dict[str, Any]:
        return {
            "uuid": uuid,
            "body": body,
            "statusCode": 200,
            "headers": [{"key": "Content-Type", "value": _JSON}],
            "rules": list(rules),
            "rulesOperator": "AND",
            "default": not rules,
            "bodyType": "INLINE",
            "disableTemplating": True,
        }

    def rule(name: str, value: str) -> dict[str, Any]:
        return {"target": "query", "modifier": name, "value": value, "invert": False, "operator": "equals"}

    def route(uuid: str, path: str, *answers: Any) -> dict[str, Any]:
        return {
            "uuid": uuid,
            "type": "http",
            "method": "get",
            "endpoint": path.lstrip("/"),
            "responses": list(answers),
        }

    paged = answer("b1", page, rule("page", "0"), rule("pageSize", "10"))
    routes = [
        route("a1", DOSSIERS, paged, answer("b2", "{}")),
        route("a2", DOSSIER.path, answer("b3", dossier)),
    ]
    file = _write(folder / "mockoon.json", {"uuid": "e1", "name": "page", "port": 3000, "routes": routes})
    command = (str(_NODE / "mockoon-cli"), "start", "--port", "{port}", "--repair", "--data", str(file))
    yield Peer("Mockoon, default", command)
    yield Peer("Mockoon, fastest", (*command, "--disable-log-to-file"))


def _json_server(folder: Path, page: str) -> Iterator[Peer]:
    dossiers = [{"id": dossier["dossierId"], **dossier} for dossier in json.loads(page)["content"]]
    file = _write(folder / "db.json", {"dossiers": dossiers})
    command = (str(_NODE / "json-server"), "--host", "127.0.0.1", "--port", "{port}", str(file))
    for name, options in (("default", ()), ("fastest", ("--quiet",))):
        yield Peer(
            f"json-server, {name}",
            (*command, *options),
            page="/dossiers?_page=1&_limit=10",
            dossier=f"/dossiers/{dossiers[0]['id']}",
            ready="/dossiers",
        )


def _localstripe() -> Peer:
    def customers(server: Server) -> None:
        server.authorization = "Bearer sk_test_12345"
        for number in range(10):
            server.request(
                "POST",
                "/v1/customers",
                f"email={number}@example.com",
                **{"Content-Type": "application/x-www-form-urlencoded"},
            )

    command = (str(_BIN / "localstripe"), "--port", "{port}", "--from-scratch")
    return Peer(
        "localstripe, customers", command, "/v1/customers?limit=10", None, "/js.stripe.com/v3/", customers
    )


def _moto(page: str) -> Peer:
    def stored(server: Server) -> None:
        server.authorization = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request"
        server.request("PUT", "/bench")
        server.request("PUT", "/bench/page", page)

    command = (str(_BIN / "moto_server"), "-p", "{port}")
    return Peer("moto, an S3 object", command, "/bench/page", None, "/moto-api/", stored)


def _write(file: Path, content: object) -> Path:
    file.write_text(json.dumps(content), encoding="utf-8")
    return file
