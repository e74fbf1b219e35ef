"""The fixture of a sandbox: its recipe, users, accounts and magic identifiers; and loading another one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Response
from msgspec import Struct

from mock_server.clock import real_now
from mock_server.control.calls import YamlText, route
from mock_server.control.problems import Problem, json_answer
from mock_server.domain.model import Establishment
from mock_server.domain.names import proposal_and_all, shown
from mock_server.fixtures.entries import Recipe
from mock_server.fixtures.fixture import Fixture, fixture_from_recipe, fixture_from_state, gc_paused
from mock_server.fixtures.library import recipe_names
from mock_server.fixtures.state_file import StateFile, convert_struct, json_struct
from mock_server.input_errors import InputError
from mock_server.sandbox import commands
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.scenarios.active import read_progress
from mock_server.web.services import named_sandbox, services

if TYPE_CHECKING:
    ExportedState = Any
else:
    ExportedState = json_struct(StateFile)


class NewFixture(Struct, forbid_unknown_fields=True):
    """The `name` of a recipe, bundled or in --fixtures-dir; a `recipe`; or a `state` that was exported."""

    name: str | None = None
    recipe: Recipe | None = None
    state: ExportedState | None = None


@route("GET /fixture")
def get_fixture() -> Response:
    """Return the fixture of the sandbox: recipe, users, accounts and magic identifiers."""
    return json_answer(_fixture(named_sandbox()))


@route("PUT /fixture", body=NewFixture, yaml=Recipe)
def put_fixture(body: NewFixture | YamlText) -> Response:
    """Start again from another recipe or saved state, with its content, users and default account.

    The clock, variants and ad hoc rules stay; the scenario stops. A saved state also sets the clock, because
    its dates do not move. A reset returns to this fixture. As YAML the body is the text of a recipe file.
    """
    sandbox = named_sandbox()
    sandbox.execute(commands.LoadFixture(_find_or_build(body)))
    return json_answer(_fixture(sandbox))


def _find_or_build(body: NewFixture | YamlText) -> Fixture:
    """Find the fixture by its name, or build it from the recipe.

    Raises:
        Problem: there is none of that name, or the body has not one of name, recipe and state.
        FileError: the recipe is wrong; the message has the place.
    """
    folder = services().settings.fixtures_dir
    if isinstance(body, YamlText):
        return fixture_from_recipe(body.text, real_now().date(), folder)
    sources = [source for source in (body.name, body.recipe, body.state) if source is not None]
    if len(sources) != 1:
        raise Problem(
            'send {"name": "pages"}, {"recipe": {"version": 1, ...}} or {"state": {"version": 1, ...}}'
        )
    if body.state is not None:
        return _saved_fixture(body.state)
    if body.recipe is not None:
        return fixture_from_recipe(body.recipe, real_now().date(), folder)
    return _named_fixture(str(body.name), folder)


def _named_fixture(name: str, folder: Path | None) -> Fixture:
    names = recipe_names(folder)
    if name not in names:
        raise Problem(f"there is no recipe {shown(name)}; {proposal_and_all(name, names)}")
    return services().find_fixture(name)


def _saved_fixture(state: Any) -> Fixture:
    """Return the fixture of an exported state.

    Raises:
        InputError: a value in it is invalid; the place is that in the body.
    """
    try:
        with gc_paused():
            fixture = fixture_from_state(convert_struct(state, StateFile))
            read_progress(state.playing)
    except InputError as error:
        raise InputError(f"$.state{error.path.removeprefix('$')}", str(error)) from None
    return fixture


def _fixture(sandbox: ServerSandbox) -> dict[str, Any]:
    fixture = sandbox.state.setup.fixture
    origin, recipe, users = fixture.source.origin, fixture.source.recipe, fixture.admission.logins.values()
    establishments = sandbox.read().establishments.values()  # in another order on each server
    return {
        "name": origin.name,
        "title": origin.title,
        "seed": origin.seed,
        "defaultAccount": fixture.default_account,
        "users": [{"username": user.username, "accounts": list(user.account_ids)} for user in users],
        "accounts": [
            {
                "accountId": account.account_id,
                "name": account.name,
                "subscriptionStatus": account.subscription_status,
                "international": account.international,
            }
            for account in recipe.accounts
        ],
        "magicIdentifiers": sorted(
            map(_identifier, establishments), key=lambda row: (row["companyIdType"], row["companyIdValue"])
        ),
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
