"""Bytes of dossiers are remembered as long as the dossiers live, and no longer."""

from __future__ import annotations

import gc
from collections.abc import Callable
from weakref import ref

import pytest

from mock_server.api import dossiers
from mock_server.domain.model import Dossier
from mock_server.web import services
from tests.support import ACCOUNT, SEED_DOSSIER, Api, content

pytestmark = pytest.mark.dialects("rest", "edge")


def imported(api: Api) -> ref[Dossier]:
    """A new dossier as it is inside, without holding it."""
    dossier_id = api.new_dossier()["dossierId"]
    world = services.of(api.client.application).sandboxes.get().read()
    return ref(world.portfolio(ACCOUNT).dossiers[dossier_id])


def is_gone(dossier: ref[Dossier]) -> bool:
    gc.collect()
    return dossier() is None


def test_a_dossier_that_was_changed_is_not_remembered_as_it_was(make_server_api: Callable[..., Api]) -> None:
    api = make_server_api(history_entries=0)  # which keeps earlier states on purpose
    dossier = imported(api)
    assert not is_gone(dossier)

    (found,) = content(api.get("/dossiers", dossierReference="PO-1"))
    api.post(f"/dossiers/{found['dossierId']}", {"description": "changed"})

    assert is_gone(dossier)
    assert content(api.get(f"/dossiers/{found['dossierId']}"))["description"] == "changed"


def test_the_dossiers_of_a_sandbox_that_was_reset_are_not_remembered(
    make_server_api: Callable[..., Api],
) -> None:
    api = make_server_api(history_entries=0)  # which keeps earlier states on purpose
    dossier = imported(api)

    api.control("POST", "/reset")

    assert is_gone(dossier)


def test_a_dossier_is_rendered_for_each_variant(make_server_api: Callable[..., Api]) -> None:
    api = make_server_api()
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")
    shown = [api.dossier(SEED_DOSSIER)["stoppingReason"]]
    for reason in ("ACTION_VOLONTAIRE", "STOPREQUEST"):
        api.control("PUT", "/variants", {"stoppingReason": reason})
        shown.append(api.dossier(SEED_DOSSIER)["stoppingReason"])

    assert shown == ["STOPREQUEST", "ACTION_VOLONTAIRE", "STOPREQUEST"]


def test_a_list_of_more_dossiers_than_are_remembered_is_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered = api.get("/dossiers/all").data
    monkeypatch.setattr(dossiers, "MAX_CACHED", 1)

    assert api.get("/dossiers/all").data == remembered
