"""Documents of a dossier, their files, and the bytes (behaviour.md 3.14, 3.16 to 3.20, 4.7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO

import pytest
from pypdf import PdfReader
from werkzeug.test import TestResponse

from tests.support import SIRET, Api, codes, content, is_protocol_error

pytestmark = pytest.mark.dialects("rest", "edge")

LONG_REFERENCE = "Référence-" * 25
LONG_CODE = "ADRLDUEEEDDTDSEF"

RECIPE = f"""
version: 1
include: [catalogue]
defaultAccount: 119631
accounts: [{{accountId: 119631}}]
requirements: [{{documentId: 9000, code: "LONG", labelFr: "{"Attestation " * 40}"}}]
dossiers:
  - dossierId: 10
    siret: "{SIRET}"
    dossierReference: "Été/10"
    documents:
      - documentId: 100
        documentCode: "LNDSÉSÀADT-U"
        requestDate: "2025-01-08T15:31:55.486"
        files:
          - {{fileId: 1000, fileSize: 2048, uploadDate: "2025-02-01T08:30:00.123",
             fileCreation: "2025-02-01T08:30:00.100", fileUUID: "{"a1" * 20}", expirationDate: "2025-08-01"}}
          - {{fileId: 1001, fileSize: 75422, uploadDate: "2025-07-01T08:30:00", expirationDate: "2099-06-30"}}
          - {{fileId: 1002}}
      - {{documentId: 101, documentCode: "AS(DSS"}}
      - documentId: 102
        documentCode: "SSESATH"
        files: [{{fileId: 1003, formdata: [{{type: text, key: f_1, title: "Nom", order: 0, value: "x"}}]}}]
      - {{documentId: 103, documentCode: "{LONG_CODE}", files: [{{fileId: 1004, fileSize: 2048}}]}}
  - dossierId: 11
    siret: "{SIRET}"
    dossierReference: "{LONG_REFERENCE}"
    documents:
      - documentId: 110
        documentCode: "{LONG_CODE}"
        files: [{{fileId: 1100, fileSize: 2048}}, {{fileId: 1101, fileSize: 6049}}]
  - dossierId: 12
    siret: "{SIRET}"
    dossierReference: "STOPPED"
    stoppingReason: STOPREQUEST
    stoppingDate: "2025-05-02T10:00:00"
    documents: [{{documentId: 120, documentCode: "I2", files: [{{fileId: 1200}}]}}]
  - dossierId: 13
    siret: "{SIRET}"
    dossierReference: "LONG"
    documents: [{{documentId: 130, documentCode: "LONG", files: [{{fileId: 1300, fileSize: 2048}}]}}]
