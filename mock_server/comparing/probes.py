"""The questions that change nothing, put to both environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mock_server.domain.operations import OPERATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A call that reads. `known` are members of the query whose value is an id of each side's own.

    `token` is sent in place of the real one; an empty one is none.
    """

    name: str
    operation: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None


_READ = {
    "the accounts": "listAccounts",
    "the figures of an account": "getAccountStatistics",
    "the requirements of an account": "listRequirements",
    "the third parties": "listThirdparties",
    "a third party": "getThirdparty",
    "the dossiers": "listDossiers",
    "a dossier": "getDossier",
    "the requirements of a dossier": "listDossierRequirements",
    "the documents of a dossier": "listDocuments",
    "a document": "getDocument",
    "the files of a document": "listFiles",
    "the evidences of a document": "listEvidences",
    "a file": "downloadFile",
    "the processes": "listProcesses",
    "a process": "getProcess",
}
_QUERIES = (
    ("monitored dossiers", "listDossiers", "monitored", "true"),
    ("stopped dossiers", "listDossiers", "monitored", "false"),
    ("dossiers changed since", "listDossiers", "stateLastChangeDate", "2000-01-01"),
    ("a page of one", "listDossiers", "pageSize", "1"),
    ("a page beyond the end", "listDossiers", "page", "99999"),
    ("a negative page", "listDossiers", "page", "-1"),
    ("a page that is no number", "listDossiers", "page", "x"),
    ("an empty page size", "listDossiers", "pageSize", "0"),
    ("a page size that is no number", "listDossiers", "pageSize", "x"),
    ("a page size beyond the limit", "listDossiers", "pageSize", "100000"),
    ("dossiers, none found", "listDossiers", "dossierReference", "NO-SUCH-REFERENCE-77"),
    ("third parties, none found", "listThirdparties", "siren", "000000000"),
    ("monitored, a wrong value", "listDossiers", "monitored", "perhaps"),
    ("a date that is none", "listDossiers", "stateLastChangeDate", "yesterday"),
    ("a state that is none", "listThirdparties", "thirdpartyGlobalState", "perhaps"),
    ("processes since no date", "listProcesses", "fromDate", "yesterday"),
)
_UNKNOWN = (
    ("getThirdparty", "thirdpartyId"),
    ("getDossier", "dossierId"),
    ("listDossierRequirements", "dossierId"),
    ("listDocuments", "dossierId"),
    ("getDocument", "documentId"),
    ("listFiles", "documentId"),
    ("downloadFile", "fileId"),
    ("getProcess", "processId"),
    ("getAccountStatistics", "accountId"),
)
_TOKENS = {"no token": "", "a token that is none": "none", "a forged token": "e30.e30.e30"}


def probes(dialect: str) -> list[Probe]:
    """The probes of a dialect, in the order in which they are made."""
    found = [Probe(name=name, operation=operation) for name, operation in _READ.items()]
    found += [
        Probe(name=name, operation=called, query=((key, value),)) for name, called, key, value in _QUERIES
    ]
    by_reference = {"dossierReference": "reference"}
    found.append(Probe(name="dossiers by reference", operation="listDossiers", known=by_reference))
    found += [
        Probe(name=f"{called}, unknown {key}", operation=called, path={key: "99999999"})
        for called, key in _UNKNOWN
    ]
    for name, token in _TOKENS.items():
        found += [
            Probe(name=f"{called} with {name}", operation=called, token=token)
            for called in ("listAccounts", "listDossiers")
        ]
    return [probe for probe in found if dialect in OPERATIONS[probe.operation].dialects]
