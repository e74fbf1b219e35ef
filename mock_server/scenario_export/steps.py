"""The steps of an exported scenario, and control calls as steps."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec import NODEFAULT, UNSET, Struct, field
from msgspec.structs import FieldInfo, fields

from mock_server.scenario_export.privacy import Privacy
from mock_server.scenarios.templates import PLACEHOLDER

_AT_END = {"expect": 1, "save": 2}
_OPENING_BRACE = re.compile(r"\{(?=[A-Za-z][A-Za-z0-9]*\})")


class ExportedStep(Struct, kw_only=True):
    """A step of an exported scenario, and the comments above it.

    A step without `members` is only a comment, about something that a file cannot express. With `as_text`,
    the body is written as a text, in which the runner replaces nothing: it is large, or has a text such as
    `{name}` that is not a placeholder.
    """

    members: dict[str, Any] = {}
    comments: list[str] = field(default_factory=list)
    as_text: bool = False


def control_step(name: str, call: str, body: object = None) -> ExportedStep:
    """Return a control call as a step."""
    members = {"name": name, "control": call} | ({} if body is None else {"body": body})
    return ExportedStep(members=members, as_text=has_placeholder(body))


def step_of_file(step: ExportedStep, privacy: Privacy) -> ExportedStep:
    """Return a step as the file has it: `expect` and `save` at the end, and without personal data."""
    members = sorted(privacy.clean_value(step.members).items(), key=lambda member: _AT_END.get(member[0], 0))
    if step.as_text:
        members = [("text", json_text(value)) if name == "body" else (name, value) for name, value in members]
    return ExportedStep(members=dict(members), comments=list(map(privacy.clean_text, step.comments)))


def has_placeholder(value: object) -> bool:
    """Whether the runner would replace something in this value: a text such as `{name}`."""
    if isinstance(value, str):
        return PLACEHOLDER.search(value) is not None
    if isinstance(value, Mapping):
        return any(map(has_placeholder, value.values()))
    return isinstance(value, list | tuple) and any(map(has_placeholder, value))


def json_text(value: object) -> str:
    """Return JSON in which the runner replaces nothing: the brace of `{name}` is escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _OPENING_BRACE.sub(r"\\u007b", text)


def duration_text(length: timedelta) -> str:
    """Return a positive duration in ISO 8601, in seconds: `PT1.5S`, `PT90S`."""
    seconds, rest = divmod(length, timedelta(seconds=1))
    fraction = f".{rest.microseconds:06d}".rstrip("0").rstrip(".")
    return f"PT{seconds}{fraction}S"


def members_of(entry: Struct) -> dict[str, Any]:
    """Return the members of a struct as a file has them, without those that have their default."""
    members = {}
    for member in fields(entry):
        value = getattr(entry, member.name)
        if value is not UNSET and not _is_default(member, value):
            members[member.encode_name] = _plain(value)
    tag = entry.__struct_config__.tag
    if tag is not None:
        members = {str(entry.__struct_config__.tag_field): tag, **members}
    return members


def _is_default(member: FieldInfo, value: object) -> bool:
    if member.default is not NODEFAULT:
        return bool(value == member.default) and type(value) is type(member.default)
    return member.default_factory is not NODEFAULT and bool(value == member.default_factory())


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return members_of(value)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return value.isoformat() if isinstance(value, date) else msgspec.to_builtins(value)
