"""The request path: what it remembers, what it does not know, and what it does when something fails in it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from werkzeug.test import Client, EnvironBuilder

from mock_server.api.rendering import cached_renderer
from mock_server.app import create_app
from mock_server.dialects import wire
from mock_server.settings import Settings
from mock_server.web import context
from tests.support import ACCOUNT, DOMESTIC_ACCOUNT, Api, content

MakeApi = Callable[..., Api]


def test_an_exception_above_the_app_is_logged_and_answered_with_500(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no context today")

    monkeypatch.setattr(api.client.application, "request_context", fail)
    with caplog.at_level(logging.ERROR):
        answer = Client(api.client.application).get("/api/v1/account")

    assert answer.status_code == 500
    assert "no context today" in caplog.text
    assert "Traceback" in caplog.text


def test_a_body_is_read_only_after_a_token_that_is_valid_and_opens_the_account() -> None:
    app = create_app(Settings(log_level="error"))
    api = Api(app.test_client(), "bodies")

    def reads_body(path: str) -> bool:
        headers = [("Authorization", f"Bearer {api.token}")]
        return app.reads_body(EnvironBuilder(path, method="GET", headers=headers).get_environ())

    paths = ["/api/v1/account", api.url("/dossiers"), f"/api/v1/account/{DOMESTIC_ACCOUNT}/dossiers"]
    assert [reads_body(path) for path in paths] == [True, True, False]
    assert [reads_body("/api/v1/account/1/dossiers"), reads_body("/nothing")] == [False, False]
    api.control("POST", "/clock/advance", {"by": "PT31M", "tokens": True})
    assert [reads_body(path) for path in paths] == [False, False, False]


@pytest.mark.parametrize(
    "path", ["//api/v1/account", "///api/v1/account", "//rest/api/v1/account", "//__admin/health"]
)
def test_a_path_that_begins_with_two_slashes_is_unknown(api: Api, path: str) -> None:
    answer = api.send("GET", "/", environ_overrides={"PATH_INFO": path})

    assert answer.status_code == 404
    assert answer.headers["X-Mock-Unmatched"] == f"GET {path}"
    assert (answer.json or {})["path"] == path
    [entry] = api.control("GET", "/requests/unmatched")["requests"]
    assert entry["warnings"] == [
        f"the API has no path {path}: a base URL that ends in a slash has one too many"
    ]


def test_the_same_query_string_gives_each_dialect_its_own_parameters(make_api: MakeApi) -> None:
    api = make_api()
    paths = [f"/{dialect}/api/v1/account/{ACCOUNT}/dossiers" for dialect in ("rest", "edge", "rest")]

    answers = [api.send("GET", f"{path}?dossierReference=no-such&op=nonsense") for path in paths]

    assert [answer.status_code for answer in answers] == [200, 400, 200]


def test_query_strings_are_remembered_within_bounds(api: Api) -> None:
    long = "x" * 400
    for number in range(1100):
        api.get("/dossiers", siren=str(number))
    api.get("/dossiers", siren=long)

    assert len(context._queries) <= 1024  # noqa: SLF001
    assert not any(long in raw for raw, _ in context._queries)  # noqa: SLF001


def test_long_paths_are_not_remembered(api: Api) -> None:
    assert api.token
    before = api.client.application.router.cached_search.cache_info().currsize  # type: ignore[attr-defined]
    api.get(f"/dossiers/process/{'x' * 500}")

    assert api.client.application.router.cached_search.cache_info().currsize == before  # type: ignore[attr-defined]


@pytest.mark.dialects("rest", "edge")
def test_a_third_party_is_rendered_again_once_it_changes(api: Api) -> None:
    before = content(api.get("/thirdparties/875"))
    api.control("POST", "/thirdparties/875/close")
    after = content(api.get("/thirdparties/875"))

    assert before["outOfBusiness"] is False
    assert after["outOfBusiness"] is True


def test_a_rendering_is_made_once_for_the_same_arguments() -> None:
    made: list[tuple[object, ...]] = []

    class Shown:
        """Something that is rendered."""

    def render(shown: object, *others: object) -> list[object]:
        made.append((shown, *others))
        return list(others)

    shown, remembered = Shown(), cached_renderer(render)
    for number in (1, 1, 2, 2):
        remembered([(shown, (number,))])

    assert made == [(shown, 1), (shown, 2)]


@pytest.mark.parametrize(
    ("status", "phrase"),
    [(200, "OK"), (404, "Not Found"), (413, "Request Entity Too Large"), (422, "Unprocessable Entity")],
)
def test_a_status_has_the_same_phrase_on_every_python(status: int, phrase: str) -> None:
    assert wire.status_phrase(status) == phrase
