"""When a document is present, a dossier complete, and I001 true (behaviour.md 6.8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from msgspec.structs import replace

from mock_server.domain.local_time import local_date, midnight, next_midnight
from mock_server.domain.model import VIGILANCE_CODES, Document, Dossier, Indicator

I001 = "I001"


def recompute_completeness(dossier: Dossier, now: datetime) -> Dossier:
    """Return the dossier with the presence of its documents, its state and indicator at `now`.

    Changes are dated `now`; without any, it is the same object. A stopped dossier keeps its last state and
    indicator.

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
    """I001: one document is present for each requested vigilance code; true if none is requested.

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
    # A start calls this for each dossier, so it compares days, and makes one instant at the end.
    last: date | None = None
    for document in dossier.documents:
        day = _last_valid_day(document) if document.present else None
        if day is not None and (last is None or day < last):
            last = day
    absent = None if last is None else next_midnight(last)
    if not dossier.monitored or dossier.expiration_date is None:
        return absent
    expires = midnight(dossier.expiration_date)
    return expires if absent is None else min(expires, absent)


def _update_presence(documents: tuple[Document, ...], now: datetime) -> tuple[Document, ...]:
    today = local_date(now)
    updated = tuple(
        _with_presence(document, any(e.valid_on(today) for e in document.evidences)) for document in documents
    )
    unchanged = all(old is new for old, new in zip(documents, updated, strict=True))
    return documents if unchanged else updated


def _with_presence(document: Document, present: bool) -> Document:  # noqa: FBT001
    return document if document.present == present else replace(document, present=present)


def _update_indicator(indicator: Indicator, documents: tuple[Document, ...], now: datetime) -> Indicator:
    state = is_vigilant(documents)
    return indicator if state == indicator.state else replace(indicator, state=state, last_change_date=now)


def _last_valid_day(document: Document) -> date | None:
    """The day after which a present document is absent; None if it has an evidence without expiry."""
    last: date | None = None
    for evidence in document.evidences:
        day = evidence.expiration_date
        if day is None:
            return None
        if last is None or day > last:
            last = day
    return last
