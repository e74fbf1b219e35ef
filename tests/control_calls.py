"""Control calls of tests: rules, scenarios, and questions to the journal."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from werkzeug.test import TestResponse

from tests.support import TOKEN_URL, Api


def a_rule(then: Any, operation: Any = "getDossier", *, name: str = "rule", **members: Any) -> dict[str, Any]:
    """A rule about an operation; `when` takes the place of it."""
    return {"name": name, "when": {"operation": operation}, "then": then} | members


def set_rule(api: Api, then: Any, operation: Any = "getDossier", **members: Any) -> None:
    """Set one rule. The user logs in before, so that no rule changes the login."""
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


def requests_of(api: Api, **query: Any) -> list[dict[str, Any]]:
    """What the journal has of the sandbox."""
    return list(listing(api, **query)["requests"])


def listing(api: Api, **query: Any) -> dict[str, Any]:
    """The same with what is said about it."""
    return dict(api.control("GET", f"/requests?{urlencode(query)}"))


def latest(api: Api) -> dict[str, Any]:
    """The last exchange."""
    return requests_of(api, limit=1)[0]


def count(api: Api, **question: Any) -> int:
    """How many exchanges a question means."""
    return int(api.control("POST", "/requests/count", question)["count"])


def verify(api: Api, *expectations: dict[str, Any], **members: Any) -> TestResponse:
    """Judge expectations; the answer."""
    return api.client.post(
        "/__admin/verify",
        json={"expectations": list(expectations)} | members,
        headers={"X-Mock-Sandbox": api.sandbox},
    )


def expect(count: Any = ..., **question: Any) -> dict[str, Any]:
    """An expectation: so many exchanges that the question means."""
    return {"request": question} | ({} if count is ... else {"count": count})


def verdict(api: Api, *expectations: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The verdict on the last of these expectations."""
    answer = verify(api, *expectations, **members)
    assert answer.status_code in {200, 422}, answer.text
    return dict((answer.json or {})["expectations"][-1])


def reasons(api: Api, **question: Any) -> list[str]:
    """Why the exchange that comes nearest is not meant by the question."""
    return list(verdict(api, expect(**question))["nearMisses"][0]["differences"])
