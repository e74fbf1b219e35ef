"""Requests and answers: which are repeated, and which answers are refusals."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from dossiers_client.environment import Environment
from dossiers_client.errors import NotFound, Refused, Unavailable
from dossiers_client.login import Login
from dossiers_client.model import ApiError

Query = Mapping[str, str | int]

_TIMEOUT = 10.0
# Reading may be repeated. A command may not: whose answer is lost, may have been carried out.
_TRIES = Retry(
    total=3,
    backoff_factor=0.1,
    allowed_methods=["GET"],
    status_forcelist=[
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    ],
    raise_on_status=False,
)


class Transport:
    """Calls of the API by their paths below the base URL; every answer is a JSON object."""

    def __init__(self, environment: Environment) -> None:
        self._base_url = environment.base_url
        self._login = Login(environment)
        self._session = requests.Session()
        self._session.auth = self._login
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=_TRIES))

    def close(self) -> None:
        """Let the connections go."""
        self._session.close()

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """Read."""
        return self._call("GET", path, query=query)

    def post(self, path: str, body: object = None) -> dict[str, Any]:
        """Command."""
        return self._call("POST", path, body=body)

    def _call(
        self, method: str, path: str, *, query: Query | None = None, body: object = None
    ) -> dict[str, Any]:
        answer = self._send(method, path, query, body)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._login.renew()
            answer = self._send(method, path, query, body)
        return _understood(answer)

    def _send(self, method: str, path: str, query: Query | None, body: object) -> requests.Response:
        url = self._base_url + path
        try:
            return self._session.request(method, url, params=query, json=body, timeout=_TIMEOUT)
        except requests.RequestException as problem:
            raise Unavailable(f"{method} {path}: {problem}") from problem


def _understood(answer: requests.Response) -> dict[str, Any]:
    """The JSON of an answer. A refusal has its errors in it, whichever status it comes with."""
    call = f"{answer.request.method} {answer.request.path_url}"
    try:
        body: dict[str, Any] = answer.json() if answer.content else {}
    except ValueError as problem:
        raise Unavailable(f"{call}: {answer.status_code}, and no JSON") from problem
    errors = [ApiError.of(error) for error in body.get("messages", {}).get("error", [])]
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise NotFound(call, errors)
    if errors:
        raise Refused(call, errors)
    if not answer.ok or not body:
        raise Unavailable(f"{call}: {answer.status_code} {body.get('message', '')}")
    return body
