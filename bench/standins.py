"""What people use instead of this sandbox: how each is started, and made to serve a page of ten dossiers.

Those that serve what they are told get the page's bytes, json-server its dossiers; moto and localstripe, which
have work of their own, something of that size.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from targets import ACCOUNT, HOST, PYTHON, ROOT, Target, log_in, serving

PATH = f"{ACCOUNT}/dossiers"
SANDBOX, BARE = "this sandbox", "bare Flask"
PEERS = ROOT / ".peers"
_BIN = PEERS / "bin"
_NODE = PEERS / "node_modules" / ".bin"
_IMPOSTER = 18199
"""mountebank is told its port in a file."""
_JSON = "application/json;charset=UTF-8"


def _nothing(target: Target) -> None:
    """All is ready."""


@dataclass(frozen=True)
class Standin:
    """A server: its command, with `{port}` in it, where it has its page, what is to be done before.

    The first word of the command is the program that has to be there. Up it is when `ready` answers. `port` is
    the only one it can have.
    """

    name: str
    command: tuple[str, ...]
    path: str = PATH
    ready: str = PATH
    prepare: Callable[[Target], None] = _nothing
    port: int | None = None


def standins(folder: Path, page: bytes, dossier: bytes) -> list[Standin]:
    """This sandbox, bare Flask under its server, and the others; their files are written into the folder."""
    (folder / "page").write_bytes(page)
    (folder / "dossier").write_bytes(dossier)
    bare = (PYTHON, str(ROOT / "bench" / "bare.py"), "{port}", str(folder / "page"), str(folder / "dossier"))
    return [
        Standin(SANDBOX, tuple(serving()), ready="/__admin/health", prepare=log_in),
        Standin(BARE, bare),
        _wiremock("WireMock", folder, page),
        _wiremock("WireMock, journal off", folder, page, "--no-request-journal"),
        _mountebank(folder, page),
        _prism(folder, page),
        _mockoon(folder, page),
        _json_server(folder, page),
        _localstripe(),
        _moto(page),
    ]


def _wiremock(name: str, folder: Path, page: bytes, *options: str) -> Standin:
    answer = {"status": 200, "body": page.decode(), "headers": {"Content-Type": _JSON}}
    stub = {"request": {"method": "GET", "urlPath": PATH}, "response": answer}
    (folder / "mappings").mkdir(exist_ok=True)
    _write(folder / "mappings" / "page.json", stub)
    jar = next((PEERS / "node_modules" / "wiremock" / "build").glob("*.jar"), Path("missing"))
    common = ("--port", "{port}", "--disable-banner", "--root-dir", str(folder))
    return Standin(name, ("java", "-jar", str(jar), *common, *options))


def _mountebank(folder: Path, page: bytes) -> Standin:
    answer = {"is": {"statusCode": 200, "headers": {"Content-Type": _JSON}, "body": page.decode()}}
    stub = {"predicates": [{"equals": {"method": "GET", "path": PATH}}], "responses": [answer]}
    imposter = {"port": _IMPOSTER, "protocol": "http", "stubs": [stub]}
    file = _write(folder / "imposters.json", {"imposters": [imposter]})
    options = (
        "--port",
        str(_IMPOSTER - 1),
        "--loglevel",
        "error",
        "--nologfile",
        "--pidfile",
        str(folder / "mb.pid"),
    )
    command = (str(_NODE / "mb"), "start", *options, "--configfile", str(file))
    return Standin("mountebank", command, port=_IMPOSTER)


def _prism(folder: Path, page: bytes) -> Standin:
    media = {"application/json": {"schema": {"type": "object"}, "example": json.loads(page)}}
    get = {"responses": {"200": {"description": "a page", "content": media}}}
    document = {"openapi": "3.0.3", "info": {"title": "page", "version": "1"}, "paths": {PATH: {"get": get}}}
    file = _write(folder / "openapi.json", document)
    return Standin("Prism", (str(_NODE / "prism"), "mock", "-h", "127.0.0.1", "-p", "{port}", str(file)))


def _mockoon(folder: Path, page: bytes) -> Standin:
    answer = {
        "uuid": "b1",
        "body": page.decode(),
        "statusCode": 200,
        "headers": [{"key": "Content-Type", "value": _JSON}],
        "default": True,
        "bodyType": "INLINE",
        "disableTemplating": True,
    }
    route = {
        "uuid": "a1",
        "type": "http",
        "method": "get",
        "endpoint": PATH.lstrip("/"),
        "responses": [answer],
    }
    file = _write(folder / "mockoon.json", {"uuid": "e1", "name": "page", "port": 3000, "routes": [route]})
    options = ("--port", "{port}", "--disable-log-to-file", "--repair", "--data", str(file))
    return Standin("Mockoon", (str(_NODE / "mockoon-cli"), "start", *options))


def _json_server(folder: Path, page: bytes) -> Standin:
    file = _write(folder / "db.json", {"dossiers": json.loads(page)["content"]})
    options = ("--host", "127.0.0.1", "--port", "{port}", "--quiet", str(file))
    return Standin("json-server", (str(_NODE / "json-server"), *options), path="/dossiers", ready="/dossiers")


def _localstripe() -> Standin:
    def customers(target: Target) -> None:
        target.authorization = "Bearer sk_test_12345"
        for number in range(10):
            _sent(target, "POST", "/v1/customers", {"email": f"{number}@example.com"})

    command = (str(_BIN / "localstripe"), "--port", "{port}", "--from-scratch")
    path = "/v1/customers?limit=10"
    return Standin("localstripe, customers", command, path, ready="/js.stripe.com/v3/", prepare=customers)


def _moto(page: bytes) -> Standin:
    def stored(target: Target) -> None:
        target.authorization = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request"
        _sent(target, "PUT", "/bench", None)
        _sent(target, "PUT", "/bench/page", page)

    command = (str(_BIN / "moto_server"), "-p", "{port}")
    return Standin("moto, an S3 object", command, "/bench/page", ready="/moto-api/", prepare=stored)


def _sent(target: Target, method: str, path: str, data: Any) -> None:
    headers = {"Authorization": target.authorization}
    url = f"{HOST}:{target.port}{path}"
    requests.request(method, url, data=data, headers=headers, timeout=10).raise_for_status()


def _write(file: Path, content: object) -> Path:
    file.write_text(json.dumps(content), encoding="utf-8")
    return file
