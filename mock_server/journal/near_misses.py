"""Explanations of near misses: why an exchange does not match, in terms of dossiers, companies and imports.

Each explanation handles one kind of difference; the first that applies is used. A sentence states only what
was computed from the two values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from itertools import combinations
from typing import Any

import msgspec
from msgspec import UNSET, Struct, field
from msgspec.structs import asdict

from mock_server.domain.checks import normalize_reference
from mock_server.domain.errors import NotFound
from mock_server.domain.identifiers import french_vat_of, is_well_formed, siren_of
from mock_server.domain.local_time import local_day
from mock_server.domain.model import CompanyId, CompanyIdType, Dossier, ImportProcess
from mock_server.domain.variants import Variants
from mock_server.domain.world import Portfolio, World, find_process
from mock_server.journal.entries import Entry
from mock_server.journal.hints import MEMBERS, QUERIES, similar_name
from mock_server.scenarios.matching import ABSENT, Difference
from mock_server.scenarios.templates import value_at

_COMPANY_NUMBERS = {"siren", "siret", "tva", "companyIdValue"}

_DAY_FIRST = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})[/.]?(\d{1,2})[/.]?(\d{1,2})", re.ASCII)
_SIRET_DIGITS = 14
_SIREN_DIGITS = 9
_FIRST_ERROR_STATUS = 400


class ExplainContext(Struct, frozen=True, kw_only=True):
    """The sandbox's present content and variants, which explanations refer to.

    `rules` has the origin of each active rule by name, such as `of the scenario 'outage'`. `frozen_at` is the
    time at which the clock is frozen, None while it runs.
    """

    world: World
    variants: Variants
    rules: Mapping[str, str] = field(default_factory=dict)
    frozen_at: datetime | None = None


class Mismatch(Difference, frozen=True, kw_only=True):
    """A difference between a filter and an exchange; `alone` if it is the only one of that exchange.

    `at` is its place, such as `body.dossierReference`.
    """

    entry: Entry
    context: ExplainContext
    alone: bool

    @property
    def plain(self) -> str:
        """What was expected, a plain value without quotes."""
        return self.expected if self.wanted is UNSET else str(self.wanted)

    @property
    def name(self) -> str:
        """The last part of the place."""
        return self.at.rpartition(".")[2]

    @property
    def are_texts(self) -> bool:
        """Whether both values are texts."""
        return isinstance(self.found, str) and isinstance(self.wanted, str)

    @property
    def portfolio(self) -> Portfolio | None:
        """The present content of the account of the exchange."""
        account_id = self.entry.ids.get("accountId")
        return self.context.world.portfolios.get(account_id) if isinstance(account_id, int) else None


def explain_mismatches(
    differences: Sequence[Difference], entry: Entry, context: ExplainContext
) -> tuple[str, ...]:
    """Return a sentence for each difference."""
    alone = len(differences) == 1
    return tuple(
        _explain(Mismatch(**asdict(difference), entry=entry, context=context, alone=alone))
        for difference in differences
    )


def _explain(mismatch: Mismatch) -> str:
    sentences = (explain(mismatch) for explain in _EXPLANATIONS)
    return next((sentence for sentence in sentences if sentence), str(mismatch))


def _operation(mismatch: Mismatch) -> str | None:
    if mismatch.at != "operation":
        return None
    entry = mismatch.entry
    if entry.operation is not None:
        return f"it was {entry.operation}"
    return entry.warnings[0] if entry.warnings else f"it was {entry.method} {entry.path}"


def _account(mismatch: Mismatch) -> str | None:
    if mismatch.at != "accountId" or mismatch.found is ABSENT:
        return None
    right = "it was the right call, but " if mismatch.alone else "it was made "
    return f"{right}on account {mismatch.found}, expected {mismatch.plain}"


def _dossier(mismatch: Mismatch) -> str | None:
    if mismatch.at != "dossierId" or mismatch.found is ABSENT or mismatch.portfolio is None:
        return None
    dossier = mismatch.portfolio.dossiers.get(int(mismatch.found))
    which = f" with reference {dossier.reference!r}" if dossier else ", which the account does not have"
    return f"it was about dossier {mismatch.found}{which}, expected {mismatch.plain}"


def _user(mismatch: Mismatch) -> str | None:
    if mismatch.at != "user":
        return None
    who = "without a login" if mismatch.found is ABSENT else f"by {mismatch.found}"
    return f"it was made {who}, expected {mismatch.plain}"


def _answer(mismatch: Mismatch) -> str | None:
    if mismatch.at not in {"status", "code"}:
        return None
    entry = mismatch.entry
    codes = f" with {', '.join(entry.codes)}" if entry.codes else ""
    answer = entry.fault or f"{entry.status}{codes}"
    wanted = mismatch.wanted
    wants_refusal = mismatch.at == "code" or (isinstance(wanted, int) and wanted >= _FIRST_ERROR_STATUS)
    outcome = _outcome(mismatch) if entry.operation == "importDossier" and wants_refusal else None
    return f"it was answered {answer}{outcome or f', expected {mismatch.plain}'}"


def _rule(mismatch: Mismatch) -> str | None:
    if mismatch.at != "rule" or mismatch.found is not ABSENT:
        return None
    return f"no rule changed its answer, expected {mismatch.plain}"


def _warning(mismatch: Mismatch) -> str | None:
    if mismatch.at != "warning":
        return None
    found = ", ".join(mismatch.found)
    return f"it has {f'the warning {found}' if found else 'no warning'}, expected {mismatch.plain}"


def _outcome(mismatch: Mismatch) -> str | None:
    """Say how the import that the call started has ended."""
    body = mismatch.entry.answer.value
    process = process_in(body.get("content") if isinstance(body, Mapping) else None, mismatch.context.world)
    if process is None:
        return None
    if not process.complete:
        how = "is still running"
    elif process.refusals:
        how = f"ended with {', '.join(refusal.error.code for refusal in process.refusals)}"
    else:
        how = f"created dossier {process.dossier_id}"
    return f": the import was accepted, and its process {process.process_id} {how} (see getProcess)"


def process_in(content: Any, world: World) -> ImportProcess | None:
    """Return the import process that the content of an answer names, as it is now."""
    process_id = content.get("processId") if isinstance(content, Mapping) else None
    try:
        return find_process(world, str(process_id))
    except NotFound:
        return None


def _body(mismatch: Mismatch) -> str | None:
    if mismatch.at != "body" or mismatch.found is not None:
        return None
    note = mismatch.entry.body.note
    return "the call has no body" if note is None else f"its body is {note}"


def _missing(mismatch: Mismatch) -> str | None:
    """Name a missing member, parameter or header, and a similar name that was sent or would be right."""
    if mismatch.found is not ABSENT:
        return None
    name = mismatch.name
    similar_sent = similar_name(name, _names_sent(mismatch))
    if similar_sent:
        return f"the call sends {similar_sent!r} and no {name!r}"
    place = mismatch.at.partition(".")[0]
    if place == name:
        return f"it has no {name}"  # an id of the path, or of the third party of its dossier
    operation = mismatch.entry.operation or ""
    known = (MEMBERS if place == "body" else QUERIES).get(operation, ())
    right = None if name in known else similar_name(name, known)
    advice = f"; did you mean {right!r}, which {operation} reads?" if right else ""
    return f"the call sends no {name!r}{advice}"


def _names_sent(mismatch: Mismatch) -> Iterable[str]:
    """Return the names that were sent at the place of the missing one."""
    place, _, member_path = mismatch.at.partition(".")
    if place == "query":
        return mismatch.entry.query
    if place == "headers":
        return mismatch.entry.headers
    value = value_at(mismatch.entry.body.value, member_path.rpartition(".")[0])
    return value if place == "body" and isinstance(value, Mapping) else ()


def _type(mismatch: Mismatch) -> str | None:
    """Say that the text "10" is not the number 10, nor "true" the boolean, nor "null" null."""
    found, wanted = mismatch.found, mismatch.wanted
    if not mismatch.at.startswith("body") or isinstance(found, str) == isinstance(wanted, str):
        return None
    if isinstance(found, Mapping | list) or isinstance(wanted, Mapping | list) or wanted is UNSET:
        return None
    if found is ABSENT or _plain_json(found) != _plain_json(wanted):
        return None
    return f"{mismatch.name} is {_describe_value(found)}, expected {_describe_value(wanted)}"


def _plain_json(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _describe_value(value: Any) -> str:
    if value is None:
        return "null"
    kind = "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    return f"the {kind} {value!r}" if kind == "text" else f"the {kind} {_plain_json(value)}"


def _reference(mismatch: Mismatch) -> str | None:
    """Compare two references as the platform does. behaviour.md 6.1."""
    if mismatch.name != "dossierReference" or not mismatch.are_texts:
        return None
    found, wanted, variants = mismatch.found, mismatch.wanted, mismatch.context.variants
    holder = _dossier_with_reference(mismatch)
    of_dossier = f"; dossier {holder.dossier_id} has {holder.reference!r}" if holder else ""
    kinds = compare_texts(found, wanted)
    if normalize_reference(found, variants) == normalize_reference(wanted, variants):
        detail = f": {_only_these_differ(kinds)}" if kinds else ""
        return f"reference {found!r} is the same as {wanted!r} for the platform{detail}{of_dossier}"
    if kinds:
        variant = _VARIANTS.get(kinds)
        counts = f", which matters (variant {variant})" if variant else ""
        return f"reference {found!r} is not {wanted!r}: {_only_these_differ(kinds)}{counts}{of_dossier}"
    return f"reference {found!r} is not {wanted!r}{of_dossier}" if holder else None


_VARIANTS: dict[tuple[str, ...], str] = {("capitals",): "referenceCase", ("white space",): "referenceSpaces"}
"""The variant that makes the platform ignore a difference between references."""


def _dossier_with_reference(mismatch: Mismatch) -> Dossier | None:
    """Return the first dossier of the account that has the reference found."""
    if mismatch.portfolio is None:
        return None
    reference = normalize_reference(mismatch.found, mismatch.context.variants)
    dossier_id = mismatch.portfolio.index.find("reference", reference).first
    return None if dossier_id is None else mismatch.portfolio.dossiers[dossier_id]


def _text(mismatch: Mismatch) -> str | None:
    if not mismatch.are_texts:
        return None
    found, wanted, name = mismatch.found, mismatch.wanted, mismatch.name
    comparison = compare_company_numbers(found, wanted) if name in _COMPANY_NUMBERS else None
    comparison = comparison or (compare_days(found, wanted) if name.endswith("Date") else None)
    kinds = compare_texts(found, wanted)
    comparison = comparison or (f"is not {wanted!r}: {_only_these_differ(kinds)}" if kinds else None)
    return comparison and f"{name} {found!r} {comparison}"


_EXPLANATIONS: tuple[Callable[[Mismatch], str | None], ...] = (
    _operation,
    _account,
    _dossier,
    _user,
    _answer,
    _rule,
    _warning,
    _body,
    _missing,
    _type,
    _reference,
    _text,
)


_IGNORED: dict[str, Callable[[str], str]] = {
    "white space": lambda text: "".join(text.split()),
    "capitals": str.lower,
    "separators": lambda text: re.sub(r"[.\-/_]", "", text),
}
"""Kinds of differences between texts, each with a function that removes that difference."""


def compare_texts(found: str, wanted: str) -> tuple[str, ...]:
    """Return the fewest kinds of difference that explain why two texts differ, empty if none do."""
    for count in range(1, len(_IGNORED) + 1):
        for kinds in combinations(_IGNORED, count):
            if _remove_differences(kinds, found) == _remove_differences(kinds, wanted):
                return kinds if found != wanted else ()
    return ()


def _remove_differences(kinds: Iterable[str], text: str) -> str:
    for kind in kinds:
        text = _IGNORED[kind](text)
    return text


def _only_these_differ(kinds: tuple[str, ...]) -> str:
    *others, last = kinds
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"only {listed} {'differs' if kinds == ('white space',) else 'differ'}"


def compare_company_numbers(found: str, wanted: str) -> str | None:
    """Say that two numbers differ in separators, by a typing error, or are of one company; else None."""
    kinds = compare_texts(found, wanted)
    if kinds and "capitals" not in kinds:
        return f"is not {wanted!r}: {_only_these_differ(kinds)}; the API accepts only the plain number"
    return _typing_error(found, wanted) or _same_company(found, wanted)


def _typing_error(found: str, wanted: str) -> str | None:
    """Say that one character differs, or two are swapped; None for any other difference."""
    if len(found) != len(wanted):
        return None
    places = [
        at for at, (character, other) in enumerate(zip(found, wanted, strict=True)) if character != other
    ]
    if len(places) == 1:
        how = f"only the {_ordinal(places[0] + 1)} character differs"
    elif len(places) == 2 and sorted(found) == sorted(wanted):  # noqa: PLR2004  # two characters
        how = f"the {_ordinal(places[0] + 1)} and {_ordinal(places[1] + 1)} characters are swapped"
    else:
        return None
    return f"is not {wanted!r}: {how}{_luhn_failure(found, wanted)}"


def _ordinal(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number not in {11, 12, 13} else "th"
    return f"{number}{suffix}"


def _luhn_failure(found: str, wanted: str) -> str:
    """Say which of two SIRETs fails the Luhn check."""
    if not all(len(text) == _SIRET_DIGITS and _are_digits(text) for text in (found, wanted)):
        return ""
    if not _is_siret(found):
        return "; it fails the Luhn check"
    return "" if _is_siret(wanted) else "; the expected one fails the Luhn check"


def _same_company(found: str, wanted: str) -> str | None:
    siren = _siren(found)
    if siren is None or siren != _siren(wanted) or found == wanted:
        return None
    if len(found) == len(wanted):
        return f"is another establishment of the company of {wanted!r}"
    return f"is the {_number_type(found)} of the company whose {_number_type(wanted)} is {wanted!r}"


def _siren(number: str) -> str | None:
    """Return the SIREN in a SIREN, a SIRET or a French VAT number."""
    if _are_digits(number) and len(number) in {_SIREN_DIGITS, _SIRET_DIGITS}:
        return siren_of(number)
    siren = number[-_SIREN_DIGITS:]
    return siren if _are_digits(siren) and number == french_vat_of(siren) else None


def _number_type(number: str) -> str:
    return {_SIREN_DIGITS: "SIREN", _SIRET_DIGITS: "SIRET"}.get(len(number), "VAT number")


def _are_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_siret(value: str) -> bool:
    return is_well_formed(CompanyId(CompanyIdType.SIRET, value))


def compare_days(found: str, wanted: str) -> str | None:
    """Say that two texts are notations of the same day; None if they are not."""
    day = _day(found)
    if day is None or day != _day(wanted) or found == wanted:
        return None
    if _iso_day(found) is None:
        return f"is probably {day.isoformat()}, but the API accepts only ISO 8601"
    return f"is the same day as {wanted!r}, but not the same text"


def _day(text: str) -> date | None:
    return _iso_day(text) or _other_day(text.strip())


def _iso_day(text: str) -> date | None:
    with suppress(ValueError):
        return local_day(text)
    return None


def _other_day(text: str) -> date | None:
    """Read a day in another notation, which has the day or the year first."""
    with suppress(ValueError):
        if match := _DAY_FIRST.fullmatch(text):
            day, month, year = map(int, match.groups())
            return date(year, month, day)
        if match := _YEAR_FIRST.fullmatch(text):
            return date(*map(int, match.groups()))
    return None
