"""Control calls with the package of openapi-python-client: URL and sandbox are the arguments."""

import sys
from typing import Any

from generated_client import Client
from generated_client.api.dossiers import create_dossier, deposit_evidence, find_dossiers
from generated_client.api.journal import verify
from generated_client.api.sandbox import get_clock, put_clock, reset
from generated_client.api.scenarios import get_rules, post_rules
from generated_client.api.server import get_health
from generated_client.models import (
    ClockChange,
    DossierEntry,
    ExchangeFilter,
    Expectation,
    NewEvidence,
    NewRules,
    Reset,
    Respond,
    Rule,
    Then,
    Verification,
    When,
)
from generated_client.types import Response


def main(url: str, sandbox: str) -> None:
    client = Client(base_url=url, headers={"X-Mock-Sandbox": sandbox})

    assert parsed(get_health.sync_detailed(client=client))["status"] == "UP"
    parsed(put_clock.sync_detailed(client=client, body=ClockChange(now="2031-01-01T09:00:00", frozen=True)))
    assert parsed(get_clock.sync_detailed(client=client))["now"].startswith("2031-01-01T09:00")
    wanted = DossierEntry(siret="99050000100013", dossier_reference="PO-1")
    parsed(create_dossier.sync_detailed(client=client, body=wanted), status=201)
    assert len(found(client)) == 1
    evidence = deposit_evidence.sync_detailed(804127, "I2", client=client, body=NewEvidence())
    assert parsed(evidence, status=201)
    down = Rule(name="down", when=When(operation="getDossier"), then=Then(respond=Respond(status=503)))
    parsed(post_rules.sync_detailed(client=client, body=NewRules(rules=[down])), status=201)
    assert len(parsed(get_rules.sync_detailed(client=client))["rules"]) == 1
    never = Expectation(request=ExchangeFilter(operation="getToken"), count=0)
    verified = verify.sync_detailed(client=client, body=Verification(expectations=[never]))
    assert parsed(verified)["verified"]
    parsed(reset.sync_detailed(client=client, body=Reset()))
    assert not found(client)


def parsed(response: Response[Any], status: int = 200) -> Any:
    """Return the members of an answer with this status."""
    assert response.status_code == status, response.content
    return response.parsed


def found(client: Client) -> list[Any]:
    dossiers: list[Any] = parsed(find_dossiers.sync_detailed(client=client, search="PO-1"))["dossiers"]
    return dossiers


if __name__ == "__main__":
    main(*sys.argv[1:])
