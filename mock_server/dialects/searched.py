"""The members of a third party that EDGE's expressions may name: no booleans, no lists (behaviour.md 3.5)."""

from __future__ import annotations

from collections.abc import Callable

from mock_server.dialects import members, wire
from mock_server.domain.model import Thirdparty
from mock_server.domain.names import camel
from mock_server.domain.query import Field, FieldKind
from mock_server.domain.world import Relation

_COMPANY = {
    "name": FieldKind.TEXT,
    "date_creation": FieldKind.DAY,
    "legal_category_label": FieldKind.TEXT,
    "legal_category_code": FieldKind.TEXT,
    "acronym": FieldKind.TEXT,
    "activity_label": FieldKind.TEXT,
    "activity_code": FieldKind.TEXT,
    "ceo": FieldKind.TEXT,
    "capital": FieldKind.NUMBER,
    "capital_currency": FieldKind.TEXT,
    "turnover": FieldKind.NUMBER,
    "turnover_currency": FieldKind.TEXT,
    "last_balance_sheet_date": FieldKind.DAY,
    "workforce": FieldKind.NUMBER,
    "address_street": FieldKind.TEXT,
    "address_city": FieldKind.TEXT,
    "address_post_code": FieldKind.TEXT,
    "address_country_code": FieldKind.TEXT,
}
_THIRDPARTY = {
    "thirdparty_id": FieldKind.NUMBER,
    "siren": FieldKind.TEXT,
    "siret": FieldKind.TEXT,
    "tva": FieldKind.TEXT,
    "subscription_date": FieldKind.DAY,
    "subscription_key": FieldKind.TEXT,
}
_RELATION = {"thirdparty_code": FieldKind.TEXT, "state_last_change_date": FieldKind.DAY}


def _of_company(name: str, kind: FieldKind) -> Field:
    return Field(kind, lambda _account_id, thirdparty, _: getattr(thirdparty.company, name))


def _of_thirdparty(name: str, kind: FieldKind) -> Field:
    return Field(kind, lambda _account_id, thirdparty, _: getattr(thirdparty, name))


def _of_relation(name: str, kind: FieldKind) -> Field:
    return Field(kind, lambda _account_id, _, relation: getattr(relation, name))


def _twin(read: Callable[[Thirdparty, Relation], bool | None]) -> Field:
    return Field(
        FieldKind.TEXT, lambda _account_id, thirdparty, relation: wire.twin(read(thirdparty, relation))
    )


SEARCHED: dict[str, Field] = {
    "accountId": Field(FieldKind.NUMBER, lambda account_id, _thirdparty, _relation: account_id),
    "companyIdType": Field(
        FieldKind.TEXT, lambda _account_id, thirdparty, _: thirdparty.company_id.type.value
    ),
    "companyIdValue": Field(
        FieldKind.TEXT, lambda _account_id, thirdparty, _: members.company_id_value(thirdparty)
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
