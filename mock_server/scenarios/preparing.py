"""Making the requests of a step: placeholders filled in, paths, tokens, bodies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any
from urllib.parse import quote

from msgspec import UNSET, Struct, field, structs
from msgspec.structs import replace

from mock_server.domain.operations import OPERATIONS, Kind, Operation
from mock_server.scenarios.client import Sent
from mock_server.scenarios.logins import LoginFailed, Logins
from mock_server.scenarios.script import Expect, Login, Sending
from mock_server.scenarios.target import API_PATH, SANDBOX_HEADER, Control, Target
from mock_server.scenarios.templates import as_text, filled


class Prepared(Struct, frozen=True, kw_only=True):
    """A call ready to be made: its request, and what is expected of it, with nothing left to fill in."""

    name: str
    sending: Sending
    sent: Sent
    expect: Expect
    until: Mapping[str, Any] = field(default_factory=dict)
    operation: Operation | None = None
    login: Login


BUILT_IN: dict[str, Callable[[Logins], Any]] = {
    "accountId": lambda logins: first_account(logins, logins.user),
    "username": lambda logins: logins.tagged(logins.user.username),
    "password": lambda logins: logins.user.password,
    "refreshToken": lambda logins: logins.tokens(logins.user).refresh,
    "accessToken": lambda logins: logins.tokens(logins.user).access,
}
"""What every run knows of its user before its first step."""


class Known:
    """What a name stands for: what steps saved, and what every run knows."""

    def __init__(self, logins: Logins) -> None:
        self.saved: dict[str, Any] = {}
        self._logins = logins

    def __call__(self, name: str) -> Any:
        """The value of that name.

        Raises:
            KeyError: no step saved it.
            LoginFailed: it comes from the token of the run's user, who could not log in.
        """
        return self.saved[name] if name in self.saved else BUILT_IN[name](self._logins)


def first_account(logins: Logins, login: Login) -> int:
    """The first of the accounts that the user's token opens.

    Raises:
        LoginFailed: there is no token, or it says of none.
    """
    accounts = logins.tokens(login).account_ids
    if not accounts:
        raise LoginFailed(f"the token of {login.username} names no account: say path: {{accountId: ...}}")
    return accounts[0]


class Preparer:
    """Makes requests for one run."""

    def __init__(self, target: Target, control: Control | None, logins: Logins) -> None:
        self.known = Known(logins)
        self._target = target
        self._control = control
        self._logins = logins

    def call(self, sending: Sending, operation_name: str, name: str) -> Prepared:
        """A call of an operation; `name` tells it from others of its step.

        Raises:
            KeyError: a placeholder stands for nothing that was saved.
            LoginFailed: it needs a token, and none was got.
        """
        operation, login = OPERATIONS[operation_name], self._login(sending)
        get_sent = self._token_request if operation.kind is Kind.TOKEN else self._api_request
        sent = get_sent(sending, operation, login)
        return replace(self._prepared(sending, sent), name=name, operation=operation, login=login)

    def control(self, sending: Sending, call: str, control: Control) -> Prepared:
        """The control call, such as `POST /clock/advance`.

        Raises:
            KeyError: a placeholder stands for nothing that was saved.
            LoginFailed: a placeholder stands for a token, and none was got.
        """
        method, path = filled(call, self.known).split(" ", 1)
        sent = control.sent(method, path, headers=self._headers(sending), **self._parts(sending))
        return replace(self._prepared(sending, sent), name=call)

    def _prepared(self, sending: Sending, sent: Sent) -> Prepared:
        expect = sending.expect
        body = expect.body if expect.body is UNSET else filled(expect.body, self.known)
        text = None if expect.text is None else as_text(filled(expect.text, self.known))
        return Prepared(
            name="",
            sending=sending,
            sent=sent,
            expect=structs.replace(expect, headers=filled(expect.headers, self.known), body=body, text=text),
            until=filled(sending.until, self.known),
            login=self._logins.user,
        )

    def _token_request(self, sending: Sending, operation: Operation, login: Login) -> Sent:
        if sending.text is not None:
            return Sent(
                method=operation.method,
                url=self._target.token_url,
                headers=self._headers(sending),
                **self._parts(sending),
            )
        sent = self._logins.sent(self._logins.form(login, filled(sending.form or {}, self.known)))
        return Sent(method=sent.method, url=sent.url, headers=self._headers(sending), form=sent.form)

    def _api_request(self, sending: Sending, operation: Operation, login: Login) -> Sent:
        headers = self._headers(sending)
        if not any(name.lower() == "authorization" for name in headers):
            headers |= self._authorization(sending, login)
        if self._control is not None:
            headers.setdefault(SANDBOX_HEADER, self._control.sandbox)  # for a server that asks for no token
        return Sent(
            method=operation.method,
            url=f"{self._target.base_url}{API_PATH}{self._path(sending, operation, login)}",
            headers=headers,
            **self._parts(sending),
        )

    def _authorization(self, sending: Sending, login: Login) -> dict[str, str]:
        token = self._logins.tokens(login).access if sending.token is None else self._text(sending.token)
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _path(self, sending: Sending, operation: Operation, login: Login) -> str:
        template = operation.paths[0]
        ids = {name: as_text(filled(value, self.known)) for name, value in sending.path.items()}
        asked = {name for _, name, _, _ in Formatter().parse(template) if name}
        if "accountId" in asked and "accountId" not in ids:
            ids["accountId"] = str(first_account(self._logins, login))
        return template.format_map({name: quote(value, safe="") for name, value in ids.items()})

    def _login(self, sending: Sending) -> Login:
        login = sending.login
        if login is None:
            return self._logins.user
        return Login(username=self._text(login.username), password=self._text(login.password))

    def _headers(self, sending: Sending) -> dict[str, str]:
        return {name: self._text(value) for name, value in sending.headers.items()}

    def _parts(self, sending: Sending) -> dict[str, Any]:
        """Query and body."""
        query = tuple(
            (name, as_text(one))
            for name, value in filled(sending.query, self.known).items()
            for one in (value if isinstance(value, list) else [value])
        )
        if sending.form is not None:
            form = filled(sending.form, self.known)
            fields = {name: as_text(value) for name, value in form.items() if value is not None}
            return {"query": query, "form": fields}
        if sending.text is not None:
            return {"query": query, "content": _encoded(self._text(sending.text))}
        if sending.body is not UNSET:
            return {"query": query, "content": _encoded(_as_json(filled(sending.body, self.known)))}
        return {"query": query}

    def _text(self, template: str) -> str:
        return as_text(filled(template, self.known))


def _as_json(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False)


def _encoded(text: str) -> bytes:
    """UTF-8; half a pair of surrogates, which is none, is for whoever gets it to refuse."""
    return text.encode("utf-8", "surrogatepass")
