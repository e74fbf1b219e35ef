"""Rules as tests put them in force."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse

from tests.support import TOKEN_URL, Api


def a_rule(then: Any, operation: Any = "getDossier", *, name: str = "rule", **members: Any) -> dict[str, Any]:
    """A rule about an operation; `when` takes the place of it."""
    return {"name": name, "when": {"operation": operation}, "then": then} | members


def bend(api: Api, then: Any, operation: Any = "getDossier", **members: Any) -> None:
    """Put one rule in force; who calls has logged in before, so that no rule bends that."""
    assert api.token
    api.control("POST", "/rules", {"rules": [a_rule(then, operation, **members)]})


def counted(api: Api) -> dict[str, tuple[int, int]]:
    """How many calls each rule matched, and how often it was applied."""
    rows = api.control("GET", "/rules")["rules"]
    return {row["name"]: (row["matched"], row["applied"]) for row in rows}


def scenario(name: str = "story", **members: Any) -> dict[str, Any]:
    """A scenario as JSON."""
    return {"version": 1, "scenario": name, "title": "A story"} | members


def play(api: Api, name: str = "story", **members: Any) -> dict[str, Any]:
    """Play a scenario; what the control API answers."""
    return dict(api.control("PUT", "/scenario", {"scenario": scenario(name, **members)}))


def log_in(api: Api, password: str = "demo") -> TestResponse:
    """Ask for a token; the answer."""
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": api.username}
    return api.client.post(TOKEN_URL, data=form | {"password": password})
