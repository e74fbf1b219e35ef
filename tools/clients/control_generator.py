"""Control calls with the package that openapi-generator writes for Python: URL and sandbox are the arguments."""

import sys

import openapi_client
from openapi_client.api.dossiers_api import DossiersApi
from openapi_client.api.journal_api import JournalApi
from openapi_client.api.sandbox_api import SandboxApi
from openapi_client.api.scenarios_api import ScenariosApi
from openapi_client.api.server_api import ServerApi
from openapi_client.models.clock_change import ClockChange
from openapi_client.models.dossier_entry import DossierEntry
from openapi_client.models.exchange_filter import ExchangeFilter
from openapi_client.models.expectation import Expectation
from openapi_client.models.expectation_count import ExpectationCount
from openapi_client.models.new_evidence import NewEvidence
from openapi_client.models.new_rules import NewRules
from openapi_client.models.respond import Respond
from openapi_client.models.rule import Rule
from openapi_client.models.then import Then
from openapi_client.models.verification import Verification
from openapi_client.models.when import When


def main(url: str, sandbox: str) -> None:
    client = openapi_client.ApiClient(openapi_client.Configuration(host=url))
    client.set_default_header("X-Mock-Sandbox", sandbox)
    state, dossiers, scenarios = SandboxApi(client), DossiersApi(client), ScenariosApi(client)

    assert ServerApi(client).get_health()["status"] == "UP"
    state.put_clock(clock_change=ClockChange(now="2031-01-01T09:00:00", frozen=True))
    assert str(state.get_clock()["now"]).startswith("2031-01-01T09:00")
    dossiers.create_dossier(DossierEntry(siret="99050000100013", dossier_reference="PO-1"))
    assert "PO-1" in str(dossiers.find_dossiers(search="PO-1")["dossiers"])
    dossiers.deposit_evidence(804127, "I2", new_evidence=NewEvidence())
    down = Rule(name="down", when=When(operation="getDossier"), then=Then(respond=Respond(status=503)))
    scenarios.post_rules(NewRules(rules=[down]))
    assert "down" in str(scenarios.get_rules()["rules"])
    never = Expectation(request=ExchangeFilter(operation="getToken"), count=ExpectationCount(0))
    assert JournalApi(client).verify(Verification(expectations=[never]))["verified"]
    state.reset()
    assert not dossiers.find_dossiers(search="PO-1")["dossiers"]


if __name__ == "__main__":
    main(*sys.argv[1:])
