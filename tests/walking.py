"""Every GET of the API on one account, followed from list to thing: what a client could see of a sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

Get = Callable[[str], tuple[int, bytes]]
"""Answers status and body of a GET on a path such as `/api/v1/account`."""


def walk(get: Get, account: int) -> dict[str, tuple[int, bytes]]:
    """Status and body by path, of everything that the account shows."""
    seen: dict[str, tuple[int, bytes]] = {}

    def content(path: str) -> list[dict[str, Any]]:
        seen[path] = status, body = get(path)
        found = orjson.loads(body)["content"] if status == 200 and body.startswith(b"{") else []
        return list(found) if isinstance(found, list) else []

    base = f"/api/v1/account/{account}"
    dossiers = f"{base}/dossiers"
    pages = ("?pageSize=1000", "?pageSize=7&page=2", "?monitored=false", "?monitored=true&pageSize=3")
    paths = ["/api/v1/account", base, f"{base}/requirements", *(f"{dossiers}{page}" for page in pages)]
    paths += [
        f"{base}/thirdparties/{row['thirdpartyId']}" for row in content(f"{base}/thirdparties{pages[0]}")
    ]
    paths += [f"{dossiers}/process/{row['processId']}" for row in content(f"{dossiers}/processes{pages[0]}")]
    paths += [path for dossier in content(f"{dossiers}/all") for path in _of_dossier(dossiers, dossier)]
    for path in paths:
        content(path)
    return seen


def _of_dossier(dossiers: str, dossier: dict[str, Any]) -> Iterator[str]:
    base = f"{dossiers}/{dossier['dossierId']}"
    yield from (base, f"{base}/requirements", f"{base}/documents")
    for document in dossier["documents"]:
        path = f"{base}/documents/{document['documentId']}"
        yield from (path, f"{path}/files")
        yield from (f"{path}/files/{file['fileId']}" for file in document["listFileInformation"])
