"""Check that a state is consistent: indexes and due dates computed the slow way, and rules of each entity."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

from mock_server.domain.identifiers import french_vat_of, is_well_formed, siren_of
from mock_server.domain.index import Index
from mock_server.domain.local_time import local_date, midnight, next_midnight
from mock_server.domain.model import (
    VIGILANCE_CODES,
    CompanyIdType,
    Document,
    Dossier,
    StoppingReason,
    Thirdparty,
)
from mock_server.domain.overview import Figures
from mock_server.domain.world import Portfolio, World

Complaints = Iterator[str]


def inconsistencies(world: World, now: datetime) -> list[str]:
    """Return what is wrong with a state that starts at `now`; empty if nothing is."""
    found = [*_indexes(world), *_shared(world)]
    for thirdparty in world.thirdparties.values():
        found += _identity(thirdparty)
    for portfolio in portfolios(world):
        for dossier in portfolio.dossiers.values():
            thirdparty = world.thirdparties[dossier.thirdparty_id]
            found += _listed(f"dossier {dossier.dossier_id}", _state(dossier, now))
            found += _listed(f"dossier {dossier.dossier_id}", _life(dossier, thirdparty, now))
            found += _listed(f"dossier {dossier.dossier_id}", _answers(dossier, now))
    return found


def nothing_due(world: World, now: datetime, within: timedelta) -> bool:
    first = world.agenda.first
    return first is None or first.at > now + within


def _listed(what: str, checks: dict[str, bool]) -> Complaints:
    return (f"{what}: not so: {check}" for check, holds in checks.items() if not holds)


def _indexes(world: World) -> Complaints:
    if listed(world.index) != world_index(world):
        yield "the index of third parties is wrong"
    for portfolio in portfolios(world):
        if listed(portfolio.index) != portfolio_index(portfolio):
            yield f"the index of account {portfolio.account.account_id} is wrong"


def _shared(world: World) -> Complaints:
    dossiers = [dossier for portfolio in portfolios(world) for dossier in portfolio.dossiers.values()]
    documents = [document for dossier in dossiers for document in dossier.documents]
    relations = [
        (portfolio, relation) for portfolio in portfolios(world) for relation in portfolio.relations.values()
    ]
    once: dict[str, Iterator[object]] = {
        "reference": ((d.account_id, d.thirdparty_id, d.reference) for d in dossiers if d.reference != "-"),
        "code": (
            (portfolio.account.account_id, relation.thirdparty_code)
            for portfolio, relation in relations
            if relation.thirdparty_code
        ),
        "company": (thirdparty.company_id for thirdparty in world.thirdparties.values()),
        "dossier id": (dossier.dossier_id for dossier in dossiers),
        "document id": (document.document_id for document in documents),
        "file id": (evidence.evidence_id for document in documents for evidence in document.evidences),
    }
    for name, values in once.items():
        yield from (f"{name} {value} is there {n} times" for value, n in Counter(values).items() if n > 1)


def _identity(thirdparty: Thirdparty) -> Complaints:
    company_id = thirdparty.company_id
    siret = company_id.value if company_id.type is CompanyIdType.SIRET else None
    siren = siren_of(siret) if siret else None
    vat = french_vat_of(siren) if siren else company_id.value
    checks = {
        "well formed": is_well_formed(company_id),
        "siret and siren follow": (thirdparty.siret, thirdparty.siren) == (siret, siren),
        "tva follows": thirdparty.tva == (None if company_id.type is CompanyIdType.DUNS else vat),
        "registered ones have users": thirdparty.registered is bool(thirdparty.users),
    }
    return _listed(f"third party {thirdparty.thirdparty_id} {company_id.value}", checks)


def _state(dossier: Dossier, now: datetime) -> dict[str, bool]:
    today = local_date(now)
    agrees = [document.present is present(document, today) for document in dossier.documents]
    if not dossier.monitored:
        return {"present documents have a valid file": all(agrees)}
    return {
        "present documents have a valid file": all(agrees),
        "complete when all are present": dossier.complete is all(d.present for d in dossier.documents),
        "I001 agrees": [indicator.state for indicator in dossier.indicators] == [vigilant(dossier)],
    }


def _life(dossier: Dossier, thirdparty: Thirdparty, now: datetime) -> dict[str, bool]:
    began, ended, until = dossier.starting_date or now, dossier.stopping_date, dossier.expiration_date
    common = {
        "it began": began <= now,
        "its state changed in the past": dossier.state_last_change_date <= now,
        "a reason exactly when stopped": dossier.monitored
        is (dossier.stopping_reason is StoppingReason.NOT_STOPPED),
        "an end exactly when stopped": dossier.monitored is (ended is None),
    }
    if ended is None:
        return common | {
            "it has not expired": until is None or midnight(until) > now,
            "its company is in business": not thirdparty.out_of_business,
        }
    expired = dossier.stopping_reason is StoppingReason.EXPIRATION
    return common | {
        "it ended after it began": dossier.starting_date is None or began <= ended,
        "it ended in the past": ended <= now,
        "an expired one ended at midnight": not expired or (until is not None and ended == midnight(until)),
    }


def _answers(dossier: Dossier, now: datetime) -> dict[str, bool]:
    documents = dossier.documents
    uploads = [(evidence, document) for document in documents for evidence in document.evidences]
    began = dossier.starting_date
    in_order: Callable[[list[datetime]], bool] = lambda instants: instants == sorted(instants)  # noqa: E731
    return {
        "documents were asked in the past": all(document.request_date <= now for document in documents),
        "files came in the past": all(evidence.upload_date <= now for evidence, _ in uploads),
        "files came after they were made": all(e.file_creation <= e.upload_date for e, _ in uploads),
        "files came after the dossier began": began is None
        or all(e.upload_date >= began for e, _ in uploads),
        "files stand in order": all(in_order([e.upload_date for e in d.evidences]) for d in documents),
    }


def portfolios(world: World) -> Sequence[Portfolio]:
    return list(world.portfolios.values())


def listed(index: Index) -> dict[tuple[str, str], list[int]]:
    """Return what the index finds."""
    keys = {(field, value) for field, values in index.start.items() for value in values} | {*index.changed}
    return {key: list(index.find(*key)) for key in keys if index.find(*key)}


def portfolio_index(portfolio: Portfolio) -> dict[tuple[str, str], list[int]]:
    index: dict[tuple[str, str], list[int]] = defaultdict(list)
    for dossier in portfolio.dossiers.values():
        index["reference", dossier.reference].append(dossier.dossier_id)
    for relation in portfolio.relations.values():
        if relation.thirdparty_code is not None:
            index["code", relation.thirdparty_code].append(relation.thirdparty_id)
    return {key: sorted(ids) for key, ids in index.items()}


def world_index(world: World) -> dict[tuple[str, str], list[int]]:
    index: dict[tuple[str, str], list[int]] = defaultdict(list)
    for thirdparty in world.thirdparties.values():
        company_id = thirdparty.company_id
        keys = [(company_id.type.value, company_id.value), ("name", thirdparty.company.name.casefold())]
        keys += [(name, getattr(thirdparty, name) or "") for name in ("siren", "siret", "tva")]
        for key in filter(lambda key: key[1], keys):
            index[key].append(thirdparty.thirdparty_id)
    return {key: sorted(ids) for key, ids in index.items()}


def present(document: Document, today: date) -> bool:
    days = [evidence.expiration_date for evidence in document.evidences]
    return any(day is None or day >= today for day in days)


def vigilant(dossier: Dossier) -> bool:
    asked = [document for document in dossier.documents if document.code in VIGILANCE_CODES]
    return all(document.present for document in asked)


def next_due(dossier: Dossier) -> tuple[datetime, int, int, int, str] | None:
    instants = [midnight(dossier.expiration_date)] if dossier.monitored and dossier.expiration_date else []
    for document in filter(lambda document: document.present, dossier.documents):
        days = [evidence.expiration_date for evidence in document.evidences]
        instants += [] if None in days else [next_midnight(max(filter(None, days)))]
    return (min(instants), 0, dossier.account_id, dossier.dossier_id, "") if instants else None


def figures(portfolio: Portfolio, judged: Callable[[Dossier], bool]) -> Figures:
    by_thirdparty: dict[int, list[bool]] = defaultdict(list)
    for dossier in portfolio.dossiers.values():
        if dossier.monitored:
            by_thirdparty[dossier.thirdparty_id].append(judged(dossier))
    return Figures(
        thirdparties=len(by_thirdparty),
        subscribed_thirdparties=0,
        complete_thirdparties=sum(map(all, by_thirdparty.values())),
        dossiers=sum(map(len, by_thirdparty.values())),
        complete_dossiers=sum(map(sum, by_thirdparty.values())),
    )
