"""Dossiers: found, changed, stopped."""

from __future__ import annotations

import pytest

from dossiers_client import DossiersClient, NotFound, Refused
from mock_server.client import Sandbox

DOSSIER = 804127


def test_a_dossier_is_read(client: DossiersClient) -> None:
    dossier = client.dossier(DOSSIER)

    assert (dossier.reference, dossier.siret, dossier.monitored) == ("TEST", "50382936800045", True)


def test_all_pages_are_read_and_each_dossier_once(client: DossiersClient, dossiers_sandbox: Sandbox) -> None:
    found = [dossier.dossier_id for dossier in client.dossiers()]

    assert len(found) == len(set(found)) > 100
    dossiers_sandbox.verify("listDossiers", count=-(-len(found) // 50))


@pytest.mark.parametrize("size", [0, 1, 49, 50, 51, 100])
def test_a_list_ends_where_it_ends(client: DossiersClient, dossiers_sandbox: Sandbox, size: int) -> None:
    dossiers_sandbox.load_fixture("empty")
    for number in range(size):
        dossiers_sandbox.dossier(siret="99050000100013", dossier_reference=f"PO-{number}")

    assert len(list(client.dossiers())) == size


def test_dossiers_are_found_by_their_reference(client: DossiersClient) -> None:
    [found] = client.dossiers(dossierReference="TEST")

    assert found.dossier_id == DOSSIER


def test_a_reference_is_changed(client: DossiersClient) -> None:
    client.update(DOSSIER, dossierReference="PO-2")

    assert client.dossier(DOSSIER).reference == "PO-2"


def test_a_stopped_dossier_is_not_changed_any_more(client: DossiersClient) -> None:
    client.stop(DOSSIER)

    with pytest.raises(Refused) as refused:
        client.update(DOSSIER, dossierReference="PO-2")

    assert refused.value.codes == ["E201"]
    assert client.dossier(DOSSIER).monitored is False


@pytest.mark.parametrize("reading", ["http400", "result"])
def test_a_refusal_is_recognised_under_either_status(
    client: DossiersClient, dossiers_sandbox: Sandbox, reading: str
) -> None:
    dossiers_sandbox.set_variants(refusals=reading)
    client.stop(DOSSIER)

    with pytest.raises(Refused, match="E201"):
        client.update(DOSSIER, dossierReference="PO-2")


def test_what_is_not_there_is_not_found(client: DossiersClient) -> None:
    with pytest.raises(NotFound) as refused:
        client.dossier(1)

    assert refused.value.codes == ["E200"]
