"""The import processes of a sandbox: list them, show one, and finish, hold or fail one."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Literal

from flask import Response
from msgspec import Struct

from mock_server.control.calls import route
from mock_server.control.problems import Problem, json_answer
from mock_server.control.requests import cause_members, explain_context
from mock_server.dialects import wire
from mock_server.domain.errors import PROVIDER_ERRORS
from mock_server.domain.model import ImportProcess
from mock_server.domain.names import camel, shown
from mock_server.domain.world import World, find_process
from mock_server.journal.explain import explain_import
from mock_server.sandbox import commands
from mock_server.web.services import named_sandbox

_PROVIDER_CODES = [error.code for error in PROVIDER_ERRORS]


class NewOutcome(Struct, forbid_unknown_fields=True):
    """The outcome of a running import: it finishes, keeps running, or fails with a code of the provider."""

    outcome: Literal["finish", "hold", "fail"]
    code: str | None = None


@route("GET /processes")
def list_processes() -> Response:
    """Return every import of the sandbox, of all accounts, in the order of their start."""
    portfolios = named_sandbox().read().portfolios.values()
    processes = [process for portfolio in portfolios for process in portfolio.processes.values()]
    processes.sort(key=attrgetter("number"))
    return json_answer({"processes": [_process(process) for process in processes]})


@route("GET /processes/<process_id>")
def show_process(process_id: str) -> Response:
    """Return one import with all that it asks for; `why` has its result in sentences, as for a request.

    `condition` is the answer of the data provider that a rule has set, null without one. `thirdpartyId` and
    `name` are of the company: without an id, it is not on the platform yet; without a name, its import
    failed. `refusals` has the parameter and the values of each code in `errors`.
    """
    sandbox = named_sandbox()
    world = sandbox.read()
    process = find_process(world, process_id)
    why = [cause_members(cause) for cause in explain_import(process, explain_context(sandbox))]
    return json_answer({**_process(process), **_details(process, world), "why": why})


@route("POST /processes/<process_id>", body=NewOutcome)
def set_process_outcome(body: NewOutcome, process_id: str) -> Response:
    """Finish, hold or fail a running import now.

    `ends` is when it ended, by the clock of the sandbox; null while it is on hold.
    """
    sandbox = named_sandbox()
    _check_code(body)
    process = sandbox.execute(commands.SetProcessOutcome(process_id, body.outcome, body.code))
    if process.complete:
        sandbox.journal.count_imports([process.outcome])
    return json_answer(_process(process))


def _check_code(body: NewOutcome) -> None:
    """Reject a code where the import does not fail, and one that is not the provider's."""
    codes = ", ".join(_PROVIDER_CODES)
    if body.outcome == "fail" and body.code is None:
        raise Problem(f'the outcome fail needs a "code": {codes}')
    if body.outcome != "fail" and body.code is not None:
        raise Problem(f'"code" goes with the outcome fail, not with {body.outcome}')
    if body.code is not None and body.code not in _PROVIDER_CODES:
        raise Problem(f"{shown(body.code)} is not a code of the provider: use one of {codes}")


def _process(process: ImportProcess) -> dict[str, Any]:
    return {
        "processId": process.process_id,
        "accountId": process.account_id,
        "creation": wire.instant(process.creation),
        "ends": wire.instant(process.ends),
        "dossierReference": process.wanted.reference,
        "companyIdType": process.wanted.company_id.type.value,
        "companyIdValue": process.wanted.company_id.value,
        "thirdpartyEmail": list(process.wanted.thirdparty_email),
        "complete": process.complete,
        "success": process.success,
        "dossierId": process.dossier_id,
        "errors": [refusal.error.code for refusal in process.refusals],
    }


def _details(process: ImportProcess, world: World) -> dict[str, Any]:
    """Return the members that the list does not have: of the request, and of its company, if known."""
    request = process.wanted
    thirdparty = world.thirdparty_with_id(request.company_id)
    company = thirdparty.company if thirdparty else process.company
    return {
        "thirdpartyCode": request.thirdparty_code,
        "description": request.description,
        "purchasingCategory": request.purchasing_category,
        "expirationDate": wire.plain_date(request.expiration_date),
        "requiredDocuments": list(request.required_documents),
        "userInCharge": list(request.user_in_charge),
        "condition": process.condition and process.condition.value,
        "thirdpartyId": thirdparty and thirdparty.thirdparty_id,
        "name": company and company.name,
        "refusals": [
            {
                "code": refusal.error.code,
                "parameter": refusal.parameter and camel(refusal.parameter),
                "values": list(refusal.values),
            }
            for refusal in process.refusals
        ],
    }
