"""The operations of `tests.naive_api` as a client speaks them, in either dialect, with the same outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from tests.naive_api import Outcome, Row
from tests.support import ACCOUNT, WIRE_NAMES

Send = Callable[[str, str, Any], tuple[int, Any]]
"""Takes method, path and JSON body; gives status and JSON body."""


class WireApi:
    """One account of one sandbox in one dialect; `send` carries the calls, those of control included."""

    def __init__(self, send: Send, dialect: str) -> None:
        self.send = send
        self.dialect = dialect
        self.base = f"{WIRE_NAMES[dialect].prefix}/account/{ACCOUNT}"

    def launch(self, **body: Any) -> Outcome:
        status, answer = self.send("POST", f"{self.base}/dossiers", body)
        return (200, answer["content"]["processId"]) if status == 200 else (status, _codes(answer))

    def process(self, process_id: str) -> Outcome:
        status, content = self._content(f"/dossiers/process/{process_id}")
        errors = [error["code"] for error in content["errors"]]
        return status, {"complete": content["complete"], "success": content["success"], "errors": errors}

    def list_processes(self) -> Outcome:
        status, content = self._content("/dossiers/processes")
        return status, [process["processId"] for process in content]

    def end_process(self, process_id: str, outcome: str, code: str | None = None) -> Outcome:
        body = {"outcome": outcome} | ({"code": code} if code else {})
        return self._control("POST", f"/processes/{process_id}", body)

    def forward(self, by: timedelta) -> Outcome:
        """Which dossiers expired, by their ids, and which imports ended, by those of their processes."""
        body = {"by": f"PT{int(by.total_seconds())}S"}
        status, answer = self.send("POST", "/__admin/clock/advance", body)
        events = [event for event in answer["effects"] if event["what"] != "documents lapsed"]
        return status, [event.get("processId", event["dossierId"]) for event in events]

    def update(self, dossier_id: int, **body: Any) -> Outcome:
        return self._command(f"/dossiers/{dossier_id}", body)

    def stop(self, dossier_id: int) -> Outcome:
        return self._command(f"/dossiers/{dossier_id}/stop", None)

    def reactivate(self, dossier_id: int, **body: Any) -> Outcome:
        return self._command(f"/dossiers/{dossier_id}/reactivate", body)

    def update_requirements(self, dossier_id: int, codes: list[str], *, add: bool) -> Outcome:
        """What the list does is a matter of the dialect (behaviour.md 3.15)."""
        assert add is (self.dialect == "edge")
        return self._command(f"/dossiers/{dossier_id}/requirements", codes)

    def deposit(self, dossier_id: int, code: str, until: str | None) -> Outcome:
        path = f"/dossiers/{dossier_id}/documents/{quote(code)}/evidences"
        return self._control("POST", path, {"expirationDate": until} if until else {})

    def close(self, thirdparty_id: int) -> Outcome:
        return self._control("POST", f"/thirdparties/{thirdparty_id}/close")

    def dossier(self, dossier_id: int) -> Outcome:
        status, content = self._content(f"/dossiers/{dossier_id}")
        return status, content and _dossier(content)

    def all_dossiers(self) -> Outcome:
        status, content = self._content("/dossiers/all")
        return status, [_dossier(dossier) for dossier in content]

    def dossier_requirements(self, dossier_id: int) -> Outcome:
        status, content = self._content(f"/dossiers/{dossier_id}/requirements")
        return status, content and [requirement["code"] for requirement in content]

    def search(self, **query: Any) -> Outcome:
        return self._page("/dossiers", "dossierId", query)

    def search_thirdparties(self, **query: Any) -> Outcome:
        return self._page("/thirdparties", "thirdpartyId", query)

    def thirdparty(self, thirdparty_id: int) -> Outcome:
        status, content = self._content(f"/thirdparties/{thirdparty_id}")
        return status, content and {name: content[name] for name in (*_IDENTITY, *_STANDING)}

    def statistics(self) -> Outcome:
        status, content = self._content("")
        (indicator,) = content["listIndicatorsStatistics"]
        return status, [found[name] for found in (content, indicator) for name in _FIGURES]

    def _content(self, path: str) -> Outcome:
        status, answer = self.send("GET", self.base + path, None)
        return (200, answer["content"]) if status == 200 else (status, None)

    def _page(self, path: str, name: str, query: Row) -> Outcome:
        status, answer = self.send("GET", f"{self.base}{path}?{urlencode(_as_text(query))}", None)
        if status == 404 and self.dialect == "edge":
            return 200, ([], 0)  # behaviour.md 3.0.10
        return status, ([row[name] for row in answer["content"]], answer["totalElements"])

    def _command(self, path: str, body: Any) -> Outcome:
        status, answer = self.send("POST", self.base + path, body)
        return status, _codes(answer) if status == 400 else None

    def _control(self, method: str, path: str, body: Any = None) -> Outcome:
        status, _ = self.send(method, f"/__admin{path}", body)
        return status, None


def numbered(outcome: Outcome, numbers: Mapping[str, int]) -> Outcome:
    """The outcome with the processes in it named as the naive API does, by their numbers."""
    status, content = outcome
    if isinstance(content, list):
        return status, [numbers.get(each, each) if isinstance(each, str) else each for each in content]
    return status, numbers.get(content, content) if isinstance(content, str) else content


def _codes(answer: Row) -> list[str]:
    return sorted(error["code"] for error in answer["messages"]["error"])


def _as_text(query: Row) -> Row:
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}


_IDENTITY = ("thirdpartyId", "companyIdType", "companyIdValue", "thirdpartyCode", "siren", "siret", "tva")
_STANDING = ("monitored", "outOfBusiness", "thirdpartyGlobalState", "stateLastChangeDate")
_TERMS = (
    *("dossierId", "monitored", "dossierReference", "description", "purchasingCategory", "startingDate"),
    *("expirationDate", "stoppingDate", "stoppingReason", "state", "stateLastChangeDate"),
)
_FIGURES = (
    *("numberOfThirdparties", "numberOfCompleteThirdparties"),
    *("numberOfDossiers", "numberOfCompleteDossiers"),
)


def _dossier(row: Row) -> Row:
    """The members that both dialects return for a dossier."""
    return {
        **{name: row[name] for name in (*_IDENTITY, *_TERMS)},
        "indicators": [_indicator(indicator) for indicator in row["indicators"]],
        "documents": [_document(document) for document in row["documents"]],
    }


def _indicator(row: Row) -> tuple[Any, ...]:
    return row["indicatorCode"], row["state"], row["lastChangeDate"]


def _document(row: Row) -> tuple[Any, ...]:
    files = row["evidences"] if "evidences" in row else row["listFileInformation"]
    shown = [
        (file.get("fileId", file.get("id")), file["uploadDate"], file["expirationDate"]) for file in files
    ]
    return row["documentId"], row["documentCode"], row["requestDate"], row["present"], shown