"""

MISSING: dict[str, tuple[str, str]] = {
    "documents of an unknown dossier": ("/dossiers/1/documents", "E200"),
    "requirements of an unknown dossier": ("/dossiers/1/requirements", "E200"),
    "a document of an unknown dossier": ("/dossiers/1/documents/100", "E200"),
    "files of an unknown dossier": ("/dossiers/1/documents/100/files", "E200"),
    "a file of an unknown dossier": ("/dossiers/1/documents/100/files/1000", "E200"),
    "an unknown document": ("/dossiers/10/documents/999", "NOT_FOUND"),
    "another dossier's document": ("/dossiers/10/documents/110", "NOT_FOUND"),
    "a stopped dossier's document": ("/dossiers/12/documents/120", "NOT_FOUND"),
    "files of an unknown document": ("/dossiers/10/documents/999/files", "NOT_FOUND"),
    "files of another dossier's document": ("/dossiers/10/documents/110/files", "NOT_FOUND"),
    "files of a stopped dossier's document": ("/dossiers/12/documents/120/files", "NOT_FOUND"),
    "an unknown file": ("/dossiers/10/documents/100/files/9999", "NOT_FOUND"),
    "another document's file": ("/dossiers/10/documents/101/files/1000", "NOT_FOUND"),
    "another dossier's file": ("/dossiers/10/documents/110/files/1100", "NOT_FOUND"),
    "a stopped dossier's file": ("/dossiers/12/documents/120/files/1200", "NOT_FOUND"),
    "a form, which has no file": ("/dossiers/10/documents/102/files/1003", "NOT_FOUND"),
}

FILES: dict[str, tuple[str, int]] = {
    "of the least size": ("/dossiers/10/documents/100/files/1000", 2048),
    "of a usual size": ("/dossiers/10/documents/100/files/1001", 75422),
    "of the default size": ("/dossiers/10/documents/100/files/1002", 40000),
    "of the least size with a long label": ("/dossiers/10/documents/103/files/1004", 2048),
    "of the least size with long texts": ("/dossiers/11/documents/110/files/1100", 2048),
    "of the least size with a label of 480 characters": ("/dossiers/13/documents/130/files/1300", 2048),
    "that is padded by more than one line": ("/dossiers/11/documents/110/files/1101", 6049),
}


@pytest.fixture
def documented(make_recipe_api: Callable[..., Api]) -> Api:
    """An api of a server that starts from `RECIPE`."""
    return make_recipe_api(RECIPE)


def text_of(download: TestResponse) -> str:
    """The text of a downloaded PDF."""
    return str(PdfReader(BytesIO(download.data), strict=True).pages[0].extract_text())


def test_the_documents_are_those_of_the_dossier(documented: Api) -> None:
    assert content(documented.get("/dossiers/10/documents")) == documented.dossier(10)["documents"]


def test_documents_keep_the_order_in_which_they_were_asked(documented: Api) -> None:
    listed = content(documented.get("/dossiers/10/documents"))

    assert [document["documentId"] for document in listed] == [100, 101, 102, 103]


@pytest.mark.dialects("rest")
def test_a_document_names_its_request_and_its_files_oldest_first(documented: Api) -> None:
    document = content(documented.get("/dossiers/10/documents"))[0]

    files = document.pop("listFileInformation")
    assert document == {
        "documentId": 100,
        "documentCode": "LNDSÉSÀADT-U",
        "name": "LNDSÉSÀADT-U",
        "requestDate": "2025-01-08T15:31:55.486",
        "present": True,
    }
    assert [file["fileId"] for file in files] == [1000, 1001, 1002]


def test_a_document_is_answered_as_an_array_of_one(documented: Api) -> None:
    documents = content(documented.get("/dossiers/10/documents"))

    assert content(documented.get("/dossiers/10/documents/101")) == [documents[1]]


def test_the_requirements_are_the_types_asked(documented: Api) -> None:
    requirements = content(documented.get("/dossiers/10/requirements"))

    assert [requirement["code"] for requirement in requirements] == [
        "LNDSÉSÀADT-U",
        "AS(DSS",
        "SSESATH",
        LONG_CODE,
    ]


def test_a_requirement_has_the_type_s_id_and_not_the_document_s(documented: Api) -> None:
    listed = content(documented.get("/requirements"))
    type_ids = {requirement["code"]: requirement["documentId"] for requirement in listed}

    asked = content(documented.get("/dossiers/10/requirements"))

    assert [row["documentId"] for row in asked] == [type_ids[row["code"]] for row in asked]


@pytest.mark.dialects("rest")
def test_a_file_is_described_by_six_members(documented: Api) -> None:
    file = content(documented.get("/dossiers/10/documents/100/files"))[0]

    assert list(file.items()) == [
        ("fileId", 1000),
        ("uploadDate", "2025-02-01T08:30:00.123"),
        ("fileUUID", "a1" * 20),
        ("fileCreation", "2025-02-01T08:30:00.100"),
        ("fileSize", 2048),
        ("expirationDate", "2025-08-01T23:59:59.999"),
    ]


def test_a_file_without_expiry_is_valid_until_2099(documented: Api) -> None:
    file = content(documented.get("/dossiers/10/documents/100/files"))[2]

    assert file["expirationDate"] == "2099-12-31T23:59:59.999"


def test_the_files_are_those_of_the_document(documented: Api) -> None:
    (document,) = content(documented.get("/dossiers/10/documents/100"))

    assert content(documented.get("/dossiers/10/documents/100/files")) == documented.files(document)


def test_a_document_not_answered_yet_has_no_files(documented: Api) -> None:
    assert content(documented.get("/dossiers/10/documents/101/files")) == []


@pytest.mark.dialects("rest")
def test_a_document_answered_by_a_form_is_present_without_a_file(documented: Api) -> None:
    (document,) = content(documented.get("/dossiers/10/documents/102"))

    assert [document["present"], document["listFileInformation"]] == [True, []]


@pytest.mark.dialects("rest")
def test_every_generated_file_has_40_unique_hex_digits(api: Api) -> None:
    dossiers = content(api.get("/dossiers", monitored="true", pageSize=200))
    documents = [document for dossier in dossiers for document in dossier["documents"]]
    hashes = [file["fileUUID"] for document in documents for file in document["listFileInformation"]]

    assert all(re.fullmatch("[0-9a-f]{40}", found) for found in hashes)
    assert len(set(hashes)) == len(hashes) > 100


def test_a_stopped_dossier_lists_neither_documents_nor_requirements(documented: Api) -> None:
    assert content(documented.get("/dossiers/12/documents")) == []
    assert content(documented.get("/dossiers/12/requirements")) == []


def test_a_document_or_file_that_the_dossier_does_not_have_is_a_404(documented: Api) -> None:
    for case, (path, code) in MISSING.items():
        answer = documented.get(path)

        assert [answer.status_code, codes(answer)] == [404, [documented.absent(code)]], case


def test_an_id_that_is_not_an_int64_is_a_protocol_error(documented: Api) -> None:
    for path in (
        "/dossiers/x/documents",
        "/dossiers/10/documents/x",
        "/dossiers/10/documents/x/files",
        "/dossiers/10/documents/100/files/1.0",
        "/dossiers/10/documents/100/files/9223372036854775808",
    ):
        assert is_protocol_error(documented.get(path), 400), path


def test_another_account_does_not_see_the_documents(make_api: Callable[..., Api]) -> None:
    api = make_api(user="multi", account=119700)

    assert api.get("/dossiers/804127/documents").status_code == 404


def test_a_download_is_bytes_without_envelope_and_without_file_name(documented: Api) -> None:
    answer = documented.get("/dossiers/10/documents/100/files/1001")

    assert [answer.status_code, answer.content_type] == [200, "application/octet-stream"]
    assert "Content-Disposition" not in answer.headers


def test_a_download_has_the_file_size_that_the_api_returns(documented: Api) -> None:
    for case, (path, size) in FILES.items():
        listed = content(documented.get(path.rpartition("/")[0]))
        said = {documented.file_id(file): file["fileSize"] for file in listed}

        answer = documented.get(path)

        assert len(answer.data) == size == said[int(path.rpartition("/")[2])], case


def test_a_download_can_be_read_and_names_its_dossier_and_type(documented: Api) -> None:
    for case, (path, _) in FILES.items():
        dossier_id, document_id = path.split("/")[2], path.split("/")[4]
        (document,) = content(documented.get(f"/dossiers/{dossier_id}/documents/{document_id}"))

        text = text_of(documented.get(path))

        assert dossier_id in text.split("Dossier")[1].split()[0], case
        assert document["documentCode"] in text, case


def test_a_download_keeps_accents(documented: Api) -> None:
    text = text_of(documented.get("/dossiers/10/documents/100/files/1001"))

    assert "Été/10" in text
    assert "LNDSÉSÀADT-U" in text


def test_a_download_has_seven_lines_one_below_another_cut_at_80_characters(documented: Api) -> None:
    draws = rb"BT\s+/F1 12 Tf\s+1 0 0 1 60 (\d+) Tm\s+<([0-9a-f]+)>\s*Tj\s+ET\s"

    lines = re.findall(draws, documented.get("/dossiers/13/documents/130/files/1300").data)

    assert [int(height) for height, _ in lines] == [760, 740, 720, 700, 680, 660, 640]
    assert bytes.fromhex(lines[0][1].decode()).decode("cp1252") == ("Attestation " * 40)[:80]


def test_a_second_download_gives_the_same_bytes(documented: Api) -> None:
    first = documented.get("/dossiers/10/documents/100/files/1001").data
    documented.advance("P30D")

    assert documented.get("/dossiers/10/documents/100/files/1001").data == first


def test_two_files_of_a_document_differ(documented: Api) -> None:
    one, other = (documented.get(f"/dossiers/10/documents/100/files/{file}") for file in (1000, 1001))

    assert text_of(one) != text_of(other)


def test_an_expired_file_can_still_be_downloaded(documented: Api) -> None:
    documented.set_clock("2031-05-02T10:00:00")

    assert documented.get("/dossiers/10/documents/100/files/1000").status_code == 200
