"""The error codes of the API, one table, and the two exceptions of the domain.

    Exception
    └── Rejected     a rule rejects the call; carries every refusal
        └── NotFound the resource does not exist in this account

Anything else that is raised is a bug of the sandbox. The dialect renders a refusal.
"""

from __future__ import annotations

from enum import Flag, auto
from functools import reduce
from operator import or_

from msgspec import Struct

from mock_server.domain.operations import OPERATIONS, Kind


class Place(Flag):
    """Where a code is shown: in the answer of which kind of call, or in an import process."""

    SEARCH = auto()
    IMPORT = auto()
    PROCESS = auto()
    COMMAND = auto()
    RESOURCE = auto()


class ErrorCode(Struct, frozen=True):
    """A row of behaviour.md 5: code, labels, condition, provenance, and what returns it.

    `rejects` has the operations that answer a bad call with it. If `ends_import`, the process of an import
    reports it; if `not_found`, it is in a 404.
    """

    code: str
    label_fr: str
    label_en: str
    when: str
    provenance: str
    rejects: tuple[str, ...] = ()
    ends_import: bool = False
    not_found: bool = False

    @property
    def places(self) -> Place:
        """Where the code is shown."""
        places = [_PLACES[OPERATIONS[name].kind] for name in self.rejects]
        places += [Place.PROCESS] * self.ends_import + [Place.RESOURCE] * self.not_found
        return reduce(or_, places, Place(0))

    def __str__(self) -> str:
        return self.code


_PLACES = {
    Kind.SEARCH: Place.SEARCH,
    Kind.READ: Place.SEARCH,
    Kind.IMPORT: Place.IMPORT,
    Kind.COMMAND: Place.COMMAND,
}
"""The place of a code that rejects an operation of this kind."""


class Refusal(Struct, frozen=True):
    """One error code, the parameter that it is about (by its Python name) and the values concerned."""

    error: ErrorCode
    parameter: str | None = None
    values: tuple[str, ...] = ()


