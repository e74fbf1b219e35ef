"""Every variant: what both of its values do (behaviour.md 13), and which one holds by default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from mock_server.domain.variants import VARIANTS
from tests.support import (
    SEED_DOSSIER,
    Api,
    codes,
    content,
)

pytestmark = pytest.mark.dialects("rest", "edge")

EMPTY_PAGE = {"content": [], "page": 0, "size": 10, "totalElements": 0}
NOT_FOUND = {"messages": {"error": [{"code": "NOT_FOUND", "message": "La ressource n'existe pas"}]}}
ABSENT_IN_EDGE = ["NOT_FOUND", "The resource does not exist. Please check you search criteria and values."]
E201 = {"code": "E201", "message": "Le dossier est désactivé"}
REFUSED_STOP = {
    "content": {"complete": True, "success": False, "errors": [E201]},
    "messages": {"error": [E201]},
}
E201_IN_EDGE = {
    "code": "E201",
    "message": "This dossier is disabled",
    "request": f"ServletWebRequest: uri=/edge/api/v1/account/119631/dossiers/{SEED_DOSSIER}/stop",
    "reason": "TEST",
}
REFUSED_STOP_IN_EDGE = {
    "content": {
        "complete": True,
        "success": False,
        "isComplete": "true",
        "isSuccessful": "false",
        "errors": [E201_IN_EDGE],
    },
    "messages": {"error": [E201_IN_EDGE]},
}
FILE = ["fileId", "uploadDate", "fileUUID", "fileCreation", "fileSize", "expirationDate"]
EVIDENCE = ["id", *FILE[1:], "metadata", "formdata"]
DOCUMENT = ["documentId", "listFileInformation"]
LABEL = "Justificatif d’immatriculation"


@dataclass(frozen=True)
class Case:
    """What can be observed of a variant, and what is seen under each value; in EDGE, where it differs."""

    observe: Callable[[Api], Any]
    rest: dict[str, Any]
    edge: dict[str, Any] = field(default_factory=dict)

    def seen(self, dialect: str, value: str) -> Any:
        return (self.rest | (self.edge if dialect == "edge" else {}))[value]


def answer_a_document(api: Api) -> tuple[int, dict[str, Any]]:
    """An active dossier's id, and one of its documents that has files."""
    return next(
        (dossier["dossierId"], document)
        for dossier in content(api.get("/dossiers", monitored="true", pageSize=200))
        for document in dossier["documents"]
        if api.files(document)
    )


def refused_stop(api: Api) -> Any:
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")
    answer = api.post(f"/dossiers/{SEED_DOSSIER}/stop")
    return answer.status_code, answer.json


def empty_search(api: Api) -> Any:
    answers = [api.get("/dossiers", siren="000000000"), api.get("/thirdparties", name="unknown")]
    return [(answer.status_code, summary(answer.json or {})) for answer in answers]


def summary(body: dict[str, Any]) -> Any:
    """The body; of the messages of EDGE the code and the text, since the rest differs from call to call."""
    (first, *_) = body.get("messages", {}).get("error", [{}])
    return [first["code"], first["message"]] if "request" in first else body


def document_detail(api: Api) -> Any:
    documents = content(api.get(f"/dossiers/{SEED_DOSSIER}/documents"))
    found = content(api.get(f"/dossiers/{SEED_DOSSIER}/documents/{documents[0]['documentId']}"))
    return "array of one" if found == documents else "object" if found == documents[0] else found


def file_items(api: Api) -> Any:
    dossier_id, document = answer_a_document(api)
    items = content(api.get(f"/dossiers/{dossier_id}/documents/{document['documentId']}/files"))
    extra = [item.get("documentId", document["documentId"]) == document["documentId"] for item in items]
    files = api.files(document)
    nested = [item.get("listFileInformation", [file]) for item, file in zip(items, files, strict=True)]
    assert all(extra)
    assert nested == [[file] for file in files]
    return sorted(items[0])


def document_name(api: Api) -> Any:
    dossier = api.new_dossier(requiredDocuments=["JUSTIF_IMM"])
    listed = content(api.get(f"/dossiers/{dossier['dossierId']}/documents"))
    name = "documentName" if api.dialect == "edge" else "name"
    return [document[name] for document in (*dossier["documents"], *listed)]


