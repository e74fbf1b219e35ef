"""A short guide for coding assistants, generated from the tables of operations and control calls."""

from __future__ import annotations

from flask import Response

from mock_server.control.calls import CALLS, route
from mock_server.domain.operations import API_PATH, OPERATIONS, TOKEN_PATH
from mock_server.settings import CONTROL_PREFIX, SANDBOX_HEADER
from mock_server.web.services import base_url

_PLACE = "http://127.0.0.1:8080"
_GUIDE = """\
# mock-server

> A sandbox of the e-Attestations (Aprovall) dossiers API. It keeps state, enforces the rules and returns the
> documented error codes. Clients change only their base URL and authorisation URL.

- Base URL: `{base}{api}`. The EDGE dialect: `{base}/edge{api}`.
- Token: `POST {base}{token}` with the form `grant_type=password`, `client_id=ea-api-edge`, `username`,
  `password`. Any user and password are accepted by default; the account of `api@example.com` is 119631.
- One sandbox per test: the user name `api+NAME@example.com` opens the sandbox NAME. Control calls name it by
  the header `{header}: NAME`.
- Never wait: an import ends on the sandbox's clock. `POST {control}/clock/advance` with `{{"by": "PT1S"}}`.
- Business cases are data, not scripted answers: `GET {control}/fixture` lists SIRETs whose import fails.
- Faults and delays are rules or scenarios: `PUT {control}/scenario` with
  `{{"name": "outage-of-three-calls"}}`.
- After a failure look at `GET {control}/requests?limit=5`, then at `why` of `GET {control}/requests/NUMBER`.
- With pytest use the fixture `dossiers_sandbox`: `session()`, `base_url`, `clock.advance(…)`, `verify(…)`.

## Operations of the API
{operations}

## Control calls, below `{control}`
{calls}

## Documents
- [Documentation]({base}{control}/docs/index)
- [OpenAPI of the API]({base}/openapi.json), [of EDGE]({base}/edge/openapi.json)
- [OpenAPI of the control calls]({base}{control}/openapi.json)
"""


@route("GET /llms.txt", media_type="text/plain", sandboxed=False)
def get_llms() -> Response:
    """Return a short guide to this server for coding assistants."""
    return Response(guide(base_url()), content_type="text/plain; charset=utf-8")


def guide(base: str = _PLACE) -> str:
    """Return the guide to a server."""
    operations = [
        f"- {row.name}: `{row.method} {row.paths[0]}`"
        for row in OPERATIONS.values()
        if row.paths[0] != TOKEN_PATH
    ]
    shown = sorted((call for call in CALLS if not call.path.startswith("/ui")), key=lambda call: call.path)
    calls = [f"- `{call.method} {call.path}`: {call.summary}" for call in shown]
    return _GUIDE.format(
        base=base,
        api=API_PATH,
        token=TOKEN_PATH,
        control=CONTROL_PREFIX,
        header=SANDBOX_HEADER,
        operations="\n".join(operations),
        calls="\n".join(calls),
    )
