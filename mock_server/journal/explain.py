"""Explanations of answers: the rule that changed it, why it was refused, how its import ended.

They use the sandbox's present content, which is mostly that at the time of the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Literal, NamedTuple

from msgspec import Struct

from mock_server.domain.errors import ERRORS, NOT_FOUND
from mock_server.domain.local_time import ZONE, local_date
from mock_server.domain.model import CompanyId, CompanyIdType, Dossier, ImportProcess
from mock_server.domain.names import camel, without_tag
from mock_server.domain.search import MAX_PAGE_SIZE
from mock_server.domain.world import Portfolio, World
from mock_server.journal.entries import Entry
from mock_server.journal.hints import MEMBERS, QUERIES
from mock_server.journal.near_misses import ExplainContext, process_in

REFUSAL_HEADER = "x-mock-refusal"

CauseKind = Literal["rule", "fault", "unmatched", "refusal", "access", "format", "import"]

_IMPORT_CALLS = ("importDossier", "getProcess", "listProcesses")

_OTHER_PARAMETERS = (
    *("accountId", "dossierId", "documentId", "thirdpartyId", "processId", "fileId", "documentCode"),
    *("dataToUpdate", "requiredDocuments"),
)
"""Parameters of refusals that are neither a query parameter nor a member of the body."""


class Cause(Struct, frozen=True, kw_only=True):
    """A reason in a sentence, with the code, dossier and import that it concerns, if any."""

    kind: CauseKind
    sentence: str
    code: str | None = None
    dossier_id: int | None = None
    process_id: str | None = None


class ReportedError(NamedTuple):
    """An error as an answer reports it: code, parameter in the API's spelling, values."""

    code: str
    parameter: str | None
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        """The values as one text, for codes with a single value that may contain slashes."""
        return "/".join(self.values)


def explain_answer(entry: Entry, context: ExplainContext) -> tuple[Cause, ...]:
    """Return the causes of an answer, the first one first; empty for an ordinary success."""
    return tuple(cause for find in _FINDERS for cause in find(entry, context))


def explain_import(process: ImportProcess, context: ExplainContext) -> Iterator[Cause]:
    """Return the causes of the errors of an import; if it has none, its result or present state."""
    if process.refusals:
        yield from _failed_import(process, context)
    else:
        yield _accepted_import(process, context.frozen_at)


def _rule(entry: Entry, context: ExplainContext) -> Iterator[Cause]:
    if entry.rule is not None:
        origin = context.rules.get(entry.rule, "which is no longer active")
        result = entry.fault or entry.status
        sentence = f"The rule {entry.rule!r}, {origin}, changed this answer: the result is {result}."
        yield Cause(kind="rule", sentence=sentence)


def _fault(entry: Entry, _: ExplainContext) -> Iterator[Cause]:
    if entry.fault is not None:
        yield Cause(kind="fault", sentence=f"The client got the fault {entry.fault} instead of an answer.")


def _unmatched(entry: Entry, _: ExplainContext) -> Iterator[Cause]:
    if not entry.exchange.matched:
        yield Cause(kind="unmatched", sentence=_as_sentence(entry.warnings[0]))


def _access(entry: Entry, context: ExplainContext) -> Iterator[Cause]:
    """Explain a rejected token or login, and too many calls."""
    explain = None if entry.rule is not None or entry.status is None else _ACCESS.get(entry.status)
    if explain is not None:
        yield Cause(kind="access", sentence=explain(_message(entry)) + _about_user(entry, context))


def _about_user(entry: Entry, context: ExplainContext) -> str:
    """Say whether the fixture declares the user of a login with wrong credentials; empty for other calls."""
    form, answer = entry.body.value, entry.answer.value
    if entry.operation != "getToken" or not isinstance(form, Mapping) or not isinstance(answer, Mapping):
        return ""
    if answer.get("error") != "invalid_grant" or not isinstance(form.get("username"), str):
        return ""
    name = without_tag(form["username"])
    is_declared = name in context.world.admission.logins
    return (
        f" The fixture declares {f'{name!r} with another password' if is_declared else f'no user {name!r}'}."
    )


def _format(entry: Entry, _: ExplainContext) -> Iterator[Cause]:
    """Explain an error of the protocol, which comes before any business rule."""
    if entry.status is None or entry.status < HTTPStatus.BAD_REQUEST:
        return
    explained = _errors_of(entry) or entry.rule is not None or not entry.exchange.matched
    if not explained and entry.status not in _ACCESS:
        yield Cause(kind="format", sentence=_as_sentence(_message(entry) or f"the answer is {entry.status}"))


