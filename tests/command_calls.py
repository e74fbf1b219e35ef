"""Commands that the API accepts or refuses, in two tables.

`tests/test_commands.py` sends each call in both dialects. `tools/examples.py` keeps the first refusal of each
operation and code, as an example of the OpenAPI documents.
"""

from __future__ import annotations

from typing import Any

from tests.support import OTHER_SIRET, THIRD_SIRET, Api

ACCEPTED: dict[str, tuple[str, Any]] = {
    "an update": ("{active}", {"description": "new"}),
    "a stop": ("{active}/stop", None),
    "a reactivation of a stopped dossier": ("{stopped}/reactivate", None),
    "a request for a document": ("{active}/requirements", ["I2"]),
}

REFUSED: dict[str, tuple[str, Any, list[str]]] = {
    "an update of a stopped dossier": ("{stopped}", {"description": "x"}, ["E201"]),
    "an update of a stopped dossier with other errors": (
        "{stopped}",
        {"dossierReference": "", "expirationDate": "never"},
        ["E201"],
    ),
    "an update of a stopped dossier without anything to change": ("{stopped}", {}, ["E201"]),
    "an update without anything to change": ("{active}", {}, ["E003"]),
    "an update of unknown members only": ("{active}", {"monitored": False, "state": 7}, ["E003"]),
    "an update of null members only": ("{active}", {"dossierReference": None, "description": None}, ["E003"]),
    "an update that empties the reference": ("{active}", {"dossierReference": ""}, ["E003"]),
    "an update that blanks the reference": ("{active}", {"dossierReference": " \t"}, ["E003"]),
    "an update to a taken reference": ("{active}", {"dossierReference": "TA KEN"}, ["E202"]),
    "an update to a stopped dossier's reference": ("{active}", {"dossierReference": "ENDED"}, ["E202"]),
    "an update to another third party's code": ("{active}", {"thirdpartyCode": "OTHERS"}, ["E112"]),
    "an update to a past date": ("{active}", {"expirationDate": "2031-05-01"}, ["E021"]),
    "an update to today": ("{active}", {"expirationDate": "2031-05-02"}, ["E021"]),
    "an update to something that is not a date": ("{active}", {"expirationDate": "2031-13-01"}, ["E010"]),
    "an update to an empty date": ("{active}", {"expirationDate": ""}, ["E010"]),
    "an update with a malformed e-mail": ("{active}", {"thirdpartyEmail": ["a@"]}, ["E010"]),
    "an update with an e-mail that takes no mail": (
        "{active}",
        {"thirdpartyEmail": ["a@example.com", "a@invalid.example"]},
        ["E030"],
    ),
    "an update with a long reference": ("{active}", {"dossierReference": "R" * 256}, ["E011"]),
    "an update with a long code": ("{active}", {"thirdpartyCode": "C" * 256}, ["E011"]),
    "an update with a code of many blanks": ("{active}", {"thirdpartyCode": " " * 256}, ["E011"]),
    "an update with a long category": ("{active}", {"purchasingCategory": "P" * 256}, ["E011"]),
    "an update with a long description": ("{active}", {"description": "D" * 4001}, ["E011"]),
    "an update with several errors": (
        "{active}",
        {
            "dossierReference": "TAKEN",
            "description": "D" * 4001,
            "expirationDate": "2031-05-02",
            "thirdpartyCode": "OTHERS",
            "thirdpartyEmail": ["a@", "a@invalid.example"],
        },
        ["E010", "E011", "E021", "E030", "E112", "E202"],
    ),
    "an update with one error among good members": (
        "{active}",
        {"description": "new", "thirdpartyCode": "NEW", "dossierReference": "TAKEN"},
        ["E202"],
    ),
    "a stop of a stopped dossier": ("{stopped}/stop", None, ["E201"]),
    "a reactivation of an active dossier": ("{active}/reactivate", None, ["E204"]),
    "a reactivation of an active dossier with a bad date": (
        "{active}/reactivate",
        {"expirationDate": "soon"},
        ["E204"],
    ),
    "a reactivation until something that is not a date": (
        "{stopped}/reactivate",
        {"expirationDate": "soon"},
        ["E010"],
    ),
    "a reactivation until today": ("{stopped}/reactivate", {"expirationDate": "2031-05-02"}, ["E205"]),
    "a reactivation until a past date that is stored": ("{expired}/reactivate", None, ["E205"]),
    "a reactivation of a dossier whose company is closed": ("{closed}/reactivate", None, ["E103"]),
    "requirements of a stopped dossier": ("{stopped}/requirements", ["I2"], ["E201"]),
    "no requirements for a stopped dossier": ("{stopped}/requirements", [], ["E201"]),
    "an empty list of requirements": ("{active}/requirements", [], ["E003"]),
    "an empty list of requirements in an object": (
        "{active}/requirements",
        {"newRequiredDocuments": []},
        ["E003"],
    ),
    "an object without requirements": ("{active}/requirements", {}, ["E003"]),
    "no body of requirements": ("{active}/requirements", None, ["E003"]),
    "a withdrawn requirement": ("{active}/requirements", ["I2", "ADO"], ["E301"]),
    "a requirement of another account": ("{active}/requirements", ["ATT_PRO_BTP", "I2"], ["E302"]),
    "several bad requirements": (
        "{active}/requirements",
        ["NOPE", "ADO", "NO", "NOPE"],
        ["E301", "E302", "E302"],
    ),
}
"""A call each: the end of its path, its body, and the codes of the answer."""


def prepare_dossiers(api: Api) -> dict[str, int]:
    """Make the dossiers of the table, and those that take references and codes; return their ids by name."""
    api.set_clock("2031-04-01T10:00:00")
    active = api.new_dossier(dossierReference="ACTIVE", thirdpartyCode="MINE")
    api.new_dossier(dossierReference="TAKEN")
    stopped = api.stopped_dossier(dossierReference="ENDED")
    others = {"companyIdValue": OTHER_SIRET, "thirdpartyCode": "OTHERS"}
    expired = api.new_dossier(dossierReference="EXPIRED", expirationDate="2031-05-01", **others)
    api.set_clock("2031-05-02T10:00:00")
    closed = api.new_dossier(dossierReference="CLOSED", companyIdValue=THIRD_SIRET)
    api.control("POST", f"/thirdparties/{closed['thirdpartyId']}/close")
    dossiers = {"active": active, "stopped": stopped, "expired": expired, "closed": closed}
    return {name: dossier["dossierId"] for name, dossier in dossiers.items()}