def stopping_reason(api: Api) -> Any:
    expiring = api.new_dossier(expirationDate="2099-05-03")
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")
    active = api.new_dossier(dossierReference="PO-2")
    api.set_clock("2099-05-03T00:00:00")
    ids = (SEED_DOSSIER, expiring["dossierId"], active["dossierId"])
    return [api.dossier(dossier_id)["stoppingReason"] for dossier_id in ids]


def stopped_documents(api: Api) -> Any:
    dossier_id, document = answer_a_document(api)
    path = f"/dossiers/{dossier_id}/documents"
    one = f"{path}/{document['documentId']}"
    download = f"{one}/files/{api.file_id(api.files(document)[0])}"
    before = content(api.get(path))
    api.post(f"/dossiers/{dossier_id}/stop")
    shown = [api.dossier(dossier_id)["documents"] == before, content(api.get(path)) == before]
    statuses = [api.get(reading).status_code for reading in (one, f"{one}/files", download)]
    return shown, statuses, content(api.get(f"/dossiers/{dossier_id}/requirements"))


def requirements_update(api: Api) -> Any:
    before = api.new_dossier(requiredDocuments=["ATT_VIGI", "JUSTIF_IMM"])
    api.advance("PT1H")
    api.post(f"/dossiers/{before['dossierId']}/requirements", ["JUSTIF_IMM", "I2"])
    after = api.dossier(before["dossierId"])["documents"]
    return sorted(document["documentCode"] for document in after), before["documents"][1] in after


def reference_spaces(api: Api) -> Any:
    stored = api.import_and_wait(dossierReference=" P O\t1 ")
    found = content(api.get("/dossiers", dossierReference=" P O\t1 "))
    dossier_id = found[0]["dossierId"]
    api.post(f"/dossiers/{dossier_id}", {"dossierReference": " Q  2\n"})
    return stored["success"], found[0]["dossierReference"], api.dossier(dossier_id)["dossierReference"]


def reference_case(api: Api) -> Any:
    first = api.import_and_wait(dossierReference="Po-1é")
    second = api.import_and_wait(dossierReference="PO-1É")
    found = content(api.get("/dossiers", dossierReference="Po-1é"))
    references = [dossier["dossierReference"] for dossier in found]
    return first["success"], [error["code"] for error in second["errors"]], references


def rate_limit(api: Api) -> Any:
    answers = [api.get("/requirements") for _ in range(22)]
    left = [answer.headers.get("x-ratelimit-remaining") for answer in answers]
    return [answer.status_code for answer in answers], left


CASES: dict[str, Case] = {
    "refusals": Case(
        refused_stop,
        {"http400": (400, REFUSED_STOP), "result": (200, REFUSED_STOP)},
        {"http400": (400, REFUSED_STOP_IN_EDGE), "result": (200, REFUSED_STOP_IN_EDGE)},
    ),
    "emptySearch": Case(
        empty_search,
        {"page": [(200, EMPTY_PAGE)] * 2, "not-found": [(404, NOT_FOUND)] * 2},
        {"not-found": [(404, ABSENT_IN_EDGE)] * 2},
    ),
    "documentDetail": Case(document_detail, {"array": "array of one", "object": "object"}),
    "fileItems": Case(
        file_items,
        {"file": sorted(FILE), "document": sorted([*FILE, *DOCUMENT])},
        {"file": sorted(EVIDENCE), "document": sorted([*EVIDENCE, *DOCUMENT])},
    ),
    "documentName": Case(
        document_name,
        {"code": ["JUSTIF_IMM"] * 2, "label": [LABEL] * 2},
        {"code": [LABEL] * 2},
    ),
    "stoppingReason": Case(
        stopping_reason,
        {
            "STOPREQUEST": ["STOPREQUEST", "EXPIRATION", "NA"],
            "ACTION_VOLONTAIRE": ["ACTION_VOLONTAIRE", "EXPIRATION", "NA"],
        },
    ),
    "stoppedDocuments": Case(
        stopped_documents,
        {
            "empty": ([False, False], [404, 404, 404], []),
            "keep": ([True, True], [200, 200, 200], []),
        },
    ),
    "requirementsUpdate": Case(
        requirements_update,
        {
            "replace": (["I2", "JUSTIF_IMM"], True),
            "add": (["ATT_VIGI", "I2", "JUSTIF_IMM"], True),
        },
    ),
    "referenceSpaces": Case(
        reference_spaces, {"remove": (True, "PO1", "Q2"), "trim": (True, "P O\t1", "Q  2")}
    ),
    "referenceCase": Case(
        reference_case, {"keep": (True, [], ["Po-1é"]), "upper": (True, ["E202"], ["PO-1É"])}
    ),
    "rateLimit": Case(
        rate_limit,
        {
            "off": ([200] * 22, [None] * 22),
            "on": ([200] * 20 + [429] * 2, [str(left) for left in range(19, -1, -1)] + ["0", "0"]),
        },
    ),
}
EDGE_DEFAULTS = {"emptySearch": "not-found", "requirementsUpdate": "add"}


