"""What happens outside the client's reach: third parties answer or close, imports end, fail or hang."""

from __future__ import annotations

from datetime import date, datetime
from operator import attrgetter
from typing import Annotated, Any, Literal

from flask import Blueprint, Response
from msgspec import Meta, Struct

from mock_server.control.calls import serves
from mock_server.control.problems import Problem, json_answer
from mock_server.dialects import wire
from mock_server.domain import evidences, thirdparties
from mock_server.domain.errors import PROVIDER_ERRORS, ErrorCode, Refusal
from mock_server.domain.imports import end_import, fail_import, hold_import
from mock_server.domain.model import FormAnswer
from mock_server.domain.process import ImportProcess
from mock_server.domain.world import World, holder_of, process_of
from mock_server.fixtures.entries import MAX_FILE_SIZE, MIN_FILE_SIZE
from mock_server.web.services import named_sandbox

events = Blueprint("events", __name__)

_PROVIDER_CODES = {error.code: error for error in PROVIDER_ERRORS}


class NewEvidence(Struct, forbid_unknown_fields=True, rename="camel"):
    """What a third party sends: a PDF of `fileSize` bytes is made, `content` (base64) is taken, or a form."""

    expiration_date: date | None = None
    file_size: Annotated[int, Meta(ge=MIN_FILE_SIZE, le=MAX_FILE_SIZE)] | None = None
    content: bytes | None = None
    metadata: dict[str, str] = {}
    formdata: tuple[FormAnswer, ...] = ()


class NewOutcome(Struct, forbid_unknown_fields=True):
    """How a running import goes on: it ends now, hangs, or fails with one of the provider's codes."""

    outcome: Literal["finish", "hold", "fail"]
    code: str | None = None


@serves(
    events,
    "POST /dossiers/<int:dossier_id>/documents/<path:code>/evidences",
    body=NewEvidence,
    status=201,
)
def deposit_evidence(wanted: NewEvidence, dossier_id: int, code: str) -> Response:
    """The third party answers a request of a dossier; presence, state and indicator follow."""
    size = wanted.file_size or (0 if wanted.formdata else evidences.DEFAULT_FILE_SIZE)
    given = evidences.Deposit(
        content=wanted.content,
        file_size=size,
        expiration_date=evidences.last_day(wanted.expiration_date),
        metadata=wanted.metadata,
        formdata=wanted.formdata,
    )

    def answer(world: World, now: datetime) -> tuple[World, int]:
        account_id = holder_of(world, dossier_id).account.account_id
        after = evidences.deposit(
            world, now, account_id=account_id, dossier_id=dossier_id, code=code, given=given
        )
        return after, world.next_ids.evidence

    return json_answer({"fileId": named_sandbox().execute(answer)}, 201)


@serves(events, "POST /thirdparties/<int:thirdparty_id>/close")
def close_thirdparty(thirdparty_id: int) -> Response:
    """The company goes out of business: its dossiers stop, in every account."""
    named_sandbox().change(thirdparties.close_thirdparty, thirdparty_id=thirdparty_id)
    return json_answer({"thirdpartyId": thirdparty_id, "outOfBusiness": True})


@serves(events, "GET /processes")
def list_processes() -> Response:
    """Every import of the sandbox, of all accounts, as they were launched."""
    portfolios = named_sandbox().read().portfolios.values()
    found = [process for portfolio in portfolios for process in portfolio.processes.values()]
    return json_answer(
        {"processes": [_shown(process) for process in sorted(found, key=attrgetter("number"))]}
    )


@serves(events, "POST /processes/<process_id>", body=NewOutcome)
def decide_process(wanted: NewOutcome, process_id: str) -> Response:
    """Finish, hold or fail a running import now."""
    sandbox = named_sandbox()
    error = _provider_error(wanted)

    def decide(world: World, now: datetime) -> tuple[World, ImportProcess]:
        process = process_of(world, process_id)
        if process.complete:
            raise Problem("the import has ended already", 409)
        if wanted.outcome == "hold":
            return hold_import(world, process)
        if error is None:
            return end_import(world, now, process, sandbox.config.invent)
        company_id = process.wanted.company_id
        values = (company_id.type.value, company_id.value)
        return fail_import(world, process, [Refusal(error, None, values)])

    decided = sandbox.execute(decide)
    if decided.complete:
        sandbox.journal.count_imports([decided.outcome])
    return json_answer(_shown(decided))


def _provider_error(wanted: NewOutcome) -> ErrorCode | None:
    """The error to fail with; None where the import is not to fail."""
    if (wanted.outcome == "fail") != (wanted.code is not None):
        raise Problem('"code" goes with the outcome fail, and fail with a code')
    if wanted.code is not None and wanted.code not in _PROVIDER_CODES:
        raise Problem(f"{wanted.code!r} is not one of the provider's: {', '.join(_PROVIDER_CODES)}")
    return None if wanted.code is None else _PROVIDER_CODES[wanted.code]


def _shown(process: ImportProcess) -> dict[str, Any]:
    return {
        "processId": process.process_id,
        "accountId": process.account_id,
        "creation": wire.instant(process.creation),
        "ends": wire.instant(process.ends),
        "dossierReference": process.wanted.reference,
        "companyIdValue": process.wanted.company_id.value,
        "complete": process.complete,
        "success": process.success,
        "dossierId": process.dossier_id,
        "errors": [refusal.error.code for refusal in process.refusals],
    }
