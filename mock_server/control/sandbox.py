"""The state of a sandbox: health, reset, and what it started from."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from msgspec import Struct

from mock_server import __version__
from mock_server.clock import real_now
from mock_server.control.calls import serves
from mock_server.control.problems import json_answer
from mock_server.domain.model import Establishment
from mock_server.sandbox import PARTS, Part, Sandbox
from mock_server.services import named_sandbox, services

sandbox = Blueprint("sandbox", __name__)


class Reset(Struct, forbid_unknown_fields=True):
    """`only` names the parts to reset; left out, all of them."""

    only: list[Part] | None = None


@serves(sandbox, "GET /health", sandboxed=False)
def get_health() -> Response:
    """200 once the fixture is loaded, which is before the port is open."""
    shared = services()
    found = shared.sandboxes.named()
    return json_answer(
        {
            "status": "UP",
            "version": __version__,
            "uptime": round((real_now() - shared.started).total_seconds(), 3),
            "fixture": shared.sandboxes.start.stage.fixture.name,
            "dialect": shared.settings.dialect,
            "counts": _counts(found),
        }
    )


@serves(sandbox, "POST /reset", body=Reset)
def reset(wanted: Reset) -> Response:
    """Be as after the start, wholly or in part."""
    found = named_sandbox()
    parts = PARTS if wanted.only is None else wanted.only
    found.reset(parts)
    return json_answer({"sandbox": found.name, "reset": list(parts)})


@serves(sandbox, "GET /fixture")
def get_fixture() -> Response:
    """What the sandbox started from: recipe, users, accounts, and identifiers with a meaning of their own."""
    return json_answer(_fixture(named_sandbox()))


def _counts(found: Sandbox) -> dict[str, int]:
    world = found.read()
    portfolios = world.portfolios.values()
    return {
        "accounts": len(world.portfolios),
        "thirdparties": len(world.thirdparties),
        "dossiers": sum(len(portfolio.dossiers) for portfolio in portfolios),
        "processes": sum(len(portfolio.processes) for portfolio in portfolios),
    }


def _fixture(found: Sandbox) -> dict[str, Any]:
    fixture = found.stage.fixture
    origin, recipe = fixture.made.origin, fixture.made.recipe
    return {
        "name": origin.name,
        "title": origin.title,
        "seed": origin.seed,
        "defaultAccount": fixture.default_account,
        "users": [{"username": user.username, "accounts": list(user.accounts)} for user in recipe.users],
        "accounts": [
            {
                "accountId": account.account_id,
                "name": account.name,
                "subscriptionStatus": account.subscription_status,
                "international": account.international,
            }
            for account in recipe.accounts
        ],
        "magicIdentifiers": [_identifier(row) for row in found.read().establishments.values()],
    }


def _identifier(row: Establishment) -> dict[str, Any]:
    lasts = "never ends" if row.never_ends else row.import_duration and row.import_duration.total_seconds()
    return {
        "companyIdType": row.company_id.type.value,
        "companyIdValue": row.company_id.value,
        "condition": row.condition.value,
        **({"transferredTo": row.transferred_to.value} if row.transferred_to else {}),
        **({"importDuration": lasts} if lasts else {}),
        "about": row.about,
    }