def test_every_value_of_every_variant_has_a_case() -> None:
    assert {name: set(case.rest) for name, case in CASES.items()} == {
        name: set(variant.values) for name, variant in VARIANTS.items()
    }


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_does_what_its_value_says(
    make_variant_api: Callable[..., Api], dialect: str, name: str
) -> None:
    for value in VARIANTS[name].values:
        observed = CASES[name].observe(make_variant_api(**{name: value}))
        assert observed == CASES[name].seen(dialect, value), value


def test_a_variant_that_is_not_chosen_has_the_default_of_the_dialect(
    make_api: Callable[..., Api], dialect: str
) -> None:
    for name, variant in VARIANTS.items():
        default = EDGE_DEFAULTS.get(name) if dialect == "edge" else None
        assert CASES[name].observe(make_api()) == CASES[name].seen(dialect, default or variant.values[0]), (
            name
        )


def test_variants_can_be_chosen_together(make_variant_api: Callable[..., Api]) -> None:
    api = make_variant_api(referenceSpaces="trim", referenceCase="upper")

    assert api.import_and_wait(dossierReference=" a b ")["success"]

    (dossier,) = content(api.get("/dossiers", dossierReference="A B"))
    assert dossier["dossierReference"] == "A B"


# emptySearch


def test_a_page_past_the_end_is_not_a_search_without_hit(make_variant_api: Callable[..., Api]) -> None:
    answer = make_variant_api(emptySearch="not-found").get("/dossiers", page=1, siren="503829368")

    assert [answer.status_code, answer.json] == [
        200,
        {"content": [], "page": 1, "size": 10, "totalElements": 1},
    ]


def test_lists_without_pages_are_empty_and_never_missing(make_variant_api: Callable[..., Api]) -> None:
    api = make_variant_api(emptySearch="not-found")

    assert content(api.get("/dossiers/processes")) == []


# referenceSpaces, referenceCase


def test_trimmed_references_that_differ_inside_are_different(make_variant_api: Callable[..., Api]) -> None:
    api = make_variant_api(referenceSpaces="trim")

    assert [api.import_and_wait(dossierReference=given)["success"] for given in ("P 1", "P1", " P1 ")] == [
        True,
        True,
        False,
    ]


def test_a_reference_of_blanks_is_empty_when_trimmed(make_variant_api: Callable[..., Api]) -> None:
    assert codes(make_variant_api(referenceSpaces="trim").try_import(dossierReference=" \t")) == ["E003"]


def test_an_update_puts_a_reference_in_capitals(make_variant_api: Callable[..., Api]) -> None:
    api = make_variant_api(referenceCase="upper")

    api.post(f"/dossiers/{SEED_DOSSIER}", {"dossierReference": "later"})

    assert api.dossier(SEED_DOSSIER)["dossierReference"] == "LATER"


# stoppedDocuments


def test_kept_documents_do_not_make_a_stopped_dossier_complete_or_not(
    make_variant_api: Callable[..., Api],
) -> None:
    stopped = make_variant_api(stoppedDocuments="keep").stopped_dossier()

    assert [stopped["state"], stopped["stateLastChangeDate"], len(stopped["documents"])] == [None, None, 3]
