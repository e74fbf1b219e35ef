"""The network, and servers that are not at their best."""

from __future__ import annotations

import pytest

from dossiers_client import DossiersClient, ImportFailed, Unavailable
from mock_server.client import Sandbox

DOSSIER = 804127
SIRET = "99050000100013"


def test_reading_is_tried_again_in_a_short_outage(client: DossiersClient, dossiers_sandbox: Sandbox) -> None:
    dossiers_sandbox.rule(
        "down", when={"operation": "getDossier"}, then={"respond": {"status": 503}}, times=2
    )

    assert client.dossier(DOSSIER).dossier_id == DOSSIER


@pytest.mark.parametrize(
    "fault", ["CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE", "TRUNCATED_BODY", "MALFORMED_BODY", "EMPTY_BODY"]
)
def test_a_broken_answer_is_no_answer(client: DossiersClient, dossiers_sandbox: Sandbox, fault: str) -> None:
    dossiers_sandbox.rule("broken", when={"operation": "getDossier"}, then={"fault": fault})

    with pytest.raises(Unavailable, match="GET /"):
        client.dossier(DOSSIER)


def test_a_command_is_not_given_twice(client: DossiersClient, dossiers_sandbox: Sandbox) -> None:
    dossiers_sandbox.rule("down", when={"operation": "stopDossier"}, then={"respond": {"status": 503}})

    with pytest.raises(Unavailable, match="503"):
        client.stop(DOSSIER)

    dossiers_sandbox.verify("stopDossier", count=1)


@pytest.mark.dossiers_scenario("wire-import-answer-lost")
def test_an_import_whose_answer_was_lost_is_there_all_the_same(client: DossiersClient) -> None:
    with pytest.raises(Unavailable):
        client.import_dossier(SIRET, "PO-1")

    with pytest.raises(ImportFailed, match="E202"):
        client.wait_for(client.import_dossier(SIRET, "PO-1"))
    assert len(list(client.dossiers(dossierReference="PO-1"))) == 1
