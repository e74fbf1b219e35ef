"""The dossiers of one account: found, imported, changed, stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Self

from dossiers_client.environment import Environment
from dossiers_client.errors import ImportFailed, ImportStillRunning
from dossiers_client.model import ApiError, Dossier
from dossiers_client.transport import Transport

_PAGE_SIZE = 50


class DossiersClient:
    """Every method may raise `Refused`, `LoginRefused` or `Unavailable`. Not for several threads at once.

    `sleep` is how it waits between two looks at a running import, in seconds.
    """

    def __init__(
        self,
        environment: Environment,
        account_id: int,
        *,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._transport = Transport(environment)
        self._dossiers = f"/account/{account_id}/dossiers"
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def dossiers(self, **filters: str | int) -> Iterator[Dossier]:
        """The dossiers that match, page after page: `dossiers(dossierReference="PO-1", monitored="true")`."""
        page, seen = 0, 0
        while True:
            answer = self._transport.get(self._dossiers, page=page, pageSize=_PAGE_SIZE, **filters)
            yield from map(Dossier.of, answer["content"])
            page, seen = page + 1, seen + len(answer["content"])
            if not answer["content"] or seen >= answer["totalElements"]:
                return

    def dossier(self, dossier_id: int) -> Dossier:
        """One dossier.

        Raises:
            NotFound: there is none of that id.
        """
        return Dossier.of(self._transport.get(f"{self._dossiers}/{dossier_id}")["content"])

    def import_dossier(self, siret: str, reference: str) -> str:
        """Ask for a dossier of the company with this SIRET; the id of the process that makes it."""
        wanted = {"companyIdType": "CIT001", "companyIdValue": siret, "dossierReference": reference}
        return str(self._transport.post(self._dossiers, wanted)["content"]["processId"])

    def wait_for(
        self,
        process_id: str,
        *,
        within: timedelta = timedelta(minutes=1),
        every: timedelta = timedelta(seconds=1),
    ) -> None:
        """Wait until an import has made its dossier.

        Raises:
            ImportFailed: it ended without one.
            ImportStillRunning: it did not end in time.
        """
        for _ in range(max(1, within // every)):
            process = self._process(process_id)
            if process["complete"]:
                return _judge(process)
            self._sleep(every.total_seconds())
        raise ImportStillRunning(f"process {process_id} has not ended within {within}")

    def update(self, dossier_id: int, **members: str | None) -> None:
        """Change members of a dossier: `update(804127, dossierReference="PO-2")`.

        Raises:
            NotFound: there is none of that id.
        """
        self._transport.post(f"{self._dossiers}/{dossier_id}", members)

    def stop(self, dossier_id: int) -> None:
        """Let a dossier not be monitored any longer.

        Raises:
            NotFound: there is none of that id.
        """
        self._transport.post(f"{self._dossiers}/{dossier_id}/stop")

    def _process(self, process_id: str) -> dict[str, Any]:
        process: dict[str, Any] = self._transport.get(f"{self._dossiers}/process/{process_id}")["content"]
        return process


def _judge(process: dict[str, Any]) -> None:
    if not process["success"]:
        errors = [ApiError.of(error) for error in process["errors"]]
        raise ImportFailed(f"process {process['processId']}", errors)
