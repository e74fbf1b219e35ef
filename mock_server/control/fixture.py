"""What a sandbox starts from: its recipe, users, accounts and magic identifiers; and another one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from msgspec import Struct

from mock_server.clock import real_now
from mock_server.control.calls import YamlText, serves
from mock_server.control.problems import Problem, json_answer
from mock_server.domain.model import Establishment
from mock_server.fixtures import Fixture, fixture_from_recipe
from mock_server.fixtures.entries import Recipe
from mock_server.fixtures.library import bundled_names
from mock_server.sandbox import Sandbox
from mock_server.web.services import named_sandbox, services

fixture = Blueprint("fixture", __name__)


class NewFixture(Struct, forbid_unknown_fields=True):
    """The `name` of a recipe, bundled or in the server's --fixtures-dir, or a whole `recipe`."""

    name: str | None = None
    recipe: Recipe | None = None


@serves(fixture, "GET /fixture")
def get_fixture() -> Response:
    """What the sandbox started from: recipe, users, accounts, and identifiers with a meaning of their own."""
    return json_answer(_fixture(named_sandbox()))


@serves(fixture, "PUT /fixture", body=NewFixture, yaml=Recipe)
def put_fixture(wanted: NewFixture | YamlText) -> Response:
    """Start over from another recipe: content, users and default account are its own.

    The clock, variants and rules made by hand stay; a scenario that plays ends. A reset comes back to this
    recipe. As YAML the body is the text of a recipe file.
    """
    found = named_sandbox()
    found.load_fixture(_chosen(wanted))
    return json_answer(_fixture(found))


def _chosen(wanted: NewFixture | YamlText) -> Fixture:
    """The fixture that is wanted.

    Raises:
        Problem: there is none of that name, or it is not clear which.
        FileError: it is wrong; the message has the place.
    """
    folder = services().settings.fixtures_dir
    if isinstance(wanted, YamlText):
        return fixture_from_recipe(wanted.text, real_now().date(), folder)
    if wanted.recipe is not None and wanted.name is None:
        return fixture_from_recipe(wanted.recipe, real_now().date(), folder)
    if wanted.name is None or wanted.recipe is not None:
        raise Problem('say {"name": "pages"} or {"recipe": {"version": 1, ...}}')
    names = bundled_names("fixtures", folder)
    if wanted.name not in names:
        raise Problem(f"there is no recipe {wanted.name!r}; there are {', '.join(names)}")
    return services().find_fixture(wanted.name)


def _fixture(found: Sandbox) -> dict[str, Any]:
    fixture = found.setup.fixture
    origin, recipe = fixture.source.origin, fixture.source.recipe
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