def _refusal(entry: Entry, context: ExplainContext) -> Iterator[Cause]:
    ids = entry.exchange.ids
    call = _RefusedCall(
        world=context.world,
        at=entry.exchange.at,
        account_id=ids.get("account_id"),
        dossier_id=ids.get("dossier_id"),
    )
    return (_explain_error(call, error, "refusal") for error in _errors_of(entry))


def _import(entry: Entry, context: ExplainContext) -> Iterator[Cause]:
    """Explain the import that the call started, and those in its answer that failed, as they are now.

    A poll of a running import is explained only if the import does not end by itself.
    """
    if entry.operation not in _IMPORT_CALLS or not isinstance(entry.answer.value, Mapping):
        return
    content = entry.answer.value.get("content")
    for row in content if isinstance(content, list) else [content]:
        process = process_in(row, context.world)
        if process is None:
            continue
        is_stuck = not process.complete and (process.ends is None or context.frozen_at is not None)
        is_polled = entry.operation == "getProcess" and is_stuck
        if process.refusals or entry.operation == "importDossier" or is_polled:
            yield from explain_import(process, context)


def _failed_import(process: ImportProcess, context: ExplainContext) -> Iterator[Cause]:
    call = _RefusedCall(
        world=context.world,
        at=process.ends or process.creation,
        account_id=process.account_id,
        company_id=process.wanted.company_id,
    )
    for refusal in process.refusals:
        parameter = refusal.parameter and camel(refusal.parameter)
        error = ReportedError(refusal.error.code, parameter, refusal.values)
        yield _explain_error(call, error, "import", process.process_id)


def _accepted_import(process: ImportProcess, frozen_at: datetime | None) -> Cause:
    if process.dossier_id is not None:
        how = f"created dossier {process.dossier_id}"
    elif process.ends is None:
        how = (
            "is on hold: it does not end by itself; finish or fail it, by a control call or in the dashboard"
        )
    else:
        how = f"is still running: it ends at {_to_the_millisecond(process.ends)} on the sandbox's clock"
        if frozen_at is not None:
            how += f", which is frozen at {_to_the_millisecond(frozen_at)}: advance or unfreeze the clock"
    return Cause(
        kind="import",
        sentence=f"The import was accepted and {how}.",
        dossier_id=process.dossier_id,
        process_id=process.process_id,
    )


def _to_the_millisecond(instant: datetime) -> str:
    return f"{instant.astimezone(ZONE).replace(tzinfo=None).isoformat(' ', 'milliseconds')} Paris time"


_FINDERS: tuple[Callable[[Entry, ExplainContext], Iterator[Cause]], ...] = (
    _rule,
    _fault,
    _unmatched,
    _access,
    _format,
    _refusal,
    _import,
)

_ACCESS: Mapping[int, Callable[[str], str]] = {
    HTTPStatus.UNAUTHORIZED: lambda message: f"The call is not authenticated. {_as_sentence(message)}",
    HTTPStatus.FORBIDDEN: lambda message: f"The token does not allow this call. {_as_sentence(message)}",
    HTTPStatus.TOO_MANY_REQUESTS: lambda _: "The rate limit of the account is used up.",
}


def _message(entry: Entry) -> str:
    """Return the message of the answer, in the format of the protocol, the login or strict mode."""
    body = entry.answer.value
    if not isinstance(body, Mapping):
        return ""
    names = ("error_description", "detail", "message", "error")
    return next((str(body[name]) for name in names if body.get(name)), "")


def _as_sentence(text: str) -> str:
    end = "" if text.endswith((".", "?")) else "."
    return f"{text[:1].upper()}{text[1:]}{end}" if text else ""


def _errors_of(entry: Entry) -> list[ReportedError]:
    """Return the errors that the refusal header names."""
    codes = "|".join({*entry.codes, NOT_FOUND.code})  # not any code: a value may look like one
    parts = re.split(rf"(?:^|; )({codes})(?= |;|$)", entry.answer_headers.get(REFUSAL_HEADER, ""))
    operation = entry.operation or ""
    parameters = {*MEMBERS.get(operation, ()), *QUERIES.get(operation, ()), *_OTHER_PARAMETERS}
    return [
        _reported_error(code, text.strip(), parameters)
        for code, text in zip(parts[1::2], parts[2::2], strict=True)
    ]


def _reported_error(code: str, text: str, parameters: set[str]) -> ReportedError:
    first, *values = text.split("/")
    if first in parameters:
        return ReportedError(code, first, tuple(values))
    return ReportedError(code, None, (first, *values) if text else ())


