"""Whole states: what a recipe and the start data of a scenario make, with each of their keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import yaml
from flask.testing import FlaskClient
from syrupy.assertion import SnapshotAssertion

from mock_server.app import create_app
from mock_server.settings import Settings
from tests.support import PARIS
from tests.transcript import NOW

RECIPE = """\
version: 1
title: Each key once
seed: 7
defaultAccount: 8
invalidEmailDomains: [Wrong.example]
users:
  - username: me@example.com
    password: secret
    accounts: [8, 7]
    firstname: Jane
    lastname: Doe
    scenario: outage-that-flaps
  - {username: you@example.com, password: demo, accounts: [7]}
requirements:
  - documentId: 1
    code: ATT_VIGI
    labelFr: Attestation de vigilance
    name: Vigi
    labelEn: Vigilance
    categoryFr: SOCIAL
    categoryEn: Social
    descriptionFr: D
    descriptionEn: E
    validity: P1Y
  - {documentId: 2, code: I2, labelFr: "Extrait K-bis (n° 2)"}
  - {documentId: 3, code: OLD, labelFr: Ancien}
accounts:
  - {accountId: 7}
  - accountId: 8
    name: Second
    company: Second SAS
    account: CPT8
    creation: "2020-01-02T03:04:05"
    maxDossiers: 3
    subscriptionDate: "2020-02-03T04:05:06+05:00"
    subscriptionStatus: INACTIVE
    subscriptions:
      - key: ONE
        startSubscriptionDate: "2020-03-04T00:00:00"
        endSubscriptionDate: "2021-03-04T00:00:00"
        status: ENDED
      - {key: TWO, startSubscriptionDate: "2021-03-04T00:00:00"}
    international: false
    requirements: [I2, ATT_VIGI]
    withdrawn: [OLD, I2]
    defaultRequirements: [ATT_VIGI]
establishments:
  - {siret: "99000103400018", condition: closed, about: closed}
  - {siret: "99050002700018", condition: transferred, transferredTo: "99050000100013", importDuration: PT2M}
  - {companyIdType: CIT003, companyIdValue: "150483782", importDuration: never, name: Slow Inc}
  - {siret: "99000201600014", name: Open SAS, addressCountryCode: BE}
thirdparties:
  - siret: "99050000100013"
    thirdpartyId: 875
    name: ACME SAS
    acronym: ACM
    ceo: Jane Doe
    capital: 1000
    capitalCurrency: EUR
    turnover: 5000.5
    turnoverCurrency: USD
    workforce: 7
    dateCreation: "2001-02-03"
    lastBalanceSheetDate: "2024-12-31"
    addressStreet: 1 rue Haute
    addressCity: LYON
    addressPostCode: "69001"
    activityCode: 62.01Z
    activityLabel: Software
    legalCategoryCode: "5710"
    legalCategoryLabel: SAS
    subscriptionDate: -P30D
    subscriptionKey: ABCDEF012345
    users:
      - {firstname: Ann, lastname: Lee, email: ann@acme.example}
      - {firstname: Bob, lastname: Ray, email: bob@acme.example, phone: "+33 1 99 00 11 22"}
  - {companyIdType: CIT002, companyIdValue: BE0403170701, name: Beta NV, outOfBusiness: true}
