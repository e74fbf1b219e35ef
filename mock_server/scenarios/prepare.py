"""Prepare the requests of a step: replace placeholders, build paths, tokens and bodies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace

from mock_server.client import Sandbox
from mock_server.client.calls import path_part
from mock_server.domain.operations import API_PATH, OPERATIONS, DialectName, Kind, Operation
from mock_server.scenarios.file_format import RequestSpec, StepLogin
from mock_server.scenarios.http_client import HttpRequest
from mock_server.scenarios.target import Target, TokenCache
from mock_server.scenarios.templates import check_header, check_id, check_parameter, fill, to_text
from mock_server.settings import SANDBOX_HEADER


class PreparedCall(Struct, frozen=True, kw_only=True):
    """A call that is ready to be sent: the placeholders in its request, `expect` and `until` are replaced."""

    name: str
    spec: RequestSpec
    request: HttpRequest
    operation: Operation | None = None
    login: StepLogin


BUILT_IN: dict[str, Callable[[TokenCache], Any]] = {
    "accountId": lambda users: users.first_account(users.user),
    "username": lambda users: users.tagged(users.user.username),
    "password": lambda users: users.user.password,
    "refreshToken": lambda users: users.tokens(users.user).refresh,
    "accessToken": lambda users: users.tokens(users.user).access,
    "runId": lambda users: users.run_id,
}
"""The names that every run has before its first step, and how to get their values."""


class Preparer:
    """Prepares the calls of one run. `saved` has the values that its steps saved."""

    def __init__(self, target: Target, sandbox: Sandbox | None, users: TokenCache) -> None:
        self.saved: dict[str, Any] = {}
        self._target = target
        self._sandbox = sandbox
        self._users = users

    def call(self, spec: RequestSpec, operation_name: str, name: str, dialect: DialectName) -> PreparedCall:
        """Prepare a call of an operation; `name` distinguishes it from others of its step.

        Raises:
            KeyError: a placeholder has no saved value.
            LoginFailed: the call needs a token, and the user got none.
            ValueError: a saved value cannot be sent in its place.
        """
        operation, login = OPERATIONS[operation_name], self._login(spec)
        if operation.kind is Kind.TOKEN:
            request = self._token_request(spec, operation, login)
        else:
            request = self._api_request(spec, operation, login, self._target.base_url_in(dialect))
        return replace(self._prepared(spec, request), name=name, operation=operation, login=login)

    def control_call(self, spec: RequestSpec, call: str, sandbox: Sandbox) -> PreparedCall:
        """Prepare a control call, such as `POST /clock/advance`.

        Raises:
            KeyError: a placeholder has no saved value.
            LoginFailed: a placeholder needs a token, and the user got none.
            ValueError: a saved value cannot be sent in its place.
        """
        method, path = self._text(call).split(" ", 1)
        request = HttpRequest(
            method=method,
            url=f"{sandbox.control_url}{path}",
            headers=sandbox.headers | self._headers(spec),
            **self._query_and_body(spec),
        )
        return replace(self._prepared(spec, request), name=call)

    def _prepared(self, spec: RequestSpec, request: HttpRequest) -> PreparedCall:
        expect = spec.expect
        headers, body = self._fill(expect.headers), self._fill(expect.body)
        text = None if expect.text is None else self._text(expect.text)
        expect = replace(expect, headers=headers, body=body, text=text)
        filled = replace(spec, expect=expect, until=self._fill(spec.until))
        return PreparedCall(name="", spec=filled, request=request, login=self._users.user)

    def _token_request(self, spec: RequestSpec, operation: Operation, login: StepLogin) -> HttpRequest:
        content = self._query_and_body(spec)
        if spec.text is None:
            content = {"form": self._users.form(login, self._fill(spec.form or {}))}
        headers = self._headers(spec)
        return HttpRequest(method=operation.method, url=self._target.token_url, headers=headers, **content)

    def _api_request(
        self, spec: RequestSpec, operation: Operation, login: StepLogin, base_url: str
    ) -> HttpRequest:
        headers = self._headers(spec)
        if not any(name.lower() == "authorization" for name in headers):
            headers |= self._authorization(spec, login)
        if self._sandbox is not None:
            headers.setdefault(SANDBOX_HEADER, self._sandbox.name)  # without a token, it selects the sandbox
        return HttpRequest(
            method=operation.method,
            url=f"{base_url}{API_PATH}{self._path(spec, operation, login)}",
            headers=headers,
            **self._query_and_body(spec),
        )

    def _authorization(self, spec: RequestSpec, login: StepLogin) -> dict[str, str]:
        token = self._users.tokens(login).access if spec.token is None else self._text(spec.token)
        with _at("token"):
            check_header(token)
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _path(self, spec: RequestSpec, operation: Operation, login: StepLogin) -> str:
        template = operation.paths[0]
        ids = {}
        for name, value in self._fill(spec.path).items():
            with _at(f"path.{name}"):
                check_id(value)
            ids[name] = to_text(value)
        if "accountId" in operation.ids and "accountId" not in ids:
            ids["accountId"] = str(self._users.first_account(login))
        return template.format_map({name: path_part(value) for name, value in ids.items()})

    def _login(self, spec: RequestSpec) -> StepLogin:
        login = spec.login
        if login is None:
            return self._users.user
        return StepLogin(username=self._text(login.username), password=self._text(login.password))

    def _headers(self, spec: RequestSpec) -> dict[str, str]:
        headers = {name: self._text(value) for name, value in spec.headers.items()}
        for name, value in headers.items():
            with _at(f"headers.{name}"):
                check_header(value)
        return headers

    def _query_and_body(self, spec: RequestSpec) -> dict[str, Any]:
        given = self._fill(spec.query)
        for name, value in given.items():
            with _at(f"query.{name}"):
                check_parameter(value)
        query = tuple(
            (name, to_text(element))
            for name, value in given.items()
            for element in (value if isinstance(value, list) else [value])
        )
        if spec.form is not None:
            form = self._fill(spec.form)
            fields = {name: to_text(value) for name, value in form.items() if value is not None}
            return {"query": query, "form": fields}
        if spec.text is not None:
            return {"query": query, "content": _encode(self._text(spec.text))}
        if spec.body is not UNSET:
            text = json.dumps(self._fill(spec.body), ensure_ascii=False)
            return {"query": query, "content": _encode(text)}
        return {"query": query}

    def _fill(self, value: Any) -> Any:
        return fill(value, self._value_of)

    def _text(self, template: str) -> str:
        return to_text(self._fill(template))

    def _value_of(self, name: str) -> Any:
        """Return the value that a step saved under this name, or that every run has.

        Raises:
            KeyError: there is none.
        """
        return self.saved[name] if name in self.saved else BUILT_IN[name](self._users)


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Add the place to the message about a value that a step saved, and that cannot be sent there."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _encode(text: str) -> bytes:
    """Return the text as UTF-8; half of a surrogate pair is sent unchanged, and the server must reject it."""
    return text.encode("utf-8", "surrogatepass")
