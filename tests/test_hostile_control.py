"""Any control call is done or rejected with a sentence, and the sandbox works afterwards."""

from __future__ import annotations

from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from mock_server.control.app import CALLS
from mock_server.control.calls import ControlCall
from tests.properties import as_json, damaged, example_count, mangled, texts, values
from tests.support import ACCOUNT, SEED_DOSSIER, Api
from tests.test_control_calls import EXAMPLES

ROOT = Path(__file__).parent.parent
RECIPES = [(ROOT / f"fixtures/{name}.yaml").read_text("utf-8") for name in ("default", "pages", "empty")]
SCENARIOS = [path.read_text("utf-8") for path in sorted((ROOT / "scenarios").glob("*.yaml"))]

LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # all values are texts

JSON = "application/json"
IDS: dict[str, list[str]] = {
    "dossier_id": [str(SEED_DOSSIER), "836190"],
    "thirdparty_id": ["875", "1000"],
    "account_id": [str(ACCOUNT), "119700"],
    "code": ["ATT_VIGI", "I2"],
    "process_id": ["0" * 32],
    "name": ["outage-as-state-machine", "kept", "app.js"],
    "number": ["1", "2", "99"],
}
CALLED = {f"{call.method} {call.path}": call for call in CALLS if call.path != "/events"}  # which never ends


@cache
def written(name: str) -> list[Any]:
    """Bodies of a control call from the bundled files; they are read when the first test needs them."""
    if name == "PUT /fixture":
        return [{"recipe": yaml.safe_load(text)} for text in RECIPES]
    if name == "PUT /scenario":
        return [{"scenario": yaml.load(text, LOADER)} for text in SCENARIOS]  # noqa: S506
    return []


_numbers = count(1)