dossiers:
  - siret: "99050000100013"
    accountId: 7
    dossierId: 41
    dossierReference: FULL
    thirdpartyCode: C-41
    description: All keys
    purchasingCategory: Travaux
    startingDate: "2030-12-01T09:30:00"
    expirationDate: P30D
    stateLastChangeDate: -P3D
    indicatorLastChangeDate: -P4DT1H
    documents:
      - documentCode: ATT_VIGI
        documentId: 501
        requestDate: "2030-12-02T10:00:00"
        files:
          - fileId: 601
            uploadDate: "2030-12-03T08:00:00"
            fileUUID: 3b241101-e2bb-4255-8caf-4136c566a962
            fileCreation: "2030-12-02T08:00:00"
            fileSize: 2048
            expirationDate: "2031-01-01"
            metadata: {verified: "true"}
          - {expirationDate: P0D}
      - documentCode: I2
        files: [{formdata: [{type: text, key: city, title: Which city, order: 1, value: Lyon}]}]
  - {thirdpartyId: 875, accountId: 7, dossierReference: SECOND, startingDate: null, documents: []}
  - {companyIdType: CIT002, companyIdValue: BE0403170701, accountId: 7, dossierReference: OUT}
  - siret: "99050000100013"
    accountId: 7
    dossierReference: REQUEST
    startingDate: -P9D
    stoppingReason: STOPREQUEST
    stoppingDate: -P1D
  - siret: "99050000100013"
    accountId: 7
    dossierReference: EXPIRED
    startingDate: -P20D
    expirationDate: -P5D
  - {siret: "99050000100013", dossierReference: UNKNOWN, accountId: 7, stoppingReason: UNKNOWN}
  - {siret: "99050000100013", dossierReference: "-"}
timeline:
  - {after: P3D, control: POST /thirdparties/875/close}
  - {after: 90s, control: PATCH /dossiers/41, body: {description: later}}
"""

SCENARIO = """\
version: 1
scenario: mine
title: Each key of start data
given:
  clock: "2031-03-04T05:06:07"
  variants: {refusals: result}
  invalidEmailDomains: [Other.example]
  requirements:
    - {documentId: 3, code: OLD, labelFr: Nouveau}
    - {documentId: 4, code: NEW, labelFr: Neuf}
  accounts:
    - accountId: 7
      name: First
      subscriptionStatus: INACTIVE
      requirements: [NEW, ATT_VIGI]
      defaultRequirements: [NEW]
    - {accountId: 8, creation: "2022-01-01T00:00:00", withdrawn: [], subscriptions: [], maxDossiers: 5}
    - {accountId: 9, company: Third}
  establishments:
    - {siret: "99000103400018", condition: failing}
  thirdparties:
    - {thirdpartyId: 875, ceo: John Doe, subscriptionDate: null, users: []}
    - {siret: "99050001900015", name: Gamma, subscriptionDate: "2031-01-01", outOfBusiness: true}
  dossiers:
    - dossierId: 41
      accountId: 7
      siret: "99050000100013"
      dossierReference: AGAIN
      documents: [{documentCode: NEW}]
    - {siret: "99050001900015", accountId: 9, dossierReference: GAMMA}
  timeline:
    - {after: PT1H, control: PATCH /requirements/NEW, body: {withdrawn: true, accountId: 7}}
"""


def state_lines(client: FlaskClient) -> list[str]:
    """Return the state as text: a line for each element of a list, and one for other members of an object."""
    return list(_lines(_without_null(client.get("/__admin/state").json), "$"))


def _lines(members: dict[str, Any], path: str) -> Iterator[str]:
    others = {}
    for name, value in members.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{path}.{name}")
        elif isinstance(value, list):
            yield from (f"{path}.{name}: {json.dumps(one, ensure_ascii=False)}" for one in value)
        else:
            others[name] = value
    if others:
        yield f"{path}: {json.dumps(others, ensure_ascii=False)}"


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_null(one) for name, one in value.items() if one is not None and name != "madeBy"
        }
    return [_without_null(one) for one in value] if isinstance(value, list) else value


def test_a_recipe_and_a_scenario_with_each_key(snapshot: SnapshotAssertion) -> None:
    now = datetime.fromisoformat(NOW).replace(tzinfo=PARIS)
    client = create_app(Settings(fixture="empty", clock=now, log_level="error")).test_client()
    client.put("/__admin/clock", json={"now": NOW})

    recipe = client.put("/__admin/fixture", json={"recipe": yaml.safe_load(RECIPE)})
    first = state_lines(client)
    scenario = client.put("/__admin/scenario", json={"scenario": yaml.safe_load(SCENARIO)})
    second = [line for line in state_lines(client) if line not in first]

    assert (recipe.status_code, scenario.status_code) == (200, 200), recipe.text + scenario.text
    assert "\n".join([*first, "", "With the scenario:", *second]) == snapshot