class _RefusedCall(Struct, frozen=True, kw_only=True):
    """A refused call or import: when it was, account and dossier of the call, company of the import."""

    world: World
    at: datetime
    account_id: int | None = None
    dossier_id: int | None = None
    company_id: CompanyId | None = None

    @property
    def portfolio(self) -> Portfolio | None:
        """The present content of the account."""
        return None if self.account_id is None else self.world.portfolios.get(self.account_id)

    @property
    def dossier(self) -> Dossier | None:
        """The dossier of the call as it is now."""
        if self.portfolio is None or self.dossier_id is None:
            return None
        return self.portfolio.dossiers.get(self.dossier_id)

    @property
    def thirdparty_id(self) -> int | None:
        """The third party that the call concerns."""
        if self.dossier is not None:
            return self.dossier.thirdparty_id
        thirdparty = None if self.company_id is None else self.world.thirdparty_with_id(self.company_id)
        return None if thirdparty is None else thirdparty.thirdparty_id


def _explain_error(
    call: _RefusedCall, error: ReportedError, kind: CauseKind, process_id: str | None = None
) -> Cause:
    """Return the cause for one reported error: its sentence, else the label of its code."""
    dossier = _dossier_with_reference(call, error) if error.code == "E202" else call.dossier
    explain = _EXPLANATIONS.get((error.code, error.parameter)) or _EXPLANATIONS.get((error.code, None))
    sentence = (
        _fill_template(explain, call, error) if isinstance(explain, str) else explain and explain(call, error)
    )
    return Cause(
        kind=kind,
        code=error.code,
        sentence=sentence or _label(error),
        dossier_id=None if dossier is None else dossier.dossier_id,
        process_id=process_id,
    )


def _fill_template(template: str, call: _RefusedCall, error: ReportedError) -> str | None:
    """Fill in the places of a sentence; None if the value of one of them is unknown."""
    texts = {
        "parameter": error.parameter,
        "value": error.value,
        "last_value": error.values[-1] if error.values else None,
        "account": call.account_id,
        "subscription": call.portfolio and call.portfolio.account.subscription_status,
        "dossier": call.dossier_id if call.dossier is not None else None,
        "of_check": "of the call" if call.company_id is None else "on which the import ended",
        "today": f"{local_date(call.at).isoformat()} on the sandbox's clock",
    }
    unknown = (name for name, text in texts.items() if text is None)
    return None if any(f"{{{name}" in template for name in unknown) else template.format(**texts)


def _dossier_with_reference(call: _RefusedCall, error: ReportedError) -> Dossier | None:
    """Return the other dossier of the same third party that has the reference."""
    if call.portfolio is None:
        return None
    ids = call.portfolio.index.find("reference", error.value)
    dossiers = (call.portfolio.dossiers[dossier_id] for dossier_id in ids if dossier_id != call.dossier_id)
    thirdparty_id = call.thirdparty_id
    return next((dossier for dossier in dossiers if thirdparty_id in {None, dossier.thirdparty_id}), None)


def _label(error: ReportedError) -> str:
    about = " ".join(filter(None, (error.parameter, error.value and repr(error.value))))
    label = ERRORS[error.code].label_en.rstrip(".")
    return f"{label}: {about}." if about else f"{label}."


def _provider_error(call: _RefusedCall, error: ReportedError) -> str | None:
    if call.company_id is None:
        return None
    row = call.world.establishments.get(call.company_id)
    label = ERRORS[error.code].label_en.rstrip(".")
    about = f" The fixture says about it: {row.about}" if row is not None and row.about else ""
    return f"The data provider reports for {call.company_id.value}: {label[:1].lower()}{label[1:]}.{about}"


def _no_dossier(call: _RefusedCall, error: ReportedError) -> str:
    owners = (
        portfolio.account.account_id
        for portfolio in call.world.portfolios.values()
        if error.value.isdecimal() and int(error.value) in portfolio.dossiers
    )
    owner = next(owners, None)
    hint = "" if owner is None else f": it belongs to account {owner}"
    return f"Account {call.account_id} has no dossier {error.value}{hint}."


def _no_document(call: _RefusedCall, error: ReportedError) -> str | None:
    dossier = call.dossier
    if dossier is None:
        return None
    if error.value in {str(document.document_id) for document in dossier.documents}:
        return f"Dossier {dossier.dossier_id} was stopped: the API does not show its documents."
    return f"Dossier {dossier.dossier_id} has no document {error.value}."


