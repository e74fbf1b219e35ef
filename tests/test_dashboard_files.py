"""The files of the dashboard: how they are served, what they import, and that they never parse markup."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from importlib.resources import files

import pytest
from flask.testing import FlaskClient

FILES = {
    path.name: path.read_text(encoding="utf-8")
    for path in files("mock_server.control").joinpath("dashboard").iterdir()
}
SCRIPTS = sorted(name for name in FILES if name.endswith(".js"))

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


@pytest.mark.parametrize("path", ["/__admin/ui", "/__admin/ui/app.js", "/__admin/ui/style.css"])
def test_the_security_policy_allows_only_own_files(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(rule.strip().split(" ", 1) for rule in headers["Content-Security-Policy"].split(";"))

    assert policy == POLICY
    assert {name: headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css")],
)
def test_a_file_has_its_media_type(client: FlaskClient, path: str, media_type: str) -> None:
    answer = client.get(f"/__admin/ui{path}")

    assert (answer.status_code, answer.mimetype) == (200, media_type)
    assert answer.text == FILES[path[1:] or "index.html"]


@pytest.mark.parametrize("name", ["none.js", "..", "ui.py", "..%2fui.py", "%2e%2e/ui.py", "dashboard"])
def test_any_other_path_is_not_found(client: FlaskClient, name: str) -> None:
    assert client.get(f"/__admin/ui/{name}").status_code == 404


def test_the_dashboard_adds_nothing_to_the_journal(client: FlaskClient) -> None:
    before = client.get("/__admin/requests").json
    client.get("/__admin/ui")
    client.get("/__admin/ui/app.js")

    assert client.get("/__admin/requests").json == before


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_short_and_never_parses_markup(name: str) -> None:
    text = FILES[name]

    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
        == []
    )
    assert re.findall(r"https?://", text) == []
    assert text.count("\n") < 250


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_imports_only_what_exists_and_is_used(name: str) -> None:
    text = FILES[name]

    for names, module in re.findall(r'^import \{ ([^}]+) \} from "\./(\S+)";$', text, re.MULTILINE):
        for imported in names.split(", "):
            exported, _, alias = imported.partition(" as ")
            assert re.search(
                rf"^export (?:async )?(?:function\*?|const|class) {exported}\b", FILES[module], re.MULTILINE
            )
            assert len(re.findall(rf"\b{alias or exported}\b", text)) > 1, imported


def test_no_script_imports_itself_through_others() -> None:
    imports = {
        name: re.findall(r'^import .* from "\./(\S+)";$', FILES[name], re.MULTILINE) for name in SCRIPTS
    }
    assert any(imports.values())

    tuple(TopologicalSorter(imports).static_order())  # raises CycleError, which names the cycle


def test_a_slash_after_the_page_leads_to_the_page(client: FlaskClient) -> None:
    answer = client.get("/__admin/ui/", environ_base={"SCRIPT_NAME": "/prefix"})

    assert (answer.status_code, answer.headers["Location"]) == (308, "../ui")


def test_the_page_and_its_styles_load_nothing_from_elsewhere() -> None:
    page = FILES["index.html"]

    assert re.findall(r'(?:src|href)="(?!ui/|\.\./docs"|data:|#)', page) == []
    assert not re.search(r"<(?:script|style)[^>]*>[^<]|\son\w+=|style=", page)
    styles = "".join(text for name, text in FILES.items() if name.endswith(".css"))
    assert re.findall(r"@import|url\(", styles) == []
