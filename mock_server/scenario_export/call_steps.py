"""Requests of the journal as steps: the call, and the answer as what is expected."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import orjson
from msgspec import Struct, field

from mock_server.client.login import DEFAULT_PASSWORD, DEFAULT_USER, login_form
from mock_server.domain.errors import ERRORS
from mock_server.domain.names import camel, without_tag
from mock_server.domain.operations import OPERATIONS, Kind, Operation
from mock_server.domain.world import World
from mock_server.journal.entries import Entry
from mock_server.journal.hints import OTHER_SANDBOX
from mock_server.journal.redaction import FORM, HIDDEN, parse_fields, parse_pairs, redact_json
from mock_server.json_body import places
from mock_server.scenario_export.privacy import PERSONAL_MEMBERS
from mock_server.scenario_export.steps import ExportedStep, has_placeholder, json_text
from mock_server.scenarios.file_format import FAULTS, Rule
from mock_server.scenarios.results import REFUSED_COMMAND, are_not_found, error_codes
from mock_server.scenarios.templates import PLACE
from mock_server.settings import SANDBOX_HEADER

_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN = 400, 401, 403


_JSON = "application/json"
_TIMEOUT = "300ms"
"""How long the client of the scenario waits where the server sends nothing."""

_MAX_DELAY_MS = 5_000
"""The scenario does not wait for an answer that a rule delays longer."""

_MAX_LISTED = 5
"""Elements. A step expects the members of each element; of a longer list only the length."""

_MAX_LEVELS = 4
"""Levels of an answer whose members are expected."""
_STABLE_TEXT = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T.*")
_EXCLUDED_MEMBERS = PERSONAL_MEMBERS | {
    "not-before-policy",
    "path",
    "timestamp",
    "expires_in",
    "refresh_expires_in",
    "session_state",
    "scope",
    "messages",
    "errors",
}
_IDS = {
    "dossierId": "dossier",
    "thirdpartyId": "thirdparty",
    "documentId": "document",
    "fileId": "evidence",
    "processId": "process",
}
"""The ids that the server creates: their names in paths and bodies, and in `NextIds`."""


class SavedIds:
    """The ids and tokens in the answers of steps. A step saves those that a later step uses.

    `world` is the content at the start, whose ids are known without saving them.
    """

    def __init__(self, world: World) -> None:
        self._first = world.next_ids
        self._processes = {
            process_id for portfolio in world.portfolios.values() for process_id in portfolio.processes
        }
        self._known: dict[tuple[str, str], tuple[ExportedStep, str]] = {}
        self._names: dict[tuple[str, str], str] = {}

    def record(self, kind: str, value: object, step: ExportedStep, place: str) -> None:
        """Record that the answer of this step has this value at this place."""
        key = kind, str(value)
        if key not in self._known and (kind not in _IDS or self.is_new(kind, value)):
            self._known[key] = step, place

    def placeholder_for(self, kind: str, value: object) -> Any:
        """Return the placeholder of a value that an earlier step can save, else the value."""
        key = kind, str(value)
        if not self.is_known(kind, value):
            return value
        if key not in self._names:
            step, place = self._known[key]
            number = sum(1 for used_kind, _ in self._names if used_kind == kind) + 1
            self._names[key] = f"{kind}{number}"
            step.members.setdefault("save", {})[self._names[key]] = place
        return f"{{{self._names[key]}}}"

    def merge(self, step: ExportedStep, into: ExportedStep) -> bool:
        """Let the equal step `into` save the values of a step that repeats it; return False if it cannot.

        A repeated step saves from its last answer, so a step that imports a dossier is not repeated.
        """
        keys = [key for key, (owner, _) in self._known.items() if owner is step]
        if any(kind == "processId" for kind, _ in keys):
            return False
        for key in keys:
            self._known[key] = into, self._known[key][1]
        return True

    def is_known(self, kind: str, value: object) -> bool:
        """Whether an earlier step can save it."""
        return (kind, str(value)) in self._known

    def is_new(self, kind: str, value: object) -> bool:
        """Whether the id did not exist at the start."""
        if kind == "processId":
            return value not in self._processes
        first_id: int = getattr(self._first, _IDS[kind])
        return isinstance(value, int) and value >= first_id


class CallContext(Struct, kw_only=True):
    """What the steps of one file have in common: ids, declared users, and the rules by name.

    `refusals` is the variant of that name at the start. `headers` are those that the rules compare, in lower
    case. `refresh_users` has the user of each refresh token.
    """

    ids: SavedIds
    users: Collection[str]
    rules: Mapping[str, Rule]
    refusals: str
    headers: Collection[str] = ()
    refresh_users: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.headers = {name.lower() for rule in self.rules.values() for name in rule.when.headers}


def reason_to_leave_out(entry: Entry, context: CallContext) -> str | None:
    """Return why a scenario cannot have this request, None if it can."""
    if entry.operation is None:
        return "it is not an operation of the API"
    if entry.method != OPERATIONS[entry.operation].method:
        return f"a step sends {OPERATIONS[entry.operation].method}, not {entry.method}"
    if entry.exchange.without_bodies:
        return "the journal did not keep its body (--journal-bytes)"
    if entry.body.note is not None:
        return f"its body is {entry.body.note}"
    if has_placeholder([entry.path, _plain_texts(entry), _sent_headers(entry, context)]):
        return "it has a text in braces, which a scenario would replace"
    return None


def _plain_texts(entry: Entry) -> list[Any]:
    """Return what is sent unchanged: the values of the query, and a body that is not JSON."""
    sent: list[Any] = [value for _, value in parse_pairs(entry.raw_query)]
    return sent if _is_json(entry.exchange.body) else [*sent, entry.body.value]


def _sent_headers(entry: Entry, context: CallContext) -> dict[str, str]:
    """Return the headers that a rule or strict mode reads, and a content type that is not the usual one."""
    headers = {name: value for name, value in entry.headers.items() if name in context.headers}
    headers.pop("authorization", None)
    if OTHER_SANDBOX in entry.hints:
        headers[SANDBOX_HEADER] = "another"
    content_type = entry.headers.get("content-type", "")
    if entry.exchange.body and content_type != _JSON and not _is_form(entry):
        headers["content-type"] = content_type
    return headers


def _is_form(entry: Entry) -> bool:
    return entry.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def call_step(entry: Entry, context: CallContext) -> ExportedStep:
    """Return a request for which there is no `reason_to_leave_out` as a step."""
    operation = OPERATIONS[entry.operation or ""]
    step = ExportedStep(members={"name": f"request {entry.number}: {operation.name}"})
    members = step.members
    if operation.kind is not Kind.TOKEN and entry.exchange.dialect is not None:
        members["dialect"] = entry.exchange.dialect
    members["call"] = operation.name
    if operation.kind is Kind.TOKEN:
        _token_request(entry, step, context)
    else:
        _api_request(entry, step, context)
    if HIDDEN in str(members):
        step.comments.append("Its secrets are replaced by ***.")
    fault = _fault(entry, step, context.rules)
    if fault == "NO_RESPONSE":
        members["timeout"] = _TIMEOUT
    members["expect"] = _expected(entry, operation, context) if fault is None else {"fault": fault}
    if fault is None:
        _record_ids(entry.answer.value, step, context.ids)
    return step


def _fault(entry: Entry, step: ExportedStep, rules: Mapping[str, Rule]) -> str | None:
    """Return the fault that the client saw, or None; NO_RESPONSE for an answer that is very late."""
    effect = entry.exchange.rule_effect
    if effect in FAULTS:
        return effect
    rule = rules.get(entry.rule or "")
    delay = None if rule is None else rule.then.delay
    delay_ms = 0.0 if delay is None else getattr(delay, "milliseconds", getattr(delay, "lower", 0.0))
    if delay_ms <= _MAX_DELAY_MS:
        return entry.exchange.fault
    step.comments.append(f"The answer came after {delay_ms / 1000:g} s; the scenario does not wait for it.")
    return "NO_RESPONSE"


# The request


def _api_request(entry: Entry, step: ExportedStep, context: CallContext) -> None:
    members, headers = step.members, entry.headers
    if entry.status == _UNAUTHORIZED and entry.exchange.rule_effect is None:
        members["token"] = "invalid" if "authorization" in headers else ""
        if entry.user is not None:
            step.comments.append("The token had expired or was ended; an invalid one stands for it.")
    elif entry.status == _FORBIDDEN and entry.user is None and "authorization" in headers:
        members["token"] = "{accessToken}AAAA"  # noqa: S105  # an altered token
    elif entry.user not in {None, DEFAULT_USER}:
        members["as"] = {"username": entry.user}
    path = {
        camel(name): context.ids.placeholder_for(camel(name), value)
        for name, value in entry.exchange.ids.items()
    }
    if path:
        members["path"] = path
    _add_query(entry, step, context)
    _add_headers(entry, step, context)
    _add_body(entry, step)


def _add_query(entry: Entry, step: ExportedStep, context: CallContext) -> None:
    values_by_name: dict[str, list[str]] = {}
    for name, value in parse_pairs(entry.raw_query):
        values_by_name.setdefault(name, []).append(context.ids.placeholder_for(name, value))
    values_by_name.pop("sandbox", None)
    # A list with one value is written as the value. The list of a secret parameter has become a text.
    query = {
        name: values if len(values) > 1 else values[0] for name, values in redact_json(values_by_name).items()
    }
    if query:
        step.members["query"] = query


def _add_headers(entry: Entry, step: ExportedStep, context: CallContext) -> None:
    headers = _sent_headers(entry, context)
    if headers:
        step.members["headers"] = headers


def _add_body(entry: Entry, step: ExportedStep) -> None:
    value, raw = entry.body.value, entry.exchange.body
    if value is None:
        step.members |= {"text": "null"} if raw.strip() == b"null" else {}
    elif _is_form(entry) and isinstance(value, dict):
        step.members["form"] = value
    elif not _is_json(raw):
        step.members["text"] = value
    else:
        step.as_text = has_placeholder(value) or (
            # The check of scenarios rejects numbers where the API has texts, if a step expects success.
            entry.exchange.rule_effect is not None and _has_number(value)
        )
        step.members["body"] = value  # without placeholders: no body has ids


def _has_number(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_number, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int | float)


def _is_json(raw: bytes) -> bool:
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        return False
    return True


# Token requests


def _token_request(entry: Entry, step: ExportedStep, context: CallContext) -> None:
    """Write a login with another password: that of the fixtures, or a wrong one if it was rejected."""
    _add_query(entry, step, context)
    _add_headers(entry, step, context)
    if not _is_form(entry):
        value = entry.body.value
        step.members["text"] = json_text(value) if _is_json(entry.exchange.body) else value or ""
        return
    fields = parse_fields(entry.exchange.body)
    form = _other_fields(fields)
    username = without_tag(fields.get("username", "").strip()) or None
    if "refresh_token" in fields:
        form["refresh_token"] = _refresh_token(entry, fields["refresh_token"], step, context)
        username = username or context.refresh_users.get(fields["refresh_token"])
    if "password" in fields:
        form |= _other_password(entry, fields["password"], context.rules)
        username = _declared_user(entry, username, step, context)
    if username not in {None, DEFAULT_USER}:
        step.members["as"] = {"username": username}
    if form:
        step.members["form"] = form
    _record_tokens(entry, username or DEFAULT_USER, step, context)


def _declared_user(
    entry: Entry, username: str | None, step: ExportedStep, context: CallContext
) -> str | None:
    """Return the user; for a rejected password a declared one: for other users, any password is accepted."""
    if entry.status != _UNAUTHORIZED or username is None or username in context.users:
        return username
    step.comments.append(f"{DEFAULT_USER} stands for a user who is not declared.")
    return DEFAULT_USER


def _other_password(entry: Entry, password: str, rules: Mapping[str, Rule]) -> dict[str, Any]:
    """Return a wrong password if a wrong or an empty one was sent, else no member.

    If a rule compared it, it is hidden as in the rule.
    """
    rule = rules.get(entry.rule or "")
    if rule is not None and isinstance(rule.when.body, Mapping) and "password" in rule.when.body:
        return {"password": HIDDEN}
    is_wrong = entry.status == _UNAUTHORIZED and entry.exchange.rule_effect is None
    return {"password": password and "wrong"} if is_wrong or not password else {}


def _other_fields(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that differ from a login by password, and null for those that are missing."""
    default = login_form(DEFAULT_USER, DEFAULT_PASSWORD)
    redacted = redact_json(dict(fields))
    form = {
        name: redacted[name]
        for name, value in fields.items()
        if name not in {"username", "password", "refresh_token"} and default.get(name) != value
    }
    is_login = fields.get("grant_type", "password") == "password"
    required = default if is_login else {name: default[name] for name in ("grant_type", "client_id")}
    return form | {name: None for name in required if name not in fields}


