"""Why an exchange is not the one expected, in sentences that speak of dossiers, companies and imports.

A row of the table knows one way to miss; the first that has something to say about a difference says it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import UNSET, Struct

from mock_server.domain.checks import normalised
from mock_server.domain.errors import NotFound
from mock_server.domain.model import Dossier
from mock_server.domain.process import ImportProcess
from mock_server.domain.sortedset import EMPTY
from mock_server.domain.variants import Variants
from mock_server.domain.world import Portfolio, World, process_of
from mock_server.journal.entry import Entry
from mock_server.journal.likeness import same_but_for_type, same_company, same_day, same_reference, same_text
from mock_server.journal.parameters import MEMBERS, QUERIES, near
from mock_server.scenarios.matching import ABSENT, Difference

_COMPANY_NUMBERS = {"siren", "siret", "tva", "companyIdValue"}
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_REFUSED = 400


class Known(Struct, frozen=True, kw_only=True):
    """What there is to explain with: the world as it is now, and how it compares references."""

    world: World
    variants: Variants


class Case(Struct, frozen=True, kw_only=True):
    """A difference between what is expected and an exchange; `alone` when it is the only one."""

    difference: Difference
    entry: Entry
    known: Known
    alone: bool

    @property
    def found(self) -> Any:
        """What was found."""
        return self.difference.found

    @property
    def wanted(self) -> Any:
        """What was expected, UNSET where that is no single value."""
        return self.difference.wanted

    @property
    def name(self) -> str:
        """The last part of the place: `dossierReference` of `body.dossierReference`."""
        return self.difference.at.rpartition(".")[2]

    @property
    def portfolio(self) -> Portfolio | None:
        """What the account of the exchange holds now."""
        account_id = self.entry.ids.get("accountId")
        return self.known.world.portfolios.get(account_id) if isinstance(account_id, int) else None


def reasons(differences: Iterable[Difference], entry: Entry, known: Known) -> tuple[str, ...]:
    """A sentence for each difference."""
    found = tuple(differences)
    cases = (
        Case(difference=difference, entry=entry, known=known, alone=len(found) == 1) for difference in found
    )
    return tuple(_sentence(case) for case in cases)


def _sentence(case: Case) -> str:
    sentences = (explain(case) for explain in _EXPLANATIONS)
    return next((sentence for sentence in sentences if sentence), str(case.difference))


def _another_operation(case: Case) -> str | None:
    if case.difference.at != "operation":
        return None
    if case.entry.operation is None:
        return (
            case.entry.warnings[0] if case.entry.warnings else f"it was {case.entry.method} {case.entry.path}"
        )
    return f"it was {case.entry.operation}"


def _another_account(case: Case) -> str | None:
    if case.difference.at != "accountId" or case.found is ABSENT:
        return None
    right = "it was the right call, but " if case.alone else "it was made "
    return f"{right}on account {case.found}, expected is {_expected(case)}"


def _another_dossier(case: Case) -> str | None:
    if case.difference.at != "dossierId" or case.found is ABSENT or case.portfolio is None:
        return None
    dossier = case.portfolio.dossiers.get(int(case.found))
    which = f" with reference {dossier.reference!r}" if dossier else ", which the account does not have"
    return f"it was about dossier {case.found}{which}, expected is {_expected(case)}"


def _another_user(case: Case) -> str | None:
    if case.difference.at != "user":
        return None
    who = "nobody who was logged in" if case.found is ABSENT else case.found
    return f"it was made by {who}, expected is {_expected(case)}"


def _another_answer(case: Case) -> str | None:
    if case.difference.at not in {"status", "code"}:
        return None
    entry = case.entry
    told = f" with {', '.join(entry.codes)}" if entry.codes else ""
    seen = entry.fault or f"{entry.status}{told}"
    outcome = _outcome(case) if entry.operation == "importDossier" and _is_refusal(case) else None
    return f"it was answered {seen}{outcome or f', expected is {_expected(case)}'}"


def _is_refusal(case: Case) -> bool:
    """Whether a refusal was expected."""
    at_status = case.difference.at == "status"
    return not at_status or (isinstance(case.wanted, int) and case.wanted >= _REFUSED)


def _outcome(case: Case) -> str | None:
    """How the import that was launched went on."""
    process = _process(case)
    if process is None:
        return None
    if not process.complete:
        how = "is still running"
    elif process.refusals:
        how = f"ended with {', '.join(refusal.error.code for refusal in process.refusals)}"
    else:
        how = f"made dossier {process.dossier_id}"
    return f": the import was accepted, and its process {process.process_id} {how}, which getProcess tells"


def _process(case: Case) -> ImportProcess | None:
    body = case.entry.answer.value
    content = body.get("content") if isinstance(body, Mapping) else None
    process_id = content.get("processId") if isinstance(content, Mapping) else None
    try:
        return process_of(case.known.world, str(process_id))
    except NotFound:
        return None


def _not_sent(case: Case) -> str | None:
    """Nothing of that name was sent; a name that is nearly the same was, or would be right."""
    if case.found is not ABSENT:
        return None
    meant = near(case.name, _beside(case))
    if meant:
        return f"the call sends {meant!r} and no {case.name!r}: names are taken as they are spelled"
    place = case.difference.at.partition(".")[0]
    known = (MEMBERS if place == "body" else QUERIES).get(case.entry.operation or "", ())
    right = None if case.name in known else near(case.name, known)
    advice = f"; did you mean {right!r}, which {case.entry.operation} reads?" if right else ""
    return f"the call sends no {case.name!r}{advice}"


def _no_body(case: Case) -> str | None:
    if case.difference.at != "body" or case.found is not None:
        return None
    return "the call has no body" if case.entry.body.note is None else f"its body is {case.entry.body.note}"


def _another_type(case: Case) -> str | None:
    said = same_but_for_type(case.found, case.wanted) if case.difference.at.startswith("body") else None
    return said and f"{case.name} {said}"


def _another_reference(case: Case) -> str | None:
    if case.name != "dossierReference" or not _are_texts(case):
        return None
    said = same_reference(case.found, case.wanted, case.known.variants)
    holder = _holder(case)
    which = f", which dossier {holder.dossier_id} has" if holder else ""
    if said:
        return f"reference {case.found!r} {said}{which}"
    return f"reference {case.found!r} is not {case.wanted!r}{which}" if holder else None


def _holder(case: Case) -> Dossier | None:
    """The first dossier of the account that has the reference found."""
    if case.portfolio is None:
        return None
    key = ("reference", normalised(case.found, case.known.variants))
    found = case.portfolio.index.get(key, EMPTY).first
    return None if found is None else case.portfolio.dossiers[found]


def _another_company(case: Case) -> str | None:
    said = (
        same_company(case.found, case.wanted) if case.name in _COMPANY_NUMBERS and _are_texts(case) else None
    )
    return said and f"{case.name} {case.found!r} {said}"


def _another_date(case: Case) -> str | None:
    said = same_day(case.found, case.wanted) if case.name.endswith("Date") and _are_texts(case) else None
    return said and f"{case.name} {case.found!r} {said}"


def _another_text(case: Case) -> str | None:
    said = same_text(case.found, case.wanted) if _are_texts(case) else None
    return said and f"{case.name} {case.found!r} {said}"


_EXPLANATIONS: tuple[Callable[[Case], str | None], ...] = (
    _another_operation,
    _another_account,
    _another_dossier,
    _another_user,
    _another_answer,
    _no_body,
    _not_sent,
    _another_type,
    _another_reference,
    _another_company,
    _another_date,
    _another_text,
)


def _expected(case: Case) -> str:
    return case.difference.expected if case.wanted is UNSET else str(case.wanted)


def _are_texts(case: Case) -> bool:
    return isinstance(case.found, str) and isinstance(case.wanted, str)


def _beside(case: Case) -> Iterable[str]:
    """The names that were sent where this one is missing."""
    place, _, rest = case.difference.at.partition(".")
    if place == "query":
        return case.entry.query
    if place == "headers":
        return case.entry.headers
    here: Any = case.entry.body.value
    for name, number in _STEP.findall(f".{rest}")[:-1]:
        here = here[int(number)] if number else here[name]
    return here if place == "body" and isinstance(here, Mapping) else ()
