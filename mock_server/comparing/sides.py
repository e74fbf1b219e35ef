"""One of the two environments: who is logged in there, and what ids it has to ask for."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any
from urllib.parse import quote

import requests

from mock_server.comparing.probes import Probe
from mock_server.domain.operations import OPERATIONS
from mock_server.scenarios.client import Answer, Outcome, Sent, send
from mock_server.scenarios.logins import Logins
from mock_server.scenarios.target import API_PATH, Target

_TIMEOUT = 30.0
_DOCUMENTS_TRIED = 20


class Side:
    """An environment that is only read. Made, it is logged in and knows its ids.

    Raises:
        LoginFailed: no token was got.
    """

    def __init__(self, target: Target, session: requests.Session) -> None:
        self._target = target
        self._session = session
        self._logins = Logins(target, None, session)
        self._token = self._logins.tokens(self._logins.user).access
        self.ids: dict[str, str] = {}
        self._find()

    def ask(self, probe: Probe) -> Outcome | None:
        """What is answered; None where this side has nothing to ask it of."""
        template = OPERATIONS[probe.operation].paths[0]
        ids = self.ids | dict(probe.path)
        if any(name and name not in ids for _, name, _, _ in Formatter().parse(template)):
            return None
        if not set(probe.known.values()) <= self.ids.keys():
            return None
        path = template.format_map({name: quote(value, safe="") for name, value in ids.items()})
        query = (*probe.query, *((name, self.ids[known]) for name, known in probe.known.items()))
        token = self._token if probe.token is None else probe.token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self._target.base_url}{API_PATH}{path}"
        return send(self._session, Sent(method="GET", url=url, query=query, headers=headers), _TIMEOUT)

    def _find(self) -> None:
        """The ids, each where there is one: of a dossier with a document that has a file, if any does."""
        self._note("accountId", self._logins.tokens(self._logins.user).account_ids)
        self._note("accountId", [row.get("id") for row in self._rows("listAccounts")])
        dossiers = self._rows("listDossiers", ("pageSize", "50"))
        self._note("dossierId", [row.get("dossierId") for row in dossiers])
        self._note("thirdpartyId", [row.get("thirdpartyId") for row in dossiers])
        self._note("reference", [row.get("dossierReference") for row in dossiers])
        self._note("processId", [row.get("processId") for row in self._rows("listProcesses")])
        self._find_file([row for row in dossiers if row.get("documents")])

    def _find_file(self, dossiers: list[Mapping[str, Any]]) -> None:
        held = [(row, document) for row in dossiers for document in row["documents"]]
        present = [pair for pair in held if pair[1].get("present")]
        for row, document in (present or held)[:_DOCUMENTS_TRIED]:
            self.ids["dossierId"] = str(row.get("dossierId"))
            self.ids["documentId"] = str(document.get("documentId"))
            files = self._rows("listFiles")
            self._note("fileId", [one.get("fileId") or one.get("id") for one in files])
            if "fileId" in self.ids:
                return

    def _note(self, name: str, values: Any) -> None:
        found = next((str(value) for value in values if value), None)
        if found is not None:
            self.ids.setdefault(name, found)

    def _rows(self, operation: str, *query: tuple[str, str]) -> list[Mapping[str, Any]]:
        outcome = self.ask(Probe(name="", operation=operation, query=query))
        body = outcome.body if isinstance(outcome, Answer) else None
        content = body.get("content") if isinstance(body, Mapping) else None
        return [row for row in content if isinstance(row, Mapping)] if isinstance(content, list) else []