class Sandbox:
    """A new sandbox, dropped in the end."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.headers = {"X-Mock-Sandbox": f"hostile{next(_numbers)}"}

    def ask(self, method: str, path: str, body: bytes, content_type: str = JSON) -> TestResponse:
        headers = {**self.headers, "Content-Type": content_type}
        return self.client.open(f"/__admin{path}", method=method, data=body, headers=headers)

    def is_sound(self) -> bool:
        """Return whether every view of the sandbox still works; delete the sandbox."""
        looks = ("/state", "/rules", "/processes", "/outbox", "/fixture", "/scenarios", "/requests")
        found = [self.client.get(f"/__admin{look}", headers=self.headers).status_code for look in looks]
        self.client.delete(f"/__admin/sandboxes/{self.headers['X-Mock-Sandbox']}")
        return set(found) == {200}


def is_answered(answer: TestResponse) -> bool:
    """Done, or refused with a sentence that is no longer than a page."""
    if answer.status_code < 400:
        return True
    return answer.status_code < 500 and 0 < len((answer.json or {})["detail"]) < 20_000


@st.composite
def paths(draw: st.DrawFn, call: ControlCall) -> str:
    """The path of the call with ids that there are; now and then with garbage, and a query."""
    odd, path = draw(st.integers(0, 4)) == 0, call.path
    for name in call.ids:
        drawn = draw(texts if odd else st.sampled_from(IDS[name]))
        path = path.replace(f"{{{name}}}", quote(drawn, safe="", errors="replace"))
    names = st.sampled_from(["limit", "since", "name", "sandbox"])
    query = draw(st.dictionaries(names, texts, max_size=2)) if odd else {}
    return f"{path}?{urlencode(query, errors='replace')}" if query else path


@pytest.mark.parametrize("name", CALLED)
@example_count(5)
@given(data=st.data())
def test_a_control_call_is_done_or_rejected(app: Flask, name: str, data: st.DataObject) -> None:
    call, sandbox = CALLED[name], Sandbox(app)
    examples = [body for body, _ in EXAMPLES.get(name, [({}, True)])] + written(name)
    body = data.draw(damaged(examples).map(as_json) | values.map(as_json) | st.binary(max_size=20))

    answer = sandbox.ask(call.method, data.draw(paths(call)), body)

    assert is_answered(answer), answer.text[:2000]
    assert sandbox.is_sound()


@example_count(10)
@given(data=st.data())
def test_a_damaged_state_is_rejected_or_loaded(app: Flask, data: st.DataObject) -> None:
    sandbox = Sandbox(app)
    state = sandbox.client.get("/__admin/state").json

    answer = sandbox.ask("PUT", "/state", as_json(data.draw(damaged([state]))))

    assert is_answered(answer), answer.text[:2000]
    assert sandbox.is_sound()


@pytest.mark.parametrize(
    ("path", "originals"), [("/fixture", RECIPES), ("/scenario", SCENARIOS)], ids=["recipe", "scenario"]
)
@example_count(20)
@given(data=st.data())
def test_a_damaged_yaml_file_is_accepted_or_rejected(
    app: Flask, path: str, originals: list[str], data: st.DataObject
) -> None:
    sandbox = Sandbox(app)
    text = data.draw(mangled(originals)).encode(errors="surrogatepass")

    answer = sandbox.ask("PUT", path, text, "application/yaml")

    assert is_answered(answer), answer.text[:2000]
    assert sandbox.is_sound()


def test_a_control_call_larger_than_any_state_is_a_413(app: Flask) -> None:
    announced = {"CONTENT_LENGTH": str(256 * 1024 * 1024 + 1)}

    answer = app.test_client().put("/__admin/state", data=b"{}", environ_overrides=announced)

    assert answer.status_code == 413
    assert is_answered(answer)


BOMBS = {
    "an open bracket, many times": "[" * 200_000,
    "a block within a block": "- " * 50_000,
    "key after key": "? " * 50_000,
    "a map within a map": "{a: " * 5_000 + "1" + "}" * 5_000,
    "aliases of aliases": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
    "an alias of itself": "a: &a [*a]",
    "a number of base 60": "version: 1" + ":1" * 50_000,
    "a fraction of base 60": "version: 1" + ":1" * 500 + ".5",
    "a number of many digits": "version: " + "1" * 50_000,
    "a hexadecimal number of none": "version: 0x_",
    "an object of Python": "version: !!python/object/apply:os.system [id]",
    "a set": "version: !!set {a}",
    "a custom tag": "version: !mine 1",
    "a merge": "<<: {version: 1}",
    "a zero byte": "version: \0",
    "a long key": "? " + "a" * 200_000 + "\n: 1",
    "a long line": "title: " + "a" * 900_000,
    "two byte order marks": "\ufeff\ufeffversion: 1",
    "no text at all": "",
}


@pytest.mark.parametrize("path", ["/fixture", "/scenario"])
@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_yaml_file_whose_aliases_would_expand_is_rejected(app: Flask, path: str, text: str) -> None:
    sandbox = Sandbox(app)

    answer = sandbox.ask("PUT", path, text.encode(), "application/yaml")

    assert answer.status_code == 400
    assert is_answered(answer), answer.text[:2000]


IMPORT, UNAVAILABLE = '"operation": "importDossier"', '"respond": {"status": 503}'
RULE = '{"rules": [{"name": "r", "when": {%s}, "then": {%s}}]}'
DEEP = {
    "a rule's body": ("POST", "/rules", RULE % ('"body": %s', UNAVAILABLE)),
    "a rule's JSONPath": ("POST", "/rules", RULE % ('"jsonPath": {"$.a": %s}', UNAVAILABLE)),
    "an answer": ("POST", "/rules", RULE % (IMPORT, '"respond": {"status": 503, "body": %s}')),
    "a patch": ("POST", "/rules", RULE % (IMPORT, '"patch": %s')),
    "an expectation": ("POST", "/verify", '{"expectations": [{"request": {"body": %s}}]}'),
    "a question": ("POST", "/requests/find", '{"body": %s}'),
    "an operator": ("POST", "/requests/count", '{"body": {"$not": %s}}'),
    "a scenario": ("PUT", "/scenario", '{"scenario": {"version": 1, "scenario": "a", "title": %s}}'),
    "a state": ("PUT", "/state", "%s"),
    "a provider state": ("POST", "/pact/states", '{"state": "x", "params": {"a": %s}}'),
    "an evidence": ("POST", f"/dossiers/{SEED_DOSSIER}/documents/ATT_VIGI/evidences", '{"metadata": %s}'),
}
DEPTHS = [90, 300, 1_100]
"""Fewer levels than the largest number, more, and more than Python's stack has."""


@pytest.mark.parametrize("opened", ["[", '{"a":'], ids=["lists", "objects"])
@pytest.mark.parametrize(("method", "path", "body"), DEEP.values(), ids=DEEP)
def test_a_deeply_nested_body_and_later_calls_are_done_or_rejected(
    app: Flask, method: str, path: str, body: str, opened: str
) -> None:
    sandbox = Sandbox(app)
    user = Api(sandbox.client, sandbox.headers["X-Mock-Sandbox"])
    closed = "]" if opened == "[" else "}"
    written = [f"{opened * depth}0{closed * depth}" for depth in DEPTHS]

    answers = [sandbox.ask(method, path, (body % deep).encode()) for deep in written]
    asked = [user.send("POST", user.url("/dossiers"), data=deep, content_type=JSON) for deep in written]

    assert [answer.text[:500] for answer in answers if not is_answered(answer)] == []
    assert {answer.status_code for answer in asked} <= {400, 503}
    assert sandbox.is_sound()


def test_a_body_of_brackets_alone_is_rejected(app: Flask) -> None:
    sandbox = Sandbox(app)
    user = Api(sandbox.client, sandbox.headers["X-Mock-Sandbox"])
    deep = "[" * 100_000 + "]" * 100_000

    assert sandbox.ask("PUT", "/state", deep.encode()).status_code == 400
    assert user.send("POST", user.url("/dossiers"), data=deep, content_type=JSON).status_code == 400
    assert sandbox.is_sound()
