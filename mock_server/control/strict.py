"""The strict mode of a sandbox: what happens to a call with input that the API ignores."""

from __future__ import annotations

from typing import Literal

from flask import Response
from msgspec import Struct

from mock_server.control.calls import route
from mock_server.control.problems import json_answer
from mock_server.sandbox.commands import SetStrict
from mock_server.web.services import named_sandbox


class StrictMode(Struct, frozen=True, forbid_unknown_fields=True):
    """`off`: the input is ignored. `warn`: the answer has a header too. `fail`: the answer is 400."""

    strict: Literal["off", "warn", "fail"]


@route("GET /strict")
def get_strict() -> Response:
    """Return the strict mode of the sandbox."""
    return json_answer({"strict": named_sandbox().strict})


@route("PUT /strict", body=StrictMode)
def put_strict(wanted: StrictMode) -> Response:
    """Set the strict mode: {"strict": "warn"}; a reset sets it back to that of the server."""
    sandbox = named_sandbox()
    sandbox.execute(SetStrict(wanted.strict))
    return json_answer({"strict": sandbox.strict})
