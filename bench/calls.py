"""The calls that are measured: those that clients make, with their query strings."""

from __future__ import annotations

from typing import NamedTuple

ACCOUNT = "/api/v1/account/119631"
DOSSIERS = f"{ACCOUNT}/dossiers"
TOKEN_PATH = "/auth/realms/eat_realm/protocol/openid-connect/token"  # noqa: S105
LOGIN_FORM = "grant_type=password&client_id=ea-api-edge&username={}&password=demo"
PAGING = "page=0&pageSize=10"


class Call(NamedTuple):
    """A call by its name: GET of a path, or what a wrk script of this folder sends."""

    name: str
    path: str
    script: str = ""


PAGE = Call("page of ten dossiers", f"{DOSSIERS}?{PAGING}")
DOSSIER = Call("one dossier", f"{DOSSIERS}/804127")
SIREN = Call("filter by SIREN", f"{DOSSIERS}?siren=503829368&{PAGING}")
THIRDPARTIES = Call("page of third parties", f"{ACCOUNT}/thirdparties?{PAGING}")
LOGIN = Call("login", TOKEN_PATH, "login.lua")
IMPORT = Call("import and its poll", DOSSIERS, "import.lua")

CALLS = (PAGE, DOSSIER, SIREN, THIRDPARTIES, LOGIN, IMPORT)