def _refresh_token(entry: Entry, token: str, step: ExportedStep, context: CallContext) -> str:
    if context.ids.is_known("refreshToken", token):
        return str(context.ids.placeholder_for("refreshToken", token))
    if (entry.status or 0) >= _BAD_REQUEST or not token:
        return token and "invalid"
    step.comments.append("Its refresh token is older than this scenario: that of the user stands for it.")
    return "{refreshToken}"


def _record_tokens(entry: Entry, user: str, step: ExportedStep, context: CallContext) -> None:
    """Record the refresh token of the answer, to recognize it in later requests; it is never written."""
    try:
        answer = orjson.loads(entry.packed.answer or b"")
    except orjson.JSONDecodeError:
        return
    token = answer.get("refresh_token") if isinstance(answer, dict) else None
    if isinstance(token, str):
        context.ids.record("refreshToken", token, step, "refresh_token")
        context.refresh_users[token] = user


# The answer


def _expected(entry: Entry, operation: Operation, context: CallContext) -> dict[str, Any]:
    body = entry.answer.value
    codes = _codes(body)
    stable = _stable(body, context.ids, "", _MAX_LEVELS)
    expect: dict[str, Any] = {"body": stable} if isinstance(stable, dict) else {}
    if operation.kind is not Kind.COMMAND or are_not_found(codes):
        return {"status": entry.status} | ({"refused": codes} if codes else {}) | expect
    if entry.status in REFUSED_COMMAND[context.refusals]:
        return {"refused": codes} | expect
    # The variant was changed after the start: the step expects status and codes, without `refused`.
    errors = body.get("messages", {}).get("error", [])
    messages = {"messages": {"error": [{"code": error["code"]} for error in errors]}} if errors else {}
    return {"status": entry.status, "body": expect.get("body", {}) | messages}


