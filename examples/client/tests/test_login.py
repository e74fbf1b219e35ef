"""Tokens: how they are got and renewed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dossiers_client import DossiersClient, Environment, LoginRefused
from mock_server.client import Sandbox

DOSSIER = 804127


def test_one_token_does_for_several_calls(client: DossiersClient, dossiers_sandbox: Sandbox) -> None:
    client.dossier(DOSSIER)
    client.dossier(DOSSIER)

    dossiers_sandbox.verify("getToken", count=1)


def test_a_token_that_has_ended_is_renewed_without_the_password(
    client: DossiersClient, dossiers_sandbox: Sandbox
) -> None:
    dossiers_sandbox.rule(
        "too late", when={"operation": "getDossier", "nth": 2}, then={"respond": {"status": 401}}, times=1
    )

    client.dossier(DOSSIER)
    client.dossier(DOSSIER)

    dossiers_sandbox.verify("getToken", body={"grant_type": "refresh_token"}, count=1)


def test_after_a_long_night_it_logs_in_again(client: DossiersClient, dossiers_sandbox: Sandbox) -> None:
    client.dossier(DOSSIER)
    dossiers_sandbox.clock.advance(hours=8, tokens=True)

    assert client.dossier(DOSSIER).dossier_id == DOSSIER


def test_a_wrong_password_is_explained(environment: Environment) -> None:
    with (
        DossiersClient(replace(environment, password="wrong"), 119631) as client,
        pytest.raises(LoginRefused, match="could not log in"),
    ):
        client.dossier(DOSSIER)
