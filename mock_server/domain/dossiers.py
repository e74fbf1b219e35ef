"""Four synchronous commands on a dossier: update, stop, reactivate, requirements (behaviour.md 3.11 to 3.15).

Each returns the next world. A refused one raises Rejected, with all errors that can be found together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from mock_server.domain import checks
from mock_server.domain.checks import check_code_is_free, check_email_domains, check_requirement_codes
from mock_server.domain.completeness import recompute_completeness
from mock_server.domain.errors import E003, E021, E103, E201, E202, E204, E205, Refusal, Rejected
from mock_server.domain.local_time import local_date, midnight
from mock_server.domain.model import Condition, Document, Dossier, StoppingReason
from mock_server.domain.outbox import with_invitations, with_requests
from mock_server.domain.variants import Variants
from mock_server.domain.world import World, with_code, with_dossier, with_next_ids, with_portfolio


class DossierUpdate(Struct, frozen=True, kw_only=True):
    """The body of an update, of which only the JSON types were checked.

    None leaves a value unchanged. For `expiration_date`, UNSET does that, and None removes the date.
    """

    dossier_reference: str | None = None
    description: str | None = None
    purchasing_category: str | None = None
    expiration_date: str | UnsetType | None = UNSET
    thirdparty_code: str | None = None
    thirdparty_email: Sequence[str] | None = None


def update_dossier(
    world: World,
    now: datetime,
    *,
    account_id: int,
    dossier_id: int,
    update: DossierUpdate,
    variants: Variants,
) -> World:
    """Change the members of `update` that are set; the third party's code changes for all its dossiers.

    Raises:
        NotFound: no such account (NOT_FOUND) or dossier (E200).
        Rejected: E201 not monitored; E003 nothing to update, or an empty reference; E010, E011; E112, E202,
            E021, E030, all together.

    behaviour.md 3.11 and 6.11 (carried-over), 6.1 and 6.2 (documented).
    """
    dossier = _find_monitored(world, account_id, dossier_id)
    if update == DossierUpdate():
        raise Rejected(Refusal(E003, "data_to_update"))
    changed = _apply_update(world, now, dossier, update, variants)
    code = checks.normalize_code(update.thirdparty_code)
    if code is not None:
        portfolio = with_code(world.portfolio(account_id), dossier.thirdparty_id, code)
        world = with_portfolio(world, portfolio)
    world = with_dossier(world, changed, now)
    return with_invitations(world, now, dossier=changed, addresses=update.thirdparty_email or ())


def stop_dossier(world: World, now: datetime, *, account_id: int, dossier_id: int) -> World:
    """End the monitoring on request.

    Raises:
        NotFound: no such account (NOT_FOUND) or dossier (E200).
        Rejected: E201, stopped already.

    behaviour.md 3.12 (carried-over), 6.7 (documented).
    """
    dossier = _find_monitored(world, account_id, dossier_id)
    return with_dossier(world, mark_stopped(dossier, now, StoppingReason.STOP_REQUEST), now)


def reactivate_dossier(
    world: World, now: datetime, *, account_id: int, dossier_id: int, expiration_date: str | UnsetType | None
) -> World:
    """Monitor a stopped dossier again, until `expiration_date`: UNSET is the stored date, None no expiry.

    Raises:
        NotFound: no such account (NOT_FOUND) or dossier (E200).
        Rejected: E204 active already; E010 not a date; E103 the establishment is closed, or its third party
            out of business, and E205 the resulting date is not in the future, together.

    behaviour.md 3.13 (carried-over), 6.7 (inferred for E103 and the renewed request dates), 6.11, C41.
    """
    dossier = world.portfolio(account_id).dossier(dossier_id)
    if dossier.monitored:
        raise Rejected(Refusal(E204, None, (dossier.reference,)))
    collector = checks.ErrorCollector()
    until = dossier.expiration_date
    if expiration_date is not UNSET:
        until = checks.day(collector, "expiration_date", expiration_date)
    collector.raise_any()
    _check_reactivation(world, now, dossier, until)
    active = replace(
        dossier,
        monitored=True,
        expiration_date=until,
        stopping_date=None,
        stopping_reason=StoppingReason.NOT_STOPPED,
        state_last_change_date=now,
        documents=tuple(replace(document, request_date=now) for document in dossier.documents),
    )
    world = with_dossier(world, recompute_completeness(active, now), now)
    codes = tuple(document.code for document in active.documents)
    return with_requests(world, now, dossier=active, codes=codes)


def update_requirements(
    world: World, now: datetime, *, account_id: int, dossier_id: int, codes: Sequence[str], add: bool
) -> World:
    """Request these documents instead of the previous ones, or with `add` in addition to them.

    A document that stays requested keeps its evidences.

    Raises:
        NotFound: no such account (NOT_FOUND) or dossier (E200).
        Rejected: E201 not monitored; E003 no code given; E301, E302 for each bad one.

    behaviour.md 3.15 (carried-over), 6.11 (inferred), C10, C54.
    """
    dossier = _find_monitored(world, account_id, dossier_id)
    if not codes:
        raise Rejected(Refusal(E003, "required_documents"))
    refusals = check_requirement_codes(world.portfolio(account_id).account, codes)
    if refusals:
        raise Rejected(*refusals)
    # A dossier made on the platform's web pages may ask for one code twice; both requests are kept.
    previous = {document.code for document in dossier.documents}
    new_codes = [code for code in dict.fromkeys(codes) if code not in previous]
    first = world.next_ids.document
    new_documents = [
        Document(document_id=first + at, code=code, request_date=now) for at, code in enumerate(new_codes)
    ]
    documents = (*dossier.documents, *new_documents)
    if not add:
        selected = [document for document in documents if document.code in codes]
        documents = tuple(sorted(selected, key=lambda document: codes.index(document.code)))
    world = with_next_ids(world, document=first + len(new_codes))
    world = with_dossier(world, recompute_completeness(replace(dossier, documents=documents), now), now)
    return with_requests(world, now, dossier=dossier, codes=tuple(new_codes))


def mark_stopped(dossier: Dossier, at: datetime, reason: StoppingReason) -> Dossier:
    """The dossier no longer monitored since `at`. behaviour.md 6.7 (documented)."""
    return replace(dossier, monitored=False, stopping_date=at, stopping_reason=reason)


def is_expired(dossier: Dossier, now: datetime) -> bool:
    """Whether the day of its expiration has begun. behaviour.md 6.5 (documented), C17."""
    until = dossier.expiration_date
    return dossier.monitored and until is not None and midnight(until) <= now


def _find_monitored(world: World, account_id: int, dossier_id: int) -> Dossier:
    """Return a monitored dossier.

    Raises:
        NotFound: no such account (NOT_FOUND) or dossier (E200).
        Rejected: E201, it is stopped.
    """
    dossier = world.portfolio(account_id).dossier(dossier_id)
    if not dossier.monitored:
        raise Rejected(Refusal(E201, None, (dossier.reference,)))
    return dossier


def _apply_update(
    world: World, now: datetime, dossier: Dossier, update: DossierUpdate, variants: Variants
) -> Dossier:
    """Return the dossier with the update, checked.

    Raises:
        Rejected: E003, E010, E011, E021, E030, E112, E202, all together.
    """
    collector = checks.ErrorCollector()
    reference = dossier.reference
    if update.dossier_reference is not None:
        reference = checks.reference(collector, "dossier_reference", update.dossier_reference, variants)
    checks.text(collector, "description", update.description, checks.LONG_TEXT)
    checks.text(collector, "purchasing_category", update.purchasing_category)
    code = checks.code(collector, "thirdparty_code", update.thirdparty_code)
    addresses = checks.emails(collector, "thirdparty_email", update.thirdparty_email)
    until = dossier.expiration_date
    if update.expiration_date is not UNSET:
        until = _future_day(collector, update.expiration_date, now)
    portfolio = world.portfolio(dossier.account_id)
    collector.extend(check_code_is_free(world, portfolio, code, dossier.thirdparty_id))
    if portfolio.has_reference(dossier.thirdparty_id, reference, except_for=dossier.dossier_id):
        collector.add(E202, None, reference)
    collector.extend(check_email_domains(addresses, world.invalid_email_domains))
    collector.raise_any()
    return replace(
        dossier,
        reference=reference,
        description=dossier.description if update.description is None else update.description,
        purchasing_category=update.purchasing_category
        if update.purchasing_category is not None
        else dossier.purchasing_category,
        expiration_date=until,
    )


def _future_day(collector: checks.ErrorCollector, value: str | None, now: datetime) -> date | None:
    """A day after today, else E021; None, which removes the date, stays None. behaviour.md 6.5, C71."""
    until = checks.day(collector, "expiration_date", value)
    if until is not None and until <= local_date(now):
        collector.add(E021, "expiration_date")
    return until


def _check_reactivation(world: World, now: datetime, dossier: Dossier, until: date | None) -> None:
    """Check that a dossier may be active until this day.

    Raises:
        Rejected: E103 the company is closed, E205 the day is not in the future, together.
    """
    collector = checks.ErrorCollector()
    thirdparty = world.thirdparties[dossier.thirdparty_id]
    row = world.establishments.get(thirdparty.company_id)
    if thirdparty.out_of_business or (row is not None and row.condition is Condition.CLOSED):
        collector.add(E103, None, thirdparty.company_id.type.value, thirdparty.company_id.value)
    if until is not None and until <= local_date(now):
        collector.add(E205, None, until.isoformat())
    collector.raise_any()
