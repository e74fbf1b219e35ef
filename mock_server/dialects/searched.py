"""The members of a third party that EDGE's expressions may name: no booleans, no lists (behaviour.md 3.5)."""

from __future__ import annotations

from collections.abc import Callable

from mock_server.dialects import members, wire
from mock_server.domain.model import Thirdparty
from mock_server.domain.names import camel
from mock_server.domain.query import Field, Kind
from mock_server.domain.world import Relation

_COMPANY = {
    "name": Kind.TEXT,
    "date_creation": Kind.DAY,
    "legal_category_label": Kind.TEXT,
    "legal_category_code": Kind.TEXT,
    "acronym": Kind.TEXT,
    "activity_label": Kind.TEXT,
    "activity_code": Kind.TEXT,
    "ceo": Kind.TEXT,
    "capital": Kind.NUMBER,
    "capital_currency": Kind.TEXT,
    "turnover": Kind.NUMBER,
    "turnover_currency": Kind.TEXT,
    "last_balance_sheet_date": Kind.DAY,
    "workforce": Kind.NUMBER,
    "address_street": Kind.TEXT,
    "address_city": Kind.TEXT,
    "address_post_code": Kind.TEXT,
    "address_country_code": Kind.TEXT,
}
_THIRDPARTY = {
    "thirdparty_id": Kind.NUMBER,
    "siren": Kind.TEXT,
    "siret": Kind.TEXT,
    "tva": Kind.TEXT,
    "subscription_date": Kind.DAY,
    "subscription_key": Kind.TEXT,
}
_RELATION = {"thirdparty_code": Kind.TEXT, "state_last_change_date": Kind.DAY}


def _of_company(name: str, kind: Kind) -> Field:
    return Field(kind, lambda _account_id, thirdparty, _: getattr(thirdparty.company, name))


def _of_thirdparty(name: str, kind: Kind) -> Field:
    return Field(kind, lambda _account_id, thirdparty, _: getattr(thirdparty, name))


def _of_relation(name: str, kind: Kind) -> Field:
    return Field(kind, lambda _account_id, _, relation: getattr(relation, name))


def _twin(read: Callable[[Thirdparty, Relation], bool | None]) -> Field:
    return Field(Kind.TEXT, lambda _account_id, thirdparty, relation: wire.twin(read(thirdparty, relation)))


SEARCHED: dict[str, Field] = {
    "accountId": Field(Kind.NUMBER, lambda account_id, _thirdparty, _relation: account_id),
    "companyIdType": Field(Kind.TEXT, lambda _account_id, thirdparty, _: thirdparty.company_id.type.value),
    "companyIdValue": Field(
        Kind.TEXT, lambda _account_id, thirdparty, _: members.company_id_value(thirdparty)
    ),
    **{camel(name): _of_thirdparty(name, kind) for name, kind in _THIRDPARTY.items()},
    **{camel(name): _of_relation(name, kind) for name, kind in _RELATION.items()},
    **{camel(name): _of_company(name, kind) for name, kind in _COMPANY.items()},
    "isMonitored": _twin(lambda _, relation: relation.monitored),
    "isOutOfBusiness": _twin(lambda thirdparty, _: thirdparty.out_of_business),
    "isRegistered": _twin(lambda thirdparty, _: thirdparty.registered),
    "isActive": _twin(lambda thirdparty, _: not thirdparty.out_of_business),
    "isComplete": _twin(lambda _, relation: relation.state),
}
"""Every such member, with what it is read from."""
