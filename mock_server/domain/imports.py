"""Importing a dossier: launched at once, executed when its process ends (behaviour.md 3.9, 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from mock_server.domain import checks
from mock_server.domain.checks import check_code_is_free, check_email_domains, check_requirement_codes
from mock_server.domain.completeness import new_indicator, recompute_completeness
from mock_server.domain.errors import (
    E021,
    E101,
    E102,
    E103,
    E104,
    E105,
    E111,
    E113,
    E121,
    E122,
    E202,
    ErrorCode,
    Refusal,
)
from mock_server.domain.identifiers import country_of, french_vat_of, is_french, siren_of
from mock_server.domain.local_time import local_date
from mock_server.domain.model import (
    DEFAULT_OUTCOME,
    Company,
    CompanyId,
    CompanyIdType,
    Condition,
    Document,
    Dossier,
    Establishment,
    ImportPlan,
    ImportProcess,
    NewDossier,
    StoppingReason,
    Thirdparty,
)
from mock_server.domain.outbox import with_import_mails
from mock_server.domain.variants import Variants
from mock_server.domain.world import (
    Portfolio,
    World,
    with_code,
    with_dossier,
    with_next_ids,
    with_portfolio,
    with_process,
    with_thirdparty,
)

Invent = Callable[[CompanyId], Company]
"""Generates the company of an identifier that no recipe has: always the same one for an identifier."""

PROVIDER_ANSWERS: dict[Condition, ErrorCode] = {
    Condition.FAILING: E101,
    Condition.UNKNOWN: E102,
    Condition.TRANSFERRED: E105,
    Condition.CLOSED: E103,
    Condition.AMBIGUOUS: E104,
}
"""The error of an import whose establishment is in this condition."""

_BETWEEN_REQUESTS = timedelta(milliseconds=5)
"""The time between the requests of two documents of one import. behaviour.md 6.4 (inferred)."""


class ImportRequest(Struct, frozen=True, kw_only=True):
    """The body of an import, of which only the JSON types were checked; None is a member that is missing."""

    company_id_type: str | None = None
    company_id_value: str | None = None
    dossier_reference: str | None = None
    thirdparty_code: str | None = None
    description: str | None = None
    purchasing_category: str | None = None
    expiration_date: str | None = None
    required_documents: Sequence[str] | None = None
    thirdparty_email: Sequence[str] | None = None
    user_in_charge: Sequence[str] | None = None


class ImportPlatform(Struct, frozen=True):
    """What all imports share: variants, duration, and the function that generates unknown companies."""

    variants: Variants
    duration: timedelta
    invent: Invent


def launch_import(
    world: World,
    now: datetime,
    *,
    account_id: int,
    request: ImportRequest,
    platform: ImportPlatform,
    plan: ImportPlan = DEFAULT_OUTCOME,
) -> tuple[World, ImportProcess]:
    """Begin an import; only the form of the request is checked here.

    The process ends as its `plan` says, else as its establishment says, else after the platform's duration.
    The company of a new third party is generated now, so that the end depends on world and time alone.

    Raises:
        NotFound: NOT_FOUND, no such account.
        Rejected: E001, E002, E003, E010, E011 for a member that is missing, empty or malformed.

    behaviour.md 3.9 (documented), C8.
    """
    world.portfolio(account_id)
    new_dossier = _check_request(request, platform.variants)
    establishment = world.establishments.get(
        new_dossier.company_id, Establishment(company_id=new_dossier.company_id)
    )
    lasts = next(
        time for time in (plan.lasts, establishment.import_duration, platform.duration) if time is not None
    )
    is_held = plan.held or (establishment.never_ends and plan.lasts is None)
    process = ImportProcess(
        process_id=_process_id(account_id, world.next_ids.process),
        number=world.next_ids.process,
        account_id=account_id,
        creation=now,
        ends=None if is_held else now + lasts,
        wanted=new_dossier,
        condition=plan.condition,
        company=None
        if world.thirdparty_with_id(new_dossier.company_id)
        else establishment.company or platform.invent(new_dossier.company_id),
    )
    return with_process(with_next_ids(world, process=process.number + 1), process), process


def end_import(world: World, now: datetime, process: ImportProcess) -> tuple[World, ImportProcess]:
    """Execute an import at `now`: it creates a dossier and, if needed, its third party, or has refusals.

    behaviour.md 6.4 (order of checks: inferred).
    """
    refusals = _find_refusals(world, now, process)
    if refusals:
        return fail_import(world, now, process, refusals)
    world, thirdparty = _find_or_create_thirdparty(world, process)
    world, dossier = _create_dossier(world, now, process, thirdparty)
    world = with_import_mails(world, now, dossier=dossier, new_dossier=process.wanted)
    ended = replace(process, complete=True, ends=now, dossier_id=dossier.dossier_id, company=None)
    return with_process(world, ended), ended


def fail_import(
    world: World, now: datetime, process: ImportProcess, refusals: Sequence[Refusal]
) -> tuple[World, ImportProcess]:
    """End an import with these refusals; nothing is created."""
    ended = replace(process, complete=True, ends=now, refusals=tuple(refusals), company=None)
    return with_process(world, ended), ended


def hold_import(world: World, process: ImportProcess) -> tuple[World, ImportProcess]:
    """Put a running import on hold: it runs until a control call ends it."""
    process_on_hold = replace(process, ends=None)
    return with_process(world, process_on_hold), process_on_hold


def _check_request(request: ImportRequest, variants: Variants) -> NewDossier:
    """Return the request with its values checked and normalised.

    Raises:
        Rejected: E001, E002, E003, E010, E011 for each bad member.
    """
    collector = checks.ErrorCollector()
    company_id = checks.company_id(collector, request.company_id_type, request.company_id_value)
    reference_text = checks.required(collector, "dossier_reference", request.dossier_reference)
    reference = (
        checks.reference(collector, "dossier_reference", reference_text, variants) if reference_text else ""
    )
    code = checks.code(collector, "thirdparty_code", request.thirdparty_code)
    description = checks.text(collector, "description", request.description, checks.LONG_TEXT)
    category = checks.text(collector, "purchasing_category", request.purchasing_category)
    expiration_date = checks.day(collector, "expiration_date", request.expiration_date)
    thirdparty_email = checks.emails(collector, "thirdparty_email", request.thirdparty_email)
    user_in_charge = checks.emails(collector, "user_in_charge", request.user_in_charge)
    collector.raise_any()
    assert company_id is not None  # noqa: S101  # absent or of an unknown type, it was refused just above
    return NewDossier(
        company_id=company_id,
        reference=reference,
        thirdparty_code=code,
        description=description,
        purchasing_category=category,
        expiration_date=expiration_date,
        required_documents=tuple(dict.fromkeys(request.required_documents or ())),
        thirdparty_email=thirdparty_email,
        user_in_charge=user_in_charge,
    )


def _find_refusals(world: World, now: datetime, process: ImportProcess) -> list[Refusal]:
    """Return the refusals with which the import ends, in the order of the checks; empty for a success."""
    portfolio = world.portfolio(process.account_id)
    new_dossier = process.wanted
    refusals = _account_refusals(portfolio, new_dossier)
    if not any(refusal.error in {E121, E122} for refusal in refusals):
        failure = _provider_failure(world, new_dossier.company_id, process.condition)
        if failure is not None:
            return [*refusals, failure]
    refusals += _thirdparty_refusals(world, portfolio, new_dossier)
    if new_dossier.expiration_date is not None and new_dossier.expiration_date <= local_date(now):
        refusals.append(Refusal(E021, "expiration_date"))
    refusals += check_requirement_codes(portfolio.account, new_dossier.required_documents)
    addresses = (*new_dossier.thirdparty_email, *new_dossier.user_in_charge)
    return refusals + check_email_domains(addresses, world.invalid_email_domains)


def _account_refusals(portfolio: Portfolio, new_dossier: NewDossier) -> list[Refusal]:
    """E113 for an inactive account, E121 for a French VAT number, E122 for a foreign company."""
    refusals = [] if portfolio.account.active else [Refusal(E113)]
    if is_french(new_dossier.company_id):
        if new_dossier.company_id.type is CompanyIdType.VAT:
            refusals.append(Refusal(E121, None, _id_values(new_dossier.company_id)))
    elif not portfolio.account.international:
        refusals.append(Refusal(E122))
    return refusals


def _provider_failure(world: World, company_id: CompanyId, condition: Condition | None) -> Refusal | None:
    """Return the error of the data provider for this company; None if there is none."""
    establishment = world.establishments.get(company_id, Establishment(company_id=company_id))
    answer = PROVIDER_ANSWERS.get(condition or establishment.condition)
    thirdparty = world.thirdparty_with_id(company_id)
    if answer is None and thirdparty is not None and thirdparty.out_of_business:
        answer = E103
    if answer is None:
        return None
    if answer is E101:
        return Refusal(E101)
    concerned = company_id if answer is not E105 else establishment.transferred_to or company_id
    return Refusal(answer, None, _id_values(concerned))


def _thirdparty_refusals(world: World, portfolio: Portfolio, new_dossier: NewDossier) -> list[Refusal]:
    """E111 for another code of the third party, E112 for a code in use, E202 for a reference in use."""
    thirdparty = world.thirdparty_with_id(new_dossier.company_id)
    relation = portfolio.relations.get(thirdparty.thirdparty_id) if thirdparty else None
    refusals = []
    code = new_dossier.thirdparty_code
    if code and relation and relation.thirdparty_code and relation.thirdparty_code != code:
        refusals.append(Refusal(E111, None, (relation.thirdparty_code,)))
    refusals += check_code_is_free(world, portfolio, code, thirdparty.thirdparty_id if thirdparty else None)
    if thirdparty and portfolio.has_reference(thirdparty.thirdparty_id, new_dossier.reference):
        refusals.append(Refusal(E202, None, (new_dossier.reference,)))
    return refusals


def _find_or_create_thirdparty(world: World, process: ImportProcess) -> tuple[World, Thirdparty]:
    company_id = process.wanted.company_id
    known_thirdparty = world.thirdparty_with_id(company_id)
    if known_thirdparty is not None:
        return world, known_thirdparty
    establishment = world.establishments.get(company_id)
    company = (establishment.company if establishment else None) or process.company
    assert company is not None  # noqa: S101  # the third party was not known at the launch either
    thirdparty = new_thirdparty(world.next_ids.thirdparty, company_id, company)
    world = with_next_ids(world, thirdparty=thirdparty.thirdparty_id + 1)
    return with_thirdparty(world, thirdparty), thirdparty


def new_thirdparty(thirdparty_id: int, company_id: CompanyId, company: Company) -> Thirdparty:
    """A third party as an import creates it: not registered yet. behaviour.md 6.3 (documented)."""
    siret = company_id.value if company_id.type is CompanyIdType.SIRET else None
    siren = siren_of(siret) if siret else None
    own_vat = company_id.value if company_id.type is CompanyIdType.VAT else None
    key = blake2b(f"{company_id.type}{company_id.value}".encode(), digest_size=6).hexdigest().upper()
    return Thirdparty(
        thirdparty_id=thirdparty_id,
        company_id=company_id,
        siren=siren,
        siret=siret,
        tva=french_vat_of(siren) if siren else own_vat,
        country_code=country_of(company_id, company.address_country_code or "US"),
        company=company,
        subscription_date=None,
        subscription_key=key,
    )


def _create_dossier(
    world: World, now: datetime, process: ImportProcess, thirdparty: Thirdparty
) -> tuple[World, Dossier]:
    new_dossier = process.wanted
    portfolio = world.portfolio(process.account_id)
    codes = new_dossier.required_documents or portfolio.account.default_requirements
    documents = _request_documents(world.next_ids.document, codes, now)
    dossier = Dossier(
        dossier_id=world.next_ids.dossier,
        account_id=process.account_id,
        thirdparty_id=thirdparty.thirdparty_id,
        reference=new_dossier.reference,
        description=new_dossier.description,
        purchasing_category=new_dossier.purchasing_category,
        monitored=True,
        starting_date=now,
        expiration_date=new_dossier.expiration_date,
        stopping_date=None,
        stopping_reason=StoppingReason.NOT_STOPPED,
        complete=not documents,
        state_last_change_date=now,
        indicators=(new_indicator(documents, now),),
        documents=documents,
    )
    world = with_next_ids(
        world, dossier=dossier.dossier_id + 1, document=world.next_ids.document + len(documents)
    )
    if new_dossier.thirdparty_code:
        world = with_portfolio(
            world, with_code(portfolio, thirdparty.thirdparty_id, new_dossier.thirdparty_code)
        )
    return with_dossier(world, recompute_completeness(dossier, now), now), dossier


def _request_documents(first_id: int, codes: Sequence[str], now: datetime) -> tuple[Document, ...]:
    """The documents that a new dossier asks for, the last one at `now`. behaviour.md 6.4 (inferred)."""
    return tuple(
        Document(
            document_id=first_id + at,
            code=code,
            request_date=now - (len(codes) - 1 - at) * _BETWEEN_REQUESTS,
        )
        for at, code in enumerate(codes)
    )


def _id_values(company_id: CompanyId) -> tuple[str, ...]:
    return company_id.type.value, company_id.value


def _process_id(account_id: int, number: int) -> str:
    """32 hex digits that follow from the number: the same requests get the same ids in every sandbox."""
    return blake2b(f"{account_id}/{number}".encode(), digest_size=16).hexdigest()