class Rejected(Exception):
    """A rule rejects the call; nothing was changed."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__(", ".join(refusal.error.code for refusal in refusals))
        self.refusals = refusals


class NotFound(Rejected):
    """No such thing in this account: `E200` a dossier, `E100` a third party, `NOT_FOUND` the rest."""


E001 = ErrorCode(
    "E001",
    "Paramètre manquant",
    "Missing parameter",
    "A required parameter or member is absent.",
    "documented",
    rejects=("searchThirdparties", "importDossier"),
)
E002 = ErrorCode(
    "E002",
    "Paramètre inconnu",
    "Unknown parameter",
    "A value lies outside its enumeration, such as `companyIdType`; an expression names an unknown field.",
    "inferred",
    rejects=("listThirdparties", "searchThirdparties", "listDossiers", "importDossier"),
)
E003 = ErrorCode(
    "E003",
    "Paramètre vide",
    "Empty parameter",
    "A parameter is present but empty; an update has nothing to update; a list of requirements is empty.",
    "documented",
    rejects=(
        "listThirdparties",
        "searchThirdparties",
        "listDossiers",
        "importDossier",
        "listProcesses",
        "updateDossier",
        "updateDossierRequirements",
    ),
)
E010 = ErrorCode(
    "E010",
    "Format incorrect",
    "Incorrect format",
    "A date, boolean, integer, e-mail, company identifier or expression is not of its format.",
    "documented",
    rejects=(
        "listThirdparties",
        "searchThirdparties",
        "listDossiers",
        "importDossier",
        "listProcesses",
        "updateDossier",
        "reactivateDossier",
    ),
)
E011 = ErrorCode(
    "E011",
    "Taille maximale dépassée",
    "Maximum size exceeded",
    "Longer than 255 characters (reference, code, category) or 4000 (description); a page of more than 1000.",
    "documented",
    rejects=("listThirdparties", "searchThirdparties", "listDossiers", "importDossier", "updateDossier"),
)
E021 = ErrorCode(
    "E021",
    "Date d'expiration dans le passé",
    "Expiration date in the past",
    "The `expirationDate` of an import or update is not later than today.",
    "documented",
    rejects=("updateDossier",),
    ends_import=True,
)
E022 = ErrorCode(
    "E022",
    "Date dans le futur",
    "Date in the future",
    "`stateLastChangeDate` or `fromDate` is later than now.",
    "documented",
    rejects=("listThirdparties", "listDossiers", "listProcesses"),
)
E030 = ErrorCode(
    "E030",
    "Domaine de l'e-mail invalide",
    "Invalid email domain",
    "An address is well formed, its domain is among the recipe's `invalidEmailDomains`.",
    "documented",
    rejects=("updateDossier",),
    ends_import=True,
)
E100 = ErrorCode(
    "E100",
    "Aucun tiers ne correspond aux critères",
    "There is no third party for this criteria",
    "The third party is unknown to the account.",
    "documented",
    not_found=True,
)
E101 = ErrorCode(
    "E101",
    "Erreur lors de la qualification de l'établissement",
    "Error when qualifying the establishment",
    "The data provider fails on this establishment (condition `failing`).",
    "documented",
    ends_import=True,
)
E102 = ErrorCode(
    "E102",
    "L'établissement n'existe pas.",
    "The establishment does not exist",
    "The data provider does not know the establishment (condition `unknown`).",
    "documented",
    ends_import=True,
)
E103 = ErrorCode(
    "E103",
    "L'établissement est fermé.",
    "The establishment is closed",
    "The establishment is closed (condition `closed`), or its third party is out of business.",
    "documented",
    rejects=("reactivateDossier",),
    ends_import=True,
)
E104 = ErrorCode(
    "E104",
    "Plusieurs tiers correspondent à la recherche",
    "Too many third parties for this criteria",
    "Several third parties match the identifier (condition `ambiguous`).",
    "documented",
    ends_import=True,
)
E105 = ErrorCode(
    "E105",
    "L'établissement a été transféré",
    "The establishment has been transferred to a new establishment",
    "The establishment moved to another identifier (condition `transferred`).",
    "documented",
    ends_import=True,
)
E111 = ErrorCode(
    "E111",
    "Le code fournisseur est différent de celui déjà existant",
    "The supplier code in parameter is different from the existing supplier code for third party",
    "The third party has a code in this account and the import gives another one.",
    "documented",
    ends_import=True,
)
E112 = ErrorCode(
    "E112",
    "Le code fournisseur (thirdpartyCode) déjà utilisé pour un autre fournisseur.",
    "The supplier code (thirdpartyCode) already used for another supplier",
    "The code belongs to another third party of the account.",
    "documented",
    rejects=("updateDossier",),
    ends_import=True,
)
E113 = ErrorCode(
    "E113",
    "Compte donneur d'ordres non actif",
    "Non active ordering account",
    "The account's subscription is not active.",
    "documented",
    ends_import=True,
)
E121 = ErrorCode(
    "E121",
    "Import impossible d'un tiers français par son numéro de TVA",
    "Impossible to create a dossier based on TVA for a french third party. Plesae use SIRET number",
    "A `CIT002` value begins with FR.",
    "documented",
    ends_import=True,
)
E122 = ErrorCode(
    "E122",
    "Import impossible d'un tiers étranger, option non activée",
    "Impossible to import a non French thirdparty, subscription is inactive for international third parties",
    "A foreign company, and the account lacks the international option.",
    "documented",
    ends_import=True,
)
E200 = ErrorCode(
    "E200",
    "Aucun dossier ne correspond à la recherche",
    "There is no dossier for this criteria",
    "The dossier is unknown to the account.",
    "documented",
    not_found=True,
)
E201 = ErrorCode(
    "E201",
    "Le dossier est désactivé",
    "This dossier is disabled",
    "Update, stop or requirements of a dossier that is not monitored.",
    "documented",
    rejects=("updateDossier", "stopDossier", "updateDossierRequirements"),
)
E202 = ErrorCode(
    "E202",
    "La référence du dossier existe déjà pour ce couple donneur d'ordres / Fournisseur",
    "This dossier reference already exists for this client / supplier couple",
    "Another dossier of the same account and third party, monitored or stopped, has the reference.",
    "documented",
    rejects=("updateDossier",),
    ends_import=True,
)
E203 = ErrorCode(
    "E203",
    "Aucun dossier avec cette référence",
    "There is no dossier for this reference",
    "Never: no command of this API looks a dossier up by its reference.",
    "documented",
)
E204 = ErrorCode(
    "E204",
    "Le dossier est déjà actif",
    "This dossier is already active",
    "Reactivation of a monitored dossier.",
    "documented",
    rejects=("reactivateDossier",),
)
E205 = ErrorCode(
    "E205",
    "Date d'expiration dépassée pour la réactivation",
    "This dossier to reactivate has an outdated date for its re-activation."
    " Please provide a date in the future.",
    "The expiration date that a reactivation gives, or else the stored one, is not later than today.",
    "documented",
    rejects=("reactivateDossier",),
)
E301 = ErrorCode(
    "E301",
    "Le document (requirement) est désactivé",
    "This document/requirement is deactivated",
    "The account knows the document type, but it was withdrawn.",
    "documented",
    rejects=("updateDossierRequirements",),
    ends_import=True,
)
E302 = ErrorCode(
    "E302",
    "Le document (requirement) n'est pas autorisé",
    "This document/requirement is not authorized",
    "The document type is not among the account's requirements.",
    "documented",
    rejects=("updateDossierRequirements",),
    ends_import=True,
)
NOT_FOUND = ErrorCode(
    "NOT_FOUND",
    "La ressource n'existe pas",
    "The resource does not exist. Please check you search criteria and values.",
    "Account, document, file or process unknown; in EDGE any absent resource and a search without a hit.",
    "documented",
    not_found=True,
)

ERRORS: dict[str, ErrorCode] = {
    row.code: row for row in tuple(globals().values()) if isinstance(row, ErrorCode)
}
"""Every code of the API, in the order above."""

PROVIDER_ERRORS = (E101, E102, E103, E104, E105)
"""The errors that the data provider may report; a rule or a control call can fail an import with one."""
