"""What a world's indexes, counts and agenda have to be, worked out the slow way from its dossiers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime

from mock_server.domain.local_time import midnight, next_midnight
from mock_server.domain.model import VIGILANCE_CODES, Document, Dossier
from mock_server.domain.statistics import Figures
from mock_server.domain.world import Portfolio, World


def portfolios(world: World) -> Sequence[Portfolio]:
    return list(world.portfolios.values())


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
