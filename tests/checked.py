"""The client of every test: an answer that is not what the contract says fails the test that got it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.api.bending import RULE_HEADER
from mock_server.api.checked import mistake_of


class CheckedClient(FlaskClient):
    """Flask's own client, with an eye on what is answered; scripted answers are let pass."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, **kwargs)
        if RULE_HEADER not in answer.headers:
            with self.application.request_context(answer.request.environ):
                mistake = mistake_of(answer)
            assert mistake is None, f"{answer.request.method} {answer.request.path}: {mistake}"
        return answer


def check_every_client() -> None:
    """Let the test clients of every app be such ones."""
    Flask.test_client_class = CheckedClient
