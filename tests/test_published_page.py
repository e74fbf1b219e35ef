"""The documents over HTTP and on the command line, and the page that shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from mock_server.cli import main
from mock_server.contract import document
from mock_server.domain.operations import DIALECTS, OPERATIONS
from tests.browser import CHROMIUM, Page, browser
from tests.support import Api

PAGE = files("mock_server.web").joinpath("docs.html").read_text(encoding="utf-8")

LISTED = "document.querySelectorAll('nav a').length > 20"
OPEN_EACH = """
for (const link of document.querySelectorAll('nav a')) {
  const opened = new Promise((done) => addEventListener('hashchange', done, { once: true }));
  location.hash = link.hash;
  await opened;
  document.querySelectorAll('main details').forEach((box) => { box.open = true; });
  shown[link.hash] = document.querySelector('main').textContent;
  if (document.documentElement.scrollWidth > innerWidth) wide.push(link.hash);
}
"""


# The documents.


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_document_of_a_dialect_is_served_without_a_token(client: FlaskClient, dialect: str) -> None:
    answer = client.get(f"/{dialect}/openapi.json")

    assert answer.content_type == "application/json"
    assert answer.json == document(dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_document_of_the_server_is_that_of_its_dialect(
    make_server_api: Callable[..., Api], dialect: str
) -> None:
    api = make_server_api(dialect=dialect)

    assert api.client.get("/openapi.json").json == document(dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_document_names_the_prefix_of_its_dialect_first(dialect: str) -> None:
    assert [row["url"] for row in document(dialect)["servers"]] == [f"/{dialect}/api/v1", "/api/v1"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_command_prints_the_document(dialect: str) -> None:
    printed = CliRunner().invoke(main, ["openapi", "--dialect", dialect])

    assert json.loads(printed.stdout) == document(dialect)


def test_the_command_prints_the_document_of_rest_by_default() -> None:
    assert json.loads(CliRunner().invoke(main, ["openapi"]).stdout) == document("rest")
    chosen = CliRunner().invoke(main, ["openapi"], env={"MOCK_SERVER_DIALECT": "edge"})
    assert json.loads(chosen.stdout) == document("edge")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_realm_of_the_document_gives_tokens(client: FlaskClient, dialect: str) -> None:
    schemes = document(dialect)["components"]["securitySchemes"]
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "a", "password": "b"}

    assert schemes["bearer"]["scheme"] == "bearer"
    assert client.post(schemes["realm"]["flows"]["password"]["tokenUrl"], data=form).status_code == 200


# The page.


def test_the_page_is_served_without_a_token(client: FlaskClient) -> None:
    answer = client.get("/docs")

    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.text == PAGE


def test_the_browser_may_load_nothing_from_elsewhere(client: FlaskClient) -> None:
    policy = client.get("/docs").headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert not re.search(r"https?:|//|\*", policy)


def test_the_page_names_no_other_host_and_loads_no_file() -> None:
    assert re.findall(r"(?:https?:)?//[A-Za-z0-9]", PAGE) == []
    assert re.findall(r"<(?:script|img|iframe|source|object|embed)[^>]*\s(?:src|data)=", PAGE) == []
    assert re.findall(r'<link[^>]*href="(?!data:)', PAGE) == []
    assert re.findall(r"@import|url\(|import\(|importScripts", PAGE) == []


def test_every_field_of_the_page_has_a_label() -> None:
    fields = re.findall(r"<(?:input|select|textarea)\b[^>]*>", PAGE)
    labelled = re.findall(r"<label>[^<]*<(?:input|select|textarea)\b[^>]*>", PAGE)

    assert len(fields) == len(labelled) > 3


needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all: a start of it takes as long as a test."""
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def page(shared: Page) -> Page:
    """An empty page."""
    shared.open("about:blank")
    shared.resize("light")
    shared.requested.clear()
    return shared


@needs_browser
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_page_shows_every_operation_of_a_dialect(server: str, page: Page, dialect: str) -> None:
    page.open(f"{server}/docs?dialect={dialect}")
    page.wait_for(LISTED)

    listed = page.value("[...document.querySelectorAll('nav a')].map((link) => link.textContent)")
    operations = [text.removeprefix("GET").removeprefix("POST") for text in listed]
    served = {row.name for row in OPERATIONS.values() if dialect in row.dialects}
    schemas = set(document(dialect)["components"]["schemas"])
    assert set(operations) == served | {"getProcessAlias", "listProcessesAlias"} | schemas


@needs_browser
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_operation_and_schema_can_be_shown_in_a_narrow_window(
    server: str, page: Page, dialect: str
) -> None:
    page.resize("light", 400, 800)
    page.open(f"{server}/docs?dialect={dialect}")
    page.wait_for(LISTED)

    shown, wide = page.value(
        f"(async () => {{ const shown = {{}}, wide = []; {OPEN_EACH} return [shown, wide]; }})()"
    )

    assert len(shown) > 60
    assert [name for name, text in shown.items() if len(text) < 20] == []
    assert "E010" in shown["#op/listDossiers"]
    assert wide == []


@needs_browser
def test_a_user_logs_in_and_sends_a_request_by_the_keyboard(server: str, page: Page) -> None:
    page.open(f"{server}/docs#op/listAccounts")
    page.wait_for(LISTED)

    page.value("document.querySelector('#login button').focus()")
    page.press("Enter")
    page.wait_for("document.querySelector('#who').textContent.startsWith('Logged in as api@example.com')")
    page.value("document.querySelector('.try select').focus()")
    page.press("Tab")
    page.press("Enter")

    page.wait_for("document.querySelector('.try pre')?.textContent.includes('CPTDO2E2FFC774EDD6637F')")
    assert {url.split("/")[2] for url in page.requested if not url.startswith("data:")} == {
        urlsplit(server).netloc
    }


@needs_browser
def test_the_filter_finds_parameters_members_and_error_codes(server: str, page: Page) -> None:
    page.open(f"{server}/docs")
    page.wait_for(LISTED)
    listed = "[...document.querySelectorAll('nav a[href^=\"#op/\"]')].map((link) => link.hash.slice(4))"

    def found(words: str) -> set[str]:
        page.value(f"document.getElementById('filter').value = {json.dumps(words)}")
        page.value("document.getElementById('filter').dispatchEvent(new Event('input'))")
        return set(page.value(listed))

    assert found("e204") == {"reactivateDossier"}
    assert found("thirdpartyEmail") == {"importDossier", "updateDossier"}
    assert "listDossiers" in found("pageSize")


@needs_browser
def test_a_change_of_the_sandbox_can_be_tried(server: str, page: Page) -> None:
    page.open(f"{server}/docs#op/importDossier")
    page.wait_for(LISTED)
    page.value("document.querySelector('#login').requestSubmit()")
    page.wait_for("document.querySelector('#who').textContent.startsWith('Logged in')")

    page.value("document.querySelector('.try').requestSubmit()")

    assert page.wait_for("document.querySelector('.try pre')?.textContent.match(/[0-9a-f]{32}/)?.[0]")