def _no_file(call: _RefusedCall, error: ReportedError) -> str | None:
    if call.dossier is None:
        return None
    for document in call.dossier.documents:
        for evidence in document.evidences:
            if str(evidence.evidence_id) == error.value:
                kind, end = ("Evidence", ", without a file") if evidence.file_uuid is None else ("File", "")
                return f"{kind} {error.value} belongs to document {document.document_id}{end}."
    return f"Dossier {call.dossier_id} has no file {error.value}."


def _no_process(call: _RefusedCall, error: ReportedError) -> str:
    process = process_in({"processId": error.value}, call.world)
    hint = "" if process is None else f": it belongs to account {process.account_id}"
    return f"Account {call.account_id} has no import process {error.value}{hint}."


def _stopped(call: _RefusedCall, _: ReportedError) -> str | None:
    dossier = call.dossier
    if dossier is None:
        return None
    name = f"Dossier {dossier.dossier_id} (reference {dossier.reference!r})"
    if dossier.monitored or dossier.stopping_date is None:
        return f"{name} was not monitored at the time of the call; now it is."
    when = f"{dossier.stopping_date.astimezone(ZONE):%Y-%m-%d at %H:%M} Paris time"
    return f"{name} is not monitored: it was stopped on {when} (reason {dossier.stopping_reason.value})."


def _duplicate(call: _RefusedCall, error: ReportedError) -> str:
    rule = "A reference is unique per account and third party, stopped dossiers included"
    dossier = _dossier_with_reference(call, error)
    if dossier is None:
        return f"The third party already had a dossier with the reference {error.value!r}. {rule}."
    thirdparty = call.world.thirdparties[dossier.thirdparty_id]
    return (
        f"Dossier {dossier.dossier_id} ({'monitored' if dossier.monitored else 'stopped'}) already has the"
        f" reference {error.value!r}, for the same third party,"
        f" {thirdparty.company.name} ({thirdparty.company_id.value}). {rule}."
    )


_COMPANY_ID_TYPES = ", ".join(f"{kind.value} ({kind.name})" for kind in CompanyIdType)
_NO_THIRDPARTY = "Account {account} never had a dossier of the third party {value}."

_EXPLANATIONS: dict[tuple[str, str | None], str | Callable[[_RefusedCall, ReportedError], str | None]] = {
    ("E001", None): "The call has no {parameter}, which is required.",
    ("E002", None): "{parameter} {value!r} is not an allowed value.",
    ("E002", "companyIdType"): f"companyIdType {{value!r}} is unknown; the types are {_COMPANY_ID_TYPES}.",
    ("E003", None): "{parameter} is empty.",
    ("E003", "dataToUpdate"): "The call has nothing to update: its body has no member that an update reads.",
    ("E010", None): "{parameter} {value!r} has the wrong format.",
    ("E011", None): "{parameter} has more than {value} characters, which is the limit.",
    ("E011", "pageSize"): f"pageSize is more than the {MAX_PAGE_SIZE} hits that a page may have.",
    ("E021", None): "The expirationDate is not after the day {of_check}, {today}.",
    ("E022", None): "{parameter} is after the call, which was made on {today}.",
    ("E030", None): "The domain of {value!r} accepts no mail: it is one of the recipe's invalidEmailDomains.",
    ("E100", None): _NO_THIRDPARTY,
    **dict.fromkeys(((f"E10{number}", None) for number in range(1, 6)), _provider_error),
    ("E111", None): "The third party has the code {value!r} in this account, and the import another one.",
    ("E112", None): "The thirdpartyCode belongs to another third party of the account, {last_value}.",
    ("E113", None): "The subscription of account {account} is {subscription}: it may not import.",
    ("E200", None): _no_dossier,
    ("E201", None): _stopped,
    ("E202", None): _duplicate,
    ("E204", None): "Dossier {dossier} was active at the time of the call: nothing to reactivate.",
    ("E205", None): "The dossier would expire on {value}, which is not after {today}.",
    ("E301", None): "The document type {value!r} was withdrawn: account {account} may not request it.",
    ("E302", None): "The document type {value!r} is not one that account {account} may request.",
    ("NOT_FOUND", "accountId"): "This sandbox has no account {value}.",
    ("NOT_FOUND", "documentId"): _no_document,
    ("NOT_FOUND", "dossierId"): _no_dossier,
    ("NOT_FOUND", "fileId"): _no_file,
    ("NOT_FOUND", "processId"): _no_process,
    ("NOT_FOUND", "thirdpartyId"): _NO_THIRDPARTY,
}
"""The sentence, or a function that returns one, by code and parameter; the parameter None is any other.

Without a sentence, or without a value in it, the code's label is used.
"""
