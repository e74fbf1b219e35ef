"""When a document is present, a dossier complete, and I001 true (behaviour.md 6.8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from mock_server.domain.local_time import local_date, midnight, next_midnight
from mock_server.domain.model import VIGILANCE_CODES, Document, Dossier, Indicator

I001 = "I001"


def recompute_completeness(dossier: Dossier, now: datetime) -> Dossier:
    """The dossier with its documents' presence, state and indicator as of `now`, changes dated `now`.

    The very same object when nothing changed. A stopped dossier keeps its last state and indicator.

    behaviour.md 6.8 (carried-over), 6.7 (example).
    """
    documents = _update_presence(dossier.documents, now)
    if not dossier.monitored:
        return dossier if documents is dossier.documents else replace(dossier, documents=documents)
    complete = all(document.present for document in documents)
    indicators = tuple(_update_indicator(indicator, documents, now) for indicator in dossier.indicators)
    if documents is dossier.documents and complete == dossier.complete and indicators == dossier.indicators:
        return dossier
    return replace(
        dossier,
        documents=documents,
        complete=complete,
        state_last_change_date=dossier.state_last_change_date if complete == dossier.complete else now,
        indicators=indicators,
    )


def is_vigilant(documents: Iterable[Document]) -> bool:
    """I001: for each vigilance code asked, one document is present; true when none is asked.

    behaviour.md 6.8 (documented; none asked: example).
    """
    present: dict[str, bool] = {}
    for document in documents:
        if document.code in VIGILANCE_CODES:
            present[document.code] = present.get(document.code, False) or document.present
    return all(present.values())


def new_indicator(documents: Iterable[Document], now: datetime) -> Indicator:
    """I001 of a new dossier."""
    return Indicator(code=I001, state=is_vigilant(documents), last_change_date=now)


def next_due(dossier: Dossier) -> datetime | None:
    """When this dossier next changes without a call: it expires, or a document's last valid evidence does."""
    instants = [end for document in dossier.documents if (end := _expires_at(document)) is not None]
    if dossier.monitored and dossier.expiration_date is not None:
        instants.append(midnight(dossier.expiration_date))
    return min(instants, default=None)


def _update_presence(documents: tuple[Document, ...], now: datetime) -> tuple[Document, ...]:
    today = local_date(now)
    settled = tuple(
        _with_presence(document, any(e.valid_on(today) for e in document.evidences)) for document in documents
    )
    unchanged = all(old is new for old, new in zip(documents, settled, strict=True))
    return documents if unchanged else settled


def _with_presence(document: Document, present: bool) -> Document:  # noqa: FBT001
    return document if document.present == present else replace(document, present=present)


def _update_indicator(indicator: Indicator, documents: tuple[Document, ...], now: datetime) -> Indicator:
    state = is_vigilant(documents)
    return indicator if state == indicator.state else replace(indicator, state=state, last_change_date=now)


def _expires_at(document: Document) -> datetime | None:
    """When a present document becomes absent; None if it is absent or has an evidence without expiry."""
    if not document.present:
        return None
    days = [evidence.expiration_date for evidence in document.evidences]
    return None if None in days or not days else next_midnight(max(day for day in days if day is not None))