def _codes(body: Any) -> list[str]:
    """Return the business codes of an answer that rejects something."""
    codes = error_codes(body)
    content = body.get("content") if isinstance(body, dict) else None
    succeeded = isinstance(content, dict) and content.get("success") not in {None, False}
    return [] if succeeded or any(code not in ERRORS for code in codes) else codes


def _stable(value: Any, ids: SavedIds, name: str, levels: int) -> Any:
    """Return the part of an answer that is the same in every run; None if there is none.

    `name` is that of the member, and `levels` how many more levels are read. Dates, personal data and texts
    for people are left out, and so are ids that no step can save.
    """
    if isinstance(value, dict):
        stable = {
            key: _stable(part, ids, key, levels - 1)
            for key, part in value.items()
            if levels and key not in _EXCLUDED_MEMBERS and not key.startswith("$")
        }
        return {key: part for key, part in stable.items() if part is not None} or None
    if isinstance(value, list):
        return _stable_list(value, ids, name, levels)
    if name in _IDS and value is not None:
        is_unknown = ids.is_new(name, value) and not ids.is_known(name, value)
        return None if is_unknown else ids.placeholder_for(name, value)
    if isinstance(value, str):
        is_stable = _STABLE_TEXT.fullmatch(value) and not _DATE_TIME.match(value) and value != HIDDEN
        return value if is_stable else None
    return value


def _stable_list(values: list[Any], ids: SavedIds, name: str, levels: int) -> Any:
    if not levels or len(values) > _MAX_LISTED:
        return {"$length": len(values)}
    stable = [_stable(part, ids, name, levels - 1) for part in values]
    if all(part is None for part in stable):
        return {"$length": len(values)}
    return [{"$any": True} if part is None else part for part in stable]


def _record_ids(answer: Any, step: ExportedStep, ids: SavedIds) -> None:
    """Record the ids in an answer, so that later steps can use them."""
    for place, value in places(answer):
        name = place.rpartition(".")[2]
        if name in _IDS and value is not None and PLACE.fullmatch(place):
            ids.record(name, value, step, place)
