"""Imports: asked for, waited for, and what becomes of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dossiers_client import DossiersClient, ImportFailed, ImportStillRunning, Refused
from mock_server.client import Sandbox

SIRET = "99050000100013"
CLOSED, SLOW, NEVER_ENDS = "99000103400018", "99000200800011", "99000201600014"


def test_an_import_makes_a_dossier(client: DossiersClient) -> None:
    client.wait_for(client.import_dossier(SIRET, "PO-1"))

    [dossier] = client.dossiers(dossierReference="PO-1")
    assert (dossier.siret, dossier.monitored) == (SIRET, True)


def test_a_slow_import_is_waited_for(client: DossiersClient) -> None:
    process = client.import_dossier(SLOW, "PO-1")

    client.wait_for(process, within=timedelta(minutes=3), every=timedelta(seconds=10))

    assert list(client.dossiers(dossierReference="PO-1"))


def test_an_import_that_never_ends_is_given_up(client: DossiersClient) -> None:
    process = client.import_dossier(NEVER_ENDS, "PO-1")

    with pytest.raises(ImportStillRunning, match=process):
        client.wait_for(process, within=timedelta(minutes=5), every=timedelta(minutes=1))


def test_a_reference_is_imported_once(client: DossiersClient) -> None:
    client.wait_for(client.import_dossier(SIRET, "PO-1"))

    with pytest.raises(ImportFailed) as failed:
        client.wait_for(client.import_dossier(SIRET, "PO-1"))

    assert failed.value.codes == ["E202"]


def test_a_closed_company_has_no_dossier(client: DossiersClient) -> None:
    with pytest.raises(ImportFailed) as failed:
        client.wait_for(client.import_dossier(CLOSED, "PO-1"))

    assert failed.value.codes == ["E103"]
    assert list(client.dossiers(dossierReference="PO-1")) == []


def test_an_import_that_says_nothing_is_refused_at_once(
    client: DossiersClient, dossiers_sandbox: Sandbox
) -> None:
    with pytest.raises(Refused) as refused:
        client.import_dossier("", "")

    assert set(refused.value.codes) == {"E003"}
    assert dossiers_sandbox.call("GET", "/processes")["processes"] == []
