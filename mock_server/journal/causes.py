"""Why an exchange was answered as it was: the rule that bent it, what refused it, how its import went on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Literal

from msgspec import Struct

from mock_server.domain.process import ImportProcess
from mock_server.journal.entry import Entry
from mock_server.journal.explaining import Known
from mock_server.journal.refusals import Refused, holder, sentence
from mock_server.journal.told import Told, imports_told, refusals_of, refusals_of_import

CauseKind = Literal["rule", "fault", "unmatched", "refusal", "access", "format", "import"]


class Cause(Struct, frozen=True, kw_only=True):
    """A reason in a sentence; the code, dossier and import that it is about, where there are any."""

    kind: CauseKind
    sentence: str
    code: str | None = None
    dossier_id: int | None = None
    process_id: str | None = None


def causes(entry: Entry, known: Known) -> tuple[Cause, ...]:
    """The reasons, what came first first; none for what was answered as asked.

    They are told of what the sandbox holds now, which is mostly what it held then.
    """
    return tuple(cause for find in _FINDERS for cause in find(entry, known))


def _rule(entry: Entry, known: Known) -> Iterator[Cause]:
    if entry.rule is None:
        return
    origin = known.rules.get(entry.rule, "which is in force no more")
    seen = entry.fault or entry.status
    yield Cause(
        kind="rule", sentence=f"The rule {entry.rule!r}, {origin}, bent this call: it ended with {seen}."
    )


def _fault(entry: Entry, _: Known) -> Iterator[Cause]:
    if entry.fault is not None:
        yield Cause(kind="fault", sentence=f"The client got no proper answer, but a fault: {entry.fault}.")


def _unmatched(entry: Entry, _: Known) -> Iterator[Cause]:
    if not entry.matched:
        yield Cause(kind="unmatched", sentence=_as_sentence(entry.warnings[0]))


def _refusal(entry: Entry, known: Known) -> Iterator[Cause]:
    account_id, dossier_id = entry.ids.get("accountId"), entry.ids.get("dossierId")
    refuse = partial(
        Refused,
        world=known.world,
        at=entry.at,
        account_id=account_id if isinstance(account_id, int) else None,
        dossier_id=dossier_id if isinstance(dossier_id, int) else None,
    )
    yield from _refused(refuse, refusals_of(entry), "refusal")


def _access(entry: Entry, _: Known) -> Iterator[Cause]:
    """A token or a login that was not good enough, or too many calls."""
    say = None if entry.rule is not None or entry.status is None else _ACCESS.get(entry.status)
    if say is not None:
        yield Cause(kind="access", sentence=say(_message(entry)))


def _format(entry: Entry, _: Known) -> Iterator[Cause]:
    """What HTTP itself refuses, ahead of any rule of the business."""
    is_refusal = entry.status is not None and entry.status >= HTTPStatus.BAD_REQUEST
    told = refusals_of(entry) or entry.rule is not None or not entry.matched or entry.status in _ACCESS
    if is_refusal and not told and entry.fault is None:
        yield Cause(kind="format", sentence=_as_sentence(_message(entry) or f"the answer is {entry.status}"))


def _import(entry: Entry, known: Known) -> Iterator[Cause]:
    for process in imports_told(entry, known.world):
        if process.refusals:
            yield from _failed(process, known)
        elif entry.operation == "importDossier":
            yield _going(process)


def _failed(process: ImportProcess, known: Known) -> Iterator[Cause]:
    refuse = partial(
        Refused,
        world=known.world,
        at=process.ends or process.creation,
        account_id=process.account_id,
        company_id=process.wanted.company_id,
    )
    yield from _refused(refuse, refusals_of_import(process), "import", process.process_id)


def _going(process: ImportProcess) -> Cause:
    made = process.dossier_id
    if made is not None:
        said = f"The import was accepted, and has made dossier {made}."
    elif process.ends is None:
        said = "The import was accepted, and is held: it does not end by itself."
    else:
        said = "The import was accepted, and is still running on the sandbox's clock."
    return Cause(kind="import", sentence=said, dossier_id=made, process_id=process.process_id)


def _refused(
    refuse: Callable[..., Refused],
    told: tuple[Told, ...],
    kind: CauseKind,
    process_id: str | None = None,
) -> Iterator[Cause]:
    for each in told:
        refused = refuse(told=each)
        found = holder(refused)
        yield Cause(
            kind=kind,
            code=each.code,
            sentence=sentence(refused),
            dossier_id=None if found is None else found.dossier_id,
            process_id=process_id,
        )


_ACCESS: Mapping[int, Callable[[str], str]] = {
    HTTPStatus.UNAUTHORIZED: lambda said: f"Nobody was let in. {_as_sentence(said)}",
    HTTPStatus.FORBIDDEN: lambda said: f"The token does not go that far. {_as_sentence(said)}",
    HTTPStatus.TOO_MANY_REQUESTS: lambda _: "The rate limit of the account is used up.",
}


def _message(entry: Entry) -> str:
    """What the answer says, in the format of the protocol or of the authorisation server."""
    body = entry.answer.value
    names = ("error_description", "message", "error")
    return (
        next((str(body[name]) for name in names if body.get(name)), "") if isinstance(body, Mapping) else ""
    )


def _as_sentence(text: str) -> str:
    end = "" if text.endswith((".", "?")) else "."
    return f"{text[:1].upper()}{text[1:]}{end}" if text else ""


_FINDERS: tuple[Callable[[Entry, Known], Iterator[Cause]], ...] = (
    _rule,
    _fault,
    _unmatched,
    _access,
    _format,
    _refusal,
    _import,
)
