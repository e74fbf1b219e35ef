"""The log: a line per request, in text or JSON; and that no reader of it can hold up the server."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from mock_server.cli.logs import LogWriter
from tests.processes import Process
from tests.sockets import HEALTH, Remote, is_up
from tests.support import running_server

CLOSED_SIRET = "99000103400018"


def json_lines(url: str, process: Process) -> list[dict[str, Any]]:
    """The lines of the requests, once the server has ended."""
    assert url
    process.terminate()
    lines = [json.loads(line) for line in process.communicate(timeout=10)[1].splitlines()]
    return [line for line in lines if line["logger"] == "mock_server.access"]


def test_a_json_line_has_the_parts_of_a_request_as_members() -> None:
    with running_server("--log-format", "json", "--log-level", "info") as (url, process):
        remote = Remote(url, "logged")
        remote.send("GET", "/dossiers?page=0&access_token=s3cret")
        remote.send("GET", "/dossiers?pageSize=0")
        remote.set_rule({"respond": {"status": 503}}, name="down")
        remote.send("GET", "/dossiers/804127")
        requests.get(f"{url}/nothing", timeout=5)
        lines = json_lines(url, process)

    members = ("method", "path", "status", "sandbox", "operation", "codes", "rule")
    account = "/api/v1/account/119631"
    assert [tuple(line[name] for name in members) for line in lines[1:3]] == [
        ("GET", f"{account}/dossiers?page=0&access_token=***", 200, "logged", "listDossiers", [], None),
        ("GET", f"{account}/dossiers?pageSize=0", 400, "logged", "listDossiers", ["E010"], None),
    ]
    assert [(line["status"], line["sandbox"], line["rule"]) for line in lines[3:]] == [
        (201, "logged", None),
        (503, "logged", "down"),
        (404, None, None),
    ]
    assert all(line["duration_ms"] > 0 for line in lines)


def test_the_line_of_a_failed_import_has_its_code() -> None:
    with running_server("--log-level", "info", "--import-duration", "0") as (url, process):
        remote = Remote(url, "default")
        body = {"companyIdType": "CIT001", "companyIdValue": CLOSED_SIRET, "dossierReference": "PO-1"}
        launched = remote.send("POST", "/dossiers", body).json()["content"]["processId"]
        ended = remote.send("GET", f"/dossiers/process/{launched}").json()["content"]
        process.terminate()
        log = process.communicate(timeout=10)[1]

    [code] = [error["code"] for error in ended["errors"]]
    assert f"ms {code}\n" in log


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_log_that_is_not_read_does_not_block_the_server(log_format: str) -> None:
    with running_server("--log-format", log_format, "--log-level", "info") as (url, process):
        with requests.Session() as session:
            statuses = {
                session.get(f"{url}{HEALTH}?padding={'x' * 900}{number}", timeout=5).status_code
                for number in range(300)
            }
        began = time.monotonic()
        process.terminate()
        process.wait(timeout=10)

    assert statuses == {200}
    assert time.monotonic() - began < 1.5


def test_lines_are_written_soon_and_the_last_ones_at_the_end() -> None:
    with running_server("--log-level", "info") as (url, process):
        requests.get(f"{url}/nothing/first", timeout=5)
        assert process.stderr is not None
        begun = b""
        while b"GET /nothing/first 404" not in begun:
            assert select.select([process.stderr], [], [], 5)[0], begun
            begun += os.read(process.stderr.fileno(), 65536)
        for number in range(20):
            requests.get(f"{url}/nothing/{number}", timeout=5)
        process.terminate()
        log = process.communicate(timeout=10)[1]

    assert [f"GET /nothing/{number} 404" in log for number in range(20)] == [True] * 20


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: where it is read, and where it is written."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_lines_that_are_dropped_are_counted(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    writer = LogWriter(descriptor)
    for number in range(3000):
        writer.write(b"%d " % number + b"x" * 995 + b"\n")

    came = b""
    while b"were dropped" not in came:
        came += os.read(reader, 65536)
        writer.flush()

    kept = came.count(b"x\n")
    assert f"{3000 - kept} lines of the log were dropped\n".encode() in came
    assert 1000 < kept < 1200


def test_a_log_whose_reader_has_ended_is_not_an_error() -> None:
    line = [sys.executable, "-m", "mock_server", "serve", "--port", "0"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    url = process.stdout.readline().split()[3]
    process.stderr.close()

    assert [is_up(url) for _ in range(5)] == [True] * 5
    process.terminate()
    process.stdout.close()
    assert process.wait(timeout=10) == 0
