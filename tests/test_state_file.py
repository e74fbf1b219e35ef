"""`--state FILE`: what was answered is there after a restart; a file that cannot be used is named."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random
from threading import Thread
from time import sleep
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from flask import Flask
from hypothesis import settings

from mock_server.app import create_app
from mock_server.cli import main
from mock_server.input_errors import FileError
from mock_server.sandbox import state_database
from mock_server.sandbox.state_database import StateDatabase
from mock_server.settings import Settings
from mock_server.watching import Watch
from mock_server.web import services
from tests import processes
from tests.control_calls import a_rule
from tests.support import SIRET, TOKEN_URL, Api, running_server

NEW_DOSSIER = {"siret": SIRET, "dossierReference": "PO-1"}
IMPORT = {"companyIdType": "CIT001", "companyIdValue": "50382936800045"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sandboxes.db"


def start(path: Path, **others: Any) -> Flask:
    return create_app(Settings(state=path, log_level="error", **others))


def database(app: Flask) -> StateDatabase:
    found = services.of(app).sandboxes._database  # noqa: SLF001  # a restart closes it by the end of the process
    assert found is not None
    return found


def restart(app: Flask, path: Path, **others: Any) -> Flask:
    """Another server on the file of this one, which is gone."""
    services.of(app).sandboxes.close()
    return start(path, **others)


def state(app: Flask, sandbox: str) -> dict[str, Any]:
    return dict(app.test_client().get(f"/__admin/state?sandbox={sandbox}").json or {})


def launch(api: Api, reference: str) -> None:
    assert api.post("/dossiers", IMPORT | {"dossierReference": reference}).status_code == 200


def test_a_sandbox_is_restored_completely_after_a_restart(path: Path) -> None:
    app = start(path)
    api = Api(app.test_client(), "one")
    api.control("POST", "/rules", {"rules": [a_rule({"respond": {"status": 503}}, "stopDossier")]})
    api.control("PUT", "/variants", {"refusals": "result"})
    launch(api, "A")
    api.control("POST", "/snapshots/kept")
    api.advance("PT1H")
    api.post("/dossiers/804127/stop")
    launch(api, "B")
    api.control("PUT", "/strict", {"strict": "warn"})
    before, rules = state(app, "one"), api.control("GET", "/rules")
    history = api.control("GET", "/history")

    app = restart(app, path, fixture="empty")
    again = Api.__new__(Api)
    again.__dict__.update(api.__dict__ | {"client": app.test_client()})

    assert state(app, "one") == before
    assert again.control("GET", "/rules") == rules
    assert again.control("GET", "/history") == history
    assert again.control("GET", "/strict") == {"strict": "warn"}
    launch(again, "C")
    assert (
        again.control("GET", "/requests")["requests"][-1]["number"] > history["commands"][-1]["latestRequest"]
    )
    again.control("POST", "/snapshots/kept/restore")
    again.control("POST", "/rewind", {"beforeCommand": history["last"]})
    assert state(app, "one")["content"] == before["content"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def journal(app: Flask, sandbox: str = "one") -> dict[str, Any]:
    return dict(app.test_client().get(f"/__admin/requests?sandbox={sandbox}").json or {})


def test_the_journal_is_restored_after_a_restart_within_its_limits(path: Path) -> None:
    app = start(path)
    api = Api(app.test_client(), "one")
    for number in range(70):
        api.get("/dossiers", page=number, pageSize=1)
    launch(api, "A")
    before = journal(app)

    app = restart(app, path)
    assert journal(app) == before
    assert before["complete"]
    assert len(before["requests"]) == 72

    app = restart(app, path, journal_entries=5)
    assert [each["number"] for each in journal(app)["requests"]] == [68, 69, 70, 71, 72]
    assert not journal(app)["complete"]


@pytest.mark.parametrize(("requests", "seconds"), [(100, 100.0), (1, 0.01)], ids=["many at once", "one soon"])
def test_reads_are_written_before_the_server_ends(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requests: int, seconds: float
) -> None:
    monkeypatch.setattr(state_database, "_SECONDS_PER_WRITE", seconds)
    app = start(path)
    api = Api(app.test_client(), "one")
    for _ in range(requests):
        api.get("/dossiers", pageSize=1)
    copies = tmp_path / "copies"
    for _ in range(200):
        shutil.copytree(path.parent, copies, ignore=lambda *_: {"copies"}, dirs_exist_ok=True)
        with sqlite3.connect(copies / path.name) as copy:
            [(written,)] = copy.execute("SELECT count(*) FROM exchanges")
        copy.close()
        if written >= requests:
            break
        sleep(0.02)

    assert written >= requests


@pytest.mark.parametrize(("method", "call"), [("DELETE", "requests"), ("POST", "reset")])
def test_a_journal_that_was_deleted_is_not_restored_and_its_numbers_continue(
    path: Path, method: str, call: str
) -> None:
    app = start(path)
    Api(app.test_client(), "one").get("/dossiers")
    app.test_client().open(f"/__admin/{call}?sandbox=one", method=method)

    app = restart(app, path)
    assert journal(app)["requests"] == []
    Api(app.test_client(), "one").get("/dossiers")

    assert [each["number"] for each in journal(app)["requests"]] == [3, 4]
    database(app).close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT number FROM exchanges").fetchall() == [(3,), (4,)]
    connection.close()


def test_a_request_without_an_answer_is_no_entry_and_its_number_is_free(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start(path)
    api = Api(app.test_client(), "one")
    launch(api, "A")
    monkeypatch.setattr(StateDatabase, "add_exchange", lambda *_: None)
    launch(api, "B")
    monkeypatch.undo()

    app = restart(app, path)

    assert [each["number"] for each in journal(app)["requests"]] == [1, 2]
    commands = app.test_client().get("/__admin/history?sandbox=one").json["commands"]  # type: ignore[index]
    assert [(each["request"], each["latestRequest"]) for each in commands] == [(None, 0), (2, 1), (None, 2)]
    again = Api(app.test_client(), "one")
    launch(again, "C")
    assert [each["number"] for each in journal(app)["requests"]] == [1, 2, 3, 4]


def test_a_clock_that_runs_keeps_its_offset(path: Path) -> None:
    app = start(path)
    app.test_client().put("/__admin/clock", json={"now": "2031-01-01T10:00:00", "frozen": False})

    app = restart(app, path)

    clock = app.test_client().get("/__admin/clock").json
    assert clock is not None
    assert clock["now"].startswith("2031-01-01T10:0")
    assert not clock["frozen"]


def test_checkpoints_bound_the_commands_that_are_replayed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mock_server.sandbox.state_database._COMMANDS_PER_CHECKPOINT", 5)
    app = start(path)
    api = Api(app.test_client(), "one")
    for number in range(23):
        launch(api, f"R{number}")
        for thread in [each for each in _threads() if each.name == "mock-server checkpoint"]:
            thread.join()
    before = state(app, "one")

    app = restart(app, path)

    assert len(database(app).load("one").records) < 10
    assert state(app, "one") == before
    assert app.test_client().get("/__admin/history?sandbox=one").json["complete"] is False  # type: ignore[index]


def test_a_rewind_to_before_the_checkpoint_is_kept(path: Path) -> None:
    app = start(path)
    api = Api(app.test_client(), "one")
    for reference in "ABC":
        launch(api, reference)
    database(app)._logs["one"].checkpoint = 3  # noqa: SLF001  # as if one had been written
    api.control("POST", "/rewind", {"beforeCommand": 2})
    launch(api, "D")
    before = state(app, "one")

    assert state(restart(app, path), "one") == before


def test_a_checkpoint_of_a_command_that_was_undone_meanwhile_is_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(threading.Thread):
        def start(self) -> None:
            later.append(self) if self.name == "mock-server checkpoint" else super().start()

    later: list[threading.Thread] = []
    monkeypatch.setattr(state_database, "_COMMANDS_PER_CHECKPOINT", 3)
    monkeypatch.setattr(state_database, "Thread", Later)
    app = start(path, fixture="empty")
    api = Api(app.test_client(), "one")
    for reference in "ABC":
        launch(api, reference)
    api.control("POST", "/rewind", {"beforeCommand": 2})
    launch(api, "D")
    before = state(app, "one")
    for thread in later:
        thread.run()

    assert later
    assert state(restart(app, path), "one") == before


COMPARED = (
    *("requests", "snapshots", "clock", "rules", "variants", "strict", "outbox", "timeline"),
    *("fixture", "processes", "scenario", "state"),
)


def test_a_copy_of_the_file_is_complete_at_any_time(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_database, "_COMMANDS_PER_CHECKPOINT", 3)
    monkeypatch.setattr(state_database, "_EXCHANGES_PER_WRITE", 1)
    limits = {"journal_entries": 5, "history_entries": 6, "fixture": "empty"}
    app = start(path, **limits)
    api = Api(app.test_client(), "one")
    control = api.control
    steps: list[Callable[[], Any]] = [
        lambda: api.set_clock("2031-01-02T10:00:00"),
        lambda: launch(api, "A"),
        lambda: control(
            "POST", "/rules", {"rules": [a_rule({"respond": {"status": 503}}, "getDossier", times=1)]}
        ),
        lambda: api.get("/dossiers/1"),
        lambda: control("POST", "/snapshots/before"),
        lambda: control("PUT", "/scenario", {"name": "outage-of-three-calls"}),
        lambda: control("POST", "/rewind", {"beforeCommand": control("GET", "/history")["last"]}),
        lambda: control("POST", "/reset", {"only": ["journal"]}),
        lambda: api.get("/dossiers", pageSize=1),
        lambda: control("PUT", "/fixture", {"recipe": {"version": 1, "accounts": [{"accountId": 119631}]}}),
        lambda: control("POST", "/rewind", {"beforeCommand": 7}),
        lambda: control("POST", "/snapshots/before/restore"),
        lambda: launch(api, "B"),
        lambda: control("POST", "/dossiers", NEW_DOSSIER),
        lambda: control(
            "POST",
            "/timeline",
            {
                "timeline": [
                    {
                        "after": "P1D",
                        "control": "POST /dossiers",
                        "body": NEW_DOSSIER | {"dossierReference": "X"},
                    }
                ]
            },
        ),
        lambda: control("PUT", "/strict", {"strict": "warn"}),
        lambda: [api.get("/dossiers", pageSize=1) for _ in range(6)],
        lambda: control("DELETE", "/requests"),
        lambda: control("POST", "/reset", {"only": ["state", "rules", "scenario"]}),
    ]
    for number, step in enumerate(steps):
        step()
        for thread in threading.enumerate():
            if thread.name == "mock-server checkpoint":
                thread.join()
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{tmp_path}/copy{number}.db{suffix}")
        other = start(tmp_path / f"copy{number}.db", **limits)
        found = {name: answer_of(other, name) for name in COMPARED}
        assert (number, found) == (number, {name: answer_of(app, name) for name in COMPARED})
        history, kept = (json.loads(answer_of(each, "history")) for each in (app, other))
        assert kept["last"] == history["last"]
        assert kept["commands"] == history["commands"][len(history["commands"]) - len(kept["commands"]) :]
        services.of(other).sandboxes.close()
    assert len(kept["commands"]) < 3  # the others are in a checkpoint


def test_a_checkpoint_has_sessions_token_ages_and_rate_limits(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_database, "_COMMANDS_PER_CHECKPOINT", 1)
    app = start(path, fixture="empty")
    api = Api(app.test_client(), "one")
    api.set_clock("2031-01-02T10:00:00")
    api.control("PUT", "/variants", {"rateLimit": "on"})
    form = {"client_id": "ea-api-edge"}
    login = {"grant_type": "password", "username": "api+one@example.com", "password": "demo"}

    def log_in() -> dict[str, str]:
        return dict(app.test_client().post(TOKEN_URL, data=form | login).json or {})

    aged = log_in()
    api.control("POST", "/clock/advance", {"by": "PT1H", "tokens": True})
    ended = log_in()
    logout = {"refresh_token": ended["refresh_token"]}
    app.test_client().post(TOKEN_URL.removesuffix("token") + "logout", data=form | logout)
    api.token = log_in()["access_token"]

    def statuses(app: Flask) -> list[int]:
        client = app.test_client()
        refresh = {"grant_type": "refresh_token", "refresh_token": ended["refresh_token"]}
        url = api.url("/dossiers", pageSize=1)
        headers = [
            {"Authorization": f"Bearer {token}"} for token in (aged["access_token"], *[api.token] * 21)
        ]
        found = [client.get(url, headers=each).status_code for each in headers]
        return [client.post(TOKEN_URL, data=form | refresh).status_code, *found]

    assert statuses(app) == [400, 401, *[200] * 20, 429]
    for thread in threading.enumerate():
        if thread.name == "mock-server checkpoint":
            thread.join()

    again = restart(app, path)

    assert statuses(again) == [400, 401, *[429] * 21]


def answer_of(app: Flask, name: str) -> str:
    text = app.test_client().get(f"/__admin/{name}?sandbox=one").text
    # Of a journal without the first requests, the file does not say whether a client deleted them.
    return text.replace('"complete":true', '"complete":false') if name == "requests" else text


def test_a_fork_is_restored_and_a_deleted_sandbox_is_not(path: Path) -> None:
    app = start(path)
    api = Api(app.test_client(), "one")
    launch(api, "A")
    api.control("POST", "/sandboxes/one/fork", {"as": "two"})
    before = state(app, "two")
    api.client.delete("/__admin/sandboxes/one")

    app = restart(app, path)

    names = [row["name"] for row in app.test_client().get("/__admin/sandboxes").json["sandboxes"]]  # type: ignore[index]
    assert "two" in names
    assert "one" not in names
    assert state(app, "two") == before


def test_a_sandbox_that_is_damaged_does_not_prevent_the_others(path: Path) -> None:
    app = start(path)
    for name in ("one", "two"):
        launch(Api(app.test_client(), name), "A")
    database(app).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE commands SET record = 'x' WHERE sandbox = 'one'")
    connection.commit()
    connection.close()

    app = start(path)
    services.of(app).sandboxes.restore_soon()
    for thread in _threads():
        if thread.name == "mock-server restore":
            thread.join()

    answer = app.test_client().get("/__admin/clock?sandbox=one")
    database(app).close()  # what was restored needs no file
    assert app.test_client().get("/__admin/clock?sandbox=two").status_code == 200
    assert answer.status_code == 503
    assert f"{path}: the file is damaged, or not a state file: JSON is malformed" in answer.text


def test_a_rule_that_this_version_would_reject_does_not_prevent_its_sandbox(path: Path) -> None:
    app = start(path)
    api = Api(app.test_client(), "one")
    api.control(
        "POST", "/rules", {"rules": [a_rule({"respond": {"status": 503}}) | {"when": {"path": "/x"}}]}
    )
    api.control("POST", "/sandboxes/one/fork", {"as": "two"})  # kept as a state, not by its commands
    database(app).close()
    connection = sqlite3.connect(path)
    earlier = """UPDATE sandboxes SET kept = replace(CAST(kept AS TEXT), '"path":"/x"', '"path":["/x"]')"""
    connection.execute(f"{earlier} WHERE name = 'two'")
    connection.commit()
    connection.close()

    [rule] = Api(start(path).test_client(), "two").control("GET", "/rules")["rules"]

    assert rule["when"] == {"path": ["/x"]}


def test_after_a_restart_a_sandbox_follows_the_file_of_its_scenario(path: Path, tmp_path: Path) -> None:
    file, rules = tmp_path / "down.yaml", "rules: [{name: X, when: {}, then: {fault: EMPTY_RESPONSE}}]"
    file.write_text(f"version: 1\nscenario: down\ntitle: Down\n{rules}\n", encoding="utf-8")
    app = start(path, scenario=str(file))
    Api(app.test_client(), "one").control("GET", "/clock")
    app = restart(app, path)
    shared, api = services.of(app), Api(app.test_client(), "one")
    api.control("GET", "/clock")

    file.write_text(file.read_text(encoding="utf-8").replace("X", "Y"), encoding="utf-8")
    Watch(shared.sandboxes, shared.find_fixture, None, None).reload(file)

    assert [rule["name"] for rule in api.control("GET", "/rules")["rules"]] == ["Y"]


def test_after_a_restart_the_sandboxes_are_listed_oldest_first(path: Path) -> None:
    app, names = start(path), ["default", *map(str, range(8))]
    for name in names:
        Api(app.test_client(), name).control("GET", "/clock")

    rows = Api(restart(app, path).test_client(), "default").control("GET", "/sandboxes")["sandboxes"]

    assert [row["name"] for row in rows] == names


def test_the_fixture_of_the_file_wins(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = start(path, fixture="pages")
    app.test_client().post("/__admin/reset")
    with caplog.at_level("INFO", "mock_server"):
        app = restart(app, path, fixture="empty")

    assert f"{path} has 1 sandbox; its fixture pages wins over --fixture" in caplog.messages
    health = app.test_client().get("/__admin/health").json
    assert health is not None
    assert health["fixture"] == "pages"
    assert health["stateFile"] == {"path": str(path), "error": None}
    assert app.test_client().get("/__admin/fixture?sandbox=new").json["name"] == "pages"  # type: ignore[index]


# A file that cannot be used


def foreign(path: Path) -> None:
    sqlite3.connect(path).execute("CREATE TABLE t (a)").connection.close()


def newer(path: Path) -> None:
    database(start(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def cut_off(path: Path) -> None:
    database(start(path)).close()
    path.write_bytes(path.read_bytes()[:8192])


def damaged(path: Path) -> None:
    database(start(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE server SET config = 'x'")
    connection.commit()
    connection.close()


def incomplete(path: Path) -> None:
    """A file in which a value is missing; SQLite notices it only when it checks the file."""
    database(start(path)).close()
    for old, new in (("content BLOB NOT NULL", "content BLOB"), ("content BLOB", "content BLOB NOT NULL")):
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = 'fixtures'", (old, new)
        )
        connection.commit()
        connection.close()
        if new == "content BLOB":
            connection = sqlite3.connect(path)
            connection.execute("INSERT INTO fixtures VALUES ('x', NULL)")
            connection.commit()
            connection.close()


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no database": (
        lambda path: path.write_text("notes " * 1000, encoding="utf-8"),
        "file is not a database: restore a copy of it, or give another file",
    ),
    "another database": (foreign, "not a state file of mock-server: give another file"),
    "a newer format": (
        newer,
        "written by a newer version of mock-server, in format 99; this one reads up to 1",
    ),
    "cut off": (cut_off, "malformed: restore a copy"),
    "incomplete": (incomplete, "NULL value in fixtures.content: restore a copy"),
    "damaged": (damaged, "JSON is malformed"),
    "a folder": (lambda path: path.mkdir(), "a folder, not a file: give the path of a file"),
    "in use": (start, "another server uses this file: stop it, or give another file"),
}


def test_the_database_of_another_program_is_not_changed(path: Path) -> None:
    foreign(path)
    before = path.read_bytes()

    with pytest.raises(FileError):
        start(path)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_file_that_cannot_be_used_is_rejected(
    path: Path, damage: Callable[[Path], object], message: str
) -> None:
    kept = damage(path)

    with pytest.raises(FileError) as raised:
        start(path)

    assert str(raised.value).startswith(f"{path}: ")
    assert message in str(raised.value)
    del kept


def test_a_rejected_file_is_not_kept_open(path: Path) -> None:
    newer(path)
    with pytest.raises(FileError) as raised:
        start(path)

    connection = sqlite3.connect(path, timeout=0)
    connection.execute("PRAGMA user_version = 1")
    connection.close()

    start(path)
    del raised  # only now: the error has all that its functions had, so also an open connection


def test_a_deleted_sandbox_is_no_longer_listed_and_can_be_used_again(path: Path) -> None:
    app = start(path)
    api = Api(app.test_client(), "one")
    launch(api, "A")

    assert api.client.delete("/__admin/sandboxes/one").status_code < 300
    listed = api.client.get("/__admin/sandboxes").json["sandboxes"]  # type: ignore[index]
    launch(Api(app.test_client(), "one"), "B")

    assert "one" not in [sandbox["name"] for sandbox in listed]
    assert [row["wanted"]["reference"] for row in state(app, "one")["content"]["processes"]] == ["B"]


def test_a_change_that_fails_in_the_middle_does_not_affect_the_next_one(path: Path) -> None:
    app = start(path)
    one, other = (Api(app.test_client(), name) for name in ("one", "other"))
    launch(one, "A")
    launch(other, "A")
    database(app)._connection.execute(  # noqa: SLF001  # an error that leaves the transaction open
        "CREATE TRIGGER fault BEFORE INSERT ON commands WHEN NEW.sandbox = 'one'"
        " BEGIN SELECT RAISE(ABORT, 'damaged'); END"
    )

    failed = one.try_import(dossierReference="B")
    launch(other, "B")

    assert failed.status_code == 503
    assert "cannot be written: damaged" in failed.text


def test_a_folder_that_does_not_exist_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=f"there is no folder {tmp_path}/nowhere: create it"):
        start(tmp_path / "nowhere" / "sandboxes.db")


def test_only_a_regular_file_keeps_a_state(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, kind in ((pipe, "a device"), (Path("/dev/null"), "a device"), (tmp_path, "a folder")):
        with pytest.raises(FileError, match=f"^{path}: {kind}.*, not a file: give the path of a file$"):
            start(path)
    for path in (pipe, Path("/dev/null")):
        result = CliRunner().invoke(main, ["state", "info", str(path)])
        assert f"Error: {path}: a device, a named pipe or a socket, not a file" in result.output


def full_disk(app: Flask, _: Path) -> None:
    database(app)._connection.execute("PRAGMA max_page_count = 1")  # noqa: SLF001  # as a full disk


def removed(_: Flask, path: Path) -> None:
    path.unlink()


def replaced(_: Flask, path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.touch()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(full_disk, "disk is full"), (removed, "No such file"), (replaced, "the file was replaced")],
)
def test_a_change_that_cannot_be_written_is_not_made(
    path: Path, fault: Callable[[Flask, Path], None], reason: str
) -> None:
    app = start(path)
    api = Api(app.test_client(), "one")
    launch(api, "A")
    before = state(app, "one")
    fault(app, path)

    large = IMPORT | {"dossierReference": "B", "requiredDocuments": ["ATT_VIGI"] * 1000}
    dossier = {"siret": SIRET, "dossierReference": "y" * 9000}
    answers = [
        api.post("/dossiers", large),
        api.client.post("/__admin/dossiers?sandbox=one", json=dossier),
    ]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert all(reason in answer.text for answer in answers)
    assert state(app, "one") == before
    api.client.delete("/__admin/requests?sandbox=one")  # which is written where there is space for no change
    assert reason in api.client.get("/__admin/health").json["stateFile"]["error"]  # type: ignore[index]


def as_another_user(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user who may read everything, and write nothing here."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become another user")
    user = ["--reuid=4242", "--regid=4242", "--clear-groups"]
    command = ["setpriv", *user, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    command += [sys.executable, "-m", "mock_server", *arguments]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.parametrize("exists", ["", "sandboxes.db"], ids=["a new file", "a file that exists"])
def test_a_read_only_folder_ends_the_start_with_an_error_message(path: Path, exists: str) -> None:
    if exists:
        database(start(path)).close()

    ended = as_another_user("serve", "--port", "0", "--state", str(path))

    place = "it" if exists else f"its folder {path.parent}"
    sentence = f"Error: {path}: {place} cannot be written by this user: change the permissions, or "
    assert ended.returncode == 1
    assert ended.stderr.startswith(sentence)


def test_a_folder_that_cannot_be_read_ends_the_start_with_an_error_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # the tests may run as root, who reads every folder
    for option in ("--fixtures-dir", "--scenarios-dir"):
        ended = CliRunner().invoke(main, ["serve", "--port", "0", option, str(tmp_path)])
        assert ended.exit_code == 2
        assert "cannot be read: change its permissions" in ended.output


def test_a_password_without_a_url_ends_the_start_with_an_error_message(path: Path) -> None:
    for arguments in ((), ("--state", str(path))):
        ended = processes.run("serve", "--port", "0", "--state-password", "s3cret", *arguments)
        assert ended.returncode == 1
        assert (
            "Error: --state-password is that of a redis:// URL in --state: give the URL as well"
            in ended.stderr
        )


def test_a_second_server_on_the_file_ends_and_the_first_one_continues(path: Path) -> None:
    with running_server("--state", str(path)) as (url, _):
        second = processes.run("serve", "--port", "0", "--state", str(path))
        answer = requests.post(f"{url}/__admin/dossiers", json=NEW_DOSSIER, timeout=10)

    assert second.returncode == 1
    assert f"Error: {path}: another server uses this file: stop it, or give another file" in second.stderr
    assert answer.status_code == 201


def test_a_full_disk_rejects_changes_until_there_is_space_again(path: Path) -> None:
    def create(reference: str) -> int:
        body = NEW_DOSSIER | {"dossierReference": reference}
        return requests.post(f"{url}/__admin/dossiers", json=body, timeout=10).status_code

    def error() -> Any:
        return requests.get(f"{url}/__admin/health", timeout=10).json()["stateFile"]["error"]

    with running_server("--state", str(path)) as (url, process):
        assert create("before") == 201
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        assert (create("lost"), create("lost")) == (503, 503)
        assert "cannot be written" in error()
        assert requests.get(f"{url}/__admin/dossiers?search=lost", timeout=10).json()["total"] == 0
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert create("after") == 201
        assert error() is None
        process.kill()

    api = start(path).test_client()
    found = [api.get(f"/__admin/dossiers?search={each}").json for each in ("before", "lost", "after")]
    assert [each["total"] for each in found if each] == [1, 0, 1]


# The end of the process at any moment


def write_until_killed(url: str, client: int, answered: list[str]) -> None:
    form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo"}
    try:
        token = requests.post(
            f"{url}{TOKEN_URL}", data=form | {"username": f"api+c{client % 3}@example.com"}, timeout=20
        )
        headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
        with requests.Session() as session:
            for number in count(len(answered)):
                body = IMPORT | {"dossierReference": f"{client}-{number}"}
                path = f"{url}/api/v1/account/119631/dossiers"
                answer = session.post(path, json=body, headers=headers, timeout=20)
                answered.append(answer.json()["content"]["processId"])
    except (requests.RequestException, KeyError):
        return


CLIENTS = 4


def test_every_answered_write_is_there_after_kill(path: Path) -> None:
    answered: list[list[str]] = [[] for _ in range(CLIENTS)]
    random, writes = Random(0), 0
    for _ in range(settings().max_examples // 50):  # a hundred with --hypothesis-profile=soak
        writes += random.randrange(1, 60)
        with running_server("--state", str(path), "--import-duration", "0s") as (url, process):
            threads = [
                Thread(target=write_until_killed, args=(url, number, each))
                for number, each in enumerate(answered)
            ]
            for thread in threads:
                thread.start()
            while sum(map(len, answered)) < writes and any(each.is_alive() for each in threads):
                sleep(0.01)
            process.kill()
            for thread in threads:
                thread.join()
    kept: set[str] = set()
    references: list[tuple[str, str]] = []
    with running_server("--state", str(path)) as (url, _):
        for sandbox in ("c0", "c1", "c2"):
            rows = requests.get(f"{url}/__admin/processes?sandbox={sandbox}", timeout=20).json()["processes"]
            kept |= {row["processId"] + sandbox for row in rows}
            exported = requests.get(f"{url}/__admin/state?sandbox={sandbox}", timeout=20).json()
            references += [(sandbox, row["reference"]) for row in exported["content"]["dossiers"]]
    given = {f"{each}c{number % 3}" for number, ids in enumerate(answered) for each in ids}
    assert len(given) > 10
    assert given <= kept
    own = [each for each in references if each[1][:2] in {"0-", "1-", "2-", "3-"}]
    assert len(own) == len(set(own))


# The commands


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return processes.run("state", *arguments)


def test_the_commands_show_export_and_compact_a_file(path: Path) -> None:
    app = start(path)
    api = Api(app.test_client(), "one")
    launch(api, "A")
    for _ in range(2):  # commands that are longer than the state
        api.control("PUT", "/state", state(app, "one"))
    before = state(app, "one")
    assert "another server uses this file" in run("info", str(path)).stderr
    database(app).close()

    shown = run("info", str(path)).stdout
    assert "format 1" in shown
    assert "one: fixture default, 4 commands, 4 of them since the last checkpoint" in shown
    unknown = run("export", str(path), "--sandbox", "two").stderr
    assert unknown.startswith(f"Error: {path}: there is no sandbox 'two'; there are: default, one\n")
    compacted = run("compact", str(path))
    assert compacted.returncode == 0
    assert re.fullmatch(rf"{path}: [\d,]+ bytes before, [\d,]+ bytes now\n", compacted.stdout)
    assert (
        "one: fixture default, 4 commands, 0 of them since the last checkpoint"
        in run("info", str(path)).stdout
    )
    (path.parent / "one.json").write_text(
        run("export", str(path), "--sandbox", "one").stdout, encoding="utf-8"
    )
    assert state(start(path), "one") == before
    assert (
        state(create_app(Settings(fixture=str(path.parent / "one.json"), log_level="error")), "x") == before
    )


def test_a_compacted_file_is_smaller(path: Path) -> None:
    app = start(path)
    api = Api(app.test_client(), "one")
    for _ in range(20):
        api.get("/dossiers/all")
    api.advance("PT1S")  # with which the requests are written
    api.control("DELETE", "/sandboxes/one")
    database(app).close()

    sizes = re.search(r"([\d,]+) bytes before, ([\d,]+) bytes now", run("compact", str(path)).stdout)

    assert sizes
    before, now = (int(size.replace(",", "")) for size in sizes.groups())
    assert now == path.stat().st_size < before


def test_a_file_with_many_snapshots_does_not_become_larger(path: Path) -> None:
    app = start(path)
    api = Api(app.test_client(), "one")
    for number in range(20):
        launch(api, f"R{number}")
        api.control("POST", f"/snapshots/s{number}")
    before = state(app, "one")
    database(app).close()

    sizes = re.search(r"([\d,]+) bytes before, ([\d,]+) bytes now", run("compact", str(path)).stdout)

    assert sizes
    first, now = (int(size.replace(",", "")) for size in sizes.groups())
    assert now <= first
    again = start(path)
    assert state(again, "one") == before
    Api(again.test_client(), "one").control("POST", "/snapshots/s3/restore")


def test_the_commands_create_no_file(path: Path) -> None:
    for command in ("info", "export", "compact"):
        found = run(command, str(path))
        assert found.returncode == 1
        assert found.stderr.splitlines()[0] == f"Error: {path}: there is no such file"
    assert not path.exists()
    path.touch()
    for command in ("info", "export", "compact"):
        assert f"{path}: the file is empty: give a file that `serve" in run(command, str(path)).stderr
    assert not path.stat().st_size


def _threads() -> list[Thread]:
    import threading

    return threading.enumerate()
